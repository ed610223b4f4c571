//! What is told upwards of one load balancer. Pure.

use ballast_abi::{Health, MemberHealth, Observation, Statistics};
use serde_json::Value;

use crate::{
    counters::{Counters, Totals},
    state::Listed,
};

/// What the virtual ports of a load balancer show together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(crate) struct Reading {
    pub(crate) totals: Totals,
    pub(crate) active: u64,
}

impl Reading {
    /// From `slb/virtual-server/NAME/port/stats`.
    pub(crate) fn of(reply: &Value) -> Self {
        let ports = reply["port-list"].as_array().map(Vec::as_slice).unwrap_or_default();
        let sum = |name: &str| ports.iter().filter_map(|port| port["stats"][name].as_u64()).sum();
        Self {
            totals: Totals {
                bytes_in: sum("total_fwd_bytes"),
                bytes_out: sum("total_rev_bytes"),
                connections: sum("total_conn"),
            },
            active: sum("curr_conn"),
        }
    }
}

/// `groups`: from `slb/service-group/oper`. A member that is not checked, or switched off, has no health.
pub(crate) fn observation(
    id: &str,
    counters: Counters,
    active: u64,
    members: &[Listed],
    groups: &Value,
) -> Observation {
    let totals = counters.totals();
    let health = |listed: &Listed| {
        let health = health_of(listed, groups)?;
        Some(MemberHealth { pool_id: listed.pool.clone(), member_id: listed.member.clone(), health: health.into() })
    };
    Observation {
        load_balancer_id: id.to_owned(),
        statistics: Some(Statistics {
            bytes_in: totals.bytes_in,
            bytes_out: totals.bytes_out,
            active_connections: active,
            total_connections: totals.connections,
        }),
        members: members.iter().filter_map(health).collect(),
    }
}

fn health_of(listed: &Listed, groups: &Value) -> Option<Health> {
    if !listed.checked {
        return None;
    }
    let groups = groups["service-group-list"].as_array()?;
    let group = groups.iter().find(|group| group["name"] == *listed.group)?;
    let of_member = |member: &&Value| member["name"] == *listed.server && member["port"] == listed.port;
    let member = group["member-list"].as_array()?.iter().find(of_member)?;
    match member["oper"]["state"].as_str()? {
        "UP" | "DIS-UP" => Some(Health::Up),
        // In maintenance by its own answer: it gets nothing new.
        "DOWN" | "DIS-DOWN" | "MAINTENANCE" | "DIS-MAINTENANCE" => Some(Health::Down),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn the_ports_of_a_load_balancer_are_added() {
        let port = |connections: u64| json!({"stats": {"total_conn": connections, "curr_conn": 1}});
        let reading = Reading::of(&json!({"port-list": [port(3), port(4)]}));
        assert_eq!((reading.totals.connections, reading.active), (7, 2));
        assert_eq!(Reading::of(&Value::Null), Reading::default());
    }

    #[test]
    fn only_members_that_are_checked_have_a_health() {
        let listed = |checked| Listed {
            pool: "p".into(),
            member: "m".into(),
            group: "g".into(),
            server: "s".into(),
            port: 80,
            checked,
        };
        let state = |state: &str| {
            json!({"service-group-list": [{"name": "g", "member-list": [
                {"name": "s", "port": 81, "oper": {"state": "UP"}}, {"name": "s", "port": 80, "oper": {"state": state}}
            ]}]})
        };
        assert_eq!(health_of(&listed(true), &state("DOWN")), Some(Health::Down));
        assert_eq!(health_of(&listed(true), &state("DIS-UP")), Some(Health::Up));
        assert_eq!(health_of(&listed(false), &state("UP")), None);
        assert_eq!(health_of(&listed(true), &state("DIS-DAMP")), None);
    }
}
