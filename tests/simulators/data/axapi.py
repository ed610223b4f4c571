#!/usr/bin/env python3
"""Makes axapi.json: the names, types, ranges and relations of the aXAPI v3 objects that the simulator knows.

usage: axapi.py SCHEMA.json > axapi.json

SCHEMA.json is the schema of each object as the vendor's PyPI package a10sdk 4.0.1.214 carries it: module -> classes ->
{key, url, props}. What it lacks, or what later releases changed, is written here by hand and marked: of TLS from the vendor's
Ansible collection a10.acos_axapi a9f6436f7 (ACOS 6.0.5).
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
# The same, of TLS, with the fields of which something is known here; their lists have fields too.
OF_TLS = {
    "slb/template/client-ssl": (
        "slb/slb_template_client_ssl", "ClientSsl", {"certificate-list": "slb/template/client-ssl/certificate"},
        ["name", "cert", "key", "key-passphrase", "chain-cert", "server-name-list", "client-certificate", "ca-certs", "crl",
         "template-cipher", "cipher-without-prio-list", "disable-sslv3", "close-notify", "uuid"]),
    "slb/template/server-ssl": (
        "slb/slb_template_server_ssl", "ServerSsl", {},
        ["name", "cert", "key", "passphrase", "ca-certs", "cipher-template", "version", "server-certificate-error",
         "close-notify", "uuid"]),
    "slb/template/cipher": ("slb/slb_template_cipher", "Cipher", {}, ["name", "cipher-cfg", "uuid"]),
    "slb/template/http": ("slb/slb_template_http", "Http", {}, ["name", "response-header-insert-list"]),
}
# By hand: what a name in a field is the name of. The schema has no references to files.
FILES = {"cert": "file/ssl-cert", "key": "file/ssl-key", "chain-cert": "file/ssl-cert", "ca-cert": "file/ca-cert",
         "crl": "file/ssl-crl", "server-cert": "file/ssl-cert", "server-key": "file/ssl-key", "server-chain": "file/ssl-cert"}
# By hand: files are not configuration, but named like objects.
FILE = {"wrapper": "", "keys": ["file"], "lists": {}, "fields": {
    "file": {"type": "string", "min": 1, "max": 255}, "size": {"type": "number"}, "digest": {"type": "string"}}}
TEXT = {"type": "string", "min": 1, "max": 255}
# By hand: what releases 5.2 and later have beside it, and no more.
NEW = {
    "slb/template/client-ssl": {
        "version": {"type": "number", "min": 30, "max": 34}, "dgversion": {"type": "number", "min": 30, "max": 34},
        "crl-certs": {"type": "list", "fields": {"crl": {**TEXT, "ref": "file/ssl-crl"}}},
    },
    "slb/template/server-ssl": {
        "dgversion": {"type": "number", "min": 30, "max": 34},
        "crl-certs": {"type": "list", "fields": {"crl": {**TEXT, "ref": "file/ssl-crl"}}},
        "certificate": {"type": "object", "fields": {
            "cert": {**TEXT, "ref": "file/ssl-cert"}, "key": {**TEXT, "ref": "file/ssl-key"}, "passphrase": TEXT}},
    },
    "slb/template/cipher": {"cipher13-cfg": {"type": "list", "fields": {
        "cipher13-suite": {"type": "enum", "values": ["TLS_AES_256_GCM_SHA384", "TLS_CHACHA20_POLY1305_SHA256",
                                                      "TLS_AES_128_GCM_SHA256"]},
        "priority": {"type": "number", "min": 1, "max": 100, "default": 1}}}},
    "slb/virtual-server/port": {"support-http2": {"type": "flag", "default": 0}},
}
OLD = {"slb/template/client-ssl": ["cert", "key", "key-passphrase", "chain-cert", "crl"],
       "slb/template/server-ssl": ["cert", "key", "passphrase"]}
NEW_SUITES = ["TLS1_ECDHE_RSA_AES_256_SHA384", "TLS1_ECDHE_ECDSA_AES_256_SHA384", "TLS1_ECDHE_RSA_CHACHA20_POLY1305_SHA256",
              "TLS1_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256", "TLS1_DHE_RSA_CHACHA20_POLY1305_SHA256"]
CERTIFICATE = {
    "wrapper": "certificate", "keys": ["cert"], "lists": {},
    "fields": {
        "cert": {**TEXT, "ref": "file/ssl-cert", "since": 5}, "key": {**TEXT, "ref": "file/ssl-key", "since": 5},
        "passphrase": {"type": "string", "min": 1, "max": 63, "since": 5},
        "chain-cert": {**TEXT, "ref": "file/ssl-cert", "since": 5},
        "uuid": {"type": "string", "min": 1, "max": 64, "fixed": True},
    },
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


def field_of_tls(name, prop):
    made = field(prop)
    if "array" in prop:
        inside = prop["array"][0]["properties"]
        made["fields"] = {name: field_of_tls(name, one) for name, one in sorted(inside.items()) if isinstance(one, dict)}
    if name in FILES:
        made["ref"] = FILES[name]
    return made


def of_tls(schema):
    objects = {"slb/template/client-ssl/certificate": CERTIFICATE}
    for name, (module, class_name, lists, kept) in OF_TLS.items():
        known = schema[module]["classes"][class_name]
        made = {key: field_of_tls(key, known["props"][key]) for key in kept if key in known["props"]}
        for key in OLD.get(name, []):
            made[key]["until"] = 5
        objects[name] = {"wrapper": known["key"], "keys": ["name"], "lists": lists, "fields": made}
    for name in ("ssl-cert", "ca-cert", "ssl-key", "ssl-crl"):
        objects[f"file/{name}"] = {**FILE, "wrapper": name}
    objects["slb/template/server-ssl"]["fields"]["version"]["max"] = 34
    suites = objects["slb/template/cipher"]["fields"]["cipher-cfg"]["fields"]["cipher-suite"]
    suites["values"] = suites["values"] + NEW_SUITES
    names = objects["slb/template/client-ssl"]["fields"]["server-name-list"]["fields"]
    names["server-chain"] = {**TEXT, "ref": "file/ssl-cert", "since": 5}
    return objects


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
    objects.update(of_tls(schema))
    for name, new in NEW.items():
        objects[name]["fields"].update({key: {**one, "since": 5} for key, one in new.items()})
    methods = {}
    for name, (module, class_name) in METHODS.items():
        methods[name] = {"type": "object", "fields": fields(schema[module]["classes"], class_name)}
    objects["health/monitor"]["fields"]["method"] = {"type": "object", "fields": methods}
    lines = [f"{json.dumps(name)}: {json.dumps(objects[name], separators=(',', ':'))}" for name in sorted(objects)]
    print('{"objects": {\n' + ",\n".join(lines) + '\n},\n"later": ' + json.dumps(LATER) + "}")


main()
