//! `ballast agents`

use serde_json::Value;

use crate::{
    noun::{Column, Kind, Noun, admin, fields, text},
    table,
};

pub(crate) const AGENTS: Noun = Noun {
    kind: Kind::Agent,
    one: "agent",
    many: "agents",
    path: "agents",
    wrapper: "agents",
    name: Some("host"),
    columns: &[
        Column { title: "ID", cell: |agent| text(&agent["id"]) },
        Column { title: "HOST", cell: |agent| text(&agent["host"]) },
        Column { title: "ALIVE", cell: alive },
        Column { title: "ADMIN", cell: admin },
        Column { title: "LOAD-BALANCERS", cell: |agent| text(&agent["configurations"]["instances"]) },
        Column { title: "DRIVERS", cell: drivers },
    ],
    page,
};

fn alive(agent: &Value) -> String {
    let word = agent["alive"].as_bool().map(|alive| if alive { "yes" } else { "no" });
    word.unwrap_or_default().to_owned()
}

fn each_driver(agent: &Value) -> &[Value] {
    agent["configurations"]["drivers"].as_array().map_or(&[], Vec::as_slice)
}

/// The drivers' names; one that is not ready with its state.
fn drivers(agent: &Value) -> String {
    let name = |driver: &Value| match driver["state"].as_str() {
        Some("READY") | None => text(&driver["name"]),
        Some(state) => format!("{} ({})", text(&driver["name"]), state.to_lowercase()),
    };
    each_driver(agent).iter().map(name).collect::<Vec<_>>().join(", ")
}

/// The agent's fields, then its drivers, each with its state and the reason for it, then what their host lacks.
fn page(agent: &Value) -> String {
    let mut object = agent.clone();
    object["load_balancers"] = object["configurations"]["instances"].take();
    let mut shown = fields(&object, &["configurations"]);
    shown.push_str(&emptying(&agent["configurations"]["emptying"]));
    shown.push_str(&unclaimed(&agent["configurations"]["unclaimed"]));
    let drivers = each_driver(agent);
    if drivers.is_empty() {
        shown.push_str("\nNo drivers: this agent can run nothing.\n");
        return shown;
    }
    let row = |driver: &Value| {
        let [name, version, state, reason] = ["name", "version", "state", "reason"].map(|key| text(&driver[key]));
        vec![name, version, state, networks(driver), reason]
    };
    shown.push('\n');
    shown.push_str(&table::table(
        &["DRIVER", "VERSION", "STATE", "NETWORKS", "REASON"],
        &drivers.iter().map(row).collect::<Vec<_>>(),
    ));
    let remarks: Vec<_> = drivers.iter().flat_map(remarks).collect();
    if !remarks.is_empty() {
        shown.push('\n');
        shown.push_str(&table::table(&["DRIVER", "REMARK"], &remarks));
    }
    shown
}

/// What becomes of what it has, if it is switched off.
fn emptying(agent: &Value) -> String {
    if agent.is_null() {
        return String::new();
    }
    let mut shown = format!("moving          {}\n", text(&agent["moving"]));
    let staying = agent["staying"].as_array().map_or(&[][..], Vec::as_slice);
    if !staying.is_empty() {
        let row = |one: &Value| {
            let ids = one["load_balancer_ids"].as_array().map_or(&[][..], Vec::as_slice);
            let ids: Vec<String> = ids.iter().map(text).collect();
            vec![text(&one["load_balancers"]), text(&one["why"]), ids.join(", ")]
        };
        shown.push('\n');
        shown.push_str(&table::table(&["STAY", "WHY", "WHICH"], &staying.iter().map(row).collect::<Vec<_>>()));
    }
    shown
}

/// What it goes on running though no scheduler knows it, if there is anything.
fn unclaimed(agent: &Value) -> String {
    let ids = agent["load_balancer_ids"].as_array().map_or(&[][..], Vec::as_slice);
    let shown: String = ids.iter().map(|id| format!("                {}\n", text(id))).collect();
    if agent.is_null() { String::new() } else { format!("unclaimed       {}\n{shown}", text(&agent["load_balancers"])) }
}

fn remarks(driver: &Value) -> impl Iterator<Item = Vec<String>> {
    let all = driver["remarks"].as_array().map_or(&[][..], Vec::as_slice);
    all.iter().map(|remark| vec![text(&driver["name"]), text(remark)])
}

/// The types of networks that it can plug into, and the physical ones that it reaches; empty: it did not say.
fn networks(driver: &Value) -> String {
    let list = |key: &str| {
        let texts = driver[key].as_array().map(Vec::as_slice).unwrap_or_default();
        texts.iter().map(text).collect::<Vec<_>>().join(", ")
    };
    match (list("network_types"), list("physical_networks")) {
        (types, physical) if types.is_empty() || physical.is_empty() => types,
        (types, physical) => format!("{types} ({physical})"),
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_driver_that_failed_is_shown_with_its_reason() {
        let agent = json!({"id": "1", "host": "a", "configurations": {"instances": 2, "drivers": [
            {"name": "haproxy-ns", "version": "0.1.0", "state": "READY", "reason": null,
                "network_types": ["own", "bridge"], "physical_networks": ["back", "front"],
                "remarks": ["no SCTP on this host"]},
            {"name": "broken.so", "version": "", "state": "FAILED", "reason": "it is no driver"},
        ]}});
        assert_eq!(drivers(&agent), "haproxy-ns, broken.so (failed)");
        let expected = "id              1\n\
                        host            a\n\
                        load_balancers  2\n\
                        \n\
                        DRIVER      VERSION  STATE   NETWORKS                   REASON\n\
                        haproxy-ns  0.1.0    READY   own, bridge (back, front)\n\
                        broken.so            FAILED                             it is no driver\n\
                        \n\
                        DRIVER      REMARK\n\
                        haproxy-ns  no SCTP on this host\n";
        assert_eq!(page(&agent), expected);
    }

    #[test]
    fn one_that_is_switched_off_is_shown_with_what_stays_and_why() {
        let staying = json!([{"why": "b: Dead", "load_balancers": 2, "load_balancer_ids": ["x", "y"]}]);
        let expected = "moving          1\n\nSTAY  WHY      WHICH\n2     b: Dead  x, y\n";
        assert_eq!(emptying(&json!({"moving": 1, "staying": staying})), expected);
        assert_eq!(emptying(&Value::Null), "");
    }

    #[test]
    fn what_no_scheduler_knows_is_counted_and_named() {
        let of_agent = json!({"load_balancers": 2, "load_balancer_ids": ["x", "y"]});
        let expected = "unclaimed       2\n                x\n                y\n";
        assert_eq!(unclaimed(&of_agent), expected);
        assert_eq!(unclaimed(&Value::Null), "");
    }

    #[test]
    fn an_agent_without_drivers_says_so() {
        assert!(page(&json!({"id": "1"})).contains("No drivers"));
    }
}
