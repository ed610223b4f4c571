//! How it stands with the certificates that a CA issues by itself.

use ballast_metrics::{Counter, Gauge, Registry, Slots, label, labels};
use ballast_model::time::Timestamp;

const MICROS: i64 = 1_000_000;

label! {
    /// How an attempt ended for which a CA was asked.
    pub enum Attempted { Issued = "issued", Renewed = "renewed", Failed = "failed" }
}

labels! { struct Attempt { outcome: Attempted } }

/// What is counted.
#[derive(Debug)]
pub(crate) struct Acme {
    attempts: Slots<Attempt, Counter>,
    failing: Gauge,
    last_success: Gauge,
}

impl Default for Acme {
    fn default() -> Self {
        let outcomes = Attempted::ALL.iter().map(|outcome| Attempt { outcome: *outcome });
        Self { attempts: Slots::new(outcomes).all_told(), failing: Gauge::default(), last_success: Gauge::default() }
    }
}

impl Acme {
    /// An attempt of this scheduler has ended.
    pub(crate) fn attempted(&self, outcome: Attempted, now: Timestamp) {
        super::count(&self.attempts, outcome as usize);
        if outcome != Attempted::Failed {
            self.last_success.set(now.0 / MICROS);
        }
    }

    /// So many certificates were not issued when it was last tried.
    pub(crate) fn failing(&self, count: u64) {
        self.failing.set(i64::try_from(count).unwrap_or(i64::MAX));
    }

    pub(super) fn add_to(&self, registry: &mut Registry) {
        registry.add("ballast_acme_attempts_total", "Attempts to have a certificate issued by ACME", &self.attempts);
        registry.add("ballast_acme_failing", "Certificates whose last attempt to be issued failed", &self.failing);
        registry.add(
            "ballast_acme_last_success_seconds",
            "When this scheduler last had one issued, in seconds since 1970; 0: not since it started",
            &self.last_success,
        );
    }
}
