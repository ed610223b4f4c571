//! What the demo asks of the scheduler by its Unix socket, as its admin: this works in every mode of authentication.

use ballast_proto::v1::{
    AllocationPool, CreateNetworkRequest, CreateSubnetRequest, GetRequest, ListRequest, Liveness, Network, Pool,
    Status, Subnet, agents_client::AgentsClient, members_client::MembersClient, networks_client::NetworksClient,
    pools_client::PoolsClient, vips_client::VipsClient,
};
use ballast_service::{address::Address, grpc};
use tonic::transport::Channel;

use crate::{
    configuration::{DRIVER, PROJECT},
    error::DemoError,
    topology::Net,
};

/// The scheduler, by its socket.
#[derive(Clone)]
pub(crate) struct Scheduler {
    channel: Channel,
}

/// Of an agent, as far as the demo cares.
pub(crate) enum AgentState {
    NotYet,
    Ready,
    /// Its driver will not run, because of this.
    Failed(String),
}

impl Scheduler {
    pub(crate) fn at(address: &Address) -> Result<Self, DemoError> {
        let channel = grpc::channel(address).map_err(DemoError::new)?;
        Ok(Self { channel })
    }

    pub(crate) fn channel(&self) -> Channel {
        self.channel.clone()
    }

    pub(crate) async fn answers(&self) -> bool {
        AgentsClient::new(self.channel()).list(ListRequest::default()).await.is_ok()
    }

    pub(crate) async fn agent(&self, host: &str) -> AgentState {
        // One that does not answer now is asked again.
        let Ok(listed) = AgentsClient::new(self.channel()).list(ListRequest::default()).await else {
            return AgentState::NotYet;
        };
        let agents = listed.into_inner().agents;
        let Some(agent) = agents.into_iter().find(|agent| agent.host == host) else { return AgentState::NotYet };
        let alive = agent.liveness() == Liveness::Alive;
        match agent.drivers.into_iter().find(|driver| driver.name == DRIVER) {
            Some(driver) if driver.state == "FAILED" => AgentState::Failed(driver.reason),
            Some(driver) if alive && driver.state == "READY" => AgentState::Ready,
            _ => AgentState::NotYet,
        }
    }

    /// A network with one subnet; returns the subnet's id.
    pub(crate) async fn make_net(&self, net: &Net) -> Result<String, DemoError> {
        let mut networks = NetworksClient::new(self.channel());
        let network = Network {
            project_id: PROJECT.to_owned(),
            name: net.network.to_owned(),
            shared: true,
            network_type: "bridge".to_owned(),
            physical_network: net.physical.to_owned(),
            ..Network::default()
        };
        let made = networks.create_network(CreateNetworkRequest { network: Some(network), ..Default::default() }).await;
        let made = made.map_err(refused(format!("making the network {}", net.network)))?;
        let subnet = Subnet {
            project_id: PROJECT.to_owned(),
            name: net.subnet.to_owned(),
            network_id: made.into_inner().id,
            cidr: net.cidr.to_owned(),
            gateway_ip: Some(net.gateway.to_owned()),
            allocation_pools: vec![AllocationPool { start: net.pool.0.to_owned(), end: net.pool.1.to_owned() }],
            ..Subnet::default()
        };
        let made = networks.create_subnet(CreateSubnetRequest { subnet: Some(subnet), ..Default::default() }).await;
        Ok(made.map_err(refused(format!("making the subnet {}", net.subnet)))?.into_inner().id)
    }

    /// What is not ACTIVE yet of a load balancer; empty when all is.
    pub(crate) async fn pending(&self, pool_id: &str) -> Result<Vec<String>, DemoError> {
        let asking = || refused("asking for the load balancer's status");
        let get = |id: &str| GetRequest { id: id.to_owned() };
        let pool = PoolsClient::new(self.channel()).get(get(pool_id)).await.map_err(asking())?.into_inner();
        let mut states = vec![("pool".to_owned(), pool.status(), pool.status_description.clone())];
        let vip = VipsClient::new(self.channel()).get(get(&pool.vip_id)).await.map_err(asking())?.into_inner();
        states.push(("vip".to_owned(), vip.status(), vip.status_description.clone()));
        for id in &pool.member_ids {
            let member = MembersClient::new(self.channel()).get(get(id)).await.map_err(asking())?.into_inner();
            states.push((format!("member {}", member.address), member.status(), member.status_description.clone()));
        }
        states.extend(monitors(&pool));
        let waiting = states.into_iter().filter(|(_, status, _)| *status != Status::Active);
        Ok(waiting.map(|(what, status, why)| format!("{what} {} {why}", status.as_str_name())).collect())
    }
}

fn monitors(pool: &Pool) -> impl Iterator<Item = (String, Status, String)> {
    let state = |monitor: &ballast_proto::v1::MonitorStatus| (monitor.status(), monitor.status_description.clone());
    pool.health_monitors.iter().map(state).map(|(status, why)| ("health monitor".to_owned(), status, why))
}

/// For `map_err`: what a person needs of a gRPC status.
pub(crate) fn refused(doing: impl Into<String>) -> impl FnOnce(tonic::Status) -> DemoError {
    let doing = doing.into();
    move |status| DemoError::new(format!("{doing}: {:?}: {}", status.code(), status.message()))
}
