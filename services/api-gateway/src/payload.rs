//! The body of a request: bounded in size and time, and JSON.

use std::time::Duration;

use axum::{
    body::Bytes,
    extract::{FromRequest, Request},
    http::StatusCode,
};
use serde_json::Value;

use crate::{Gateway, error::Refusal};

/// The largest body, in bytes.
pub(crate) const LIMIT: usize = 1 << 20;

/// How long a client may take to send its body.
const PATIENCE: Duration = Duration::from_secs(30);

/// A body as it came.
pub(crate) struct Payload(Bytes);

impl Payload {
    /// The JSON of a POST.
    ///
    /// # Errors
    /// When it is not JSON, or nothing.
    pub(crate) fn post(&self) -> Result<Value, Refusal> {
        let required = || Refusal::bad_request("Resource body required");
        if self.0.is_empty() {
            return Err(required());
        }
        Some(self.parse()?).filter(|body| !is_nothing(body)).ok_or_else(required)
    }

    /// The JSON of a PUT.
    ///
    /// # Errors
    /// When it is not a JSON object, or one without anything in it.
    pub(crate) fn put(&self) -> Result<Value, Refusal> {
        let body = if self.0.is_empty() { Value::Null } else { self.parse()? };
        match &body {
            Value::Object(map) if map.is_empty() => Err(Refusal::bad_request("Resource body required")),
            Value::Object(_) => Ok(body),
            _ => Err(Refusal::bad_part("body", &format!("Invalid format: {}", String::from_utf8_lossy(&self.0)))),
        }
    }

    fn parse(&self) -> Result<Value, Refusal> {
        serde_json::from_slice(&self.0).map_err(|_| Refusal::Http {
            status: StatusCode::BAD_REQUEST,
            kind: "MalformedRequestBody",
            message: "Malformed request body: Cannot understand JSON".to_owned(),
        })
    }
}

/// What is false in Python.
fn is_nothing(body: &Value) -> bool {
    match body {
        Value::Null | Value::Bool(false) => true,
        Value::Bool(true) => false,
        Value::Number(number) => number.as_f64() == Some(0.0),
        Value::String(text) => text.is_empty(),
        Value::Array(items) => items.is_empty(),
        Value::Object(map) => map.is_empty(),
    }
}

impl FromRequest<Gateway> for Payload {
    type Rejection = Refusal;

    async fn from_request(request: Request, gateway: &Gateway) -> Result<Self, Refusal> {
        match tokio::time::timeout(PATIENCE, Bytes::from_request(request, gateway)).await {
            Ok(Ok(bytes)) => Ok(Self(bytes)),
            Ok(Err(rejection)) if rejection.status() == StatusCode::PAYLOAD_TOO_LARGE => Err(Refusal::Http {
                status: StatusCode::PAYLOAD_TOO_LARGE,
                kind: "HTTPRequestEntityTooLarge",
                message: format!("The body is larger than {LIMIT} bytes."),
            }),
            Ok(Err(_)) => Err(Refusal::bad_request("The body could not be read.")),
            Err(_) => Err(Refusal::Http {
                status: StatusCode::REQUEST_TIMEOUT,
                kind: "HTTPRequestTimeout",
                message: format!("The body did not arrive within {} seconds.", PATIENCE.as_secs()),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(result: Result<Value, Refusal>) -> String {
        match result.unwrap_err() {
            Refusal::Http { kind, message, .. } => format!("{kind} {message}"),
            other => panic!("{other:?}"),
        }
    }

    fn payload(text: &'static str) -> Payload {
        Payload(Bytes::from_static(text.as_bytes()))
    }

    #[test]
    fn a_post_needs_a_body() {
        for text in ["", "{}", "[]", "null", "false", "0", "\"\""] {
            assert_eq!(refused(payload(text).post()), "HTTPBadRequest Resource body required", "{text}");
        }
    }

    #[test]
    fn a_put_needs_an_object() {
        assert_eq!(refused(payload("").put()), "BadRequest Bad body request: Invalid format: ");
        assert_eq!(refused(payload("[1]").put()), "BadRequest Bad body request: Invalid format: [1]");
        assert_eq!(refused(payload("{}").put()), "HTTPBadRequest Resource body required");
    }

    #[test]
    fn what_is_not_json_is_malformed() {
        for text in ["{", "{\"pool\":}", "\u{1f600}", "pool"] {
            let malformed = "MalformedRequestBody Malformed request body: Cannot understand JSON";
            assert_eq!(refused(payload(text).post()), malformed);
            assert_eq!(refused(payload(text).put()), malformed);
        }
    }
}
