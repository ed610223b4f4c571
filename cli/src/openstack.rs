//! Where and by what token a gateway is asked, as OpenStack's commands say it: `OS_*` in the environment, and a cloud of
//! `clouds.yaml` by `OS_CLOUD`. Keystone (v3) is asked for a token, and its catalogue says where the gateway is.

mod clouds;
mod keystone;

use std::{collections::BTreeMap, env};

use ballast_service::tls;

use crate::{
    arguments::{Secret, Target},
    failure::Failure,
};

/// What is looked for: as `OS_AUTH_URL`, and as `auth_url` in the file.
const KEYS: &[&str] = &[
    "auth_type",
    "auth_url",
    "endpoint",
    "load_balancer_endpoint_override",
    "token",
    "user_id",
    "username",
    "password",
    "user_domain_id",
    "user_domain_name",
    "default_domain",
    "project_id",
    "project_name",
    "tenant_id",
    "tenant_name",
    "project_domain_id",
    "project_domain_name",
    "application_credential_id",
    "application_credential_name",
    "application_credential_secret",
    "region_name",
    "interface",
    "cacert",
    "cert",
    "key",
];

/// A cloud, and who asks there.
pub(crate) struct Cloud {
    values: BTreeMap<String, String>,
}

impl Cloud {
    /// What the environment says; none: nothing of OpenStack.
    ///
    /// # Errors
    /// When there is no such cloud as `OS_CLOUD` names.
    pub(crate) fn of_environment() -> Result<Option<Self>, Failure> {
        let mut values = match said("OS_CLOUD") {
            Some(name) => clouds::named(&name)?,
            None => BTreeMap::new(),
        };
        for key in KEYS {
            if let Some(value) = said(&format!("OS_{}", key.to_ascii_uppercase())) {
                values.insert((*key).to_owned(), value);
            }
        }
        let is_one = ["auth_url", "endpoint"].iter().any(|key| values.contains_key(*key));
        Ok(is_one.then_some(Self { values }))
    }

    fn get(&self, key: &str) -> Option<&str> {
        self.values.get(key).map(String::as_str).filter(|value| !value.is_empty())
    }

    fn first(&self, keys: &[&str]) -> Option<&str> {
        keys.iter().find_map(|key| self.get(key))
    }

    /// # Errors
    /// Names what is not said.
    fn needed(&self, key: &str) -> Result<&str, Failure> {
        self.get(key).ok_or_else(|| {
            Failure::Usage(format!("OS_{} is not set, and OpenStack's variables are", key.to_ascii_uppercase()))
        })
    }

    fn files(&self) -> tls::Files {
        let path = |key| self.get(key).map(Into::into);
        tls::Files { ca: path("cacert"), cert: path("cert"), key: path("key") }
    }

    /// Where the gateway is, with a token that is good there. `given` are files that go over those of the cloud.
    ///
    /// # Errors
    /// When something is not said, or Keystone cannot be reached or refuses.
    pub(crate) async fn target(&self, given: &tls::Files) -> Result<Target, Failure> {
        let own = self.files();
        let files = tls::Files {
            ca: given.ca.clone().or(own.ca),
            cert: given.cert.clone().or(own.cert),
            key: given.key.clone().or(own.key),
        };
        let (url, token) = match self.get("auth_type") {
            Some("none") => (self.needed("endpoint")?.to_owned(), None),
            Some("admin_token") => (self.needed("endpoint")?.to_owned(), Some(self.needed("token")?.to_owned())),
            _ => {
                let granted = keystone::ask(self, &files).await?;
                let url = match self.get("load_balancer_endpoint_override") {
                    Some(url) => url.to_owned(),
                    None => self.endpoint(&granted)?,
                };
                (url, Some(granted.token))
            }
        };
        let url = without_version(&url).to_owned();
        // What Keystone's certificate takes is not for a gateway that has none.
        let files = if url.starts_with("https:") { files } else { tls::Files::default() };
        Ok(Target { url, files, token: token.map(Secret), project: None })
    }

    /// The gateway, of the catalogue.
    fn endpoint(&self, granted: &keystone::Granted) -> Result<String, Failure> {
        let interface = self.get("interface").unwrap_or("public");
        let interface = interface.strip_suffix("URL").unwrap_or(interface);
        granted.endpoint(interface, self.get("region_name")).ok_or_else(|| {
            let region = self.get("region_name").map(|region| format!(" in {region}")).unwrap_or_default();
            Failure::Keystone(format!(
                "Keystone's catalogue has no {interface} endpoint of the type load-balancer or network{region}: have one \
                 made, or say OS_LOAD_BALANCER_ENDPOINT_OVERRIDE"
            ))
        })
    }
}

/// Catalogues may name the version that a client is to ask for; paths here begin with it.
fn without_version(url: &str) -> &str {
    let url = url.trim_end_matches('/');
    ["/v2.0", "/v2"].into_iter().find_map(|version| url.strip_suffix(version)).unwrap_or(url)
}

/// Of the environment; what is empty is not said.
fn said(name: &str) -> Option<String> {
    env::var_os(name).and_then(|value| value.into_string().ok()).filter(|value| !value.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_missing_is_named_as_it_is_set() {
        let cloud = Cloud { values: BTreeMap::from([("auth_type".to_owned(), "none".to_owned())]) };
        assert!(cloud.needed("endpoint").unwrap_err().to_string().starts_with("OS_ENDPOINT is not set"));
    }

    #[test]
    fn an_endpoint_may_end_with_a_version() {
        for url in ["http://x/lb", "http://x/lb/", "http://x/lb/v2.0", "http://x/lb/v2.0/", "http://x/lb/v2"] {
            assert_eq!(without_version(url), "http://x/lb");
        }
    }
}
