//! Who calls, and for which project, as a gateway tells the scheduler with each call.
//!
//! Which roles may do what is the scheduler's to decide: they travel with the call.

use std::time::Duration;

use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use tonic::metadata::AsciiMetadataValue;

use crate::auth::Roles;

/// How long the scheduler may take for one call.
const DEADLINE: Duration = Duration::from_secs(30);

/// Who calls, and for which project.
#[derive(Debug, Clone)]
pub struct Caller {
    project: AsciiMetadataValue,
    roles: Roles,
    /// His name, percent-encoded. None: nobody was asked for one.
    user: Option<AsciiMetadataValue>,
    call: Call,
    /// Where another service has to be asked in his name. None: it need not.
    token: Option<AsciiMetadataValue>,
}

/// What is called, for those who ask later why something has changed.
#[derive(Debug, Clone, Default)]
pub struct Call {
    pub request_id: Option<AsciiMetadataValue>,
    /// As `PUT /v2.0/lbaas/pools/{id}`.
    pub action: Option<AsciiMetadataValue>,
}

/// Text that metadata can carry. The type alone takes bytes beyond ASCII, which then cannot be read as text.
#[must_use]
pub fn ascii(bytes: &[u8]) -> Option<AsciiMetadataValue> {
    AsciiMetadataValue::try_from(bytes).ok().filter(|value| value.to_str().is_ok())
}

impl Caller {
    /// `user`: as he is called; none: nobody was asked for a name.
    #[must_use]
    pub fn new(project: AsciiMetadataValue, roles: Roles, user: Option<&str>, call: Call) -> Self {
        let encoded = |user: &str| ascii(utf8_percent_encode(user, NON_ALPHANUMERIC).to_string().as_bytes());
        Self { project, roles, user: user.and_then(encoded), call, token: None }
    }

    /// The same for a call of this name.
    #[must_use]
    pub fn calling(mut self, action: &str) -> Self {
        self.call.action = ascii(action.as_bytes());
        self
    }

    /// The same, and his token goes along, by which the scheduler asks others whether he may. It is shown to nobody.
    #[must_use]
    pub fn with_token(mut self, token: &[u8]) -> Self {
        self.token = ascii(token).filter(|token| !token.is_empty());
        if let Some(token) = &mut self.token {
            token.set_sensitive(true);
        }
        self
    }

    /// The same without it.
    #[must_use]
    pub fn without_token(self) -> Self {
        Self { token: None, ..self }
    }

    /// The project of what this caller makes without naming one; empty when there is none.
    #[must_use]
    pub fn project(&self) -> Option<&str> {
        self.project.to_str().ok()
    }

    #[must_use]
    pub const fn roles(&self) -> Roles {
        self.roles
    }

    #[must_use]
    pub const fn is_admin(&self) -> bool {
        self.roles.is_admin()
    }

    /// Who it is, as far as is known: two who are called the same are one.
    #[must_use]
    pub fn name(&self) -> String {
        let text = |value: &AsciiMetadataValue| value.to_str().unwrap_or_default().to_owned();
        format!("{}/{}", text(&self.project), self.user.as_ref().map(text).unwrap_or_default())
    }

    /// `message` as this caller's request to the scheduler, with a deadline.
    pub fn request<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = self.lasting(message);
        request.set_timeout(DEADLINE);
        request
    }

    /// The same without one, for what is answered by a stream.
    pub fn lasting<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        let metadata = request.metadata_mut();
        metadata.insert("ballast-project-id", self.project.clone());
        metadata.insert("ballast-roles", AsciiMetadataValue::from_static(self.roles.name()));
        let of_call = [("ballast-request-id", &self.call.request_id), ("ballast-action", &self.call.action)];
        for (name, value) in of_call.into_iter().chain([("ballast-user", &self.user), ("x-auth-token", &self.token)]) {
            if let Some(value) = value {
                metadata.insert(name, value.clone());
            }
        }
        request
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_goes_along_where_it_is_needed_and_is_not_shown() {
        let project = AsciiMetadataValue::from_static("p");
        let caller = Caller::new(project, Roles::MEMBER, Some("ann"), Call::default()).with_token(b"s3cret");
        let request = caller.request(());
        assert_eq!(request.metadata().get("x-auth-token").unwrap().to_str().unwrap(), "s3cret");
        let shown = format!("{caller:?} {request:?}");
        assert!(!shown.contains("s3cret"), "{shown}");
        assert!(caller.clone().without_token().request(()).metadata().get("x-auth-token").is_none());
        assert!(caller.with_token(b"").request(()).metadata().get("x-auth-token").is_none());
    }
}
