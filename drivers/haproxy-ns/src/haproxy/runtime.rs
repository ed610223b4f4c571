//! Changes that a running haproxy takes through its socket, a fiftieth of the cost of a reload. Pure.
//!
//! Both configurations were rendered by this driver, so their difference is a difference of lines. Weights and admin
//! states of servers can be set; anything else needs a new process. What runs is compared with what the file says at
//! each pass, because nothing else would notice that somebody has used the socket.

use std::collections::{BTreeMap, HashSet};

/// What a `server` line says of things that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Setting {
    weight: u16,
    disabled: bool,
}

/// A command for each server that differs; `None`: more than that differs.
pub(crate) fn commands(old: &str, new: &str) -> Option<Vec<String>> {
    let (old_rest, old_servers) = split(old);
    let (new_rest, new_servers) = split(new);
    if old_rest != new_rest {
        return None;
    }
    let mut commands = Vec::new();
    for ((backend, server), setting) in &new_servers {
        let before = old_servers.get(&(*backend, *server))?;
        if before.weight != setting.weight {
            commands.push(format!("set server {backend}/{server} weight {}", setting.weight));
        }
        if before.disabled != setting.disabled {
            let state = if setting.disabled { "maint" } else { "ready" };
            commands.push(format!("set server {backend}/{server} state {state}"));
        }
    }
    Some(commands)
}

/// Whether the servers of a process (`show servers state`) are set otherwise than its configuration says. `pinged`:
/// members, by pool and id, that pings put into maintenance.
pub(crate) fn differs(shown: &str, configuration: &str, pinged: &HashSet<(String, String)>) -> bool {
    let running: BTreeMap<(&str, &str), (&str, &str)> = shown
        .lines()
        .filter(|line| !line.starts_with('#'))
        .filter_map(|line| {
            let cells: Vec<&str> = line.split(' ').collect();
            Some(((*cells.get(1)?, *cells.get(3)?), (*cells.get(6)?, *cells.get(7)?)))
        })
        .collect();
    split(configuration).1.into_iter().any(|((backend, server), setting)| {
        let Some((admin_state, weight)) = running.get(&(backend, server)) else { return true };
        let by_ping = pinged.contains(&(backend.to_owned(), server.to_owned()));
        *weight != setting.weight.to_string() || !by_ping && (*admin_state != "0") != setting.disabled
    })
}

type Servers<'a> = BTreeMap<(&'a str, &'a str), Setting>;

/// The configuration without what can be changed, and that.
fn split(text: &str) -> (Vec<String>, Servers<'_>) {
    let mut rest = Vec::new();
    let mut servers = Servers::new();
    let mut section = "";
    for line in text.lines().filter(|line| !line.starts_with('#')) {
        let mut words: Vec<&str> = line.split_whitespace().collect();
        match words.as_slice() {
            ["backend", name] => section = name,
            ["server", name, _, "weight", weight, ..] => {
                let disabled = words.last() == Some(&"disabled");
                servers.insert((section, name), Setting { weight: weight.parse().unwrap_or(0), disabled });
                words[4] = "";
                words.pop_if(|word| *word == "disabled");
            }
            _ => {}
        }
        rest.push(words.join(" "));
    }
    (rest, servers)
}

#[cfg(test)]
mod tests {
    use ballast_abi::{LoadBalancer, Protocol};

    use super::*;
    use crate::{
        render::render,
        samples::{self, ID},
    };

    fn text(change: impl FnOnce(&mut LoadBalancer)) -> String {
        let mut asked = samples::load_balancer(Protocol::Http);
        change(&mut asked);
        render(&samples::validated(&asked), &samples::config(), true).unwrap()
    }

    #[test]
    fn weights_and_admin_states_are_commands() {
        let new = text(|asked| {
            asked.pools[0].members[0].weight = 0;
            asked.pools[0].members[1].admin_state_up = false;
        });
        let (first, second) = (samples::member(1).id, samples::member(2).id);
        let expected = [format!("set server {ID}/{first} weight 0"), format!("set server {ID}/{second} state maint")];
        assert_eq!(commands(&text(|_| {}), &new).unwrap(), expected);
        assert_eq!(commands(&new, &text(|_| {})).unwrap().len(), 2);
    }

    #[test]
    fn anything_else_needs_a_new_process() {
        let old = text(|_| {});
        assert_eq!(commands(&old, &old), Some(Vec::new()));
        let changes: [fn(&mut LoadBalancer); 4] = [
            |asked| asked.pools[0].members[0].protocol_port = 81,
            |asked| drop(asked.pools[0].members.pop()),
            |asked| asked.listeners[0].connection_limit = 5,
            |asked| asked.pools[0].admin_state_up = false,
        ];
        for change in changes {
            assert_eq!(commands(&old, &text(change)), None);
            assert_eq!(commands(&text(change), &old), None);
        }
    }

    #[test]
    fn a_setting_that_somebody_made_by_hand_is_seen() {
        let row = |member: u32, admin_state: u8, weight: u8| {
            format!("3 {ID} 1 {} 10.0.0.1 2 {admin_state} {weight} 1 0", samples::member(member).id)
        };
        let none = HashSet::new();
        let configuration = text(|_| {});
        let running = |first: String, second: String| format!("1\n# be_id\n{first}\n{second}\n");
        assert!(!differs(&running(row(1, 0, 1), row(2, 0, 2)), &configuration, &none));
        assert!(differs(&running(row(1, 0, 9), row(2, 0, 2)), &configuration, &none));
        let in_maintenance = running(row(1, 1, 1), row(2, 0, 2));
        assert!(differs(&in_maintenance, &configuration, &none));
        let pinged = HashSet::from([(ID.to_owned(), samples::member(1).id)]);
        assert!(!differs(&in_maintenance, &configuration, &pinged));
        assert!(differs(&running(row(1, 0, 1), String::new()), &configuration, &none));
    }
}
