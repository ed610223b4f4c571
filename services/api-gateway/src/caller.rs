//! Who calls. One place turns a request's headers into a [`Caller`]; endpoints see no credentials.
//!
//! Each authentication mode is one variant of [`Authenticator`].

use std::time::Duration;

use axum::{extract::FromRequestParts, http::request::Parts};
use ballast_proto::status::{Code, Fault};
use ballast_service::config::{AuthMode, Settings};
use tonic::metadata::AsciiMetadataValue;

use crate::{Gateway, error::Refusal, request_id::RequestId};

/// How long the scheduler may take for one call.
const DEADLINE: Duration = Duration::from_secs(30);

/// Turns credentials into callers.
#[derive(Clone)]
pub(crate) enum Authenticator {
    /// Everyone is admin, of the project that `X-Project-Id` names, else of this one.
    None { project: AsciiMetadataValue },
}

impl Authenticator {
    /// # Errors
    /// One line that names the key.
    pub(crate) fn new(settings: &Settings) -> Result<Self, String> {
        match settings.auth.mode {
            AuthMode::None => {
                let project = &settings.gateway.project_id;
                let value = ascii(project.as_bytes())
                    .ok_or_else(|| format!("gateway.project_id = {project:?} must be plain ASCII"))?;
                Ok(Self::None { project: value })
            }
        }
    }

    fn authenticate(&self, parts: &Parts) -> Result<Caller, Refusal> {
        let Self::None { project } = self;
        let project = match parts.headers.get("x-project-id") {
            Some(header) => ascii(header.as_bytes()).ok_or_else(unreadable)?,
            None => project.clone(),
        };
        let request_id = parts.extensions.get::<RequestId>().and_then(RequestId::metadata);
        Ok(Caller { project, roles: AsciiMetadataValue::from_static("admin"), request_id })
    }
}

/// Text that metadata can carry. The type alone takes bytes beyond ASCII, which then cannot be read as text.
fn ascii(bytes: &[u8]) -> Option<AsciiMetadataValue> {
    AsciiMetadataValue::try_from(bytes).ok().filter(|value| value.to_str().is_ok())
}

fn unreadable() -> Refusal {
    Fault::new(Code::InvalidField, "The header X-Project-Id must be plain ASCII.").with_field("X-Project-Id").into()
}

/// Who calls, and for which project.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    project: AsciiMetadataValue,
    roles: AsciiMetadataValue,
    request_id: Option<AsciiMetadataValue>,
}

impl Caller {
    /// The project of what this caller makes without naming one; empty when there is none.
    pub(crate) fn project(&self) -> Option<&str> {
        self.project.to_str().ok()
    }

    /// `message` as this caller's request to the scheduler, with a deadline.
    pub(crate) fn request<M>(&self, message: M) -> tonic::Request<M> {
        let mut request = tonic::Request::new(message);
        request.set_timeout(DEADLINE);
        let metadata = request.metadata_mut();
        metadata.insert("ballast-project-id", self.project.clone());
        metadata.insert("ballast-roles", self.roles.clone());
        if let Some(id) = &self.request_id {
            metadata.insert("ballast-request-id", id.clone());
        }
        request
    }
}

impl FromRequestParts<Gateway> for Caller {
    type Rejection = Refusal;

    async fn from_request_parts(parts: &mut Parts, gateway: &Gateway) -> Result<Self, Refusal> {
        gateway.authenticator.authenticate(parts)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_that_metadata_cannot_carry_is_a_configuration_error() {
        let mut settings = Settings::default();
        assert!(Authenticator::new(&settings).is_ok());
        settings.gateway.project_id = "é".to_owned();
        assert!(Authenticator::new(&settings).err().unwrap().contains("gateway.project_id"));
    }

    #[test]
    fn a_header_names_the_project_of_one_request() {
        let authenticator = Authenticator::new(&Settings::default()).unwrap();
        let authenticate = |project: &[u8]| {
            let request = axum::http::Request::builder().header("x-project-id", project).body(()).unwrap();
            authenticator.authenticate(&request.into_parts().0)
        };
        assert_eq!(authenticate(b"a").unwrap().project(), Some("a"));
        assert!(authenticate(&[0xe9]).is_err());
    }
}
