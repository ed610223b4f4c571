//! Networks that a driver can plug load balancers into: the words of
//! [`Capabilities::network_types`](crate::Capabilities) and `physical_networks`.
//!
//! A driver that tells no types is taken to plug into every network, as those were that were built before it could be told.
//! So a driver for a device, which is plugged in by others, tells nothing.

/// A network without a type: a bridge of its own on each host.
pub const OWN: &str = "own";
pub const BRIDGE: &str = "bridge";
pub const VLAN: &str = "vlan";
pub const VXLAN: &str = "vxlan";
pub const GENEVE: &str = "geneve";
pub const GRE: &str = "gre";

/// In `physical_networks`: all of them.
pub const ANY: &str = "*";
