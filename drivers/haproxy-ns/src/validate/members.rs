//! Members: one that cannot be served is left out and has a fault of its own, and all else is served.

use std::net::IpAddr;

use ballast_abi::{DriverError, LoadBalancer, limits, loops};

use super::{Faults, id, port, refuse};
use super::{Id, Member};

/// Those of a pool that can be served.
///
/// # Errors
/// INVALID_ARGUMENT: an id that is none.
pub(super) fn served(
    pool: &ballast_abi::Pool,
    load_balancer: &LoadBalancer,
    faults: &mut Faults,
) -> Result<Vec<Member>, DriverError> {
    let vip: Option<IpAddr> = load_balancer.vip.as_ref().and_then(|vip| vip.address.parse().ok());
    let mut served = Vec::new();
    for asked in &pool.members {
        let id = id("member", "id", &asked.id)?;
        let made = match why_not(asked, load_balancer, vip) {
            Some(error) => Err(error),
            None => member(id, asked),
        };
        served.extend(faults.keep(&asked.id, made));
    }
    Ok(served)
}

fn member(id: Id, asked: &ballast_abi::Member) -> Result<Member, DriverError> {
    let wrong = |field: &str, why: &str| refuse("member", &asked.id, field, why);
    let address: IpAddr = asked.address.parse().map_err(|_| wrong("address", "is no IP address"))?;
    if let Some(kind) = limits::no_member(address) {
        return Err(wrong("address", &format!("is {kind}: nobody can be reached there")));
    }
    let weight = u16::try_from(asked.weight).ok().filter(|weight| limits::WEIGHT.has((*weight).into()));
    Ok(Member {
        id,
        address: address.to_canonical(),
        port: port(asked.protocol_port).ok_or_else(|| wrong("protocol_port", "is over 65535"))?,
        weight: weight.ok_or_else(|| wrong("weight", "is over 256"))?,
        admin_state_up: asked.admin_state_up,
    })
}

/// What is wrong with it behind this VIP.
fn why_not(asked: &ballast_abi::Member, load_balancer: &LoadBalancer, vip: Option<IpAddr>) -> Option<DriverError> {
    if loops::comes_back(load_balancer, asked) {
        let why = "the member is the VIP itself: what it is sent would come back without end; it gets no traffic";
        return Some(DriverError::invalid_argument(why));
    }
    let address: IpAddr = asked.address.parse().ok()?;
    if address.to_canonical().is_ipv4() == vip?.is_ipv4() || limits::no_member(address).is_some() {
        return None;
    }
    let version = |address: IpAddr| if address.is_ipv4() { "IPv4" } else { "IPv6" };
    Some(DriverError::unsupported(format!(
        "the member's address is of {}, and the VIP's of {}, which is all that this load balancer speaks; it gets no traffic",
        version(address.to_canonical()),
        version(vip?)
    )))
}
