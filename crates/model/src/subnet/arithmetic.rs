//! Counting in addresses.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use ipnet::IpNet;

use super::Range;

/// Whether it is the network's own address or its broadcast.
pub(super) fn is_reserved(cidr: IpNet, address: IpAddr) -> bool {
    let wide = cidr.max_prefix_len() - cidr.prefix_len() > 1;
    wide && (address == cidr.network() || (cidr.addr().is_ipv4() && address == cidr.broadcast()))
}

/// The first address that a host can have.
pub(super) fn first_host(cidr: IpNet) -> IpAddr {
    if is_reserved(cidr, cidr.network()) { successor(cidr.network()).unwrap_or(cidr.network()) } else { cidr.network() }
}

fn last_host(cidr: IpNet) -> IpAddr {
    if is_reserved(cidr, cidr.broadcast()) {
        predecessor(cidr.broadcast()).unwrap_or(cidr.broadcast())
    } else {
        cidr.broadcast()
    }
}

/// All of the subnet but what is reserved and the gateway.
pub(super) fn all_but(cidr: IpNet, gateway: Option<IpAddr>) -> Vec<Range> {
    let (start, end) = (first_host(cidr), last_host(cidr));
    let Some(gateway) = gateway else { return vec![Range { start, end }] };
    let below = predecessor(gateway).filter(|end| start <= *end).map(|end| Range { start, end });
    let above = successor(gateway).filter(|start| *start <= end).map(|start| Range { start, end });
    below.into_iter().chain(above).collect()
}

/// Sorts the ranges; the first address that two of them have.
pub(super) fn overlap(ranges: &mut [Range]) -> Option<IpAddr> {
    ranges.sort_by_key(|range| range.start);
    ranges.windows(2).find(|two| two[1].start <= two[0].end).map(|two| two[1].start)
}

pub(super) fn successor(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_add(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(v6) => u128::from(v6).checked_add(1).map(|next| Ipv6Addr::from(next).into()),
    }
}

fn predecessor(address: IpAddr) -> Option<IpAddr> {
    match address {
        IpAddr::V4(v4) => u32::from(v4).checked_sub(1).map(|next| Ipv4Addr::from(next).into()),
        IpAddr::V6(v6) => u128::from(v6).checked_sub(1).map(|next| Ipv6Addr::from(next).into()),
    }
}
