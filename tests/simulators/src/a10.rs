//! A10 Thunder's aXAPI v3: sessions, partitions, configuration, operational state and counters.
//!
//! What real devices were not seen to do is assumed, and drivers should not depend on it: that partitions are managed from
//! `shared` only, that two virtual ports on one number exclude each other, that a replaced object loses its children, that a list
//! within an object is replaced as a whole, and that a file which a template names cannot be deleted.
//! Some of it can be chosen: see [`Assumptions`].

mod assumptions;
mod configuration;
mod error;
mod files;
mod levers;
mod objects;
mod oper;
mod partitions;
mod path;
mod references;
mod rules;
mod schema;
mod validate;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use assumptions::{Assumptions, Exclusive};
pub use oper::Counters;
pub use schema::{Release, Rivals, rivals};

use crate::{
    Caller, Device, Refusal, Reply, Request, Traffic, World,
    sessions::{Entry, Sessions},
};
use configuration::Configuration;
use error::{Refused, authorization};
use path::{Aspect, Path};
use schema::Schema;

/// The partition that every session begins in.
pub const SHARED: &str = "shared";
const ROOT: &str = "/axapi/v3/";

/// A device. A clone is another device in the same state.
#[derive(Clone)]
pub struct A10 {
    schema: Schema,
    username: String,
    password: String,
    assumptions: Assumptions,
    sessions: Sessions,
    /// Where a test has chosen another HTTP status for an error.
    statuses: BTreeMap<u32, u16>,
    running: Configuration,
    saved: Configuration,
    counters: BTreeMap<(String, String), Counters>,
    made: u64,
}

impl Default for A10 {
    fn default() -> Self {
        Self::new(Release::default())
    }
}

impl A10 {
    /// A device as it comes from the factory: user `admin`, password `a10`.
    #[must_use]
    pub fn new(release: Release) -> Self {
        Self {
            schema: Schema::of(release),
            username: "admin".to_owned(),
            password: "a10".to_owned(),
            assumptions: Assumptions::default(),
            // The vendor's defaults.
            sessions: Sessions::new(SHARED, 30, Duration::from_secs(600)),
            statuses: BTreeMap::new(),
            running: Configuration::default(),
            saved: Configuration::default(),
            counters: BTreeMap::new(),
            made: 0,
        }
    }

    /// Text that no two calls give: for tokens and uuids.
    fn unique(&mut self, length: usize) -> String {
        self.made += 1;
        let digest = Sha256::digest(self.made.to_be_bytes());
        digest.iter().flat_map(|byte| [byte >> 4, byte & 15]).map(hex_digit).take(length).collect()
    }

    fn refused(&self, refused: Refused) -> Reply {
        let status = self.statuses.get(&refused.code).copied().unwrap_or(refused.status);
        Refused { status, ..refused }.reply()
    }

    fn login(&mut self, request: &Request, now: Duration) -> Reply {
        let body = request.json().unwrap_or_default();
        let given = |field: &str| body["credentials"][field].as_str().unwrap_or_default().to_owned();
        if (given("username"), given("password")) != (self.username.clone(), self.password.clone()) {
            return authorization(403, "Incorrect user name or password");
        }
        let token = self.unique(30);
        if !self.sessions.open(&token, None, now) {
            return authorization(self.assumptions.over_limit, "Maximum number of admin sessions reached");
        }
        let description = "the signature should be set in Authorization header for following request.";
        Reply::json(200, &json!({"authresponse": {"signature": token, "description": description}}))
    }

