//! What a driver does when it starts: load balancers go on as they are, and what only this process does is taken up again.

use std::collections::HashMap;

use ballast_abi::DriverError;
use ballast_namespace::l4::kept::Kept;
use ballast_netns::namespace;

use super::HaproxyNs;
use crate::{
    failure::{Failure, chain},
    files::Files,
    ping::Sockets,
    project,
    state::State,
};

impl HaproxyNs {
    /// Takes up again what a former process of this driver has left: who runs as whom, and the checks.
    pub(super) fn resume(&self) -> Result<(), DriverError> {
        for name in project::names(&self.state_dir)? {
            let state = State::read(&project::files(&self.state_dir, &name))?;
            self.identities.note(&name, state.and_then(|state| state.identity));
        }
        for id in self.ids()? {
            let files = Files::of(&self.state_dir, &id);
            let Some(state) = State::read(&files)? else { continue };
            self.identities.note(&id, state.identity);
            if state.silent {
                continue;
            }
            if let Err(failure) = self.resume_checks(&id, &files) {
                tracing::warn!(load_balancer = %id, "not checked until it is deployed again: {}", chain(&failure));
            }
            if state.echoes.is_empty() {
                continue;
            }
            if let Err(failure) = self.resume_pings(&id, &files, &state) {
                tracing::warn!(load_balancer = %id, "not pinged until it is deployed again: {}", chain(&failure));
            }
        }
        Ok(())
    }

    fn resume_pings(&self, id: &str, files: &Files, state: &State) -> Result<(), Failure> {
        let namespace::Look::Present(file) = namespace::look(&self.netns(id))? else { return Ok(()) };
        let sockets = namespace::on_own_thread("ping-sockets", || {
            namespace::enter(&file)?;
            Sockets::open(&state.echoes)
        })??;
        match &state.shared {
            Some(name) => self.pinger.set(id, &project::files(&self.state_dir, name), sockets, &state.echoes),
            None => self.pinger.set(id, files, sockets, &state.echoes),
        }
        Ok(())
    }

    /// What is forwarded goes on as it is: only what is known is taken up.
    fn resume_checks(&self, id: &str, files: &Files) -> Result<(), Failure> {
        let (Some(watch), Some(kept)) = (&self.watch, Kept::read(files)?) else { return Ok(()) };
        let Some(asked) = &kept.asked else { return Ok(()) };
        let namespace::Look::Present(file) = namespace::look(&self.netns(id))? else { return Ok(()) };
        let knowledge = watch.knowledge(id, asked, &kept, Some(&HashMap::new()));
        watch.set(id, file, asked, &knowledge);
        Ok(())
    }
}
