//! A service's own user in Keystone: its token, and what Keystone says with it.

use std::{
    sync::Arc,
    time::{Duration, SystemTime},
};

use reqwest::{Method, StatusCode};
use serde_json::{Value, json};
use tokio::sync::Mutex;

use crate::{clock::Clock, config::Credentials, http::Http, secret};

/// A token is replaced this long before it expires.
const AHEAD: Duration = Duration::from_secs(60);

/// Gets tokens for a service by its credentials.
pub struct ServiceUser {
    http: Http,
    /// Where they are got, with what is asked for.
    url: String,
    /// The body that gets one; secret.
    login: Vec<u8>,
    own: Mutex<Option<Arc<Own>>>,
    clock: Clock,
}

/// A token of a service's own user.
pub struct Own {
    pub token: String,
    pub user_id: String,
    /// Empty where it was not asked for.
    catalogue: Vec<Value>,
    expires_at: SystemTime,
}

impl Own {
    /// Where a type of service is.
    #[must_use]
    pub fn endpoint(&self, kind: &str, interface: &str, region: &str) -> Option<&str> {
        let services = self.catalogue.iter().filter(|service| service["type"] == kind);
        let mut endpoints = services.flat_map(|service| service["endpoints"].as_array().into_iter().flatten());
        let fits = |endpoint: &&Value| {
            endpoint["interface"] == interface && (region.is_empty() || endpoint["region_id"] == region)
        };
        endpoints.find(fits)?["url"].as_str()
    }
}

impl ServiceUser {
    /// `http` asks that Keystone. Its password is read once.
    ///
    /// # Errors
    /// One line that names the key.
    pub fn new(http: Http, credentials: &Credentials<'_>, wants_catalogue: bool, clock: Clock) -> Result<Self, String> {
        let url = tokens(credentials.keystone_url);
        let query = if wants_catalogue { "" } else { "?nocatalog=1" };
        let login = login(credentials)?.to_string().into_bytes();
        Ok(Self { http, url: format!("{url}{query}"), login, own: Mutex::default(), clock })
    }

    /// Its token; a new one when it is about to expire, or when the last one was refused.
    ///
    /// # Errors
    /// Why Keystone gives none.
    pub async fn own(&self, fresh: bool) -> Result<Arc<Own>, String> {
        let mut own = self.own.lock().await;
        let now = self.clock.now();
        if let Some(own) = own.as_ref().filter(|own| !fresh && own.expires_at > now + AHEAD) {
            return Ok(Arc::clone(own));
        }
        *own = None;
        let request = self.http.request(Method::POST, &self.url);
        let request = request.header("content-type", "application/json").body(self.login.clone());
        let mut answer = self.http.send(request).await?;
        let token = answer.headers.get("x-subject-token").and_then(|value| value.to_str().ok()).map(str::to_owned);
        let (Some(token), StatusCode::CREATED) = (token, answer.status) else {
            let text = answer.body["error"]["message"].as_str().unwrap_or_default();
            return Err(format!("Keystone gives the service no token: {} {text}", answer.status));
        };
        let expires_at = expiry(&answer.body).ok_or("Keystone gave the service a token that it says no end of")?;
        let user_id = answer.body["token"]["user"]["id"].as_str().unwrap_or_default().to_owned();
        let catalogue = match answer.body["token"]["catalog"].take() {
            Value::Array(services) => services,
            _ => Vec::new(),
        };
        Ok(Arc::clone(own.insert(Arc::new(Own { token, user_id, catalogue, expires_at }))))
    }
}

/// `…/v3/auth/tokens` of a Keystone that is named with or without `/v3`.
pub(super) fn tokens(keystone_url: &str) -> String {
    let url = keystone_url.trim_end_matches('/');
    format!("{}/v3/auth/tokens", url.strip_suffix("/v3").unwrap_or(url))
}

/// When a token ends, by what Keystone says of it.
pub(super) fn expiry(body: &Value) -> Option<SystemTime> {
    let text = body["token"]["expires_at"].as_str()?;
    text.parse::<jiff::Timestamp>().ok().map(SystemTime::from)
}

fn login(of: &Credentials<'_>) -> Result<Value, String> {
    let key = |name: &str| format!("{}.{name}", of.section);
    if !of.application_credential_id.is_empty() {
        let file = of.application_credential_secret_file;
        let secret = secret::line(&key("application_credential_secret_file"), file)?;
        let credential = json!({"id": of.application_credential_id, "secret": secret});
        let identity = json!({"methods": ["application_credential"], "application_credential": credential});
        return Ok(json!({"auth": {"identity": identity}}));
    }
    let password = secret::line(&key("password_file"), of.password_file)?;
    let user = json!({"name": of.username, "domain": {"name": of.user_domain}, "password": password});
    let identity = json!({"methods": ["password"], "password": {"user": user}});
    let project = json!({"name": of.project, "domain": {"name": of.project_domain}});
    Ok(json!({"auth": {"identity": identity, "scope": {"project": project}}}))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_endpoint_is_that_of_its_type_interface_and_region() {
        let endpoint =
            |interface: &str, region: &str| json!({"interface": interface, "region_id": region, "url": region});
        let catalogue = json!([
            {"type": "network", "endpoints": [endpoint("internal", "network")]},
            {"type": "key-manager", "endpoints": [endpoint("public", "p"), endpoint("internal", "a"), endpoint("internal", "b")]},
        ]);
        let Value::Array(catalogue) = catalogue else { panic!("no list") };
        let own = Own { token: String::new(), user_id: String::new(), catalogue, expires_at: SystemTime::UNIX_EPOCH };
        assert_eq!(own.endpoint("key-manager", "internal", ""), Some("a"));
        assert_eq!(own.endpoint("key-manager", "internal", "b"), Some("b"));
        assert_eq!(own.endpoint("key-manager", "public", ""), Some("p"));
        assert_eq!(own.endpoint("key-manager", "admin", ""), None);
        for url in ["http://k:5000", "http://k:5000/", "http://k:5000/v3", "http://k:5000/v3/"] {
            assert_eq!(tokens(url), "http://k:5000/v3/auth/tokens");
        }
    }
}
