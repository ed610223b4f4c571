//! What the demo asks of the scheduler by its Unix socket, as its admin: this works in every mode of authentication.

use ballast_proto::{
    v1::{
        AllocationPool, CreateNetworkRequest, CreateSubnetRequest, ListRequest, Liveness, Network, Subnet,
        agents_client::AgentsClient, networks_client::NetworksClient,
    },
    v2::{GetRequest, ProvisioningStatus, load_balancers_client::LoadBalancersClient},
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

    /// What a load balancer is instead of ACTIVE, and why.
    pub(crate) async fn pending(&self, id: &str) -> Result<Option<String>, DemoError> {
        let request = GetRequest { id: id.to_owned(), ..Default::default() };
        let got = LoadBalancersClient::new(self.channel()).get(request).await;
        let got = got.map_err(refused("asking for the load balancer's status"))?.into_inner();
        let status = got.status.unwrap_or_default();
        let word = status.provisioning();
        Ok((word != ProvisioningStatus::Active).then(|| format!("{} {}", word.as_str_name(), status.description)))
    }
}

/// For `map_err`: what a person needs of a gRPC status.
pub(crate) fn refused(doing: impl Into<String>) -> impl FnOnce(tonic::Status) -> DemoError {
    let doing = doing.into();
    move |status| DemoError::new(format!("{doing}: {:?}: {}", status.code(), status.message()))
}
