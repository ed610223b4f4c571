//! The VIP and how it is plugged in.

use std::net::IpAddr;

use ballast_abi::{DriverError, limits, networks};
use ballast_netns::{attach::Attachment, networks::Network};
use ipnet::IpNet;
use macaddr::MacAddr6;

use super::{Address, Id, Route, Rules, Side, Vip, id, refuse};

/// The VIP with all its addresses, and what of it cannot be had: a gateway or a route that is left out.
pub(super) fn all(
    load_balancer: &ballast_abi::LoadBalancer,
    rules: &Rules,
) -> Result<Option<(Vip, Vec<DriverError>)>, DriverError> {
    let Some(asked) = &load_balancer.vip else { return Ok(None) };
    let wrong = |field: &str, why: &str| refuse("vip", &asked.address, field, why);
    let mut errors = Vec::new();
    let Address { net, gateway, routes } = address(asked, &mut errors)?;
    let mut additional: Vec<Address> = Vec::new();
    for asked in &load_balancer.additional_vips {
        let one = address(asked, &mut errors)?;
        if one.net.addr() == net.addr() || additional.iter().any(|other| other.net.addr() == one.net.addr()) {
            return Err(refuse("vip", &asked.address, "address", "is there twice"));
        }
        additional.push(one);
    }
    let network = asked.network.clone().unwrap_or_default();
    let of_vip = |vip: &ballast_abi::Vip| (vip.port_id.clone(), vip.mac.clone());
    let (what, (port, its_mac)) = match &load_balancer.side {
        Some(side) => ("side", (side.port_id.clone(), side.mac.clone())),
        None => ("vip", of_vip(asked)),
    };
    let nets: Vec<IpNet> = [net].into_iter().chain(additional.iter().map(|one| one.net)).collect();
    let side = load_balancer.side.as_ref().map(|asked| side(asked, &nets)).transpose()?;
    let port = id(what, "port_id", &port)?;
    let vip = Vip {
        attachment: attachment(&network, &port, rules)?,
        port,
        net,
        mac: mac(&its_mac).ok_or_else(|| wrong("mac", "must be as in aa:bb:cc:dd:ee:ff, of one host"))?,
        mtu: mtu(&network)?,
        gateway,
        routes,
        additional,
        side,
    };
    Ok(Some((vip, errors)))
}

/// `vips`: the VIP's addresses, in whose networks its own are.
fn side(asked: &ballast_abi::Side, vips: &[IpNet]) -> Result<Side, DriverError> {
    let wrong = |field: &str, why: &str| refuse("side", &asked.number.to_string(), field, why);
    let number = u8::try_from(asked.number).ok().filter(|number| matches!(number, 1 | 2));
    let parsed = |field: &str, texts: &[String]| {
        let made = texts.iter().zip(vips).map(|(text, vip)| {
            let address: Option<IpAddr> = text.parse().ok();
            let fits = |one: &IpAddr| one.is_ipv4() == vip.addr().is_ipv4() && !is_networks(*one, *vip);
            address.filter(fits).ok_or_else(|| wrong(field, "has one that no host in the VIP's subnet can have"))
        });
        let made = made.collect::<Result<Vec<IpAddr>, _>>()?;
        let is_whole = texts.len() == vips.len() || (texts.is_empty() && field == "peer_addresses");
        is_whole.then_some(made).ok_or_else(|| wrong(field, "must be one for each address of the VIP"))
    };
    let own = parsed("addresses", &asked.addresses)?;
    let nets = own.into_iter().zip(vips).filter_map(|(own, vip)| IpNet::new(own, vip.prefix_len()).ok());
    Ok(Side {
        number: number.ok_or_else(|| wrong("number", "must be 1 or 2"))?,
        nets: nets.collect(),
        peers: parsed("peer_addresses", &asked.peer_addresses)?,
    })
}

fn address(asked: &ballast_abi::Vip, errors: &mut Vec<DriverError>) -> Result<Address, DriverError> {
    let wrong = |field: &str, why: &str| refuse("vip", &asked.address, field, why);
    let address: IpAddr = asked.address.parse().map_err(|_| wrong("address", "is no IP address"))?;
    if address.is_unspecified() || address.is_multicast() || address.is_loopback() {
        return Err(wrong("address", "is none that a host can have"));
    }
    let length = u8::try_from(asked.prefix_length).ok();
    let net = length.and_then(|length| IpNet::new(address, length).ok());
    let net = net.ok_or_else(|| wrong("prefix_length", "is too long"))?;
    let gateway = Some(asked.gateway.as_str()).filter(|text| !text.is_empty());
    let gateway = gateway.map(|text| next_hop(text, net).map_err(|why| wrong("gateway", why)));
    let gateway = gateway.and_then(|made| made.map_err(|error| errors.push(error)).ok());
    let mut routes: Vec<Route> = Vec::new();
    for asked in &asked.routes {
        match route(asked, net) {
            Ok(route) => routes.extend(Some(route).filter(|route| is_of_use(route, net, &routes))),
            Err(error) => errors.push(error),
        }
    }
    Ok(Address { net, gateway, routes })
}

