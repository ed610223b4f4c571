#!/usr/bin/env python3
"""Makes nitro.json: the names, types, ranges and operations of the NITRO v1 resources that the simulator knows, and the
texts of its errors.

usage: nitro.py RESOURCE_MAP.py ERRORS.json > nitro.json

RESOURCE_MAP.py is plugins/module_utils/nitro_resource_map.py of the vendor's Ansible collection netscaler.adc: resource ->
attributes with types and choices, and which of them each operation takes. ERRORS.json is the catalogue in the vendor's PyPI
package nsnitro 1.0.35: number -> {name, msg}. What they lack, ranges and defaults above all, is written here by hand from
the vendor's reference, and marked.
"""
import ast
import json
import sys

RESOURCES = ["server", "servicegroup", "lbmonitor", "lbvserver", "nspartition",
             "servicegroup_servicegroupmember_binding", "servicegroup_lbmonitor_binding", "lbvserver_servicegroup_binding",
             "systemfile", "sslcertkey", "sslcrl", "sslcipher", "sslcipher_sslciphersuite_binding", "sslvserver", "sslservicegroup",
             "sslvserver_sslcertkey_binding", "sslvserver_sslcipher_binding", "sslservicegroup_sslcertkey_binding",
             "sslservicegroup_sslcipher_binding"]
# By hand: settable when made, and a word of the collection's own, which is why its map lacks it.
WITH_STATE = ["server", "servicegroup", "lbmonitor", "lbvserver"]
STATE = {"type": "str", "values": ["ENABLED", "DISABLED"], "default": "ENABLED"}
# By hand: from the vendor's reference. A number is a range, for text and lists of their length.
NAME = {"min": 1, "max": 127}
WEIGHT = {"min": 1, "max": 100, "text": True}
PORT = {"min": 1, "max": 65535}
DOMAIN = {"min": 0, "max": 4094, "default": 0, "text": True}
SECONDS = {"min": 0, "max": 31536000, "text": True}
LARGE = {"min": 0, "max": 4294967294, "text": True}
HASH = {"min": 1, "max": 4294967295, "text": True}
SHORT = {"min": 1, "max": 31}
FILE = {"min": 1, "max": 255}
OFF = {"default": "DISABLED"}
ON = {"default": "ENABLED"}
OF_TLS = {"ssl3": OFF, "tls1": ON, "tls11": ON, "tls12": ON, "tls13": OFF, "snienable": OFF, "sessreuse": ON}
MORE = {
    "server": {"name": NAME, "td": DOMAIN, "delay": LARGE, "comment": {"max": 255}},
    "servicegroup": {
        "servicegroupname": NAME, "td": DOMAIN, "maxclient": {**LARGE, "default": 0}, "maxreq": {"min": 0, "max": 65535, "default": 0, "text": True},
        "weight": WEIGHT, "port": PORT, "healthmonitor": {"default": "YES"}, "usip": {"default": "NO"}, "cip": {"default": "DISABLED"},
        "cipheader": {"min": 1, "max": 127}, "clttimeout": SECONDS, "svrtimeout": SECONDS, "hashid": HASH, "comment": {"max": 255},
        "delay": {"min": 0, "max": 4294967294}, "maxbandwidth": LARGE, "monthreshold": {"min": 0, "max": 65535, "text": True},
    },
    "lbmonitor": {
        "monitorname": NAME, "interval": {"min": 1, "max": 20940, "default": 5}, "resptimeout": {"min": 1, "max": 20939, "default": 2},
        "retries": {"min": 1, "max": 127, "default": 3}, "failureretries": {"min": 0, "max": 32, "default": 0},
        "successretries": {"min": 1, "max": 32, "default": 1}, "downtime": {"min": 1, "max": 20939, "default": 30},
        "destport": {"min": 0, "max": 65535, "default": 0}, "respcode": {"max": 16}, "secure": {"default": "NO"},
        "httprequest": {"min": 1, "max": 255}, "units2": {"default": "SEC"}, "units3": {"default": "SEC"}, "units4": {"default": "SEC"},
    },
    "lbvserver": {
        "name": NAME, "port": {"min": 0, "max": 65535}, "td": DOMAIN, "lbmethod": {"default": "LEASTCONNECTION"},
        "persistencetype": {"default": "NONE"}, "timeout": {"min": 0, "max": 1440, "default": 2}, "cookiename": {"min": 1, "max": 32},
        "somethod": {"default": "NONE"}, "sothreshold": {"min": 1, "max": 4294967287, "default": 0, "text": True},
        "sopersistencetimeout": {"min": 2, "max": 1440}, "backuppersistencetimeout": {"min": 2, "max": 1440},
        "netmask": {"default": "255.255.255.255"}, "clttimeout": SECONDS, "rule": {"max": 1499}, "resrule": {"max": 1499},
        "comment": {"max": 255}, "v6persistmasklen": {"min": 1, "max": 128}, "v6netmasklen": {"min": 1, "max": 128}, "weight": WEIGHT,
        "range": {"min": 1, "max": 254},
    },
    "nspartition": {
        "partitionname": NAME, "maxbandwidth": {"min": 0, "max": 4294967295, "default": 10240, "text": True},
        "minbandwidth": {"min": 0, "max": 4294967295, "default": 10240, "text": True},
        "maxconn": {"min": 0, "max": 4294967295, "default": 1024, "text": True},
        "maxmemlimit": {"min": 0, "max": 1048576, "default": 10, "text": True},
    },
    "servicegroup_servicegroupmember_binding": {
        "servicegroupname": NAME, "servername": NAME, "port": PORT, "weight": {**WEIGHT, "default": 1}, "hashid": HASH,
        "state": {"default": "ENABLED"},
    },
    "servicegroup_lbmonitor_binding": {
        "servicegroupname": NAME, "monitor_name": NAME, "monstate": {"default": "ENABLED"}, "weight": {**WEIGHT, "default": 1},
    },
    "lbvserver_servicegroup_binding": {"name": NAME, "servicegroupname": NAME, "weight": WEIGHT},
    "systemfile": {"filename": {"min": 1, "max": 63}, "filelocation": {"min": 1, "max": 127}, "fileencoding": {"default": "BASE64"}},
    "sslcertkey": {"certkey": SHORT, "cert": FILE, "key": FILE, "linkcertkeyname": SHORT, "inform": {"default": "PEM"}},
    "sslcrl": {"crlname": SHORT, "crlpath": FILE, "inform": {"default": "PEM"}, "refresh": {"default": "DISABLED"}},
    "sslcipher": {"ciphergroupname": {"min": 1, "max": 39}},
    "sslcipher_sslciphersuite_binding": {
        "ciphergroupname": {"min": 1, "max": 39}, "ciphername": {"min": 1, "max": 64}, "cipherpriority": {"min": 1, "max": 1000},
    },
    "sslvserver": {
        **OF_TLS, "vservername": NAME, "ssl2": OFF, "clientauth": OFF, "hsts": OFF, "includesubdomains": {"default": "NO"},
        "preload": {"default": "NO"}, "maxage": {"min": 0, "max": 4294967294, "default": 0, "text": True}, "dh": OFF,
    },
    "sslservicegroup": {**OF_TLS, "servicegroupname": NAME, "serverauth": OFF},
    "sslvserver_sslcertkey_binding": {"vservername": NAME, "certkeyname": SHORT},
    "sslvserver_sslcipher_binding": {"vservername": NAME, "ciphername": {"min": 1, "max": 64}},
    "sslservicegroup_sslcertkey_binding": {"servicegroupname": NAME, "certkeyname": SHORT},
    "sslservicegroup_sslcipher_binding": {"servicegroupname": NAME, "ciphername": {"min": 1, "max": 64}},
}
# The errors that the simulator answers with.
ERRORS = [257, 258, 272, 273, 278, 315, 351, 354, 428, 431, 444, 445, 446, 461, 463, 1027, 1028, 1072, 1090, 1091, 1092, 1093, 1094,
          1095, 1097, 1232, 1233, 1237, 1240, 1304, 1536, 1537, 1540, 1541, 1542, 1544, 1545, 1546, 1548, 1549, 1550, 1583, 1631,
          1632, 3593, 3605, 3621, 3627, 3629, 1332, 1335, 2128, 2131, 2133, 2134, 2136, 2138, 2155, 2170]


