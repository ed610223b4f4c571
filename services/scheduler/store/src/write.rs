//! Writing: turns of those who write, load balancers that are saved, and what differs in them.

mod aggregate;
pub(crate) mod changed;
mod parts;
pub(crate) mod pieces;
mod views;
pub(crate) mod writers;

pub(crate) use self::parts::alike;
