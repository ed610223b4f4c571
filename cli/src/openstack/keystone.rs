//! Keystone: a token, and where things are.

use ballast_service::tls;
use http::{Method, StatusCode};
use serde_json::{Value, json};

use super::Cloud;
use crate::{api::rest, failure::Failure, find::plain};

/// As a catalogue calls a gateway, the first that it has.
const TYPES: [&str; 2] = ["load-balancer", "network"];

/// A token, and the catalogue that came with it.
pub(super) struct Granted {
    pub(super) token: String,
    catalogue: Value,
}

/// # Errors
/// When something is not said, or Keystone cannot be reached or refuses.
pub(super) async fn ask(cloud: &Cloud, files: &tls::Files) -> Result<Granted, Failure> {
    let url = cloud.needed("auth_url")?;
    let body = json!({ "auth": credentials(cloud)? });
    let path = if url.trim_end_matches('/').ends_with("/v3") { "/auth/tokens" } else { "/v3/auth/tokens" };
    let refuse = |why: String| Failure::Keystone(format!("Keystone at {}: {why}", plain(url)));
    let answer = rest::once(url, files, (Method::POST, path), &body).await.map_err(refuse)?;
    let read: Value = serde_json::from_slice(&answer.body).unwrap_or_default();
    let token = answer.headers.get("x-subject-token").and_then(|token| token.to_str().ok());
    match (answer.status, token) {
        (StatusCode::CREATED, Some(token)) => {
            Ok(Granted { token: token.to_owned(), catalogue: read["token"]["catalog"].clone() })
        }
        (status, _) => match read["error"]["message"].as_str() {
            Some(message) => Err(refuse(format!("{} (HTTP {})", plain(message), status.as_u16()))),
            None => Err(refuse(format!("HTTP {status}, which no Keystone of version 3 says here: check OS_AUTH_URL"))),
        },
    }
}

impl Granted {
    /// The gateway's address.
    pub(super) fn endpoint(&self, interface: &str, region: Option<&str>) -> Option<String> {
        let services = self.catalogue.as_array().map(Vec::as_slice).unwrap_or_default();
        let of = |kind: &str| {
            let services = services.iter().filter(|service| service["type"] == kind);
            let mut endpoints = services.flat_map(|service| service["endpoints"].as_array().into_iter().flatten());
            let fits = |endpoint: &&Value| {
                let is_there =
                    region.is_none_or(|region| endpoint["region_id"] == region || endpoint["region"] == region);
                endpoint["interface"] == interface && is_there
            };
            endpoints.find(fits).and_then(|endpoint| endpoint["url"].as_str()).map(str::to_owned)
        };
        TYPES.into_iter().find_map(of)
    }
}

/// Who asks, and for which project.
fn credentials(cloud: &Cloud) -> Result<Value, Failure> {
    let has_credential = cloud.first(&["application_credential_id", "application_credential_name"]).is_some();
    let kind = match cloud.get("auth_type") {
        None if has_credential => "v3applicationcredential",
        None if cloud.get("token").is_some() => "token",
        None => "password",
        Some(kind) => kind,
    };
    match kind {
        "password" | "v3password" => {
            let mut user = user(cloud)?;
            user["password"] = cloud.needed("password")?.into();
            Ok(scoped(cloud, &json!({ "methods": ["password"], "password": { "user": user } })))
        }
        "token" | "v3token" => {
            let token = cloud.needed("token")?;
            Ok(scoped(cloud, &json!({ "methods": ["token"], "token": { "id": token } })))
        }
        "v3applicationcredential" => {
            let mut credential = match cloud.get("application_credential_id") {
                Some(id) => json!({ "id": id }),
                None => json!({ "name": cloud.needed("application_credential_name")?, "user": user(cloud)? }),
            };
            credential["secret"] = cloud.needed("application_credential_secret")?.into();
            // It is for one project already.
            let identity = json!({ "methods": ["application_credential"], "application_credential": credential });
            Ok(json!({ "identity": identity }))
        }
        other => Err(Failure::Usage(format!(
            "OS_AUTH_TYPE is '{}': this command knows password, token, v3applicationcredential, admin_token and none",
            plain(other)
        ))),
    }
}

