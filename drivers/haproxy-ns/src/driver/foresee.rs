//! What a deploy would do: the same way as a deploy, up to the plan.

use std::fs::File;

use ballast_abi::{DriverError, LoadBalancer, Preview};
use ballast_namespace::l4::knowledge::Knowledge;
use ballast_netns::{identity::Identity, locks::hold_now, namespace};

use super::{HaproxyNs, bring::Held};
use crate::{
    desired::Desired,
    execute::Target,
    failure::{Failure, Step},
    files::Files,
    page::Page,
    plan::plan,
    preview::{OfProject, preview, preview_shared},
    render::render,
    secrets::Told,
    state::State,
    users,
    validate::{self, Validated},
};

impl HaproxyNs {
    /// What is asked for, and what is known of the members of what is forwarded of it.
    pub(super) fn desired(
        &self,
        validated: &Validated,
        generation: u64,
        (identity, shared): (Option<Identity>, Option<String>),
        held: &Held,
    ) -> Result<(Desired, Knowledge), DriverError> {
        let folder = self.secrets_dir.folder(shared.as_deref(), validated.id.as_str());
        let folder = folder.path().to_string_lossy();
        let page = Page::of(validated, &self.config, self.skip_ca_bundle, &folder).pinned(held);
        if !(page.secrets.is_empty() || self.secrets_dir.is_usable) {
            return Err(DriverError::unsupported("TLS is not served on this host, as secrets_dir is not on tmpfs"));
        }
        let mut desired = Desired::of(validated, page, generation)?;
        desired.identity = identity;
        desired.announce = self.config.send_gratuitous_arp > 0;
        desired.old_processes = self.config.old_processes;
        desired.silent &= !self.answers(validated.id.as_str())?;
        desired.shared = shared.filter(|_| desired.plug.is_some() && !desired.alone);
        let knowledge = self.know(validated, &mut desired)?;
        Ok((desired, knowledge))
    }

    /// Whether it is to answer here already, as it was noted.
    fn answers(&self, id: &str) -> Result<bool, Failure> {
        let state = State::read(&Files::of(&self.state_dir, id))?;
        Ok(state.is_some_and(|state| state.interface.is_some() && !state.silent))
    }

    /// Whether it is ready and does not answer, as it was noted.
    pub(super) fn is_silent(&self, id: &str) -> Result<bool, Failure> {
        let state = State::read(&Files::of(&self.state_dir, id))?;
        Ok(state.is_some_and(|state| state.silent && state.generation > 0))
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
        let shared = self.shared_by(load_balancer);
        let identity = match files.directory.exists() {
            _ if shared.is_some() => None,
            true => self.identities.of(id).map_err(users::none_left)?,
            false => self.identities.anyone(),
        };
        let (desired, knowledge) = self.desired(&validated, generation, (identity, shared), &Held::new())?;
        let lock = desired.shared.as_ref().map(|name| self.locks.of(name));
        if lock.as_ref().is_some_and(|lock| hold_now(lock).is_none()) {
            return Err(DriverError::busy("the haproxy of its project is being changed"));
        }
        let listeners = Self::listeners(&validated);
        let (told, pools) = (Self::told(&validated), &validated.pools);
        // Nobody tells them before they are to be there.
        let secrets = &Told::default();
        let knowledge = &knowledge;
        let target = Target { desired: &desired, knowledge, pools, listeners: &listeners, told: &told, secrets };
        let look = || -> Result<Preview, Failure> {
            let (work, observed) = self.work(id, &files, Some(&target))?;
            let steps = plan(&desired, &observed);
            let Some(name) = &desired.shared else { return Ok(preview(&steps, &desired, &observed, faults)) };
            // One that has no namespace yet has no number of it either.
            let own = File::open("/proc/thread-self/ns/net").step(|| "open the host's namespace".to_owned())?;
            let part = Self::part(id, work.host.namespace.as_ref().unwrap_or(&own), &target)?;
            let (theirs, whole, process) = self.foresee_in(name, id, &part)?;
            let text = match whole.page.as_ref().and_then(|page| page.part(id)) {
                Some(page) => render(&page.without_numbers())?,
                None => String::new(),
            };
            let of_project = OfProject { steps: &theirs, desired: &whole, observed: &process, text, id };
            Ok(preview_shared((&steps, &desired, &observed), &of_project, faults))
        };
        Ok(namespace::on_own_thread("preview", look).map_err(Failure::from)??)
    }
}
