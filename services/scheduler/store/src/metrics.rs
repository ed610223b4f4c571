//! What the store measures: how long transactions take, how often one is done again, and who waits to write.

use std::{
    sync::{
        Arc,
        atomic::{AtomicUsize, Ordering},
    },
    time::Instant,
};

use ballast_metrics::{Counter, Registry, Short, Slots, Timing, label, labels};

label! {
    pub(crate) enum Kind { Read = "read", Write = "write" }
}

label! {
    /// Which database it is.
    pub(crate) enum Engine { Sqlite = "sqlite", Postgres = "postgresql" }
}

labels! {
    struct Transaction { kind: Kind, backend: Engine }
}

/// Clones count together.
#[derive(Debug, Clone)]
pub(crate) struct Metrics {
    transactions: Slots<Transaction, Timing<Short>>,
    retries: Slots<Transaction, Counter>,
    /// By [`Kind`].
    running: [Arc<AtomicUsize>; 2],
}

impl Metrics {
    pub(crate) fn new(backend: Engine) -> Self {
        let all = || Kind::ALL.iter().map(|kind| Transaction { kind: *kind, backend });
        let (transactions, retries) = (Slots::new(all()).all_told(), Slots::new(all()).all_told());
        Self { transactions, retries, running: Default::default() }
    }

    pub(crate) fn add_to(&self, registry: &mut Registry) {
        registry.add(
            "ballast_store_transaction_duration_seconds",
            "Transactions, from when they were asked for until what they wrote is durable",
            &self.transactions,
        );
        registry.add(
            "ballast_store_retries_total",
            "Transactions that were done once more, as others had changed what they read",
            &self.retries,
        );
    }

    /// A transaction begins, which ends when this is dropped.
    pub(crate) fn begin(&self, kind: Kind) -> Running {
        let running = Arc::clone(self.counter(kind));
        running.fetch_add(1, Ordering::SeqCst);
        let timing = self.transactions.at(kind as usize).cloned().unwrap_or_default();
        Running { timing, began: Instant::now(), running }
    }

    /// How many have begun, or wait for it.
    pub(crate) fn running(&self, kind: Kind) -> usize {
        self.counter(kind).load(Ordering::SeqCst)
    }

    fn counter(&self, kind: Kind) -> &Arc<AtomicUsize> {
        let [read, write] = &self.running;
        match kind {
            Kind::Read => read,
            Kind::Write => write,
        }
    }

    pub(crate) fn again(&self) {
        if let Some(retries) = self.retries.at(Kind::Write as usize) {
            retries.inc();
        }
    }
}

/// A transaction that runs.
pub(crate) struct Running {
    timing: Timing<Short>,
    began: Instant,
    running: Arc<AtomicUsize>,
}

impl Drop for Running {
    fn drop(&mut self) {
        self.timing.note(self.began.elapsed());
        self.running.fetch_sub(1, Ordering::SeqCst);
    }
}
