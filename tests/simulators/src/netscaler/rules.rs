//! What the schema does not say: names, addresses that cannot be taken twice, attributes that need others.

use std::net::IpAddr;

use serde_json::Value;

use super::{
    configuration::{Objects, below},
    error::{
        BAD_PERSISTENCE, BAD_VALUE, EXISTS, INTERVAL, MISSING, PREREQUISITE, Refused, SERVER_EXISTS, TIMEOUT,
        TYPE_CHANGE,
    },
    validate::{Fields, text},
};

/// A name starts as the vendor says: that of a server or a group not with a digit.
pub(super) fn name(kind: &str, name: &str, fields: &Fields) -> Result<(), Refused> {
    let of_address = kind == "server" && text(fields, "ipaddress") == Some(name);
    let digits = !["server", "servicegroup"].contains(&kind);
    let start = |first: char| first.is_ascii_alphabetic() || first == '_' || (digits && first.is_ascii_digit());
    let sound = |other: char| other.is_ascii_alphanumeric() || "_#. :@=-".contains(other);
    if of_address || (name.starts_with(start) && name.chars().all(sound)) {
        return Ok(());
    }
    Err(Refused::about(BAD_VALUE, &["name", name]))
}

/// What a change must not try.
pub(super) fn unchanged(kind: &str, old: &Fields, sent: &Fields) -> Result<(), Refused> {
    if kind != "lbmonitor" {
        return Ok(());
    }
    let given = sent.get("type").ok_or(Refused::about(MISSING, &["type"]))?;
    if old.get("type") == Some(given) { Ok(()) } else { Err(Refused::new(TYPE_CHANGE)) }
}

/// Checks an object that is about to be put at this path, and is not among the objects; and drops what it outgrew.
pub(super) fn checked(
    kind: &str,
    path: &str,
    sent: &Fields,
    fields: &mut Fields,
    objects: &Objects,
) -> Result<(), Refused> {
    if let Some((name, value)) =
        sent.iter().find(|(name, _)| name.ends_with("profile") || name.ends_with("profilename"))
    {
        return Err(Refused::about(super::error::NOT_FOUND, &[name, value.as_str().unwrap_or_default()]));
    }
    match kind {
        "server" => server(fields, objects),
        "servicegroup" => group(sent, fields),
        "lbmonitor" => monitor(sent, fields),
        "lbvserver" => {
            vserver(path, fields, objects)?;
            persistence(sent, fields)?;
            spill_over(sent, fields)
        }
        _ => Ok(()),
    }
}

fn address(fields: &Fields, name: &str) -> Result<Option<IpAddr>, Refused> {
    let Some(given) = text(fields, name) else { return Ok(None) };
    given.parse().map(Some).map_err(|_| Refused::about(BAD_VALUE, &[name, given]))
}

fn domain(fields: &Fields) -> u64 {
    fields.get("td").and_then(Value::as_u64).unwrap_or(0)
}

fn server(fields: &Fields, objects: &Objects) -> Result<(), Refused> {
    let own = address(fields, "ipaddress")?;
    if own.is_none() {
        return text(fields, "domain").map(|_| ()).ok_or(Refused::about(MISSING, &["IPAddress"]));
    }
    let same = |(_, other): &(&str, &Fields)| {
        domain(other) == domain(fields) && address(other, "ipaddress").ok().flatten() == own
    };
    match below(objects, "server/").find(same) {
        Some((_, other)) => Err(Refused::about(SERVER_EXISTS, &["name", text(other, "name").unwrap_or_default()])),
        None => Ok(()),
    }
}

fn group(sent: &Fields, fields: &Fields) -> Result<(), Refused> {
    text(fields, "servicetype").ok_or(Refused::about(MISSING, &["serviceType"]))?;
    if sent.contains_key("cipheader") && text(fields, "cip") != Some("ENABLED") {
        return Err(Refused::about(PREREQUISITE, &["cipHeader", "cip==ENABLED"]));
    }
    Ok(())
}

