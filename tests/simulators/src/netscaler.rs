//! NetScaler ADC's NITRO v1: sessions, admin partitions, configuration, operational state and counters.
//!
//! What real devices were not seen to do is assumed, and drivers should not depend on it: the HTTP status of most errors
//! (see [`NetScaler::set_status`]), which number answers a missing reference, that a session over the limit is 445, that
//! partitions are managed from `default` only and deleted with all that is in them, that names differ by case, and that
//! expressions are not parsed. Some of it can be chosen: see [`Assumptions`].

mod actions;
mod assumptions;
mod bindings;
mod bodies;
mod configuration;
mod error;
mod levers;
mod monitors;
mod objects;
mod partitions;
mod path;
mod reads;
mod rules;
mod schema;
mod state;
mod stats;
mod tls;
mod validate;

use std::{collections::BTreeMap, time::Duration};

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

pub use assumptions::Assumptions;
pub use stats::Counters;

use crate::{Caller, Device, Refusal, Reply, Request, Traffic, World, http::decoded, sessions::Sessions};
use configuration::Configuration;
use error::{
    BAD_CREDENTIALS, BUSY, NOT_LOGGED_IN, NOT_PERMITTED, Refused, SECONDARY, SESSION_ENDED, Statuses, TOO_MANY_SESSIONS,
};
use path::Path;
use schema::Schema;

/// The partition that every session begins in, and that requests without a session work in.
pub const DEFAULT: &str = "default";

/// A device. A clone is another device in the same state.
#[derive(Clone)]
pub struct NetScaler {
    schema: Schema,
    username: String,
    password: String,
    sessions: Sessions,
    statuses: Statuses,
    too_many: u32,
    assumptions: Assumptions,
    primary: bool,
    running: Configuration,
    saved: Configuration,
    /// When a member has gone out of service, by partition and path.
    leaving: BTreeMap<(String, String), Duration>,
    counters: BTreeMap<(String, String), stats::Sampled>,
    /// Of the request at hand, only the first half is carried out.
    half: bool,
    made: u64,
}

impl Default for NetScaler {
    /// A device as it comes from the factory: user and password `nsroot`.
    fn default() -> Self {
        Self {
            schema: Schema::default(),
            username: "nsroot".to_owned(),
            password: "nsroot".to_owned(),
            // The vendor's: 20 sessions of one user, 15 minutes.
            sessions: Sessions::new(DEFAULT, 20, Duration::from_secs(900)),
            statuses: Statuses::default(),
            too_many: TOO_MANY_SESSIONS,
            assumptions: Assumptions::default(),
            primary: true,
            running: Configuration::default(),
            saved: Configuration::default(),
            leaving: BTreeMap::new(),
            counters: BTreeMap::new(),
            half: false,
            made: 0,
        }
    }
}

/// On whose behalf a request is carried out.
struct Who {
    /// None: by name and password in the request itself.
    token: Option<String>,
    partition: String,
}

impl NetScaler {
    /// Text that no two calls give: for tokens.
    fn unique(&mut self) -> String {
        self.made += 1;
        let digest = Sha256::digest(self.made.to_be_bytes());
        digest.iter().map(|byte| format!("{byte:02X}")).collect()
    }

    fn login(&mut self, request: &Request, now: Duration) -> Result<Reply, Refused> {
        let body = bodies::single(request, "login")?;
        let given = |name: &str| validate::text(&body, name).unwrap_or_default();
        let unknown = body.keys().find(|name| !["username", "password", "timeout"].contains(&name.as_str()));
        if let Some(unknown) = unknown {
            return Err(Refused::about(error::INVALID_ARGUMENT, &[unknown]));
        }
        if (given("username"), given("password")) != (&self.username, &self.password) {
            return Err(Refused::new(BAD_CREDENTIALS));
        }
        let idle = body.get("timeout").and_then(Value::as_u64).filter(|seconds| *seconds > 0).map(Duration::from_secs);
        let token = self.unique();
        if !self.sessions.open(&token, idle, now) {
            return Err(Refused::new(self.too_many));
        }
        let id = format!("##{token}");
        let done = json!({"errorcode": 0, "message": "Done", "severity": "NONE", "sessionid": id});
        let gone = "SESSID=deleted; expires=Thu, 01-Jan-1970 00:00:01 GMT; path=/";
        let cookie = format!("sessionid=%23%23{token}; path=/nitro/v1");
        Ok(Reply::json(201, &done).with_header("set-cookie", gone).with_header("set-cookie", &cookie))
    }

    /// By session, or by name and password in the request.
    fn who(&mut self, request: &Request, now: Duration) -> Result<Who, Refused> {
        if let Some(token) = token(request) {
            let entry = self.sessions.touch(&token, now).ok_or(Refused::new(SESSION_ENDED))?;
            return Ok(Who { token: Some(entry.token), partition: entry.partition });
        }
        let (Some(name), Some(password)) = (request.header("x-nitro-user"), request.header("x-nitro-pass")) else {
            return Err(Refused::new(NOT_LOGGED_IN));
        };
        if (name, password) != (&self.username, &self.password) {
            return Err(Refused::new(BAD_CREDENTIALS));
        }
        // The device logs in and out around each such request.
        if !self.sessions.has_room(now) {
            return Err(Refused::new(self.too_many));
        }
        Ok(Who { token: None, partition: DEFAULT.to_owned() })
    }

