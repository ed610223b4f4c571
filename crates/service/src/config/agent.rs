//! `[agent]`

use std::path::PathBuf;

use serde::Deserialize;

use crate::{address::Address, list};

/// `[agent]`
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Agent {
    /// The agent's name, unique in the deployment; empty: the machine's host name.
    pub host: String,
    /// Where the machine is, as the operator calls it: two sides of a load balancer are in different ones. Empty: not said.
    pub zone: String,
    /// Schedulers, tried in turn.
    #[serde(deserialize_with = "list::addresses")]
    pub schedulers: Vec<Address>,
    /// Where the ledger and the drivers keep what must survive a restart.
    pub state_dir: PathBuf,
    /// Where `*.so` drivers are.
    pub drivers_dir: PathBuf,
    /// How many load balancers of one driver are worked on at once.
    pub parallelism: usize,
    /// Whether private keys of certificates are kept in `<state_dir>/secrets`: then load balancers with TLS come back after a
    /// reboot without a scheduler.
    pub secrets_on_disk: bool,
    /// Where they are kept otherwise: a folder of a tmpfs, made if it is not there.
    pub secrets_tmpfs: PathBuf,
}

/// The longest name of a zone, in characters.
const ZONE: usize = 64;

impl Agent {
    pub(super) fn check(&self) -> Result<(), String> {
        let sound = |one: char| one.is_ascii_graphic();
        if self.zone.len() > ZONE || !self.zone.chars().all(sound) {
            return Err(format!(
                "agent.zone = {:?}: must be a name of at most {ZONE} letters, digits and signs of ASCII, without blanks",
                self.zone
            ));
        }
        Ok(())
    }
}

impl Default for Agent {
    fn default() -> Self {
        Self {
            host: String::new(),
            zone: String::new(),
            schedulers: vec![Address::Unix(PathBuf::from("/run/ballast/scheduler.sock"))],
            state_dir: PathBuf::from("/var/lib/ballast/agent"),
            drivers_dir: PathBuf::from("/usr/lib/ballast/drivers"),
            parallelism: parallelism(),
            secrets_on_disk: true,
            secrets_tmpfs: PathBuf::from("/run/ballast-agent/secrets"),
        }
    }
}

/// What a small host bears, and more where there are more processors.
fn parallelism() -> usize {
    std::thread::available_parallelism().map_or(4, |processors| (2 * processors.get()).max(4))
}
