//! The bridge that a network is on, and the outer end of the pair on it.
//!
//! A bridge of a network's own is made at first use and removed with its last port. Another namespace of the same network
//! may be set up meanwhile, so looking for ports and deleting, and making and attaching, exclude each other.

use ballast_failpoint as failpoint;
use nix::errno::Errno;
use serde::{Deserialize, Serialize};

use super::{Seen, exclusive::exclusively, uplink::Uplink};
use crate::{
    failure::Failure,
    link::{self, Link, Pair},
    netlink::Netlink,
    sysctl,
};

/// A bridge.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Bridge {
    #[serde(rename = "bridge")]
    pub name: String,
    /// It is the network's own: made at first use, and removed with its last port.
    #[serde(rename = "own_bridge")]
    pub own: bool,
    /// By which one of the network's own reaches other hosts.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub uplink: Option<Uplink>,
}

impl Bridge {
    /// The bridge of a network's own: Neutron's name for it.
    #[must_use]
    pub fn of_network(id: &str) -> Self {
        let short: String = id.chars().take(11).collect();
        Self { name: format!("brq{short}"), own: true, uplink: None }
    }

    pub(super) fn plug(&self, host: &mut Netlink, pair: &Pair<'_>) -> Result<(), Failure> {
        let _guard = exclusively();
        let bridge = self.ensure(host, pair.card.mtu)?.index;
        failpoint::at("bridge: it is there");
        match host.batch(vec![link::create_pair(pair, bridge)]) {
            Err(failure) if failure.errno() == Some(Errno::EEXIST) => {
                if let Some(stale) = link::find(host, pair.outside)? {
                    host.batch(vec![link::delete(stale.index, pair.outside)])?;
                }
                host.batch(vec![link::create_pair(pair, bridge)])
            }
            other => other,
        }
        .map_err(|failure| self.full(failure))
    }

    pub(super) fn attach(&self, host: &mut Netlink, outside: &Link, mtu: u32) -> Result<(), Failure> {
        let _guard = exclusively();
        let bridge = self.ensure(host, mtu)?.index;
        host.batch(vec![link::attach(outside.index, mtu, bridge, &outside.name)]).map_err(|failure| self.full(failure))
    }

    /// Removes a bridge of a network's own when it has no port left.
    pub(super) fn release(&self, host: &mut Netlink) -> Result<(), Failure> {
        if !self.own {
            return Ok(());
        }
        let _guard = exclusively();
        let mut own = Netlink::open()?;
        let Some(bridge) = link::find(&mut own, &self.name)? else { return Ok(()) };
        let uplink = self.uplink.as_ref().map(Uplink::name);
        if link::any_port(own, bridge.index, |link| Some(&link.name) != uplink.as_ref())? {
            return Ok(());
        }
        if let Some(uplink) = &self.uplink {
            uplink.remove(host)?;
            failpoint::at("bridge: without its uplink");
        }
        host.batch(vec![link::delete(bridge.index, &self.name)])
    }

    pub(super) fn look(&self, host: &mut Netlink, outside: Option<Link>) -> Result<Seen, Failure> {
        let bridge = link::find(host, &self.name)?;
        let master = bridge.as_ref().map(|bridge| bridge.index);
        let mut unprepared =
            self.own && bridge.as_ref().is_some_and(|bridge| !bridge.up || sysctl::shows_host(&self.name));
        if let (Some(bridge), Some(uplink)) = (&bridge, &self.uplink) {
            unprepared |= !uplink.is_ready(host, bridge)?;
        }
        Ok(Seen {
            attached: outside.as_ref().is_some_and(|link| link.up && link.master.is_some() && link.master == master),
            unprepared,
            own: self.own && bridge.is_some(),
            outside,
        })
    }

    fn ensure(&self, host: &mut Netlink, mtu: u32) -> Result<Link, Failure> {
        let missing = || Failure::BridgeMissing { bridge: self.name.clone(), key: "bridge_mappings" };
        let found = link::find(host, &self.name)?;
        if !self.own {
            return found.ok_or_else(missing);
        }
        if found.is_none() {
            host.batch(vec![link::create_bridge(&self.name)])?;
            failpoint::at("bridge: made");
        }
        let bridge = found.map_or_else(|| link::find(host, &self.name), |found| Ok(Some(found)))?;
        let bridge = bridge.ok_or_else(missing)?;
        // Before it is up, and also of one that was there.
        if sysctl::shows_host(&self.name) {
            sysctl::hide_host(&self.name);
        }
        if !bridge.up {
            host.batch(vec![link::set_up(bridge.index, &self.name)])?;
            failpoint::at("bridge: up");
        }
        if let Some(uplink) = &self.uplink {
            uplink.ensure(host, &bridge, mtu)?;
        }
        Ok(bridge)
    }

    /// The kernel says EXFULL when a bridge has no port left.
    fn full(&self, failure: Failure) -> Failure {
        match failure.errno() {
            Some(Errno::EXFULL) => Failure::BridgeFull { bridge: self.name.clone() },
            Some(_) | None => failure,
        }
    }
}
