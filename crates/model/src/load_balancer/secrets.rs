//! The secrets that a load balancer names, where they have an effect, and what becomes of those that name one.

use std::collections::BTreeSet;

use super::LoadBalancer;
use crate::{
    listener::{Listener, Protocol},
    pool::Pool,
    status::{Progress, ProvisioningStatus},
    tls::Purpose,
};

impl Listener {
    /// The secrets that it uses: those that it names where TLS ends.
    pub fn references(&self) -> impl Iterator<Item = (&str, Purpose)> {
        let tls = self.tls.as_deref().filter(|_| self.protocol == Protocol::TerminatedHttps);
        tls.into_iter().flat_map(|tls| tls.references())
    }
}

impl Pool {
    /// The secrets that it uses: those that it names where members are spoken to over TLS.
    pub fn references(&self) -> impl Iterator<Item = (&str, Purpose)> {
        self.tls.as_deref().filter(|tls| tls.enabled).into_iter().flat_map(|tls| tls.references())
    }
}

impl LoadBalancer {
    /// The secrets that it uses, each once for each purpose.
    #[must_use]
    pub fn references(&self) -> BTreeSet<(String, Purpose)> {
        let of_listeners = self.listeners.iter().flat_map(Listener::references);
        let of_pools = self.pools.iter().flat_map(Pool::references);
        of_listeners.chain(of_pools).map(|(reference, purpose)| (reference.to_owned(), purpose)).collect()
    }

    /// What is behind this reference has changed: who names it is to be deployed with it.
    #[must_use]
    pub fn secret_changed(mut self, changed: &str) -> Self {
        let generation = self.grow();
        for listener in self.listeners.iter_mut_of(|listener| is_named(changed, listener.references())) {
            listener.progress.update(generation);
        }
        let pools = self.pools.iter().filter(|pool| is_named(changed, pool.references())).map(|pool| pool.id);
        pools.collect::<Vec<_>>().into_iter().fold(self, Self::touched)
    }

    /// What is behind this reference cannot be taken (none: it can again): what is served is what it was before, and who names
    /// it says why. One that is pending or in error has more to say.
    #[must_use]
    pub fn secret_refused(mut self, refused: &str, why: Option<&str>) -> Self {
        let is_active = |progress: &Progress| progress.status == ProvisioningStatus::Active;
        for listener in
            self.listeners.iter_mut_of(|one| is_active(&one.progress) && is_named(refused, one.references()))
        {
            listener.progress.description = why.map(str::to_owned);
        }
        for pool in self.pools.iter_mut_of(|one| is_active(&one.progress) && is_named(refused, one.references())) {
            pool.progress.description = why.map(str::to_owned);
        }
        self
    }
}

fn is_named<'a>(wanted: &str, mut references: impl Iterator<Item = (&'a str, Purpose)>) -> bool {
    references.any(|(reference, _)| reference == wanted)
}
