//! A scheduler whose answers are scripted.

use std::{
    collections::BTreeMap,
    sync::{Arc, Mutex},
};

use ballast_proto::{
    driver::{LbMethod, MonitorType, Protocol},
    status::{
        fault::{Facts, Fault, Kind},
        to_status,
    },
    v1::{self, agents_server, health_monitors_server, networks_server, pools_server, vips_server},
};
use tonic::{Request, Response, Status};

pub(crate) const ID: &str = "6a6f4de5-4d2f-4c5a-9d0b-4c7c7d6b8f10";
pub(crate) const OTHER: &str = "0b7c1a1e-58d9-4f6e-8b52-0d0f8f0c9a11";

/// What reached the scheduler.
#[derive(Debug, Default)]
pub(crate) struct Seen {
    pub(crate) metadata: BTreeMap<String, String>,
    pub(crate) pool: Option<v1::CreatePoolRequest>,
    pub(crate) pool_update: Option<v1::UpdatePoolRequest>,
    pub(crate) vip: Option<v1::CreateVipRequest>,
    pub(crate) vip_update: Option<v1::UpdateVipRequest>,
    pub(crate) list: Option<v1::ListRequest>,
    pub(crate) associations: Vec<String>,
}

/// Knows the pool, vip, monitor and agent [`ID`] and nothing else.
#[derive(Clone, Default)]
pub(crate) struct Scripted(pub(crate) Arc<Mutex<Seen>>);

impl Scripted {
    fn note<T: Clone>(&self, request: &Request<T>, note: impl FnOnce(&mut Seen, T)) {
        let mut seen = self.0.lock().unwrap();
        seen.metadata = ["ballast-roles", "ballast-project-id", "ballast-request-id", "grpc-timeout"]
            .into_iter()
            .filter_map(|key| Some((key.to_owned(), request.metadata().get(key)?.to_str().ok()?.to_owned())))
            .collect();
        note(&mut seen, request.get_ref().clone());
    }
}

pub(crate) fn pool(id: &str) -> v1::Pool {
    v1::Pool {
        id: id.to_owned(),
        project_id: "p".to_owned(),
        name: "p1".to_owned(),
        subnet_id: OTHER.to_owned(),
        protocol: Protocol::Http.into(),
        lb_method: LbMethod::RoundRobin.into(),
        provider: "haproxy".to_owned(),
        admin_state_up: Some(true),
        member_ids: vec![OTHER.to_owned()],
        health_monitors: vec![association()],
        status: v1::Status::PendingCreate.into(),
        ..v1::Pool::default()
    }
}

fn association() -> v1::MonitorStatus {
    v1::MonitorStatus {
        monitor_id: ID.to_owned(),
        pool_id: ID.to_owned(),
        status: v1::Status::Active.into(),
        status_description: String::new(),
    }
}

fn known<T>(id: &str, kind: Kind, object: T) -> Result<Response<T>, Status> {
    if id == ID { Ok(Response::new(object)) } else { Err(to_status(&Fault::not_found(kind, id))) }
}

fn unscripted<T>() -> Result<Response<T>, Status> {
    Err(Status::unimplemented("not in the script"))
}

#[tonic::async_trait]
impl pools_server::Pools for Scripted {
    async fn create(&self, request: Request<v1::CreatePoolRequest>) -> Result<Response<v1::Pool>, Status> {
        self.note(&request, |seen, message| seen.pool = Some(message));
        let asked = request.into_inner().pool.unwrap();
        match asked.name.as_str() {
            "nobody" => Err(to_status(&Facts::NoEligibleAgent { pool_id: ID.parse().unwrap() }.into())),
            "bug" => Err(Status::unknown("secret")),
            _ => Ok(Response::new(v1::Pool { name: asked.name, ..pool(ID) })),
        }
    }

    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::Pool>, Status> {
        known(&request.get_ref().id, Kind::Pool, pool(ID))
    }

    async fn list(&self, request: Request<v1::ListRequest>) -> Result<Response<v1::ListPoolsResponse>, Status> {
        self.note(&request, |seen, message| seen.list = Some(message));
        let pools = vec![pool(ID), pool(OTHER)];
        Ok(Response::new(v1::ListPoolsResponse { pools, next_page_token: String::new() }))
    }

