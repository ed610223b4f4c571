//! The gateway: Octavia's LBaaS v2 and Neutron's LBaaS v1 over REST, translated call by call into `lbaas.v2` and `lbaas.v1`
//! of the scheduler.
//!
//! It checks the shape of what comes in (wrappers, attributes, JSON types, spelling) and gives what goes out the
//! form of the API. It keeps no state and knows no rule: values and everything that needs to know other objects are the
//! scheduler's, whose facts of what is wrong it words as Octavia and Neutron do (`v2/words.rs`, `v1/words.rs`). So any number of gateways can run side by side.

mod apis;
mod caller;
mod dashboard;
mod kit;
mod metrics;
mod odd;
mod origin;
mod request_id;
mod scheduler;
mod serve;
mod suffix;
mod v1;
mod v2;

use std::{sync::Arc, time::Duration};

use ballast_service::{
    background::Background,
    chance::Chance,
    config::Settings,
    grpc,
    metrics::{Component, Endpoint, auth::AuthCounts, serve as serve_metrics},
    process::Failure,
    rate::RateLimit,
    sources::Sources,
    supervisor,
};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

pub use crate::kit::table::Route;
use crate::{
    caller::Door,
    dashboard::Switch,
    metrics::{Metrics, Shown},
    origin::Names,
    scheduler::Scheduler,
    v2::ballast::streams::Streams,
};

/// What every endpoint has at hand.
#[derive(Clone)]
struct Gateway {
    scheduler: Scheduler,
    door: Door,
    names: Arc<Names>,
    chance: Chance,
    /// How long the reply that something is PENDING may wait for its end.
    hold: Duration,
    /// Those that are open.
    streams: Arc<Streams>,
    metrics: Arc<Metrics>,
    /// How often projects call.
    rates: Arc<RateLimit>,
}

/// Where the gateway serves.
pub struct Listeners {
    pub rest: TcpListener,
    /// None: metrics are told nowhere.
    pub metrics: Option<Endpoint>,
}

impl Listeners {
    /// Those that the configuration names.
    ///
    /// # Errors
    /// One line that names the key and the address.
    pub async fn bind(settings: &Settings) -> Result<Self, Failure> {
        let address = settings.gateway.listen;
        settings.check_exposure("gateway.listen", address, settings.guard_of_rest()).map_err(Failure::Config)?;
        let rest = grpc::bind_tcp("gateway.listen", address).await?;
        Ok(Self { rest, metrics: Endpoint::bind(settings, Component::Gateway).await? })
    }
}

/// Every method of every path of v1 that is served.
#[must_use]
pub fn routes() -> Vec<Route> {
    listed(v1::table())
}

/// Every method of every path of v2 that is served, each by one of its names.
#[must_use]
pub fn v2_routes() -> Vec<Route> {
    listed(v2::table())
}

fn listed(table: kit::table::Routes) -> Vec<Route> {
    let route = |operation: kit::table::Operation| Route {
        method: operation.does.method(),
        path: operation.path,
        action: operation.action,
    };
    table.operations.into_iter().map(route).collect()
}

/// Every method of every path of the dashboard.
#[must_use]
pub fn page_routes() -> Vec<Route> {
    let route =
        |route: &ballast_ui::Route| Route { method: route.method, path: route.path, action: route.action.to_owned() };
    ballast_ui::ROUTES.iter().map(route).collect()
}

/// The OpenAPI 3.1 document of what is served of v1.
#[must_use]
pub fn openapi() -> serde_json::Value {
    v1::document()
}

/// The OpenAPI 3.1 document of what is served of v2.
#[must_use]
pub fn v2_openapi() -> serde_json::Value {
    v2::document()
}

/// Serves until `shutdown`.
///
/// # Errors
/// When the configuration cannot be used, or a listener fails.
pub async fn run(
    settings: Settings,
    sources: Sources,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let all: Vec<Route> = v2_routes().into_iter().chain(routes()).collect();
    let metrics = Arc::new(Metrics::new(&all, AuthCounts::new(settings.auth.mode)));
    let clock = sources.clock.clone();
    let gateway = Gateway {
        scheduler: Scheduler::new(&settings).map_err(Failure::Config)?,
        door: Door::new(&settings, sources.clock.clone()).map_err(Failure::Config)?,
        names: Arc::new(Names::new(&settings).map_err(Failure::Config)?),
        chance: sources.chance,
        hold: Duration::from_millis(settings.gateway.hold_ms.into()),
        streams: Arc::new(Streams::new(&settings, shutdown.clone())),
        rates: Arc::new(RateLimit::new(&settings.rate_limit, metrics.rates.clone())),
        metrics,
    };
    let mut background = Background::default();
    if let Some(endpoint) = listeners.metrics {
        let (streams, scheduler) = (Arc::clone(&gateway.streams), gateway.scheduler.clone());
        let shown = Shown::new(&gateway.metrics, streams, scheduler, &sources.clock);
        background.start("metrics", serve_metrics(endpoint, Arc::new(shown), shutdown.clone()));
    }
    let switch = Switch::new(&gateway, &settings, clock, &shutdown).map_err(Failure::Config)?;
    if let Ok(address) = listeners.rest.local_addr() {
        let schedulers: Vec<String> = settings.gateway.all_schedulers().iter().map(ToString::to_string).collect();
        tracing::info!(listen = %address, schedulers = schedulers.join(" "), "serving REST");
    }
    let incoming = serve::Incoming::new(&settings, listeners.rest, &shutdown).map_err(Failure::Config)?;
    let service = apis::service(v1::router(gateway.clone()), v2::router(gateway), switch.pages());
    tokio::spawn(switch.watch(settings));
    supervisor::ready();
    tokio::select! {
        () = serve::until(incoming, service, &shutdown) => Ok(()),
        failure = background.failed() => Err(failure),
    }
}
