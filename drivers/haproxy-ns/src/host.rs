//! Whether this host can do at all what load balancers need. Tried once, when the driver starts, in a namespace that goes
//! at once: a driver that can do nothing says so before anything is placed on it.

use std::os::fd::AsRawFd;

use ballast_abi::DriverError;
use nix::errno::Errno;

use ballast_netns::{
    Failure,
    failure::chain,
    link::{self, Pair},
    namespace,
    netlink::Netlink,
    sysctl,
};

use crate::config::Config;

/// No load balancer has this name.
const NAME: &str = "check";
const PAIR: Pair<'_> = Pair { outside: "outside", inside: "inside", mac: [0x02, 0, 0, 0, 0, 1], namespace: -1 };

/// # Errors
/// UNSUPPORTED when it cannot, with what to do; UNAVAILABLE when it may later.
pub(crate) fn check(config: &Config) -> Result<(), DriverError> {
    let path = namespace::path(&config.netns_dir, NAME);
    let tried = namespace::on_own_thread("check-host", || {
        namespace::remove(&path)?;
        let namespace = namespace::create(&path, sysctl::require)?;
        let mut netlink = Netlink::open()?;
        netlink.batch(vec![link::create_bridge(NAME)])?;
        let bridge = link::find(&mut netlink, NAME)?.map_or(0, |bridge| bridge.index);
        netlink.batch(vec![link::create_pair(&Pair { namespace: namespace.as_raw_fd(), ..PAIR }, bridge)])
    });
    // What was refused first says more than what could not be taken away.
    let removed = namespace::remove(&path);
    tried.and_then(|tried| tried.and(removed)).map_err(|failure| refusal(&failure))
}

fn refusal(failure: &Failure) -> DriverError {
    let said = chain(failure);
    match failure.errno() {
        Some(Errno::EPERM | Errno::EACCES | Errno::EROFS) => DriverError::unsupported(format!(
            "no load balancer can run on this host: {said}: the agent needs the capabilities of its unit, and \
             driver_host.grants must leave them to this driver"
        )),
        // Not ENOENT: of two agents that start at once on one machine, one may have taken the other's name away.
        Some(Errno::EOPNOTSUPP | Errno::ENOSYS | Errno::EINVAL) => DriverError::unsupported(format!(
            "no load balancer can run on this host: {said}: the kernel must have network namespaces, veth and bridge"
        )),
        Some(_) | None => DriverError::unavailable(format!("no load balancer can run on this host now: {said}")),
    }
}
