//! What the store measures: how long transactions take, how often one is done again, and who waits to write.

use std::time::Instant;

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
}

impl Metrics {
    pub(crate) fn new(backend: Engine) -> Self {
        let all = || Kind::ALL.iter().map(|kind| Transaction { kind: *kind, backend });
        Self { transactions: Slots::new(all()).all_told(), retries: Slots::new(all()).all_told() }
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
        Running { timing: self.transactions.at(kind as usize).cloned().unwrap_or_default(), began: Instant::now() }
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
}

impl Drop for Running {
    fn drop(&mut self) {
        self.timing.note(self.began.elapsed());
    }
}
