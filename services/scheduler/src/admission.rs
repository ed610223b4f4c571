//! Who may call what: one place before every RPC.
//!
//! It looks at how the call came, at what it says who it is, and at the method, and leaves a [`Caller`] or an
//! [`AgentPeer`] with the request. Without it nobody is anybody: a handler that finds neither sees nothing. Which
//! objects a caller sees is not decided here.

mod action;
mod room;

use std::{
    future::Future,
    pin::Pin,
    sync::Arc,
    task::{Context, Poll},
    time::Instant,
};

use ballast_model::fault::{Absence, Call, Fault, Forbidden};
use ballast_proto::{API_PACKAGES, status::to_status};
use ballast_service::{
    auth::{Authenticator, Denied, Identity, Roles},
    clock::Clock,
    config::Settings,
    rate::{Does, RateLimit, TooOften},
    tls::{Peer, Role},
};
use ballast_store::{By, Cause, because};
use percent_encoding::percent_decode_str;
use tonic::{
    Status,
    codegen::{
        Service,
        http::{Extensions, HeaderMap, Request, Response},
    },
    service::Routes,
};
use tower::Layer;

use crate::{
    app::Caller,
    metrics::Metrics,
    secrets::token::{Given, with_token},
};
use action::Action;
use room::{Place, Room};

/// What a method is of.
#[derive(Debug, PartialEq, Eq)]
enum Called {
    /// Of one of the API's packages.
    Api(&'static str, Action),
    AgentSession,
    /// Health and reflection, and what there is not.
    Open,
}

/// Which host's agent opens a session; none: it came by a way that is trusted with every host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct AgentPeer {
    host: Option<String>,
    /// Nobody else reads what is sent: over TLS, or on this host.
    pub(crate) is_private: bool,
}

impl AgentPeer {
    /// Refuses an agent that says to be of another host than its certificate.
    ///
    /// # Errors
    /// With a reason for the log.
    pub(crate) fn must_be(&self, host: &str) -> Result<(), Fault> {
        match &self.host {
            Some(own) if own != host => {
                Err(Forbidden::OtherHost { host: host.to_owned(), certified: own.clone() }.into())
            }
            _ => Ok(()),
        }
    }
}

/// What a request is admitted as.
#[derive(Debug, PartialEq, Eq)]
enum Admitted {
    Caller(Caller),
    Agent(AgentPeer),
    Anyone,
}

/// The layer.
#[derive(Debug, Clone)]
pub(crate) struct Admission {
    authenticator: Authenticator,
    metrics: Arc<Metrics>,
    rates: Arc<RateLimit>,
    room: Arc<Room>,
}

/// What a call of the API brings along: the cause of what it may write, and its place among those under way.
type Brought = (Option<Arc<Cause>>, Option<Place>);

impl Admission {
    pub(crate) fn new(authenticator: Authenticator, metrics: Arc<Metrics>, settings: &Settings) -> Self {
        let rates = Arc::new(RateLimit::new(&settings.rate_limit, metrics.rates.clone()));
        let (under_way, refused) = (metrics.calls_under_way.clone(), metrics.calls_refused.clone());
        let room = Arc::new(Room::new(settings.scheduler.max_calls, under_way, refused));
        Self { authenticator, metrics, rates, room }
    }

    /// Puts the one that is configured before everything that is served.
    ///
    /// # Errors
    /// One line that names the key.
    pub(crate) fn guard(
        settings: &Settings,
        clock: Clock,
        metrics: Arc<Metrics>,
        routes: Routes,
    ) -> Result<Routes, String> {
        let authenticator = Authenticator::new(&settings.auth, clock)?;
        Ok(routes.into_axum_router().layer(Self::new(authenticator, metrics, settings)).into())
    }

    /// With what it brings along.
    async fn admit(&self, peer: Option<&Peer>, path: &str, headers: &HeaderMap) -> Result<(Admitted, Brought), Status> {
        match Called::of(path) {
            Called::Open => Ok((Admitted::Anyone, (None, None))),
            Called::AgentSession => self.agent(peer).map(|agent| (Admitted::Agent(agent), (None, None))),
            Called::Api(package, action) => {
                let identity = self.identity(peer, headers, package).await?;
                let admin = action.check(identity.roles).map_err(|fault| to_status(&fault))?;
                let place = self.place(peer, &identity, &action).map_err(|fault| to_status(&fault))?;
                let cause = action.writes().then(|| Arc::new(self.cause(peer, path, headers, &identity)));
                let project_id = Some(identity.project_id).filter(|id| !id.is_empty());
                Ok((Admitted::Caller(Caller { project_id, admin }), (cause, Some(place))))
            }
        }
    }