fn monitor(sent: &Fields, fields: &Fields) -> Result<(), Refused> {
    let of = text(fields, "type").ok_or(Refused::about(MISSING, &["type"]))?;
    let needs = |name: &str| sent.contains_key(name) && !of.starts_with("HTTP");
    if let Some(name) = ["httprequest", "respcode"].into_iter().find(|name| needs(name)) {
        return Err(Refused::about(PREREQUISITE, &[name, "type==HTTP"]));
    }
    let time = |name: &str, unit: &str, default: u64| {
        let milliseconds = match text(fields, unit) {
            Some("MSEC") => 1,
            Some("MIN") => 60_000,
            _ => 1000,
        };
        fields.get(name).and_then(Value::as_u64).unwrap_or(default) * milliseconds
    };
    if time("interval", "units3", 5) <= time("resptimeout", "units4", 2) {
        return Err(Refused::new(INTERVAL));
    }
    Ok(())
}

fn vserver(path: &str, fields: &Fields, objects: &Objects) -> Result<(), Refused> {
    let kind = text(fields, "servicetype").ok_or(Refused::about(MISSING, &["serviceType"]))?;
    let backup = text(fields, "backupvserver");
    let missing = |backup: &&str| {
        let backup = format!("lbvserver/{backup}");
        backup == path || !objects.contains_key(&backup)
    };
    if let Some(backup) = backup.filter(missing) {
        return Err(Refused::no("lbvserver", backup));
    }
    let Some(own) = address(fields, "ipv46")?.filter(|address| !address.is_unspecified()) else { return Ok(()) };
    let port = |of: &Fields| of.get("port").and_then(Value::as_u64).unwrap_or(0);
    let same = |(_, other): &(&str, &Fields)| {
        let other_kind = text(other, "servicetype").unwrap_or_default();
        address(other, "ipv46").ok().flatten() == Some(own)
            && port(other) == port(fields)
            && datagrams(other_kind) == datagrams(kind)
            && domain(other) == domain(fields)
    };
    match below(objects, "lbvserver/").find(same) {
        Some(_) => Err(Refused::about(EXISTS, &["ipv46", &own.to_string()])),
        None => Ok(()),
    }
}

/// Whether a service takes UDP: such a one may share address and port with one that takes TCP.
pub(super) fn datagrams(service: &str) -> bool {
    ["UDP", "DNS", "TFTP", "RADIUS", "SIP_UDP", "DTLS", "QUIC", "HTTP_QUIC", "QUIC_BRIDGE", "SYSLOGUDP"]
        .contains(&service)
}

fn persistence(sent: &Fields, fields: &mut Fields) -> Result<(), Refused> {
    let of = text(fields, "persistencetype").unwrap_or("NONE").to_owned();
    let service = text(fields, "servicetype").unwrap_or_default();
    if of == "COOKIEINSERT" && !["HTTP", "SSL", "HTTP_QUIC"].contains(&service) {
        return Err(Refused::about(BAD_PERSISTENCE, &["persistenceType", &of]));
    }
    let method = text(fields, "lbmethod").unwrap_or_default();
    let needs = [
        ("cookiename", of == "COOKIEINSERT", "persistenceType==COOKIEINSERT"),
        ("resrule", of == "RULE", "persistenceType==RULE"),
        ("rule", of == "RULE" || method == "TOKEN", "persistenceType==RULE"),
    ];
    for (name, fits, what) in needs {
        if sent.contains_key(name) && !fits {
            return Err(Refused::about(PREREQUISITE, &[name, what]));
        }
        if !fits {
            fields.remove(name);
        }
    }
    if of == "RULE" && !fields.contains_key("rule") {
        return Err(Refused::about(PREREQUISITE, &["persistenceType", "rule"]));
    }
    match fields.get("timeout").and_then(Value::as_u64) {
        Some(0) if of != "COOKIEINSERT" && sent.contains_key("timeout") => Err(Refused::about(TIMEOUT, &["timeout"])),
        Some(1) => Err(Refused::about(TIMEOUT, &["timeout"])),
        _ => Ok(()),
    }
}

fn spill_over(sent: &Fields, fields: &mut Fields) -> Result<(), Refused> {
    let method = text(fields, "somethod").unwrap_or("NONE");
    match (method, fields.contains_key("sothreshold")) {
        ("NONE", _) if sent.contains_key("sothreshold") => {
            Err(Refused::about(PREREQUISITE, &["soThreshold", "soMethod"]))
        }
        ("NONE", true) => {
            fields.remove("sothreshold");
            Ok(())
        }
        ("CONNECTION" | "BANDWIDTH" | "HEALTH", false) => {
            Err(Refused::about(PREREQUISITE, &["soMethod", "soThreshold"]))
        }
        _ => Ok(()),
    }
}
