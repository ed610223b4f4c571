//! LBaaS v2: Octavia's API.

mod attributes;
pub(crate) mod ballast;
mod body;
mod crud;
mod document;
mod headers;
mod lists;
mod manners;
mod place;
pub(crate) mod plan;
mod python;
mod refusal;
mod routes;
mod shown;
mod spelling;
mod tls;
mod values;
mod words;

use axum::{Router, extract::DefaultBodyLimit, middleware};

pub(crate) use self::document::document;
use self::routes::{
    amphorae, availability_zones, flavors, health_monitors, l7policies, l7rules, listeners, load_balancers, members,
    neighbours, pools, profiles, providers, quotas, secrets, versions,
};
use crate::{
    Gateway, caller,
    kit::{refusal::Refusal, table::Routes},
    odd, origin, request_id,
};

/// Everything that is served.
pub(crate) fn table() -> Routes {
    Routes::new()
        .merge(amphorae::routes())
        .merge(availability_zones::routes())
        .merge(ballast::routes())
        .merge(flavors::routes())
        .merge(health_monitors::routes())
        .merge(l7policies::routes())
        .merge(l7rules::routes())
        .merge(listeners::routes())
        .merge(load_balancers::routes())
        .merge(members::routes())
        .merge(neighbours::routes())
        .merge(pools::routes())
        .merge(profiles::routes())
        .merge(providers::routes())
        .merge(quotas::routes())
        .merge(secrets::routes())
        .merge(versions::routes())
        .merge(document::routes())
}

/// The table with what surrounds every request.
pub(crate) fn router(gateway: Gateway) -> Router {
    table()
        .router
        .fallback(unrouted)
        .method_not_allowed_fallback(unserved)
        .layer(DefaultBodyLimit::max(body::LIMIT))
        .layer(middleware::from_fn(odd::refuse))
        .layer(middleware::from_fn_with_state(gateway.clone(), caller::authenticate))
        .layer(middleware::from_fn(manners::check))
        .layer(middleware::from_fn_with_state(gateway.clone(), origin::check))
        .layer(middleware::map_response(refusal::finish))
        .layer(middleware::from_fn_with_state(gateway.clone(), request_id::assign))
        .with_state(gateway)
}

async fn unrouted() -> Refusal {
    Refusal::Unrouted
}

async fn unserved() -> Refusal {
    Refusal::Unserved
}

/// The sentence of a fault, and its status: for the table of errors.
#[cfg(test)]
pub(crate) use self::{refusal::status_of as status, words::v2 as sentence};
