//! The load balancer of the demo, made as a user makes one: through REST. In a mode of authentication for which the
//! demo has no credentials it takes the scheduler's socket instead; the steps are the same.

mod rest;
mod socket;

use std::time::Duration;

use ballast_service::config::{AuthMode, Settings};
use tokio::time::{Instant, sleep};

use crate::{
    error::DemoError,
    scheduler::Scheduler,
    topology::{MEMBERS, PORT},
};

pub(crate) use rest::Rest;

const NAME: &str = "demo-pool";
const VIP_NAME: &str = "demo-vip";
const MONITOR_DELAY: i32 = 2;
const MONITOR_TIMEOUT: i32 = 2;
const MONITOR_RETRIES: i32 = 2;
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// What was made.
pub(crate) struct LoadBalancer {
    pub(crate) pool_id: String,
    /// The VIP's address.
    pub(crate) address: String,
    /// `REST` or `gRPC`
    pub(crate) through: &'static str,
}

/// One way in. Each call makes one object and returns what the next one needs of it.
trait Api {
    const NAME: &'static str;
    /// The pool's id.
    async fn pool(&self, subnet_id: &str) -> Result<String, DemoError>;
    async fn member(&self, pool_id: &str, address: &str) -> Result<(), DemoError>;
    /// The address that it got.
    async fn vip(&self, pool_id: &str, subnet_id: &str) -> Result<String, DemoError>;
    /// The monitor's id.
    async fn monitor(&self) -> Result<String, DemoError>;
    async fn associate(&self, pool_id: &str, monitor_id: &str) -> Result<(), DemoError>;
}

/// Pool, members, vip, health monitor and association, all of them only asked for.
pub(crate) async fn make(
    settings: &Settings,
    scheduler: &Scheduler,
    subnet_id: &str,
) -> Result<LoadBalancer, DemoError> {
    if settings.auth.mode == AuthMode::None {
        make_through(&Rest::at(settings.gateway.listen)?, subnet_id).await
    } else {
        make_through(&socket::Socket::of(scheduler), subnet_id).await
    }
}

async fn make_through<A: Api>(api: &A, subnet_id: &str) -> Result<LoadBalancer, DemoError> {
    let pool_id = api.pool(subnet_id).await?;
    for member in &MEMBERS {
        api.member(&pool_id, member.address).await?;
    }
    let address = api.vip(&pool_id, subnet_id).await?;
    let monitor_id = api.monitor().await?;
    api.associate(&pool_id, &monitor_id).await?;
    Ok(LoadBalancer { pool_id, address, through: A::NAME })
}

/// Waits until every part is ACTIVE.
pub(crate) async fn active(scheduler: &Scheduler, load_balancer: &LoadBalancer) -> Result<(), DemoError> {
    let deadline = Instant::now() + DEADLINE;
    loop {
        let pending = scheduler.pending(&load_balancer.pool_id).await?;
        if pending.is_empty() {
            return Ok(());
        }
        if Instant::now() >= deadline {
            let what = pending.join(", ");
            return Err(DemoError::new(format!("the load balancer was not ACTIVE within {DEADLINE:?}: {what}")));
        }
        sleep(PAUSE).await;
    }
}

impl LoadBalancer {
    /// Of the VIP, with a path such as `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        let port = if PORT == 80 { String::new() } else { format!(":{PORT}") };
        format!("http://{}{port}{path}", self.address)
    }
}
