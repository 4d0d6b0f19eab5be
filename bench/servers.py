"""The servers under test: how they are started, waited for, and stopped."""

import os, signal, socket, subprocess, tempfile, time, urllib.request


def free_port():
    with socket.socket() as s:
        s.bind(("127.0.0.1", 0))
        return s.getsockname()[1]


class Servers:
    """The processes of one measurement: the instances of a target, and Redis where it is needed."""

    def __init__(self, target, case, places):
        self.processes, self.instances, self.hub = [], [], target["hub"]
        self.log = os.path.join(tempfile.gettempdir(), "sidebyside.log")
        redis = ""
        if case.redis:
            port = free_port()
            redis = f"127.0.0.1:{port}"
            self.start(f"redis-server --port {port} --bind 127.0.0.1 --save '' --appendonly no")
        for _ in range(case.instances):
            port = free_port()
            command = target["start_redis" if case.redis else "start"]
            process = self.start(command.format(port=port, redis=redis, **places))
            self.instances.append((port, process))

    def start(self, command):
        # bash and env replace themselves, so the process is the server's own.
        with open(self.log, "ab") as log:
            process = subprocess.Popen(["bash", "-c", "exec env " + command], stdout=log,
                                       stderr=subprocess.STDOUT, start_new_session=True)
        self.processes.append(process)
        return process

    def __enter__(self):
        try:
            for url in self.urls():
                wait_ready(url)
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_):
        self.stop()

    def stop(self):
        for process in reversed(self.processes):
            try:
                os.killpg(process.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
            process.wait()

    def urls(self):
        return [f"http://127.0.0.1:{port}{self.hub}" for port, _ in self.instances]

    def pids(self):
        """The arguments that tell hubload whose CPU and memory to read."""
        named = (f"srv{i or ''}={p.pid}" for i, (_, p) in enumerate(self.instances))
        return [a for pid in named for a in ("--pid", pid)]


def wait_ready(url):
    for _ in range(150):
        try:
            request = urllib.request.Request(url + "/negotiate?negotiateVersion=1", data=b"", method="POST")
            urllib.request.urlopen(request, timeout=1).read()
            return
        except OSError:
            time.sleep(0.1)
    raise SystemExit(f"nothing answered at {url}")
