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
    let mut served = Vec::new();
    for asked in &pool.members {
        let id = id("member", "id", &asked.id)?;
        let made = match why_not(asked, load_balancer) {
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
    let monitor_address = match asked.monitor_address.as_str() {
        "" => None,
        text => Some(text.parse().map_err(|_| wrong("monitor_address", "is no IP address"))?),
    };
    if let Some(kind) = monitor_address.and_then(limits::no_member) {
        return Err(wrong("monitor_address", &format!("is {kind}: nobody can be reached there")));
    }
    let weight = u16::try_from(asked.weight).ok().filter(|weight| limits::WEIGHT.has((*weight).into()));
    Ok(Member {
        id,
        address: address.to_canonical(),
        port: port(asked.protocol_port).ok_or_else(|| wrong("protocol_port", "is over 65535"))?,
        weight: weight.ok_or_else(|| wrong("weight", "is over 256"))?,
        admin_state_up: asked.admin_state_up,
        backup: asked.backup,
        monitor_address: monitor_address.map(|address: IpAddr| address.to_canonical()),
        monitor_port: port(asked.monitor_port).ok_or_else(|| wrong("monitor_port", "is over 65535"))?,
    })
}

/// What is wrong with it behind this VIP.
fn why_not(asked: &ballast_abi::Member, load_balancer: &LoadBalancer) -> Option<DriverError> {
    if loops::comes_back(load_balancer, asked) {
        let why = "the member is the VIP itself: what it is sent would come back without end; it gets no traffic";
        return Some(DriverError::invalid_argument(why));
    }
    let vip: IpAddr = load_balancer.vip.as_ref()?.address.parse().ok()?;
    let additional = load_balancer.additional_vips.iter().filter_map(|vip| vip.address.parse::<IpAddr>().ok());
    let spoken: Vec<IpAddr> = additional.chain([vip]).collect();
    let foreign = |text: &String| {
        let address: IpAddr = text.parse().ok()?;
        let known = spoken.iter().any(|vip| vip.is_ipv4() == address.to_canonical().is_ipv4());
        (!known && limits::no_member(address).is_none()).then_some(address.to_canonical())
    };
    let addresses = [&asked.address, &asked.monitor_address];
    let foreign = addresses.into_iter().filter(|text| !text.is_empty()).find_map(foreign)?;
    let version = |address: IpAddr| if address.is_ipv4() { "IPv4" } else { "IPv6" };
    Some(DriverError::unsupported(format!(
        "the member's address is of {}, and the VIP's of {}, which is all that this load balancer speaks; it gets no traffic",
        version(foreign),
        version(vip)
    )))
}
