//! `lbaas.v2` over gRPC: load balancers made whole and part by part, and v1's view of them.

mod bounds;
mod events;
mod foreseen;
mod health;
mod held;
mod history;
mod parts;
mod stopped;
mod views;
mod whole;

use std::time::Duration;

use ballast_proto::{
    driver::{LbMethod, Protocol},
    v2::{
        CreateLoadBalancerRequest, GetRequest, Listener, LoadBalancer, Member, Pool, ProvisioningStatus, Vip,
        load_balancers_client::LoadBalancersClient,
    },
};
use tonic::transport::Channel;
use tonic_types::StatusExt as _;

use crate::{
    played::{able_driver, obedient_with},
    services::{PATIENCE, Services},
};

/// With an agent that can do everything, and a subnet.
async fn start() -> (Services, String) {
    let services = Services::start().await;
    obedient_with(&services.channel, "a", able_driver()).await;
    let subnet_id = services.subnet().await;
    (services, subnet_id)
}

fn load_balancers(services: &Services) -> LoadBalancersClient<Channel> {
    LoadBalancersClient::new(services.channel.clone())
}

/// One in the project demo.
fn new_load_balancer(subnet_id: &str) -> LoadBalancer {
    LoadBalancer {
        project_id: "demo".to_owned(),
        name: "lb".to_owned(),
        vip: Some(Vip { subnet_id: subnet_id.to_owned(), ..Vip::default() }),
        ..LoadBalancer::default()
    }
}

fn new_listener(load_balancer_id: &str, port: i32) -> Listener {
    Listener {
        load_balancer_id: load_balancer_id.to_owned(),
        protocol: Protocol::Http.into(),
        protocol_port: Some(port),
        ..Listener::default()
    }
}

fn new_pool(load_balancer_id: &str) -> Pool {
    Pool {
        load_balancer_id: load_balancer_id.to_owned(),
        protocol: Protocol::Http.into(),
        lb_algorithm: LbMethod::RoundRobin.into(),
        ..Pool::default()
    }
}

fn new_member(pool_id: &str, last: u8) -> Member {
    Member {
        pool_id: pool_id.to_owned(),
        address: format!("10.0.0.{last}"),
        protocol_port: Some(80),
        ..Member::default()
    }
}

async fn create(services: &Services, load_balancer: LoadBalancer) -> LoadBalancer {
    let request = CreateLoadBalancerRequest { load_balancer: Some(load_balancer), ..Default::default() };
    load_balancers(services).create(request).await.unwrap().into_inner()
}

/// Waits until all of a load balancer is done; it.
async fn settled(services: &Services, id: &str) -> LoadBalancer {
    let wait = async {
        loop {
            let request = GetRequest { id: id.to_owned(), ..GetRequest::default() };
            let shown = load_balancers(services).get(request).await.unwrap().into_inner();
            let status = shown.status.as_ref().unwrap();
            if status.provisioning() == ProvisioningStatus::Active {
                return shown;
            }
            assert_ne!(status.provisioning(), ProvisioningStatus::Error, "{}", status.description);
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    tokio::time::timeout(PATIENCE, wait).await.expect("a load balancer that is ACTIVE in time")
}

/// The reason that a refusal gives to programs.
fn reason(refused: &tonic::Status) -> String {
    refused.get_error_details().error_info().map(|info| info.reason.clone()).unwrap_or_default()
}

/// The fact that it tells.
fn fact(refused: &tonic::Status) -> String {
    let details = refused.get_error_details();
    details.error_info().and_then(|info| info.metadata.get("fact").cloned()).unwrap_or_default()
}
