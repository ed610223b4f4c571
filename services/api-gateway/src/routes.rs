//! The endpoints: one file for each resource, with its attribute map, its paths, and how it is shown. An endpoint
//! decodes, makes one call, and encodes.

pub(crate) mod agents;
mod extensions;
mod health_monitors;
pub(crate) mod members;
mod networks;
mod pool_health_monitors;
pub(crate) mod pools;
mod ports;
mod quotas;
pub(crate) mod service_providers;
mod subnets;
pub(crate) mod table;
mod versions;
mod vips;

use axum::{
    Router,
    extract::{DefaultBodyLimit, FromRequestParts, Path},
    http::request::Parts,
    middleware,
};
use serde::de::DeserializeOwned;

use self::table::Routes;
use crate::{Gateway, caller, error::Refusal, odd, openapi, origin, payload, request_id};

/// Everything that is served.
pub(crate) fn table() -> Routes {
    Routes::new()
        .merge(agents::routes())
        .merge(extensions::routes())
        .merge(health_monitors::routes())
        .merge(members::routes())
        .merge(networks::routes())
        .merge(pool_health_monitors::routes())
        .merge(pools::routes())
        .merge(ports::routes())
        .merge(quotas::routes())
        .merge(service_providers::routes())
        .merge(subnets::routes())
        .merge(versions::routes())
        .merge(vips::routes())
        .merge(openapi::routes())
}

/// The table with what surrounds every request.
pub(crate) fn router(gateway: Gateway) -> Router {
    table()
        .router
        .fallback(unrouted)
        .method_not_allowed_fallback(unrouted)
        .layer(DefaultBodyLimit::max(payload::LIMIT))
        .layer(middleware::from_fn(odd::refuse))
        .layer(middleware::from_fn_with_state(gateway.clone(), caller::authenticate))
        .layer(middleware::from_fn_with_state(gateway.clone(), origin::check))
        .layer(middleware::from_fn_with_state(gateway.clone(), request_id::assign))
        .with_state(gateway)
}

/// Neutron knows no 405: a method that a path does not have is as unknown as a path.
async fn unrouted() -> Refusal {
    Refusal::Unrouted
}

/// The ids in a path.
struct At<T>(T);

impl<T: DeserializeOwned + Send> FromRequestParts<Gateway> for At<T> {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        match Path::from_request_parts(parts, gateway).await {
            Ok(Path(ids)) => Ok(Self(ids)),
            Err(_) => Err(Refusal::Unrouted),
        }
    }
}
