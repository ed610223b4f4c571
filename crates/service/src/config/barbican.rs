//! `[secrets.barbican]`: a Barbican whose secrets load balancers may name.

use std::path::PathBuf;

use serde::Deserialize;

use super::Credentials;

/// `[secrets.barbican]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Barbican {
    /// Keystone, as in `[auth]`; empty: no Barbican is asked.
    pub keystone_url: String,
    pub keystone_ca: PathBuf,
    /// The service's own credentials, as in `[auth]`. Users give this one the right to read what they name.
    pub username: String,
    pub user_domain: String,
    pub project: String,
    pub project_domain: String,
    pub password_file: PathBuf,
    pub application_credential_id: String,
    pub application_credential_secret_file: PathBuf,
    /// Where it is, as `https://barbican:9311`; empty: as Keystone's catalogue says, for `key-manager`.
    pub url: String,
    /// A CA in PEM for a Barbican that the machine's own do not vouch for; empty: none.
    pub ca: PathBuf,
    /// Which endpoint of the catalogue.
    pub interface: String,
    /// Empty: the first of the catalogue.
    pub region: String,
    pub timeout_ms: u32,
    /// How often what load balancers name is looked at.
    pub look_seconds: u32,
    /// How many secrets are read at once then.
    pub parallelism: usize,
}

impl Default for Barbican {
    fn default() -> Self {
        Self {
            keystone_url: String::new(),
            keystone_ca: PathBuf::new(),
            username: String::new(),
            user_domain: "Default".to_owned(),
            project: String::new(),
            project_domain: "Default".to_owned(),
            password_file: PathBuf::new(),
            application_credential_id: String::new(),
            application_credential_secret_file: PathBuf::new(),
            url: String::new(),
            ca: PathBuf::new(),
            interface: "internal".to_owned(),
            region: String::new(),
            timeout_ms: 5_000,
            look_seconds: 300,
            parallelism: 4,
        }
    }
}

impl Barbican {
    #[must_use]
    pub fn is_set(&self) -> bool {
        !self.keystone_url.is_empty()
    }

    #[must_use]
    pub fn credentials(&self) -> Credentials<'_> {
        Credentials {
            section: "secrets.barbican",
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

    /// Whether it has what it needs.
    ///
    /// # Errors
    /// One line that names the key.
    pub fn check(&self) -> Result<(), String> {
        if !self.is_set() {
            return match *self == Self::default() {
                true => Ok(()),
                false => Err("secrets.barbican needs secrets.barbican.keystone_url".to_owned()),
            };
        }
        if !self.credentials().are_complete() {
            return Err(
                "secrets.barbican needs the service's own credentials: either username, password_file and project, \
                        or application_credential_id and application_credential_secret_file"
                    .to_owned(),
            );
        }
        if !["internal", "public", "admin"].contains(&self.interface.as_str()) {
            return Err("secrets.barbican.interface is one of internal, public and admin".to_owned());
        }
        for (key, is_zero) in [
            ("timeout_ms", self.timeout_ms == 0),
            ("look_seconds", self.look_seconds == 0),
            ("parallelism", self.parallelism == 0),
        ] {
            if is_zero {
                return Err(format!("secrets.barbican.{key} must be at least 1"));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn it_is_whole_or_not_there_at_all() {
        let barbican = |change: fn(&mut Barbican)| {
            let mut barbican = Barbican {
                keystone_url: "http://keystone:5000".to_owned(),
                username: "ballast".to_owned(),
                project: "service".to_owned(),
                password_file: PathBuf::from("/password"),
                ..Barbican::default()
            };
            change(&mut barbican);
            barbican.check()
        };
        assert_eq!(Barbican::default().check(), Ok(()));
        assert_eq!(barbican(|_| {}), Ok(()));
        for (key, change) in [
            ("keystone_url", (|one| one.keystone_url.clear()) as fn(&mut Barbican)),
            ("either username", |one| one.project.clear()),
            ("either username", |one| one.application_credential_id = "id".to_owned()),
            ("interface", |one| one.interface = "inner".to_owned()),
            ("timeout_ms", |one| one.timeout_ms = 0),
            ("look_seconds", |one| one.look_seconds = 0),
            ("parallelism", |one| one.parallelism = 0),
        ] {
            let refused = barbican(change).unwrap_err();
            assert!(refused.contains(key), "{refused}");
        }
    }
}
