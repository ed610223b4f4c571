//! The state file of a detached lab: how another process on the machine gets into its hosts.

use std::collections::BTreeMap;
use std::ffi::OsStr;
use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde::{Deserialize, Serialize};
use tempfile::NamedTempFile;

use crate::entry::Entry;
use crate::error::LabError;
use crate::host::Host;
use crate::procfs;

#[derive(Debug, Default, Serialize, Deserialize)]
struct State {
    hosts: BTreeMap<String, HostState>,
}

#[derive(Debug, Serialize, Deserialize)]
struct HostState {
    /// The process that keeps the host's namespaces, as the machine numbers it.
    keeper: i32,
    /// When it started: another process may have its number when the lab is long gone.
    started: Option<u64>,
    entry: Entry,
}

/// The file, removed when dropped.
#[derive(Debug)]
pub(crate) struct StateFile {
    path: PathBuf,
}

impl StateFile {
    pub(crate) fn at(path: &Path) -> Self {
        Self { path: path.to_owned() }
    }

    /// Replaces the file in one step: a reader sees the hosts of before or of after.
    pub(crate) fn write(&self, hosts: &[Host]) -> Result<(), LabError> {
        let state = State { hosts: hosts.iter().map(|host| (host.name().to_owned(), of(host))).collect() };
        let writing = || LabError::io(format!("write the lab's state file {}", self.path.display()));
        let folder = self.path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let folder = folder.unwrap_or(Path::new("."));
        let mut file = NamedTempFile::new_in(folder).map_err(writing())?;
        serde_json::to_writer(&mut file, &state).map_err(|error| writing()(error.into()))?;
        file.write_all(b"\n").map_err(writing())?;
        file.persist(&self.path).map_err(|error| writing()(error.error))?;
        Ok(())
    }
}

impl Drop for StateFile {
    fn drop(&mut self) {
        // Absent when no host was made; a stale file is recognised by its readers.
        let _absent = fs::remove_file(&self.path);
    }
}

fn of(host: &Host) -> HostState {
    let keeper = host.keeper_pid();
    HostState { keeper, started: procfs::start_time(keeper), entry: host.entry().clone() }
}

/// A command that runs `program` on a host of another process's detached lab. Stdin, stdout, stderr and the
/// exit status are the program's.
pub fn enter_command(state_file: &Path, host: &str, program: impl AsRef<OsStr>) -> Result<Command, LabError> {
    let refuse = |why: String| LabError::NotRunning { host: host.to_owned(), state_file: state_file.to_owned(), why };
    let text = fs::read(state_file).map_err(|error| refuse(error.to_string()))?;
    let mut state: State = serde_json::from_slice(&text).map_err(|error| refuse(error.to_string()))?;
    let Some(found) = state.hosts.remove(host) else {
        let names: Vec<_> = state.hosts.into_keys().collect();
        return Err(refuse(format!("it has {}", names.join(", "))));
    };
    if found.started.is_none() || procfs::start_time(found.keeper) != found.started {
        return Err(refuse("that lab has ended".to_owned()));
    }
    Ok(found.entry.command(program))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refusal(text: &str, host: &str) -> String {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("lab.json");
        fs::write(&file, text).unwrap();
        enter_command(&file, host, "true").unwrap_err().to_string()
    }

    #[test]
    fn a_lab_whose_keepers_number_now_means_another_process_has_ended() {
        let own = std::process::id();
        let text = format!(r#"{{"hosts":{{"client":{{"keeper":{own},"started":1,"entry":"Here"}}}}}}"#);
        assert!(refusal(&text, "client").ends_with("that lab has ended"));
    }

    #[test]
    fn an_unknown_host_is_refused_with_the_known_ones() {
        let text = r#"{"hosts":{"client":{"keeper":1,"started":1,"entry":"Here"}}}"#;
        assert!(refusal(text, "agent").ends_with("it has client"));
    }
}
