//! haproxy itself: the process, its socket, what it says about its servers.

mod limits;
pub(crate) mod process;
pub(crate) mod runtime;
pub(crate) mod servers;
pub(crate) mod socket;
pub(crate) mod statistics;
