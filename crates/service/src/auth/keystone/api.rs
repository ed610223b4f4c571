//! Keystone's `/v3/auth/tokens`: the service's own token, and what it says of others'.

use std::time::{Duration, SystemTime};

use http::{Method, Request};
use http_body_util::Full;
use serde_json::{Value, json};
use tokio::sync::Mutex;

use super::super::{
    Identity, Roles,
    http::{Answer, Http},
};
use crate::{clock::Clock, config::Auth, secret};

/// The service's own token is replaced this long before it expires.
const AHEAD: Duration = Duration::from_secs(60);

/// What Keystone says of a token.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Verdict {
    Valid {
        identity: Identity,
        expires_at: SystemTime,
    },
    Invalid,
    /// It did not say: why.
    Unknown(String),
}

/// Keystone over HTTP.
pub(super) struct Api {
    http: Http,
    /// `…/v3/auth/tokens`
    url: String,
    /// The body that gets the service its token; secret.
    login: Vec<u8>,
    own: Mutex<Option<Own>>,
    clock: Clock,
}

/// The service's own token.
#[derive(Clone)]
struct Own {
    token: String,
    expires_at: SystemTime,
}

impl Api {
    /// # Errors
    /// One line that names the key.
    pub(super) fn new(settings: &Auth, clock: Clock) -> Result<Self, String> {
        let url = settings.keystone_url.trim_end_matches('/');
        let base = url.strip_suffix("/v3").unwrap_or(url);
        let parsed: http::Uri = base.parse().map_err(|error| format!("auth.keystone_url = \"{url}\": {error}"))?;
        let secure = match parsed.scheme_str() {
            Some("https") => true,
            Some("http") => false,
            _ => return Err(format!("auth.keystone_url = \"{url}\": it starts with https:// or http://")),
        };
        Ok(Self {
            http: Http::new(secure, &settings.keystone_ca)?,
            url: format!("{base}/v3/auth/tokens"),
            login: login(settings)?.to_string().into_bytes(),
            own: Mutex::default(),
            clock,
        })
    }

    pub(super) async fn validate(&self, token: &[u8]) -> Verdict {
        // A token of our own that Keystone does not take any more is replaced, once.
        for fresh in [false, true] {
            let own = match self.own(fresh).await {
                Ok(own) => own,
                Err(why) => return Verdict::Unknown(why),
            };
            match self.ask(&own, token).await {
                Ok(Answer { status: 401, .. }) => {}
                Ok(answer) => return verdict(&answer),
                Err(why) => return Verdict::Unknown(why),
            }
        }
        Verdict::Unknown("Keystone does not let the service's own user validate tokens".to_owned())
    }

    async fn ask(&self, own: &str, token: &[u8]) -> Result<Answer, String> {
        let request = Request::get(format!("{}?nocatalog=1", self.url))
            .header("accept", "application/json")
            .header("x-auth-token", own)
            .header("x-subject-token", token)
            .body(Full::default());
        match request {
            Ok(request) => self.http.call(request).await,
            // What cannot be a header is no token.
            Err(_) => Ok(Answer { status: 404, subject_token: None, body: Value::Null }),
        }
    }

    /// The service's own token; a new one when it is about to expire, or when the last one was refused.
    async fn own(&self, fresh: bool) -> Result<String, String> {
        let mut own = self.own.lock().await;
        let now = self.clock.now();
        if let Some(own) = own.as_ref().filter(|own| !fresh && own.expires_at > now + AHEAD) {
            return Ok(own.token.clone());
        }
        *own = None;
        let request = Request::builder()
            .method(Method::POST)
            .uri(format!("{}?nocatalog=1", self.url))
            .header("content-type", "application/json")
            .body(Full::from(self.login.clone()))
            .map_err(|error| error.to_string())?;
        let answer = self.http.call(request).await?;
        let (Some(token), 201) = (answer.subject_token, answer.status) else {
            let text = answer.body["error"]["message"].as_str().unwrap_or_default();
            return Err(format!("Keystone gives the service no token: {} {text}", answer.status));
        };
        let expires_at = expiry(&answer.body).ok_or("Keystone gave the service a token that it says no end of")?;
        Ok(own.insert(Own { token, expires_at }).token.clone())
    }
}

fn verdict(answer: &Answer) -> Verdict {
    match answer.status {
        200 => {}
        // The others are of a server that stands before Keystone: what it does not let through is no token.
        404 | 400 | 413 | 414 | 431 => return Verdict::Invalid,
        403 => return Verdict::Unknown("Keystone forbids the service's own user to validate tokens".to_owned()),
        status => return Verdict::Unknown(format!("Keystone answered {status}")),
    }
    match expiry(&answer.body) {
        Some(expires_at) => Verdict::Valid { identity: identity(&answer.body["token"]), expires_at },
        None => Verdict::Unknown("Keystone's answer is not one of its v3".to_owned()),
    }
}

fn expiry(body: &Value) -> Option<SystemTime> {
    let text = body["token"]["expires_at"].as_str()?;
    text.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

/// A token for a domain is of no project, and says nothing about the rest of the cloud: its roles do not count.
fn identity(token: &Value) -> Identity {
    let roles = token["roles"].as_array().into_iter().flatten().filter_map(|role| role["name"].as_str());
    let roles = if token["domain"].is_object() { Roles::default() } else { Roles::of(roles) };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Identity { project_id: text(&token["project"]["id"]), user: text(&token["user"]["name"]), roles }
}

fn login(settings: &Auth) -> Result<Value, String> {
    if !settings.application_credential_id.is_empty() {
        let file = &settings.application_credential_secret_file;
        let secret = secret::line("auth.application_credential_secret_file", file)?;
        let credential = json!({"id": settings.application_credential_id, "secret": secret});
        let identity = json!({"methods": ["application_credential"], "application_credential": credential});
        return Ok(json!({"auth": {"identity": identity}}));
    }
    let password = secret::line("auth.password_file", &settings.password_file)?;
    let user = json!({"name": settings.username, "domain": {"name": settings.user_domain}, "password": password});
    let identity = json!({"methods": ["password"], "password": {"user": user}});
    let project = json!({"name": settings.project, "domain": {"name": settings.project_domain}});
    Ok(json!({"auth": {"identity": identity, "scope": {"project": project}}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_project_has_its_roles_and_one_of_a_domain_has_none() {
        let mut token = json!({"user": {"name": "u"}, "project": {"id": "p"}, "roles": [{"name": "member"}]});
        let member = Identity { project_id: "p".to_owned(), user: "u".to_owned(), roles: Roles::MEMBER };
        assert_eq!(identity(&token), member);
        token["roles"] = json!([{"name": "admin"}]);
        token["project"] = Value::Null;
        assert_eq!((identity(&token).roles, identity(&token).project_id.as_str()), (Roles::ADMIN, ""));
        token["domain"] = json!({"id": "default"});
        assert_eq!(identity(&token).roles, Roles::default());
    }

    #[test]
    fn the_answer_decides() {
        let answer = |status, body| verdict(&Answer { status, subject_token: None, body });
        let body = json!({"token": {"expires_at": "2026-01-01T00:00:00.000000Z"}});
        assert!(matches!(answer(200, body), Verdict::Valid { .. }));
        for status in [400, 404, 413, 431] {
            assert_eq!(answer(status, Value::Null), Verdict::Invalid);
        }
        for status in [200, 403, 500, 503] {
            assert!(matches!(answer(status, Value::Null), Verdict::Unknown(_)), "{status}");
        }
    }
}
