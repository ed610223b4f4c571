//! The peer of a pair: there, not there, or failing.

use super::{Alteon, configuration::Configuration, schema::Schema};

const SUCCESS: u8 = 2;
const FAILURE: u8 = 3;

/// Who a synchronisation reaches.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Peer {
    /// None is configured: it fails.
    #[default]
    None,
    There,
    /// It is there, and does not take it.
    Fails,
}

#[derive(Clone, Debug, Default)]
pub(super) struct Sync {
    pub(super) peer: Peer,
    status: u8,
    /// What the peer has.
    pub(super) copied: Option<Configuration>,
}

impl Sync {
    pub(super) fn status(&self) -> u8 {
        self.status
    }

    pub(super) fn reason(&self) -> &'static str {
        match (self.status, self.peer) {
            (FAILURE, Peer::None) => "No peer is configured",
            (FAILURE, _) => "The peer did not take the configuration",
            _ => "",
        }
    }

    pub(super) fn needed(&self, schema: &Schema, applied: &Configuration) -> bool {
        self.peer != Peer::None && !self.copied.as_ref().is_some_and(|copied| copied.agrees(schema, applied))
    }
}

impl Alteon {
    pub(super) fn synchronise(&mut self) {
        let unit = &mut self.unit;
        if unit.sync.peer == Peer::There {
            unit.sync.copied = Some(unit.applied.clone());
            unit.sync.status = SUCCESS;
        } else {
            unit.sync.status = FAILURE;
        }
    }
}
