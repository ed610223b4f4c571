//! States, derived from the servers' health and what is in service.

use std::{collections::BTreeMap, net::IpAddr, time::Duration};

use serde_json::Value;

use super::{
    configuration::{Objects, below, named},
    validate::{Fields, text},
};
use crate::Health;

const UP: &str = "UP";
const DOWN: &str = "DOWN";
const OUT: &str = "OUT OF SERVICE";
const GOING: &str = "GOING OUT OF SERVICE";

/// One partition at one moment.
pub(crate) struct Look<'a> {
    pub(crate) objects: &'a Objects,
    pub(crate) partition: &'a str,
    pub(crate) health: &'a Health,
    pub(crate) leaving: &'a BTreeMap<(String, String), Duration>,
    pub(crate) now: Duration,
    pub(crate) partially_up: &'static str,
}

impl Look<'_> {
    /// A server's address; its domain when it has none.
    pub(crate) fn address(&self, server: &str) -> &str {
        let fields = self.objects.get(&format!("server/{server}"));
        fields.and_then(|fields| text(fields, "ipaddress").or(text(fields, "domain"))).unwrap_or_default()
    }

    /// What the member at this path does.
    pub(crate) fn member(&self, path: &str, fields: &Fields) -> &'static str {
        let server = text(fields, "servername").unwrap_or_default();
        let group = format!("servicegroup/{}", text(fields, "servicegroupname").unwrap_or_default());
        let holders = [path.to_owned(), group.clone(), format!("server/{server}")];
        let mut out = holders.iter().filter(|holder| self.is_disabled(holder)).peekable();
        if out.peek().is_some() {
            // As soon as the first of them is done waiting.
            return if out.all(|holder| self.is_leaving(holder)) { GOING } else { OUT };
        }
        let unchecked = self.objects.get(&group).is_some_and(|group| text(group, "healthmonitor") == Some("NO"));
        let port = fields.get("port").and_then(Value::as_u64).and_then(|port| u16::try_from(port).ok());
        let address: Option<IpAddr> = self.address(server).parse().ok();
        match (address, port) {
            (Some(address), Some(port)) if !unchecked && !self.health.answers(address, port, self.patience(&group)) => {
                DOWN
            }
            _ => UP,
        }
    }

    /// How long the least patient monitor of a group waits.
    fn patience(&self, group: &str) -> Duration {
        let name = group.trim_start_matches("servicegroup/");
        let bound = named(self.objects, &format!("servicegroup_lbmonitor_binding/{name}/"));
        let waits = bound.filter_map(|(monitor, _)| {
            let monitor = self.objects.get(&format!("lbmonitor/{monitor}"))?;
            let time = monitor.get("resptimeout").and_then(Value::as_u64).unwrap_or(2);
            Some(match text(monitor, "units4") {
                Some("MSEC") => Duration::from_millis(time),
                Some("MIN") => Duration::from_secs(time * 60),
                _ => Duration::from_secs(time),
            })
        });
        waits.min().unwrap_or(Duration::from_secs(2))
    }

    fn is_disabled(&self, path: &str) -> bool {
        self.objects.get(path).is_some_and(|fields| text(fields, "state") == Some("DISABLED"))
    }

    fn is_leaving(&self, path: &str) -> bool {
        self.leaving.get(&(self.partition.to_owned(), path.to_owned())).is_some_and(|until| self.now < *until)
    }

    /// The members of a group with their paths and states.
    pub(crate) fn members(&self, group: &str) -> Vec<(&str, &Fields, &'static str)> {
        let inside = format!("servicegroup_servicegroupmember_binding/{group}/");
        below(self.objects, &inside).map(|(path, fields)| (path, fields, self.member(path, fields))).collect()
    }

    pub(crate) fn group(&self, group: &str) -> &'static str {
        let states: Vec<&str> = self.members(group).into_iter().map(|(.., state)| state).collect();
        let up = states.iter().filter(|state| **state == UP).count();
        match up {
            0 if !states.is_empty() && states.iter().all(|state| *state == OUT) => OUT,
            0 if self.is_disabled(&format!("servicegroup/{group}")) => OUT,
            0 => DOWN,
            up if up == states.len() => UP,
            _ => self.partially_up,
        }
    }

    /// A virtual server's state, how many members are up, and how many there are.
    pub(crate) fn vserver(&self, name: &str) -> (&'static str, usize, usize) {
        let inside = format!("lbvserver_servicegroup_binding/{name}/");
        let groups = named(self.objects, &inside);
        let states: Vec<&str> = groups.flat_map(|(group, _)| self.members(group)).map(|(.., state)| state).collect();
        let up = states.iter().filter(|state| **state == UP).count();
        let state = match up {
            _ if self.is_disabled(&format!("lbvserver/{name}")) => OUT,
            0 => DOWN,
            _ => UP,
        };
        (state, up, states.len())
    }
}
