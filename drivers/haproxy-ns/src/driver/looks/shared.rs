//! How haproxies are that load balancers share.

use std::{fs, os::unix::fs::MetadataExt, path::Path};

use ballast_netns::locks::hold_now;

use super::HaproxyNs;
use crate::{
    config::ProcessModel,
    desired::Desired,
    failure::{Failure, Step, chain},
    files::{Files, read_optional},
    haproxy::process,
    observe::{self, Said},
    page::{Page, kept},
    plan::plan_project,
    project::{self, parts},
    state::State,
};

/// A haproxy that is shared: what runs, and what it lacks.
pub(super) struct Whole {
    pub(super) page: Option<Page>,
    pub(super) missing: Option<String>,
}

impl HaproxyNs {
    /// What the haproxy of a project serves, as far as it is known.
    pub(in super::super) fn page_of(&self, name: &str) -> Option<Page> {
        let files = project::files(&self.state_dir, name);
        let text = read_optional(&files.config()).ok()??;
        kept::read(&files, &text)
    }

    /// While somebody changes it, it is as it should be as far as anybody knows.
    pub(super) fn look_at(&self, name: &str, said: Option<Said>) -> Whole {
        let files = project::files(&self.state_dir, name);
        let lock = self.locks.of(name);
        let Some(_guard) = hold_now(&lock) else { return Whole { page: self.page_of(name), missing: None } };
        match self.lacks(name, &files, said) {
            Ok(whole) => whole,
            Err(failure) => Whole { page: None, missing: Some(chain(&failure)) },
        }
    }

    fn lacks(&self, name: &str, files: &Files, said: Option<Said>) -> Result<Whole, Failure> {
        let lacking = |page, why: &str| Whole { page, missing: Some(why.to_owned()) };
        let text = read_optional(&files.config()).step(|| format!("read {}", files.config().display()))?;
        let Some(page) = self.page_of(name) else { return Ok(lacking(None, "what it serves is not known")) };
        let Some(said) = said.filter(|said| process::current(files, name) == Some(said.pid)) else {
            return Ok(lacking(Some(page), "it does not run"));
        };
        let Some(fence) = &self.projects else { return Ok(lacking(Some(page), "nobody knows what it may do")) };
        let state = State::read(files)?.unwrap_or_default();
        let echoes = parts::served(files)?.into_values().flat_map(|part| part.echoes).collect();
        let identity = if self.identities.suits(state.identity) { state.identity } else { self.identities.anyone() };
        let desired = Desired::of_project(page.clone(), echoes, identity, u32::MAX)?;
        let desired = Desired { config: text.unwrap_or_default(), ..desired };
        let observed = observe::of_project(self.subject_of(name, files, fence), &desired, |_| Some(said))?;
        let missing = plan_project(&desired, &observed).into_iter().next();
        let missing = missing.map(|planned| format!("{} ({:?})", planned.why, planned.step));
        Ok(Whole { page: Some(page), missing })
    }

    /// Whether who serves it is who is to.
    pub(super) fn is_of_this_model(&self, state: &State) -> bool {
        match self.config.process_model {
            ProcessModel::PerLoadBalancer => state.shared.is_none(),
            ProcessModel::PerProject => state.shared.is_some() || state.alone,
        }
    }

    /// One that runs no haproxy at all has a user all the same, where each has one of its own.
    pub(in crate::driver) fn has_own_haproxy(&self, state: &State) -> bool {
        state.shared.is_none() && !(state.alone && self.config.process_model == ProcessModel::PerProject)
    }
}

/// Whether the haproxy of its project serves it in the namespace that has its name.
pub(super) fn is_in(desired: &Desired, netns: &Path) -> bool {
    let Some(shared) = desired.page.as_ref().and_then(|page| page.shares.first()) else { return false };
    let number = fs::metadata(netns).map(|named| named.ino());
    number.is_ok_and(|number| shared.namespace == format!("{}.{number}", shared.id))
}
