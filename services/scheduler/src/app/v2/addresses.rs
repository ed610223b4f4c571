//! Where a load balancer is to answer: addresses of subnets, found by what a caller names.

use std::net::IpAddr;

use ballast_model::{
    Uuid,
    fault::{Balancing, Fault},
    ids::{ListenerId, LoadBalancerId, NetworkId, PortId, SubnetId},
    listener::{Address, Vip},
    network::{Attachment, Subnetwork, network_not_found},
    port::{FixedIp, LOAD_BALANCER, Port, no_address_left, port_not_found},
    subnet::{Subnet, subnet_not_found},
};
use ballast_store::Tx;

use super::{
    super::{
        App, Caller,
        foreign_ports::ForeignPort,
        networks::{visible_network, visible_subnetwork},
        ports::free_address,
    },
    NewLoadBalancer,
};
use crate::network::{NamedSubnet, WantedPort, port_key, port_name};

/// An address as a caller asks for it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct WantedAddress {
    pub subnet_id: Option<SubnetId>,
    /// Absent: chosen.
    pub address: Option<IpAddr>,
}

/// Where a load balancer is to answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct WantedAddresses {
    pub vip: WantedAddress,
    pub network_id: Option<NetworkId>,
    /// One that is there.
    pub port_id: Option<PortId>,
    pub additional: Vec<WantedAddress>,
}

impl WantedAddresses {
    /// The subnet that is asked about where networks are kept.
    pub(super) fn named(&self) -> NamedSubnet {
        NamedSubnet { subnet_id: self.vip.subnet_id, network_id: self.network_id, address: self.vip.address }
    }
}

/// What a caller of v2 makes: the load balancer, and its port if it makes one.
pub(super) struct For<'a> {
    pub(super) caller: &'a Caller,
    pub(super) id: LoadBalancerId,
    pub(super) project_id: &'a str,
    /// Of a port that is made.
    pub(super) port_id: PortId,
    /// That another service has made.
    pub(super) made: Option<&'a ForeignPort>,
}

/// Addresses that were found, and the network to plug into.
pub(super) struct Taken {
    pub(super) vip: Vip,
    pub(super) port: TakenPort,
    pub(super) network: Option<Attachment>,
}

/// The port of a load balancer that is made.
pub(super) enum TakenPort {
    New(Port),
    /// It was there, and becomes the load balancer's.
    Given {
        before: Port,
        after: Port,
    },
}

/// By what the port of a load balancer is known where networks are kept.
pub(super) const fn key_of(id: LoadBalancerId) -> ListenerId {
    ListenerId::new(id.uuid())
}

/// Refuses what names nothing.
pub(super) fn check(wanted: &WantedAddresses) -> Result<(), Fault> {
    if wanted.vip.subnet_id.is_none() && wanted.network_id.is_none() && wanted.port_id.is_none() {
        return Err(Balancing::VipMissing.into());
    }
    let mut subnets: Vec<SubnetId> = wanted.additional.iter().filter_map(|one| one.subnet_id).collect();
    subnets.extend(wanted.vip.subnet_id);
    let count = subnets.len();
    subnets.sort_unstable();
    subnets.dedup();
    if subnets.len() < count {
        return Err(Balancing::VipSubnetTwice.into());
    }
    Ok(())
}

/// The load balancer for which a port of this name was made; none: it was there before.
pub(super) fn made_for(name: &str) -> Option<Uuid> {
    port_key(name)
}

/// A port that is used no longer.
pub(super) fn released(mut port: Port) -> Port {
    port.device_owner = String::new();
    port.device_id = String::new();
    port
}

