//! Who calls. One place, before every route, turns a request's headers into a [`Caller`]; endpoints see no credentials.
//!
//! Which roles may do what is the scheduler's to decide: they travel with the call.

use axum::{
    extract::{FromRequestParts, Request, State},
    http::{HeaderMap, HeaderValue, Method, request::Parts},
    middleware::Next,
    response::{IntoResponse as _, Response},
};
use ballast_proto::status::fault::{Absence, Call as Calling, Fault};
use ballast_service::{
    auth::{Authenticator, Denied, Roles},
    caller::{Call, ascii},
    clock::Clock,
    config::Settings,
    metrics::auth::AuthCounts,
    rate::{Does, TooOften},
};
use tonic::metadata::AsciiMetadataValue;

pub(crate) use ballast_service::caller::Caller;

use crate::{
    Gateway,
    kit::{
        refusal::{Manner, Refusal},
        table::Served,
    },
    request_id::RequestId,
};

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

    /// Who knows tokens.
    pub(crate) const fn authenticator(&self) -> &Authenticator {
        &self.authenticator
    }

    async fn ask(&self, counts: &AuthCounts, headers: &HeaderMap, call: Call) -> Result<Caller, Refusal> {
        let token = headers.get("x-auth-token").map(HeaderValue::as_bytes).unwrap_or_default();
        if matches!(self.authenticator, Authenticator::None) {
            let project = match headers.get("x-project-id") {
                Some(header) => ascii(header.as_bytes()).ok_or_else(unreadable)?,
                None => self.project.clone(),
            };
            counts.granted();
            return Ok(Caller::new(project, Roles::ADMIN, None, call).with_token(token));
        }
        let identity = self.authenticator.identify(token).await;
        counts.answered(&identity);
        let identity = identity.map_err(|denied| match denied {
            Denied::Unauthenticated => self.unauthenticated(),
            Denied::Unavailable(why) => Fault::from(Absence::TokenService).with_detail(why).into(),
        })?;
        let project = ascii(identity.project_id.as_bytes()).ok_or_else(|| self.unauthenticated())?;
        Ok(Caller::new(project, identity.roles, Some(&identity.user), call).with_token(token))
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
        Ok(caller) => match within_limits(&gateway, &request, &caller) {
            Ok(()) => {
                request.extensions_mut().insert(caller);
                next.run(request).await
            }
            Err(fault) => Refusal::from(fault).into_response(),
        },
        Err(refusal) => refusal.into_response(),
    }
}

/// Whether a project may call now, which counts as a call.
fn within_limits(gateway: &Gateway, request: &Request, caller: &Caller) -> Result<(), Fault> {
    let is_read = matches!(*request.method(), Method::GET | Method::HEAD | Method::OPTIONS);
    let does = if is_read { Does::Reads } else { Does::Writes };
    let project = caller.project().unwrap_or_default();
    let taken = gateway.rates.take(project, does, caller.is_admin(), tokio::time::Instant::now());
    taken.map_err(|TooOften { seconds }| Calling::TooOften { seconds }.into())
}

/// Whether a write begins or ends the use of secrets, of which who keeps them is asked in the caller's name. His token goes no
/// further with any other call.
fn names_secrets(method: &str, path: &str) -> bool {
    let collections = ["/lbaas/loadbalancers", "/lbaas/listeners", "/lbaas/pools"];
    let of = |collection: &str| path.ends_with(collection) || path.ends_with(&format!("{collection}/{{id}}"));
    // What a load balancer was may name what it does not by now.
    let goes_back = path.ends_with("/revisions/{id}/rollback");
    ["POST", "PUT", "DELETE"].contains(&method) && (goes_back || collections.into_iter().any(of))
}

fn unreadable() -> Refusal {
    Manner::OddProject.into()
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, _: &Gateway) -> Result<Self, Refusal> {
        let caller: Option<Self> = parts.extensions.get().cloned();
        let mut caller = caller.ok_or(Refusal::Unauthenticated { challenge: None })?;
        let served = parts.extensions.get::<Served>();
        if let Some(Served { method, path }) = served {
            caller = caller.calling(&format!("{method} {path}"));
        }
        let names_secrets = served.is_some_and(|served| names_secrets(served.method, served.path));
        Ok(if names_secrets { caller } else { caller.without_token() })
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

    #[test]
    fn a_token_goes_along_with_writes_that_may_name_secrets_alone() {
        for (method, path, goes_along) in [
            ("POST", "/v2.0/lbaas/listeners", true),
            ("PUT", "/v2/lbaas/pools/{id}", true),
            ("DELETE", "/v2.0/lbaas/loadbalancers/{id}", true),
            ("POST", "/ballast/v1/loadbalancers/{loadbalancer_id}/revisions/{id}/rollback", true),
            ("GET", "/ballast/v1/loadbalancers/{id}/revisions", false),
            ("GET", "/v2.0/lbaas/listeners", false),
            ("POST", "/v2.0/lbaas/pools/{id}/members", false),
            ("PUT", "/v2.0/lbaas/l7policies/{id}", false),
            ("POST", "/v2.0/lb/pools", false),
            ("POST", "/ballast/v1/certificates", false),
        ] {
            assert_eq!(names_secrets(method, path), goes_along, "{method} {path}");
        }
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
