//! The driver's own section of the agent's configuration, `[drivers.haproxy-ns]`.
//!
//! Every key has a default that suits a Debian host. Values that end up in haproxy.cfg or in a path are checked here,
//! once, at start.

use std::{
    collections::BTreeMap,
    path::{Path, PathBuf},
};

use ballast_abi::DriverError;
pub use ballast_netns::identity::UidRange;
use ballast_netns::networks::{Networks, Switch, Underlay};
use serde::Deserialize;

/// What an operator may set.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Config {
    /// The haproxy binary, 2.6 or later.
    pub haproxy: PathBuf,
    /// Physical network -> bridge. Networks without provider attributes get a bridge of their own.
    pub bridge_mappings: BTreeMap<String, String>,
    /// Physical network -> interface: each load balancer of its networks gets a macvlan link on it.
    pub macvlan_mappings: BTreeMap<String, String>,
    /// Physical network -> interface: each of its VLANs gets a bridge and an 802.1Q link.
    pub vlan_mappings: BTreeMap<String, String>,
    /// Absent: networks of type vxlan are not reached.
    pub vxlan: Option<Underlay>,
    /// Absent: nothing is plugged into Open vSwitch.
    pub ovs: Option<Switch>,
    /// How often a new VIP is announced (gratuitous ARP or unsolicited neighbour advertisement); 0: never.
    pub send_gratuitous_arp: u32,
    /// The user all haproxies run as where `uid_range` is not mapped.
    pub user: String,
    /// The group, then.
    pub user_group: String,
    /// As in `"200000-265535"`: each load balancer's haproxy gets a user and a group of its own from this range.
    pub uid_range: UidRange,
    /// Seconds that an old process may finish its connections after a reload.
    pub hard_stop_after: u32,
    /// Milliseconds from one reload of a load balancer to the next; 0: as they come.
    pub reload_interval: u32,
    /// Old processes of a load balancer that finish their connections at one time; one more, and the oldest is ended.
    pub old_processes: u32,
    /// Seconds without data from a client, of listeners whose timeouts are the API's usual ones.
    pub timeout_client: u32,
    /// The same from a member.
    pub timeout_server: u32,
    /// Seconds until a member takes a connection, of such listeners.
    pub timeout_connect: u32,
    /// Seconds in which nothing passes in either direction, of TCP and of what HTTP was upgraded to, as WebSocket, of such
    /// listeners. Absent: the two above count there too.
    pub timeout_tunnel: Option<u32>,
    /// Threads of each haproxy.
    pub nbthread: u16,
    /// Connections of each haproxy, all listeners together.
    pub maxconn: u32,
    /// Where namespaces are named, as `ip netns` expects them.
    pub netns_dir: PathBuf,
    /// On tmpfs: certificates with their private keys, as haproxy reads them. Elsewhere TLS is not served.
    pub secrets_dir: PathBuf,
    /// Unix datagram socket that traffic logs go to, as `/dev/log`. Absent: no traffic log.
    pub log: Option<PathBuf>,
    /// Syslog facility of the traffic log.
    pub log_facility: String,
    /// The host's neighbour table is raised to this many entries where it is smaller; 0: left alone.
    pub neighbour_table: u32,
    /// Of the processor, when it is short, for each load balancer: 1 to 10000, where other groups have 100.
    pub cpu_weight: u16,
    /// MiB of each load balancer's processes together; absent: as `maxconn` needs it; 0: no limit.
    pub memory_mb: Option<u64>,
    /// Processes and threads of each load balancer; absent: as `nbthread` needs it; 0: no limit.
    pub processes: Option<u32>,
    /// Whether each haproxy is kept from what it does not need: capabilities, files, programs, system calls.
    pub confine: bool,
    /// Who shares a haproxy.
    pub process_model: ProcessModel,
}

/// Who shares a haproxy.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum ProcessModel {
    /// Nobody.
    #[default]
    PerLoadBalancer,
    /// All load balancers of a project: less memory, and what happens to one happens to all.
    PerProject,
}

/// As it is written.
pub(crate) const PER_PROJECT: &str = "per-project";

impl Default for Config {
    fn default() -> Self {
        Self {
            haproxy: "/usr/sbin/haproxy".into(),
            bridge_mappings: BTreeMap::new(),
            macvlan_mappings: BTreeMap::new(),
            vlan_mappings: BTreeMap::new(),
            vxlan: None,
            ovs: None,
            send_gratuitous_arp: 3,
            user: "nobody".to_owned(),
            user_group: "nogroup".to_owned(),
            uid_range: UidRange::default(),
            hard_stop_after: 1800,
            reload_interval: 200,
            old_processes: 8,
            timeout_client: 50,
            timeout_server: 50,
            timeout_connect: 5,
            timeout_tunnel: None,
            nbthread: 1,
            maxconn: 2000,
            netns_dir: "/run/netns".into(),
            secrets_dir: "/run/ballast-haproxy-ns".into(),
            log: None,
            log_facility: "local0".to_owned(),
            neighbour_table: 65_536,
            cpu_weight: 100,
            memory_mb: None,
            processes: None,
            confine: true,
            process_model: ProcessModel::default(),
        }
    }
}