impl App {
    /// Finds the addresses, in the transaction that makes the load balancer; what it says of a port is to be stored there.
    pub(super) async fn take_addresses(
        &self,
        tx: &Tx,
        wanted: &WantedAddresses,
        made: &For<'_>,
    ) -> Result<Taken, Fault> {
        if let Some(foreign) = made.made {
            return use_made_port(tx, foreign, made).await;
        }
        if let Some(port_id) = wanted.port_id {
            return use_port(tx, wanted, port_id, made).await;
        }
        let caller = made.caller;
        let Subnetwork { network, subnet } = find_subnet(tx, caller, wanted).await?;
        let address = free_address(tx, &subnet, wanted.vip.address, &[]).await?;
        let address = address.ok_or_else(|| no_address_left(subnet.network_id))?;
        let additional = more_addresses(tx, caller, wanted, &subnet).await?;
        let vip = Vip {
            subnet_id: subnet.id,
            network_id: subnet.network_id,
            port_id: made.port_id,
            address,
            mac: self.new_mac(),
            additional,
        };
        let port = TakenPort::New(port_of(made, &vip));
        Ok(Taken { vip, port, network: Some(network.attachment) })
    }
}

impl App {
    /// Makes the port where another service keeps the networks; none: the store makes it.
    pub(super) async fn make_port_elsewhere(
        &self,
        caller: &Caller,
        new: &NewLoadBalancer,
        subnetwork: &Subnetwork,
    ) -> Result<Option<ForeignPort>, Fault> {
        if self.network.must_be_ours().is_ok() {
            return Ok(None);
        }
        let Subnetwork { network, subnet } = subnetwork;
        if !network.shared && !caller.sees(&network.project_id) {
            return Err(subnet_not_found(subnet.id));
        }
        let wanted = &new.addresses;
        for (field, is_asked) in
            [("additional_vips", !wanted.additional.is_empty()), ("vip_port_id", wanted.port_id.is_some())]
        {
            if is_asked {
                return Err(Balancing::NotOnThisNetwork { field: field.to_owned() }.into());
            }
        }
        check_offered(caller, wanted.vip.address, subnetwork)?;
        let port = WantedPort {
            vip_id: key_of(new.load_balancer.id),
            project_id: new.load_balancer.project_id.clone(),
            network_id: network.id,
            subnet_id: subnet.id,
            address: wanted.vip.address,
            host: None,
            also: None,
        };
        let port = self.make_noted_port(&port).await?;
        Ok(port.map(|port| ForeignPort { subnetwork: subnetwork.clone(), port }))
    }
}

/// Takes a port that another service has made for this.
async fn use_made_port(tx: &Tx, foreign: &ForeignPort, made: &For<'_>) -> Result<Taken, Fault> {
    let (subnet, port) = (&foreign.subnetwork.subnet, &foreign.port);
    tx.forget_stray_port(key_of(made.id)).await?;
    let vip = Vip {
        subnet_id: subnet.id,
        network_id: subnet.network_id,
        port_id: port.id,
        address: port.address,
        mac: port.mac,
        additional: Vec::new(),
    };
    let network = Some(foreign.subnetwork.network.attachment.clone());
    Ok(Taken { port: TakenPort::New(port_of(made, &vip)), vip, network })
}

/// Takes a port that is there and free.
async fn use_port(tx: &Tx, wanted: &WantedAddresses, port_id: PortId, made: &For<'_>) -> Result<Taken, Fault> {
    let port = tx.shown_port(port_id).await?.filter(|port| made.caller.sees(&port.project_id));
    let port = port.ok_or_else(|| port_not_found(port_id))?;
    if !port.device_id.is_empty() || !port.device_owner.is_empty() {
        let (port_id, device_id) = (port_id.to_string(), port.device_id.clone());
        return Err(Balancing::VipPortInUse { port_id, device_id }.into());
    }
    let own = |one: &&FixedIp| {
        wanted.vip.subnet_id.is_none_or(|id| id == one.subnet_id)
            && wanted.vip.address.is_none_or(|address| address == one.address)
    };
    let mut fitting = port.fixed_ips.iter().filter(own);
    let (Some(one), None) = (fitting.next(), fitting.next()) else {
        return Err(Balancing::VipPortAmbiguous.into());
    };
    let mut taken = port.clone();
    taken.device_owner = LOAD_BALANCER.to_owned();
    taken.device_id = format!("lb-{}", made.id);
    let vip = Vip {
        subnet_id: one.subnet_id,
        network_id: port.network_id,
        port_id,
        address: one.address,
        mac: port.mac,
        additional: Vec::new(),
    };
    let network = tx.network(port.network_id).await?.map(|network| network.attachment);
    Ok(Taken { vip, port: TakenPort::Given { before: port, after: taken }, network })
}

