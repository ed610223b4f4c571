//! What needs attention, worst first. Pure: from what was read to what is said.

use jiff::Timestamp;
use serde_json::{Value, json};

use crate::noun::text;

/// For how long something may be pending until somebody should look.
const PENDING_SECONDS: i64 = 60;

/// What was read.
#[derive(Debug, Default)]
pub(super) struct Facts {
    pub(super) overview: Value,
    /// Some of those that are not well.
    pub(super) load_balancers: Vec<Value>,
    /// How their members are.
    pub(super) health: Vec<Value>,
    pub(super) agents: Vec<Value>,
    /// Null: not told.
    pub(super) schedulers: Value,
}

/// Something that somebody should look at.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Need {
    what: &'static str,
    pub(super) name: String,
    id: String,
    status: String,
    why: String,
    todo: String,
}

impl Need {
    pub(super) fn row(&self) -> Vec<String> {
        vec![self.what.to_owned(), self.name.clone(), self.status.clone(), self.why.clone(), self.todo.clone()]
    }

    pub(super) fn value(&self) -> Value {
        let Self { what, name, id, status, why, todo } = self;
        json!({ "what": what, "id": id, "name": name, "status": status, "why": why, "do": todo })
    }
}

pub(super) fn needs(facts: &Facts) -> Vec<Need> {
    let mut needs: Vec<Need> = facts.load_balancers.iter().filter_map(|one| load_balancer(facts, one)).collect();
    needs.extend(more(facts));
    needs.extend(pending(&facts.overview));
    needs.extend(agents(facts));
    needs.extend(contested(&facts.overview));
    needs
}

/// Of which others say that their addresses are theirs.
fn contested(overview: &Value) -> Vec<Need> {
    let need = |one: &Value| {
        let id = text(&one["loadbalancer_id"]);
        Need {
            what: "load balancer",
            name: id.clone(),
            status: "contested".to_owned(),
            why: format!("{} in an hour: {}", text(&one["count"]), text(&one["what"])),
            todo: format!("ballast lb events {id}"),
            id,
        }
    };
    overview["contested"].as_array().into_iter().flatten().map(need).collect()
}

fn load_balancer(facts: &Facts, load_balancer: &Value) -> Option<Need> {
    let (id, name) = (text(&load_balancer["id"]), text(&load_balancer["name"]));
    let name = if name.is_empty() { id.clone() } else { name };
    let health = facts.health.iter().find(|health| health["id"] == load_balancer["id"]);
    let members = health.and_then(|health| health["members"].as_array()).map_or(&[][..], Vec::as_slice);
    let need = |status: &str, why: String, todo: String| {
        let (what, status) = ("load balancer", status.to_owned());
        Some(Need { what, name: name.clone(), id: id.clone(), status, why, todo })
    };
    let operating = text(&load_balancer["operating_status"]);
    match (load_balancer["provisioning_status"].as_str(), operating.as_str()) {
        (Some("ERROR"), _) => {
            let why = text(&load_balancer["status_description"]);
            let why = if why.is_empty() { "no reason was given".to_owned() } else { why };
            need("ERROR", why, format!("ballast lb show {id}"))
        }
        (_, "ERROR") => need("not serving", failing(members), format!("ballast lb health {id}")),
        (_, "DEGRADED") => need("DEGRADED", failing(members), format!("ballast lb health {id}")),
        _ => None,
    }
}

/// `2 of 3 members fail: 10.0.0.11:80 L7STS 500`
fn failing(members: &[Value]) -> String {
    let bad: Vec<&Value> = members.iter().filter(|member| member["operating_status"] == "ERROR").collect();
    let Some(first) = bad.first() else { return "no member takes traffic".to_owned() };
    let answer = ["result", "code", "text"].map(|key| text(&first["last_check"][key]));
    let answer = answer.into_iter().filter(|word| !word.is_empty()).collect::<Vec<_>>().join(" ");
    let address = format!("{}:{}", text(&first["address"]), text(&first["protocol_port"]));
    format!("{} of {} members fail: {address} {answer}", bad.len(), members.len()).trim_end().to_owned()
}

/// Those that were not looked at one by one.
fn more(facts: &Facts) -> Vec<Need> {
    let looked_at = |key: &str, status: &str| {
        u64::try_from(facts.load_balancers.iter().filter(|one| one[key] == status).count()).unwrap_or_default()
    };
    let statuses = [("provisioning_status", "ERROR"), ("operating_status", "ERROR"), ("operating_status", "DEGRADED")];
    let left = statuses.into_iter().filter_map(|(key, status)| {
        let count = facts.overview[key][status].as_u64().unwrap_or_default().checked_sub(looked_at(key, status))?;
        (count > 0).then(|| Need {
            what: "load balancers",
            name: format!("{count} more"),
            id: String::new(),
            status: status.to_owned(),
            why: key.replace('_', " "),
            todo: format!("ballast lb list --filter {key}={status}"),
        })
    });
    left.collect()
}

/// What has been pending for too long, by the server's clock.
fn pending(overview: &Value) -> Vec<Need> {
    let time = |value: &Value| value.as_str().and_then(|text| text.parse::<Timestamp>().ok());
    let Some(now) = time(&overview["time"]) else { return Vec::new() };
    let oldest = overview["oldest"].as_array().into_iter().flatten();
    let late = oldest.filter_map(|oldest| {
        let status = oldest["provisioning_status"].as_str().filter(|status| status.starts_with("PENDING"))?;
        let seconds = now.as_second() - time(&oldest["since"])?.as_second();
        (seconds > PENDING_SECONDS).then(|| Need {
            what: "load balancer",
            name: text(&oldest["id"]),
            id: text(&oldest["id"]),
            status: status.to_owned(),
            why: format!("so for {seconds} s"),
            todo: format!("ballast explain {status}"),
        })
    });
    late.collect()
}

