//! A session: logged in, in a partition that the device itself has named, and logged out whatever happens.
//!
//! A new session begins in the shared partition, silently. So every write asks first where the session is, and is not
//! sent unless that is where it belongs.

use std::time::Instant;

use serde_json::{Value, json};

use super::client::{Call, Client};
use crate::{config::Credentials, failure::Failure};

/// Where every session begins.
pub(crate) const SHARED: &str = "shared";
/// How often a logout is sent until the device has confirmed it.
const LOGOUTS: u32 = 3;

pub(crate) struct Session<'a> {
    client: &'a Client,
    token: String,
    partition: String,
    deadline: Instant,
    open: bool,
}

impl<'a> Session<'a> {
    /// Logs in, into the shared partition.
    pub(crate) fn open(client: &'a Client, credentials: &Credentials, deadline: Instant) -> Result<Self, Failure> {
        let Credentials { username, password } = credentials;
        let body = json!({"credentials": {"username": username, "password": password}});
        let call = Call { method: "POST", path: "auth", body: Some(&body), token: None };
        let reply = client.call(call, deadline)?;
        match reply["authresponse"]["signature"].as_str() {
            Some(token) => {
                Ok(Self { client, token: token.to_owned(), partition: SHARED.to_owned(), deadline, open: true })
            }
            None => Err(Failure::Lost { what: "POST auth".to_owned(), why: "it has no signature".to_owned() }),
        }
    }

    pub(crate) fn partition(&self) -> &str {
        &self.partition
    }

    /// Goes to a partition, and makes sure that it is there.
    pub(crate) fn select(&mut self, partition: &str) -> Result<(), Failure> {
        self.call("POST", &format!("active-partition/{partition}"), None)?;
        partition.clone_into(&mut self.partition);
        self.verify()
    }

    /// Asks the device which partition this session is in.
    pub(crate) fn verify(&self) -> Result<(), Failure> {
        let reply = self.call("GET", "active-partition", None)?;
        let found = reply["active-partition"]["partition-name"].as_str().ok_or_else(|| Failure::Lost {
            what: "GET active-partition".to_owned(),
            why: "it names no partition".to_owned(),
        })?;
        if found == self.partition {
            return Ok(());
        }
        Err(Failure::Elsewhere { wanted: self.partition.clone(), found: found.to_owned() })
    }

    pub(crate) fn read(&self, path: &str) -> Result<Value, Failure> {
        self.call("GET", path, None)
    }

    /// Sends a change, once the device has said that the session is where it belongs.
    pub(crate) fn write(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.verify()?;
        self.call(method, path, body)
    }

    /// Saves what runs in this session's partition.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        let memory = match self.partition.as_str() {
            SHARED => json!({"partition": SHARED}),
            name => json!({"partition": "specified", "specified-partition": name}),
        };
        self.write("POST", "write/memory", Some(&json!({"memory": memory}))).map(drop)
    }

    /// Logs out; until the device has confirmed it, or a few times.
    pub(crate) fn close(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        for _ in 0..LOGOUTS {
            // A session that may be left open is worth more than the deadline.
            let call = Call { method: "POST", path: "logoff", body: None, token: Some(&self.token) };
            let deadline = self.deadline.max(Instant::now() + LOGOUT_TIME);
            match self.client.call(call, deadline) {
                Ok(_) | Err(Failure::Expired { .. }) => return,
                Err(failure) => tracing::debug!("a logout came to nothing: {}", failure.chain()),
            }
        }
        tracing::warn!("a session may be left at the device until it has been idle for long enough");
    }

    fn call(&self, method: &str, path: &str, body: Option<&Value>) -> Result<Value, Failure> {
        self.client.call(Call { method, path, body, token: Some(&self.token) }, self.deadline)
    }
}

const LOGOUT_TIME: std::time::Duration = std::time::Duration::from_secs(5);

impl Drop for Session<'_> {
    fn drop(&mut self) {
        self.close();
    }
}
