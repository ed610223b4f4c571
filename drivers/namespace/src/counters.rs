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

/// What was counted: of all together, and by listener.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Counted {
    pub totals: Totals,
    pub listeners: BTreeMap<String, Totals>,
}

impl Counted {
    pub fn listener(&self, id: &str) -> Totals {
        self.listeners.get(id).copied().unwrap_or_default()
    }
}

impl Add for Counted {
    type Output = Self;

    fn add(mut self, other: Self) -> Self {
        for (id, totals) in other.listeners {
            let before = self.listeners.entry(id).or_default();
            *before = *before + totals;
        }
        Self { totals: self.totals + other.totals, listeners: self.listeners }
    }
}

/// What a listener shows.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Listened {
    pub totals: Totals,
    pub active: u64,
    /// It has as many connections as it may.
    pub full: bool,
}