    /// A place for a call, unless its project calls too often. Who is trusted to say who calls has looked at that.
    fn place(&self, peer: Option<&Peer>, identity: &Identity, action: &Action) -> Result<Place, Fault> {
        let is_admin = identity.roles.is_admin();
        if !self.trusts_to_say(peer) {
            let does = if action.writes() { Does::Writes } else { Does::Reads };
            let taken = self.rates.take(&identity.project_id, does, is_admin, tokio::time::Instant::now());
            taken.map_err(|TooOften { seconds }| Call::TooOften { seconds })?;
        }
        self.room.take((!is_admin).then_some(identity.project_id.as_str()))
    }

    /// Whether he says who calls, and is believed.
    fn trusts_to_say(&self, peer: Option<&Peer>) -> bool {
        match peer {
            Some(Peer::Unix | Peer::Tls { role: Some(Role::Gateway), .. }) => true,
            Some(Peer::Plain { .. }) => self.trusts_all(),
            Some(Peer::Tls { .. }) | None => false,
        }
    }

    /// Who is trusted to say who calls is trusted to say what for.
    fn cause(&self, peer: Option<&Peer>, path: &str, headers: &HeaderMap, identity: &Identity) -> Cause {
        let trusted = self.trusts_to_say(peer);
        let said = |name| text_of(headers, name).filter(|_| trusted).map(ballast_model::told::told);
        Cause {
            by: By::User,
            who: ballast_model::told::told(&identity.user),
            project_id: identity.project_id.clone(),
            what: said("ballast-action").unwrap_or_else(|| path.trim_start_matches('/').to_owned()),
            request_id: said("ballast-request-id").unwrap_or_default(),
            settled: None,
        }
    }

    fn agent(&self, peer: Option<&Peer>) -> Result<AgentPeer, Status> {
        match peer {
            Some(Peer::Unix) => Ok(AgentPeer { host: None, is_private: true }),
            Some(Peer::Plain { .. }) if self.trusts_all() => Ok(AgentPeer { host: None, is_private: false }),
            Some(Peer::Tls { role: Some(Role::Agent { host }), .. }) => {
                Ok(AgentPeer { host: Some(host.clone()), is_private: true })
            }
            other => Err(refused(other, "open an agent's session: an agent needs a certificate that names its host")),
        }
    }

    async fn identity(&self, peer: Option<&Peer>, headers: &HeaderMap, package: &str) -> Result<Identity, Status> {
        let token = token(headers).filter(|_| !self.trusts_all());
        match peer {
            Some(Peer::Unix) => Ok(told(headers).unwrap_or(operator())),
            Some(Peer::Plain { .. }) if self.trusts_all() => Ok(told(headers).unwrap_or(operator())),
            Some(Peer::Tls { role: Some(Role::Gateway), .. }) => told(headers)
                .ok_or_else(|| Status::unauthenticated("a gateway must say who calls: ballast-roles is missing")),
            Some(Peer::Tls { role: Some(Role::Client { project }), .. }) if token.is_none() => Ok(of_client(project)),
            Some(Peer::Tls { role: Some(Role::Agent { .. } | Role::Scheduler | Role::Metrics), .. }) | None => {
                Err(refused(peer, &format!("call {package}")))
            }
            Some(Peer::Plain { .. } | Peer::Tls { role: None | Some(Role::Client { .. }), .. }) => {
                self.by_token(token).await
            }
        }
    }

    async fn by_token(&self, token: Option<&[u8]>) -> Result<Identity, Status> {
        let unauthenticated = || Status::unauthenticated("Authentication required");
        let identity = self.authenticator.identify(token.unwrap_or_default()).await;
        self.metrics.auth.answered(&identity);
        match identity {
            Ok(identity) => Ok(Identity::clone(&identity)),
            Err(Denied::Unauthenticated) => Err(unauthenticated()),
            Err(Denied::Unavailable(why)) => {
                tracing::warn!("a token cannot be validated: {why}");
                Err(to_status(&Absence::TokenService.into()))
            }
        }
    }

    /// Mode none.
    fn trusts_all(&self) -> bool {
        matches!(self.authenticator, Authenticator::None)
    }
}

fn refused(peer: Option<&Peer>, what: &str) -> Status {
    let (who, address) = match peer {
        Some(Peer::Tls { role: Some(role), address }) => (role.to_string(), Some(*address)),
        Some(Peer::Tls { role: None, address }) => ("a peer without a certificate".to_owned(), Some(*address)),
        Some(Peer::Plain { address }) => ("a peer without TLS".to_owned(), Some(*address)),
        Some(Peer::Unix) | None => ("a peer".to_owned(), None),
    };
    tracing::warn!(peer.address = ?address, "refused: {who} may not {what}");
    Status::permission_denied(format!("{who} may not {what}"))
}

