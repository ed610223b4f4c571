//! What a deploy would do: the same way as a deploy, up to the plan.

use ballast_abi::{DriverError, LoadBalancer, Preview};
use ballast_namespace::{failure::Failure, files::Files, l4::knowledge::Knowledge, validate::Validated};
use ballast_netns::namespace;

use super::NftL4;
use crate::{desired::Desired, plan::plan, preview::preview, state::State, validate::validate};

impl NftL4 {
    /// What is asked for, and what is known of its members.
    pub(super) fn desired(&self, validated: &Validated, generation: u64) -> Result<(Desired, Knowledge), Failure> {
        let mut desired = Desired::of(validated, generation);
        let noted = State::read(&Files::of(&self.state_dir, validated.id.as_str()))?;
        desired.silent &= noted.is_none_or(|state| state.plug.is_none() || state.silent);
        desired.announce = self.config.send_gratuitous_arp > 0;
        let knowledge = self.know(validated, &mut desired)?;
        Ok((desired, knowledge))
    }

    /// Waits for nobody: while it is being changed nobody knows.
    pub(super) fn foresee(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Preview, DriverError> {
        let (validated, faults) = validate(load_balancer, &self.config)?;
        let id = validated.id.as_str();
        let lock = self.locks.of(id);
        let Some(_guard) = self.watch.hold(id, &lock) else {
            return Err(DriverError::busy(format!("load balancer {id} is being changed")));
        };
        let files = Files::of(&self.state_dir, id);
        let (desired, _) = self.desired(&validated, generation)?;
        let look = || -> Result<Preview, Failure> {
            let (_, observed) = self.work(id, &files, Some(&desired))?;
            Ok(preview(&plan(&desired, &observed), &desired, &observed, faults))
        };
        Ok(namespace::on_own_thread("preview", look).map_err(Failure::from)??)
    }
}
