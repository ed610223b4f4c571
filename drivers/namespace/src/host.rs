//! Whether this host can do at all what load balancers need. Tried once, when the driver starts, in a namespace that goes
//! at once: a driver that can do nothing says so before anything is placed on it.

use std::{collections::BTreeSet, os::fd::AsRawFd, path::Path};

use ballast_abi::DriverError;
use ballast_failpoint as failpoint;
use ballast_l4::{
    kernel::{self, Ability},
    netlink::Netfilter,
};
use nix::errno::Errno;

use ballast_netns::{
    Failure,
    failure::chain,
    link::{self, Card, Pair},
    namespace,
    netlink::Netlink,
    sysctl,
};

const CARD: Card = Card { mac: [0x02, 0, 0, 0, 0, 1], mtu: 1500 };
const PAIR: Pair<'_> = Pair { outside: "outside", inside: "inside", card: CARD, namespace: -1 };

/// `netns_dir`: where namespaces are named. `name`: of one, and of a bridge in it, which no load balancer has, nor the trial
/// of another driver.
/// With what the kernel forwards goes what it lacks for it, a sentence each.
///
/// # Errors
/// UNSUPPORTED when it cannot, with what to do; UNAVAILABLE when it may later.
pub fn check(netns_dir: &Path, name: &str) -> Result<(Forwards, Vec<String>), DriverError> {
    let path = namespace::path(netns_dir, name);
    let tried = namespace::on_own_thread("check-host", || {
        namespace::remove(&path)?;
        let namespace = namespace::create(&path, sysctl::require)?;
        failpoint::at("trial: its namespace is made");
        let mut netlink = Netlink::open()?;
        netlink.batch(vec![link::create_bridge(name)])?;
        let bridge = link::find(&mut netlink, name)?.map_or(0, |bridge| bridge.index);
        netlink.batch(vec![link::create_pair(&Pair { namespace: namespace.as_raw_fd(), ..PAIR }, bridge)])?;
        Ok(forwards())
    });
    // What was refused first says more than what could not be taken away.
    let removed = namespace::remove(&path);
    tried.and_then(|tried| removed.and(tried)).map_err(|failure| refusal(&failure))
}

/// What this kernel can forward.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Forwards {
    pub udp: bool,
    pub sctp: bool,
    /// With idle times of listeners' own.
    pub idle: bool,
}

/// It is there when the kernel follows associations of SCTP.
const SCTP: &str = "/proc/sys/net/netfilter/nf_conntrack_sctp_timeout_established";

/// Looks in the namespace of the calling thread. What is missing is a remark: everything else can be served.
fn forwards() -> (Forwards, Vec<String>) {
    let abilities = Netfilter::open().and_then(|mut netfilter| kernel::abilities(&mut netfilter));
    let (abilities, missing): (_, Vec<String>) = match abilities {
        Ok(abilities) => {
            let missing = NEEDED.iter().filter(|one| !abilities.contains(one)).map(|one| format!("{one:?}")).collect();
            (abilities, missing)
        }
        Err(failure) => (BTreeSet::new(), vec![chain(&failure)]),
    };
    if !missing.is_empty() {
        let remark = format!("the kernel of this host forwards nothing: nf_tables lacks {}", missing.join(", "));
        return (Forwards::default(), vec![remark]);
    }
    let (sctp, idle) = (Path::new(SCTP).exists(), abilities.contains(&Ability::Timeout));
    let lacks = [
        (!sctp).then_some("no SCTP on this host: the kernel does not follow it (CONFIG_NF_CT_PROTO_SCTP)"),
        (!idle).then_some(
            "timeouts of what is forwarded are those of the namespace: the kernel has none of a listener's own (CONFIG_NF_CONNTRACK_TIMEOUT)",
        ),
    ];
    (Forwards { udp: true, sctp, idle }, lacks.into_iter().flatten().map(str::to_owned).collect())
}

const NEEDED: [Ability; 4] = [Ability::Nat, Ability::Count, Ability::Hash, Ability::Limit];

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
