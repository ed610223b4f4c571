//! `lbaas.v1.Networks`

use ballast_model::{
    Uuid, check,
    fault::Fault,
    network::{Attachment, Network as Model, network_not_found},
    subnet::{NewSubnet, Subnet as SubnetModel, subnet_not_found},
};
use ballast_proto::{
    convert,
    v1::{
        CreateNetworkRequest, CreateSubnetRequest, DeleteRequest, GetRequest, ListNetworksResponse, ListRequest,
        ListSubnetsResponse, Network, Subnet, networks_server,
    },
};
use tonic::{Request, Response, Status};

use super::{
    Api,
    decode::{body, caller, id, next_page_token, query, reference},
    refuse,
};
use crate::app::Caller;

#[tonic::async_trait]
impl networks_server::Networks for Api {
    async fn create_network(&self, request: Request<CreateNetworkRequest>) -> Result<Response<Network>, Status> {
        let caller = caller(&request);
        let sent = body("network", request.into_inner().network);
        let network = sent.and_then(|network| new_network(&caller, network)).map_err(refuse)?;
        let made = self.0.create_network(network).await.map_err(refuse)?;
        Ok(Response::new(convert::to_network(&made, &[])))
    }

    async fn get_network(&self, request: Request<GetRequest>) -> Result<Response<Network>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, network_not_found).map_err(refuse)?);
        let (network, subnets) = self.0.network(&caller, id).await.map_err(refuse)?;
        Ok(Response::new(convert::to_network(&network, &subnets)))
    }

    async fn list_networks(&self, request: Request<ListRequest>) -> Result<Response<ListNetworksResponse>, Status> {
        let query = query(&caller(&request), request.into_inner());
        let page = self.0.networks(query).await.map_err(refuse)?;
        let encode = |(network, subnets): &(Model, Vec<Uuid>)| convert::to_network(network, subnets);
        let networks: Vec<Network> = page.items.iter().map(encode).collect();
        let next_page_token = next_page_token(page.more, networks.last().map(|last| last.id.as_str()));
        Ok(Response::new(ListNetworksResponse { networks, next_page_token }))
    }

    async fn delete_network(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, network_not_found).map_err(refuse)?);
        self.0.delete_network(&caller, id).await.map(Response::new).map_err(refuse)
    }

    async fn create_subnet(&self, request: Request<CreateSubnetRequest>) -> Result<Response<Subnet>, Status> {
        let caller = caller(&request);
        let sent = body("subnet", request.into_inner().subnet);
        let subnet = sent.and_then(|subnet| new_subnet(&caller, subnet)).map_err(refuse)?;
        let made = self.0.create_subnet(&caller, subnet).await.map_err(refuse)?;
        Ok(Response::new(convert::to_subnet(&made)))
    }

    async fn get_subnet(&self, request: Request<GetRequest>) -> Result<Response<Subnet>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, subnet_not_found).map_err(refuse)?);
        let subnet = self.0.subnet(&caller, id).await.map_err(refuse)?;
        Ok(Response::new(convert::to_subnet(&subnet)))
    }

    async fn list_subnets(&self, request: Request<ListRequest>) -> Result<Response<ListSubnetsResponse>, Status> {
        let query = query(&caller(&request), request.into_inner());
        let page = self.0.subnets(query).await.map_err(refuse)?;
        let subnets: Vec<Subnet> = page.items.iter().map(convert::to_subnet).collect();
        let next_page_token = next_page_token(page.more, subnets.last().map(|last| last.id.as_str()));
        Ok(Response::new(ListSubnetsResponse { subnets, next_page_token }))
    }

    async fn delete_subnet(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, subnet_not_found).map_err(refuse)?);
        self.0.delete_subnet(&caller, id).await.map(Response::new).map_err(refuse)
    }
}

fn new_network(caller: &Caller, network: Network) -> Result<Model, Fault> {
    let attachment = Attachment {
        network_type: network.network_type,
        physical_network: network.physical_network,
        segmentation_id: network.segmentation_id,
    };
    if network.shared || attachment != Attachment::default() {
        caller.must_be_admin("create_network")?;
    }
    Ok(Model {
        id: Uuid::new_v4(),
        project_id: caller.project_for(&network.project_id)?,
        name: check::text("name", network.name, check::MAX_TEXT)?,
        shared: network.shared,
        admin_state_up: network.admin_state_up.unwrap_or(true),
        attachment: attachment.check()?,
    })
}

fn new_subnet(caller: &Caller, subnet: Subnet) -> Result<SubnetModel, Fault> {
    let pools = subnet.allocation_pools.into_iter();
    let routes = subnet.host_routes.into_iter();
    SubnetModel::new(NewSubnet {
        id: Uuid::new_v4(),
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
        ..NewSubnet::default()
    })
}