impl Config {
    /// Refuses what would fail at the first deploy or break haproxy.cfg.
    ///
    /// # Errors
    /// INVALID_CONFIG, naming the key.
    pub(crate) fn check(&self) -> Result<(), DriverError> {
        if !self.haproxy.is_file() {
            return Err(refuse("haproxy", format!("{} is no file: install haproxy", self.haproxy.display())));
        }
        if self.nbthread == 0 || self.nbthread > 64 {
            return Err(refuse("nbthread", "must be 1 to 64"));
        }
        if self.maxconn == 0 || self.hard_stop_after == 0 {
            return Err(refuse("maxconn, hard_stop_after", "must be 1 or more"));
        }
        let timeouts =
            [self.timeout_client, self.timeout_server, self.timeout_connect, self.timeout_tunnel.unwrap_or(1)];
        if timeouts.iter().any(|seconds| !(1..=LONGEST).contains(seconds)) {
            return Err(refuse(
                "timeout_client, timeout_server, timeout_connect, timeout_tunnel",
                "must be 1 to 2000000",
            ));
        }
        // A deploy waits for it, and whoever asks for that has a bound.
        if self.reload_interval > 10_000 {
            return Err(refuse("reload_interval", "must be 10000 or less"));
        }
        if !(1..=10_000).contains(&self.cpu_weight) {
            return Err(refuse("cpu_weight", "must be 1 to 10000"));
        }
        if self.memory_mb.is_some_and(|memory| (1..64).contains(&memory) || memory > 1 << 40) {
            return Err(refuse("memory_mb", "must be 64 or more, or 0 for no limit"));
        }
        if self.processes.is_some_and(|processes| (1..16).contains(&processes)) {
            return Err(refuse("processes", "must be 16 or more, or 0 for no limit"));
        }
        if let Some(path) = self.log.as_deref().filter(|path| !plain_absolute(path)) {
            return Err(refuse("log", format!("{path:?} must be an absolute path of letters, digits and ./_-")));
        }
        if !plain_absolute(&self.secrets_dir) {
            let why = format!("{:?} must be an absolute path of letters, digits and ./_-", self.secrets_dir);
            return Err(refuse("secrets_dir", why));
        }
        if !FACILITIES.contains(&self.log_facility.as_str()) {
            return Err(refuse("log_facility", format!("must be one of {}", FACILITIES.join(" "))));
        }
        self.networks().check().map_err(|(key, what)| refuse(&key, what))
    }

    /// Which networks this host reaches.
    pub(crate) fn networks(&self) -> Networks {
        Networks {
            bridges: self.bridge_mappings.clone(),
            macvlans: self.macvlan_mappings.clone(),
            vlans: self.vlan_mappings.clone(),
            vxlan: self.vxlan.clone(),
            ovs: self.ovs.clone(),
        }
    }
}

/// haproxy counts milliseconds in 31 bits.
const LONGEST: u32 = 2_000_000;

const FACILITIES: [&str; 24] = [
    "kern", "user", "mail", "daemon", "auth", "syslog", "lpr", "news", "uucp", "cron", "auth2", "ftp", "ntp", "audit",
    "alert", "cron2", "local0", "local1", "local2", "local3", "local4", "local5", "local6", "local7",
];

fn refuse(key: &str, what: impl AsRef<str>) -> DriverError {
    DriverError::invalid_config(format!("{key}: {}", what.as_ref()))
}

fn plain_absolute(path: &Path) -> bool {
    let plain = |byte: u8| byte.is_ascii_alphanumeric() || b"/._-".contains(&byte);
    path.is_absolute() && path.as_os_str().as_encoded_bytes().iter().all(|byte| plain(*byte))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_empty_section_is_the_default() {
        let config: Config = serde_json::from_str("{}").unwrap();
        assert_eq!((config.nbthread, config.send_gratuitous_arp), (1, 3));
    }

    #[test]
    fn a_haproxy_is_shared_only_where_it_is_said() {
        let of = |text: &str| serde_json::from_str::<Config>(text).map(|config| config.process_model).ok();
        assert_eq!(of("{}"), Some(ProcessModel::PerLoadBalancer));
        assert_eq!(of(r#"{"process_model": "per-load-balancer"}"#), Some(ProcessModel::PerLoadBalancer));
        assert_eq!(of(&format!(r#"{{"process_model": "{PER_PROJECT}"}}"#)), Some(ProcessModel::PerProject));
        assert_eq!(of(r#"{"process_model": "per-host"}"#), None);
    }

    #[test]
    fn an_unknown_key_is_refused() {
        assert!(serde_json::from_str::<Config>(r#"{"nbproc": 2}"#).is_err());
    }

    #[test]
    fn a_uid_range_is_read_and_root_is_not_in_it() {
        let config: Config = serde_json::from_str(r#"{"uid_range": "1000-2000"}"#).unwrap();
        assert_eq!(config.uid_range, UidRange { first: 1000, last: 2000 });
        assert!(serde_json::from_str::<Config>(r#"{"uid_range": "0-10"}"#).is_err());
    }

    #[test]
    fn a_log_path_that_could_add_words_to_the_configuration_is_refused() {
        let config = Config { log: Some("/dev/log local0 x".into()), haproxy: "/bin/true".into(), ..Config::default() };
        assert!(config.check().unwrap_err().message.starts_with("log:"));
    }
}
