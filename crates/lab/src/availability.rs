//! Whether a lab can be made here, and what a test does when it cannot: it says aloud that it was not
//! run. It must never pass in silence, and where everything is required (CI) not running is failing.

use std::env;
use std::ffi::OsString;
use std::fs::OpenOptions;
use std::io::{self, Write};
use std::os::unix::process::CommandExt;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::sync::OnceLock;

use nix::unistd::geteuid;

/// The file to which the names of tests that were not run are appended.
const NOT_RUN_FILE: &str = "BALLAST_NOT_RUN";
/// `1`: a test that cannot run fails.
const REQUIRE_ALL: &str = "BALLAST_REQUIRE_ALL";
const KERNEL_LACKS: &str = include_str!("../../../tests/kernel-lacks");
/// What the lab executes itself.
const TOOLS: [&str; 6] = ["unshare", "nsenter", "setpriv", "mount", "sh", "ip"];
/// Makes one of each kind of thing that a lab is made of.
const TRIAL: &str = "set -e
mount -t tmpfs ballast-lab /tmp
ip link add name trial0 type bridge
ip link add name trial1 type veth peer name trial2";

/// How the namespaces of a lab are made.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Privilege {
    /// As root, directly.
    Root,
    /// Inside a user namespace in which the caller is root.
    UserNamespace,
}

impl Privilege {
    /// `unshare` with the options that make a lab's namespaces; the command to run is still to be added.
    ///
    /// `--kill-child` lets the lab end with `unshare`; that `unshare` ends with its owner is the business
    /// of the lifeline (see `stage`), since a parent-death signal follows a thread, not a process.
    pub(crate) fn unshare(self) -> Command {
        let mut command = Command::new("unshare");
        if self == Self::UserNamespace {
            command.args(["--user", "--map-root-user"]);
        }
        command.args(["--net", "--mount", "--pid", "--fork", "--kill-child", "--mount-proc"]);
        command.args(["--propagation", "private", "--"]);
        command
    }
}

/// Whether labs can be made on this machine; the error says why not and what would help.
pub fn availability() -> Result<(), String> {
    privilege().map(drop)
}

/// Found by trial, once in a process: permission, kernel features and tools all show at once.
pub(crate) fn privilege() -> Result<Privilege, String> {
    static FOUND: OnceLock<Result<Privilege, String>> = OnceLock::new();
    FOUND.get_or_init(find_privilege).clone()
}

fn find_privilege() -> Result<Privilege, String> {
    if let Some(tool) = TOOLS.into_iter().find(|tool| find_tool(tool).is_none()) {
        return Err(format!("`{tool}` is not in PATH (Debian: apt-get install util-linux iproute2)"));
    }
    let ways: &[Privilege] =
        if geteuid().is_root() { &[Privilege::Root, Privilege::UserNamespace] } else { &[Privilege::UserNamespace] };
    let mut refusals = Vec::new();
    for way in ways {
        match attempt(*way) {
            Ok(()) => return Ok(*way),
            Err(why) => refusals.push(why),
        }
    }
    Err(format!(
        "neither root nor an unprivileged user namespace can make network namespaces here ({}); \
         run as root, in a container with --privileged",
        refusals.join("; ")
    ))
}

fn attempt(way: Privilege) -> Result<(), String> {
    let output = way
        .unshare()
        .args(["sh", "-c", TRIAL])
        .stdin(Stdio::null())
        .process_group(0)
        .output()
        .map_err(|error| error.to_string())?;
    if output.status.success() {
        Ok(())
    } else {
        Err(String::from_utf8_lossy(&output.stderr).trim().replace('\n', ", "))
    }
}

/// Whether `tool` is in `PATH`. When it is not, says aloud that `test` is not run (see [`not_run`]), and
/// the test returns at once:
///
/// ```no_run
/// # fn a_test() {
/// if !ballast_lab::require_tool("haproxy", "a_pool_answers") {
///     return;
/// }
/// # }
/// ```
#[must_use = "a test whose tool is missing must return"]
pub fn require_tool(tool: &str, test: &str) -> bool {
    let found = find_tool(tool).is_some();
    if !found {
        not_run(test, &format!("`{tool}` is not in PATH"));
    }
    found
}

