//! The load balancer of the demo, made as a user makes one: whole, by one request of REST. In a mode of authentication for
//! which the demo has no credentials it takes the scheduler's socket instead, with the same in it.

mod rest;
mod socket;

use std::time::Duration;

use ballast_service::config::{AuthMode, Settings};
use tokio::time::{Instant, sleep};

use crate::{error::DemoError, scheduler::Scheduler, topology::PORT};

pub(crate) use rest::Rest;

pub(crate) const NAME: &str = "demo-lb";
pub(crate) const LISTENER: &str = "demo-listener";
pub(crate) const POOL: &str = "demo-pool";
const MONITOR: &str = "demo-monitor";
const MONITOR_DELAY: i32 = 2;
const MONITOR_TIMEOUT: i32 = 2;
const MONITOR_RETRIES: i32 = 2;
const DEADLINE: Duration = Duration::from_secs(30);
const PAUSE: Duration = Duration::from_millis(20);

/// What was made.
pub(crate) struct LoadBalancer {
    pub(crate) id: String,
    /// The VIP's address.
    pub(crate) address: String,
    /// `REST` or `gRPC`
    pub(crate) through: &'static str,
}

/// The load balancer with a listener, a pool, its members and a health monitor, all of them only asked for.
pub(crate) async fn make(
    settings: &Settings,
    scheduler: &Scheduler,
    subnet_id: &str,
) -> Result<LoadBalancer, DemoError> {
    if settings.auth.mode == AuthMode::None {
        Rest::at(settings.gateway.listen)?.make(subnet_id).await
    } else {
        socket::make(scheduler, subnet_id).await
    }
}

/// Waits until it is ACTIVE: with every part, as its newest change is deployed then.
pub(crate) async fn active(scheduler: &Scheduler, load_balancer: &LoadBalancer) -> Result<(), DemoError> {
    let deadline = Instant::now() + DEADLINE;
    while let Some(pending) = scheduler.pending(&load_balancer.id).await? {
        if Instant::now() >= deadline {
            return Err(DemoError::new(format!("the load balancer was not ACTIVE within {DEADLINE:?}: {pending}")));
        }
        sleep(PAUSE).await;
    }
    Ok(())
}

impl LoadBalancer {
    /// Of the VIP, with a path such as `/`.
    pub(crate) fn url(&self, path: &str) -> String {
        let port = if PORT == 80 { String::new() } else { format!(":{PORT}") };
        format!("http://{}{port}{path}", self.address)
    }
}
