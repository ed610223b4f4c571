//! The configuration: one schema for all processes, of which each reads its sections.
//!
//! A TOML file, then the environment: `BALLAST_SECTION__KEY=value` overrides `key` in `[section]`. Only names with `__`
//! are configuration. Their values are text, read as the field's type; a list is separated by commas.
//! An unknown key is an error.

mod acme;
mod agent;
mod auth;
mod barbican;
mod connections;
mod credentials;
mod driver_host;
mod gateway;
mod metrics;
mod rate_limit;
mod scheduler;
mod secrets;
mod tls;
mod traces;

use std::{collections::BTreeMap, fmt, net::SocketAddr, path::Path, path::PathBuf};

use serde::Deserialize;

pub use acme::Acme;
pub use agent::Agent;
pub use auth::{Auth, AuthMode, RoleNames};
pub use barbican::Barbican;
pub use connections::Connections;
pub use credentials::Credentials;
pub use driver_host::{DriverHost, Grant};
pub use gateway::Gateway;
pub use metrics::{Listen, Metrics, PerLoadBalancer};
pub use rate_limit::RateLimit;
pub use scheduler::{
    Agents, Database, Events, Failover, History, Network, NetworkProvider, Placement, Provider, Quotas, Scheduler,
};
pub use secrets::Secrets;
pub use tls::Tls;
pub use traces::{Collector, Traces};

use crate::{secret, telemetry::Log};

/// Everything that can be configured.
#[derive(Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Settings {
    pub log: Log,
    pub auth: Auth,
    pub tls: Tls,
    pub connections: Connections,
    pub rate_limit: RateLimit,
    pub metrics: Metrics,
    pub traces: Traces,
    pub gateway: Gateway,
    pub scheduler: Scheduler,
    pub database: Database,
    pub placement: Placement,
    pub agents: Agents,
    pub failover: Failover,
    pub events: Events,
    pub history: History,
    pub secrets: Secrets,
    pub acme: Acme,
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

/// Drivers' sections may have secrets in them, of which nobody here knows.
impl fmt::Debug for Settings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Settings").field("source", &self.source).finish_non_exhaustive()
    }
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
    if let Some(path) = file {
        secret::guard(path)?;
    }
    let built = builder.build().map_err(|error| one_line(&place, &error))?;
    let settings: Settings = built.try_deserialize().map_err(|error| one_line(&place, &error))?;
    Ok(Settings { source: file.map(Path::to_path_buf), ..settings })
}

fn one_line(place: &str, error: &config::ConfigError) -> String {
    let text = error.to_string();
    // A line of the file that is shown with what is wrong in it may have a secret.
    let is_shown =
        |line: &&str| line.trim_start().trim_start_matches(|c: char| c.is_ascii_digit()).trim_start().starts_with('|');
    let words: Vec<_> = text.lines().filter(|line| !is_shown(line)).flat_map(str::split_whitespace).collect();
    let text = words.join(" ");
    // So may a value of these.
    let text = if text.contains("`drivers") || text.contains("`database") { without_values(&text) } else { text };
    format!("{place}: {text}")
}

/// Without what stands between double quotes.
fn without_values(text: &str) -> String {
    text.split('"').enumerate().map(|(index, part)| if index % 2 == 0 { part } else { "***" }).collect()
}

/// A client that waits longer for one reply has given up, or a proxy before it.
const LONGEST_HOLD_MS: u32 = 10_000;
/// What is under way when a load balancer moves may go on for no longer.
const LONGEST_FINISH_MS: u32 = 300_000;

