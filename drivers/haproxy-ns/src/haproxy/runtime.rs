//! Changes that a running haproxy takes through its socket, a fiftieth of the cost of a reload. Pure.
//!
//! Both configurations were rendered by this driver, so their difference is a difference of lines. Weights and admin
//! states of servers can be set; anything else needs a new process. What runs is compared with what the file says at
//! each pass, because nothing else would notice that somebody has used the socket.

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    net::SocketAddr,
};

use super::limits;

/// What [`differs`] understands: the servers, the frontends, and the limits of all and of the process.
pub(crate) const QUESTION: &str = "show servers state;show stat -1 5 -1;show info";

/// What a `server` line says of things that can be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
struct Setting {
    address: SocketAddr,
    weight: u16,
    disabled: bool,
    checked: bool,
}

/// A command for each server that differs; `None`: more than that differs, or a member that is checked comes back: out of
/// maintenance haproxy serves a member until a check fails, and a new process waits until one has passed. `pinged`:
/// members, by pool and id, that come back when they answer.
pub(crate) fn commands(old: &str, new: &str, pinged: &HashSet<(String, String)>) -> Option<Vec<String>> {
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
            if setting.checked && !setting.disabled {
                return None;
            }
            if !setting.disabled && pinged.contains(&((*backend).to_owned(), (*server).to_owned())) {
                continue;
            }
            let state = if setting.disabled { "maint" } else { "ready" };
            commands.push(format!("set server {backend}/{server} state {state}"));
        }
    }
    Some(commands)
}

/// Whether a process, by its answer to [`QUESTION`], is set otherwise than its configuration says. `pinged`: members, by
/// pool and id, that pings put into maintenance.
pub(crate) fn differs(answer: &str, configuration: &str, pinged: &HashSet<(String, String)>) -> bool {
    let (servers, frontends) = answer.split_once("# pxname").unwrap_or((answer, ""));
    let rows = servers.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect::<Vec<_>>());
    let running: HashMap<(&str, &str), Vec<&str>> =
        rows.filter_map(|cells| Some(((*cells.get(BACKEND)?, *cells.get(SERVER)?), cells))).collect();
    let changed = |((backend, server), setting): ((&str, &str), Setting)| {
        let Some(cells) = running.get(&(backend, server)) else { return true };
        let by_ping = pinged.contains(&(backend.to_owned(), server.to_owned()));
        !setting.is_of(cells, by_ping)
    };
    let open: HashSet<&str> = frontends.lines().filter(|line| line.contains(",OPEN,")).filter_map(first_cell).collect();
    let stopped = |line: &str| line.strip_prefix("frontend ").is_some_and(|name| !open.contains(name.trim()));
    split(configuration).1.into_iter().any(changed)
        || configuration.lines().any(stopped)
        || limits::differ(answer, configuration)
}

fn first_cell(line: &str) -> Option<&str> {
    line.split(',').next()
}

// Columns of `show servers state`.
pub(super) const BACKEND: usize = 1;
pub(super) const SERVER: usize = 3;
pub(super) const ADDRESS: usize = 4;
pub(super) const ADMIN_STATE: usize = 6;
pub(super) const WEIGHT: usize = 7;
pub(super) const CHECK_STATE: usize = 13;
pub(super) const PORT: usize = 18;
/// The bit of the admin state that says how it began, and nothing of how it is.
pub(super) const DISABLED_IN_FILE: u32 = 4;
/// The bit of the check's state that says that it is on.
pub(super) const CHECK_ENABLED: u32 = 4;

