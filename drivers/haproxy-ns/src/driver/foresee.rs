//! What a deploy would do: the same way as a deploy, up to the plan.

use ballast_abi::{DriverError, LoadBalancer, Preview};
use ballast_namespace::l4::knowledge::Knowledge;
use ballast_netns::{identity::Identity, locks::hold_now, namespace};

use super::HaproxyNs;
use crate::{
    desired::Desired,
    failure::Failure,
    files::Files,
    page::Page,
    plan::plan,
    preview::preview,
    users,
    validate::{self, Validated},
};

impl HaproxyNs {
    /// What is asked for, and what is known of the members of what is forwarded of it.
    pub(super) fn desired(
        &self,
        validated: &Validated,
        generation: u64,
        identity: Option<Identity>,
    ) -> Result<(Desired, Knowledge), DriverError> {
        let page = Page::of(validated, &self.config, self.skip_ca_bundle);
        let mut desired = Desired::of(validated, page, generation)?;
        desired.identity = identity;
        desired.announce = self.config.send_gratuitous_arp > 0;
        desired.old_processes = self.config.old_processes;
        let knowledge = self.know(validated, &mut desired)?;
        Ok((desired, knowledge))
    }

    /// Waits for nobody: while it is being changed nobody knows.
    pub(super) fn foresee(&self, load_balancer: &LoadBalancer, generation: u64) -> Result<Preview, DriverError> {
        let (validated, faults) = validate::validate(load_balancer, &self.config, self.forwards)?;
        let id = validated.id.as_str();
        let lock = self.locks.of(id);
        let held = self.watch.as_ref().map_or_else(|| hold_now(&lock), |watch| watch.hold(id, &lock));
        let Some(_guard) = held else { return Err(DriverError::busy(format!("load balancer {id} is being changed"))) };
        let files = Files::of(&self.state_dir, id);
        // One that is not here yet is not given a user of its own.
        let identity = match files.directory.exists() {
            true => self.identities.of(id).map_err(users::none_left)?,
            false => self.identities.anyone(),
        };
        let (desired, _) = self.desired(&validated, generation, identity)?;
        let look = || -> Result<Preview, Failure> {
            let (_, observed) = self.work(id, &files, Some(&desired))?;
            Ok(preview(&plan(&desired, &observed), &desired, &observed, faults))
        };
        Ok(namespace::on_own_thread("preview", look).map_err(Failure::from)??)
    }
}
