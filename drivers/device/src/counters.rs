//! Counters that never go back, over the device's reboots and over virtual ports that are made anew.

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub connections: u64,
}

/// What the device showed last, and what it had counted before it began again.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Counters {
    base: Totals,
    last: Totals,
}

impl Counters {
    /// With what the device shows now.
    #[must_use]
    pub(crate) fn after(self, now: Totals) -> Self {
        let Self { mut base, last } = self;
        let again =
            now.bytes_in < last.bytes_in || now.bytes_out < last.bytes_out || now.connections < last.connections;
        if again {
            base = sum(base, last);
        }
        Self { base, last: now }
    }

    pub(crate) fn totals(self) -> Totals {
        sum(self.base, self.last)
    }
}

fn sum(one: Totals, other: Totals) -> Totals {
    Totals {
        bytes_in: one.bytes_in.saturating_add(other.bytes_in),
        bytes_out: one.bytes_out.saturating_add(other.bytes_out),
        connections: one.connections.saturating_add(other.connections),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_device_that_counts_from_nothing_again_takes_nothing_away() {
        let totals = |connections| Totals { connections, ..Totals::default() };
        let counters = Counters::default().after(totals(5)).after(totals(9)).after(totals(2));
        assert_eq!(counters.totals(), totals(11));
        assert_eq!(counters.after(totals(3)).totals(), totals(12));
    }
}
