//! Changes that a running haproxy takes through its socket, a fiftieth of the cost of a reload. Pure.
//!
//! A difference of two [`Page`]s: servers come and go, of those that stay the weight can be set and whether they are in
//! maintenance, and of frontends their limit; anything else needs a new process. What runs is compared with its page at each pass, because nothing else
//! would notice that somebody has used the socket. haproxy's own answers are the only text that is read here.
//!
//! A server that still has connections when it goes stays in maintenance: nobody is sent to it, and they go on. It is taken
//! away with a later change, or a new process does not have it.

mod arrival;

use std::collections::{HashMap, HashSet};

pub(crate) use self::arrival::Arrival;
use super::{generation, limits};
use crate::{
    page::{Backend, Frontend, Page, Server},
    secrets::{Kind, Named},
};

/// What [`differs`] understands: the servers, the frontends, the limits of all and of the process, and which generation it
/// says that it is.
pub(crate) const QUESTION: &str = "show servers state;show stat -1 5 -1;show info;get var proc.generation";

/// What a process is told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Change {
    Server {
        backend: String,
        server: String,
        to: To,
    },
    /// Another content of a secret, which has its file already.
    Secret(Box<Named>),
    /// Connections of a frontend at one time.
    Limit {
        frontend: String,
        most: u32,
    },
    /// Which one it is from now on.
    Generation(u64),
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum To {
    Weight(u16),
    Maintenance,
    Service,
    There(Box<Arrival>),
    Gone,
}

impl Change {
    fn of(backend: &str, server: &str, to: To) -> Self {
        Self::Server { backend: backend.to_owned(), server: server.to_owned(), to }
    }

    /// The backend and the server that is taken away with it.
    pub(crate) fn goes(&self) -> Option<(&str, &str)> {
        match self {
            Self::Server { backend, server, to: To::Gone } => Some((backend, server)),
            Self::Server { .. } | Self::Secret(_) | Self::Limit { .. } | Self::Generation(_) => None,
        }
    }

    /// The same of one that is put there.
    pub(crate) fn comes(&self) -> Option<(&str, &str)> {
        match self {
            Self::Server { backend, server, to: To::There(_) } => Some((backend, server)),
            Self::Server { .. } | Self::Secret(_) | Self::Limit { .. } | Self::Generation(_) => None,
        }
    }

    /// Commands in one line. Of a secret there are none that may be shown: [`certificates`](super::certificates) tells it.
    pub(crate) fn commands(&self) -> String {
        let (name, to) = match self {
            Self::Server { backend, server, to } => (format!("{backend}/{server}"), to),
            Self::Limit { frontend, most } => return format!("set maxconn frontend {frontend} {most}"),
            Self::Generation(generation) => return generation::tell(*generation),
            Self::Secret(_) => return String::new(),
        };
        match to {
            To::Weight(weight) => format!("set server {name} weight {weight}"),
            To::Maintenance => format!("set server {name} state maint"),
            To::Service => format!("set server {name} state ready"),
            To::There(arrival) => arrival.commands(&name),
            To::Gone => format!("set server {name} state maint;del server {name}"),
        }
    }

