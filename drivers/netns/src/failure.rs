//! A step that did not work: which, on what, and what the system said. For operators; what a tenant is told is the
//! driver's to choose.

use std::{error::Error, io};

use nix::errno::Errno;
use thiserror::Error as ThisError;

/// Why a step failed.
#[derive(Debug, ThisError)]
pub enum Failure {
    #[error("{what}")]
    Io { what: String, source: io::Error },
    #[error("bridge {bridge} is full: Linux allows 1023 ports on a bridge; map the network to another one")]
    BridgeFull { bridge: String },
    #[error("bridge {bridge} does not exist on this host; create it or correct {key}")]
    BridgeMissing { bridge: String, key: &'static str },
    #[error("interface {interface} does not exist on this host")]
    InterfaceMissing { interface: String },
    #[error("an MTU of {mtu} is more than the {most} of interface {interface}")]
    MtuTooLarge { mtu: u32, interface: String, most: u32 },
    #[error("{what}: Open vSwitch's database refused it: {refusal}")]
    Ovsdb { what: String, refusal: String },
    #[error("Open vSwitch made no device for port {port}: {said}")]
    OvsRefused { port: String, said: String },
    #[error("Open vSwitch did not act on port {port} within {seconds} s: does ovs-vswitchd run?")]
    OvsSilent { port: String, seconds: u64 },
    #[error("the device of port {port} is not here: does ovs-vswitchd run in the host's network namespace?")]
    OvsDeviceMissing { port: String },
    #[error(
        "no Neutron agent has given port {port} a VLAN tag on {bridge} within {seconds} s: does its Open vSwitch agent run \
         here, and is the port bound to this host?"
    )]
    OvsTagMissing { port: String, bridge: String, seconds: u64 },
}

impl Failure {
    #[must_use]
    pub fn io(what: impl Into<String>, source: impl Into<io::Error>) -> Self {
        Self::Io { what: what.into(), source: source.into() }
    }

    /// What the system said, if it was that.
    #[must_use]
    pub fn errno(&self) -> Option<Errno> {
        match self {
            Self::Io { source, .. } => source.raw_os_error().map(Errno::from_raw),
            Self::BridgeFull { .. }
            | Self::BridgeMissing { .. }
            | Self::InterfaceMissing { .. }
            | Self::MtuTooLarge { .. }
            | Self::Ovsdb { .. }
            | Self::OvsRefused { .. }
            | Self::OvsSilent { .. }
            | Self::OvsDeviceMissing { .. }
            | Self::OvsTagMissing { .. } => None,
        }
    }
}

/// Adds the step to an error of the system.
pub(crate) trait Step<T> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure>;
}

impl<T, E: Into<io::Error>> Step<T> for Result<T, E> {
    fn step(self, what: impl FnOnce() -> String) -> Result<T, Failure> {
        self.map_err(|error| Failure::Io { what: what(), source: error.into() })
    }
}

/// An error with all its sources, in one line.
#[must_use]
pub fn chain(error: &dyn Error) -> String {
    let mut text = error.to_string();
    let mut source = error.source();
    while let Some(error) = source {
        text.push_str(": ");
        text.push_str(&error.to_string());
        source = error.source();
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_failure_names_its_step_and_what_the_system_said() {
        let failure = Failure::io("make link tap0", Errno::EPERM);
        assert_eq!(chain(&failure), "make link tap0: Operation not permitted (os error 1)");
        assert_eq!(failure.errno(), Some(Errno::EPERM));
    }
}
