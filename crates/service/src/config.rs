//! The configuration: one schema for all processes, of which each reads its sections.
//!
//! A TOML file, then the environment: `BALLAST_SECTION__KEY=value` overrides `key` in `[section]`. Only names with `__`
//! are configuration. Their values are text, read as the field's type; a list is separated by commas.
//! An unknown key is an error.

mod auth;
mod driver_host;
mod tls;

use std::{collections::BTreeMap, net::SocketAddr, path::Path, path::PathBuf};

use serde::{Deserialize, Deserializer, de};

pub use auth::{Auth, AuthMode};
pub use driver_host::DriverHost;
pub use tls::Tls;

use crate::{address::Address, telemetry::Log};

/// Everything that can be configured.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub log: Log,
    pub auth: Auth,
    pub tls: Tls,
    pub gateway: Gateway,
    pub scheduler: Scheduler,
    pub database: Database,
    pub placement: Placement,
    pub agents: Agents,
    pub failover: Failover,
    pub events: Events,
    pub quotas: Quotas,
    pub network: Network,
    #[serde(rename = "provider")]
    pub providers: Vec<Provider>,
    pub agent: Agent,
    pub driver_host: DriverHost,
    /// `[drivers.NAME]`: each driver's own section, handed to it as it is.
    pub drivers: BTreeMap<String, serde_json::Value>,
    /// `--insecure`
    #[serde(skip)]
    pub insecure: bool,
    /// The file that was read: for who reads it again.
    #[serde(skip)]
    pub source: Option<PathBuf>,
}

/// `[gateway]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Gateway {
    /// Where REST is served.
    pub listen: SocketAddr,
    /// Where the scheduler is.
    pub scheduler: Address,
    /// The project of a request that names none.
    pub project_id: String,
    /// A certificate, and those between it and its CA, in PEM: REST is then served over TLS. Empty: in plain text.
    pub tls_cert: PathBuf,
    /// Its key.
    pub tls_key: PathBuf,
}

impl Default for Gateway {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9696)),
            scheduler: Address::Unix(PathBuf::from("/run/ballast/scheduler.sock")),
            project_id: "default".to_owned(),
            tls_cert: PathBuf::new(),
            tls_key: PathBuf::new(),
        }
    }
}

/// `[scheduler]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Scheduler {
    /// Where gRPC is served over TCP.
    pub listen: SocketAddr,
    /// The Unix socket (mode 0600) where gRPC is served too; empty: none. Who can open it is admin.
    pub socket: PathBuf,
    /// How long a call may take whose client does not say.
    pub call_timeout_ms: u32,
}

impl Default for Scheduler {
    fn default() -> Self {
        Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 9697)),
            socket: PathBuf::from("/run/ballast/scheduler.sock"),
            call_timeout_ms: 30_000,
        }
    }
}

/// `[database]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Database {
    /// `sqlite:///path/to/file` or `postgres://user:password@host/name`; it is made when it does not exist.
    pub url: String,
}

