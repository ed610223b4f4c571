#!/usr/bin/env python3
"""Makes radware.json: tables, fields, types and ranges of the Alteon REST API that the simulator knows.

usage: radware.py SCHEMA.json > radware.json

SCHEMA.json has each table as the vendor's MIB declares it, with the field names that the vendor's PyPI package alteon-sdk
0.16b2 sends: tables -> {index, fields}, scalars. What it lacks is written here by hand and
marked: defaults, which the MIB names for a few fields only, and what older releases do not have.
"""
import json
import sys

# A table and what of it is known here. Parts of one row come right after the first of them, and begin with a `+`.
TABLES = {
    "SlbNewCfgEnhRealServerTable":
        "IpAddr Weight MaxConns TimeOut PingInterval FailRetry SuccRetry State Delete Type Name Cookie ExcludeStr Submac "
        "IpVer Ipv6Addr LLBType NxtRportIdx",
    "+SlbNewCfgEnhRealServerSecondPartTable":
        "Proxy Avail FastHealthCheck Overflow BkpPreempt Mode ProxyIpMode ProxyIpAddr ProxyIpMask ProxyIpv6Addr "
        "ProxyIpv6Prefix "
        "ProxyIpPersistency ProxyIpNWclass",
    "+SlbNewCfgEnhRealServerThirdPartTable": "BackUp HealthID CriticalConnThrsh HighConnThrsh",
    "SlbNewCfgEnhRealServPortTable": "RealPort Delete",
    "SlbNewCfgEnhGroupTable":
        "AddServer RemoveServer Metric BackupServer BackupGroup Name RealThreshold VipHealthCheck Delete "
        "MinmissHash PhashMask "
        "Rmetric Slowstart MinThreshold MaxThreshold IpVer BackupType HealthID PhashPrefixLength Type "
        "SecBackupGroup MaxConEx",
    "SlbNewCfgEnhGroupRealServerTable": "State",
    "SlbNewCfgEnhVirtServerTable":
        "VirtServerIpAddress VirtServerLayer3Only VirtServerState VirtServerDname VirtServerDelete VirtServerWeight "
        "VirtServerAvail VirtServerVname VirtServerIpVer VirtServerIpv6Addr VirtServerFreeServiceIdx VirtServerCReset "
        "VirtServerSrcNetwork VirtServerNat VirtServerAvailPersist VirtServerRtSrcMac",
    "SlbNewCfgEnhVirtServicesTable":
        "VirtPort RealPort UDPBalance DirServerRtn DBind RemapUDPFrags DnsSlb ResponseCount PBind Coffset Clength "
        "UriCookie "
        "CookieMode HttpSlb HttpSlbOption HttpSlb2 Delete NonHTTP CdnProxy Status RtSrcTnl",
    "+SlbNewCfgEnhVirtServicesSecondPartTable":
        "ConnmgtStatus ConnmgtTimeout Cachepol Comppol SSLpol ServCert HttpmodList Cloaksrv FeTcpPolId BeTcpPolId",
    "+SlbNewCfgEnhVirtServicesThirdPartTable": "ServUrlchangActnType",
    "+SlbNewCfgEnhVirtServicesFourthPartTable": "ServTextrepStatus",
    "+SlbNewCfgEnhVirtServicesFifthPartTable":
        "ServApplicationType Name Action Redirect ServCertGrpMark DnsType ZerowinSize CookiePath CookieSecure CkRebind "
        "SessLog UdpAge SecPol AlwaysOn SendRST ClsOnSlowage CookieSameSite CookieHttponly",
    "+SlbNewCfgEnhVirtServicesSixthPartTable":
        "Hname Cname CExpire UrlHashLen Direct Thash Ldapreset XForwardedFor HttpRedir PbindRport EgressPip "
        "CookieDname Uhash "
        "TimeOut IpHeader UserDefinedIpHeader",
    "+SlbNewCfgEnhVirtServicesSeventhPartTable":
        "RealGroup SessionMirror SoftGrid ConnPooling PersistentTimeOut ProxyIpMode ProxyIpAddr ProxyIpMask ProxyIpv6Addr "
        "ProxyIpv6Prefix ProxyIpPersistency ProxyIpNWclass ProxyIpv6NWclass ProxyIpNWclassPersistency HashLen "
        "ClsRST Http2 Cluster Report",
    "SlbNewAdvhcHttpTable":
        "Name DPort IPVer HostName Transparent Interval Retries RestoreRetries Timeout Overflow DownInterval Invert "
        "Https Host "
        "Path Method Headers Body AuthLevel ResponseType ResponseCode ReceiveString Copy Delete Proxy ConnTerm "
        "Http2 Always",
    "SlbNewAdvhcTcpTable":
        "Name DPort IPVer HostName Transparent Interval Retries RestoreRetries Timeout Overflow DownInterval Invert "
        "Copy Delete "
        "ConnTerm Always",
    "SlbNewAdvhcIcmpTable":
        "Name DPort IPVer HostName Transparent Interval Retries RestoreRetries Timeout Overflow DownInterval Invert "
        "Copy Delete",
    "SlbNewAdvhcUdpTable":
        "Name DPort IPVer HostName Transparent Interval Retries RestoreRetries Timeout Overflow DownInterval Invert "
        "Copy Delete "
        "Padding",
    "SlbNewAdvhcSslHelloTable":
        "Name DPort IPVer HostName Transparent Interval Retries RestoreRetries Timeout Overflow DownInterval Invert "
        "SslVersion "
        "Copy Delete",
    "SlbNewAdvhcArpTable":
        "Name IPVer HostName Interval Retries RestoreRetries Timeout Overflow DownInterval Invert Copy Delete",
    "SlbNewAdvhcLogexpTable": "Name Text Copy Delete Always",
    "SlbNewCfgEnhContRuleTable": "Name ContClass Action RealGrpNum GotoRuleNum Redirection Copy State Delete",
    "SlbNewCfgEnhSerAppShapeTable": "Index Delete",
    "Layer7NewCfgContentClassTable":
        "Name LogicalExpression HostName Path FileName FileType Header Cookie Text XMLTag Delete Copy Type",
    "Layer7NewCfgContentClassHostNameTable": "HostName MatchType Delete DataclassID Copy",
    "Layer7NewCfgContentClassPathTable": "FilePath MatchType Case Delete DataclassID Copy",
    "Layer7NewCfgContentClassFileNameTable": "FileName MatchType Case Delete Copy",
    "Layer7NewCfgContentClassFileTypeTable": "FileType MatchType Case Delete Copy",
    "Layer7NewCfgContentClassHeaderTable": "Name Val MatchTypeName MatchTypeVal Case Delete Copy",
    "Layer7NewCfgContentClassCookieTable": "Key Val MatchTypeKey MatchTypeVal Case Delete Copy",
    "SlbNewSslCfgCertsTable":
        "Name KeySize Expirty CommonName HashAlgo Delete Generate Status KeyType KeySizeCommon IntermcaChainName "
        "IntermcaChainType Serial SubjectAltName Expiry",
    "SlbNewSslCfgGroupsTable": "Name Type Delete DefaultCert AddCert RemCert ChainingMode",
    "SlbNewSslCfgSSLPolTable":
        "Name CipherName CipherUserdef IntermcaChainName IntermcaChainType Becipher Authpol Convuri Bessl Convert "
        "AdminStatus Del "
        "Fessl FESslv3Version FETls10Version FETls11Version BESslv3Version BETls10Version BETls11Version FETls12Version "
        "BETls12Version BEClientCertName BETrustedCAcertName BETrustedCAcertType Secreneg DHkey BEAuthpol Besni "
        "FETls13Version "
        "BETls13Version FeReuseState FESslsigs FESslgroups PassInfoCipherFlag PassInfoVersionFlag PassInfoHeadBitsFlag "
        "PassInfoFrontend PassInfoComply",
}
# Tables that the device works out itself, with all their fields.
SHOWN = """SlbEnhGroupRealServersTable SlbEnhRealServerInfoTable SlbEnhRealServerRportInfoTable SlbEnhVirtServicesInfoTable
SlbEnhVirtSpecificServicesInfoTable SlbStatEnhVServerTable SlbStatEnhRServerTable SlbStatEnhGroupTable
SlbEnhStatVirtServiceTable SlbOperEnhRealServerTable SlbOperEnhGroupRealServerTable AgApplyTable AgSaveTable
AgDiffTable""".split()
# By hand: what a new row has. The MIB, the provider's documentation and the SDK say some of it; the rest is the "disabled" of
# a switch, the lower end of a range, or the first of some names, which nobody has seen.
DEFAULTS = {
    "SlbNewCfgEnhRealServerTable": {"State": 3, "TimeOut": 10, "IpVer": 1, "Type": 1},
    "SlbNewCfgEnhRealServerSecondPartTable": {"Mode": 1, "ProxyIpMask": "255.255.255.255", "ProxyIpv6Prefix": 128},
    "SlbNewCfgEnhGroupTable": {"Metric": 2, "IpVer": 1, "HealthID": "tcp", "PhashMask": "255.255.255.255",
                               "PhashPrefixLength": 128},
    "SlbNewCfgEnhGroupRealServerTable": {"State": 1},
    "SlbNewCfgEnhVirtServerTable": {"VirtServerState": 3, "VirtServerIpVer": 1},
    "SlbNewCfgEnhVirtServicesTable": {"UDPBalance": 3, "PBind": 3, "DBind": 2, "CookieMode": 1, "HttpSlbOption": 3,
                                      "Clength": 8, "Coffset": 1, "Status": 1},
    "SlbNewCfgEnhVirtServicesFifthPartTable": {"ServApplicationType": 1, "Action": 1, "ServCertGrpMark": 1},
    "SlbNewCfgEnhVirtServicesSixthPartTable": {"Cname": "AlteonP", "Direct": 2, "TimeOut": 10, "UrlHashLen": 255},
    "SlbNewCfgEnhVirtServicesSeventhPartTable": {
        "RealGroup": "1", "PersistentTimeOut": 10, "ProxyIpMask": "255.255.255.255", "ProxyIpv6Prefix": 128, "HashLen": 255},
    "SlbNewCfgEnhContRuleTable": {"Action": 1, "State": 1, "RealGrpNum": "1", "GotoRuleNum": 1},
    "SlbNewSslCfgSSLPolTable": {"Fessl": 1, "Bessl": 2, "CipherName": 2, "AdminStatus": 2, "FETls12Version": 1,
                                "FETls13Version": 1, "BETls12Version": 1},
    "Layer7NewCfgContentClassTable": {"Type": 1},
}
CHECK = {"IPVer": 1, "Interval": 5, "Timeout": 5, "Retries": 4, "RestoreRetries": 2, "Method": 1, "ResponseType": 1}
# By hand: switches whose names the schema lacks.
SWITCHES = "Transparent Invert Https Proxy Http2 Always".split()
# By hand: text that is an address.
IPV6 = "Ipv6Addr VirtServerIpv6Addr ProxyIpv6Addr".split()
# By hand: what the trains before 31 lack; their names are shorter.
LATER = """FETls13Version BETls13Version FESslsigs FESslgroups CookieSameSite CookieHttponly MaxConEx Http2 NonHTTP
RtSrcTnl""".split()
LATER_SCALARS = "agSyncNeeded slbSecondsFromLastStatsClear slbNewCfgVirtualServiceStats".split()
ACTIONS = "Delete VirtServerDelete Del AddServer RemoveServer AddCert RemCert Copy".split()
SCALARS = {"slbNewCfgGlobalControl": 2, "slbNewCfgDirectMode": 1, "slbNewCfgVirtualServiceStats": 1, "slbNewCfgvStat": 1,
           "slbNewCfgSyncAutosync": 2, "agAccessNewCfgUserLockTreshld": 5, "agAccessNewCfgUserLockDuration": 10,
           "agAccessNewCfgUserLockResetTime": 5}


