//! What a process knows about its servers, handed to its successor. Pure.
//!
//! A new haproxy takes every server for healthy until its checks have failed: each reload would send requests to members
//! that are known to be dead. So the old process's view is written to the file that the new one reads at start, as far
//! as it still applies: same server, same address, still checked. Weights and admin states are the configuration's.

use std::collections::HashSet;
use std::fmt::Write;

use crate::validated::{Check, Member, Pool, Validated};

pub(crate) const COMMAND: &str = "show servers state";

const ADMIN_STATE: usize = 6;
const USER_WEIGHT: usize = 7;
const INITIAL_WEIGHT: usize = 8;
const CHECK_STATE: usize = 13;
const PORT: usize = 18;
/// There are checks, and they are on: somebody may have switched them off.
const CHECKING: &str = "6";
const FORCED_MAINTENANCE: &str = "1";

/// The text of the file. `down`: members, by pool and id, that do not answer pings.
pub(crate) fn carry_over(shown: &str, validated: &Validated, down: &HashSet<(String, String)>) -> String {
    let mut text = String::from("1\n");
    for line in shown.lines() {
        if line.starts_with('#') {
            text.push_str(line);
            text.push('\n');
            continue;
        }
        let mut cells: Vec<&str> = line.split(' ').collect();
        if cells.len() <= PORT {
            continue;
        }
        let Some((pool, member)) = find(validated, cells[1], cells[3]) else { continue };
        let key = (pool.id.as_str().to_owned(), member.id.as_str().to_owned());
        let pinged_down = down.contains(&key);
        let applies = cells[4] == member.address.to_string() && cells[PORT] == member.port.to_string();
        let checked = pool.monitors.iter().any(|monitor| !matches!(monitor.check, Check::Ping));
        let in_service = cells[ADMIN_STATE] == "0";
        if !applies || !member.admin_state_up || !(pinged_down || checked && in_service) {
            continue;
        }
        let weight = member.weight.to_string();
        cells[ADMIN_STATE] = if pinged_down { FORCED_MAINTENANCE } else { "0" };
        if checked {
            cells[CHECK_STATE] = CHECKING;
        }
        cells[USER_WEIGHT] = &weight;
        cells[INITIAL_WEIGHT] = &weight;
        // Writing to a string cannot fail.
        let _ = writeln!(text, "{}", cells.join(" "));
    }
    text
}

fn find<'a>(validated: &'a Validated, pool: &str, member: &str) -> Option<(&'a Pool, &'a Member)> {
    let pool = validated.pools.iter().find(|candidate| candidate.id.as_str() == pool)?;
    let member = pool.members.iter().find(|candidate| candidate.id.as_str() == member)?;
    Some((pool, member))
}

#[cfg(test)]
mod tests {
    use ballast_abi::{MonitorType, Protocol};

    use super::*;
    use crate::samples::{self, ID};

    fn row(member: u32, address: &str, port: u16) -> String {
        let id = samples::member(member).id;
        format!("3 {ID} 1 {id} {address} 0 0 9 9 12 7 2 0 6 0 0 0 - {port} - 0 0 - - 0")
    }

    fn shown() -> String {
        format!("1\n# be_id be_name\n{}\n{}\n\n", row(1, "10.0.0.11", 8080), row(2, "10.0.0.99", 8080))
    }

    #[test]
    fn a_server_that_was_down_stays_down_with_the_configured_weight() {
        let mut asked = samples::load_balancer(Protocol::Http);
        asked.pools[0].monitors = vec![samples::monitor(MonitorType::Tcp)];
        let text = carry_over(&shown(), &samples::validated(&asked), &HashSet::new());
        let rows: Vec<&str> = text.lines().skip(2).collect();
        assert_eq!(rows, [row(1, "10.0.0.11", 8080).replace(" 9 9 ", " 1 1 ")]);
    }

    #[test]
    fn without_a_monitor_nothing_is_carried_over_or_it_would_be_down_for_ever() {
        let asked = samples::load_balancer(Protocol::Http);
        assert_eq!(carry_over(&shown(), &samples::validated(&asked), &HashSet::new()).lines().count(), 2);
    }

    #[test]
    fn a_member_that_does_not_answer_pings_stays_out() {
        let mut asked = samples::load_balancer(Protocol::Http);
        asked.pools[0].monitors = vec![samples::monitor(MonitorType::Ping)];
        let down = HashSet::from([(ID.to_owned(), samples::member(1).id)]);
        let text = carry_over(&shown(), &samples::validated(&asked), &down);
        assert!(text.lines().nth(2).unwrap().contains(" 10.0.0.11 0 1 1 1 "), "{text}");
    }
}
