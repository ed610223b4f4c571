//! From counters to what goes through now. Pure.

use serde_json::{Value, json};

use super::Order;
use crate::noun::text;

/// The counters of a load balancer, and when they were read, in seconds of a clock that only goes on.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(super) struct Counters {
    pub(super) at: f64,
    pub(super) active: u64,
    pub(super) total: u64,
    pub(super) bytes_in: u64,
    pub(super) bytes_out: u64,
    pub(super) errors: u64,
}

impl Counters {
    pub(super) fn of(stats: &Value, at: f64) -> Self {
        let number = |key: &str| stats[key].as_u64().unwrap_or_default();
        Self {
            at,
            active: number("active_connections"),
            total: number("total_connections"),
            bytes_in: number("bytes_in"),
            bytes_out: number("bytes_out"),
            errors: number("request_errors"),
        }
    }
}

/// A load balancer, and what goes through it in a second.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Row {
    pub(super) id: String,
    pub(super) name: String,
    pub(super) address: String,
    pub(super) status: String,
    pub(super) active: u64,
    pub(super) connections: f64,
    pub(super) bytes_in: f64,
    pub(super) bytes_out: f64,
    pub(super) errors: f64,
}

pub(super) const TITLES: [&str; 8] = ["NAME", "ADDRESS", "STATUS", "CONNECTIONS", "NEW/s", "IN/s", "OUT/s", "ERRORS/s"];

impl Row {
    /// Of a load balancer with its counters before, where there are any, and now.
    pub(super) fn new(load_balancer: &Value, before: Option<&Counters>, now: &Counters) -> Self {
        let rate = |pick: fn(&Counters) -> u64| match before {
            Some(before) if now.at > before.at => {
                to_float(pick(now).saturating_sub(pick(before))) / (now.at - before.at)
            }
            _ => 0.0,
        };
        let (id, name) = (text(&load_balancer["id"]), text(&load_balancer["name"]));
        Self {
            name: if name.is_empty() { id.clone() } else { name },
            id,
            address: text(&load_balancer["vip_address"]),
            status: text(&load_balancer["operating_status"]),
            active: now.active,
            connections: rate(|counters| counters.total),
            bytes_in: rate(|counters| counters.bytes_in),
            bytes_out: rate(|counters| counters.bytes_out),
            errors: rate(|counters| counters.errors),
        }
    }

    pub(super) fn cells(&self) -> Vec<String> {
        vec![
            self.name.clone(),
            self.address.clone(),
            self.status.clone(),
            self.active.to_string(),
            format!("{:.1}", self.connections),
            bytes(self.bytes_in),
            bytes(self.bytes_out),
            format!("{:.1}", self.errors),
        ]
    }

    pub(super) fn value(&self) -> Value {
        json!({
            "id": self.id, "name": self.name, "vip_address": self.address, "operating_status": self.status,
            "active_connections": self.active, "connections_per_second": self.connections,
            "bytes_in_per_second": self.bytes_in, "bytes_out_per_second": self.bytes_out,
            "request_errors_per_second": self.errors,
        })
    }
}

/// Most first; what is equal by name, so that rows do not jump.
pub(super) fn order(rows: &mut [Row], order: Order) {
    let key = |row: &Row| match order {
        Order::Connections => to_float(row.active),
        Order::Rate => row.connections,
        Order::In => row.bytes_in,
        Order::Out => row.bytes_out,
        Order::Errors => row.errors,
        Order::Name => 0.0,
    };
    rows.sort_by(|one, other| {
        let names = || one.name.cmp(&other.name).then_with(|| one.id.cmp(&other.id));
        key(other).total_cmp(&key(one)).then_with(names)
    });
}

/// Exact up to 2^53, which is nine petabytes.
fn to_float(number: u64) -> f64 {
    let (high, low) = (u32::try_from(number >> 32), u32::try_from(number & 0xffff_ffff));
    f64::from(high.unwrap_or(u32::MAX)) * 4_294_967_296.0 + f64::from(low.unwrap_or(u32::MAX))
}

/// `1.5 MB`, by thousands.
fn bytes(number: f64) -> String {
    let units = ["B", "kB", "MB", "GB", "TB"];
    let (mut number, mut unit) = (number, 0);
    while number >= 999.95 && unit + 1 < units.len() {
        number /= 1000.0;
        unit += 1;
    }
    if unit == 0 { format!("{number:.0} B") } else { format!("{number:.1} {}", units[unit]) }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn row(name: &str, active: u64, bytes_in: f64) -> Row {
        let load_balancer = json!({"id": name, "name": name});
        Row { bytes_in, ..Row::new(&load_balancer, None, &Counters { active, ..Counters::default() }) }
    }

    #[test]
    fn rates_are_what_was_counted_between_two_looks() {
        let before = Counters { at: 10.0, total: 100, bytes_in: 1_000, ..Counters::default() };
        let now = Counters { at: 12.0, total: 130, bytes_in: 4_000, active: 7, ..Counters::default() };
        let load_balancer = json!({"id": "1", "name": "", "vip_address": "10.0.0.1", "operating_status": "ONLINE"});
        let row = Row::new(&load_balancer, Some(&before), &now);
        assert_eq!((row.connections, row.bytes_in, row.active, row.name.as_str()), (15.0, 1_500.0, 7, "1"));
        assert_eq!(row.cells(), ["1", "10.0.0.1", "ONLINE", "7", "15.0", "1.5 kB", "0 B", "0.0"]);
        // It moved and its counters began again, or it was read once.
        assert_eq!(Row::new(&load_balancer, Some(&now), &before).connections, 0.0);
        assert_eq!(
            Row::new(&load_balancer, Some(&Counters { at: 13.0, total: 500, ..now }), &Counters { at: 14.0, ..now })
                .connections,
            0.0
        );
        assert_eq!(Row::new(&load_balancer, None, &now).connections, 0.0);
    }

    #[test]
    fn rows_are_in_order_and_do_not_jump() {
        let mut rows = vec![row("b", 1, 5.0), row("a", 1, 1.0), row("c", 9, 0.0)];
        let names = |rows: &[Row]| rows.iter().map(|row| row.name.clone()).collect::<String>();
        for (by, expected) in
            [(Order::Connections, "cab"), (Order::In, "bac"), (Order::Name, "abc"), (Order::Errors, "abc")]
        {
            order(&mut rows, by);
            assert_eq!(names(&rows), expected, "{by:?}");
        }
    }

    #[test]
    fn bytes_have_units() {
        for (number, expected) in
            [(0.0, "0 B"), (999.0, "999 B"), (1_000.0, "1.0 kB"), (999_960.0, "1.0 MB"), (2.5e15, "2500.0 TB")]
        {
            assert_eq!(bytes(number), expected);
        }
        assert_eq!(to_float(u64::MAX >> 11), 9_007_199_254_740_991.0);
    }
}
