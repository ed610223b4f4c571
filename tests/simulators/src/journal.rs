//! Every request that came, so that a test can say what must not have been asked.

use std::sync::{Arc, Mutex, PoisonError};

use serde::Serialize;
use serde_json::Value;

use crate::{Caller, http::loose_json};

/// One request and its fate.
#[derive(Clone, Debug, Serialize)]
pub struct Entry {
    pub method: String,
    /// As it was sent.
    pub path: String,
    pub query: Option<String>,
    /// None: no body, or none that is JSON, though a comma may be too many. Of a form its JSON.
    pub body: Option<Value>,
    /// Asks for a change of the configuration.
    pub write: bool,
    /// The session that asked, before the request was answered.
    pub session: Option<String>,
    /// The session's partition, before the request was answered.
    pub partition: Option<String>,
    /// 0: the connection was dropped without a reply.
    pub status: u16,
    /// It was carried out, or at least looked at.
    pub reached: bool,
}

impl Entry {
    pub(crate) fn of(request: &crate::Request, caller: Caller, write: bool) -> Self {
        Self {
            method: request.method.clone(),
            path: request.path.clone(),
            query: request.query.clone(),
            body: loose_json(&request.body).or_else(|| Some(request.form()?.0)),
            write,
            session: caller.session,
            partition: caller.partition,
            status: 0,
            reached: false,
        }
    }
}

/// All requests, in order.
#[derive(Clone, Debug, Default)]
pub struct Journal(Arc<Mutex<Vec<Entry>>>);

impl Journal {
    pub(crate) fn add(&self, entry: Entry) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(entry);
    }

    /// All entries so far.
    #[must_use]
    pub fn all(&self) -> Vec<Entry> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// All entries so far; the journal is empty afterwards.
    #[must_use]
    pub fn take(&self) -> Vec<Entry> {
        std::mem::take(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }

    /// Those that ask for a change.
    #[must_use]
    pub fn writes(&self) -> Vec<Entry> {
        self.all().into_iter().filter(|entry| entry.write).collect()
    }
}
