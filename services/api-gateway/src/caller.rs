//! Who calls. One place turns a request's headers into a [`Caller`]; endpoints see no credentials.
//!
//! Each authentication mode is one variant of [`Authenticator`].

use std::time::Duration;

use axum::{extract::FromRequestParts, http::request::Parts};
use ballast_proto::status::{Code, Fault};
use ballast_service::config::{AuthMode, Settings};
use tonic::metadata::{AsciiMetadataValue, errors::InvalidMetadataValue};

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
                let refuse = |_: InvalidMetadataValue| format!("gateway.project_id = {project:?} must be plain ASCII");
                Ok(Self::None { project: AsciiMetadataValue::try_from(project.as_str()).map_err(refuse)? })
            }
        }
    }

    fn authenticate(&self, parts: &Parts) -> Result<Caller, Refusal> {
        let Self::None { project } = self;
        let project = match parts.headers.get("x-project-id") {
            Some(header) => AsciiMetadataValue::try_from(header.as_bytes()).map_err(|_| unreadable())?,
            None => project.clone(),
        };
        let request_id = parts.extensions.get::<RequestId>().and_then(RequestId::metadata);
        let caller = Caller { project, roles: AsciiMetadataValue::from_static("admin"), request_id };
        caller.project().ok_or_else(unreadable)?;
        Ok(caller)
    }
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
