//! How load balancers are, and what is left of what was deployed.

use std::fs::File;

use ballast_abi::{Deployed, DriverError, Observation, Statistics};
use ballast_namespace::{
    failure::{Failure, Step, chain},
    files::{self, Files},
    l4::kept::Kept,
    report, validate,
};
use ballast_netns::{namespace, netlink::Netlink};

use super::NftL4;
use crate::{desired::Desired, plan::plan, state::State};

impl NftL4 {
    /// These, or all. One that cannot be looked at must not hide the others.
    pub(super) fn observations(&self, ids: &[String]) -> Result<Vec<Observation>, DriverError> {
        for id in ids {
            validate::id("load balancer", "id", id)?;
        }
        let all = if ids.is_empty() { files::ids(&self.state_dir)?.into_iter().collect() } else { ids.to_vec() };
        let mut observations = Vec::new();
        for id in all {
            match self.observation(&id) {
                Ok(observation) => observations.push(observation),
                Err(error) if ids.is_empty() => tracing::debug!(load_balancer = %id, "{error}: {}", error.detail),
                Err(error) => return Err(error),
            }
        }
        Ok(observations)
    }

    pub(super) fn observation(&self, id: &str) -> Result<Observation, DriverError> {
        let files = Files::of(&self.state_dir, id);
        if !files.directory.exists() {
            return Err(DriverError::not_found(format!("load balancer {id} is not deployed")));
        }
        let counts = self.watch.counts(id, &files, &self.netns(id))?;
        // The table itself says whether it is the one that was noted.
        let noted = if counts.is_some() { State::read(&files)? } else { None };
        let nothing = Observation {
            load_balancer_id: id.to_owned(),
            generation: noted.map_or(0, |state| state.generation),
            statistics: Some(Statistics::default()),
            ..Observation::default()
        };
        Ok(report::with_forwarded(nothing, counts))
    }

    /// Generation 0 for one that is not as it was deployed: whoever asks will deploy it again.
    pub(super) fn what_is_deployed(&self) -> Result<Vec<Deployed>, DriverError> {
        let ids = files::ids(&self.state_dir)?;
        let look = || -> Result<Vec<Deployed>, Failure> {
            let mut host = Netlink::open()?;
            let own = File::open("/proc/thread-self/ns/net").step(|| "open the host's namespace".to_owned())?;
            let mut deployed = Vec::new();
            for id in ids {
                let generation = self.generation_of(&id, (&mut host, &own))?;
                deployed.push(Deployed { load_balancer_id: id, generation });
            }
            Ok(deployed)
        };
        Ok(namespace::on_own_thread("deployed", look).map_err(Failure::from)??)
    }

    /// The generation that it runs; 0 when a deploy of the same would change anything: that is what was lost.
    fn generation_of(&self, id: &str, host: (&mut Netlink, &File)) -> Result<u64, Failure> {
        let lock = self.locks.of(id);
        // While a pass is at it nobody knows.
        let Some(_guard) = self.watch.hold(id, &lock) else { return Ok(0) };
        let files = Files::of(&self.state_dir, id);
        let state = State::read(&files)?.unwrap_or_default();
        if state.generation == 0 || state.plug.is_none() {
            return Ok(state.generation);
        }
        let desired = Desired::noted(&state, Kept::read(&files)?.as_ref());
        let observed = match self.look(id, &files, Some(&desired), host) {
            Ok((observed, _)) => observed,
            Err(failure) => {
                tracing::warn!(load_balancer = %id, "cannot be looked at: {}", chain(&failure));
                return Ok(0);
            }
        };
        let missing = plan(&desired, &observed).into_iter().next();
        let missing = missing.map(|planned| format!("{} ({:?})", planned.why, planned.step));
        let checks = !state.silent && desired.forwarded.as_ref().is_some_and(|asked| !asked.probes.is_empty());
        let unchecked = (checks && !self.watch.has(id)).then(|| "its members are not checked".to_owned());
        match missing.or(unchecked) {
            Some(what) => {
                tracing::warn!(load_balancer = %id, "not as it was deployed: {what}");
                Ok(0)
            }
            None => Ok(state.generation),
        }
    }
}
