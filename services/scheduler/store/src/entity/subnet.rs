//! Subnets. Their lists are one column each: they are read and written together, and never searched.

use std::net::IpAddr;

use ballast_model::{
    fault::Fault,
    subnet::{Ipv6Mode, Ipv6Modes, Range, Route, Subnet},
};
use ipnet::IpNet;
use sea_orm::{NotSet, Set, entity::prelude::*};

use crate::{
    codec::{from_json, json, member_of, parsed},
    entity::network,
};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "subnet")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    pub project_id: String,
    pub name: String,
    pub network_id: Uuid,
    pub cidr: String,
    /// The cidr's, so that it can be searched.
    pub ip_version: i64,
    pub gateway_ip: Option<String>,
    pub allocation_pools: String,
    pub host_routes: String,
    pub dns_nameservers: String,
    pub enable_dhcp: bool,
    /// Empty: none.
    pub ipv6_ra_mode: String,
    /// Empty: none.
    pub ipv6_address_mode: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {
    #[sea_orm(belongs_to = "network::Entity", from = "Column::NetworkId", to = "network::Column::Id")]
    Network,
}

impl Related<network::Entity> for Entity {
    fn to() -> RelationDef {
        Relation::Network.def()
    }
}

impl ActiveModelBehavior for ActiveModel {}

impl ActiveModel {
    pub(crate) fn of(subnet: &Subnet) -> Result<Self, Fault> {
        let pools: Vec<_> = subnet.allocation_pools.iter().map(|pool| (pool.start, pool.end)).collect();
        let routes: Vec<_> = subnet.host_routes.iter().map(|route| (route.destination, route.next_hop)).collect();
        Ok(Self {
            seq: NotSet,
            id: Set(subnet.id.uuid()),
            project_id: Set(subnet.project_id.clone()),
            name: Set(subnet.name.clone()),
            network_id: Set(subnet.network_id.uuid()),
            cidr: Set(subnet.cidr.to_string()),
            ip_version: Set(if subnet.cidr.addr().is_ipv4() { 4 } else { 6 }),
            gateway_ip: Set(subnet.gateway_ip.map(|address| address.to_string())),
            allocation_pools: Set(json(&pools)?),
            host_routes: Set(json(&routes)?),
            dns_nameservers: Set(json(&subnet.dns_nameservers)?),
            enable_dhcp: Set(subnet.enable_dhcp),
            ipv6_ra_mode: Set(mode_text(subnet.ipv6_modes.ra)),
            ipv6_address_mode: Set(mode_text(subnet.ipv6_modes.address)),
        })
    }
}

impl Model {
    pub(crate) fn into_subnet(self) -> Result<Subnet, Fault> {
        let pools: Vec<(IpAddr, IpAddr)> = from_json("allocation_pools", &self.allocation_pools)?;
        let routes: Vec<(IpNet, IpAddr)> = from_json("host_routes", &self.host_routes)?;
        let gateway = self.gateway_ip.map(|address| parsed("gateway_ip", &address));
        Ok(Subnet {
            id: self.id.into(),
            project_id: self.project_id,
            name: self.name,
            network_id: self.network_id.into(),
            cidr: parsed("cidr", &self.cidr)?,
            gateway_ip: gateway.transpose()?,
            allocation_pools: pools.into_iter().map(|(start, end)| Range { start, end }).collect(),
            host_routes: routes.into_iter().map(|(destination, next_hop)| Route { destination, next_hop }).collect(),
            dns_nameservers: from_json("dns_nameservers", &self.dns_nameservers)?,
            enable_dhcp: self.enable_dhcp,
            ipv6_modes: Ipv6Modes {
                ra: mode("ipv6_ra_mode", &self.ipv6_ra_mode)?,
                address: mode("ipv6_address_mode", &self.ipv6_address_mode)?,
            },
        })
    }
}

fn mode_text(mode: Option<Ipv6Mode>) -> String {
    mode.map_or("", Ipv6Mode::as_str).to_owned()
}

fn mode(column: &str, text: &str) -> Result<Option<Ipv6Mode>, Fault> {
    if text.is_empty() { Ok(None) } else { member_of(column, text, Ipv6Mode::parse).map(Some) }
}
