//! Signatures whose bodies are on their way.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use ballast_model::{
    Uuid, agent::Agent, fault::Fault, health_monitor::HealthMonitor, load_balancer::LoadBalancer, network::Network,
    outcome::Statistics, status::Progress, subnet::Subnet, time::Timestamp,
};

use crate::{Binding, BoundLoadBalancer, Found, Hold, Kind, Page, Port, Query, Tx};

impl Tx {
    pub async fn load(&self, _id: Uuid) -> Result<Option<LoadBalancer>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn load_many(&self, _ids: &[Uuid]) -> Result<Vec<LoadBalancer>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn insert(&self, _load_balancer: &LoadBalancer) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn save(&self, _before: &LoadBalancer, _after: &LoadBalancer) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn delete(&self, _load_balancer: &LoadBalancer) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn owner_of_listener(&self, _id: Uuid) -> Result<Option<Uuid>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn owner_of_member(&self, _id: Uuid) -> Result<Option<Uuid>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn owners_of_monitor(&self, _id: Uuid) -> Result<Vec<Uuid>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn monitor(&self, _id: Uuid) -> Result<Option<HealthMonitor>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn insert_monitor(&self, _monitor: &HealthMonitor) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn save_monitor(&self, _monitor: &HealthMonitor) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn delete_monitor(&self, _id: Uuid) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn associations_of(&self, _monitor_id: Uuid) -> Result<Vec<(Uuid, Progress)>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn associations_of_many(
        &self,
        _monitor_ids: &[Uuid],
    ) -> Result<HashMap<Uuid, Vec<(Uuid, Progress)>>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn binding(&self, _load_balancer_id: Uuid) -> Result<Option<Binding>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn bind(&self, _load_balancer_id: Uuid, _agent_id: Uuid, _driver: &str) -> Result<Binding, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn bindings_of(&self, _agent_id: Uuid) -> Result<Vec<BoundLoadBalancer>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn release(&self, _load_balancer_id: Uuid) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn drop_binding(&self, _load_balancer_id: Uuid, _agent_id: Uuid, _epoch: u64) -> Result<bool, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn unplaced(&self) -> Result<Vec<Uuid>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn agent(&self, _id: Uuid) -> Result<Option<Agent>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn agent_by_host(&self, _host: &str) -> Result<Option<Agent>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn agents(&self, _query: &Query) -> Result<Vec<Agent>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn insert_agent(&self, _agent: &Agent) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn save_agent(&self, _agent: &Agent) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn touch_agent(&self, _id: Uuid, _heartbeat_at: Timestamp, _connected: bool) -> Result<bool, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn delete_agent(&self, _id: Uuid) -> Result<Vec<Uuid>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn disconnect_all(&self) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn network(&self, _id: Uuid) -> Result<Option<Network>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn insert_network(&self, _network: &Network) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn delete_network(&self, _id: Uuid) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn subnet(&self, _id: Uuid) -> Result<Option<Subnet>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn subnets_of(&self, _network_id: Uuid) -> Result<Vec<Subnet>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn insert_subnet(&self, _subnet: &Subnet) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn delete_subnet(&self, _id: Uuid) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn networks(&self, _query: &Query) -> Result<Page<Network>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn subnets(&self, _query: &Query) -> Result<Page<Subnet>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn insert_port(&self, _port: &Port) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn port(&self, _id: Uuid) -> Result<Option<Port>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn delete_port(&self, _id: Uuid) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn ports_of_subnet(&self, _subnet_id: Uuid) -> Result<Vec<Port>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn addresses_taken(&self, _subnet_id: Uuid) -> Result<BTreeSet<IpAddr>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn address_in_use(&self, _subnet_id: Uuid, _address: IpAddr) -> Result<bool, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn insert_hold(&self, _hold: &Hold) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn holds_against(
        &self,
        _subnet_id: Uuid,
        _address: IpAddr,
        _load_balancer_id: Uuid,
    ) -> Result<Vec<Hold>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn release_holds(
        &self,
        _load_balancer_id: Uuid,
        _agent_id: Uuid,
        _generation: u64,
    ) -> Result<Vec<Hold>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn waiting_for(&self, _subnet_id: Uuid, _address: IpAddr) -> Result<Vec<Uuid>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn statistics(&self, _load_balancer_id: Uuid) -> Result<Statistics, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn save_statistics(&self, _load_balancer_id: Uuid, _statistics: Statistics) -> Result<(), Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn find(&self, _kind: Kind, _query: &Query) -> Result<Page<Found>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn monitors(&self, _query: &Query) -> Result<Page<HealthMonitor>, Fault> {
        Err(Fault::internal("not yet"))
    }

    pub async fn count(&self, _kind: Kind, _project_id: &str) -> Result<u64, Fault> {
        Err(Fault::internal("not yet"))
    }
}
