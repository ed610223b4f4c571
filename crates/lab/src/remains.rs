//! What is left on a host: the question that a test asks when everything should have been undone.

use std::collections::BTreeSet;
use std::fmt;
use std::io;
use std::path::Path;

use serde::Deserialize;

use crate::error::LabError;
use crate::procfs::{self, Status};

/// Where `ip netns` and drivers keep names of network namespaces.
const NAMED: &str = "/run/netns";

/// What exists on a host besides what the lab made. `Display` lists it.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Remains {
    /// Names in the host's `/run/netns`.
    pub namespaces: Vec<String>,
    /// Links in the host's own network namespace.
    pub links: Vec<String>,
    /// Processes of this host, in whichever network namespace.
    pub processes: Vec<RemainingProcess>,
}

/// A process that is left.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RemainingProcess {
    /// Its number as the caller sees it.
    pub pid: i32,
    /// The file name of the program (its first argument), or what the kernel calls it.
    pub program: String,
    /// The whole command line; `(zombie)` for one that has ended and was not reaped.
    pub command_line: String,
}

impl Remains {
    /// Whether nothing is left.
    pub fn is_empty(&self) -> bool {
        self.namespaces.is_empty() && self.links.is_empty() && self.processes.is_empty()
    }

    /// Without the living processes of a program that is expected, as the children of a running agent.
    #[must_use]
    pub fn except_program(mut self, program: &str) -> Self {
        self.processes.retain(|process| process.program != program);
        self
    }
}

impl fmt::Display for Remains {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.is_empty() {
            return f.write_str("nothing");
        }
        let names = self.namespaces.iter().map(|name| format!("namespace {name}"));
        let links = self.links.iter().map(|link| format!("link {link}"));
        let processes =
            self.processes.iter().map(|process| format!("process {}: {}", process.pid, process.command_line));
        let all: Vec<_> = names.chain(links).chain(processes).collect();
        f.write_str(&all.join("; "))
    }
}

pub(crate) fn named_namespaces(keeper: i32) -> Vec<String> {
    procfs::names_in(keeper, Path::new(NAMED))
}

/// From the answer of `ip -json link show`.
pub(crate) fn unknown_links(listed: &str, known: &[String]) -> Result<Vec<String>, LabError> {
    #[derive(Deserialize)]
    struct Link {
        ifname: String,
    }
    let links: Vec<Link> = serde_json::from_str(listed)
        .map_err(|error| LabError::io("read what `ip -json link show` wrote")(io::Error::from(error)))?;
    Ok(links.into_iter().map(|link| link.ifname).filter(|name| !known.contains(name)).collect())
}

/// A host's processes are those in its mount namespace, since they may have entered any network namespace,
/// and those in its network namespaces, since `ip netns exec` makes a mount namespace. A zombie has no
/// namespaces any more and belongs to its parent's host. `nsenter` itself, which waits in the caller's PID
/// namespace, is none of them.
pub(crate) fn unexpected_processes(keeper: i32, expected: &BTreeSet<i32>) -> Vec<RemainingProcess> {
    let named = named_namespaces(keeper);
    let networks: BTreeSet<_> = named
        .iter()
        .filter_map(|name| procfs::named_namespace(keeper, Path::new(NAMED), name))
        .chain(procfs::namespace(keeper, "net"))
        .collect();
    let of_keeper = |kind| procfs::namespace(keeper, kind);
    let (mounts, pids) = (of_keeper("mnt"), of_keeper("pid"));
    let here = |pid| {
        let same_mounts = mounts.is_some() && procfs::namespace(pid, "mnt") == mounts;
        let same_network = || procfs::namespace(pid, "net").is_some_and(|network| networks.contains(&network));
        procfs::namespace(pid, "pid") == pids && (same_mounts || same_network())
    };
    procfs::all()
        .into_iter()
        .filter(|status| here(if status.is_zombie() { status.parent } else { status.pid }))
        .filter(|status| !expected.contains(&status.pid))
        .map(|status| describe(&status))
        .collect()
}

fn describe(status: &Status) -> RemainingProcess {
    let words = procfs::command_line(status.pid);
    let program = words.first().and_then(|word| Path::new(word).file_name()?.to_str());
    RemainingProcess {
        pid: status.pid,
        program: program.map_or_else(|| status.name.clone(), str::to_owned),
        command_line: if status.is_zombie() { format!("{} (zombie)", status.name) } else { words.join(" ") },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_that_the_lab_did_not_make_are_told() {
        let listed = r#"[{"ifname":"lo","flags":[]},{"ifname":"br-data"},{"ifname":"tap1234"}]"#;
        let known = ["lo".to_owned(), "br-data".to_owned()];
        assert_eq!(unknown_links(listed, &known).unwrap(), ["tap1234"]);
    }

    #[test]
    fn a_zombie_is_not_excused_by_its_programs_name() {
        let zombie = Status { pid: 1 << 30, parent: 1, name: "haproxy".to_owned(), state: 'Z', inner_pid: 1 << 30 };
        let left = Remains { processes: vec![describe(&zombie)], ..Remains::default() };
        assert_eq!(left.to_string(), "process 1073741824: haproxy (zombie)");
        assert!(!left.except_program("ballast-agent").is_empty());
    }
}
