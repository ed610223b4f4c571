//! The steps that make the kernel forward, and what goes on beside them: checks of members.

use super::{Target, Work};
use crate::{
    failure::{Failure, Step, chain},
    l4::rules,
};

impl Work<'_> {
    pub(super) fn forward(&mut self, target: Target<'_>) -> Result<(), Failure> {
        let Some(asked) = target.wanted.forwarded else { return Ok(()) };
        let glance = self.watch.map(|watch| watch.counters(self.id));
        self.inside(|| rules::apply(self.files, asked, target.knowledge, glance.as_ref()))
    }

    pub(super) fn stop_forwarding(&mut self) -> Result<(), Failure> {
        let glance = self.watch.map(|watch| watch.counters(self.id));
        self.inside(|| rules::stop(self.files, glance.as_ref()))?;
        self.watch.iter().for_each(|watch| watch.forget(self.id));
        Ok(())
    }

    /// Counters that are lost are lost: the namespace goes all the same.
    pub(super) fn keep_counts(&mut self) -> Result<(), Failure> {
        if let Err(failure) = self.inside(|| rules::keep_counts(self.files)) {
            tracing::warn!(load_balancer = %self.id, "its counters are not kept: {}", chain(&failure));
        }
        Ok(())
    }

    /// Checks what is to be checked. After the steps, as it needs the namespace and the address.
    pub fn watch_members(&mut self, target: Target<'_>) -> Result<(), Failure> {
        let (Some(watch), Some(asked)) = (self.watch, target.wanted.forwarded) else { return Ok(()) };
        let Some(namespace) = &self.namespace else { return Ok(()) };
        let namespace = namespace.try_clone().step(|| "open the namespace once more".to_owned())?;
        watch.set(self.id, namespace, asked, target.knowledge);
        Ok(())
    }
}
