//! haproxy itself: the process, its socket, what it says about its servers.

pub(crate) mod blame;
pub(crate) mod certificates;
pub(crate) mod clients;
pub(crate) mod generation;
mod limits;
pub(crate) mod listening;
pub(crate) mod process;
pub(crate) mod runtime;
pub(crate) mod servers;
pub(crate) mod socket;
pub(crate) mod starter;
pub(crate) mod statistics;
