//! Networks with their subnets, from which addresses are taken.

use askama::Template;
use ballast_proto::v1::{Network, Subnet};

use super::parts::name_or_id;

struct NetworkPart {
    id: String,
    name: String,
    facts: Vec<(&'static str, String)>,
    subnets: Vec<SubnetRow>,
}

struct SubnetRow {
    id: String,
    name: String,
    cidr: String,
    gateway: String,
    pools: Vec<String>,
}

#[derive(Template)]
#[template(path = "networks.html")]
pub(crate) struct Networks {
    networks: Vec<NetworkPart>,
}

impl Networks {
    pub(crate) fn of(networks: &[Network], subnets: &[Subnet]) -> Self {
        let part = |one: &Network| {
            let own = subnets.iter().filter(|subnet| subnet.network_id == one.id);
            NetworkPart {
                id: one.id.clone(),
                name: name_or_id(&one.name, &one.id),
                facts: facts(one),
                subnets: own.map(row).collect(),
            }
        };
        Self { networks: networks.iter().map(part).collect() }
    }
}

fn facts(one: &Network) -> Vec<(&'static str, String)> {
    let segment = if one.segmentation_id > 0 { one.segmentation_id.to_string() } else { String::new() };
    let mut facts = vec![
        ("Kind", if one.network_type.is_empty() { "a bridge of its own".to_owned() } else { one.network_type.clone() }),
        ("Physical network", one.physical_network.clone()),
        ("Segment", segment),
        ("MTU", if one.mtu > 0 { one.mtu.to_string() } else { String::new() }),
        ("Shared", if one.shared { "with all projects" } else { "" }.to_owned()),
        ("Admin state", if one.admin_state_up.unwrap_or(true) { "up" } else { "down" }.to_owned()),
        ("Project", one.project_id.clone()),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

fn row(one: &Subnet) -> SubnetRow {
    let gateway = one.gateway_ip.clone().filter(|gateway| !gateway.is_empty());
    SubnetRow {
        id: one.id.clone(),
        name: name_or_id(&one.name, &one.id),
        cidr: one.cidr.clone(),
        gateway: gateway.unwrap_or_else(|| "none".to_owned()),
        pools: one.allocation_pools.iter().map(|pool| format!("{} to {}", pool.start, pool.end)).collect(),
    }
}
