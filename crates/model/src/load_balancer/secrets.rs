//! The secrets that a load balancer names, where they have an effect, and what becomes of those that name one.

use std::collections::BTreeSet;

use super::LoadBalancer;
use crate::{
    fault::{Balancing, Fault},
    listener::Listener,
    pool::Pool,
    status::{Progress, ProvisioningStatus},
    tls::{ListenerTls, Purpose},
};

/// How many secrets one load balancer may use: all are told to its driver at once. A listener with as many names as one may have
/// has room beside them.
const MOST: usize = 2_000;

impl Listener {
    /// Its settings where TLS ends at it: always, or where it has a certificate.
    #[must_use]
    pub fn ending_tls(&self) -> Option<&ListenerTls> {
        self.tls.as_deref().filter(|tls| tls.ends_at(self.protocol))
    }

    /// The secrets that it uses: those that it names where TLS ends.
    pub fn references(&self) -> impl Iterator<Item = (&str, Purpose)> {
        let tls = self.ending_tls();
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

    /// The same in the order in which they are looked at: certificates of listeners are named before those of pools.
    #[must_use]
    pub fn references_in_order(&self) -> Vec<(String, Purpose)> {
        let of_listeners = self.listeners.iter().flat_map(Listener::references);
        let of_pools = self.pools.iter().flat_map(Pool::references);
        let mut known = BTreeSet::new();
        let all = of_listeners.chain(of_pools).filter(|one| known.insert(*one));
        all.map(|(reference, purpose)| (reference.to_owned(), purpose)).collect()
    }

    /// Refuses more than a driver is told at once, where there are more than before.
    ///
    /// # Errors
    /// [`Balancing::TooMany`]
    pub fn check_secrets(&self, before: Option<&Self>) -> Result<(), Fault> {
        let count = |one: &Self| one.references().len();
        if count(self) <= MOST.max(before.map_or(0, count)) {
            return Ok(());
        }
        let (what, most) =
            ("certificates, CAs and revocation lists".to_owned(), u32::try_from(MOST).unwrap_or(u32::MAX));
        Err(Balancing::TooMany { what, most }.into())
    }

    /// CAs with the revocation lists that are named beside them, where both have an effect.
    #[must_use]
    pub fn revoking(&self) -> BTreeSet<(&str, &str)> {
        let of_listeners = self.listeners.iter().filter(|one| one.references().next().is_some());
        let of_listeners = of_listeners.filter_map(|one| one.tls.as_deref()?.revoking());
        let of_pools = self.pools.iter().filter(|one| one.references().next().is_some());
        of_listeners.chain(of_pools.filter_map(|one| one.tls.as_deref()?.revoking())).collect()
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
