//! What a service of ours is known by to a Keystone, in whatever section it stands.

use std::path::Path;

/// A user in a project, or an application credential.
#[derive(Debug, Clone, Copy)]
pub struct Credentials<'a> {
    /// The section, for what is said of its keys.
    pub section: &'a str,
    pub keystone_url: &'a str,
    pub keystone_ca: &'a Path,
    pub username: &'a str,
    pub user_domain: &'a str,
    pub project: &'a str,
    pub project_domain: &'a str,
    pub password_file: &'a Path,
    pub application_credential_id: &'a str,
    pub application_credential_secret_file: &'a Path,
}

impl Credentials<'_> {
    /// Whether either is there, and whole.
    pub(super) fn are_complete(&self) -> bool {
        let user = !self.username.is_empty();
        let application = !self.application_credential_id.is_empty();
        match (user, application) {
            (true, false) => !self.project.is_empty() && !self.password_file.as_os_str().is_empty(),
            (false, true) => !self.application_credential_secret_file.as_os_str().is_empty(),
            (true, true) | (false, false) => false,
        }
    }
}
