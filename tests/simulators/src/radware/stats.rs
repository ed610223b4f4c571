//! Counters: of 32 and 64 bits, which begin anew when they are full. Octets are one sum of both directions.

use std::collections::BTreeMap;

use serde_json::{Value, json};

use super::{
    checks::{GROUPS, SERVERS, SERVICES, VIRTS},
    shown::{Rows, index},
    state::Look,
};
use crate::Traffic;

/// What something has counted, by its path as in `SlbNewCfgEnhVirtServerTable/v1`.
pub(super) type Counters = BTreeMap<String, Counted>;

#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Counted {
    traffic: Traffic,
    highest: u64,
}

impl Counted {
    pub(super) fn set(&mut self, traffic: Traffic) {
        self.traffic = traffic;
        self.highest = self.highest.max(traffic.active);
    }

    fn and(self, other: Self) -> Self {
        let (one, two) = (self.traffic, other.traffic);
        let traffic = Traffic {
            active: one.active.wrapping_add(two.active),
            connections: one.connections.wrapping_add(two.connections),
            bytes_in: one.bytes_in.wrapping_add(two.bytes_in),
            bytes_out: one.bytes_out.wrapping_add(two.bytes_out),
        };
        Self { traffic, highest: self.highest + other.highest }
    }

    fn shown(self) -> Value {
        let octets = self.traffic.bytes_in.wrapping_add(self.traffic.bytes_out);
        let low = |number: u64| number & u64::from(u32::MAX);
        json!({
            "CurrSessions": low(self.traffic.active), "TotalSessions": low(self.traffic.connections),
            "HighestSessions": low(self.highest), "HCOctetsLow32": low(octets), "HCOctetsHigh32": octets >> 32,
            "HCOctets": octets,
        })
    }
}

pub(super) fn rows(table: &str, look: &Look<'_>, counters: &Counters, of_services: bool) -> Rows {
    let view = look.view;
    let counted = |path: String| counters.get(&path).copied().unwrap_or_default();
    let of = |table: &'static str| {
        view.indexes(table, "").map(|id| (vec![id.to_owned()], counted(format!("{table}/{id}")).shown())).collect()
    };
    match table {
        "SlbStatEnhRServerTable" => of(SERVERS),
        "SlbStatEnhGroupTable" => of(GROUPS),
        "SlbStatEnhVServerTable" => {
            let sum = |id: &str| {
                let own = counted(format!("{VIRTS}/{id}"));
                let services = view.indexes(SERVICES, id).map(|service| of_service(look, counters, service));
                services.flatten().fold(own, |sum, (_, one)| sum.and(one)).shown()
            };
            view.indexes(VIRTS, "").map(|id| (vec![id.to_owned()], sum(id))).collect()
        }
        "SlbEnhStatVirtServiceTable" if of_services => view
            .indexes(SERVICES, "")
            .flat_map(|service| {
                let each = of_service(look, counters, service);
                each.into_iter().map(move |(server, counted)| (index(service, &server), counted.shown()))
            })
            .collect(),
        _ => Rows::new(),
    }
}

/// By server. What was counted for the service as a whole went to its first server.
fn of_service(look: &Look<'_>, counters: &Counters, service: &str) -> Vec<(String, Counted)> {
    let counted = |path: String| counters.get(&path).copied().unwrap_or_default();
    let mut whole = counted(format!("{SERVICES}/{service}"));
    let members = look.members(service).into_iter();
    members
        .map(|member| {
            let own = counted(format!("{SERVICES}/{service}/{}", member.server)).and(std::mem::take(&mut whole));
            (member.server, own)
        })
        .collect()
}