    /// Whether this answer to the commands says that they were done.
    pub(crate) fn is_done(&self, answer: &str) -> bool {
        let mut said = answer.lines().map(str::trim).filter(|line| !line.is_empty());
        match self {
            Self::Server { to: To::There(_), .. } => said.eq(["New server registered."]),
            Self::Server { to: To::Gone, .. } => said.all(|line| {
                matches!(line, "Server deleted." | "No such server.")
                    || line.starts_with("Server still has connections")
            }),
            Self::Server { to: To::Weight(_) | To::Maintenance | To::Service, .. }
            | Self::Secret(_)
            | Self::Limit { .. }
            | Self::Generation(_) => said.next().is_none(),
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
    let is_tracked = |backend: &Backend| tracks(old, &backend.id) || tracks(new, &backend.id);
    // Those that come are there before others go.
    let (mut come, mut set, mut gone) = (Vec::new(), Vec::new(), Vec::new());
    for (old, new) in old.backends.iter().zip(&new.backends) {
        let mut before: HashMap<&str, &Server> = old.servers.iter().map(|one| (one.id.as_str(), one)).collect();
        for server in &new.servers {
            let change = |to| Change::of(&new.id, &server.id, to);
            let is_pinged = pinged.contains(&(new.id.clone(), server.id.clone()));
            let Some(before) = before.remove(server.id.as_str()) else {
                let arrival = Arrival::of(server, new, is_pinged).filter(|_| !is_tracked(new))?;
                come.push(change(To::There(Box::new(arrival))));
                continue;
            };
            let settable = Server { weight: server.weight, disabled: server.disabled, ..before.clone() };
            if settable != *server {
                return None;
            }
            if before.weight != server.weight {
                set.push(change(To::Weight(server.weight)));
            }
            match (before.disabled, server.disabled) {
                (false, false) | (true, true) => {}
                (false, true) => set.push(change(To::Maintenance)),
                (true, false) if server.check_port.is_some() => return None,
                (true, false) if is_pinged => {}
                (true, false) => set.push(change(To::Service)),
            }
        }
        if !before.is_empty() && is_tracked(new) {
            return None;
        }
        let left = old.servers.iter().filter(|server| before.contains_key(server.id.as_str()));
        gone.extend(left.map(|server| Change::of(&new.id, &server.id, To::Gone)));
    }
    // What haproxy may refuse is told before anything else.
    let mut all = renewed(old, new)?;
    all.append(&mut come);
    let mut come = all;
    come.extend(set);
    come.extend(gone);
    come.extend(limits(old, new));
    // Last: what was not told is not said to be there.
    come.extend((old.generation != new.generation).then_some(Change::Generation(new.generation)));
    Some(come)
}

/// Secrets that have another content under their name. `None`: one of them is taken at a start only. haproxy says of it that
/// it has taken it: that of members to which no certificate is shown goes on with the CA that it was started with.
fn renewed(old: &Page, new: &Page) -> Option<Vec<Change>> {
    let pairs = old.secrets.iter().zip(&new.secrets).filter(|(before, now)| before.digest != now.digest);
    let is_fixed = |secret: &Named| {
        let path = secret.path();
        let mut of_members = new.backends.iter().filter_map(|one| one.ssl.as_deref());
        secret.kind != Kind::Certificate && of_members.any(|words| words.contains(&path) && !words.contains(" crt "))
    };
    let told = pairs.map(|(_, now)| (!is_fixed(now)).then(|| Change::Secret(Box::new(now.clone()))));
    told.collect()
}

/// Without a limit of its own a frontend has the process's.
fn limits<'a>(old: &'a Page, new: &'a Page) -> impl Iterator<Item = Change> + 'a {
    let limit = |frontend: &Frontend| frontend.maxconn.filter(|limit| *limit > 0).unwrap_or(new.maxconn);
    let pairs = old.frontends.iter().zip(&new.frontends);
    let other = pairs.filter(|(before, now)| before.maxconn != now.maxconn);
    other.map(move |(_, now)| Change::Limit { frontend: now.id.clone(), most: limit(now) })
}

/// Whether servers go by the checks of this backend's, or its own go by others'.
fn tracks(page: &Page, backend: &str) -> bool {
    let by = |one: &Backend, server: &Server| {
        server.tracks.as_ref().is_some_and(|tracked| tracked == backend || one.id == backend)
    };
    page.backends.iter().any(|one| one.servers.iter().any(|server| by(one, server)))
}

/// A page without what can be set, and without what is said to readers only.
fn fixed(page: &Page) -> Page {
    let mut page = page.clone();
    page.project.clear();
    page.generation = 0;
    page.shares.clear();
    page.secrets.iter_mut().for_each(|secret| secret.digest.clear());
    page.backends.iter_mut().for_each(|backend| backend.servers.clear());
    page.frontends.iter_mut().for_each(|frontend| frontend.maxconn = None);
    page
}

/// The servers that a process, by its answer to [`QUESTION`], has still and its page has no longer: nobody is sent to them.
pub(crate) fn leaving(answer: &str, page: &Page) -> Vec<Change> {
    let known = known(page);
    let strange = |(name, cells): &((&str, &str), Vec<&str>)| !known.contains(name) && is_resting(cells);
    let rows = rows(answer).filter(strange);
    rows.map(|((backend, server), _)| Change::of(backend, server, To::Gone)).collect()
}

fn known(page: &Page) -> HashSet<(&str, &str)> {
    page.backends
        .iter()
        .flat_map(|one| one.servers.iter().map(|server| (one.id.as_str(), server.id.as_str())))
        .collect()
}

/// The rows of servers, by backend and server.
fn rows(answer: &str) -> impl Iterator<Item = ((&str, &str), Vec<&str>)> {
    let servers = answer.split_once("# pxname").map_or(answer, |(servers, _)| servers);
    let rows = servers.lines().filter(|line| !line.starts_with('#')).map(|line| line.split(' ').collect::<Vec<_>>());
    rows.filter_map(|cells| Some(((*cells.get(BACKEND)?, *cells.get(SERVER)?), cells)))
}

fn is_resting(cells: &[&str]) -> bool {
    cells.get(ADMIN_STATE).and_then(|bits| bits.parse::<u32>().ok()).unwrap_or(0) & FORCED != 0
}

/// Whether a process, by its answer to [`QUESTION`], is set otherwise than its page says. `pinged`: members, by pool and id,
/// that pings put into maintenance.
pub(crate) fn differs(answer: &str, page: &Page, pinged: &HashSet<(String, String)>) -> bool {
    let frontends = answer.split_once("# pxname").map_or("", |(_, frontends)| frontends);
    let running: HashMap<(&str, &str), Vec<&str>> = rows(answer).collect();
    let known = known(page);
    let is_strange = |(name, cells): (&(&str, &str), &Vec<&str>)| !known.contains(name) && !is_resting(cells);
    let all = page.backends.iter().flat_map(|backend| backend.servers.iter().map(|server| (&backend.id, server)));
    let changed = |(backend, server): (&String, &Server)| {
        let Some(cells) = running.get(&(backend.as_str(), server.id.as_str())) else { return true };
        let by_ping = pinged.contains(&(backend.clone(), server.id.clone()));
        !is_so(server, cells, by_ping)
    };
    let open: HashSet<&str> = frontends.lines().filter(|line| line.contains(",OPEN,")).filter_map(first_cell).collect();
    { all }.any(changed)
        || running.iter().any(is_strange)
        || page.frontends.iter().any(|frontend| !open.contains(frontend.id.as_str()))
        || limits::differ(answer, page)
        || generation::differs(answer, page)
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
/// The bit that says that somebody has put it into maintenance.
const FORCED: u32 = 1;
/// The bit that says that the server whose checks it goes by is in maintenance.
const INHERITED: u32 = 2;
/// The bit of the check's state that says that it is on.
pub(super) const CHECK_ENABLED: u32 = 4;

/// Whether a server's row is so. `by_ping`: whether it is in maintenance or not is the pings' business.
fn is_so(server: &Server, cells: &[&str], by_ping: bool) -> bool {
    let cell = |index: usize| cells.get(index).copied().unwrap_or_default();
    let checks = cell(CHECK_STATE).parse().unwrap_or(0) & CHECK_ENABLED != 0;
    let disabled = cell(ADMIN_STATE).parse().unwrap_or(0) & !(DISABLED_IN_FILE | INHERITED) != 0;
    cell(ADDRESS).parse() == Ok(server.address.ip())
        && cell(PORT).parse() == Ok(server.address.port())
        && cell(WEIGHT).parse() == Ok(server.weight)
        && (by_ping || disabled == server.disabled)
        && checks == server.check_port.is_some()
}

#[cfg(test)]
mod tests;