def resource_map(path):
    for node in ast.parse(open(path).read()).body:
        if isinstance(node, ast.Assign) and node.targets[0].id == "NITRO_RESOURCE_MAP":
            return ast.literal_eval(node.value)
    raise SystemExit(f"{path} has no NITRO_RESOURCE_MAP")


def field(name, attribute, more):
    made = {"type": attribute["type"]}
    if "choices" in attribute:
        made["values"] = attribute["choices"]
    made.update(more)
    return made


def resource(name, known):
    more = MORE[name]
    attributes = {key: value for key, value in known["readwrite_arguments"].items() if value["type"] != "dict"}
    fields = {key: field(key, value, more.get(key, {})) for key, value in attributes.items()}
    add = set(known["add_payload_keys"])
    if name in WITH_STATE:
        fields["state"] = STATE
        add.add("state")
    if missing := set(more) - set(fields):
        raise SystemExit(f"{name} has no {missing}")
    operations = {
        "add": add, "set": known["update_payload_keys"], "unset": known["action_payload_keys"]["unset"],
        "enable": known["enable_payload_keys"], "disable": known["disable_payload_keys"],
        "delete_args": known["delete_arg_keys"], "get_args": known["get_arg_keys"],
    }
    for action in ("change", "link", "unlink"):
        if keys := known["action_payload_keys"][action]:
            operations[action] = keys
    made = {"key": known["primary_key"]}
    made.update({operation: sorted(set(names)) for operation, names in operations.items()})
    made["fields"] = fields
    return made


def main():
    known = resource_map(sys.argv[1])
    catalogue = json.load(open(sys.argv[2]))
    lines = [f"{json.dumps(name)}: {json.dumps(resource(name, known[name]), separators=(',', ':'))}" for name in sorted(RESOURCES)]
    errors = {str(number): catalogue[str(number)]["msg"] for number in ERRORS}
    print('{"resources": {\n' + ",\n".join(lines) + '\n},\n"errors": ' + json.dumps(errors, indent=0) + "}")


main()
