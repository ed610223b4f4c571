//! The scheduler: every rule, all state, placement, agent liveness, what each agent should run.
//!
//! `rpc/` decodes, calls `app/` once, encodes; `app/` loads an aggregate, calls a transition of the model, saves;
//! `store` keeps; `session/` tells agents. It never touches a network device and never waits for an agent inside a
//! request.

pub mod acme;
mod admission;
pub mod app;
pub mod backup;
pub mod metrics;
pub mod network;
pub mod placement;
mod rpc;
pub mod secrets;
mod session;
#[cfg(test)]
mod simulation;
pub mod work;

use std::{sync::Arc, time::Duration};

use ballast_model::fault::Fault;
use ballast_service::{
    config::Settings,
    edge::Edge,
    grpc::{self, Listening},
    metrics::{Component, Endpoint, serve as serve_metrics},
    process::Failure,
    sources::Sources,
    supervisor, tls,
};
use ballast_store::{Store, without_password};
use tokio::net::{TcpListener, UnixListener};
use tokio_util::sync::CancellationToken;

use crate::{admission::Admission, app::App, metrics::shown::Shown};

/// Where the scheduler serves.
pub struct Listeners {
    pub tcp: TcpListener,
    pub unix: Option<UnixListener>,
    /// None: metrics are told nowhere.
    pub metrics: Option<Endpoint>,
}

impl Listeners {
    /// Those that the configuration names.
    ///
    /// # Errors
    /// One line that names the key and the address.
    pub async fn bind(settings: &Settings) -> Result<Self, Failure> {
        settings
            .check_exposure("scheduler.listen", settings.scheduler.listen, settings.guard_of_grpc())
            .map_err(Failure::Config)?;
        let tcp = grpc::bind_tcp("scheduler.listen", settings.scheduler.listen).await?;
        let path = &settings.scheduler.socket;
        let unix = if path.as_os_str().is_empty() { None } else { Some(grpc::bind_unix("scheduler.socket", path)?) };
        Ok(Self { tcp, unix, metrics: Endpoint::bind(settings, Component::Scheduler).await? })
    }
}

/// Serves until `shutdown`.
///
/// # Errors
/// When the configuration is bad, the database cannot be opened, or a transport fails.
pub async fn run(
    settings: Settings,
    sources: Sources,
    listeners: Listeners,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let database = settings.database.address().map_err(Failure::Config)?;
    let store = Store::open(&database).await.map_err(|error| Failure::Run(error.to_string()))?;
    let address = listeners.tcp.local_addr().map_or_else(|_| String::new(), app::unique_address);
    let app = Arc::new(App::new(&settings, store, sources.clone(), &address).map_err(Failure::Config)?);
    let failed = |fault: Fault| Failure::run("the database", fault.for_log());
    app.start().await.map_err(failed)?;
    secrets::look(&app.store, &app.keyring).await.map_err(failed)?;
    let mut background = work::start(&app, &shutdown);
    if let Some(endpoint) = listeners.metrics {
        let shown = Arc::new(Shown::new(Arc::clone(&app), settings.metrics.per_agent_max));
        background.start("metrics", serve_metrics(endpoint, shown, shutdown.clone()));
    }
    let call_timeout = Duration::from_millis(settings.scheduler.call_timeout_ms.into());
    let routes = rpc::routes(Arc::clone(&app), call_timeout, shutdown.clone())
        .await
        .map_err(|error| Failure::run("reflection", error))?;
    tracing::info!(
        database = without_password(&settings.database.url),
        "scheduler ready on {}",
        settings.scheduler.listen
    );
    let path = listeners.unix.is_some().then(|| settings.scheduler.socket.clone());
    let routes =
        Admission::guard(&settings, sources.clock, Arc::clone(&app.metrics), routes).map_err(Failure::Config)?;
    let routes = rpc::followed(routes);
    let tls = tls::server_if_set(&settings.tls).map_err(Failure::Config)?;
    let listening = Listening { edge: Edge::new(&settings.connections), tcp: listeners.tcp, tls, unix: listeners.unix };
    supervisor::ready();
    let served = tokio::select! {
        served = grpc::serve(routes, listening, shutdown) => served,
        failure = background.failed() => Err(failure),
    };
    drop(background);
    app.leave().await;
    if let Some(path) = path {
        // A socket that is left is harmless: the next start replaces it.
        let _ = std::fs::remove_file(path);
    }
    served
}
