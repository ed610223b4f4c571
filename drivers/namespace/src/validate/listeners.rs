//! Listeners: what they listen on, how long they wait, and for whom.

use std::net::IpAddr;

use ballast_abi::{DriverError, Protocol};
use ipnet::IpNet;

use super::{Faults, Id, Listener, Pool, Rules, Timeouts, port, protocol, refuse, text, tls};

/// In milliseconds; what a client could wait for is less than that.
const LONGEST: u32 = 2_073_600_000;
const CLIENT: u32 = 50_000;
const CONNECT: u32 = 5_000;
const SERVER: u32 = 50_000;

/// Without who may connect.
pub(super) fn listener<'a>(
    id: Id,
    asked: &ballast_abi::Listener,
    (pools, rules): (&[Pool], &Rules),
    mut others: impl Iterator<Item = &'a Listener>,
    faults: &mut Faults,
) -> Result<Listener, DriverError> {
    let wrong = |field: &str, why: &str| refuse("listener", &asked.id, field, why);
    let protocol = protocol(asked.protocol).ok_or_else(|| wrong("protocol", "is unknown"))?;
    let port = port(asked.protocol_port).ok_or_else(|| wrong("protocol_port", "is over 65535"))?;
    let default_pool = match asked.default_pool_id.as_str() {
        "" => None,
        name => Some(text::id("listener", "default_pool_id", name)?),
    };
    match default_pool.as_ref().map(|name| pools.iter().find(|pool| pool.id == *name)) {
        Some(None) => return Err(wrong("default_pool_id", "names a pool that this load balancer does not have")),
        Some(Some(pool)) if !(rules.fits)(protocol, pool.protocol) => {
            return Err(wrong("protocol", "does not fit the pool's"));
        }
        Some(Some(_)) | None => {}
    }
    if port == 0 {
        return Err(wrong("protocol_port", "0 cannot be listened on: choose 1 to 65535"));
    }
    if others.any(|other| (other.port, transport(other.protocol)) == (port, transport(protocol))) {
        return Err(wrong("protocol_port", "is another listener's already"));
    }
    let connection_limit = u32::try_from(asked.connection_limit).ok();
    Ok(Listener {
        id,
        protocol,
        forwarded: (rules.is_forwarded)(protocol),
        port,
        connection_limit,
        default_pool,
        admin_state_up: asked.admin_state_up,
        timeouts: asked.timeouts.as_ref().map(timeouts),
        allowed: Vec::new(),
        tls: tls::listener(asked, protocol, faults)?,
    })
}

/// Those of one kind share its ports; each kind has all of them.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Transport {
    Tcp,
    Udp,
    Sctp,
}

fn transport(protocol: Protocol) -> Transport {
    match protocol {
        Protocol::Udp => Transport::Udp,
        Protocol::Sctp => Transport::Sctp,
        Protocol::Unspecified
        | Protocol::Tcp
        | Protocol::Http
        | Protocol::Https
        | Protocol::TerminatedHttps
        | Protocol::Prometheus
        | Protocol::Proxy
        | Protocol::Proxyv2 => Transport::Tcp,
    }
}

fn timeouts(asked: &ballast_abi::Timeouts) -> Timeouts {
    let or = |value: u32, usual: u32| if value == 0 { usual } else { value.min(LONGEST) };
    Timeouts {
        client: or(asked.client_data, CLIENT),
        connect: or(asked.member_connect, CONNECT),
        server: or(asked.member_data, SERVER),
        inspect: asked.tcp_inspect.min(LONGEST),
    }
}

/// One that cannot be read lets nobody in, and with it those that can be read are all that may.
pub(super) fn allowed(asked: &ballast_abi::Listener, faults: &mut Faults) -> Vec<IpNet> {
    let mut allowed = Vec::new();
    for text in &asked.allowed_cidrs {
        let alone = || text.parse::<IpAddr>().map(IpNet::from);
        match text.parse::<IpNet>().or_else(|_| alone()) {
            Ok(net) => allowed.push(net.trunc()),
            Err(_) => {
                let why = format!("has {text:?}, which is no CIDR and lets nobody in");
                faults.add(&asked.id, refuse("listener", &asked.id, "allowed_cidrs", &why));
            }
        }
    }
    allowed.sort_unstable();
    allowed.dedup();
    // Nobody can come from there, and an empty list would let everybody in.
    let nobody = IpNet::from(IpAddr::from([255, 255, 255, 255]));
    if allowed.is_empty() && !asked.allowed_cidrs.is_empty() { vec![nobody] } else { allowed }
}
