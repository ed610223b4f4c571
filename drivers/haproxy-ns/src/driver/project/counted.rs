//! What a haproxy that is shared has counted: whose it is, and that none of it is lost with the process.

use super::{Asked, HaproxyNs};
use crate::{
    counters::Base,
    failure::Failure,
    files::Files,
    haproxy::{process, socket, statistics},
    state::State,
};

impl HaproxyNs {
    /// Before the process ends: what it has counted becomes its load balancers' own.
    pub(super) fn keep_last(&self, name: &str, files: &Files, id: &str) -> Result<Option<Base>, Failure> {
        let mut state = State::read(files)?.unwrap_or_default();
        let said = process::current(files, name).and_then(|pid| {
            let answer = socket::ask(files, statistics::COMMAND).ok()?;
            Some((pid, statistics::parse(&answer).counted(true, state.base.left(pid))))
        });
        let seen = || self.seen.of(name).map(|seen| (seen.pid, seen.counted));
        if let Some((pid, counted)) = said.or_else(seen).filter(|(pid, _)| !state.base.has(*pid)) {
            state.ending(pid, &counted, self.page_of(name).as_ref());
        }
        state.settle(None);
        for (id, base) in &state.bases {
            let files = Files::of(&self.state_dir, id);
            let Some(notes) = State::read(&files)?.filter(|notes| notes.shared.is_some()) else { continue };
            State { base: base.clone(), ..notes }.write(&files)?;
        }
        Ok(state.bases.remove(id))
    }

    /// What it has counted before it came goes on from there: the greater, as notes may be old.
    pub(super) fn keep_base(&self, name: &str, files: &Files, asked: &Asked<'_>) -> Result<(), Failure> {
        let mut state = State::read(files)?.unwrap_or_default();
        let before = state.bases.clone();
        state.bases.retain(|id, _| id == asked.id || self.state_dir.join(id).exists());
        if asked.part.is_some() {
            let kept = state.bases.entry(asked.id.to_owned()).or_default();
            if kept.under(None).totals.connections < asked.base.under(None).totals.connections {
                *kept = asked.base.settled(None);
            }
        }
        if state.bases == before {
            return Ok(());
        }
        tracing::debug!(project = %name, "counters of {} are kept", asked.id);
        state.write(files)
    }
}
