"""Checks what no schema does: PromQL, and that what refers to something finds it."""

import json
import sys

import promql_parser
import yaml

faults = []


def load(path):
    with open(path, encoding="utf-8") as file:
        return list(yaml.safe_load_all(file)) if path.endswith(".yml") else json.load(file)


def check(path, what, is_right):
    if not is_right:
        faults.append(f"{path}: {what}")


def promql(path, expression):
    # Grafana replaces these before Prometheus sees them.
    plain = expression.replace("$__rate_interval", "1m").replace("$job", "managing-api")
    try:
        promql_parser.parse(plain)
    except ValueError as error:
        faults.append(f"{path}: {expression}: {error}")


path = "deploy/prometheus/alerts.yml"
[alerts] = load(path)
rules = [rule for group in alerts["groups"] for rule in group["rules"]]
check(path, "names are not unique", len({rule["alert"] for rule in rules}) == len(rules))
for rule in rules:
    promql(path, rule["expr"])
    check(path, f"{rule['alert']} says nothing", {"summary", "description"} <= rule["annotations"].keys())
    check(path, f"{rule['alert']} has no severity", "severity" in rule["labels"])

path = "deploy/prometheus/scrape.yml"
[scrape] = load(path)
jobs = {job["job_name"] for job in scrape["scrape_configs"]}
check(path, "the job of the rules and the dashboard is missing", "managing-api" in jobs)

path = "deploy/grafana/managing-api.json"
panels = load(path)["panels"]
check(path, "ids are not unique", len({panel["id"] for panel in panels}) == len(panels))
targets = [target for panel in panels for target in panel.get("targets", [])]
for target in targets:
    promql(path, target["expr"])
places = [(p["gridPos"]["x"] + x, p["gridPos"]["y"] + y) for p in panels for x in range(p["gridPos"]["w"]) for y in range(p["gridPos"]["h"])]
check(path, "panels cover each other", len(set(places)) == len(places))

path = "deploy/traefik/dynamic.yml"
[dynamic] = load(path)
http = dynamic["http"]
for name, router in http["routers"].items():
    check(path, f"the router {name} has no service", router["service"] in http["services"])
    for middleware in router.get("middlewares", []):
        check(path, f"the router {name} has no middleware {middleware}", middleware in http.get("middlewares", {}))
for name, service in http["services"].items():
    balancer = service["loadBalancer"]
    check(path, f"the service {name} has no servers", balancer["servers"])
    check(path, f"the service {name} is sticky", "sticky" not in balancer)

path = "deploy/kubernetes/managing-api.yml"
resources = {resource["kind"]: resource for resource in load(path)}
pod = resources["Deployment"]["spec"]["template"]
service = resources["Service"]
labels = pod["metadata"]["labels"]
check(path, "the service selects no pod", service["spec"]["selector"].items() <= labels.items())
ports = {port["containerPort"] for container in pod["spec"]["containers"] for port in container["ports"]}
check(path, "the service's port is nobody's", {port["targetPort"] for port in service["spec"]["ports"]} <= ports)
backends = [p["backend"]["service"] for rule in resources["Ingress"]["spec"]["rules"] for p in rule["http"]["paths"]]
check(path, "the ingress leads nowhere", {backend["name"] for backend in backends} == {service["metadata"]["name"]})

for fault in faults:
    print(f"deploy: {fault}", file=sys.stderr)
if not faults:
    print(f"deploy: {len(rules)} alert rules, {len(targets)} queries of the dashboard and what refers to what are right")
sys.exit(bool(faults))
