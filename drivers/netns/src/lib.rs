//! Network namespaces and what plugs them into networks, through the kernel's own interfaces: netlink, `/proc/sys`, raw
//! sockets. No program is executed. It is for drivers that run load balancers on their host: what runs inside a namespace
//! it does not know, nor how it is configured or watched.
//!
//! The rules that the order of things follows: the inner end of a pair is born in its namespace (moving it there waits for
//! a grace period); both ends are asked for with `RTM_GETLINK` after they are up, because until the kernel has looked at
//! its watch list one direction drops frames; a namespace is removed by dropping its references, never by deleting its
//! link first.

pub mod address;
pub mod announce;
pub mod attach;
pub mod claims;
pub mod failure;
mod frames;
pub mod identity;
pub mod link;
pub mod listening;
pub mod locks;
pub mod namespace;
pub mod neighbour;
pub mod netlink;
pub mod networks;
pub mod ovsdb;
pub mod probe;
pub mod route;
pub mod stock;
pub mod sysctl;

pub use failure::Failure;
