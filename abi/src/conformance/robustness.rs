//! What happens to a driver in a bad world.

pub(super) mod bytes;
pub(super) mod kills;
pub(super) mod leaks;
pub(super) mod panics;
pub(super) mod remains;
pub(super) mod threads;
