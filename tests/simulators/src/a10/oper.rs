//! What runs: states derived from the servers' health and the admin states, and counters that a test sets.

use std::{net::IpAddr, time::Duration};

use serde_json::{Value, json};

use super::{A10, configuration::Objects, error::Refused, objects::children, path::Path, validate::Fields};
use crate::{Health, Reply};

/// How long a monitor waits unless it says otherwise.
const PATIENCE: Duration = Duration::from_secs(5);

/// The counters of a virtual port.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    pub current: u64,
    pub connections: u64,
    pub forward_bytes: u64,
    pub reverse_bytes: u64,
}

impl Counters {
    fn shown(self) -> Value {
        json!({
            "curr_conn": self.current, "total_conn": self.connections, "total_fwd_bytes": self.forward_bytes,
            "total_fwd_pkts": 0, "total_rev_bytes": self.reverse_bytes, "total_rev_pkts": 0, "curr_req": 0,
            "total_req": self.connections, "total_req_succ": self.connections, "peak_conn": 0
        })
    }
}

impl A10 {
    pub(super) fn oper(&self, partition: &str, target: &Path, health: &Health) -> Result<Reply, Refused> {
        let objects = self.running.objects(partition).ok_or_else(|| Refused::not_found("partition"))?;
        let kind = target.kind(&self.schema);
        let look = Look { objects, health };
        let one = |path: &str| look.oper(&target.kind, path);
        if target.key.is_none() {
            let list: Vec<Value> = children(objects, &target.collection).filter_map(|(path, _)| one(path)).collect();
            return Ok(match list.is_empty() {
                true => Reply::empty(204),
                false => Reply::json(200, &json!({ format!("{}-list", kind.wrapper): list })),
            });
        }
        let found = one(&target.object()).ok_or_else(|| Refused::not_found(&kind.wrapper))?;
        Ok(Reply::json(200, &json!({ &kind.wrapper: found })))
    }

    pub(super) fn stats(&self, partition: &str, target: &Path) -> Result<Reply, Refused> {
        let objects = self.running.objects(partition).ok_or_else(|| Refused::not_found("partition"))?;
        let kind = target.kind(&self.schema);
        let stats = |path: &str| {
            let fields = objects.get(path)?;
            let of_port = path.strip_prefix("slb/virtual-server/").map(|rest| rest.replace("/port/", "/"));
            let counters = of_port.and_then(|vport| self.counters.get(&(partition.to_owned(), vport)));
            let mut shown = keys(&kind.keys, fields);
            shown["a10-url"] = json!(format!("/axapi/v3/{path}/stats"));
            shown["stats"] = match target.kind.as_str() {
                "slb/virtual-server/port" | "slb/service-group/member" => counters.copied().unwrap_or_default().shown(),
                "slb/server" => json!({"curr-conn": 0, "total-conn": 0, "fwd-pkt": 0, "rev-pkt": 0, "peak-conn": 0}),
                _ => json!({"server_selection_fail_drop": 0, "server_selection_fail_reset": 0, "service_peak_conn": 0}),
            };
            if target.kind == "slb/service-group" {
                let members = children(objects, &format!("{path}/member"));
                let member = |(_, fields): (&String, &Fields)| json!({"name": fields["name"], "port": fields["port"], "stats": Counters::default().shown()});
                shown["member-list"] = members.map(member).collect();
            }
            Some(shown)
        };
        if target.key.is_some() {
            let found = stats(&target.object()).ok_or_else(|| Refused::not_found(&kind.wrapper))?;
            return Ok(Reply::json(200, &json!({ &kind.wrapper: found })));
        }
        if target.parent().is_some_and(|parent| !objects.contains_key(parent)) {
            return Err(Refused::not_found("virtual-server"));
        }
        let list: Vec<Value> = children(objects, &target.collection).filter_map(|(path, _)| stats(path)).collect();
        Ok(Reply::json(200, &json!({ format!("{}-list", kind.wrapper): list })))
    }
}