impl Setting {
    /// Whether a server's row is so. `by_ping`: whether it is in maintenance or not is the pings' business.
    fn is_of(&self, cells: &[&str], by_ping: bool) -> bool {
        let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
        let checks = cell(CHECK_STATE).parse().unwrap_or(0) & CHECK_ENABLED != 0;
        let disabled = cell(ADMIN_STATE).parse().unwrap_or(0) & !DISABLED_IN_FILE != 0;
        cell(ADDRESS).parse() == Ok(self.address.ip())
            && cell(PORT).parse() == Ok(self.address.port())
            && cell(WEIGHT).parse() == Ok(self.weight)
            && (by_ping || disabled == self.disabled)
            && checks == self.checked
    }
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
            ["server", name, address, "weight", weight, ..] => {
                let disabled = words.last() == Some(&"disabled");
                let (weight, checked) = (weight.parse().unwrap_or(0), words.contains(&"check"));
                if let Ok(address) = address.parse() {
                    servers.insert((section, name), Setting { address, weight, disabled, checked });
                }
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
    use ballast_abi::{LoadBalancer, MonitorType, Protocol};

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
        let none = HashSet::new();
        assert_eq!(commands(&text(|_| {}), &new, &none).unwrap(), expected);
        assert_eq!(commands(&new, &text(|_| {}), &none).unwrap().len(), 2);
    }

    #[test]
    fn a_member_that_comes_back_waits_for_its_check_or_for_its_answer() {
        let out = |asked: &mut LoadBalancer| asked.pools[0].members[1].admin_state_up = false;
        let monitors = |asked: &mut LoadBalancer| asked.pools[0].monitors = vec![samples::monitor(MonitorType::Tcp)];
        let checked = text(|asked| (out(asked), monitors(asked)).1);
        assert_eq!(commands(&checked, &text(monitors), &HashSet::new()), None);
        assert_eq!(commands(&text(monitors), &checked, &HashSet::new()).map(|commands| commands.len()), Some(1));
        let pinged = HashSet::from([(ID.to_owned(), samples::member(2).id)]);
        assert_eq!(commands(&text(out), &text(|_| {}), &pinged), Some(Vec::new()));
    }

    #[test]
    fn anything_else_needs_a_new_process() {
        let old = text(|_| {});
        assert_eq!(commands(&old, &old, &HashSet::new()), Some(Vec::new()));
        let changes: [fn(&mut LoadBalancer); 4] = [
            |asked| asked.pools[0].members[0].protocol_port = 81,
            |asked| drop(asked.pools[0].members.pop()),
            |asked| asked.listeners[0].connection_limit = 5,
            |asked| asked.pools[0].admin_state_up = false,
        ];
        for change in changes {
            assert_eq!(commands(&old, &text(change), &HashSet::new()), None);
            assert_eq!(commands(&text(change), &old, &HashSet::new()), None);
        }
    }

    /// A row of `show servers state`, with these columns set otherwise.
    fn row(member: u32, other: &[(usize, &str)]) -> String {
        let member = samples::member(member);
        let (address, weight) = (member.address, member.weight.to_string());
        let text = format!("3 {ID} 1 {} {address} 2 0 {weight} 1 0 1 0 0 0 0 0 0 0 - 8080 - 0 0 - - 0", member.id);
        let mut cells: Vec<&str> = text.split(' ').collect();
        cells.remove(18);
        for (index, value) in other {
            cells[*index] = value;
        }
        cells.join(" ")
    }

    #[test]
    fn whatever_somebody_set_by_hand_is_seen() {
        let none = HashSet::new();
        let configuration = text(|_| {});
        let frontend = configuration.lines().find_map(|line| line.strip_prefix("frontend ")).unwrap();
        let running = |first: &[(usize, &str)], state: &str| {
            let (first, second) = (row(1, first), row(2, &[]));
            format!("1\n# be_id\n{first}\n{second}\n\n# pxname,svname,status\n{frontend},FRONTEND,,{state},\n\n")
        };
        assert!(!differs(&running(&[], "OPEN"), &configuration, &none));
        for set in [(ADDRESS, "10.0.0.99"), (ADMIN_STATE, "1"), (WEIGHT, "9"), (CHECK_STATE, "4"), (PORT, "81")] {
            assert!(differs(&running(&[set], "OPEN"), &configuration, &none), "{set:?}");
        }
        assert!(differs(&running(&[], "STOP"), &configuration, &none));
        assert!(differs(&running(&[(SERVER, "gone")], "OPEN"), &configuration, &none));
        let pinged = HashSet::from([(ID.to_owned(), samples::member(1).id)]);
        assert!(!differs(&running(&[(ADMIN_STATE, "1")], "OPEN"), &configuration, &pinged));
        assert!(differs(&running(&[(WEIGHT, "9")], "OPEN"), &configuration, &pinged));
    }
}