fn find_tool(tool: &str) -> Option<PathBuf> {
    let path = env::var_os("PATH")?;
    env::split_paths(&path).map(|folder| folder.join(tool)).find(|file| file.is_file())
}

/// Says aloud that `test` was not run: on stderr, past the capture of the test harness, and in the file
/// that `BALLAST_NOT_RUN` names.
///
/// # Panics
/// With `BALLAST_REQUIRE_ALL=1`: there, not running is failing.
pub fn not_run(test: &str, why: &str) {
    let file = env::var_os(NOT_RUN_FILE).map(PathBuf::from);
    let required = env::var_os(REQUIRE_ALL) == Some(OsString::from("1"));
    announce(test, why, file.as_deref());
    assert!(!required, "{test} was not run, and BALLAST_REQUIRE_ALL=1: {why}");
}

/// What the kernel may lack: a test that needs it is left out where `tests/kernel-lacks` has the entry, and says so aloud;
/// elsewhere it is [`not_run`]. `has`: whether this kernel has it.
///
/// # Panics
/// When the kernel has what is entered as lacking; and as [`not_run`].
#[must_use = "a test whose kernel lacks something must return"]
pub fn kernel_has(entry: &str, has: bool, test: &str) -> bool {
    let why = why_lacking(KERNEL_LACKS, entry);
    assert!(!has || why.is_none(), "tests/kernel-lacks has {entry}, and this kernel does not lack it: take it out");
    match why {
        _ if has => {}
        Some(why) => announce(test, &format!("this kernel lacks {entry}: {why}"), None),
        None => not_run(test, &format!("this kernel lacks {entry}, which tests/kernel-lacks does not have")),
    }
    has
}

fn why_lacking<'a>(list: &'a str, entry: &str) -> Option<&'a str> {
    list.lines().find_map(|line| line.strip_prefix(entry)?.strip_prefix(' '))
}

fn announce(test: &str, why: &str, file: Option<&Path>) {
    let line = format!("NOT RUN: {test}: {why}\n");
    // One write, so that lines of tests that run side by side do not mix. Nobody is left to tell when
    // stderr is closed.
    let _closed = io::stderr().write_all(line.as_bytes());
    let Some(file) = file else { return };
    let appended =
        OpenOptions::new().create(true).append(true).open(file).and_then(|mut file| file.write_all(line.as_bytes()));
    if let Err(error) = appended {
        panic!("cannot append to {}, which {NOT_RUN_FILE} names: {error}", file.display());
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_a_kernel_lacks_is_entered_with_the_reason() {
        let list = "# a comment\nvlan no 802.1q\nvlan-filtering none\n";
        assert_eq!(why_lacking(list, "vlan"), Some("no 802.1q"));
        assert_eq!(why_lacking(list, "vlan-filtering"), Some("none"));
        assert_eq!(why_lacking(list, "sctp"), None);
        for line in KERNEL_LACKS.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.split_once(' ').is_some_and(|(_, why)| !why.is_empty()), "{line}");
        }
    }

    #[test]
    #[should_panic(expected = "does not lack it")]
    fn what_a_kernel_has_must_not_be_entered() {
        let entry = KERNEL_LACKS.lines().find(|line| !line.starts_with('#')).and_then(|line| line.split(' ').next());
        let _has = kernel_has(entry.unwrap(), true, "a_test");
    }

    #[test]
    fn what_was_not_run_is_appended_to_the_named_file() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("not-run");
        announce("a::test", "no haproxy", Some(&file));
        announce("b::test", "no root", Some(&file));
        let text = std::fs::read_to_string(file).unwrap();
        assert_eq!(text, "NOT RUN: a::test: no haproxy\nNOT RUN: b::test: no root\n");
    }

    #[test]
    fn a_tool_that_is_not_there_is_not_found() {
        assert!(find_tool("sh").is_some());
        assert!(find_tool("ballast-no-such-tool").is_none());
    }
}