    fn inside(&mut self, request: &Request, path: &str, entry: &Entry, world: &World<'_>) -> Result<Reply, Refused> {
        let segments: Vec<&str> = path.split('/').collect();
        let body = match request.json() {
            None if !request.body.is_empty() && request.form().is_none() => return Err(Refused::body()),
            body => body.unwrap_or(Value::Null),
        };
        match (request.method.as_str(), segments.as_slice()) {
            ("POST", ["logoff"]) => {
                self.sessions.close(&entry.token);
                Ok(ok())
            }
            ("GET", ["active-partition"]) => {
                Ok(Reply::json(200, &json!({"active-partition": {"partition-name": entry.partition}})))
            }
            ("POST", ["active-partition", name]) => {
                let name = crate::http::decoded(name);
                if !self.running.is_active(&name) {
                    return Err(Refused::not_found("active-partition"));
                }
                self.sessions.choose(&entry.token, &name);
                Ok(ok())
            }
            ("POST", ["write", "memory"]) => self.write_memory(&body, &entry.partition),
            ("POST", ["file", kind]) => self.upload(&entry.partition, kind, request),
            ("GET", ["file", kind, "oper"]) => self.list_files(&entry.partition, kind),
            ("GET", ["file", kind, name]) => self.file(&entry.partition, kind, name),
            ("GET", ["version", "oper"]) => {
                Ok(Reply::json(200, &json!({"version": {"oper": {"sw-version": self.schema.version}}})))
            }
            ("POST", ["pki", "delete"]) => self.delete_files(&entry.partition, &body),
            (method, ["file", ..]) => Err(Refused::unsupported(format!("{method} is not supported"))),
            (method, ["partition" | "partition-all" | "partition-available-id" | "delete", ..]) => {
                self.manage_partitions(method, &segments, &body, &entry.partition)
            }
            (method, _) => {
                let mut target = Path::parse(path, &self.schema)?;
                if self.assumptions.keys_in_any_case && target.kind.ends_with("/port") {
                    target.key = target.key.map(|key| key.to_lowercase());
                }
                match (method, target.aspect) {
                    ("GET", Aspect::Configuration) => self.read(&entry.partition, &target),
                    ("GET", Aspect::Oper) => self.oper(&entry.partition, &target, world.health),
                    ("GET", Aspect::Stats) => self.stats(&entry.partition, &target),
                    (method, Aspect::Configuration) => {
                        self.configure(&entry.partition, method, &target, body.as_object())
                    }
                    (method, Aspect::Oper | Aspect::Stats) => {
                        Err(Refused::unsupported(format!("{method} is not supported")))
                    }
                }
            }
        }
    }
}

impl Device for A10 {
    fn answer(&mut self, request: &Request, world: &World<'_>) -> Reply {
        let path = request.path.strip_prefix(ROOT).unwrap_or_default().trim_end_matches('/');
        if (request.method.as_str(), path) == ("POST", "auth") {
            return self.login(request, world.now);
        }
        let Some(entry) = token(request).and_then(|token| self.sessions.touch(token, world.now)) else {
            return authorization(401, "Invalid admin session.");
        };
        self.inside(request, path, &entry, world).unwrap_or_else(|refused| self.refused(refused))
    }

    /// The device makes all of a list or nothing.
    fn answer_half(&mut self, request: &Request, _world: &World<'_>) -> Reply {
        self.refuse(Refusal::Failed, request)
    }

    fn caller(&self, request: &Request) -> Caller {
        let entry = token(request).and_then(|token| self.sessions.find(token));
        Caller {
            session: entry.map(|entry| entry.token.chars().take(6).collect()),
            partition: entry.map(|entry| entry.partition.clone()),
        }
    }

    fn is_write(&self, request: &Request) -> bool {
        let path = request.path.strip_prefix(ROOT).unwrap_or_default();
        let about_the_session = ["auth", "logoff", "active-partition"].iter().any(|start| path.starts_with(start));
        request.method != "GET" && !about_the_session
    }

    fn refuse(&self, refusal: Refusal, _request: &Request) -> Reply {
        self.refused(match refusal {
            Refusal::Busy => Refused::busy(),
            Refusal::Failed => Refused::failed(),
            Refusal::Secondary => Refused::privilege(),
        })
    }

    fn set_status(&mut self, code: u32, status: u16) -> bool {
        let open = !error::SEEN.contains(&code);
        if open {
            self.statuses.insert(code, status);
        }
        open
    }

    /// As in `v1/80+http`.
    fn carry(&mut self, partition: &str, path: &str, traffic: Traffic) {
        let Traffic { active: current, connections, bytes_in: forward_bytes, bytes_out: reverse_bytes } = traffic;
        self.count(partition, path, Counters { current, connections, forward_bytes, reverse_bytes });
    }

    fn end_sessions(&mut self) {
        self.sessions.close_all();
    }

    fn lead_astray(&mut self) {
        self.sessions.lead_astray();
    }

    fn sessions(&self) -> usize {
        self.sessions.count()
    }

    fn reboot(&mut self) {
        self.running = self.saved.clone();
        self.counters.clear();
        self.sessions.close_all();
    }
}

fn token(request: &Request) -> Option<&str> {
    request.header("authorization")?.strip_prefix("A10 ")
}

fn ok() -> Reply {
    Reply::json(200, &json!({"response": {"status": "OK"}}))
}

fn hex_digit(nibble: u8) -> char {
    char::from_digit(u32::from(nibble), 16).unwrap_or('0')
}
