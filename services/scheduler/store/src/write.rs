//! Writing: turns of those who write, load balancers that are saved, and what differs in them.

mod aggregate;
pub(crate) mod changed;
mod parts;
pub(crate) mod pieces;
pub(crate) mod writers;