fn agents(facts: &Facts) -> Vec<Need> {
    let Some(counted) = facts.overview["agents"].as_array() else { return Vec::new() };
    let need = |agent: &Value, status: &str, why: String, todo: String| Need {
        what: "agent",
        name: text(&agent["host"]),
        id: text(&agent["id"]),
        status: status.to_owned(),
        why,
        todo,
    };
    let mut needs = Vec::new();
    for agent in counted.iter().filter(|agent| ["suspect", "dead"].iter().any(|word| agent["liveness"] == *word)) {
        let why = format!("{} load balancers are on it", text(&agent["load_balancers"]));
        let status = text(&agent["liveness"]);
        needs.push(need(agent, &status, why, format!("ballast explain {status}")));
    }
    for agent in &facts.agents {
        let drivers = agent["configurations"]["drivers"].as_array().into_iter().flatten();
        for driver in drivers.filter(|driver| driver["state"] == "FAILED") {
            let why = format!("driver {}: {}", text(&driver["name"]), text(&driver["reason"]));
            needs.push(need(agent, "FAILED", why, format!("ballast agents show {}", text(&agent["host"]))));
        }
    }
    if counted.is_empty() && facts.overview["load_balancers"].as_u64().unwrap_or_default() > 0 {
        let why = "there is none: nothing can be deployed".to_owned();
        needs.push(need(&json!({}), "none", why, "start ballast-agent on a host".to_owned()));
    }
    needs
}

#[cfg(test)]
mod tests {
    use super::*;

    fn said(facts: &Facts) -> Vec<(String, String, String)> {
        needs(facts).into_iter().map(|need| (need.name, need.status, need.why)).collect()
    }

    fn triple(name: &str, status: &str, why: &str) -> (String, String, String) {
        (name.to_owned(), status.to_owned(), why.to_owned())
    }

    #[test]
    fn what_is_well_needs_nothing() {
        let overview = json!({"load_balancers": 2, "provisioning_status": {"ACTIVE": 1, "PENDING_UPDATE": 1},
            "operating_status": {"ONLINE": 1, "OFFLINE": 1}, "time": "2026-12-01T00:01:00.5Z",
            "oldest": [{"provisioning_status": "ACTIVE", "id": "1", "since": "2020-01-01T00:00:00Z"},
                {"provisioning_status": "PENDING_UPDATE", "id": "2", "since": "2026-12-01T00:00:00Z"}],
            "agents": [{"host": "a", "liveness": "alive", "load_balancers": 2}]});
        assert_eq!(said(&Facts { overview, ..Facts::default() }), []);
        assert_eq!(said(&Facts::default()), []);
    }

    #[test]
    fn each_kind_of_trouble_is_named_with_its_reason() {
        let overview = json!({"load_balancers": 5, "provisioning_status": {"ERROR": 3},
            "operating_status": {"ERROR": 1, "DEGRADED": 1}, "time": "2026-12-01T00:02:00Z",
            "oldest": [{"provisioning_status": "PENDING_CREATE", "id": "7", "since": "2026-12-01T00:00:00Z"}],
            "agents": [{"id": "9", "host": "h4", "liveness": "dead", "load_balancers": 3},
                {"host": "h5", "liveness": "alive"}]});
        let load_balancers = vec![
            json!({"id": "1", "name": "mail", "provisioning_status": "ERROR", "status_description": "no bridge"}),
            json!({"id": "2", "name": "shop", "provisioning_status": "ACTIVE", "operating_status": "ERROR"}),
            json!({"id": "3", "name": "", "provisioning_status": "ACTIVE", "operating_status": "DEGRADED"}),
            json!({"id": "4", "name": "fine by now", "provisioning_status": "ACTIVE", "operating_status": "ONLINE"}),
        ];
        let member = json!({"operating_status": "ERROR", "address": "10.0.0.11", "protocol_port": 80,
            "last_check": {"result": "L7STS", "code": 500, "text": null}});
        let health = vec![json!({"id": "2", "members": [member, {"operating_status": "ONLINE"}]}), json!({"id": "3"})];
        let driver = json!({"name": "x.so", "state": "FAILED", "reason": "it is no driver"});
        let agents = vec![json!({"host": "h5", "configurations": {"drivers": [driver]}})];
        let facts = Facts { overview, load_balancers, health, agents, ..Facts::default() };
        assert_eq!(
            said(&facts),
            [
                triple("mail", "ERROR", "no bridge"),
                triple("shop", "not serving", "1 of 2 members fail: 10.0.0.11:80 L7STS 500"),
                triple("3", "DEGRADED", "no member takes traffic"),
                triple("2 more", "ERROR", "provisioning status"),
                triple("7", "PENDING_CREATE", "so for 120 s"),
                triple("h4", "dead", "3 load balancers are on it"),
                triple("h5", "FAILED", "driver x.so: it is no driver"),
            ]
        );
        assert!(needs(&facts).iter().all(|need| need.todo.starts_with("ballast ")));
        let conflict =
            json!({"loadbalancer_id": "4", "count": 2, "what": "fa:16 says that 10.0.0.5 is theirs, it is kept"});
        let contested = Facts { overview: json!({"contested": [conflict]}), ..Facts::default() };
        let why = "2 in an hour: fa:16 says that 10.0.0.5 is theirs, it is kept";
        assert_eq!(said(&contested), [triple("4", "contested", why)]);
        let none = Facts { overview: json!({"load_balancers": 1, "agents": []}), ..Facts::default() };
        assert_eq!(said(&none)[0].1, "none");
    }
}
