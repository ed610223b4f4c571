//! All that a load balancer may leave on a host, counted.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs, io,
    os::unix::fs::MetadataExt as _,
    path::{Path, PathBuf},
};

use ballast_l4::{netlink::Netfilter, table};
use ballast_netns::{link, netlink::Netlink};

/// What is there, each with its kind and how often. Two are the same when nothing has come and nothing has gone.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Census(BTreeMap<String, u32>);

/// Where to look.
pub(crate) struct Where<'a> {
    pub(crate) netns_dir: &'a Path,
    pub(crate) state_dir: &'a Path,
    /// Mounts of hierarchies of control groups.
    pub(crate) groups: &'a [PathBuf],
    /// Of Open vSwitch.
    pub(crate) ports: Vec<String>,
}

impl Census {
    pub(crate) fn take(at: &Where<'_>) -> Self {
        let mut census = Self::default();
        census.add("namespace", names(at.netns_dir));
        census.add("link", links());
        census.add("port of the switch", at.ports.clone());
        census.add("mount", mounts());
        census.add("control group", groups(at.state_dir, at.groups));
        census.add("table of rules", is_ruled().then(|| "of the host itself".to_owned()));
        census.count_processes();
        census.count_files(at.state_dir);
        census
    }

    /// What has come and what has gone since.
    pub(crate) fn changes(&self, before: &Self) -> Vec<String> {
        let of = |one: &Self, name: &String| one.0.get(name).copied().unwrap_or(0);
        let names: BTreeSet<&String> = self.0.keys().chain(before.0.keys()).collect();
        let counted = names.into_iter().map(|name| (of(before, name), of(self, name), name));
        counted
            .filter(|(was, is, _)| was != is)
            .map(|(was, is, name)| format!("{name}: {was} before, {is} now"))
            .collect()
    }

    fn add(&mut self, kind: &str, names: impl IntoIterator<Item = String>) {
        for name in names {
            *self.0.entry(format!("{kind} {name}")).or_default() += 1;
        }
    }

    /// Each with its user, and the network namespaces that they are in.
    fn count_processes(&mut self) {
        for pid in names(Path::new("/proc")).iter().filter_map(|name| name.parse::<u32>().ok()) {
            let Ok(status) = fs::read_to_string(format!("/proc/{pid}/status")) else { continue };
            let line = |key: &str| status.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().trim();
            let user = line("Uid:").split_whitespace().next().unwrap_or_default().to_owned();
            let command = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
            let command = String::from_utf8_lossy(&command).replace(['\0', '\n'], " ");
            self.0.insert(format!("user of a process {user}"), 1);
            // One that is shared is another one after each change of any who share it.
            if command.contains("project:") {
                self.add("process", [format!("{} that is shared", line("Name:"))]);
                continue;
            }
            let command: String = command.chars().take(120).collect();
            self.add("process", [format!("{pid} {} {command}", line("Name:"))]);
            let network = fs::metadata(format!("/proc/{pid}/ns/net")).map(|file| file.ino());
            self.0.extend(network.map(|network| (format!("network of a process {network}"), 1)));
        }
    }

    fn count_files(&mut self, directory: &Path) {
        for entry in fs::read_dir(directory).into_iter().flatten().flatten() {
            let (path, Ok(found)) = (entry.path(), entry.metadata()) else { continue };
            self.0.insert(format!("user of a file {}", found.uid()), 1);
            // Notes that are being written.
            if path.extension().is_none_or(|extension| extension != "tmp") {
                self.add("file", [path.display().to_string()]);
            }
            if found.is_dir() {
                self.count_files(&path);
            }
        }
    }
}

fn names(directory: &Path) -> Vec<String> {
    let entries = fs::read_dir(directory).into_iter().flatten().flatten();
    let mut names: Vec<String> = entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    names
}

fn links() -> Vec<String> {
    let found = link::all(&mut Netlink::open().unwrap()).unwrap();
    let mut names: Vec<String> = found.into_iter().map(|link| link.name).collect();
    names.sort();
    names
}

fn mounts() -> Vec<String> {
    let text = fs::read_to_string("/proc/self/mountinfo").unwrap();
    let mut points: Vec<String> = text.lines().filter_map(|line| line.split(' ').nth(4)).map(str::to_owned).collect();
    points.sort();
    points
}

fn is_ruled() -> bool {
    let members = Netfilter::open().and_then(|mut netfilter| table::members(&mut netfilter));
    members.is_ok_and(|members| members.is_some())
}

/// Those of this driver's load balancers, by the folder of its state.
fn groups(state_dir: &Path, mounts: &[PathBuf]) -> Vec<String> {
    let folder = fs::metadata(state_dir).unwrap();
    let whose = format!("-{:x}-{:x}", folder.dev(), folder.ino());
    let mut found = Vec::new();
    for mount in mounts {
        let _ = walk(mount, &mut |path| {
            if path.iter().any(|part| part.to_string_lossy().ends_with(&whose)) {
                found.push(path.display().to_string());
            }
        });
    }
    found.sort();
    found
}

fn walk(directory: &Path, seen: &mut dyn FnMut(&Path)) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_type()?.is_dir() {
            seen(&entry.path());
            // What goes meanwhile is not there.
            let _ = walk(&entry.path(), seen);
        }
    }
    Ok(())
}

/// How much a process and the kernel hold.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Held {
    pub(crate) descriptors: usize,
    pub(crate) threads: usize,
    /// KiB of this process.
    pub(crate) memory: u64,
    /// KiB of the kernel that it cannot take back.
    pub(crate) kernel: u64,
}

impl Held {
    pub(crate) fn now() -> Self {
        let number = |path: &str, key: &str| {
            let text = fs::read_to_string(path).unwrap();
            let line = text.lines().find_map(|line| line.strip_prefix(key)).unwrap_or_default().to_owned();
            line.split_whitespace().next().and_then(|word| word.parse().ok()).unwrap_or(0)
        };
        Self {
            descriptors: fs::read_dir("/proc/self/fd").unwrap().count(),
            threads: fs::read_dir("/proc/self/task").unwrap().count(),
            memory: number("/proc/self/status", "VmRSS:"),
            kernel: number("/proc/meminfo", "SUnreclaim:"),
        }
    }
}
