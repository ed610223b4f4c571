//! `[auth]`: who may call. Secrets are in files of their own, so that no configuration, no argument and no log has one.

use std::path::PathBuf;

use serde::Deserialize;

use super::Credentials;

/// `[auth]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Auth {
    pub mode: AuthMode,
    /// Which names roles have.
    pub roles: RoleNames,
    /// The tokens of `token-file`, TOML.
    pub token_file: PathBuf,
    /// Keystone, as `https://keystone:5000`, with or without `/v3`.
    pub keystone_url: String,
    /// Where callers get their tokens, as a 401 tells them; empty: `keystone_url`.
    pub keystone_public_url: String,
    /// A CA in PEM for a Keystone that the machine's own do not vouch for; empty: none.
    pub keystone_ca: PathBuf,
    /// The service's own credentials: a user in a project …
    pub username: String,
    pub user_domain: String,
    pub project: String,
    pub project_domain: String,
    /// One line, the password.
    pub password_file: PathBuf,
    /// … or an application credential.
    pub application_credential_id: String,
    /// One line, the secret.
    pub application_credential_secret_file: PathBuf,
    /// A token that was revoked is refused after so many seconds at the latest: then it is validated again.
    pub revocation_check_seconds: u32,
    /// How many tokens are remembered.
    pub cache_size: usize,
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum AuthMode {
    /// Every caller is admin; on loopback only, unless `--insecure`.
    #[default]
    None,
    /// Tokens that are in a file.
    TokenFile,
    /// Tokens of Keystone, v3.
    Keystone,
}

/// Which names roles have in a deployment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum RoleNames {
    /// Keystone's own: admin, member, reader.
    #[default]
    Keystone,
    /// Those that Octavia had before: `load-balancer_member` and so on, and admin. A mere member may do nothing.
    LoadBalancer,
}

impl Default for Auth {
    fn default() -> Self {
        Self {
            mode: AuthMode::None,
            roles: RoleNames::Keystone,
            token_file: PathBuf::new(),
            keystone_url: String::new(),
            keystone_public_url: String::new(),
            keystone_ca: PathBuf::new(),
            username: String::new(),
            user_domain: "Default".to_owned(),
            project: String::new(),
            project_domain: "Default".to_owned(),
            password_file: PathBuf::new(),
            application_credential_id: String::new(),
            application_credential_secret_file: PathBuf::new(),
            revocation_check_seconds: 60,
            cache_size: 10_000,
        }
    }
}

impl Auth {
    #[must_use]
    pub fn credentials(&self) -> Credentials<'_> {
        Credentials {
            section: "auth",
            keystone_url: &self.keystone_url,
            keystone_ca: &self.keystone_ca,
            username: &self.username,
            user_domain: &self.user_domain,
            project: &self.project,
            project_domain: &self.project_domain,
            password_file: &self.password_file,
            application_credential_id: &self.application_credential_id,
            application_credential_secret_file: &self.application_credential_secret_file,
        }
    }

    /// Whether the mode has what it needs.
    ///
    /// # Errors
    /// One line that names the missing key.
    pub fn check(&self) -> Result<(), String> {
        match self.mode {
            AuthMode::None => Ok(()),
            AuthMode::TokenFile if self.token_file.as_os_str().is_empty() => {
                Err("auth.mode = \"token-file\" needs auth.token_file".to_owned())
            }
            AuthMode::TokenFile => Ok(()),
            AuthMode::Keystone => self.check_keystone(),
        }
    }

    fn check_keystone(&self) -> Result<(), String> {
        if self.keystone_url.is_empty() {
            return Err("auth.mode = \"keystone\" needs auth.keystone_url".to_owned());
        }
        if self.cache_size == 0 {
            return Err("auth.cache_size must be at least 1".to_owned());
        }
        if self.credentials().are_complete() {
            return Ok(());
        }
        Err("auth.mode = \"keystone\" needs the service's own credentials: either username, password_file and project, \
             or application_credential_id and application_credential_secret_file"
            .to_owned())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_mode_says_what_it_misses() {
        let auth = |change: fn(&mut Auth)| {
            let mut auth = Auth::default();
            change(&mut auth);
            auth.check()
        };
        assert_eq!(auth(|_| {}), Ok(()));
        assert!(auth(|auth| auth.mode = AuthMode::TokenFile).unwrap_err().contains("auth.token_file"));
        assert!(auth(|auth| auth.mode = AuthMode::Keystone).unwrap_err().contains("auth.keystone_url"));
        let both = auth(|auth| {
            auth.mode = AuthMode::Keystone;
            auth.keystone_url = "http://keystone:5000".to_owned();
            auth.username = "ballast".to_owned();
            auth.application_credential_id = "id".to_owned();
        });
        assert!(both.unwrap_err().contains("either username"));
        let complete = auth(|auth| {
            auth.mode = AuthMode::Keystone;
            auth.keystone_url = "http://keystone:5000".to_owned();
            auth.application_credential_id = "id".to_owned();
            auth.application_credential_secret_file = PathBuf::from("/secret");
        });
        assert_eq!(complete, Ok(()));
    }
}