impl Default for Database {
    fn default() -> Self {
        Self { url: "sqlite:///var/lib/ballast/ballast.db".to_owned() }
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

/// `[failover]`: what happens to load balancers of a Dead agent.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Failover {
    /// Whether they move to others.
    pub enabled: bool,
    /// How many move in a second.
    pub per_second: u32,
}

impl Default for Failover {
    fn default() -> Self {
        Self { enabled: true, per_second: 20 }
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
}

impl Default for Events {
    fn default() -> Self {
        Self { keep_seconds: 86_400, keep_count: 100_000, poll_interval_ms: 1_000, slow_reader_ms: 30_000 }
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
}

impl Default for Quotas {
    fn default() -> Self {
        Self { network: 10, subnet: 10, port: 50, vip: 10, pool: 10, member: -1, health_monitor: -1 }
    }
}

impl Quotas {
    /// No limit at all.
    #[must_use]
    pub const fn unlimited() -> Self {
        Self { network: -1, subnet: -1, port: -1, vip: -1, pool: -1, member: -1, health_monitor: -1 }
    }
}

/// `[network]`: who keeps networks, subnets and ports.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Network {
    pub provider: NetworkProvider,
    /// `http://host:9696`, with `neutron`.
    pub url: String,
    /// The file with the service's token, with `neutron`; read anew for each call.
    pub token_file: PathBuf,
    pub timeout_ms: u32,
}

impl Default for Network {
    fn default() -> Self {
        Self { provider: NetworkProvider::Builtin, url: String::new(), token_file: PathBuf::new(), timeout_ms: 10_000 }
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

/// `[agent]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    /// The agent's name, unique in the deployment; empty: the machine's host name.
    pub host: String,
    /// Schedulers, tried in turn.
    #[serde(deserialize_with = "list")]
    pub schedulers: Vec<Address>,
    /// Where the ledger and the drivers keep what must survive a restart.
    pub state_dir: PathBuf,
    /// Where `*.so` drivers are.
    pub drivers_dir: PathBuf,
    /// How many load balancers of one driver are worked on at once.
    pub parallelism: usize,
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            host: String::new(),
            schedulers: vec![Address::Unix(PathBuf::from("/run/ballast/scheduler.sock"))],
            state_dir: PathBuf::from("/var/lib/ballast/agent"),
            drivers_dir: PathBuf::from("/usr/lib/ballast/drivers"),
            parallelism: 4,
        }
    }
}

/// A list, or one text with commas: the environment knows only text.
fn list<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<Address>, D::Error> {
    #[derive(Deserialize)]
    #[serde(untagged)]
    enum Either {
        Text(String),
        List(Vec<String>),
    }
    let texts = match Either::deserialize(deserializer)? {
        Either::Text(text) => text.split(',').map(|part| part.trim().to_owned()).collect(),
        Either::List(list) => list,
    };
    texts.iter().map(|text| text.parse().map_err(de::Error::custom)).collect()
}

/// Reads `file` (none: defaults) and the environment.
///
/// # Errors
/// One line that says what is wrong and where.
pub fn load(file: Option<&Path>) -> Result<Settings, String> {
    load_from(file, std::env::vars())
}

/// Reads `file` and the given environment.
///
/// # Errors
/// As [`load`].
pub fn load_from(file: Option<&Path>, vars: impl Iterator<Item = (String, String)>) -> Result<Settings, String> {
    let place = file.map_or_else(|| "the environment".to_owned(), |path| path.display().to_string());
    let mut builder = config::Config::builder();
    if let Some(path) = file {
        builder = builder.add_source(config::File::from(path).format(config::FileFormat::Toml));
    }
    let overrides = vars.filter(|(name, _)| name.starts_with("BALLAST_") && name.contains("__")).collect();
    builder = builder.add_source(
        config::Environment::with_prefix("BALLAST").prefix_separator("_").separator("__").source(Some(overrides)),
    );
    let built = builder.build().map_err(|error| one_line(&place, &error))?;
    let settings: Settings = built.try_deserialize().map_err(|error| one_line(&place, &error))?;
    Ok(Settings { source: file.map(Path::to_path_buf), ..settings })
}

fn one_line(place: &str, error: &config::ConfigError) -> String {
    let text = error.to_string();
    format!("{place}: {}", text.split_whitespace().collect::<Vec<_>>().join(" "))
}

impl Settings {
    /// Checks what one field's type cannot.
    ///
    /// # Errors
    /// One line: which keys, and what to do.
    pub fn check(&self) -> Result<(), String> {
        self.auth.check()?;
        self.tls.check()?;
        if self.gateway.tls_cert.as_os_str().is_empty() != self.gateway.tls_key.as_os_str().is_empty() {
            return Err("gateway: tls_cert and tls_key belong together: set both".to_owned());
        }
        let agents = &self.agents;
        if agents.heartbeat_interval_ms < 100 {
            return Err("agents.heartbeat_interval_ms must be at least 100".to_owned());
        }
        if agents.suspect_after_ms <= agents.heartbeat_interval_ms || agents.dead_after_ms <= agents.suspect_after_ms {
            return Err("agents: it must be heartbeat_interval_ms < suspect_after_ms < dead_after_ms".to_owned());
        }
        if self.failover.per_second == 0 {
            return Err("failover.per_second must be at least 1; failover.enabled = false turns it off".to_owned());
        }
        if self.providers.iter().filter(|provider| provider.default).count() > 1 {
            return Err("provider: only one can be the default".to_owned());
        }
        let mut names: Vec<_> = self.providers.iter().map(|provider| provider.name.to_lowercase()).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("provider: '{}' is there twice", pair[0]));
        }
        if self.scheduler.call_timeout_ms == 0 {
            return Err("scheduler.call_timeout_ms must be at least 1".to_owned());
        }
        if self.events.poll_interval_ms == 0 {
            return Err("events.poll_interval_ms must be at least 1".to_owned());
        }
        if self.agent.parallelism == 0 {
            return Err("agent.parallelism must be at least 1".to_owned());
        }
        self.driver_host.check()
    }

    /// Refuses to serve to other machines what they could read on its way, or call without saying who they are.
    ///
    /// # Errors
    /// One line that names the key.
    pub fn check_exposure(&self, key: &str, listen: SocketAddr, guard: Guard) -> Result<(), String> {
        let missing = match (guard.encrypted, guard.authenticated) {
            (true, true) => return Ok(()),
            (false, true) => "encryption",
            (true, false) => "authentication",
            (false, false) => "authentication or encryption",
        };
        if listen.ip().is_loopback() || self.insecure {
            return Ok(());
        }
        Err(format!(
            "{key} = \"{listen}\" can be reached from other machines without {missing}: \
             bind to 127.0.0.1, configure TLS and [auth], or start with --insecure"
        ))
    }

    /// How REST is guarded.
    #[must_use]
    pub fn guard_of_rest(&self) -> Guard {
        Guard {
            encrypted: !self.gateway.tls_cert.as_os_str().is_empty(),
            authenticated: self.auth.mode != AuthMode::None,
        }
    }

    /// How gRPC over TCP is guarded: with TLS, who has no token must have a certificate.
    #[must_use]
    pub fn guard_of_grpc(&self) -> Guard {
        Guard { encrypted: self.tls.is_set(), authenticated: self.tls.is_set() || self.auth.mode != AuthMode::None }
    }
}

