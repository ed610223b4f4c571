//! Networks and subnets.

use ballast_model::{Uuid, network::Network, subnet::Subnet};

use crate::v1;

/// The network as clients see it.
#[must_use]
pub fn to_network(network: &Network, subnets: &[Uuid]) -> v1::Network {
    v1::Network {
        id: network.id.to_string(),
        project_id: network.project_id.clone(),
        name: network.name.clone(),
        shared: network.shared,
        admin_state_up: Some(network.admin_state_up),
        network_type: network.attachment.network_type.clone(),
        physical_network: network.attachment.physical_network.clone(),
        segmentation_id: network.attachment.segmentation_id,
        subnet_ids: subnets.iter().map(Uuid::to_string).collect(),
    }
}

/// The subnet as clients see it.
#[must_use]
pub fn to_subnet(subnet: &Subnet) -> v1::Subnet {
    let pools = subnet.allocation_pools.iter();
    let routes = subnet.host_routes.iter();
    v1::Subnet {
        id: subnet.id.to_string(),
        project_id: subnet.project_id.clone(),
        name: subnet.name.clone(),
        network_id: subnet.network_id.to_string(),
        ip_version: if subnet.cidr.addr().is_ipv4() { 4 } else { 6 },
        cidr: subnet.cidr.to_string(),
        gateway_ip: Some(subnet.gateway_ip.map(|address| address.to_string()).unwrap_or_default()),
        allocation_pools: pools
            .map(|pool| v1::AllocationPool { start: pool.start.to_string(), end: pool.end.to_string() })
            .collect(),
        host_routes: routes
            .map(|route| v1::HostRoute {
                destination: route.destination.to_string(),
                next_hop: route.next_hop.to_string(),
            })
            .collect(),
        dns_nameservers: subnet.dns_nameservers.iter().map(ToString::to_string).collect(),
        enable_dhcp: Some(subnet.enable_dhcp),
    }
}
