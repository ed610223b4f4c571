//! What the scheduler reads: where it serves, its database, and its rules' limits.

use std::{
    fmt,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    address::Address,
    secret::{self, has_password},
};

/// `[scheduler]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduler {
    /// Where gRPC is served over TCP.
    pub listen: SocketAddr,
    /// The Unix socket (mode 0600) where gRPC is served too; empty: none. Who can open it is admin.
    pub socket: PathBuf,
    /// Where agents on other machines reach it over TCP, as `host:port`. Empty: without TLS at `listen`, where that is an
    /// address of one.
    pub advertise: String,
    /// How long a call may take whose client does not say.
    pub call_timeout_ms: u32,
    /// How many calls of the API may be under way at once.
    pub max_calls: u32,
}

impl Scheduler {
    /// Where agents on other machines reach it; empty: nowhere. With TLS it is by a name, which its certificate has and only
    /// the configuration can say.
    #[must_use]
    pub(super) fn advertised(&self, has_tls: bool) -> String {
        let ip = self.listen.ip();
        if self.advertise.is_empty() && !has_tls && !ip.is_loopback() && !ip.is_unspecified() {
            return self.listen.to_string();
        }
        self.advertise.clone()
    }

    /// # Errors
    /// One line: which key, and what to do.
    pub(super) fn check(&self) -> Result<(), String> {
        if self.call_timeout_ms == 0 {
            return Err("scheduler.call_timeout_ms must be at least 1".to_owned());
        }
        if self.max_calls < 16 {
            return Err("scheduler.max_calls must be at least 16".to_owned());
        }
        let is_nowhere = self.advertise.parse::<SocketAddr>().is_ok_and(|address| address.ip().is_unspecified());
        match self.advertise.parse() {
            _ if self.advertise.is_empty() => Ok(()),
            Ok(Address::Tcp(_)) if !is_nowhere => Ok(()),
            _ => Err(format!(
                "scheduler.advertise = \"{}\" is no address at which others reach it: write host:port",
                self.advertise
            )),
        }
    }
}

impl Default for Scheduler {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9697)),
            socket: PathBuf::from("/run/ballast/scheduler.sock"),
            advertise: String::new(),
            call_timeout_ms: 30_000,
            max_calls: 2_048,
        }
    }
}

/// `[database]`
#[derive(Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:///path/to/file` or `postgres://user@host/name`; it is made when it does not exist.
    pub url: String,
    /// One line, the password of PostgreSQL's user; empty: none, or it is in the url.
    pub password_file: PathBuf,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:///var/lib/ballast/ballast.db".to_owned(), password_file: PathBuf::new() }
    }
}

/// The url may have a password in it.
impl fmt::Debug for Database {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Database").field("password_file", &self.password_file).finish_non_exhaustive()
    }
}

impl Database {
    /// # Errors
    /// One line, when a password would be nobody's or there are two.
    pub fn check(&self) -> Result<(), String> {
        if self.password_file.as_os_str().is_empty() {
            return Ok(());
        }
        if has_password(&self.url) {
            return Err("database.password_file is set, and database.url has a password too: take it out".to_owned());
        }
        if self.url.starts_with("sqlite:") {
            return Err("database.password_file is for PostgreSQL: SQLite has no password".to_owned());
        }
        Ok(())
    }

    /// The url with the password in it.
    ///
    /// # Errors
    /// One line, when a file with a secret cannot be read, or others can read it.
    pub fn address(&self) -> Result<String, String> {
        let parameters = self.url.split_once('?').map_or("", |(_, parameters)| parameters);
        for (key, file) in form_urlencoded::parse(parameters.as_bytes()) {
            if key == "sslkey" {
                secret::check(Path::new(&*file))
                    .map_err(|why| format!("sslkey of database.url = \"{file}\": {why}"))?;
            }
        }
        if self.password_file.as_os_str().is_empty() {
            return Ok(self.url.clone());
        }
        let password = secret::line("database.password_file", &self.password_file)?;
        let password: String = form_urlencoded::byte_serialize(password.as_bytes()).collect();
        let mark = if self.url.contains('?') { '&' } else { '?' };
        Ok(format!("{}{mark}password={password}", self.url))
    }
}

/// `[placement]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Placement {
    /// `chance` or `least-loaded`.
    pub policy: String,
}

impl Default for Placement {
    fn default() -> Self {
        Self { policy: "chance".to_owned() }
    }
}

