//! Changes that a running haproxy takes through its socket, a fiftieth of the cost of a reload. Pure.
//!
//! A difference of two [`Page`]s: the weight of a server, and whether it is in maintenance, can be set; anything else needs
//! a new process. What runs is compared with its page at each pass, because nothing else would notice that somebody has used
//! the socket. haproxy's own answers are the only text that is read here.

use std::{
    collections::{HashMap, HashSet},
    fmt,
};

use super::limits;
use crate::page::{Page, Server};

/// What [`differs`] understands: the servers, the frontends, and the limits of all and of the process.
pub(crate) const QUESTION: &str = "show servers state;show stat -1 5 -1;show info";

/// One thing of one server.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Change {
    pub(crate) backend: String,
    pub(crate) server: String,
    pub(crate) to: To,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Weight(u16),
    Maintenance,
    Service,
}

/// The command.
impl fmt::Display for Change {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { backend, server, to } = self;
        write!(f, "set server {backend}/{server} ")?;
        match to {
            To::Weight(weight) => write!(f, "weight {weight}"),
            To::Maintenance => f.write_str("state maint"),
            To::Service => f.write_str("state ready"),
        }
    }
}

/// What makes a process of the old page one of the new; `None`: more than that differs, or a member that is checked comes
/// back: out of maintenance haproxy serves a member until a check fails, and a new process waits until one has passed.
/// `pinged`: members, by pool and id, that come back when they answer.
pub(crate) fn changes(old: &Page, new: &Page, pinged: &HashSet<(String, String)>) -> Option<Vec<Change>> {
    if fixed(old) != fixed(new) {
        return None;
    }
    let mut changes = Vec::new();
    for (old, new) in old.backends.iter().zip(&new.backends) {
        for (before, server) in old.servers.iter().zip(&new.servers) {
            let change = |to| Change { backend: new.id.clone(), server: server.id.clone(), to };
            if before.weight != server.weight {
                changes.push(change(To::Weight(server.weight)));
            }
            match (before.disabled, server.disabled) {
                (false, false) | (true, true) => {}
                (false, true) => changes.push(change(To::Maintenance)),
                (true, false) if server.check_port.is_some() => return None,
                (true, false) if pinged.contains(&(new.id.clone(), server.id.clone())) => {}
                (true, false) => changes.push(change(To::Service)),
            }
        }
    }
    Some(changes)
}

/// A page without what can be set, and without what is said to readers only.
fn fixed(page: &Page) -> Page {
    let mut page = page.clone();
    page.project.clear();
    for server in page.backends.iter_mut().flat_map(|backend| &mut backend.servers) {
        (server.weight, server.disabled) = (0, false);
    }
    page
}

/// Whether a process, by its answer to [`QUESTION`], is set otherwise than its page says. `pinged`: members, by pool and id,
/// that pings put into maintenance.
pub(crate) fn differs(answer: &str, page: &Page, pinged: &HashSet<(String, String)>) -> bool {
    let (servers, frontends) = answer.split_once("# pxname").unwrap_or((answer, ""));
    let rows = servers.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect::<Vec<_>>());
    let running: HashMap<(&str, &str), Vec<&str>> =
        rows.filter_map(|cells| Some(((*cells.get(BACKEND)?, *cells.get(SERVER)?), cells))).collect();
    let all = page.backends.iter().flat_map(|backend| backend.servers.iter().map(|server| (&backend.id, server)));
    let changed = |(backend, server): (&String, &Server)| {
        let Some(cells) = running.get(&(backend.as_str(), server.id.as_str())) else { return true };
        let by_ping = pinged.contains(&(backend.clone(), server.id.clone()));
        !is_so(server, cells, by_ping)
    };
    let open: HashSet<&str> = frontends.lines().filter(|line| line.contains(",OPEN,")).filter_map(first_cell).collect();
    { all }.any(changed)
        || page.frontends.iter().any(|frontend| !open.contains(frontend.id.as_str()))
        || limits::differ(answer, page)
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

/// Whether a server's row is so. `by_ping`: whether it is in maintenance or not is the pings' business.
fn is_so(server: &Server, cells: &[&str], by_ping: bool) -> bool {
    let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
    let checks = cell(CHECK_STATE).parse().unwrap_or(0) & CHECK_ENABLED != 0;
    let disabled = cell(ADMIN_STATE).parse().unwrap_or(0) & !DISABLED_IN_FILE != 0;
    cell(ADDRESS).parse() == Ok(server.address.ip())
        && cell(PORT).parse() == Ok(server.address.port())
        && cell(WEIGHT).parse() == Ok(server.weight)
        && (by_ping || disabled == server.disabled)
        && checks == server.check_port.is_some()
}

#[cfg(test)]
mod tests;
