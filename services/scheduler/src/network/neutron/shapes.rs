//! Neutron's objects as they come, and as the model has them.

use std::net::IpAddr;

use ballast_model::{
    check,
    fault::{Fault, Misfit},
    ids::{NetworkId, PortId, SubnetId},
    listener::Mac,
    network::{Attachment, Network, NetworkType},
    subnet::{NewSubnet, Subnet},
};
use serde::Deserialize;

use crate::network::MadePort;

#[derive(Deserialize)]
pub(super) struct NetworkShape {
    id: NetworkId,
    tenant_id: String,
    #[serde(default)]
    name: String,
    #[serde(default)]
    shared: bool,
    admin_state_up: bool,
    #[serde(default, rename = "provider:network_type")]
    network_type: Option<String>,
    #[serde(default, rename = "provider:physical_network")]
    physical_network: Option<String>,
    #[serde(default, rename = "provider:segmentation_id")]
    segmentation_id: Option<u32>,
    #[serde(default)]
    mtu: Option<u32>,
}

impl NetworkShape {
    /// Neutron has a type for each network, but shows it to some users alone.
    pub(super) fn hides_attributes(&self) -> bool {
        self.network_type.is_none()
    }

    pub(super) fn into_network(self) -> Result<Network, Fault> {
        let physical = self.physical_network.unwrap_or_default();
        let segment = self.segmentation_id.unwrap_or_default();
        let (network_type, physical_network, segmentation_id) = match self.network_type.as_deref() {
            Some("flat") => (NetworkType::Bridge, physical, 0),
            Some("vlan") => (NetworkType::Vlan, physical, segment),
            Some("vxlan") => (NetworkType::Vxlan, String::new(), segment),
            Some("geneve") => (NetworkType::Geneve, String::new(), segment),
            Some("gre") => (NetworkType::Gre, String::new(), segment),
            // A service that does not show it, or a network of one host: Neutron's own agents name such a bridge alike.
            None | Some("" | "local") => (NetworkType::Own, String::new(), 0),
            Some(other) => {
                return Err(Misfit::NetworkTypeUnknown { network_type: other.to_owned() }.into());
            }
        };
        let attachment = Attachment::new(network_type, physical_network, segmentation_id)?;
        Ok(Network {
            id: self.id,
            project_id: self.tenant_id,
            name: self.name,
            shared: self.shared,
            admin_state_up: self.admin_state_up,
            mtu: attachment.mtu(self.mtu.unwrap_or_default())?,
            attachment,
        })
    }
}

#[derive(Deserialize)]
struct RangeShape {
    start: String,
    end: String,
}

#[derive(Deserialize)]
struct RouteShape {
    destination: String,
    nexthop: String,
}

#[derive(Deserialize)]
pub(super) struct SubnetShape {
    id: SubnetId,
    tenant_id: String,
    #[serde(default)]
    name: String,
    network_id: NetworkId,
    cidr: String,
    gateway_ip: Option<String>,
    #[serde(default)]
    allocation_pools: Vec<RangeShape>,
    #[serde(default)]
    host_routes: Vec<RouteShape>,
    #[serde(default)]
    dns_nameservers: Vec<String>,
    enable_dhcp: bool,
    #[serde(default)]
    ipv6_ra_mode: Option<String>,
    #[serde(default)]
    ipv6_address_mode: Option<String>,
}

impl SubnetShape {
    pub(super) fn into_subnet(self) -> Result<Subnet, Fault> {
        // It may be outside of the subnet, which ours are refused for: a router's link-local address, or one that is on its link
        // nevertheless.
        let gateway_ip = self.gateway_ip.map(|gateway| check::address("gateway_ip", &gateway)).transpose()?;
        let subnet = Subnet::new(NewSubnet {
            id: self.id,
            project_id: self.tenant_id,
            name: self.name,
            network_id: self.network_id,
            cidr: self.cidr,
            ip_version: 0,
            gateway_ip: Some(String::new()),
            allocation_pools: self.allocation_pools.into_iter().map(|pool| (pool.start, pool.end)).collect(),
            host_routes: self.host_routes.into_iter().map(|route| (route.destination, route.nexthop)).collect(),
            dns_nameservers: self.dns_nameservers,
            enable_dhcp: self.enable_dhcp,
            ipv6_ra_mode: self.ipv6_ra_mode.unwrap_or_default(),
            ipv6_address_mode: self.ipv6_address_mode.unwrap_or_default(),
        })?;
        Ok(Subnet { gateway_ip, ..subnet })
    }
}

#[derive(Deserialize)]
struct FixedIpShape {
    subnet_id: SubnetId,
    ip_address: IpAddr,
}

#[derive(Deserialize)]
pub(super) struct PortShape {
    id: PortId,
    mac_address: String,
    fixed_ips: Vec<FixedIpShape>,
}

impl PortShape {
    pub(super) fn into_made(self, subnet_id: SubnetId) -> Result<MadePort, Fault> {
        let strange = |what: &str| Fault::internal(format_args!("Neutron's port {} {what}", self.id));
        let mac = Mac::parse(&self.mac_address.to_lowercase()).ok_or_else(|| strange("has no MAC address"))?;
        let address = self.fixed_ips.iter().find(|one| one.subnet_id == subnet_id);
        let address = address.ok_or_else(|| strange("has no address of the subnet"))?.ip_address;
        Ok(MadePort { id: self.id, address, mac })
    }
}