fn user(cloud: &Cloud) -> Result<Value, Failure> {
    if let Some(id) = cloud.get("user_id") {
        return Ok(json!({ "id": id }));
    }
    Ok(json!({ "name": cloud.needed("username")?, "domain": domain(cloud, "user") }))
}

/// Of a user or a project that is named.
fn domain(cloud: &Cloud, of: &str) -> Value {
    match cloud.get(&format!("{of}_domain_id")) {
        Some(id) => json!({ "id": id }),
        None => json!({ "name": cloud.first(&[&format!("{of}_domain_name"), "default_domain"]).unwrap_or("Default") }),
    }
}

/// With the project that the token is for; none: the user's own.
fn scoped(cloud: &Cloud, identity: &Value) -> Value {
    let project = match (cloud.first(&["project_id", "tenant_id"]), cloud.first(&["project_name", "tenant_name"])) {
        (Some(id), _) => json!({ "id": id }),
        (None, Some(name)) => json!({ "name": name, "domain": domain(cloud, "project") }),
        (None, None) => return json!({ "identity": identity }),
    };
    json!({ "identity": identity, "scope": { "project": project } })
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cloud(pairs: &[(&str, &str)]) -> Cloud {
        Cloud { values: pairs.iter().map(|(key, value)| ((*key).to_owned(), (*value).to_owned())).collect() }
    }

    #[test]
    fn who_asks_is_said_in_each_way() {
        let default = json!({ "name": "Default" });
        for (pairs, expected) in [
            (
                &[("username", "ann"), ("password", "p"), ("project_name", "a")][..],
                json!({ "identity": { "methods": ["password"],
                    "password": { "user": { "name": "ann", "domain": default, "password": "p" } } },
                    "scope": { "project": { "name": "a", "domain": default } } }),
            ),
            (
                &[("user_id", "u"), ("password", "p"), ("tenant_id", "t"), ("user_domain_id", "d")],
                json!({ "identity": { "methods": ["password"], "password": { "user": { "id": "u", "password": "p" } } },
                    "scope": { "project": { "id": "t" } } }),
            ),
            (
                &[("token", "t"), ("project_name", "a"), ("project_domain_id", "d")],
                json!({ "identity": { "methods": ["token"], "token": { "id": "t" } },
                    "scope": { "project": { "name": "a", "domain": { "id": "d" } } } }),
            ),
            (
                &[("application_credential_id", "c"), ("application_credential_secret", "s"), ("project_name", "a")],
                json!({ "identity": { "methods": ["application_credential"],
                    "application_credential": { "id": "c", "secret": "s" } } }),
            ),
        ] {
            assert_eq!(credentials(&cloud(pairs)).unwrap(), expected, "{pairs:?}");
        }
        let odd = credentials(&cloud(&[("auth_type", "v3kerberos")])).unwrap_err().to_string();
        assert!(odd.contains("'v3kerberos'") && odd.contains("password, token"), "{odd}");
        let unsaid = credentials(&cloud(&[("username", "ann")])).unwrap_err().to_string();
        assert!(unsaid.starts_with("OS_PASSWORD is not set"), "{unsaid}");
    }

    #[test]
    fn the_gateway_is_found_by_its_type_its_interface_and_its_region() {
        let endpoint = |interface: &str, region: &str, url: &str| json!({ "interface": interface, "region_id": region, "url": url });
        let network = json!({ "type": "network", "endpoints": [endpoint("public", "one", "http://n")] });
        let of_octavia = json!({ "type": "load-balancer", "endpoints": [
            endpoint("internal", "one", "http://i"), endpoint("public", "one", "http://1"), endpoint("public", "two", "http://2")
        ] });
        let granted = |catalogue| Granted { token: String::new(), catalogue };
        let both = granted(json!([network, of_octavia]));
        for (interface, region, url) in [
            ("public", None, Some("http://1")),
            ("public", Some("two"), Some("http://2")),
            ("internal", None, Some("http://i")),
            ("admin", None, None),
        ] {
            assert_eq!(both.endpoint(interface, region).as_deref(), url, "{interface} {region:?}");
        }
        assert_eq!(granted(json!([network])).endpoint("public", None).as_deref(), Some("http://n"));
        assert_eq!(granted(Value::Null).endpoint("public", None), None);
    }
}
