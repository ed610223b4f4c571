//! The bridge that a VIP's network is on, and the outer end of the pair on it.
//!
//! A bridge of a network's own is made at first use and removed with its last port. Another load balancer of the same
//! network may be set up meanwhile, so looking for ports and deleting, and making and attaching, exclude each other.

use std::sync::{Mutex, MutexGuard, PoisonError};

use nix::errno::Errno;

use super::{
    link::{self, Link, Pair},
    netlink::Netlink,
    sysctl,
};
use crate::{failure::Failure, state::Interface};

static PLUGGING: Mutex<()> = Mutex::new(());

fn exclusively() -> MutexGuard<'static, ()> {
    PLUGGING.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Makes the pair on the bridge, which is made when it is the network's own. An outer end of this name that was left
/// over is deleted: its namespace is gone or about to go.
pub(crate) fn plug(host: &mut Netlink, interface: &Interface, pair: &Pair<'_>) -> Result<(), Failure> {
    let _guard = exclusively();
    let bridge = ensure(host, interface)?.index;
    match host.batch(vec![link::create_pair(pair, bridge)]) {
        Err(failure) if failure.errno() == Some(Errno::EEXIST) => {
            if let Some(stale) = link::find(host, pair.outside)? {
                host.batch(vec![link::delete(stale.index, pair.outside)])?;
            }
            host.batch(vec![link::create_pair(pair, bridge)])
        }
        other => other,
    }
    .map_err(|failure| full(failure, &interface.bridge))
}

/// Puts an outer end that exists up and on its bridge.
pub(crate) fn attach(host: &mut Netlink, interface: &Interface, outside: &Link) -> Result<(), Failure> {
    let _guard = exclusively();
    let bridge = ensure(host, interface)?.index;
    host.batch(vec![link::attach(outside.index, bridge, &interface.outside)])
        .map_err(|failure| full(failure, &interface.bridge))
}

/// Removes a bridge of a network's own when it has no port left.
pub(crate) fn release(host: &mut Netlink, interface: &Interface) -> Result<(), Failure> {
    if !interface.own_bridge {
        return Ok(());
    }
    let _guard = exclusively();
    let Some(bridge) = link::find(host, &interface.bridge)? else { return Ok(()) };
    if link::all(host)?.iter().any(|link| link.master == Some(bridge.index)) {
        return Ok(());
    }
    host.batch(vec![link::delete(bridge.index, &interface.bridge)])
}

fn ensure(host: &mut Netlink, interface: &Interface) -> Result<Link, Failure> {
    let missing = || Failure::BridgeMissing { bridge: interface.bridge.clone() };
    let found = link::find(host, &interface.bridge)?;
    if !interface.own_bridge {
        return found.ok_or_else(missing);
    }
    if found.is_none() {
        host.batch(vec![link::create_bridge(&interface.bridge)])?;
    }
    let bridge = found.map_or_else(|| link::find(host, &interface.bridge), |found| Ok(Some(found)))?;
    let bridge = bridge.ok_or_else(missing)?;
    // Before it is up, and also of one that was there.
    if sysctl::speaks_ipv6(&interface.bridge) {
        sysctl::disable_ipv6(&interface.bridge);
    }
    if !bridge.up {
        host.batch(vec![link::set_up(bridge.index, &interface.bridge)])?;
    }
    Ok(bridge)
}

/// The kernel says EXFULL when a bridge has no port left.
fn full(failure: Failure, bridge: &str) -> Failure {
    match failure.errno() {
        Some(Errno::EXFULL) => Failure::BridgeFull { bridge: bridge.to_owned() },
        Some(_) | None => failure,
    }
}
