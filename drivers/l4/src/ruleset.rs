//! A layout as what nf_tables is to have. Pure.
//!
//! The names: chain `l1` is listener 1, `c1` its limit; `s4_1_7` its slots for IPv4 of generation 7, or `h4_1_251`
//! those of a hash; `p4_1_32` whom its clients are remembered with, `a4_1_..` who is allowed. Counter `l1m2n` has the
//! new flows of member 2, `l1m2i` and `l1m2o` the packets in and out, `l1d` those that were refused. Maps of all
//! listeners: `v4` has their addresses, `m4` those of members, `cn`, `ci` and `co` the counters; set `sv` has who
//! gets new flows. Chain `f80` is who may connect to port 80 of the namespace itself, `a4_f80_..` who is allowed,
//! `f80d` counts who was refused; map `fp` leads there.

mod admission;
mod balance;
mod base;
mod filter;
mod listener;
mod networks;
mod phrases;

use std::collections::BTreeMap;

use crate::{
    layout::Layout,
    mark::Mark,
    wire::{Element, Hook, Object, Rule, Set, Value},
};

pub(crate) use base::base;
pub(crate) use filter::{filter, opens_sctp, opens_tcp};
pub(crate) use listener::part;

/// What a table has, or a part of it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Part {
    /// Counters begin with 0.
    pub(crate) objects: BTreeMap<String, Object>,
    pub(crate) chains: BTreeMap<String, Chain>,
    /// What a set is, is in its name: one with other properties has another.
    pub(crate) sets: BTreeMap<String, Set>,
    /// Of sets, by their keys.
    pub(crate) elements: BTreeMap<String, BTreeMap<Vec<u8>, Value>>,
    /// Of maps whose keys are 0, 1 and so on.
    pub(crate) slots: BTreeMap<String, Slots>,
}

/// A listener's members, one for each slot.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Slots {
    pub(crate) listener: u16,
    pub(crate) members: Vec<u16>,
}

impl Slots {
    /// As an element of the map.
    pub(crate) fn element(&self, slot: usize) -> Option<Element> {
        let mark = Mark::new(self.listener, *self.members.get(slot)?);
        Some(Element::new(Self::key(slot), Value::Data(mark.bytes().to_vec())))
    }

    pub(crate) fn key(slot: usize) -> [u8; 4] {
        u32::try_from(slot).unwrap_or(u32::MAX).to_ne_bytes()
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Chain {
    pub(crate) hook: Option<Hook>,
    pub(crate) rules: Vec<Rule>,
}

impl Part {
    fn element(&mut self, set: &str, key: impl Into<Vec<u8>>, value: Value) {
        self.elements.entry(set.to_owned()).or_default().insert(key.into(), value);
    }

    fn set(&mut self, set: Set) {
        self.sets.insert(set.name.clone(), set);
    }

    fn counter(&mut self, name: String) {
        self.objects.insert(name, Object::Counter { packets: 0, bytes: 0 });
    }

    pub(crate) fn merge(&mut self, other: Part) {
        self.objects.extend(other.objects);
        self.chains.extend(other.chains);
        self.sets.extend(other.sets);
        for (set, elements) in other.elements {
            self.elements.entry(set).or_default().extend(elements);
        }
        self.slots.extend(other.slots);
    }

    /// With slots as the elements that they are.
    #[cfg(test)]
    pub(crate) fn spelled(mut self) -> Self {
        for (map, slots) in std::mem::take(&mut self.slots) {
            let elements = (0..).map_while(|slot| slots.element(slot)).map(|element| (element.key, element.value));
            self.elements.insert(map, elements.collect());
        }
        self
    }
}

/// All of a layout.
pub(crate) fn whole(layout: &Layout) -> Part {
    let mut whole = base(layout);
    layout.listeners.iter().for_each(|listener| whole.merge(part(listener, None)));
    layout.filters.iter().for_each(|one| whole.merge(filter(one)));
    whole
}
