//! The dashboard: pages for people, at `/ui/` of the gateway.
//!
//! HTML is made here, from what the scheduler says, by templates that are checked when they are compiled. A page that is
//! open is patched over one stream of server-sent events with what the same template makes a moment later, so what is
//! live and what is loaded cannot differ. It keeps no state and knows no rule: a session is its cookie, and what may be seen
//! is the scheduler's to say.
//!
//! `pages/` asks the scheduler, `view/` makes of its messages what is shown (pure, tested without a browser),
//! `templates/` is how that looks.

mod files;
mod forms;
mod headers;
mod kept;
mod limiter;
mod live;
mod login;
mod pages;
mod projects;
mod route;
mod scheduler;
mod sent;
mod session;
mod shell;
mod trouble;
mod view;
mod visit;

use std::{net::IpAddr, sync::Arc};

use axum::{Router, extract::DefaultBodyLimit, middleware, response::Response};
use axum_extra::extract::cookie::Key;
use ballast_service::{
    auth::Authenticator,
    chance::Chance,
    clock::Clock,
    config::{AuthMode, NetworkProvider, Settings},
    rate::RateLimit,
    schedulers::Schedulers,
    streams::Streams,
    traces::Traced,
};
use tokio_util::sync::CancellationToken;
use tonic::metadata::AsciiMetadataValue;

pub use crate::route::{ROUTES, Route};
use crate::{limiter::Limiter, scheduler::Scheduler, trouble::Trouble};

/// The largest form without files.
const LIMIT: usize = 64 << 10;

/// What the dashboard has of the gateway.
pub struct Parts {
    pub scheduler: Traced<Schedulers>,
    pub authenticator: Authenticator,
    /// Of all streams, whoever serves them.
    pub streams: Arc<Streams>,
    /// How often projects call, whatever they call.
    pub rates: Arc<RateLimit>,
    pub clock: Clock,
    pub chance: Chance,
    pub shutdown: CancellationToken,
}

/// How a request came: the gateway puts it into each.
#[derive(Debug, Clone, Default)]
pub struct Asked {
    /// By the browser, whatever stands between.
    pub is_https: bool,
    /// How the browser calls this gateway: `https://host`.
    pub origin: String,
    pub dialler: Option<IpAddr>,
    pub request_id: Option<AsciiMetadataValue>,
}

/// What all pages have at hand.
#[derive(Clone)]
pub struct Dashboard {
    scheduler: Scheduler,
    authenticator: Authenticator,
    streams: Arc<Streams>,
    rates: Arc<RateLimit>,
    clock: Clock,
    shutdown: CancellationToken,
    mode: AuthMode,
    /// Of who is asked for no token.
    project: AsciiMetadataValue,
    key: Key,
    limiter: Arc<Limiter>,
    chance: Chance,
    /// Networks are Ballast's own, so that all there are can be listed.
    keeps_networks: bool,
}

impl Dashboard {
    /// # Errors
    /// One line that names the key.
    pub fn new(settings: &Settings, parts: Parts) -> Result<Self, String> {
        let project = &settings.gateway.project_id;
        let project = ballast_service::caller::ascii(project.as_bytes());
        Ok(Self {
            scheduler: Scheduler::new(parts.scheduler),
            authenticator: parts.authenticator,
            streams: parts.streams,
            rates: parts.rates,
            key: session::key(&settings.gateway.cookie_key_file, &parts.chance, settings.auth.mode)?,
            keeps_networks: settings.network.provider == NetworkProvider::Builtin,
            chance: parts.chance,
            clock: parts.clock,
            shutdown: parts.shutdown,
            mode: settings.auth.mode,
            project: project.ok_or_else(|| "gateway.project_id must be plain ASCII".to_owned())?,
            limiter: Arc::default(),
        })
    }
}

impl Dashboard {
    fn now(&self) -> jiff::Timestamp {
        jiff::Timestamp::try_from(self.clock.now()).unwrap_or_default()
    }
}

/// Everything that is served below `/ui`.
pub fn router(dashboard: Dashboard) -> Router {
    let routes = ROUTES.iter().fold(Router::new(), |router, route| router.route(route.path, (route.serve)()));
    routes
        .fallback(pages::nowhere)
        .layer(DefaultBodyLimit::max(LIMIT))
        .layer(middleware::map_response(headers::set))
        .with_state(dashboard)
}

/// 403: a page of another site sends this.
#[must_use]
pub fn refuse_other_site() -> Response {
    headers::onto(Trouble::OtherSite.alone())
}

/// 400: this gateway is not called so.
#[must_use]
pub fn refuse_unknown_host() -> Response {
    headers::onto(Trouble::UnknownHost.alone())
}

/// 400: the path or the query is no text.
#[must_use]
pub fn refuse_odd_bytes() -> Response {
    headers::onto(Trouble::Faulty("The address has bytes in it that no text has.".to_owned()).alone())
}
