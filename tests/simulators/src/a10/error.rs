//! aXAPI's refusals: numbers and shapes as real devices and the vendor's clients show them.
//!
//! The numbers are the vendor's. The HTTP status of "exists", "in use" and of refused values was never seen on the wire:
//! 409 and 400 are assumed, drivers must go by the number, and a test can choose others.

use serde_json::json;

use crate::Reply;

/// The numbers whose status real devices showed: no object, no privilege, and a body that is no JSON.
pub(crate) const SEEN: [u32; 3] = [1_023_460_352, 419_545_856, 1_023_524_864];

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Refused {
    pub(crate) status: u16,
    pub(crate) code: u32,
    pub(crate) message: String,
}

impl Refused {
    fn new(status: u16, code: u32, message: impl Into<String>) -> Self {
        Self { status, code, message: message.into() }
    }

    pub(crate) fn not_found(object: &str) -> Self {
        Self::new(404, 1_023_460_352, format!("Object specified does not exist (object: {object})"))
    }

    pub(crate) fn exists(object: &str) -> Self {
        Self::new(409, 1_023_459_339, format!("Failed to handle object \"{object}\". Object already exists"))
    }

    pub(crate) fn in_use(by: &str) -> Self {
        Self::new(400, 33_619_969, format!("Object is in use by {by}"))
    }

    pub(crate) fn value(what: impl Into<String>) -> Self {
        Self::new(400, 1_023_459_393, what)
    }

    pub(crate) fn body() -> Self {
        Self::new(400, 1_023_524_864, "JSON message is wrong.")
    }

    pub(crate) fn unknown_field(name: &str) -> Self {
        Self::new(400, 1_023_524_874, format!("JSON message is wrong. (unknown attribute {name})"))
    }

    pub(crate) fn unsupported(what: impl Into<String>) -> Self {
        Self::new(400, 1_023_459_335, what)
    }

    pub(crate) fn privilege() -> Self {
        Self::new(400, 419_545_856, "No write privilege of this admin session.")
    }

    pub(crate) fn partition_exists() -> Self {
        Self::new(409, 754_974_732, "Partition name already exists")
    }

    pub(crate) fn partition_id_exists() -> Self {
        Self::new(409, 754_974_733, "Partition id already exists")
    }

    pub(crate) fn busy() -> Self {
        Self::new(503, 1_023_464_193, "System is busy.")
    }

    pub(crate) fn failed() -> Self {
        Self::new(500, 1_023_459_328, "Operation failed.")
    }

    pub(crate) fn reply(&self) -> Reply {
        let from = if self.code == 419_545_856 { "BACKEND" } else { "CM" };
        let error = json!({"code": self.code, "from": from, "msg": self.message});
        Reply::json(self.status, &json!({"response": {"status": "fail", "err": error}}))
    }
}

/// Logins and sessions are refused in a shape of their own.
pub(crate) fn authorization(status: u16, error: &str) -> Reply {
    Reply::json(
        status,
        &json!({"authorizationschema": {
            "code": status, "error": error, "auth_uri": "/axapi/v3/auth", "logoff_uri": "/axapi/v3/logoff",
            "username": "required", "password": "required"
        }}),
    )
}
