//! What goes along with a load balancer that moves to another host: where its counters ended, and which member each
//! client has. Whatever cannot be read or told is said in the log and left out.

use std::time::{Duration, Instant};

use ballast_abi::{ListenerObservation, Observation, UndeployReply};
use ballast_namespace::{
    clients::{Clients, Handover},
    l4::remembered,
};

use super::HaproxyNs;
use crate::{
    failure::{Failure, chain},
    files::{Files, read_optional},
    haproxy::{clients, process, socket},
    page::{Page, kept},
    project,
    state::State,
};

/// How long clients may take to be told to a process that serves already.
const PATIENCE: Duration = Duration::from_secs(10);
/// How often those are looked for that came meanwhile.
const ROUNDS: u32 = 3;

impl HaproxyNs {
    /// What is to be known elsewhere of what is about to be taken away. To be called with its lock.
    pub(super) fn left(&self, id: &str) -> UndeployReply {
        let files = Files::of(&self.state_dir, id);
        let Some(seen) = self.last_observation(id) else { return UndeployReply::default() };
        let of = |listener: ListenerObservation| ListenerObservation { full: false, ..listener };
        let said = |what: &str, failure: &Failure| {
            tracing::warn!(load_balancer = %id, "{what} does not go along: {}", chain(failure));
        };
        let handover = Handover {
            backends: self.remembered_clients(id, &files).unwrap_or_else(|failure| {
                said("which member each client has", &failure);
                Vec::new()
            }),
            listeners: remembered::read(&files, &self.netns(id)).unwrap_or_else(|failure| {
                said("which member each client of a forwarded listener has", &failure);
                Vec::new()
            }),
        };
        let Observation { statistics, listeners, pools, .. } = seen;
        let listeners = listeners.into_iter().map(of).collect();
        UndeployReply { statistics, listeners, handover: handover.encode(), pools }
    }

    /// Tells what serves by now which member each client had. To be called with its lock.
    pub(super) fn recall(&self, id: &str, handover: &Handover) {
        let files = Files::of(&self.state_dir, id);
        if let Err(failure) = self.tell(id, &files, &handover.backends) {
            tracing::warn!(load_balancer = %id, "some clients may get other members: {}", chain(&failure));
        }
        if let Err(failure) = remembered::put(&files, &self.netns(id), &handover.listeners) {
            tracing::warn!(load_balancer = %id, "some clients may get other members: {}", chain(&failure));
        }
    }

    fn remembered_clients(&self, id: &str, files: &Files) -> Result<Vec<Clients>, Failure> {
        let Some((page, files)) = self.sticky_page(id, files)? else { return Ok(Vec::new()) };
        Ok(clients::read(&socket::ask(&files, &clients::question(clients::sticky(&page)))?))
    }

    fn tell(&self, id: &str, files: &Files, tables: &[Clients]) -> Result<(), Failure> {
        if tables.is_empty() {
            return Ok(());
        }
        let Some((page, files)) = self.sticky_page(id, files)? else { return Ok(()) };
        tell(id, &files, &page, tables)
    }

    /// The same, if it has a stick table there.
    fn sticky_page(&self, id: &str, files: &Files) -> Result<Option<(Page, Files)>, Failure> {
        Ok(self.page_that_serves(id, files)?.filter(|(page, _)| clients::sticky(page).next().is_some()))
    }

    /// What a haproxy that runs says of it, and its files.
    pub(super) fn page_that_serves(&self, id: &str, files: &Files) -> Result<Option<(Page, Files)>, Failure> {
        let shared = State::read(files)?.and_then(|state| state.shared);
        Ok(match &shared {
            Some(name) => {
                let files = project::files(&self.state_dir, name);
                running_page(name, &files)?.and_then(|page| page.part(id)).map(|page| (page, files))
            }
            None => running_page(id, files)?.map(|page| (page, files.clone())),
        })
    }
}

/// The page of a haproxy that runs.
fn running_page(id: &str, files: &Files) -> Result<Option<Page>, Failure> {
    if process::current(files, id).is_none() {
        return Ok(None);
    }
    let config = read_optional(&files.config())
        .map_err(|error| Failure::io(format!("read {}", files.config().display()), error))?;
    Ok(config.as_deref().and_then(|text| kept::read(files, text)))
}

fn tell(id: &str, files: &Files, page: &Page, tables: &[Clients]) -> Result<(), Failure> {
    let told = clients::Told::new(page, tables, &socket::ask(files, &clients::question(clients::sticky(page)))?);
    if told.is_empty() {
        return Ok(());
    }
    let end = Instant::now() + PATIENCE;
    let mut lines = told.commands();
    for _ in 0..ROUNDS {
        for line in lines {
            if Instant::now() > end {
                return Err(Failure::io("tell haproxy all clients in time", std::io::ErrorKind::TimedOut));
            }
            let said = socket::ask(files, &line)?;
            if let Some(said) = said.lines().find(|line| !line.trim().is_empty()) {
                tracing::debug!(load_balancer = %id, "haproxy says of a client: {said}");
            }
        }
        // Clients that came in between have got a member by chance.
        lines = told.corrections(&socket::ask(files, &told.question())?);
        if lines.is_empty() {
            break;
        }
    }
    Ok(())
}
