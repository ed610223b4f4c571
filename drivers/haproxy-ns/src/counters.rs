//! What haproxy counts, and how it goes on over the end of a process.
//!
//! Each process counts from 0. Before one is replaced its figures are noted as those of its pid (`ended`); once another
//! pid runs they belong to the base. So a crash between the two neither loses nor doubles them. What an old process
//! still counts while it finishes its connections after a reload is not seen: a small loss, and never a step back.
//!
//! A server that is taken out of a process takes its figures along, and one of the same name begins with 0. So they are noted
//! before it goes (`left`), and belong to the base before one of its name comes.

use std::collections::{BTreeMap, HashMap, HashSet};

pub(crate) use ballast_namespace::counters::{Counted, Listened, Pooled, Served, Totals};
use serde::{Deserialize, Serialize};

use crate::page::pool_of;

/// What servers have counted, by backend.
pub(crate) type Rows = BTreeMap<String, BTreeMap<String, Totals>>;

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
    /// By pool and member. Notes of former releases lack it.
    #[serde(default)]
    pools: BTreeMap<String, Pooled>,
    #[serde(default)]
    ended_pools: BTreeMap<String, Pooled>,
    /// What servers had counted that were taken out of the process with this pid. They may be there still.
    #[serde(default)]
    left: Option<(i32, Rows)>,
}

impl Base {
    /// What lies under the counters of the process with this pid; `None`: nothing runs.
    pub(crate) fn under(&self, pid: Option<i32>) -> Counted {
        let base = Counted { totals: self.totals, listeners: self.listeners.clone(), pools: self.pools.clone() };
        match self.ended {
            Some((ended, totals)) if Some(ended) != pid => {
                base + Counted { totals, listeners: self.ended_listeners.clone(), pools: self.ended_pools.clone() }
            }
            Some(_) | None => base,
        }
    }

    /// Before the process with this pid is replaced: what it has counted.
    #[must_use]
    pub(crate) fn ending(&self, pid: i32, counted: Counted) -> Self {
        let Counted { totals, listeners, pools } = self.under(Some(pid));
        let Counted { totals: counted, listeners: ended_listeners, pools: ended_pools } = counted;
        let ended = Some((pid, counted));
        // Where this process goes on after all, they are needed again.
        let left = self.left.clone();
        Self { totals, ended, listeners, ended_listeners, by_listener: true, pools, ended_pools, left }
    }

    /// A server is about to be taken out of the process with this pid; `there`: what that says of those that it has.
    pub(crate) fn leave(&mut self, pid: i32, (backend, server): (&str, &str), there: &Rows) {
        let Some(counted) = there.get(backend).and_then(|servers| servers.get(server)) else { return };
        let left = self.left.get_or_insert_default();
        if left.0 != pid {
            *left = (pid, Rows::new());
        }
        left.1.entry(backend.to_owned()).or_default().insert(server.to_owned(), *counted);
    }

    /// One of this name is about to be put into it.
    pub(crate) fn arrive(&mut self, pid: i32, (backend, server): (&str, &str), there: &Rows) {
        let left = self.left.as_mut().filter(|(of, _)| *of == pid).and_then(|(_, left)| left.get_mut(backend));
        let Some(counted) = left.and_then(|servers| servers.remove(server)) else { return };
        // The one before has connections still, and counts: it is not taken for the new one.
        if there.get(backend).is_some_and(|servers| servers.contains_key(server)) {
            return;
        }
        let pool = self.pools.entry(pool_of(backend).to_owned()).or_default();
        let before = pool.members.entry(server.to_owned()).or_default();
        *before = *before + counted;
    }

    /// What servers had counted that were taken out of the process with this pid.
    pub(crate) fn left(&self, pid: i32) -> Option<&Rows> {
        self.left.as_ref().filter(|(of, _)| *of == pid).map(|(_, left)| left)
    }