/// Whom a gateway says that it calls for.
fn told(headers: &HeaderMap) -> Option<Identity> {
    let text = |name| text_of(headers, name);
    let roles = Roles::of(text("ballast-roles")?.split(','));
    let user = percent_decode_str(text("ballast-user").unwrap_or_default()).decode_utf8_lossy().into_owned();
    Some(Identity { project_id: text("ballast-project-id").unwrap_or_default().to_owned(), user, roles })
}

fn text_of<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    headers.get(name)?.to_str().ok()
}

/// Who comes by a trusted way and says nothing.
fn operator() -> Identity {
    Identity { project_id: String::new(), user: String::new(), roles: Roles::ADMIN }
}

fn of_client(project: &Option<String>) -> Identity {
    match project {
        Some(project) => Identity { project_id: project.clone(), user: String::new(), roles: Roles::MEMBER },
        None => operator(),
    }
}

fn token(headers: &HeaderMap) -> Option<&[u8]> {
    if let Some(token) = headers.get("x-auth-token") {
        return Some(token.as_bytes());
    }
    let (scheme, token) = headers.get("authorization")?.to_str().ok()?.split_once(' ')?;
    scheme.eq_ignore_ascii_case("bearer").then(|| token.trim().as_bytes())
}

/// By what others may be asked in the name of who writes, as long as his call lasts.
fn given(headers: &HeaderMap, project_id: &str) -> Given {
    let token = token(headers).and_then(|token| std::str::from_utf8(token).ok()).unwrap_or_default();
    Given { token: token.to_owned().into(), project_id: project_id.to_owned() }
}

impl Called {
    fn of(path: &str) -> Self {
        let Some((service, method)) = path.trim_start_matches('/').split_once('/') else { return Self::Open };
        let of_package = |package: &'static str| Some((package, service.strip_prefix(package)?.strip_prefix('.')?));
        match API_PACKAGES.into_iter().find_map(of_package) {
            Some((package, service)) => Self::Api(package, Action::of(package, service, method)),
            None if service.starts_with("lbaas.") => Self::AgentSession,
            None => Self::Open,
        }
    }
}

fn remember(admitted: Admitted, extensions: &mut Extensions) {
    match admitted {
        Admitted::Caller(caller) => drop(extensions.insert(caller)),
        Admitted::Agent(agent) => drop(extensions.insert(agent)),
        Admitted::Anyone => {}
    }
}

impl<S> Layer<S> for Admission {
    type Service = Guarded<S>;

    fn layer(&self, inner: S) -> Guarded<S> {
        Guarded { admission: self.clone(), inner }
    }
}

/// A service behind an [`Admission`].
#[derive(Debug, Clone)]
pub(crate) struct Guarded<S> {
    admission: Admission,
    inner: S,
}

impl<S, B, R> Service<Request<B>> for Guarded<S>
where
    S: Service<Request<B>, Response = Response<R>> + Clone + Send + 'static,
    S::Future: Send,
    B: Send + 'static,
    R: Default,
{
    type Response = Response<R>;
    type Error = S::Error;
    type Future = Pin<Box<dyn Future<Output = Result<Response<R>, S::Error>> + Send>>;

    fn poll_ready(&mut self, cx: &mut Context<'_>) -> Poll<Result<(), S::Error>> {
        self.inner.poll_ready(cx)
    }

    fn call(&mut self, mut request: Request<B>) -> Self::Future {
        let admission = self.admission.clone();
        // The one that was polled ready makes the call; the clone is polled anew.
        let clone = self.inner.clone();
        let mut inner = std::mem::replace(&mut self.inner, clone);
        let (metrics, began) = (Arc::clone(&self.admission.metrics), Instant::now());
        let method = metrics.calls.method(request.uri().path());
        let answer = async move {
            let peer = request.extensions().get::<Peer>().cloned();
            match admission.admit(peer.as_ref(), request.uri().path(), request.headers()).await {
                Ok((admitted, (cause, _place))) => {
                    remember(admitted, request.extensions_mut());
                    match cause {
                        Some(cause) => {
                            let given = given(request.headers(), &cause.project_id);
                            with_token(given, because(cause, inner.call(request))).await
                        }
                        None => inner.call(request).await,
                    }
                }
                Err(status) => Ok(status.into_http()),
            }
        };
        Box::pin(async move {
            let answer: Result<Response<R>, S::Error> = answer.await;
            if let Ok(response) = &answer {
                metrics.calls.answered(method, response, began.elapsed());
            }
            answer
        })
    }
}

#[cfg(test)]
mod tests;