def field(name, told):
    if "enum" in told:
        return {"type": "enum", "values": list(told["enum"].values())}
    if name in SWITCHES:
        return {"type": "enum", "values": [1, 2]}
    if name in IPV6:
        return {"type": "ipv6"}
    if "ipv4" in told:
        return {"type": "ipv4"}
    if "counter" in told:
        return {"type": "counter", "max": told["counter"]}
    if "str" in told:
        return {"type": "str", "min": told["str"][0], "max": told["str"][1]}
    low, high = told.get("int") or (None, None)
    return {"type": "int", **({} if low is None else {"min": low, "max": high})}


def default(told, made):
    kind = made["type"]
    if kind == "enum":
        names = told.get("enum") or {"enabled": 1, "disabled": 2}
        off = [number for name, number in names.items() if name in ("disabled", "disable", "none", "no")]
        return off[0] if off else min(names.values())
    return {"int": made.get("min", 0), "ipv4": "0.0.0.0", "ipv6": "0:0:0:0:0:0:0:0"}.get(kind, "")


def settable(table, name, told):
    made = field(name, told)
    if name in ACTIONS:
        made["action"] = True
        return made
    hand = DEFAULTS.get(table, CHECK if "Advhc" in table else {})
    made["default"] = hand.get(name, default(told, made))
    if told.get("ro"):
        made["ro"] = True
    if name in LATER:
        made["later"] = True
    return made


