//! Networks through the kernel's own interfaces: netlink, `/proc/sys`, namespaces, raw sockets. No program is executed.
//!
//! The rules that the order of things follows: the inner end of a veth pair is born in its namespace (moving it there
//! waits for a grace period); both ends are asked for with `RTM_GETLINK` after they are up, because until the kernel has
//! looked at its watch list one direction drops frames; a namespace is removed by dropping its references, never by
//! deleting its link first.

pub(crate) mod announce;
pub(crate) mod bridge;
pub(crate) mod frames;
pub(crate) mod link;
pub(crate) mod namespace;
pub(crate) mod neighbour;
pub(crate) mod netlink;
pub(crate) mod sysctl;
