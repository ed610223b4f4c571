//! What there is on the machine, as far as a driver may leave something there. In a lab that is little, and all of it is
//! the check's or the driver's.

use std::{
    collections::{BTreeMap, BTreeSet},
    fs,
    path::Path,
};

use super::Bench;

/// A listening Unix socket's flag in `/proc/net/unix`.
const LISTENS: u32 = 0x1_0000;

/// Things by a key that changes when a thing is made anew, with a description.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Machine(BTreeMap<String, String>);

impl Machine {
    /// All but the suite's own processes.
    pub(super) fn now(bench: &Bench) -> Self {
        let mut things = BTreeMap::new();
        processes(bench, &mut things);
        for link in nix::net::if_::if_nameindex().iter().flatten() {
            let name = link.name().to_string_lossy().into_owned();
            things.insert(format!("link {} {name}", link.index()), format!("link {name}"));
        }
        for name in names(Path::new("/run/netns")).into_iter().chain(mounted()) {
            things.insert(format!("namespace {name}"), format!("network namespace {name}"));
        }
        for (kind, listening) in [("tcp", "0A"), ("tcp6", "0A"), ("udp", "07"), ("udp6", "07")] {
            sockets(kind, listening, &mut things);
        }
        unix_sockets(&mut things);
        Self(things)
    }

    /// What is here and was not before, in words.
    pub(super) fn since(&self, before: &Self) -> Vec<String> {
        let new = self.0.iter().filter(|(key, _)| !before.0.contains_key(*key));
        new.map(|(_, what)| what.clone()).collect::<BTreeSet<_>>().into_iter().collect()
    }
}

fn processes(bench: &Bench, things: &mut BTreeMap<String, String>) {
    let own: Vec<String> =
        std::iter::once(bench.program.to_string_lossy().into_owned()).chain(bench.arguments.iter().cloned()).collect();
    for name in names(Path::new("/proc")) {
        let Ok(pid) = name.parse::<u32>() else { continue };
        let Ok(stat) = fs::read_to_string(format!("/proc/{pid}/stat")) else { continue };
        // The name stands in parentheses and may hold anything.
        let Some((head, fields)) = stat.rsplit_once(')') else { continue };
        let started = fields.split_whitespace().nth(19).unwrap_or_default();
        let line = fs::read(format!("/proc/{pid}/cmdline")).unwrap_or_default();
        let words: Vec<String> = line
            .split(|byte| *byte == 0)
            .filter(|word| !word.is_empty())
            .map(|word| String::from_utf8_lossy(word).into_owned())
            .collect();
        if words == own || pid == std::process::id() {
            continue;
        }
        let zombie = fields.trim_start().starts_with('Z');
        let what = if zombie || words.is_empty() {
            let name = head.split_once('(').map(|(_, name)| name).unwrap_or_default();
            format!("process {pid} ({name}{})", if zombie { ", a zombie" } else { "" })
        } else {
            format!("process {pid} ({})", words.join(" "))
        };
        things.insert(format!("process {pid} {started}"), what);
    }
}

/// Network namespaces that are kept by a mount, wherever that is.
fn mounted() -> Vec<String> {
    let mounts = fs::read_to_string("/proc/self/mountinfo").unwrap_or_default();
    let of_namespace = |line: &&str| line.split_once(" - ").is_some_and(|(_, rest)| rest.starts_with("nsfs "));
    mounts.lines().filter(of_namespace).filter_map(|line| line.split(' ').nth(4).map(str::to_owned)).collect()
}

/// Lines of `/proc/net/tcp` and its kin: number, local address, remote address, state.
fn sockets(kind: &str, state: &str, things: &mut BTreeMap<String, String>) {
    let text = fs::read_to_string(format!("/proc/net/{kind}")).unwrap_or_default();
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        if words.get(3) == Some(&state)
            && let (Some(local), Some(inode)) = (words.get(1), words.get(9))
        {
            let port = local.rsplit(':').next().and_then(|port| u16::from_str_radix(port, 16).ok()).unwrap_or_default();
            things.insert(format!("{kind} {inode}"), format!("{kind} socket at port {port}"));
        }
    }
}

/// Those that listen, in whose flags the kernel says so.
fn unix_sockets(things: &mut BTreeMap<String, String>) {
    let text = fs::read_to_string("/proc/net/unix").unwrap_or_default();
    for line in text.lines().skip(1) {
        let words: Vec<&str> = line.split_whitespace().collect();
        let listens = words
            .get(3)
            .and_then(|flags| u32::from_str_radix(flags, 16).ok())
            .is_some_and(|flags| flags & LISTENS != 0);
        if listens && let (Some(inode), Some(path)) = (words.get(6), words.get(7)) {
            things.insert(format!("unix {inode}"), format!("Unix socket {path}"));
        }
    }
}

fn names(folder: &Path) -> Vec<String> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten();
    entries.map(|entry| entry.file_name().to_string_lossy().into_owned()).collect()
}

#[cfg(test)]
mod tests {
    use std::{
        net::TcpListener,
        os::unix::net::UnixListener,
        process::{Command, Stdio},
    };

    use super::*;
    use crate::conformance::{Files, Patience};

    fn bench() -> Bench {
        Bench {
            file: "x".into(),
            config: None,
            program: "/nonexistent".into(),
            arguments: Vec::new(),
            scratch: "/tmp".into(),
            patience: Patience::default(),
            glibc: (2, 36),
            seed: 1,
            files: Files::Unwatched(String::new()),
        }
    }

    #[test]
    fn a_program_and_listening_sockets_are_seen() {
        let bench = bench();
        let before = Machine::now(&bench);
        let directory = tempfile::tempdir().unwrap();
        let path = directory.path().join("socket");
        let _unix = UnixListener::bind(&path).unwrap();
        let tcp = TcpListener::bind("127.0.0.1:0").unwrap();
        let mut child = Command::new("cat").stdin(Stdio::piped()).spawn().unwrap();
        let found = Machine::now(&bench).since(&before);
        child.kill().unwrap();
        child.wait().unwrap();
        let port = tcp.local_addr().unwrap().port();
        for expected in [
            format!("process {} (cat)", child.id()),
            format!("tcp socket at port {port}"),
            format!("Unix socket {}", path.display()),
        ] {
            assert!(found.contains(&expected), "{expected} is not in {found:?}");
        }
    }
}
