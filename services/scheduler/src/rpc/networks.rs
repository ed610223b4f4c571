//! `lbaas.v1.Networks`

use ballast_model::{
    check,
    fault::Fault,
    ids::SubnetId,
    network::{Attachment, Network as Model, NetworkChange, network_not_found},
    subnet::{NewSubnet, Subnet as SubnetModel, SubnetChange, subnet_not_found},
};
use ballast_proto::{
    convert,
    v1::{
        CreateNetworkRequest, CreateSubnetRequest, DeleteRequest, GetRequest, ListNetworksResponse, ListRequest,
        ListSubnetsResponse, Network, Subnet, UpdateNetworkRequest, UpdateSubnetRequest, networks_server,
    },
};
use tonic::{Request, Response, Status};

use super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token, query, reference},
    once::{claim, once},
};
use crate::app::{App, Caller};

const NETWORK_MUTABLE: [&str; 4] = ["name", "admin_state_up", "shared", "mtu"];
const SUBNET_MUTABLE: [&str; 6] =
    ["name", "gateway_ip", "allocation_pools", "host_routes", "dns_nameservers", "enable_dhcp"];

#[tonic::async_trait]
impl networks_server::Networks for Api {
    async fn create_network(&self, request: Request<CreateNetworkRequest>) -> Result<Response<Network>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("network", request.network)?;
            let network = new_network(&self.0, caller, sent.clone())?;
            let claim = claim(&self.0, caller, &request.request_id, &sent, network.id)?;
            let make = Box::pin(async { Ok((self.0.create_network(network, claim.as_ref()).await?, Vec::new())) });
            let (made, subnets) = once(&self.0, claim.as_ref(), make, |id| self.0.network(caller, id)).await?;
            Ok(convert::to_network(&made, &subnets))
        })
        .await
    }

    async fn get_network(&self, request: Request<GetRequest>) -> Result<Response<Network>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, network_not_found)?);
            let (network, subnets) = self.0.network(&caller, id).await?;
            Ok(convert::to_network(&network, &subnets))
        })
        .await
    }

    async fn list_networks(&self, request: Request<ListRequest>) -> Result<Response<ListNetworksResponse>, Status> {
        answer(async {
            let query = query(&caller(&request), request.into_inner())?;
            let page = self.0.networks(query).await?;
            let encode = |(network, subnets): &(Model, Vec<SubnetId>)| convert::to_network(network, subnets);
            let networks: Vec<Network> = page.items.iter().map(encode).collect();
            let next_page_token = next_page_token(page.more, networks.last().map(|last| last.id.as_str()));
            Ok(ListNetworksResponse { networks, next_page_token })
        })
        .await
    }

    async fn update_network(&self, request: Request<UpdateNetworkRequest>) -> Result<Response<Network>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let network = body("network", request.network)?;
            let id = id(&network.id, network_not_found)?;
            let mask = Mask::new::<Network>(request.update_mask, &NETWORK_MUTABLE)?;
            let change = network_change(&mask, network);
            let (changed, subnets) = self.0.update_network(&caller, id, change).await?;
            Ok(convert::to_network(&changed, &subnets))
        })
        .await
    }

    async fn delete_network(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, network_not_found)?);
            self.0.delete_network(&caller, id).await
        })
        .await
    }

    async fn create_subnet(&self, request: Request<CreateSubnetRequest>) -> Result<Response<Subnet>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("subnet", request.subnet)?;
            let subnet = new_subnet(&self.0, caller, sent.clone())?;
            let claim = claim(&self.0, caller, &request.request_id, &sent, subnet.id)?;
            let make = Box::pin(self.0.create_subnet(caller, subnet, claim.as_ref()));
            let made = once(&self.0, claim.as_ref(), make, |id| self.0.subnet(caller, id)).await?;
            Ok(convert::to_subnet(&made))
        })
        .await
    }

    async fn get_subnet(&self, request: Request<GetRequest>) -> Result<Response<Subnet>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, subnet_not_found)?);
            let subnet = self.0.subnet(&caller, id).await?;
            Ok(convert::to_subnet(&subnet))
        })
        .await
    }

    async fn list_subnets(&self, request: Request<ListRequest>) -> Result<Response<ListSubnetsResponse>, Status> {
        answer(async {
            let query = query(&caller(&request), request.into_inner())?;
            let page = self.0.subnets(query).await?;
            let subnets: Vec<Subnet> = page.items.iter().map(convert::to_subnet).collect();
            let next_page_token = next_page_token(page.more, subnets.last().map(|last| last.id.as_str()));
            Ok(ListSubnetsResponse { subnets, next_page_token })
        })
        .await
    }

    async fn update_subnet(&self, request: Request<UpdateSubnetRequest>) -> Result<Response<Subnet>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let subnet = body("subnet", request.subnet)?;
            let id = id(&subnet.id, subnet_not_found)?;
            let mask = Mask::new::<Subnet>(request.update_mask, &SUBNET_MUTABLE)?;
            let changed = self.0.update_subnet(&caller, id, subnet_change(&mask, subnet)).await?;
            Ok(convert::to_subnet(&changed))
        })
        .await
    }

    async fn delete_subnet(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, subnet_not_found)?);
            self.0.delete_subnet(&caller, id).await
        })
        .await
    }
}