    async fn update(&self, request: Request<v1::UpdatePoolRequest>) -> Result<Response<v1::Pool>, Status> {
        self.note(&request, |seen, message| seen.pool_update = Some(message));
        Ok(Response::new(pool(ID)))
    }

    async fn delete(&self, request: Request<v1::DeleteRequest>) -> Result<Response<()>, Status> {
        known(&request.get_ref().id, Kind::Pool, ())
    }

    async fn stats(&self, _: Request<v1::GetRequest>) -> Result<Response<v1::PoolStats>, Status> {
        Ok(Response::new(v1::PoolStats { bytes_in: 1, bytes_out: 2, active_connections: 3, total_connections: 4 }))
    }

    async fn associate_health_monitor(
        &self,
        request: Request<v1::AssociateRequest>,
    ) -> Result<Response<v1::Pool>, Status> {
        let monitor = request.into_inner().health_monitor_id;
        let reply = known(&monitor, Kind::HealthMonitor, pool(ID));
        self.0.lock().unwrap().associations.push(format!("+{monitor}"));
        reply
    }

    async fn disassociate_health_monitor(
        &self,
        request: Request<v1::AssociateRequest>,
    ) -> Result<Response<v1::Pool>, Status> {
        self.0.lock().unwrap().associations.push(format!("-{}", request.get_ref().health_monitor_id));
        Ok(Response::new(pool(ID)))
    }

    async fn get_agent(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::GetPoolAgentResponse>, Status> {
        Ok(Response::new(v1::GetPoolAgentResponse { agent: (request.get_ref().id == ID).then(agent) }))
    }
}

#[tonic::async_trait]
impl vips_server::Vips for Scripted {
    async fn create(&self, request: Request<v1::CreateVipRequest>) -> Result<Response<v1::Vip>, Status> {
        self.note(&request, |seen, message| seen.vip = Some(message));
        Ok(Response::new(request.into_inner().vip.unwrap()))
    }

    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::Vip>, Status> {
        known(&request.get_ref().id, Kind::Vip, v1::Vip::default())
    }

    async fn list(&self, _: Request<v1::ListRequest>) -> Result<Response<v1::ListVipsResponse>, Status> {
        unscripted()
    }

    async fn update(&self, request: Request<v1::UpdateVipRequest>) -> Result<Response<v1::Vip>, Status> {
        self.note(&request, |seen, message| seen.vip_update = Some(message));
        Ok(Response::new(request.into_inner().vip.unwrap()))
    }

