//! What a driver's process may do and see, before any code of the driver runs.
//!
//! It becomes a user of its own, without capabilities: root without them is still who may speak to root's sockets. Of the
//! machine's files it then sees what every program needs, those that its section of the configuration names, and its state.

use std::{
    io::{self, Write},
    path::PathBuf,
};

use caps::{CapSet, Capability, CapsHashSet, errors::CapsError};
use landlock::{
    ABI, Access, AccessFs, Ruleset, RulesetAttr, RulesetCreatedAttr, RulesetError, RulesetStatus, Scope,
    path_beneath_rules,
};
use serde::{Deserialize, Serialize};

use super::user;

/// For namespaces and links, and for processes in them with users and files of their own. As in the agent's unit, which
/// has one more for drivers with a user of their own.
const FOR_NAMESPACES: [Capability; 15] = [
    Capability::CAP_NET_ADMIN,
    Capability::CAP_NET_RAW,
    Capability::CAP_NET_BIND_SERVICE,
    Capability::CAP_SYS_ADMIN,
    Capability::CAP_SYS_CHROOT,
    Capability::CAP_SYS_PTRACE,
    Capability::CAP_SYS_RESOURCE,
    Capability::CAP_SETUID,
    Capability::CAP_SETGID,
    Capability::CAP_SETPCAP,
    Capability::CAP_CHOWN,
    Capability::CAP_DAC_OVERRIDE,
    Capability::CAP_FOWNER,
    Capability::CAP_FSETID,
    Capability::CAP_KILL,
];

/// What a program needs that resolves names, speaks TLS and says what time it is.
const OF_THE_MACHINE: [&str; 28] = [
    "/usr",
    "/lib",
    "/lib64",
    "/bin",
    "/proc",
    "/sys/fs/cgroup",
    "/sys/devices/system/cpu",
    "/dev/urandom",
    "/etc/ld.so.cache",
    // Not the folders above: keys of the machine's own are beside.
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/crypto-policies",
    "/etc/ca-certificates",
    "/etc/resolv.conf",
    "/etc/hosts",
    "/etc/host.conf",
    "/etc/nsswitch.conf",
    "/etc/gai.conf",
    "/etc/services",
    "/etc/localtime",
    "/etc/passwd",
    "/etc/group",
    "/run/systemd/resolve",
];
/// Older kernels enforce as much of it as they know.
const KNOWN: ABI = ABI::V6;

/// As the agent says it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) enum Privileges {
    /// Those of the agent.
    All,
    NetworkNamespaces,
    /// No capability but one to read these files, and no file but these.
    Own {
        readable: Vec<PathBuf>,
        state_dir: PathBuf,
        /// The user and the group that it becomes; `None`: it stays the agent's.
        user: Option<u32>,
    },
}

/// Gives up the rest, for this thread and those that it starts: no other may run yet.
///
/// # Errors
/// In words: something could not be given up.
pub(super) fn reduce(to: &Privileges) -> Result<(), String> {
    let cannot = |error: CapsError| format!("capabilities cannot be given up: {error}");
    match to {
        Privileges::All => Ok(()),
        Privileges::NetworkNamespaces => keep(&FOR_NAMESPACES.into_iter().collect()).map_err(cannot),
        Privileges::Own { readable, state_dir, user } => {
            // First: what a rule is for is found by who can pass everywhere.
            let status = fence(readable, state_dir).map_err(|error| format!("Landlock: {error}"))?;
            let fenced = status != RulesetStatus::NotEnforced;
            if !fenced {
                let _ = writeln!(io::stderr(), "driver-host: this kernel has no Landlock: files are not kept from it");
            }
            match user {
                Some(number) => user::change(*number, &user::Files { readable, state_dir, fenced }),
                None => keep(&CapsHashSet::new()).map_err(cannot),
            }
        }
    }
}

fn keep(kept: &CapsHashSet) -> Result<(), CapsError> {
    bound(kept)?;
    hold(kept)
}

/// What programs may have that are run from here.
pub(super) fn bound(kept: &CapsHashSet) -> Result<(), CapsError> {
    let effective = caps::read(None, CapSet::Effective)?;
    // Who may not change it can use none of it either.
    if effective.contains(&Capability::CAP_SETPCAP) {
        for capability in caps::runtime::thread_all_supported().difference(kept) {
            caps::drop(None, CapSet::Bounding, *capability)?;
        }
    }
    Ok(())
}