/// What stands between a listener and those who can reach it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Guard {
    pub encrypted: bool,
    pub authenticated: bool,
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use super::*;

    fn with(file: &str, vars: &[(&str, &str)]) -> Result<Settings, String> {
        let mut written = tempfile::NamedTempFile::new().unwrap();
        written.write_all(file.as_bytes()).unwrap();
        let vars = vars.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        load_from(Some(written.path()), vars).and_then(|settings| settings.check().map(|()| settings))
    }

    #[test]
    fn the_environment_overrides_the_file_and_is_read_as_the_fields_type() {
        let settings = with(
            "[gateway]\nproject_id = \"a\"\n[agents]\nheartbeat_interval_ms = 1000\n",
            &[
                ("BALLAST_GATEWAY__PROJECT_ID", "123"),
                ("BALLAST_AGENTS__HEARTBEAT_INTERVAL_MS", "2000"),
                ("BALLAST_AGENT__SCHEDULERS", "unix:/a, 127.0.0.1:1"),
                ("BALLAST_REST_PORT", "1"),
            ],
        )
        .unwrap();
        assert_eq!(settings.gateway.project_id, "123");
        assert_eq!(settings.agents.heartbeat_interval_ms, 2000);
        assert_eq!(settings.agent.schedulers.len(), 2);
    }

    #[test]
    fn an_unknown_key_is_named_with_its_file() {
        let error = with("[gateway]\nlisten_on = \"x\"\n", &[]).unwrap_err();
        assert!(error.contains("listen_on") && error.contains("/"), "{error}");
        assert!(with("", &[("BALLAST_GATEWAY__NOSUCH", "x")]).unwrap_err().contains("nosuch"));
    }

    #[test]
    fn a_value_of_the_wrong_type_is_refused() {
        assert!(with("[agents]\ndead_after_ms = \"soon\"\n", &[]).unwrap_err().contains("soon"));
    }

    #[test]
    fn times_that_contradict_each_other_are_refused() {
        assert!(with("[agents]\ndead_after_ms = 100\n", &[]).is_err());
        assert!(with("[failover]\nper_second = 0\n", &[]).unwrap_err().contains("failover.enabled = false"));
    }

    #[test]
    fn a_drivers_section_is_kept_as_it_is() {
        let settings = with("[drivers.haproxy-ns]\nnbthread = 2\nnested = { a = [1, \"b\"] }\n", &[]).unwrap();
        assert_eq!(settings.drivers["haproxy-ns"]["nbthread"], 2);
        assert_eq!(settings.drivers["haproxy-ns"]["nested"]["a"][1], "b");
    }

    #[test]
    fn plain_text_stays_on_loopback_unless_asked() {
        let mut settings = Settings::default();
        let public = SocketAddr::from(([0, 0, 0, 0], 1));
        let refused = settings.check_exposure("gateway.listen", public, settings.guard_of_rest()).unwrap_err();
        assert!(refused.contains("without authentication or encryption"), "{refused}");
        settings.auth.mode = AuthMode::TokenFile;
        let refused = settings.check_exposure("gateway.listen", public, settings.guard_of_rest()).unwrap_err();
        assert!(refused.contains("without encryption"), "{refused}");
        settings.gateway.tls_cert = PathBuf::from("/cert");
        assert!(settings.check_exposure("gateway.listen", public, settings.guard_of_rest()).is_ok());
        assert!(settings.check_exposure("scheduler.listen", public, settings.guard_of_grpc()).is_err());
        settings.insecure = true;
        assert!(settings.check_exposure("scheduler.listen", public, settings.guard_of_grpc()).is_ok());
    }

    #[test]
    fn half_a_certificate_is_refused() {
        assert!(with("[tls]\nca = \"/ca\"\n", &[]).unwrap_err().contains("all three"));
        assert!(with("[gateway]\ntls_key = \"/key\"\n", &[]).unwrap_err().contains("tls_cert"));
        assert!(with("[auth]\npassword = \"secret\"\n", &[]).unwrap_err().contains("password"));
    }
}
