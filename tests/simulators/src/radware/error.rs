//! Refusals, in the shapes that real devices were seen to answer with.

use serde_json::json;

use super::assumptions::{AbsentRow, Assumptions};
use crate::Reply;

/// Why a request is refused.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Refused {
    /// A table, a scalar, a method or an action that the device does not know; a body with nothing in it.
    Unknown,
    /// A value that a field does not take: table and field.
    Value(String),
    /// A row that is to be changed or deleted, or stands above one, and is not there: table.
    Missing(String),
    /// A row that is read and is not there: table.
    Absent(String),
    /// The name or the password is wrong, or the session has ended.
    Credentials,
    /// With what it says.
    Other(String),
}

impl Refused {
    pub(crate) fn value(table: &str, field: &str) -> Self {
        Self::Value(format!("{table},{field}"))
    }

    pub(crate) fn other(why: &str) -> Self {
        Self::Other(why.to_owned())
    }

    pub(crate) fn reply(&self, assumptions: &Assumptions) -> Reply {
        let status = if assumptions.errors_are_200 { 200 } else { 406 };
        match self {
            Self::Unknown => unknown(405),
            Self::Value(at) => {
                Reply::json(status, &json!({"status": "err", "testErr": "Wrong input 28.", "mibName": at}))
            }
            Self::Missing(table) => {
                Reply::json(status, &json!({"status": "err", "testErr": "Entry does not exist.", "mibName": table}))
            }
            Self::Absent(table) => match assumptions.absent {
                AbsentRow::Empty => Reply::json(200, &json!({ table: [] })),
                AbsentRow::Error => {
                    Reply::json(200, &json!({"status": "err", "testErr": "Entry does not exist.", "mibName": table}))
                }
                AbsentRow::NotFound => {
                    Reply::json(404, &json!({"status": "err", "message": "404 Not Found", "application message": ""}))
                }
                AbsentRow::NotAllowed => unknown(405),
            },
            Self::Credentials => Reply::html(401, "<html><body>401 Unauthorized</body></html>")
                .with_header("www-authenticate", "Basic realm=\"device\""),
            Self::Other(why) => Reply::json(
                status,
                &json!({"status": "err", "message": "406 Not Acceptable", "application message": why}),
            ),
        }
    }
}

fn unknown(status: u16) -> Reply {
    let message = "405 Method Not Allowed";
    Reply::json(status, &json!({"status": "err", "message": message, "application message": "REST API unknown error"}))
}
