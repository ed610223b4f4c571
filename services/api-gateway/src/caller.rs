//! Who calls. One place, before every route, turns a request's headers into a [`Caller`]; endpoints see no credentials.
//!
//! Which roles may do what is the scheduler's to decide: they travel with the call.

use std::time::Duration;

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use ballast_proto::status::fault::{Absence, Fault};
use ballast_service::{
    auth::{Authenticator, Denied, Roles},
    clock::Clock,
    config::Settings,
    metrics::auth::AuthCounts,
};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tonic::metadata::AsciiMetadataValue;

use crate::{
    Gateway,
    kit::{
        refusal::{Manner, Refusal},
        table::Served,
    },
    request_id::RequestId,
};

/// How long the scheduler may take for one call.
const DEADLINE: Duration = Duration::from_secs(30);

/// What anyone may ask: which versions there are, and what the API is.
const OPEN: &[&str] = &["/", "/openapi.json", "/openapi-v2.json"];

/// Asks who calls.
#[derive(Clone)]
pub(crate) struct Door {
    authenticator: Authenticator,
    /// The project of a request that names none, where nobody is asked for a token.
    project: AsciiMetadataValue,
}

impl Door {
    /// # Errors
    /// One line that names the key.
    pub(crate) fn new(settings: &Settings, clock: Clock) -> Result<Self, String> {
        let project = &settings.gateway.project_id;
        let project =
            ascii(project.as_bytes()).ok_or_else(|| format!("gateway.project_id = {project:?} must be plain ASCII"))?;
        Ok(Self { authenticator: Authenticator::new(&settings.auth, clock)?, project })
    }

    async fn ask(&self, counts: &AuthCounts, headers: &HeaderMap, call: Call) -> Result<Caller, Refusal> {
        if matches!(self.authenticator, Authenticator::None) {
            let project = match headers.get("x-project-id") {
                Some(header) => ascii(header.as_bytes()).ok_or_else(unreadable)?,
                None => self.project.clone(),
            };
            counts.granted();
            return Ok(Caller { project, roles: Roles::ADMIN, user: None, call });
        }
        let token = headers.get("x-auth-token").map(HeaderValue::as_bytes).unwrap_or_default();
        let identity = self.authenticator.identify(token).await;
        counts.answered(&identity);
        let identity = identity.map_err(|denied| match denied {
            Denied::Unauthenticated => self.unauthenticated(),
            Denied::Unavailable(why) => Fault::from(Absence::TokenService).with_detail(why).into(),
        })?;
        let project = ascii(identity.project_id.as_bytes()).ok_or_else(|| self.unauthenticated())?;
        let user = ascii(utf8_percent_encode(&identity.user, NON_ALPHANUMERIC).to_string().as_bytes());
        Ok(Caller { project, roles: identity.roles, user, call })
    }

    fn unauthenticated(&self) -> Refusal {
        let challenge = self.authenticator.challenge();
        Refusal::Unauthenticated { challenge: challenge.and_then(|text| HeaderValue::try_from(text).ok()) }
    }
}

/// The middleware that knows callers. Who is not known learns nothing, not even which paths there are.
pub(crate) async fn authenticate(State(gateway): State<Gateway>, mut request: Request, next: Next) -> Response {
    if OPEN.contains(&request.uri().path()) {
        return next.run(request).await;
    }
    let request_id = request.extensions().get::<RequestId>().and_then(RequestId::metadata);
    match gateway.door.ask(&gateway.metrics.auth, request.headers(), Call { request_id, action: None }).await {
        Ok(caller) => {
            request.extensions_mut().insert(caller);
            next.run(request).await
        }
        Err(refusal) => refusal.into_response(),
    }
}

/// Text that metadata can carry. The type alone takes bytes beyond ASCII, which then cannot be read as text.
fn ascii(bytes: &[u8]) -> Option<AsciiMetadataValue> {
    AsciiMetadataValue::try_from(bytes).ok().filter(|value| value.to_str().is_ok())
}

fn unreadable() -> Refusal {
    Manner::OddProject.into()
}

/// Who calls, and for which project.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    project: AsciiMetadataValue,
    roles: Roles,
    /// His name, percent-encoded. None: nobody was asked for one.
    user: Option<AsciiMetadataValue>,
    call: Call,
}

/// What is called, for those who ask later why something has changed.
#[derive(Debug, Clone, Default)]
struct Call {
    request_id: Option<AsciiMetadataValue>,
    /// As `PUT /v2.0/lbaas/pools/{id}`.
    action: Option<AsciiMetadataValue>,
}

impl Caller {
    /// The project of what this caller makes without naming one; empty when there is none.
    pub(crate) fn project(&self) -> Option<&str> {
        self.project.to_str().ok()
    }

    pub(crate) const fn is_admin(&self) -> bool {
        self.roles.is_admin()
    }

    /// Who it is, as far as is known: two who are called the same are one.
    pub(crate) fn name(&self) -> String {
        let text = |value: &AsciiMetadataValue| value.to_str().unwrap_or_default().to_owned();
        format!("{}/{}", text(&self.project), self.user.as_ref().map(text).unwrap_or_default())
    }

    /// `message` as this caller's request to the scheduler, with a deadline.
    pub(crate) fn request<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = self.lasting(message);
        request.set_timeout(DEADLINE);
        request
    }

    /// The same without one, for what is answered by a stream.
    pub(crate) fn lasting<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("ballast-project-id", self.project.clone());
        metadata.insert("ballast-roles", AsciiMetadataValue::from_static(self.roles.name()));
        let of_call = [("ballast-request-id", &self.call.request_id), ("ballast-action", &self.call.action)];
        for (name, value) in of_call.into_iter().chain([("ballast-user", &self.user)]) {
            if let Some(value) = value {
                metadata.insert(name, value.clone());
            }
        }
        request
    }
}

#[cfg(test)]
impl Caller {
    /// One of a project of this name.
    pub(crate) fn named(project: &'static str) -> Self {
        let project = AsciiMetadataValue::from_static(project);
        Self { project, roles: Roles::MEMBER, user: None, call: Call::default() }
    }
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Refusal> {
        let caller: Option<Self> = parts.extensions.get().cloned();
        let mut caller = caller.ok_or(Refusal::Unauthenticated { challenge: None })?;
        let served = parts.extensions.get::<Served>();
        caller.call.action = served.and_then(|Served { method, path }| ascii(format!("{method} {path}").as_bytes()));
        Ok(caller)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_that_metadata_cannot_carry_is_a_configuration_error() {
        let mut settings = Settings::default();
        assert!(Door::new(&settings, Clock::system()).is_ok());
        settings.gateway.project_id = "é".to_owned();
        assert!(Door::new(&settings, Clock::system()).err().unwrap().contains("gateway.project_id"));
    }

    #[tokio::test]
    async fn a_header_names_the_project_of_one_request() {
        let door = Door::new(&Settings::default(), Clock::system()).unwrap();
        let ask = async |project: &[u8]| {
            let headers = HeaderMap::from_iter([(
                axum::http::HeaderName::from_static("x-project-id"),
                HeaderValue::from_bytes(project).unwrap(),
            )]);
            door.ask(&AuthCounts::default(), &headers, Call::default()).await
        };
        assert_eq!(ask(b"a").await.unwrap().project(), Some("a"));
        assert!(ask(&[0xe9]).await.is_err());
    }
}
