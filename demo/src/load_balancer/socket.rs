//! Through the scheduler's Unix socket, by `lbaas.v2`.

use ballast_proto::{
    driver::{LbMethod, MonitorType, Protocol},
    v2::{
        self, CreateLoadBalancerRequest, HealthMonitor, Listener, Member, Pool, Vip,
        load_balancers_client::LoadBalancersClient,
    },
};

use super::{LISTENER, LoadBalancer, MONITOR, MONITOR_DELAY, MONITOR_RETRIES, MONITOR_TIMEOUT, NAME, POOL};
use crate::{
    configuration::PROJECT,
    error::DemoError,
    scheduler::{Scheduler, refused},
    topology::{MEMBERS, PORT},
};

/// As the scheduler's admin.
pub(super) async fn make(scheduler: &Scheduler, subnet_id: &str) -> Result<LoadBalancer, DemoError> {
    let request = CreateLoadBalancerRequest { load_balancer: Some(whole(subnet_id)), ..Default::default() };
    let made = LoadBalancersClient::new(scheduler.channel()).create(request).await;
    let made = made.map_err(refused("making the load balancer"))?.into_inner();
    let address = made.vip.map(|vip| vip.address).unwrap_or_default();
    Ok(LoadBalancer { id: made.id, address, through: "gRPC" })
}

fn whole(subnet_id: &str) -> v2::LoadBalancer {
    let members = MEMBERS.iter().map(|member| Member {
        address: member.address.to_owned(),
        protocol_port: Some(PORT.into()),
        ..Member::default()
    });
    let monitor = HealthMonitor {
        name: MONITOR.to_owned(),
        r#type: MonitorType::Http.into(),
        delay: Some(MONITOR_DELAY),
        timeout: Some(MONITOR_TIMEOUT),
        max_retries: Some(MONITOR_RETRIES),
        ..HealthMonitor::default()
    };
    let pool = Pool {
        name: POOL.to_owned(),
        protocol: Protocol::Http.into(),
        lb_algorithm: LbMethod::RoundRobin.into(),
        members: members.collect(),
        health_monitor: Some(monitor),
        ..Pool::default()
    };
    let listener = Listener {
        name: LISTENER.to_owned(),
        protocol: Protocol::Http.into(),
        protocol_port: Some(PORT.into()),
        insert_headers: [("X-Forwarded-For".to_owned(), "true".to_owned())].into(),
        default_pool: Some(pool),
        ..Listener::default()
    };
    v2::LoadBalancer {
        project_id: PROJECT.to_owned(),
        name: NAME.to_owned(),
        vip: Some(Vip { subnet_id: subnet_id.to_owned(), ..Vip::default() }),
        listeners: vec![listener],
        ..v2::LoadBalancer::default()
    }
}