    /// These are to be there: what was noted of them was noted in vain.
    pub(crate) fn stay<'a>(&mut self, servers: impl Iterator<Item = (&'a str, &'a str)>) {
        let Some((_, left)) = &mut self.left else { return };
        for (backend, server) in servers {
            left.get_mut(backend).and_then(|left| left.remove(server));
        }
        left.retain(|_, servers| !servers.is_empty());
        self.left.take_if(|(_, left)| left.is_empty());
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
                let Counted { totals, listeners, pools } = self.under(pid);
                let left = self.left.clone().filter(|(of, _)| Some(*of) == pid);
                let by_listener = self.by_listener;
                Self { totals, listeners, by_listener, pools, left, ..Self::default() }
            }
        }
    }

    /// For a process that is started now, and of listeners, pools and members that there are.
    pub(crate) fn begin(&mut self, listeners: &HashSet<&str>, members: &HashMap<&str, HashSet<&str>>) {
        self.by_listener = true;
        for counted in [&mut self.listeners, &mut self.ended_listeners] {
            counted.retain(|id, _| listeners.contains(id.as_str()));
        }
        for counted in [&mut self.pools, &mut self.ended_pools] {
            counted.retain(|id, _| members.contains_key(id.as_str()));
            for (id, pool) in counted {
                pool.members.retain(|member, _| members[id.as_str()].contains(member.as_str()));
            }
        }
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
        let pool = Pooled { totals, members: BTreeMap::from([("m".to_owned(), totals)]) };
        Counted { totals, listeners: [("l".to_owned(), totals)].into(), pools: [("p".to_owned(), pool)].into() }
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
    fn what_is_gone_is_counted_in_what_it_was_part_of_and_nowhere_else() {
        let noted = Base::default().ending(7, totals(100)).settled(Some(8));
        let mut without_listener = noted.clone();
        without_listener.begin(&HashSet::new(), &[("p", HashSet::from(["m"]))].into());
        assert_eq!(without_listener.under(Some(8)), Counted { listeners: BTreeMap::new(), ..totals(100) });
        let mut without_member = noted.clone();
        without_member.begin(&["l"].into(), &[("p", HashSet::new())].into());
        let mut expected = totals(100);
        expected.pools.values_mut().for_each(|pool| pool.members.clear());
        assert_eq!(without_member.under(Some(8)), expected);
        let mut without_pool = noted;
        without_pool.begin(&["l"].into(), &HashMap::new());
        assert_eq!(without_pool.under(Some(8)), Counted { pools: BTreeMap::new(), ..totals(100) });
    }

    fn rows(connections: u64) -> Rows {
        let servers = [("m".to_owned(), Totals { connections, ..Totals::default() })];
        [("p".to_owned(), servers.into())].into()
    }

    fn of_member(base: &Base, pid: i32) -> u64 {
        base.under(Some(pid)).pools.get("p").map_or(0, |pool| pool.member("m").connections)
    }

    #[test]
    fn a_server_that_leaves_is_noted_and_counts_once_when_one_of_its_name_comes() {
        let name = ("p", "m");
        let mut base = Base::default();
        base.arrive(7, name, &rows(5));
        base.leave(7, name, &rows(5));
        assert_eq!((base.left(7), base.left(8)), (Some(&rows(5)), None));
        // It had connections still.
        base.leave(7, name, &rows(6));
        assert_eq!((base.left(7), of_member(&base, 7)), (Some(&rows(6)), 0));
        let mut still_there = base.clone();
        still_there.arrive(7, name, &rows(6));
        assert_eq!(of_member(&still_there, 7), 0, "it is in what the process says");
        let mut stays = base.clone();
        stays.stay([name].into_iter());
        assert_eq!(stays, Base::default());
        for _ in 0..2 {
            base.arrive(7, name, &Rows::new());
            assert_eq!(of_member(&base, 7), 6, "once");
        }
        base.leave(7, name, &rows(2));
        assert_eq!(base.settled(Some(8)).left(7), None, "of a process that is gone");
        assert_eq!(base.settled(Some(7)).left(7), Some(&rows(2)));
    }

    #[test]
    fn notes_of_a_former_release_are_read() {
        let noted = r#"{"totals":{"bytes_in":1,"bytes_out":2,"connections":3},"ended":null}"#;
        let base: Base = serde_json::from_str(noted).unwrap();
        assert_eq!((base.under(None).totals.connections, base.under(None).pools.len()), (3, 0));
    }
}