/// The subnet that is named, or the first of the network that fits.
async fn find_subnet(tx: &Tx, caller: &Caller, wanted: &WantedAddresses) -> Result<Subnetwork, Fault> {
    if let Some(subnet_id) = wanted.vip.subnet_id {
        let Subnetwork { network, subnet } = visible_subnetwork(tx, caller, subnet_id).await?;
        if wanted.network_id.is_some_and(|id| id != network.id) {
            return Err(Balancing::VipSubnetOfOtherNetwork.into());
        }
        let found = Subnetwork { network, subnet };
        check_offered(caller, wanted.vip.address, &found)?;
        return Ok(found);
    }
    let Some(network_id) = wanted.network_id else { return Err(Balancing::VipMissing.into()) };
    let network = visible_network(tx, caller, network_id).await.map_err(|_| network_not_found(network_id))?;
    let subnets = tx.subnets_of(network_id).await?;
    if let Some(address) = wanted.vip.address {
        let fitting = subnets.into_iter().find(|subnet| subnet.cidr.contains(&address));
        let subnet = fitting.ok_or(Balancing::NetworkWithoutSubnetFor { address })?;
        let found = Subnetwork { network, subnet };
        check_offered(caller, Some(address), &found)?;
        return Ok(found);
    }
    if subnets.is_empty() {
        return Err(Balancing::NetworkWithoutSubnet.into());
    }
    let (v4, v6): (Vec<_>, Vec<_>) = subnets.into_iter().partition(|subnet| subnet.cidr.addr().is_ipv4());
    for subnet in v4.into_iter().chain(v6) {
        if free_address(tx, &subnet, None, &[]).await?.is_some() {
            return Ok(Subnetwork { network, subnet });
        }
    }
    Err(Balancing::NetworkFull.into())
}

/// Who does not own a network gets what it offers.
fn check_offered(caller: &Caller, address: Option<IpAddr>, found: &Subnetwork) -> Result<(), Fault> {
    match address {
        Some(address) if !caller.sees(&found.network.project_id) => found.subnet.check_offered(address),
        _ => Ok(()),
    }
}

/// The other addresses, each in another subnet of the same network.
async fn more_addresses(
    tx: &Tx,
    caller: &Caller,
    wanted: &WantedAddresses,
    first: &Subnet,
) -> Result<Vec<Address>, Fault> {
    let mut found: Vec<Address> = Vec::with_capacity(wanted.additional.len());
    for one in &wanted.additional {
        let Some(subnet_id) = one.subnet_id else { return Err(Fault::missing_field("subnet_id")) };
        let subnetwork = visible_subnetwork(tx, caller, subnet_id).await?;
        if subnetwork.network.id != first.network_id {
            return Err(Balancing::VipSubnetOfOtherNetwork.into());
        }
        if subnet_id == first.id || found.iter().any(|other| other.subnet_id == subnet_id) {
            return Err(Balancing::VipSubnetTwice.into());
        }
        check_offered(caller, one.address, &subnetwork)?;
        let address = free_address(tx, &subnetwork.subnet, one.address, &[]).await?;
        let address = address.ok_or_else(|| no_address_left(first.network_id))?;
        found.push(Address { subnet_id, address });
    }
    Ok(found)
}

/// Plugged in nowhere yet: an agent says when it is.
fn port_of(made: &For<'_>, vip: &Vip) -> Port {
    let fixed_ips = vip.addresses().map(|one| FixedIp { subnet_id: one.subnet_id, address: one.address });
    Port {
        id: vip.port_id,
        project_id: made.project_id.to_owned(),
        name: port_name(key_of(made.id)),
        network_id: vip.network_id,
        mac: vip.mac,
        fixed_ips: fixed_ips.collect(),
        device_owner: LOAD_BALANCER.to_owned(),
        device_id: format!("lb-{}", made.id),
        host: String::new(),
        admin_state_up: false,
    }
}
