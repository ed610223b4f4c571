//! What was counted, as it is told upwards. It never goes back.

use std::{collections::BTreeMap, ops::Add};

use serde::{Deserialize, Serialize};

#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Totals {
    pub bytes_in: u64,
    pub bytes_out: u64,
    pub connections: u64,
    /// Requests that could not be read. Notes of former releases lack it.
    #[serde(default)]
    pub errors: u64,
}

impl Add for Totals {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self {
            bytes_in: self.bytes_in.saturating_add(other.bytes_in),
            bytes_out: self.bytes_out.saturating_add(other.bytes_out),
            connections: self.connections.saturating_add(other.connections),
            errors: self.errors.saturating_add(other.errors),
        }
    }
}

/// What was counted: of all together, by listener, and by pool.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub totals: Totals,
    pub listeners: BTreeMap<String, Totals>,
    pub pools: BTreeMap<String, Pooled>,
}

/// What a pool was sent: that of members that are gone is in its own.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Pooled {
    pub totals: Totals,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub members: BTreeMap<String, Totals>,
}

impl Counted {
    pub fn listener(&self, id: &str) -> Totals {
        self.listeners.get(id).copied().unwrap_or_default()
    }
}

impl Pooled {
    pub fn member(&self, id: &str) -> Totals {
        self.members.get(id).copied().unwrap_or_default()
    }
}

/// Adds each of these to the one of the same key.
pub fn add<T: Default + Add<Output = T>>(all: &mut BTreeMap<String, T>, others: BTreeMap<String, T>) {
    for (id, other) in others {
        let before = all.entry(id).or_default();
        *before = std::mem::take(before) + other;
    }
}

impl Add for Pooled {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        add(&mut self.members, other.members);
        Self { totals: self.totals + other.totals, members: self.members }
    }
}

impl Add for Counted {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        add(&mut self.listeners, other.listeners);
        add(&mut self.pools, other.pools);
        Self { totals: self.totals + other.totals, listeners: self.listeners, pools: self.pools }
    }
}

/// Connections that there are now, of a pool and of its members that are there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Served {
    pub active: u64,
    pub members: BTreeMap<String, u64>,
}

/// What a listener shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listened {
    pub totals: Totals,
    pub active: u64,
    /// It has as many connections as it may.
    pub full: bool,
}
