//! The dashboard, mounted: what surrounds each of its requests is what surrounds each of REST's. It is switched on and off by
//! `gateway.dashboard`, which is read again at SIGHUP.

use std::sync::{Arc, Mutex, PoisonError};

use axum::{Router, middleware};
use ballast_service::{
    clock::Clock,
    config::{self, Settings},
};
use ballast_ui::{Dashboard, Parts};
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio_util::sync::CancellationToken;

use crate::{Gateway, odd, origin, request_id};

/// The pages, if they are served now, and what ends their streams.
#[derive(Clone, Default)]
pub(crate) struct Pages(Arc<Mutex<Option<(Router, CancellationToken)>>>);

impl Pages {
    pub(crate) fn now(&self) -> Option<Router> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).as_ref().map(|(router, _)| router.clone())
    }

    fn set(&self, pages: Option<(Router, CancellationToken)>) {
        let before = std::mem::replace(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner), pages);
        if let Some((_, streams)) = before {
            streams.cancel();
        }
    }
}

/// Switches pages on and off.
pub(crate) struct Switch {
    pages: Pages,
    gateway: Gateway,
    clock: Clock,
    shutdown: CancellationToken,
    hangup: Signal,
}

impl Switch {
    /// As the configuration says at first. SIGHUP is waited for from now on: whoever is not ready for it is ended by it.
    ///
    /// # Errors
    /// One line that names the key.
    pub(crate) fn new(
        gateway: &Gateway,
        settings: &Settings,
        clock: Clock,
        shutdown: &CancellationToken,
    ) -> Result<Self, String> {
        let hangup = signal(SignalKind::hangup()).map_err(|error| format!("SIGHUP cannot be watched for: {error}"))?;
        let switch =
            Self { pages: Pages::default(), gateway: gateway.clone(), clock, shutdown: shutdown.clone(), hangup };
        switch.turn(settings)?;
        Ok(switch)
    }

    pub(crate) fn pages(&self) -> Pages {
        self.pages.clone()
    }

    fn turn(&self, settings: &Settings) -> Result<(), String> {
        let pages = match settings.gateway.dashboard {
            true => {
                let streams = self.shutdown.child_token();
                Some((router(&self.gateway, settings, self.clock.clone(), &streams)?, streams))
            }
            false => None,
        };
        self.pages.set(pages);
        Ok(())
    }

    /// Reads the configuration again at each SIGHUP: of it this key counts, and the others stay as they were.
    pub(crate) async fn watch(mut self, started_with: Settings) {
        loop {
            tokio::select! {
                () = self.shutdown.cancelled() => return,
                Some(()) = self.hangup.recv() => {}
            }
            let read = config::load(started_with.source.as_deref());
            let checked = read.and_then(|mut settings| {
                settings.insecure |= started_with.insecure;
                settings.check().map(|()| settings.gateway.dashboard)
            });
            let wanted = match checked {
                Ok(wanted) => wanted,
                Err(reason) => {
                    tracing::error!("SIGHUP: the configuration stays as it was: {reason}");
                    continue;
                }
            };
            if wanted == self.pages.now().is_some() {
                tracing::info!(dashboard = wanted, "SIGHUP: gateway.dashboard is as it was");
                continue;
            }
            let mut settings = started_with.clone();
            settings.gateway.dashboard = wanted;
            match self.turn(&settings) {
                Ok(()) => tracing::info!(dashboard = wanted, "SIGHUP: gateway.dashboard is another one"),
                Err(reason) => tracing::error!("SIGHUP: the dashboard stays off: {reason}"),
            }
        }
    }
}

/// # Errors
/// One line that names the key.
fn router(
    gateway: &Gateway,
    settings: &Settings,
    clock: Clock,
    shutdown: &CancellationToken,
) -> Result<Router, String> {
    let parts = Parts {
        scheduler: gateway.scheduler.channel(),
        authenticator: gateway.door.authenticator().clone(),
        streams: gateway.streams.open.clone(),
        rates: Arc::clone(&gateway.rates),
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
