//! What haproxy counts, and how it goes on over the end of a process.
//!
//! Each process counts from 0. Before one is replaced its figures are noted as those of its pid (`ended`); once another
//! pid runs they belong to the base. So a crash between the two neither loses nor doubles them. What an old process
//! still counts while it finishes its connections after a reload is not seen: a small loss, and never a step back.

use std::ops::Add;

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Totals {
    pub(crate) bytes_in: u64,
    pub(crate) bytes_out: u64,
    pub(crate) connections: u64,
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bytes_in: self.bytes_in.saturating_add(other.bytes_in),
            bytes_out: self.bytes_out.saturating_add(other.bytes_out),
            connections: self.connections.saturating_add(other.connections),
        }
    }
}

/// What processes that are gone have counted.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Base {
    totals: Totals,
    ended: Option<(i32, Totals)>,
}

impl Base {
    /// What lies under the counters of the process with this pid; `None`: nothing runs.
    pub(crate) fn under(&self, pid: Option<i32>) -> Totals {
        match self.ended {
            Some((ended, totals)) if Some(ended) != pid => self.totals + totals,
            Some(_) | None => self.totals,
        }
    }

    /// Before the process with this pid is replaced: what it has counted.
    #[must_use]
    pub(crate) fn ending(&self, pid: i32, totals: Totals) -> Self {
        Self { totals: self.under(Some(pid)), ended: Some((pid, totals)) }
    }

    /// Once the process with this pid runs.
    #[must_use]
    pub(crate) fn settled(&self, pid: Option<i32>) -> Self {
        match self.ended {
            Some((ended, _)) if Some(ended) == pid => *self,
            Some(_) | None => Self { totals: self.under(pid), ended: None },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(connections: u64) -> Totals {
        Totals { connections, ..Totals::default() }
    }

    #[test]
    fn a_reload_that_happened_adds_once_and_one_that_did_not_adds_nothing() {
        let noted = Base::default().ending(7, totals(100));
        assert_eq!(noted.under(Some(7)), totals(0));
        assert_eq!(noted.under(Some(8)), totals(100));
        assert_eq!(noted.settled(Some(7)).under(Some(8)), totals(100));
        assert_eq!(noted.settled(Some(8)).under(Some(8)), totals(100));
        assert_eq!(noted.settled(Some(8)).ending(8, totals(5)).under(Some(9)), totals(105));
    }

    #[test]
    fn noting_the_same_process_again_replaces_its_figures() {
        let noted = Base::default().ending(7, totals(100)).ending(7, totals(120));
        assert_eq!(noted.under(Some(8)), totals(120));
    }

    #[test]
    fn a_process_that_died_is_counted_when_nothing_runs() {
        assert_eq!(Base::default().ending(7, totals(100)).under(None), totals(100));
    }
}