    async fn delete(&self, _: Request<v1::DeleteRequest>) -> Result<Response<()>, Status> {
        unscripted()
    }
}

fn monitor(kind: MonitorType) -> v1::HealthMonitor {
    v1::HealthMonitor {
        id: ID.to_owned(),
        project_id: "p".to_owned(),
        r#type: kind.into(),
        delay: Some(5),
        timeout: Some(3),
        max_retries: Some(2),
        http_method: Some("GET".to_owned()),
        url_path: Some("/".to_owned()),
        expected_codes: Some("200".to_owned()),
        admin_state_up: Some(true),
        pools: vec![association()],
    }
}

#[tonic::async_trait]
impl health_monitors_server::HealthMonitors for Scripted {
    async fn create(
        &self,
        request: Request<v1::CreateHealthMonitorRequest>,
    ) -> Result<Response<v1::HealthMonitor>, Status> {
        let asked = request.into_inner().health_monitor.unwrap();
        Ok(Response::new(monitor(asked.r#type())))
    }

    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::HealthMonitor>, Status> {
        known(&request.get_ref().id, Kind::HealthMonitor, monitor(MonitorType::Http))
    }

    async fn list(
        &self,
        request: Request<v1::ListRequest>,
    ) -> Result<Response<v1::ListHealthMonitorsResponse>, Status> {
        self.note(&request, |seen, message| seen.list = Some(message));
        let health_monitors = vec![monitor(MonitorType::Http)];
        Ok(Response::new(v1::ListHealthMonitorsResponse { health_monitors, next_page_token: String::new() }))
    }

    async fn update(&self, _: Request<v1::UpdateHealthMonitorRequest>) -> Result<Response<v1::HealthMonitor>, Status> {
        unscripted()
    }

    async fn delete(&self, _: Request<v1::DeleteRequest>) -> Result<Response<()>, Status> {
        unscripted()
    }
}

fn agent() -> v1::Agent {
    let driver = |name: &str, state: &str, reason: &str| v1::AgentDriver {
        name: name.to_owned(),
        version: "1.0".to_owned(),
        state: state.to_owned(),
        reason: reason.to_owned(),
        features: Vec::new(),
        network_types: if state == "READY" { vec!["own".to_owned(), "bridge".to_owned()] } else { Vec::new() },
        physical_networks: if state == "READY" { vec!["front".to_owned()] } else { Vec::new() },
        remarks: if state == "READY" { vec!["no SCTP on this host".to_owned()] } else { Vec::new() },
    };
    v1::Agent {
        id: ID.to_owned(),
        host: "h".to_owned(),
        admin_state_up: true,
        liveness: v1::Liveness::Alive.into(),
        heartbeat_at: Some(prost_types::Timestamp { seconds: 1_420_070_400, nanos: 123_456_000 }),
        drivers: vec![driver("haproxy-ns", "READY", ""), driver("a10", "FAILED", "not an ELF file")],
        load_balancers: 2,
        ..v1::Agent::default()
    }
}

#[tonic::async_trait]
impl agents_server::Agents for Scripted {
    async fn get(&self, request: Request<v1::GetRequest>) -> Result<Response<v1::Agent>, Status> {
        known(&request.get_ref().id, Kind::Agent, agent())
    }

    async fn list(&self, _: Request<v1::ListRequest>) -> Result<Response<v1::ListAgentsResponse>, Status> {
        let dead = v1::Agent { liveness: v1::Liveness::Dead.into(), ..agent() };
        Ok(Response::new(v1::ListAgentsResponse { agents: vec![agent(), dead], ..Default::default() }))
    }

    async fn update(&self, request: Request<v1::UpdateAgentRequest>) -> Result<Response<v1::Agent>, Status> {
        Ok(Response::new(v1::Agent { ..request.into_inner().agent.unwrap() }))
    }

    async fn delete(&self, _: Request<v1::DeleteAgentRequest>) -> Result<Response<()>, Status> {
        unscripted()
    }

    async fn list_pools(&self, _: Request<v1::GetRequest>) -> Result<Response<v1::ListPoolsResponse>, Status> {
        Ok(Response::new(v1::ListPoolsResponse::default()))
    }
}

#[tonic::async_trait]
impl networks_server::Networks for Scripted {
    async fn create_network(
        &self,
        request: Request<v1::CreateNetworkRequest>,
    ) -> Result<Response<v1::Network>, Status> {
        Ok(Response::new(request.into_inner().network.unwrap()))
    }

    async fn get_network(&self, _: Request<v1::GetRequest>) -> Result<Response<v1::Network>, Status> {
        unscripted()
    }

    async fn list_networks(&self, _: Request<v1::ListRequest>) -> Result<Response<v1::ListNetworksResponse>, Status> {
        let network = v1::Network { id: ID.to_owned(), ..v1::Network::default() };
        Ok(Response::new(v1::ListNetworksResponse { networks: vec![network], next_page_token: String::new() }))
    }

    async fn delete_network(&self, _: Request<v1::DeleteRequest>) -> Result<Response<()>, Status> {
        unscripted()
    }

    async fn create_subnet(&self, request: Request<v1::CreateSubnetRequest>) -> Result<Response<v1::Subnet>, Status> {
        Ok(Response::new(request.into_inner().subnet.unwrap()))
    }

    async fn get_subnet(&self, _: Request<v1::GetRequest>) -> Result<Response<v1::Subnet>, Status> {
        unscripted()
    }

    async fn list_subnets(&self, _: Request<v1::ListRequest>) -> Result<Response<v1::ListSubnetsResponse>, Status> {
        unscripted()
    }

    async fn update_network(&self, _: Request<v1::UpdateNetworkRequest>) -> Result<Response<v1::Network>, Status> {
        unscripted()
    }

    async fn update_subnet(&self, _: Request<v1::UpdateSubnetRequest>) -> Result<Response<v1::Subnet>, Status> {
        unscripted()
    }

    async fn delete_subnet(&self, _: Request<v1::DeleteRequest>) -> Result<Response<()>, Status> {
        unscripted()
    }
}
