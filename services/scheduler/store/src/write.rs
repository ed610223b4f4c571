//! Writing: turns of those who write, load balancers that are saved, and what differs in them.

mod aggregate;
pub(crate) mod changed;
pub(crate) mod parts;
pub(crate) mod pieces;
pub(crate) mod rows;
mod views;
pub(crate) mod writers;

pub(crate) use self::parts::alike;