/// `[agents]`: what the scheduler expects of its agents. Times in milliseconds.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agents {
    pub heartbeat_interval_ms: u32,
    /// The age of the last heartbeat at which an agent is Suspect: it gets something new only when no other is Alive.
    pub suspect_after_ms: u32,
    /// The age of the last heartbeat at which an agent is Dead.
    pub dead_after_ms: u32,
    pub statistics_interval_ms: u32,
}

impl Default for Agents {
    fn default() -> Self {
        Self {
            heartbeat_interval_ms: 5_000,
            suspect_after_ms: 12_000,
            dead_after_ms: 20_000,
            statistics_interval_ms: 5_000,
        }
    }
}

/// `[failover]`: what happens to load balancers of a Dead agent, and of one that is switched off.
#[derive(Debug, Clone, PartialEq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Failover {
    /// Whether they move to others.
    pub enabled: bool,
    /// How many move in a second.
    pub per_second: u32,
    /// Nothing moves while more than this share of the agents died together.
    pub pause_share: f64,
    /// Together: within so long.
    pub pause_window_seconds: u32,
    /// Whether those of agents that are switched off move as well.
    pub drain: bool,
    /// When one moves that is ready elsewhere: how long what is under way may go on.
    pub finish_ms: u32,
}

impl Default for Failover {
    fn default() -> Self {
        Self {
            enabled: true,
            per_second: 20,
            pause_share: 0.5,
            pause_window_seconds: 60,
            drain: true,
            finish_ms: 5_000,
        }
    }
}

/// `[events]`: the log of changes that clients watch.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Events {
    /// Changes are kept for so long, and a minute.
    pub keep_seconds: u32,
    /// At most so many are kept.
    pub keep_count: u32,
    /// How often what other schedulers changed is looked for; what this one changes is told at once.
    pub poll_interval_ms: u32,
    /// A reader that takes nothing for so long is told to start again.
    pub slow_reader_ms: u32,
    /// How many a project may watch at once, at one scheduler.
    pub watches_per_project: u32,
}

impl Default for Events {
    fn default() -> Self {
        Self {
            keep_seconds: 86_400,
            keep_count: 100_000,
            poll_interval_ms: 1_000,
            slow_reader_ms: 30_000,
            watches_per_project: 100,
        }
    }
}

/// `[history]`: what load balancers were, and what they have counted of late.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct History {
    /// How many changes of each are kept; 0: none.
    pub revisions: u32,
    /// How much memory there is for what was counted, in MiB; 0: none.
    pub traffic_mb: u32,
}

impl Default for History {
    fn default() -> Self {
        Self { revisions: 50, traffic_mb: 16 }
    }
}

/// `[quotas]`: how many objects a project may have that has no limits of its own; -1: any number.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Quotas {
    pub network: i32,
    pub subnet: i32,
    pub port: i32,
    pub vip: i32,
    pub pool: i32,
    pub member: i32,
    pub health_monitor: i32,
    /// v2's pools; `pool` is how many load balancers there may be.
    pub v2_pool: i32,
    pub l7policy: i32,
    pub l7rule: i32,
}

impl Default for Quotas {
    fn default() -> Self {
        Self {
            network: 10,
            subnet: 10,
            port: 50,
            vip: 10,
            pool: 10,
            member: -1,
            health_monitor: -1,
            v2_pool: 10,
            l7policy: -1,
            l7rule: -1,
        }
    }
}

impl Quotas {
    /// No limit at all.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self {
            network: -1,
            subnet: -1,
            port: -1,
            vip: -1,
            pool: -1,
            member: -1,
            health_monitor: -1,
            v2_pool: -1,
            l7policy: -1,
            l7rule: -1,
        }
    }
}

/// `[network]`: who keeps networks, subnets and ports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    pub provider: NetworkProvider,
    /// `https://host:9696`, with `neutron`.
    pub url: String,
    /// A CA in PEM for a Neutron that the machine's own do not vouch for; empty: none.
    pub ca: PathBuf,
    /// The file with the service's token, with `neutron`; read anew for each call.
    pub token_file: PathBuf,
    pub timeout_ms: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self {
            provider: NetworkProvider::Builtin,
            url: String::new(),
            ca: PathBuf::new(),
            token_file: PathBuf::new(),
            timeout_ms: 10_000,
        }
    }
}

#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum NetworkProvider {
    /// The scheduler itself, in its own database.
    #[default]
    Builtin,
    /// A Neutron, by its REST API.
    Neutron,
    /// Nobody, for tests: every network and every subnet that somebody names is there.
    Noop,
}

/// `[[provider]]`: the name that users see, and the driver behind it.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Provider {
    pub name: String,
    pub driver: String,
    #[serde(default)]
    pub default: bool,
}
