//! The dashboard, mounted: what surrounds each of its requests is what surrounds each of REST's.

use axum::{Router, middleware};
use ballast_service::{clock::Clock, config::Settings};
use ballast_ui::{Dashboard, Parts};
use tokio_util::sync::CancellationToken;

use crate::{Gateway, odd, origin, request_id};

/// # Errors
/// One line that names the key.
pub(crate) fn router(
    gateway: &Gateway,
    settings: &Settings,
    clock: Clock,
    shutdown: &CancellationToken,
) -> Result<Router, String> {
    let parts = Parts {
        scheduler: gateway.scheduler.channel(),
        authenticator: gateway.door.authenticator().clone(),
        streams: gateway.streams.open.clone(),
        clock,
        chance: gateway.chance.clone(),
        shutdown: shutdown.clone(),
    };
    let pages = ballast_ui::router(Dashboard::new(settings, parts)?);
    Ok(pages
        .layer(middleware::from_fn(odd::refuse_page))
        .layer(middleware::from_fn_with_state(gateway.clone(), origin::check_page))
        .layer(middleware::from_fn_with_state(gateway.clone(), request_id::assign)))
}
