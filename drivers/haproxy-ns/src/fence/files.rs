//! What haproxy sees of the machine's files, by Landlock: what it needs to start, and its `run/`. It executes itself alone.

use std::path::{Path, PathBuf};

use landlock::{
    ABI, Access, AccessFs, BitFlags, CompatLevel, Compatible, Ruleset, RulesetAttr, RulesetCreated, RulesetCreatedAttr,
    RulesetError, Scope, make_bitflags, path_beneath_rules,
};

use super::{Signals, libraries::Libraries};
use crate::files::Files;

/// Older kernels enforce as much of it as they know.
const KNOWN: ABI = ABI::V6;

/// For libraries that are loaded by name, OpenSSL, the time of day of a traffic log, and what memory and processors are like.
/// No name is resolved: members are addresses.
pub(super) const OF_THE_MACHINE: [&str; 26] = [
    "/usr/lib",
    "/usr/lib64",
    "/usr/local/lib",
    "/lib",
    "/lib64",
    "/etc/ld.so.cache",
    "/etc/ld.so.preload",
    "/etc/ssl/certs",
    "/etc/ssl/cert.pem",
    "/etc/ssl/openssl.cnf",
    "/etc/pki/ca-trust",
    "/etc/pki/tls/certs",
    "/etc/pki/tls/cert.pem",
    "/etc/pki/tls/openssl.cnf",
    "/etc/crypto-policies",
    "/etc/ca-certificates",
    "/usr/share/ca-certificates",
    "/usr/local/share/ca-certificates",
    "/etc/localtime",
    "/usr/share/zoneinfo",
    "/dev/urandom",
    "/sys/devices/system/cpu",
    "/sys/devices/system/node",
    "/sys/kernel/mm/transparent_hugepage",
    "/proc/cpuinfo",
    "/proc/sys/vm/overcommit_memory",
];
/// Its pid, its sockets, and their names while they are replaced. No folder, no link and no device.
const OWN: BitFlags<AccessFs> =
    make_bitflags!(AccessFs::{ReadFile | ReadDir | WriteFile | Truncate | MakeReg | MakeSock | RemoveFile});
const READ: BitFlags<AccessFs> = make_bitflags!(AccessFs::{ReadFile | ReadDir});

/// What of it this kernel has.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Landlock {
    pub(super) files: bool,
    /// Sockets without a file, and signals.
    pub(super) scopes: bool,
}

impl Landlock {
    pub(super) fn find() -> Self {
        let required = || Ruleset::default().set_compatibility(CompatLevel::HardRequirement);
        let has = |ruleset: Result<Ruleset, RulesetError>| ruleset.and_then(Ruleset::create).is_ok();
        Self {
            files: has(required().handle_access(AccessFs::from_all(ABI::V1))),
            scopes: has(required().scope(Scope::from_all(ABI::V6))),
        }
    }

    pub(super) fn missing(self) -> Option<&'static str> {
        match self {
            Self { files: false, .. } => {
                Some("this kernel has no Landlock, so files and programs are kept by their modes alone")
            }
            Self { scopes: false, .. } => {
                Some("this kernel's Landlock is older than Linux 6.12: sockets without a file and signals are not kept")
            }
            Self { files: true, scopes: true } => None,
        }
    }

    /// What is any haproxy's. Of what is not there nothing can be read.
    pub(super) fn rules(
        self,
        haproxy: &Path,
        libraries: &Libraries,
        signals: Signals,
    ) -> Result<RulesetCreated, RulesetError> {
        let scopes = match signals {
            Signals::ToItself => Scope::AbstractUnixSocket | Scope::Signal,
            Signals::ToItsUser => Scope::AbstractUnixSocket.into(),
        };
        let rules = Ruleset::default().handle_access(AccessFs::from_all(KNOWN))?.scope(scopes)?;
        let executed = [haproxy].into_iter().chain(libraries.loaders.iter().map(PathBuf::as_path));
        let others =
            libraries.files.iter().filter(|file| !OF_THE_MACHINE.iter().any(|folder| file.starts_with(folder)));
        rules
            .create()?
            .add_rules(path_beneath_rules(OF_THE_MACHINE, READ))?
            .add_rules(path_beneath_rules(others, READ))?
            .add_rules(path_beneath_rules(executed, AccessFs::ReadFile | AccessFs::Execute))?
            .add_rules(path_beneath_rules(["/dev/null"], AccessFs::ReadFile | AccessFs::WriteFile))
    }
}

/// And what is that of one load balancer, or of those of one project: `namespaces`, where their names are, and nothing else.
pub(super) fn add_own(
    rules: RulesetCreated,
    files: &Files,
    secrets: &Path,
    namespaces: Option<&Path>,
) -> Result<RulesetCreated, RulesetError> {
    rules
        .add_rules(path_beneath_rules([files.new_config()], READ))?
        .add_rules(path_beneath_rules([secrets], READ))?
        .add_rules(path_beneath_rules([files.run()], OWN))?
        .add_rules(path_beneath_rules(namespaces, AccessFs::ReadFile))
}