def main():
    schema = json.load(open(sys.argv[1]))
    tables, first = {}, None
    for name, kept in TABLES.items():
        part, name = name.startswith("+"), name.removeprefix("+")
        told = schema["tables"][name]
        made = {"index": [{"name": key, **field(key, told["fields"][key])} for key in told["index"]]}
        if part:
            made["part_of"] = first
        else:
            first = name
        made["fields"] = {key: settable(name, key, told["fields"][key]) for key in kept.split()}
        tables[name] = made
    shown = {name: {"index": [{"name": key, **field(key, schema["tables"][name]["fields"][key])}
                              for key in schema["tables"][name]["index"]],
                    "fields": {key: {**field(key, told), "default": 0 if "int" in told or "counter" in told else ""}
                               for key, told in schema["tables"][name]["fields"].items()
                               if key not in schema["tables"][name]["index"]}}
             for name in SHOWN}
    scalars = {}
    for name, told in schema["scalars"].items():
        scalars[name] = {**field(name, told), **({"default": SCALARS[name]} if name in SCALARS else {}),
                         **({"ro": True} if told.get("ro") else {}), **({"later": True} if name in LATER_SCALARS else {})}

    def lines(group):
        return ",\n".join(f"{json.dumps(name)}: {json.dumps(one, separators=(',', ':'))}" for name, one in group.items())

    groups = (("tables", tables), ("shown", shown), ("scalars", scalars))
    print("{" + ",\n".join(f'"{name}": {{\n{lines(group)}\n}}' for name, group in groups) + "}")


main()
