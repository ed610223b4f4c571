//! The gateway: Neutron's LBaaS v1 REST API, translated call by call into `lbaas.v1` of the scheduler.
//!
//! It checks the shape of what comes in (wrappers, attributes, JSON types, spelling) and gives what goes out Neutron's
//! form. It keeps no state and knows no rule: values and everything that needs to know other objects are the
//! scheduler's, whose facts of what is wrong it words as Neutron does ([`words`]). So any number of gateways can run side by side.

mod attributes;
mod caller;
mod error;
mod links;
mod odd;
mod openapi;
mod origin;
mod pages;
mod payload;
mod python;
mod query;
mod reply;
mod request_id;
mod routes;
mod scheduler;
mod serve;
mod spelling;
mod suffix;
mod values;
mod words;

use std::sync::Arc;

use ballast_service::{chance::Chance, config::Settings, process::Failure, sources::Sources};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt as _;

pub use crate::routes::table::Route;
use crate::{caller::Door, origin::Names, scheduler::Scheduler};

/// What every endpoint has at hand.
#[derive(Clone)]
struct Gateway {
    scheduler: Scheduler,
    door: Door,
    names: Arc<Names>,
    chance: Chance,
}

/// Every method of every path that is served.
#[must_use]
pub fn routes() -> Vec<Route> {
    let route = |operation: routes::table::Operation| Route {
        method: operation.does.method(),
        path: operation.path,
        action: operation.action,
    };
    routes::table().operations.into_iter().map(route).collect()
}

/// The OpenAPI 3.1 document of what is served.
#[must_use]
pub fn openapi() -> serde_json::Value {
    openapi::document(&routes::table().operations)
}

/// Serves REST on `listener` until `shutdown`.
///
/// # Errors
/// When the configuration cannot be used, or the listener fails.
pub async fn run(
    settings: Settings,
    sources: Sources,
    listener: TcpListener,
    shutdown: CancellationToken,
) -> Result<(), Failure> {
    let gateway = Gateway {
        scheduler: Scheduler::new(&settings).map_err(Failure::Config)?,
        door: Door::new(&settings, sources.clock).map_err(Failure::Config)?,
        names: Arc::new(Names::new(&settings).map_err(Failure::Config)?),
        chance: sources.chance,
    };
    if let Ok(address) = listener.local_addr() {
        tracing::info!(listen = %address, scheduler = %settings.gateway.scheduler, "serving REST");
    }
    let incoming = serve::Incoming::new(&settings, listener, &shutdown).map_err(Failure::Config)?;
    let service = routes::router(gateway).map_request(suffix::strip::<axum::body::Body>);
    serve::until(incoming, service, &shutdown).await;
    Ok(())
}
