//! A worker's state in the ledger, and back.

use std::{collections::BTreeSet, sync::Arc};

use ballast_proto::agent::Desired;

use super::{Goal, Order, State};
use crate::ledger::Entry;

impl State {
    /// As the ledger remembers it. What the drivers have is unknown until they have been asked.
    pub(crate) fn from_entry(entry: Entry) -> Option<Self> {
        let election = entry.desired.as_ref().and_then(|desired| desired.election.clone());
        let goal = match entry.desired {
            Some(desired) => Goal::Run(Arc::new(Order::read(&entry.cluster_id, desired)?)),
            None => Goal::Gone { cluster: entry.cluster_id, epochs: entry.removal_epochs.into_iter().collect() },
        };
        let held = entry.drivers.into_iter().map(|driver| (driver, None)).collect();
        let state = Self::new(&entry.load_balancer_id, goal);
        let term = entry.term;
        Some(Self { held, settled: entry.settled, owed: false, unsaved: false, election, term, ..state })
    }

    pub(crate) fn to_entry(&self) -> Entry {
        let (desired, removal_epochs) = match &self.goal {
            Goal::Run(order) => (Some(Desired { election: self.election.clone(), ..order.to_desired() }), Vec::new()),
            Goal::Gone { epochs, .. } => (None, epochs.iter().copied().collect()),
        };
        let ordered = desired.iter().map(|desired| &desired.driver);
        let drivers: BTreeSet<_> = self.held.keys().chain(ordered).cloned().collect();
        Entry {
            load_balancer_id: self.id.clone(),
            cluster_id: self.goal.cluster().to_owned(),
            desired,
            settled: self.settled.clone(),
            removal_epochs,
            drivers: drivers.into_iter().collect(),
            term: self.term,
        }
    }

    /// What the ledger must be told, once.
    pub(crate) fn take_unsaved(&mut self) -> Option<Entry> {
        std::mem::take(&mut self.unsaved).then(|| self.to_entry())
    }

    pub(crate) fn mark_unsaved(&mut self) {
        self.unsaved = true;
    }
}
