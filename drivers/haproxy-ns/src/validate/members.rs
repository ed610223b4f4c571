//! Members that are understood and cannot be served: each is left out and has a fault of its own, and all else is served.

use std::net::IpAddr;

use ballast_abi::{DriverError, LoadBalancer, ObjectFault, loops};

use crate::validated::Pool;

/// Leaves them out, and says why.
pub(super) fn leave_out(load_balancer: &LoadBalancer, vip: Option<IpAddr>, pools: &mut [Pool]) -> Vec<ObjectFault> {
    let Some(vip) = vip else { return Vec::new() };
    let mut faults = Vec::new();
    for (asked, pool) in load_balancer.pools.iter().zip(pools) {
        let mut asked = asked.members.iter();
        pool.members.retain(|member| {
            let comes_back = asked.next().is_some_and(|asked| loops::comes_back(load_balancer, asked));
            let why = why_not(member.address, vip, comes_back);
            let fault = |error: DriverError| ObjectFault {
                object_id: member.id.as_str().to_owned(),
                fault: Some(error.into()),
            };
            let left_out = why.is_some();
            faults.extend(why.map(fault));
            !left_out
        });
    }
    faults
}

fn why_not(address: IpAddr, vip: IpAddr, comes_back: bool) -> Option<DriverError> {
    if comes_back {
        let why = "the member is the VIP itself: what it is sent would come back without end; it gets no traffic";
        return Some(DriverError::invalid_argument(why));
    }
    if address.is_ipv4() != vip.is_ipv4() {
        let version = |address: IpAddr| if address.is_ipv4() { "IPv4" } else { "IPv6" };
        return Some(DriverError::unsupported(format!(
            "the member's address is of {}, and the VIP's of {}, which is all that this load balancer speaks; it gets no \
             traffic",
            version(address),
            version(vip)
        )));
    }
    None
}
