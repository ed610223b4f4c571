//! How long nobody can have given to others what this agent runs, as far as is known here.

use std::sync::{
    Arc,
    atomic::{AtomicU64, Ordering},
};

use crate::warden;

/// Clones are the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Lease(Arc<AtomicU64>);

impl Lease {
    /// In milliseconds since the machine's start.
    pub(crate) fn until(&self) -> u64 {
        self.0.load(Ordering::Relaxed)
    }

    pub(crate) fn is_valid(&self) -> bool {
        warden::now() < self.until()
    }

    /// It never ends earlier than was said.
    pub(crate) fn extend(&self, until: u64) {
        self.0.fetch_max(until, Ordering::Relaxed);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_over_until_it_is_given_and_never_gets_shorter() {
        let lease = Lease::default();
        assert!(!lease.is_valid());
        let until = warden::now() + 60_000;
        lease.extend(until);
        lease.extend(1);
        assert!(lease.is_valid());
        assert_eq!(lease.clone().until(), until);
    }
}
