//! What `/proc` tells of processes. All numbers are those of the `/proc` that the caller sees.

use std::fs;
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

/// One process, from `/proc/<pid>/status`.
#[derive(Clone, Debug)]
pub(crate) struct Status {
    pub(crate) pid: i32,
    pub(crate) parent: i32,
    /// The first 15 bytes of the program's name.
    pub(crate) name: String,
    /// `R`, `S`, `Z` and so on.
    pub(crate) state: char,
    /// Its number in the innermost PID namespace that it is in.
    pub(crate) inner_pid: i32,
}

impl Status {
    pub(crate) fn is_zombie(&self) -> bool {
        self.state == 'Z'
    }

    fn parse(pid: i32, text: &str) -> Option<Self> {
        let field = |key: &str| text.lines().find_map(|line| line.strip_prefix(key)?.strip_prefix(':')).map(str::trim);
        let inner_pid = field("NSpid").and_then(|pids| pids.split_whitespace().last()?.parse().ok());
        Some(Self {
            pid,
            parent: field("PPid")?.parse().ok()?,
            name: field("Name")?.to_owned(),
            state: field("State")?.chars().next()?,
            inner_pid: inner_pid.unwrap_or(pid),
        })
    }
}

/// One process; `None` when there is none with this number.
pub(crate) fn status(pid: i32) -> Option<Status> {
    let text = fs::read_to_string(format!("/proc/{pid}/status")).ok()?;
    Status::parse(pid, &text)
}

/// Every process that is there now.
pub(crate) fn all() -> Vec<Status> {
    let Ok(entries) = fs::read_dir("/proc") else { return Vec::new() };
    entries.flatten().filter_map(|entry| entry.file_name().to_str()?.parse().ok()).filter_map(status).collect()
}

/// The first child of a process.
pub(crate) fn child_of(parent: i32) -> Option<Status> {
    all().into_iter().find(|status| status.parent == parent)
}

/// When a process started, in clock ticks since boot: tells a process from a later one with its number.
pub(crate) fn start_time(pid: i32) -> Option<u64> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    // The name stands in parentheses and may hold anything; field 3 follows the last one.
    let (_, fields) = text.rsplit_once(')')?;
    fields.split_whitespace().nth(19)?.parse().ok()
}

/// What tells one namespace from another: the device and inode of its file.
pub(crate) type NamespaceId = (u64, u64);

/// The namespace (`mnt`, `net`, `pid`) of a process; `None` for a zombie.
pub(crate) fn namespace(pid: i32, kind: &str) -> Option<NamespaceId> {
    identity(Path::new(&format!("/proc/{pid}/ns/{kind}")))
}

/// The namespace that a name in a folder as a process sees it stands for.
pub(crate) fn named_namespace(pid: i32, folder: &Path, name: &str) -> Option<NamespaceId> {
    identity(&as_seen_by(pid, folder).join(name))
}

fn identity(file: &Path) -> Option<NamespaceId> {
    let metadata = fs::metadata(file).ok()?;
    Some((metadata.dev(), metadata.ino()))
}

fn as_seen_by(pid: i32, path: &Path) -> PathBuf {
    Path::new(&format!("/proc/{pid}/root")).join(path.strip_prefix("/").unwrap_or(path))
}

/// The words of a process's command line; empty for a zombie.
pub(crate) fn command_line(pid: i32) -> Vec<String> {
    let bytes = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
    bytes
        .split(|byte| *byte == 0)
        .filter(|word| !word.is_empty())
        .map(|word| String::from_utf8_lossy(word).into_owned())
        .collect()
}

/// The names in a folder as a process sees it, sorted; none when there is no such folder.
pub(crate) fn names_in(pid: i32, folder: &Path) -> Vec<String> {
    let Ok(entries) = fs::read_dir(as_seen_by(pid, folder)) else { return Vec::new() };
    let mut names: Vec<_> = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_read_with_the_innermost_number() {
        let text = "Name:\tsleep\nState:\tS (sleeping)\nPid:\t70\nPPid:\t7\nNSpid:\t70\t3\n";
        let status = Status::parse(70, text).unwrap();
        assert_eq!((status.parent, status.inner_pid, status.state), (7, 3, 'S'));
        assert_eq!(status.name, "sleep");
    }

    #[test]
    fn this_process_is_found_with_its_start() {
        let own = i32::try_from(std::process::id()).unwrap();
        assert!(all().iter().any(|status| status.pid == own));
        assert!(start_time(own).unwrap() > 0);
        assert!(!command_line(own).is_empty());
    }
}
