//! What haproxy counts, and how it goes on over the end of a process.
//!
//! Each process counts from 0. Before one is replaced its figures are noted as those of its pid (`ended`); once another
//! pid runs they belong to the base. So a crash between the two neither loses nor doubles them. What an old process
//! still counts while it finishes its connections after a reload is not seen: a small loss, and never a step back.

use std::collections::BTreeMap;

pub(crate) use ballast_namespace::counters::{Counted, Listened, Totals};
use serde::{Deserialize, Serialize};

/// What processes that are gone have counted.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Base {
    totals: Totals,
    ended: Option<(i32, Totals)>,
    /// The same by listener. Notes of former releases lack it.
    #[serde(default)]
    listeners: BTreeMap<String, Totals>,
    #[serde(default)]
    ended_listeners: BTreeMap<String, Totals>,
    /// What runs is counted where clients come in. A process that a former release has started is counted where members
    /// are as well, whichever is more: what was told of it must not go back.
    #[serde(default)]
    by_listener: bool,
}

impl Base {
    /// What lies under the counters of the process with this pid; `None`: nothing runs.
    pub(crate) fn under(&self, pid: Option<i32>) -> Counted {
        let base = Counted { totals: self.totals, listeners: self.listeners.clone() };
        match self.ended {
            Some((ended, totals)) if Some(ended) != pid => {
                base + Counted { totals, listeners: self.ended_listeners.clone() }
            }
            Some(_) | None => base,
        }
    }

    /// Before the process with this pid is replaced: what it has counted.
    #[must_use]
    pub(crate) fn ending(&self, pid: i32, counted: Counted) -> Self {
        let Counted { totals, listeners } = self.under(Some(pid));
        let (ended, ended_listeners) = (Some((pid, counted.totals)), counted.listeners);
        Self { totals, ended, listeners, ended_listeners, by_listener: true }
    }

    /// Whether what the process with this pid has counted is noted.
    pub(crate) fn has(&self, pid: i32) -> bool {
        self.ended.is_some_and(|(ended, _)| ended == pid)
    }

    /// Once the process with this pid runs.
    #[must_use]
    pub(crate) fn settled(&self, pid: Option<i32>) -> Self {
        match self.ended {
            Some((ended, _)) if Some(ended) == pid => self.clone(),
            Some(_) | None => {
                let Counted { totals, listeners } = self.under(pid);
                Self { totals, ended: None, listeners, ended_listeners: BTreeMap::new(), by_listener: self.by_listener }
            }
        }
    }

    /// For a process that is started now, and of listeners that there are.
    pub(crate) fn begin(&mut self, is_there: impl Fn(&str) -> bool) {
        self.by_listener = true;
        self.listeners.retain(|id, _| is_there(id));
        self.ended_listeners.retain(|id, _| is_there(id));
    }

    pub(crate) fn is_by_listener(&self) -> bool {
        self.by_listener
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn totals(connections: u64) -> Counted {
        let totals = Totals { connections, ..Totals::default() };
        Counted { totals, listeners: BTreeMap::from([("l".to_owned(), totals)]) }
    }

    #[test]
    fn a_reload_that_happened_adds_once_and_one_that_did_not_adds_nothing() {
        let noted = Base::default().ending(7, totals(100));
        assert_eq!(noted.under(Some(7)), Counted::default());
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

    #[test]
    fn a_listener_that_is_gone_is_counted_in_all_together_and_nowhere_else() {
        let mut noted = Base::default().ending(7, totals(100)).settled(Some(8));
        noted.begin(|_| false);
        assert_eq!(noted.under(Some(8)), Counted { listeners: BTreeMap::new(), ..totals(100) });
    }
}