fn route(asked: &ballast_abi::Route, vip: IpNet) -> Result<Route, DriverError> {
    let wrong = |field: &str, why: &str| refuse("route", &asked.destination, field, why);
    let destination: IpNet = asked.destination.parse().map_err(|_| wrong("destination", "is no CIDR"))?;
    let next_hop = next_hop(&asked.next_hop, vip).map_err(|why| wrong("next_hop", why))?;
    if next_hop.is_ipv4() != destination.addr().is_ipv4() {
        return Err(wrong("next_hop", "is of another IP version"));
    }
    // The kernel refuses a destination with host bits, and shows routes without them.
    Ok(Route { destination: destination.trunc(), next_hop })
}

/// What Neutron takes and no host can use, or should not, is left out: the subnet's hosts are its neighbours whatever a
/// route says, and of several ways to one place the first is taken, as a host does that was given them one after the other.
fn is_of_use(route: &Route, vip: IpNet, before: &[Route]) -> bool {
    let unused = if route.next_hop == vip.addr() {
        // The others' way is the load balancer itself, which has none.
        "its next hop is the VIP itself"
    } else if route.destination == vip.trunc() {
        "the subnet itself is reached without it"
    } else if before.iter().any(|other| other.destination == route.destination) {
        "there is one before it"
    } else {
        return true;
    };
    let Route { destination, next_hop } = route;
    tracing::info!(vip = %vip.addr(), "the route to {destination} by {next_hop} is left out: {unused}");
    false
}

/// An address that the kernel takes as the way to somewhere.
fn next_hop(text: &str, vip: IpNet) -> Result<IpAddr, &'static str> {
    let address: IpAddr = text.parse().map_err(|_| "is no IP address")?;
    if address.is_ipv4() != vip.addr().is_ipv4() {
        return Err("is of another IP version");
    }
    let is_of_no_host = match limits::no_host(address) {
        Some("link-local") | None => false,
        Some(_) => true,
    };
    if is_of_no_host || is_networks(address, vip) {
        return Err("is none that a host can have");
    }
    Ok(address)
}

/// Whether it is the own or the broadcast address of the VIP's IPv4 network.
pub fn is_networks(address: IpAddr, vip: IpNet) -> bool {
    match vip {
        IpNet::V4(net) => net.prefix_len() < 31 && (address == net.network() || address == net.broadcast()),
        IpNet::V6(_) => false,
    }
}

fn mac(text: &str) -> Option<[u8; 6]> {
    // Of the forms that are in use, one is taken.
    let mac = text.parse::<MacAddr6>().ok().filter(|mac| mac.to_string().eq_ignore_ascii_case(text))?;
    (mac.is_unicast() && !mac.is_nil()).then(|| mac.into_array())
}

/// What schedulers of former releases do not say is Ethernet's.
fn mtu(network: &ballast_abi::Network) -> Result<u32, DriverError> {
    match network.mtu {
        0 => Ok(ETHERNET),
        mtu @ 68..=65_535 => Ok(mtu),
        _ => Err(refuse("network", &network.id, "mtu", "must be 68 to 65535")),
    }
}

pub const ETHERNET: u32 = 1500;

fn attachment(asked: &ballast_abi::Network, port: &Id, rules: &Rules) -> Result<Attachment, DriverError> {
    let kind = if asked.network_type.is_empty() { networks::OWN } else { &asked.network_type };
    if kind != networks::BRIDGE {
        // The name of what is made for it.
        id("network", "id", &asked.id)?;
    }
    let network = Network {
        id: &asked.id,
        kind,
        physical_network: &asked.physical_network,
        segmentation_id: asked.segmentation_id,
    };
    rules.networks.attachment(network, port.as_str()).map_err(|why| {
        let error = DriverError::unsupported("the host is not connected to this load balancer's network");
        error.with_detail(format!("network {}: {why}, see [{}]", network.id, rules.section))
    })
}
