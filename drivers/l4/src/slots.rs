//! Which member each slot has: a new flow gets a number from 0 to the number of slots, in turn or by a hash of its client.

mod maglev;
mod turns;

use std::net::SocketAddr;

pub(crate) use maglev::table as by_hash;
pub(crate) use turns::turns as in_turn;

/// A member that is served.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Candidate {
    pub(crate) number: u16,
    pub(crate) address: SocketAddr,
    /// Not 0.
    pub(crate) weight: u32,
}