impl Settings {
    /// Checks what one field's type cannot.
    ///
    /// # Errors
    /// One line: which keys, and what to do.
    pub fn check(&self) -> Result<(), String> {
        self.auth.check()?;
        self.tls.check()?;
        self.database.check()?;
        self.connections.check()?;
        self.rate_limit.check()?;
        self.traces.check()?;
        self.secrets.barbican.check()?;
        self.acme.check()?;
        self.gateway.check()?;
        self.scheduler.check()?;
        if self.gateway.hold_ms > LONGEST_HOLD_MS {
            return Err(format!("gateway.hold_ms must be at most {LONGEST_HOLD_MS}"));
        }
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
        if self.failover.finish_ms > LONGEST_FINISH_MS {
            return Err(format!(
                "failover.finish_ms must be at most {LONGEST_FINISH_MS}: new clients wait for so long"
            ));
        }
        if !(0.0..=1.0).contains(&self.failover.pause_share) {
            return Err("failover.pause_share must be 0 to 1; 1 never pauses, 0 with the first that dies".to_owned());
        }
        if self.providers.iter().filter(|provider| provider.default).count() > 1 {
            return Err("provider: only one can be the default".to_owned());
        }
        let mut names: Vec<_> = self.providers.iter().map(|provider| provider.name.to_lowercase()).collect();
        names.sort();
        if let Some(pair) = names.windows(2).find(|pair| pair[0] == pair[1]) {
            return Err(format!("provider: '{}' is there twice", pair[0]));
        }
        if self.events.poll_interval_ms == 0 {
            return Err("events.poll_interval_ms must be at least 1".to_owned());
        }
        if self.metrics.per_agent_max == 0 {
            return Err("metrics.per_agent_max must be at least 1".to_owned());
        }
        self.agent.check()?;
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

    /// Where agents on other machines reach the scheduler; empty: nowhere.
    #[must_use]
    pub fn advertised(&self) -> String {
        self.scheduler.advertised(self.tls.is_set())
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
        assert!(
            with("[failover]\nfinish_ms = 300001\n", &[]).unwrap_err().contains("finish_ms must be at most 300000")
        );
        assert!(with("[failover]\npause_share = 1.5\n", &[]).unwrap_err().contains("pause_share must be 0 to 1"));
    }

    #[test]
    fn schedulers_are_one_or_a_list_and_not_both() {
        let settings = with("[gateway]\nschedulers = [\"a:1\", \"unix:/b\"]\n", &[]).unwrap();
        assert_eq!(settings.gateway.all_schedulers().len(), 2);
        let settings = with("[gateway]\nscheduler = \"a:1\"\n", &[]).unwrap();
        assert_eq!(settings.gateway.all_schedulers(), ["a:1".parse().unwrap()]);
        assert_eq!(with("", &[("BALLAST_GATEWAY__SCHEDULERS", "a:1, b:2")]).unwrap().gateway.all_schedulers().len(), 2);
        let both = with("[gateway]\nscheduler = \"a:1\"\nschedulers = [\"b:2\"]\n", &[]).unwrap_err();
        assert!(both.contains("a:1") && both.contains("gateway.schedulers"), "{both}");
        let twice = with("[gateway]\nschedulers = [\"b:2\", \"b:2\"]\n", &[]).unwrap_err();
        assert!(twice.contains("b:2 is there twice"), "{twice}");
    }

    #[test]
    fn a_scheduler_is_advertised_as_it_can_be_reached() {
        let advertised = |file: &str| with(file, &[]).map(|settings| settings.advertised());
        assert_eq!(advertised("").unwrap(), "", "loopback is nobody's but its own");
        assert_eq!(advertised("[scheduler]\nlisten = \"0.0.0.0:1\"\n").unwrap(), "");
        assert_eq!(advertised("[scheduler]\nlisten = \"10.0.0.1:1\"\n").unwrap(), "10.0.0.1:1");
        assert_eq!(advertised("[scheduler]\nadvertise = \"ctl-1:9697\"\n").unwrap(), "ctl-1:9697");
        let tls = "[tls]\nca = \"/a\"\ncert = \"/b\"\nkey = \"/c\"\n";
        let with_tls = advertised(&format!("[scheduler]\nlisten = \"10.0.0.1:1\"\n{tls}"));
        assert_eq!(with_tls.unwrap(), "", "a certificate is for a name");
        for bad in ["unix:/a", "ctl-1", "0.0.0.0:1", "[::]:1"] {
            let refused = advertised(&format!("[scheduler]\nadvertise = \"{bad}\"\n")).unwrap_err();
            assert!(refused.contains("scheduler.advertise"), "{refused}");
        }
    }

    #[test]
    fn a_zone_is_one_word_or_none() {
        let zone = |zone: &str| with(&format!("[agent]\nzone = {zone:?}\n"), &[]).map(|settings| settings.agent.zone);
        for sound in ["", "rack-7", "dc1/room.2:b", &"z".repeat(64)] {
            assert_eq!(zone(sound).unwrap(), sound);
        }
        for bad in ["rack 7", "a\n", "räck", &"z".repeat(65)] {
            let refused = zone(bad).unwrap_err();
            assert!(refused.contains("agent.zone") && refused.contains("at most 64"), "{refused}");
        }
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
    fn a_file_with_a_password_that_others_can_read_is_refused_and_one_of_the_environment_is_no_files() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        let open = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        std::fs::set_permissions(file.path(), open).unwrap();
        let secret = ("BALLAST_DATABASE__URL".to_owned(), "postgres://u:hunter2@h/n".to_owned());
        assert!(load_from(Some(file.path()), [secret].into_iter()).is_ok());
        file.write_all(b"[database]\nurl = \"postgres://u:hunter2@h/n\"\n").unwrap();
        let refused = load_from(Some(file.path()), std::iter::empty()).unwrap_err();
        let words = [&*file.path().to_string_lossy(), "database.url", "0644", "chmod o="];
        assert!(words.iter().all(|word| refused.contains(word)) && !refused.contains("hunter2"), "{refused}");
        std::fs::set_permissions(file.path(), std::os::unix::fs::PermissionsExt::from_mode(0o600)).unwrap();
        assert!(load_from(Some(file.path()), std::iter::empty()).is_ok());
    }

    #[test]
    fn the_password_of_a_file_becomes_a_part_of_the_address_whatever_is_in_it() {
        let mut file = tempfile::NamedTempFile::new().unwrap();
        file.write_all("a b&c=d+%@:/é\n".as_bytes()).unwrap();
        let database = |url: &str| Database { url: url.to_owned(), password_file: file.path().to_owned() };
        let encoded = "password=a+b%26c%3Dd%2B%25%40%3A%2F%C3%A9";
        assert_eq!(database("postgres://u@h/n").address().unwrap(), format!("postgres://u@h/n?{encoded}"));
        let with_parameter = database("postgres://u@h/n?sslmode=require").address().unwrap();
        assert!(with_parameter.ends_with(&format!("?sslmode=require&{encoded}")), "{with_parameter}");
        assert!(database("postgres://u:p@h/n").check().unwrap_err().contains("database.url"));
        assert!(database("sqlite:///b.db").check().unwrap_err().contains("SQLite"));
    }

    #[test]
    fn half_a_certificate_is_refused() {
        assert!(with("[tls]\nca = \"/ca\"\n", &[]).unwrap_err().contains("all three"));
        assert!(with("[gateway]\ntls_key = \"/key\"\n", &[]).unwrap_err().contains("tls_cert"));
        assert!(with("[auth]\npassword = \"secret\"\n", &[]).unwrap_err().contains("password"));
    }

    #[test]
    fn what_is_wrong_with_a_file_is_said_without_its_secrets() {
        for broken in [
            "[database]\nurl = \"postgres://u:s3cret@h/n\n",
            "[database]\nurl = \"postgres://u:s3cret@h/n\" x\n",
            "[database]\nurl = \"postgres://u:s3cret@h/n\"\nurl = \"again\"\n",
            "[database]\nurl = { url = \"postgres://u:s3cret@h/n\" }\n",
            "[database]\nurl = [\"postgres://u:s3cret@h/n\"]\n",
            "[drivers.acme]\npassword = 's3cret\n",
            "[drivers.acme]\npassword = s3cret\n",
            "drivers = \"s3cret\"\n",
            "[auth]\npassword = \"s3cret\"\n",
        ] {
            let said = with(broken, &[]).unwrap_err();
            assert!(!said.contains("s3cret") && said.contains('/'), "{broken}: {said}");
        }
    }

    #[test]
    fn nothing_that_is_shown_of_a_configuration_has_a_secret() {
        let mut settings = Settings::default();
        settings.database.url = "postgres://u:s3cret@h/n".to_owned();
        settings.drivers.insert("acme".to_owned(), serde_json::json!({"password": "s3cret"}));
        let shown = format!("{settings:?} {:?}", settings.database);
        assert!(!shown.contains("s3cret"), "{shown}");
    }
}
