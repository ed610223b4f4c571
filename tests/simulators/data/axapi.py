#!/usr/bin/env python3
"""Makes axapi.json: the names, types, ranges and relations of the aXAPI v3 objects that the simulator knows.

usage: axapi.py SCHEMA.json > axapi.json

SCHEMA.json is the schema of each object as the vendor's PyPI package a10sdk 4.0.1.214 carries it: module -> classes ->
{key, url, props}. What it lacks, or what later releases changed, is written here by hand and marked.
"""
import json
import sys

# our name of an object -> module and class of the schema, the key's fields, children
OBJECTS = {
    "slb/server": ("slb/slb_server", "Server", ["name"], {"port-list": "slb/server/port"}),
    "slb/server/port": ("slb/slb_server_port", "Port", ["port-number", "protocol"], {}),
    "slb/service-group": ("slb/slb_service_group", "ServiceGroup", ["name"], {"member-list": "slb/service-group/member"}),
    "slb/service-group/member": ("slb/slb_service_group_member", "Member", ["name", "port"], {}),
    "slb/template/persist/cookie": ("slb/slb_template_persist_cookie", "Cookie", ["name"], {}),
    "slb/template/persist/source-ip": ("slb/slb_template_persist_source_ip", "SourceIp", ["name"], {}),
    "slb/virtual-server": ("slb/slb_virtual_server", "VirtualServer", ["name"], {"port-list": "slb/virtual-server/port"}),
    "slb/virtual-server/port": ("slb/slb_virtual_server_port", "Port", ["port-number", "protocol"], {}),
    "health/monitor": ("health/health_monitor", "Monitor", ["name"], {}),
    "partition": ("partition/partition", "Partition", ["partition-name"], {}),
}
METHODS = {name: (f"health/health_monitor_method_{name}", name.capitalize()) for name in ("icmp", "tcp", "http", "https")}
# By hand: not in the schema, from the vendor's documentation.
TEMPLATE_PORT = {
    "wrapper": "port", "keys": ["name"], "lists": {},
    "fields": {
        "name": {"type": "string", "min": 1, "max": 63},
        "weight": {"type": "number", "min": 1, "max": 100, "default": 1},
        "conn-limit": {"type": "number", "min": 1, "max": 8000000, "default": 8000000},
        "health-check": {"type": "string", "min": 1, "max": 31, "ref": "health/monitor"},
        "user-tag": {"type": "string", "min": 1, "max": 127},
        "uuid": {"type": "string", "min": 1, "max": 64, "fixed": True},
    },
}
# By hand: a monitor's own defaults are those of health.global.
DEFAULTS = {"health/monitor": {"interval": 5, "timeout": 5, "retry": 3, "up-retry": 1}}
# By hand: what releases 5 and later allow.
LATER = [
    ["health/monitor", "name", {"max": 63}],
    ["slb/server", "conn-limit", {"max": 64000000, "default": 64000000}],
    ["slb/server/port", "conn-limit", {"max": 64000000, "default": 64000000}],
    ["slb/template/port", "conn-limit", {"max": 64000000, "default": 64000000}],
    ["slb/virtual-server/port", "conn-limit", {"max": 64000000, "default": 64000000}],
    ["slb/service-group", "lb-method", {"also": ["service-weighted-rr"]}],
]
KINDS = {"number": "number", "flag": "flag", "enum": "enum", "ipv4-address": "ipv4", "ipv6-address": "ipv6"}


def field(prop):
    if prop.get("type") == "array" or "array" in prop:
        return {"type": "list"}
    made = {"type": KINDS.get(prop.get("format"), "string" if prop.get("type") == "string" else "any")}
    for ours, theirs in (("min", "minLength"), ("max", "maxLength"), ("min", "minimum"), ("max", "maximum"),
                         ("default", "default"), ("values", "enum")):
        if theirs in prop:
            made[ours] = prop[theirs]
    excluded = prop.get("not-list", []) + ([prop["not"]] if "not" in prop else [])
    if excluded:
        made["not"] = excluded
    if prop.get("modify-not-allowed"):
        made["fixed"] = True
    if "$ref" in prop:
        made["ref"] = prop["$ref"].removeprefix("/axapi/v3/")
    return made


def fields(classes, name):
    return {name: field(prop) for name, prop in sorted(classes[name]["props"].items())}


def main():
    schema = json.load(open(sys.argv[1]))
    objects = {"slb/template/port": TEMPLATE_PORT}
    for name, (module, class_name, keys, lists) in OBJECTS.items():
        classes = schema[module]["classes"]
        made = {key: value for key, value in fields(classes, class_name).items() if key not in lists}
        for key, default in DEFAULTS.get(name, {}).items():
            made[key]["default"] = default
        objects[name] = {"wrapper": classes[class_name]["key"], "keys": keys, "lists": lists, "fields": made}
    methods = {}
    for name, (module, class_name) in METHODS.items():
        methods[name] = {"type": "object", "fields": fields(schema[module]["classes"], class_name)}
    objects["health/monitor"]["fields"]["method"] = {"type": "object", "fields": methods}
    lines = [f"{json.dumps(name)}: {json.dumps(objects[name], separators=(',', ':'))}" for name in sorted(objects)]
    print('{"objects": {\n' + ",\n".join(lines) + '\n},\n"later": ' + json.dumps(LATER) + "}")


main()
