//! Keystone's `/v3/auth/tokens`: the service's own token, and what it says of others'.

use std::time::{Duration, SystemTime};

use reqwest::{Method, StatusCode, header::HeaderValue};
use serde_json::{Value, json};

use super::super::{
    Denied, Identity, Person, Project, Roles,
    service_user::{ServiceUser, expiry, tokens},
};
use crate::{
    clock::Clock,
    config::{Auth, RoleNames},
    http::{Answer, Http, Service},
};

/// How long one call may take.
const PATIENCE: Duration = Duration::from_secs(5);

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
    user: ServiceUser,
    roles: RoleNames,
}

impl Api {
    /// # Errors
    /// One line that names the key.
    pub(super) fn new(settings: &Auth, clock: Clock) -> Result<Self, String> {
        let service = Service {
            url: ("auth.keystone_url", settings.keystone_url.trim_end_matches('/')),
            ca: ("auth.keystone_ca", settings.keystone_ca.as_path()),
        };
        let http = Http::new(&service, PATIENCE)?;
        let user = ServiceUser::new(http.clone(), &settings.credentials(), false, clock)?;
        Ok(Self { http, url: tokens(&settings.keystone_url), user, roles: settings.roles })
    }

    pub(super) async fn validate(&self, token: &[u8]) -> Verdict {
        // What cannot be a header is no token.
        let Ok(token) = HeaderValue::from_bytes(token) else { return Verdict::Invalid };
        // A token of our own that Keystone does not take any more is replaced, once.
        for fresh in [false, true] {
            let own = match self.user.own(fresh).await {
                Ok(own) => own,
                Err(why) => return Verdict::Unknown(why),
            };
            match self.ask(&own.token, token.clone()).await {
                Ok(answer) if answer.status == StatusCode::UNAUTHORIZED => {}
                Ok(answer) => return verdict(self.roles, answer.status, &answer.body),
                Err(why) => return Verdict::Unknown(why),
            }
        }
        Verdict::Unknown("Keystone does not let the service's own user validate tokens".to_owned())
    }

    /// A token of a person, for no project yet.
    pub(super) async fn log_in(&self, person: &Person<'_>) -> Result<String, Denied> {
        let Person { user, domain, password } = person;
        let user = json!({"name": user, "domain": {"name": domain}, "password": password});
        let identity = json!({"methods": ["password"], "password": {"user": user}});
        self.token(&json!({"auth": {"identity": identity, "scope": "unscoped"}})).await
    }

    /// Another token for who has one: of this project.
    pub(super) async fn scope(&self, token: &str, project_id: &str) -> Result<String, Denied> {
        let identity = json!({"methods": ["token"], "token": {"id": token}});
        self.token(&json!({"auth": {"identity": identity, "scope": {"project": {"id": project_id}}}})).await
    }

    /// What Keystone answers to who wants a token.
    async fn token(&self, body: &Value) -> Result<String, Denied> {
        let request = self.http.request(Method::POST, &format!("{}?nocatalog=1", self.url));
        let request = request.header("content-type", "application/json").body(body.to_string());
        let answer = self.http.send(request).await.map_err(Denied::Unavailable)?;
        let token = answer.headers.get("x-subject-token").and_then(|value| value.to_str().ok());
        match (answer.status.as_u16(), token) {
            (201, Some(token)) => Ok(token.to_owned()),
            (400..=404, _) => Err(Denied::Unauthenticated),
            (status, _) => Err(Denied::Unavailable(format!("Keystone answered {status}"))),
        }
    }

    /// The projects in which the owner of a token has a role.
    pub(super) async fn projects(&self, token: &str) -> Result<Vec<Project>, Denied> {
        let url = self.url.replace("/v3/auth/tokens", "/v3/auth/projects");
        let request = self.http.request(Method::GET, &url).header("x-auth-token", token);
        let answer = self.http.send(request).await.map_err(Denied::Unavailable)?;
        match answer.status.as_u16() {
            200 => {}
            401 | 404 => return Err(Denied::Unauthenticated),
            status => return Err(Denied::Unavailable(format!("Keystone answered {status}"))),
        }
        let text = |project: &Value, key: &str| project[key].as_str().unwrap_or_default().to_owned();
        let projects = answer.body["projects"].as_array().into_iter().flatten();
        Ok(projects.map(|project| Project { id: text(project, "id"), name: text(project, "name") }).collect())
    }

    /// Makes a token invalid; it may be so already.
    pub(super) async fn revoke(&self, token: &str) -> Result<(), Denied> {
        let request = self.http.request(Method::DELETE, &self.url).header("x-auth-token", token);
        let sent = self.http.send(request.header("x-subject-token", token)).await;
        sent.map(drop).map_err(Denied::Unavailable)
    }

    async fn ask(&self, own: &str, token: HeaderValue) -> Result<Answer, String> {
        let request = self.http.request(Method::GET, &format!("{}?nocatalog=1", self.url));
        let request = request.header("accept", "application/json").header("x-auth-token", own);
        self.http.send(request.header("x-subject-token", token)).await
    }
}

fn verdict(roles: RoleNames, status: StatusCode, body: &Value) -> Verdict {
    match status.as_u16() {
        200 => {}
        // The others are of a server that stands before Keystone: what it does not let through is no token.
        404 | 400 | 413 | 414 | 431 => return Verdict::Invalid,
        403 => return Verdict::Unknown("Keystone forbids the service's own user to validate tokens".to_owned()),
        status => return Verdict::Unknown(format!("Keystone answered {status}")),
    }
    match expiry(body) {
        Some(expires_at) => Verdict::Valid { identity: identity(roles, &body["token"]), expires_at },
        None => Verdict::Unknown("Keystone's answer is not one of its v3".to_owned()),
    }
}

/// A token for a domain is of no project, and says nothing about the rest of the cloud: its roles do not count.
fn identity(names: RoleNames, token: &Value) -> Identity {
    let roles = token["roles"].as_array().into_iter().flatten().filter_map(|role| role["name"].as_str());
    let roles = if token["domain"].is_object() { Roles::default() } else { names.of(roles) };
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    Identity { project_id: text(&token["project"]["id"]), user: text(&token["user"]["name"]), roles }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_of_a_project_has_its_roles_and_one_of_a_domain_has_none() {
        let mut token = json!({"user": {"name": "u"}, "project": {"id": "p"}, "roles": [{"name": "member"}]});
        let member = Identity { project_id: "p".to_owned(), user: "u".to_owned(), roles: Roles::MEMBER };
        assert_eq!(identity(RoleNames::Keystone, &token), member);
        token["roles"] = json!([{"name": "admin"}]);
        token["project"] = Value::Null;
        assert_eq!(
            (identity(RoleNames::Keystone, &token).roles, identity(RoleNames::Keystone, &token).project_id.as_str()),
            (Roles::ADMIN, "")
        );
        token["domain"] = json!({"id": "default"});
        assert_eq!(identity(RoleNames::Keystone, &token).roles, Roles::default());
    }

    #[test]
    fn the_answer_decides() {
        let answer = |status, body| verdict(RoleNames::Keystone, StatusCode::from_u16(status).unwrap(), &body);
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