    fn answered(&mut self, request: &Request, world: &World<'_>) -> Result<Reply, Refused> {
        let path = Path::parse(request)?;
        if request.method == "POST" && path.resource == "login" {
            return self.login(request, world.now);
        }
        let who = self.who(request, world.now)?;
        self.inside(request, &path, &who, world)
    }

    fn inside(&mut self, request: &Request, path: &Path, who: &Who, world: &World<'_>) -> Result<Reply, Refused> {
        if path.statistics {
            return match request.method.as_str() {
                "GET" => self.statistics(&who.partition, path, world),
                _ => Err(Refused::new(error::BAD_METHOD)),
            };
        }
        match (request.method.as_str(), path.resource.as_str(), path.option("action")) {
            ("GET", _, None) => self.read(&who.partition, path, world),
            ("POST", "logout", None) => {
                if let Some(token) = &who.token {
                    self.sessions.close(token);
                }
                Ok(Reply::html(201, ""))
            }
            ("POST", "nspartition", Some("Switch")) => self.switch(request, who),
            (method, _, _) if method != "GET" && !self.primary => Err(Refused::new(SECONDARY)),
            ("POST", "nsconfig", Some("save")) => self.save(request, &who.partition),
            ("POST" | "PUT", _, _) => self.write(request, path, &who.partition, world.now),
            ("DELETE", _, None) => self.delete(path, &who.partition),
            (_, _, Some(action)) => Err(Refused::about(error::BAD_ACTION, &[action])),
            (_, _, None) => Err(Refused::new(error::BAD_METHOD)),
        }
    }
}

impl Device for NetScaler {
    fn answer(&mut self, request: &Request, world: &World<'_>) -> Reply {
        self.answered(request, world).unwrap_or_else(|refused| self.statuses.reply(&refused, &self.schema))
    }

    fn answer_half(&mut self, request: &Request, world: &World<'_>) -> Reply {
        self.half = true;
        let reply = self.answer(request, world);
        self.half = false;
        reply
    }

    fn caller(&self, request: &Request) -> Caller {
        if let Some(entry) = token(request).and_then(|token| self.sessions.find(&token)) {
            let session = entry.token.chars().take(6).collect();
            return Caller { session: Some(session), partition: Some(entry.partition.clone()) };
        }
        match request.header("x-nitro-user") {
            Some(_) if token(request).is_none() => {
                Caller { session: Some("stateless".to_owned()), partition: Some(DEFAULT.to_owned()) }
            }
            _ => Caller::default(),
        }
    }

    fn is_write(&self, request: &Request) -> bool {
        let Ok(path) = Path::parse(request) else { return request.method != "GET" };
        let about_the_session = ["login", "logout"].contains(&path.resource.as_str())
            || (path.resource == "nspartition" && path.option("action") == Some("Switch"));
        request.method != "GET" && !about_the_session
    }

    fn refuse(&self, refusal: Refusal, _request: &Request) -> Reply {
        let code = match refusal {
            Refusal::Busy => BUSY,
            Refusal::Failed => NOT_PERMITTED,
            Refusal::Secondary => SECONDARY,
        };
        self.statuses.reply(&Refused::new(code), &self.schema)
    }

    fn set_status(&mut self, code: u32, status: u16) -> bool {
        self.statuses.choose(code, status)
    }

    /// As in `lbvserver/v1`.
    fn carry(&mut self, partition: &str, path: &str, traffic: Traffic) {
        let Traffic { active: current, connections: hits, bytes_in: request_bytes, bytes_out: response_bytes } =
            traffic;
        self.count(partition, path, Counters { current, hits, requests: hits, request_bytes, response_bytes });
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
        self.running = self.saved.loaded();
        self.leaving.clear();
        self.counters.clear();
        self.sessions.close_all();
    }
}

/// The session's token, in any of the ways in which the vendor's clients send it: the cookies `NITRO_AUTH_TOKEN` and
/// `sessionid`, percent-encoded or not, in `Cookie` or in a request header `Set-Cookie`; or `sessionid` in the body.
fn token(request: &Request) -> Option<String> {
    let cookies = request.headers.iter().filter(|(name, _)| name == "cookie" || name == "set-cookie");
    let pairs = cookies.flat_map(|(_, value)| value.split(';')).filter_map(|pair| pair.trim().split_once('='));
    let named = |(name, value): (&str, &str)| {
        ["NITRO_AUTH_TOKEN", "sessionid"].contains(&name).then(|| decoded(value.trim_matches('"')))
    };
    let token = pairs.filter_map(named).next();
    let token = token.or_else(|| request.json()?.get("sessionid")?.as_str().map(str::to_owned))?;
    Some(token.trim_start_matches('#').to_owned())
}

/// What a request that changed something says when it has nothing to say.
fn done() -> Reply {
    Reply::json(200, &json!({"errorcode": 0, "message": "Done", "severity": "NONE"}))
}
