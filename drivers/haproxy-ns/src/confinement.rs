//! What each load balancer's processes may take of the machine: a control group for each.

use std::{fs, io, os::unix::fs::MetadataExt, path::Path};

use ballast_abi::groups::{Limited, Limits};

use crate::config::Config;

/// Memory that haproxy takes without a connection, and for each, with room for stick tables and for processes that finish.
const MEBIBYTES: u64 = 256;
const CONNECTIONS_OF_A_MEBIBYTE: u64 = 8;
/// Processes that were replaced and finish their connections, each with all of its threads.
const PROCESSES: u32 = 256;

/// The groups, and what they limit.
#[derive(Debug)]
pub(crate) struct Confinement {
    groups: Limited,
    limits: Limits,
}

impl Confinement {
    /// Another agent may be in the same place, also with the same load balancer while that moves: whose groups they are is
    /// known by the folder of its state.
    pub(crate) fn of(config: &Config, driver: &str, state_dir: &Path) -> io::Result<Self> {
        let folder = fs::metadata(state_dir)?;
        let groups = Limited::find(&format!("{driver}-{:x}-{:x}", folder.dev(), folder.ino()));
        Ok(Self { groups, limits: limits(config) })
    }

    /// What cannot be limited here.
    pub(crate) fn remark(&self) -> Option<String> {
        let missing = self.groups.missing()?;
        Some(format!("load balancers are not limited in what they take of this machine: {missing}"))
    }

    /// Puts processes of a load balancer into its group.
    pub(crate) fn confine(&self, id: &str, pids: &[i32]) -> io::Result<()> {
        let pids: Vec<u32> = pids.iter().map(|pid| pid.cast_unsigned()).collect();
        self.groups.confine(id, &self.limits, &pids)
    }

    /// Whether the process is in its group, and the group as it should be.
    pub(crate) fn holds(&self, id: &str, pid: i32) -> bool {
        self.groups.holds(id, &self.limits, pid.cast_unsigned())
    }

    pub(crate) fn has(&self, id: &str) -> bool {
        self.groups.has(id)
    }

    pub(crate) fn remove(&self, id: &str) -> io::Result<()> {
        self.groups.remove(id)
    }
}

fn limits(config: &Config) -> Limits {
    let memory = config.memory_mb.unwrap_or(MEBIBYTES + u64::from(config.maxconn) / CONNECTIONS_OF_A_MEBIBYTE);
    let processes = config.processes.unwrap_or(PROCESSES * u32::from(config.nbthread));
    Limits {
        cpu_weight: config.cpu_weight,
        memory: Some(memory).filter(|memory| *memory > 0).map(|memory| memory << 20),
        processes: Some(processes).filter(|processes| *processes > 0),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn limits_grow_with_what_haproxy_is_given_and_zero_is_none() {
        let of = |text: &str| limits(&serde_json::from_str(text).unwrap());
        let default = Limits { cpu_weight: 100, memory: Some(506 << 20), processes: Some(256) };
        assert_eq!(of("{}"), default);
        let large = of(r#"{"maxconn": 80000, "nbthread": 4}"#);
        assert_eq!((large.memory, large.processes), (Some(10_256 << 20), Some(1024)));
        let none = of(r#"{"memory_mb": 0, "processes": 0}"#);
        assert_eq!((none.memory, none.processes), (None, None));
    }
}
