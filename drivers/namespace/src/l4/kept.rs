//! `l4.json`: what cannot be read off the table. It is there only where the kernel has or had rules.
//!
//! It is written before the rules are changed and after. Where it is lost, the table is made anew and counters begin again.

use std::{collections::BTreeMap, net::SocketAddr};

use ballast_l4::{desired::State, layout::Layout, numbers::Numbers, statistics::Counters, table::Count};
use serde::{Deserialize, Serialize};

use super::{Forwarded, Key, knowledge::Knowledge};
use crate::{
    failure::Failure,
    files::{self, Files},
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Kept {
    pub numbers: Numbers,
    /// What was applied last.
    pub layout: Option<Layout>,
    /// What it was made from. `None`: nothing is forwarded any more.
    pub asked: Option<Forwarded>,
    /// Whether members were served then.
    served: Vec<Served>,
    /// All that was to be done after it was done as well.
    pub settled: bool,
    /// Packets and bytes of counters when they were last noted: a table that is lost goes on from there.
    counts: BTreeMap<String, (u64, u64)>,
    /// How many rules the table was left with; `None`: that is not known, as of a pass of 0.4.0.
    #[serde(default)]
    rules: Option<usize>,
}

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
struct Served {
    pool: String,
    member: String,
    /// With another one it is another member.
    address: SocketAddr,
    up: bool,
}

impl Kept {
    /// `None`: there is none, or it cannot be understood.
    pub fn read(files: &Files) -> Result<Option<Self>, Failure> {
        files::noted(&files.forwarded())
    }

    pub fn write(&self, files: &Files) -> Result<(), Failure> {
        files::note(&files.forwarded(), self)
    }

    pub fn counts(&self) -> Counters {
        let count = |(name, (packets, bytes)): (&String, &(u64, u64))| {
            (name.clone(), Count { packets: *packets, bytes: *bytes })
        };
        self.counts.iter().map(count).collect()
    }

    pub fn note_counts(&mut self, counters: &Counters) {
        self.counts = counters.iter().map(|(name, count)| (name.clone(), (count.packets, count.bytes))).collect();
    }

    /// `None`: there is no table any more.
    pub fn note_rules(&mut self, rules: Option<usize>) {
        self.rules = rules;
    }

    /// Whether a table with so many rules is not as it was left.
    pub fn is_torn(&self, rules: usize) -> bool {
        self.rules.is_some_and(|noted| noted != rules)
    }

    /// What is asked for, and who is served of it. One that waits for a check is not known.
    pub fn note_asked(&mut self, asked: Option<&Forwarded>, knowledge: &Knowledge) {
        self.asked = asked.cloned();
        self.served.clear();
        for listener in asked.into_iter().flat_map(|asked| &asked.listeners) {
            for member in listener.members.iter().filter(|member| member.admin_state_up) {
                let (pool, id) = (listener.pool.clone(), member.id.clone());
                let Some(up) = knowledge.up.get(&(pool.clone(), id.clone())).copied().unwrap_or(Some(true)) else {
                    continue;
                };
                self.served.push(Served { pool, member: id, address: member.address, up });
            }
        }
    }

    /// Members that are up or down now, and were otherwise or not known.
    pub(super) fn news<'a>(&'a self, knowledge: &'a Knowledge) -> impl Iterator<Item = (&'a Key, bool)> {
        let was = |(pool, member): &Key| {
            let is = |served: &&Served| (&served.pool, &served.member) == (pool, member);
            self.served.iter().find(is).map(|served| served.up)
        };
        let known = knowledge.up.iter().filter_map(|(key, up)| Some((key, (*up)?)));
        known.filter(move |(key, up)| was(key) != Some(*up))
    }

    /// Whether a member at this address was up.
    pub(super) fn was_up(&self, (pool, member): &Key, address: Option<SocketAddr>) -> Option<bool> {
        let is = |served: &&Served| (&served.pool, &served.member, Some(served.address)) == (pool, member, address);
        self.served.iter().find(is).map(|served| served.up)
    }
}

/// Whose flows are to be ended, whatever they are.
pub(super) fn is_down(state: State) -> bool {
    match state {
        State::Down => true,
        State::Up | State::Draining => false,
    }
}