fn keys(names: &[String], fields: &Fields) -> Value {
    names.iter().filter_map(|name| Some((name.clone(), fields.get(name)?.clone()))).collect()
}

/// A partition's objects and the servers' health.
struct Look<'a> {
    objects: &'a Objects,
    health: &'a Health,
}

impl Look<'_> {
    fn oper(&self, kind: &str, path: &str) -> Option<Value> {
        let fields = self.objects.get(path)?;
        let url = json!(format!("/axapi/v3/{path}/oper"));
        Some(match kind {
            "slb/service-group/member" => {
                let oper = json!({"state": self.member(path, fields), "hm-key": 1, "hm-index": 1, "drs-list": []});
                json!({"name": fields["name"], "port": fields["port"], "a10-url": url, "oper": oper})
            }
            "slb/service-group" => {
                let member = |(path, fields): (&String, &Fields)| {
                    json!({
                        "name": fields["name"], "port": fields["port"], "oper": {"state": self.member(path, fields)},
                        "a10-url": format!("/axapi/v3/{path}/oper")
                    })
                };
                let members: Vec<Value> = children(self.objects, &format!("{path}/member")).map(member).collect();
                let count = |wanted: fn(&str) -> bool| {
                    members.iter().filter(|member| member["oper"]["state"].as_str().is_some_and(wanted)).count()
                };
                let oper = json!({
                    "state": self.group(path), "servers-up": count(|state| state == "UP"),
                    "servers-down": count(|state| state == "DOWN"),
                    "servers-disable": count(|state| state.starts_with("DIS-")), "servers-total": members.len()
                });
                json!({"name": fields["name"], "a10-url": url, "oper": oper, "member-list": members})
            }
            "slb/virtual-server" => {
                let ports = children(self.objects, &format!("{path}/port"));
                let port = |(_, fields): (&String, &Fields)| {
                    let oper = json!({"state": self.virtual_port(path, fields)});
                    json!({"port-number": fields["port-number"], "protocol": fields["protocol"], "oper": oper})
                };
                let ports: Vec<Value> = ports.map(port).collect();
                let states = ports.iter().filter_map(|port| port["oper"]["state"].as_str());
                json!({
                    "name": fields["name"], "a10-url": url, "oper": {"state": together(states)}, "port-list": ports
                })
            }
            "slb/virtual-server/port" => {
                let parent = path.rsplit_once("/port/").map_or("", |(parent, _)| parent);
                let oper = json!({"state": self.virtual_port(parent, fields)});
                json!({
                    "port-number": fields["port-number"], "protocol": fields["protocol"], "a10-url": url, "oper": oper
                })
            }
            "slb/server" => {
                json!({"name": fields["name"], "a10-url": url, "oper": {"state": self.server(path, fields)}})
            }
            "slb/server/port" => {
                let server = path.split("/port/").next().and_then(|server| self.objects.get(server));
                let oper = json!({"state": self.server_port(server, fields)});
                json!({
                    "port-number": fields["port-number"], "protocol": fields["protocol"], "a10-url": url, "oper": oper
                })
            }
            _ => return None,
        })
    }

    fn server_port(&self, server: Option<&Fields>, fields: &Fields) -> &'static str {
        let port = fields["port-number"].as_u64().unwrap_or_default();
        match (is_disabled(Some(fields)) || is_disabled(server), self.answers(server, port, PATIENCE)) {
            (true, _) => "Disabled",
            (false, true) => "Up",
            (false, false) => "Down",
        }
    }

    /// Without ports, and while one of them answers, it is up.
    fn server(&self, path: &str, fields: &Fields) -> &'static str {
        if is_disabled(Some(fields)) {
            return "Disabled";
        }
        let ports = children(self.objects, &format!("{path}/port"));
        let states: Vec<&str> = ports.map(|(_, port)| self.server_port(Some(fields), port)).collect();
        if states.is_empty() || states.contains(&"Up") { "Up" } else { "Down" }
    }

    /// Down only when it is checked: by its group's monitor, or by default unless that is switched off. Its server and the
    /// server's port can be disabled too.
    fn member(&self, path: &str, fields: &Fields) -> &'static str {
        let server = fields["name"].as_str().unwrap_or_default();
        let port = fields["port"].as_u64().unwrap_or_default();
        let group = path.split("/member/").next().and_then(|group| self.objects.get(group));
        let protocol = group.and_then(|group| group.get("protocol")).and_then(Value::as_str).unwrap_or("tcp");
        let server_port = self.objects.get(&format!("slb/server/{server}/port/{port}+{protocol}"));
        let server = self.objects.get(&format!("slb/server/{server}"));
        let off = |object: Option<&Fields>| {
            object.and_then(|object| object.get("health-check-disable")) == Some(&Value::from(1))
        };
        let monitored = group.is_some_and(|group| group.contains_key("health-check"));
        let checked = monitored || !(off(group) || off(server_port));
        let monitor = group.and_then(|group| group.get("health-check")).and_then(Value::as_str);
        let monitor = monitor.and_then(|monitor| self.objects.get(&format!("health/monitor/{monitor}")));
        let seconds = monitor.and_then(|monitor| monitor.get("timeout")).and_then(Value::as_u64);
        let up = !checked || self.answers(server, port, seconds.map_or(PATIENCE, Duration::from_secs));
        let enabled = matches!(fields.get("member-state").and_then(Value::as_str), None | Some("enable"));
        match (enabled && !is_disabled(server) && !is_disabled(server_port), up) {
            (true, true) => "UP",
            (true, false) => "DOWN",
            (false, true) => "DIS-UP",
            (false, false) => "DIS-DOWN",
        }
    }

    fn answers(&self, server: Option<&Fields>, port: u64, within: Duration) -> bool {
        let address = server.and_then(|server| server.get("host").or_else(|| server.get("server-ipv6-addr")));
        let address = address.and_then(Value::as_str).and_then(|text| text.parse::<IpAddr>().ok());
        match (address, u16::try_from(port)) {
            (Some(address), Ok(port)) => self.health.answers(address, port, within),
            _ => false,
        }
    }

    fn group(&self, path: &str) -> &'static str {
        let members = children(self.objects, &format!("{path}/member"));
        let states: Vec<&str> = members.map(|(path, fields)| self.member(path, fields)).collect();
        let up = states.iter().filter(|state| **state == "UP").count();
        match (up, states.len()) {
            (0, all) if all > 0 && states.iter().all(|state| state.starts_with("DIS-")) => "Disb",
            (0, _) => "Down",
            (up, all) if up == all => "All Up",
            _ => "Functional Up",
        }
    }

    fn virtual_port(&self, server: &str, fields: &Fields) -> &'static str {
        let disabled = |object: &Fields, name: &str| object.get(name) == Some(&Value::from("disable"));
        let server = self.objects.get(server);
        if disabled(fields, "action") || server.is_some_and(|server| disabled(server, "enable-disable-action")) {
            return "Disb";
        }
        match fields.get("service-group").and_then(Value::as_str) {
            Some(group) => self.group(&format!("slb/service-group/{group}")),
            None => "Down",
        }
    }
}

fn is_disabled(object: Option<&Fields>) -> bool {
    object.and_then(|object| object.get("action")) == Some(&Value::from("disable"))
}

fn together<'a>(states: impl Iterator<Item = &'a str>) -> &'static str {
    let states: Vec<&str> = states.collect();
    let count = |wanted: &str| states.iter().filter(|state| **state == wanted).count();
    match states.len() {
        0 => "Unkn",
        all if count("All Up") == all => "All Up",
        all if count("Disb") == all => "Disb",
        all if count("Down") == all => "Down",
        _ => "Functional Up",
    }
}
