"""The cases: what hubload is told to do, and which of its figures go into the table."""

PAYLOAD = '{"seq":{{seq}},"ts":{{ts}},"pad":"{{pad:100}}"}'


class Case:
    """One row group of the table. `figures`: (name, path into hubload's JSON, lower is better)."""

    def __init__(self, arguments, figures, instances=1, redis=False, stream=None):
        self.arguments, self.figures = arguments.split(), figures
        self.instances, self.redis, self.stream = instances, redis, stream

    @property
    def command(self):
        return self.arguments[0]

    @property
    def protocol(self):
        return ["--protocol", "messagepack"] if "messagepack" in self.arguments else []

    def calls(self, methods):
        """The arguments that name the server's methods."""
        if self.command == "fanout":
            return fanout_calls(methods, "g")
        if self.command == "echo":
            return echo_calls(methods)
        if self.command == "stream":
            count, delay = self.stream
            arguments = f"[{count}]" if methods["stream"] == "Count" else f"[{count},{delay}]"
            return ["--target", methods["stream"], "--args", arguments]
        return []


def echo_calls(methods):
    return ["--target", methods["echo"], "--args", '["hello"]']


def fanout_calls(methods, group):
    return ["--subscribe", methods["subscribe"], "--subscribe-args", f'["{group}"]',
            "--publish-target", methods["publish"], "--publish-args", f'["{group}",{PAYLOAD}]']


def cpu(unit):
    return (f"server µs CPU per {unit}", f"cpu.server_us_per_{unit}", True)


P50 = ("latency p50 µs", "latency.p50_us", True)
P99 = ("latency p99 µs", "latency.p99_us", True)
RTT50 = ("rtt p50 µs", "rtt.p50_us", True)
RTT99 = ("rtt p99 µs", "rtt.p99_us", True)
RATE = ("deliveries/s", "deliveries.deliveries_per_s", False)
LOST = ("lost", "deliveries.lost", True)
CALLS = ("calls/s", "calls.calls_per_s", False)
ITEMS = ("items/s", "streams.items_per_s", False)
CONNECTIONS = ("connections/s", "churn.connections_per_s", False)
MEMORY = ("bytes per connection (PSS)", "memory.*.pss_per_conn", True)
IDLE_CPU = ("server cores while idle", "cpu_hold.srv_cores", True)
FAILED = ("failed", "connect.failed", True)
FIRST = ("first item p99 µs", "first_item.p99_us", True)

PACED = "fanout -n 1000 --rate 50 --duration 6"
MAX = "fanout -n 1000 --rate max --duration 6 --inflight 8"

CASES = {
    "connect": Case("churn --concurrency 32 --duration 5", [cpu("connection"), CONNECTIONS]),
    "idle": Case("idle -n 10000 --hold 18", [MEMORY, FAILED, IDLE_CPU]),
    "fanout-paced": Case(PACED, [cpu("delivery"), P50, P99, LOST]),
    "fanout-max": Case(MAX, [RATE, cpu("delivery"), P99, LOST]),
    "fanout-max-mp": Case(MAX + " --protocol messagepack", [RATE, cpu("delivery"), P99, LOST]),
    "fanout-10k": Case("fanout -n 10000 --rate 5 --duration 6", [cpu("delivery"), P50, P99, LOST]),
    "echo-1": Case("echo -n 50 -k 1 --duration 5", [cpu("call"), CALLS, RTT50, RTT99]),
    "echo-16": Case("echo -n 50 -k 16 --duration 5", [cpu("call"), CALLS]),
    "echo-paced": Case("echo -n 200 -k 1 --rate 2000 --duration 6", [cpu("call"), RTT50, RTT99]),
    "stream-burst": Case("stream -n 20 -s 1 --duration 5", [cpu("item"), ITEMS], stream=(1000, 0)),
    "stream-tokens": Case("stream -n 500 -s 1 --duration 8", [cpu("item"), ITEMS, FIRST],
                          stream=(300, 20)),
    "redis-paced": Case(PACED, [cpu("delivery"), P50, P99, LOST], instances=2, redis=True),
    "redis-max": Case(MAX, [RATE, cpu("delivery"), P99, LOST], instances=2, redis=True),
    "redis-own": Case(PACED, [cpu("delivery"), P50, P99, LOST], redis=True),
}
