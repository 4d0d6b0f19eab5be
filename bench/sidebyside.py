#!/usr/bin/env python3
"""Measures several hub servers side by side with hubload and prints one table of ratios.

Every case runs on every target in turn, --repeat times; a figure is the median over the repeats,
its spread stands behind it, and in bold how many times better it is than the first target's.
Targets are lines of targets.json. Only 127.0.0.1 is contacted.

  PRODUCT           where our release build is (default: the repository of this file)
  REFERENCE_SERVER  command that starts an ASP.NET Core server with the same hub; reads PORT, REDIS
  HUBLOAD           the load generator (default: hubload/target/release/hubload beside this file)
"""

import argparse, json, os, re, statistics, subprocess, sys, tempfile
from cases import CASES, echo_calls, fanout_calls
from servers import Servers

HERE = os.path.dirname(os.path.abspath(__file__))
PLACES = {
    "hubload": os.environ.get("HUBLOAD", os.path.join(HERE, "hubload/target/release/hubload")),
    "product": os.environ.get("PRODUCT", os.path.dirname(HERE)),
    "reference": os.environ.get("REFERENCE_SERVER", ""),
}


def options():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--only", help="cases, comma list of patterns")
    parser.add_argument("--targets", help="comma list; the first one is what others are compared with")
    parser.add_argument("--repeat", type=int, default=3)
    parser.add_argument("--warm", type=float, default=3, help="seconds of calls before each run")
    parser.add_argument("--md", help="write the table here too")
    parser.add_argument("--json", help="write everything hubload said here")
    return parser.parse_args()


def choose_targets(chosen):
    targets = json.load(open(os.path.join(HERE, "targets.json")))
    names = chosen.split(",") if chosen else list(targets)
    for name in list(names):
        needed = targets[name].get("needs")
        if needed and not os.environ.get(needed):
            print(f"{name} is skipped: {needed} is not set", file=sys.stderr)
            names.remove(name)
    return {name: targets[name] for name in names}


def hubload(arguments):
    """Runs hubload and returns its JSON, or None and a word about it."""
    with tempfile.NamedTemporaryFile(suffix=".json") as file:
        run = subprocess.run([PLACES["hubload"], *arguments, "--json", file.name],
                             capture_output=True, text=True, timeout=300)
        try:
            return json.load(open(file.name))
        except ValueError:
            print("!!", " ".join(arguments), run.stderr[-300:], file=sys.stderr)
            return None


def warm_up(case, target, servers, seconds):
    """Lets compilers, allocators and caches settle, on the paths that will be measured."""
    for url in servers.urls():
        hubload(["echo", "--url", url, "-n", "20", "-k", "4", "--warmup", "0",
                 "--duration", str(seconds), *echo_calls(target["methods"])])
    if case.command == "fanout":
        hubload(["fanout", *url_arguments(servers), "-n", "200", "--rate", "200", "--duration", "2",
                 *fanout_calls(target["methods"], "w"), *case.protocol])


def url_arguments(servers):
    return [argument for url in servers.urls() for argument in ("--url", url)]


def measure(case, target, warm):
    with Servers(target, case, PLACES) as servers:
        if warm:
            warm_up(case, target, servers, warm)
        return hubload([*case.arguments, *url_arguments(servers), *case.calls(target["methods"]),
                        *servers.pids()])


def dig(document, path):
    for part in path.split("."):
        if not isinstance(document, dict):
            return None
        document = next(iter(document.values()), None) if part == "*" else document.get(part)
    return document


def cell(values, base, lower_is_better):
    """Median, spread, and how many times better than `base`."""
    if not values:
        return "–"
    median = statistics.median(values)
    text = f"{median:,.6g}"
    if max(values) > min(values):
        text += f" ({min(values):,.6g}–{max(values):,.6g})"
    if base and median:
        better = base / median if lower_is_better else median / base
        text += f" **×{better:.2f}**"
    return text


def table(results, names):
    lines = ["| case | figure | " + " | ".join(names) + " |", "|---|---|" + "---|" * len(names)]
    for name, by_target in results.items():
        for figure, path, lower_is_better in CASES[name].figures:
            values = {target: [value for document in documents
                               if (value := dig(document, path)) is not None]
                      for target, documents in by_target.items()}
            first = values.get(names[0])
            base = statistics.median(first) if first else None
            cells = [cell(values.get(target, []), base if target != names[0] else None, lower_is_better)
                     for target in names]
            lines.append(f"| {name} | {figure} | " + " | ".join(cells) + " |")
    return "\n".join(lines)


def main():
    chosen = options()
    targets = choose_targets(chosen.targets)
    results = {}
    for name, case in CASES.items():
        if chosen.only and not any(re.fullmatch(p, name) for p in chosen.only.split(",")):
            continue
        for repeat in range(chosen.repeat):
            for target_name, target in targets.items():
                if name in target.get("skip", []) or case.redis and "start_redis" not in target:
                    continue
                document = measure(case, target, chosen.warm)
                if document is None:
                    continue
                results.setdefault(name, {}).setdefault(target_name, []).append(document)
                row = ", ".join(f"{f} {dig(document, path)}" for f, path, _ in case.figures)
                print(f"{name:14} {target_name:10} {repeat + 1}: {row}", file=sys.stderr, flush=True)
    text = table(results, list(targets))
    print(text)
    if chosen.md:
        open(chosen.md, "w").write(text + "\n")
    if chosen.json:
        json.dump(results, open(chosen.json, "w"))


if __name__ == "__main__":
    main()