fn new_network(app: &App, caller: &Caller, network: Network) -> Result<Model, Fault> {
    let has_attributes =
        !network.network_type.is_empty() || !network.physical_network.is_empty() || network.segmentation_id != 0;
    if network.shared || has_attributes {
        caller.must_be_admin("create_network")?;
    }
    let attachment = Attachment::asked(&network.network_type, network.physical_network, network.segmentation_id)?;
    Ok(Model {
        id: app.new_id(),
        project_id: caller.project_for(&network.project_id)?,
        name: check::text("name", network.name, check::MAX_TEXT)?,
        shared: network.shared,
        admin_state_up: network.admin_state_up.unwrap_or(true),
        mtu: attachment.mtu(network.mtu)?,
        attachment,
    })
}

fn new_subnet(app: &App, caller: &Caller, subnet: Subnet) -> Result<SubnetModel, Fault> {
    let pools = subnet.allocation_pools.into_iter();
    let routes = subnet.host_routes.into_iter();
    SubnetModel::new(NewSubnet {
        id: app.new_id(),
        project_id: caller.project_for(&subnet.project_id)?,
        name: subnet.name,
        network_id: reference("network_id", &subnet.network_id)?,
        cidr: subnet.cidr,
        ip_version: subnet.ip_version,
        gateway_ip: subnet.gateway_ip,
        allocation_pools: pools.map(|pool| (pool.start, pool.end)).collect(),
        host_routes: routes.map(|route| (route.destination, route.next_hop)).collect(),
        dns_nameservers: subnet.dns_nameservers,
        enable_dhcp: subnet.enable_dhcp.unwrap_or(true),
        ipv6_ra_mode: subnet.ipv6_ra_mode,
        ipv6_address_mode: subnet.ipv6_address_mode,
    })
}

fn network_change(mask: &Mask, network: Network) -> NetworkChange {
    let (up, up_is_set) = (network.admin_state_up.unwrap_or(true), network.admin_state_up.is_some());
    NetworkChange {
        name: mask.pick("name", !network.name.is_empty(), network.name),
        admin_state_up: mask.pick("admin_state_up", up_is_set, up),
        shared: mask.pick("shared", network.shared, network.shared),
        mtu: mask.pick("mtu", network.mtu != 0, network.mtu),
    }
}

/// A masked gateway that is not set is none.
fn subnet_change(mask: &Mask, subnet: Subnet) -> SubnetChange {
    let pools: Vec<_> = subnet.allocation_pools.into_iter().map(|pool| (pool.start, pool.end)).collect();
    let routes: Vec<_> = subnet.host_routes.into_iter().map(|route| (route.destination, route.next_hop)).collect();
    let (has_gateway, dhcp_is_set) = (subnet.gateway_ip.is_some(), subnet.enable_dhcp.is_some());
    SubnetChange {
        name: mask.pick("name", !subnet.name.is_empty(), subnet.name),
        gateway_ip: mask.pick("gateway_ip", has_gateway, subnet.gateway_ip.unwrap_or_default()),
        allocation_pools: mask.pick("allocation_pools", !pools.is_empty(), pools),
        host_routes: mask.pick("host_routes", !routes.is_empty(), routes),
        dns_nameservers: mask.pick("dns_nameservers", !subnet.dns_nameservers.is_empty(), subnet.dns_nameservers),
        enable_dhcp: mask.pick("enable_dhcp", dhcp_is_set, subnet.enable_dhcp.unwrap_or(true)),
    }
}