/// What this thread has.
pub(super) fn hold(kept: &CapsHashSet) -> Result<(), CapsError> {
    let effective = caps::read(None, CapSet::Effective)?;
    let permitted = caps::read(None, CapSet::Permitted)?;
    caps::clear(None, CapSet::Inheritable)?;
    caps::set(None, CapSet::Effective, &effective.intersection(kept).copied().collect())?;
    caps::set(None, CapSet::Permitted, &permitted.intersection(kept).copied().collect())
}

fn fence(readable: &[PathBuf], state_dir: &PathBuf) -> Result<RulesetStatus, RulesetError> {
    let (read, all) = (AccessFs::from_read(KNOWN), AccessFs::from_all(KNOWN));
    let fence = Ruleset::default().handle_access(all)?.scope(Scope::from_all(KNOWN))?.create()?;
    // Of what is not there nothing can be read.
    let fence = fence.add_rules(path_beneath_rules(OF_THE_MACHINE, read))?;
    let fence = fence.add_rules(path_beneath_rules(readable, read))?;
    let fence = fence.add_rules(path_beneath_rules(["/dev/null"], read | AccessFs::WriteFile))?;
    let fence = fence.add_rules(path_beneath_rules([state_dir], all))?;
    Ok(fence.restrict_self()?.ruleset)
}

#[cfg(test)]
mod tests {
    use std::{
        fs,
        os::{
            linux::net::SocketAddrExt,
            unix::net::{SocketAddr, UnixListener, UnixStream},
        },
        thread,
    };

    use super::*;

    /// What the kernel says of the thread that has been reduced.
    fn status(name: &str) -> String {
        let status = fs::read_to_string("/proc/thread-self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix(name)).unwrap();
        line.trim_start_matches(':').trim().to_owned()
    }

    #[test]
    fn who_asks_for_nothing_has_no_capability_and_sees_its_own_files_only() {
        let place = tempfile::tempdir().unwrap();
        let (state_dir, named, other) =
            (place.path().join("state"), place.path().join("credentials"), place.path().join("key"));
        fs::create_dir(&state_dir).unwrap();
        fs::write(&named, "name").unwrap();
        fs::write(&other, "secret").unwrap();
        // A name that no file has, and no mode keeps from anybody.
        let name = SocketAddr::from_abstract_name(format!("ballast-{}", std::process::id())).unwrap();
        let _listens = UnixListener::bind_addr(&name).unwrap();
        let scopes = thread::spawn(|| {
            fence(&[], &PathBuf::from("/tmp")).is_ok_and(|status| status == RulesetStatus::FullyEnforced)
        });
        let scopes = scopes.join().unwrap();
        let own = Privileges::Own { readable: vec![named.clone()], state_dir: state_dir.clone(), user: None };
        let reduced = move || {
            reduce(&own).unwrap();
            assert_eq!([status("CapEff"), status("CapPrm")], ["0000000000000000", "0000000000000000"]);
            assert_eq!(status("NoNewPrivs"), "1");
            assert_eq!(fs::read_to_string(named).unwrap(), "name");
            fs::write(state_dir.join("mine"), "written").unwrap();
            for kept in ["/etc/shadow".into(), other.clone()] {
                assert_eq!(fs::read(&kept).unwrap_err().kind(), io::ErrorKind::PermissionDenied, "{}", kept.display());
            }
            fs::write(other, "changed").unwrap_err();
            fs::write("/proc/sys/net/ipv4/ip_forward", "1").unwrap_err();
            if scopes {
                let refused = UnixStream::connect_addr(&name).unwrap_err();
                assert_eq!(refused.kind(), io::ErrorKind::PermissionDenied);
            } else {
                ballast_lab::not_run(
                    "sockets without a file are kept from drivers",
                    "Landlock is older than Linux 6.12",
                );
            }
        };
        if landlock_is_there() {
            thread::spawn(reduced).join().unwrap();
        } else {
            ballast_lab::not_run("who_asks_for_nothing_has_no_capability", "this kernel has no Landlock");
        }
    }

    fn landlock_is_there() -> bool {
        let trial = || fence(&[], &PathBuf::from("/tmp")).is_ok_and(|status| status != RulesetStatus::NotEnforced);
        thread::spawn(trial).join().unwrap()
    }

    #[test]
    fn who_asks_for_namespaces_keeps_what_they_need_and_loses_the_rest() {
        let reduced = || {
            let before = caps::read(None, CapSet::Effective).unwrap();
            reduce(&Privileges::NetworkNamespaces).unwrap();
            let after = caps::read(None, CapSet::Effective).unwrap();
            assert!(after.is_subset(&FOR_NAMESPACES.into_iter().collect()));
            assert_eq!(after.contains(&Capability::CAP_NET_ADMIN), before.contains(&Capability::CAP_NET_ADMIN));
        };
        thread::spawn(reduced).join().unwrap();
    }
}
