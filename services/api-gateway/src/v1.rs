//! LBaaS v1 as Neutron had it, and what of Neutron itself it needs: a view of load balancers.

mod body;
mod document;
mod lists;
mod python;
mod refusal;
mod routes;
mod spelling;
mod values;
mod words;

use axum::{
    Router,
    extract::{DefaultBodyLimit, Request},
    middleware::{self, Next},
    response::{IntoResponse as _, Response},
};

pub(crate) use self::document::document;
use self::routes::{
    agents, extensions, health_monitors, members, networks, pool_health_monitors, pools, ports, quotas,
    service_providers, subnets, versions, vips,
};
use crate::{
    Gateway, caller,
    kit::{refusal::Refusal, table::Routes},
    odd, origin, request_id,
    v2::plan,
};

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
        .merge(document::routes())
}

/// The table with what surrounds every request.
pub(crate) fn router(gateway: Gateway) -> Router {
    table()
        .router
        .fallback(unrouted)
        .method_not_allowed_fallback(unrouted)
        .layer(DefaultBodyLimit::max(body::LIMIT))
        .layer(middleware::from_fn(refuse_to_check))
        .layer(middleware::from_fn(odd::refuse))
        .layer(middleware::from_fn_with_state(gateway.clone(), caller::authenticate))
        .layer(middleware::from_fn_with_state(gateway.clone(), origin::check))
        .layer(middleware::map_response(refusal::finish))
        .layer(middleware::from_fn_with_state(gateway.clone(), request_id::assign))
        .with_state(gateway)
}

/// What v2 only checks when it is asked to, v1 would do: nobody who wants nothing done gets it done.
async fn refuse_to_check(request: Request, next: Next) -> Response {
    let asked = form_urlencoded::parse(request.uri().query().unwrap_or_default().as_bytes());
    if !request.method().is_safe() && asked.into_iter().any(|(name, _)| name == plan::NAME) {
        let name = plan::NAME;
        return Refusal::bad_request(format!(
            "{name} is no argument of LBaaS v1, and nothing was done. LBaaS v2 knows it"
        ))
        .into_response();
    }
    next.run(request).await
}

/// Neutron knows no 405: a method that a path does not have is as unknown as a path.
async fn unrouted() -> Refusal {
    Refusal::Unrouted
}
