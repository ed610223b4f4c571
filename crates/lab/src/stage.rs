//! The stages through which a lab comes to be: the owner outside, `init` (PID 1), and the body.
//!
//! Namespaces cannot be changed safely in a process with threads, as a test harness is. So the owner starts
//! the current program again inside of new namespaces, and waits. Between the two stands `init`, a few lines
//! of shell: it reaps orphans (killed daemons must not stay zombies), and its end is the end of every process
//! in the lab.
//!
//! The owner holds the writing end of a pipe, the lifeline. It closes when the owner ends, however it ends,
//! and then `init` kills all. A parent-death signal alone would not do: it follows the thread that forked.

use std::any::type_name;
use std::env;
use std::error::Error;
use std::ffi::{OsStr, OsString};
use std::fs::File;
use std::path::PathBuf;
use std::process::{Child, ChildStdin, Command, ExitStatus, Stdio};
use std::thread;
use std::time::Duration;

use tempfile::TempDir;

use crate::availability::{Privilege, not_run, privilege};
use crate::error::{LabError, chain};
use crate::lab::Lab;
use crate::proxies::without_proxies;
use crate::wait::poll_until;

/// What the body of a test returns.
pub type TestResult = Result<(), Box<dyn Error>>;

/// Tells the restarted program that it is the body; its value is the lab's scratch folder.
const BODY_MARK: &str = "BALLAST_LAB_DIR";
/// Made in the scratch folder when the body begins: a harness that found no such test succeeds, too.
const BEGAN: &str = "began";
/// How long the kernel may take to end all processes of a lab.
const END_DEADLINE: Duration = Duration::from_secs(10);

/// PID 1 of the lab; its arguments are the body's command line. `/run/netns` is made as `ip netns` makes
/// it; where that is not allowed, all of `/run` is the lab's own. The shell must not exec the body in its
/// last line: it would reap nothing then.
const INIT: &str = "exec 3<&0 </dev/null
set -e
mkdir -m 0755 -p /run/netns 2>/dev/null || { mount -t tmpfs ballast-lab /run; mkdir /run/netns; }
mount -t tmpfs -o mode=0755 ballast-lab /run/netns
mount -t sysfs -o nosuid,nodev,noexec sysfs /sys 2>/dev/null || mount -t tmpfs ballast-lab /sys
echo 0 >/proc/sys/net/ipv4/ip_forward
if [ -d /proc/sys/net/ipv6 ]; then
    echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6
    echo 1 >/proc/sys/net/ipv6/conf/default/disable_ipv6
fi
ip link set dev lo up
(cat <&3 >/dev/null; kill -KILL -1) &
exec 3<&-
set +e
\"$@\"
exit $?";

/// The owner's hold on a lab: the lab ends when this is dropped or the owner's process ends.
#[derive(Debug)]
pub(crate) struct Owner {
    unshare: Child,
    lifeline: Option<ChildStdin>,
}

impl Owner {
    /// Starts `init` with a body. The lab is no member of the caller's process group: Ctrl-C reaches the
    /// owner only, which then ends in order.
    fn start(privilege: Privilege, body: &[&OsStr], prepare: impl FnOnce(&mut Command)) -> Result<Self, LabError> {
        use std::os::unix::process::CommandExt;

        let mut command = privilege.unshare();
        command.args(["sh", "-c", INIT, "ballast-lab-init"]).args(body);
        without_proxies(command.stdin(Stdio::piped()).process_group(0));
        prepare(&mut command);
        let mut unshare = command.spawn().map_err(LabError::io("start `unshare`"))?;
        let lifeline = unshare.stdin.take();
        Ok(Self { unshare, lifeline })
    }

    /// `init` of a lab without a body, and its stdout: one line `ready`, then nothing.
    pub(crate) fn detached(privilege: Privilege) -> Result<Self, LabError> {
        let body = ["sh", "-c", "echo ready; exec sleep infinity >/dev/null"].map(OsStr::new);
        Self::start(privilege, &body, |command| {
            command.stdout(Stdio::piped()).stderr(Stdio::piped());
        })
    }

    pub(crate) fn unshare(&mut self) -> &mut Child {
        &mut self.unshare
    }

    /// Waits for the body's end, whose status is the lab's.
    fn wait(mut self) -> Result<ExitStatus, LabError> {
        self.unshare.wait().map_err(LabError::io("wait for the lab"))
    }
}

impl Drop for Owner {
    fn drop(&mut self) {
        drop(self.lifeline.take());
        let ended = poll_until(END_DEADLINE, || self.unshare.try_wait().transpose());
        if ended.is_none() {
            // The kernel waits for each process to be reaped, and one has a stopped parent outside.
            tracing::warn!("the lab has not ended {END_DEADLINE:?} after it was told to");
        }
    }
}

/// Runs a test's body inside a fresh lab, in a process of its own. To be called once in a `#[test]`, as its
/// only statement (tools may be required before): the test is run again, inside, by its name.
///
/// The body's error fails the test, and so does a panic. `#[should_panic]` tests cannot use this.
///
/// # Panics
/// When the body failed, or could not be started. Where no lab can be made, see [`not_run`].
#[track_caller]
pub fn in_lab<F: FnOnce(&Lab) -> TestResult>(body: F) {
    if let Some(lab) = Lab::current() {
        File::create(lab.dir().join(BEGAN)).expect("the lab's folder is writable");
        if let Err(error) = body(&lab) {
            panic!("the test's body failed: {}", chain(error.as_ref()));
        }
        return;
    }
    let name = test_name::<F>();
    let privilege = match privilege() {
        Ok(privilege) => privilege,
        Err(why) => return not_run(&name, &why),
    };
    // --include-ignored: a test that is marked so was asked for by whoever runs it here.
    let arguments = [&name, "--exact", "--include-ignored", "--nocapture"].map(OsString::from);
    match run_again(privilege, &arguments) {
        Ok((status, began)) => {
            assert!(began, "the test `{name}` was not found inside the lab: call in_lab in the test itself");
            assert!(status.success(), "the test's body failed inside the lab ({status}): see above");
        }
        Err(error) => panic!("the lab failed: {}", chain(&error)),
    }
}

/// Runs the current program again inside a fresh lab, with these arguments and the caller's stdout and
/// stderr, and waits for its end. There [`Lab::current`] is `Some`.
pub fn run_again_in_lab<A: AsRef<OsStr>>(arguments: impl IntoIterator<Item = A>) -> Result<ExitStatus, LabError> {
    let arguments: Vec<OsString> = arguments.into_iter().map(|word| word.as_ref().to_owned()).collect();
    run_again(privilege().map_err(LabError::Unavailable)?, &arguments).map(|(status, _)| status)
}

/// The status, and whether a test's body began.
fn run_again(privilege: Privilege, arguments: &[OsString]) -> Result<(ExitStatus, bool), LabError> {
    let folder = scratch_folder()?;
    let program = env::current_exe().map_err(LabError::io("find the current program"))?;
    let mut body = vec![program.as_os_str()];
    body.extend(arguments.iter().map(OsString::as_os_str));
    let owner = Owner::start(privilege, &body, |command| {
        command.env(BODY_MARK, folder.path());
    })?;
    let status = owner.wait()?;
    let began = folder.path().join(BEGAN).exists();
    Ok((status, began))
}

pub(crate) fn scratch_folder() -> Result<TempDir, LabError> {
    TempDir::with_prefix("ballast-lab-").map_err(LabError::io("make the lab's folder"))
}

/// The scratch folder, if this process is the body of a lab (or was started by one).
pub(crate) fn body_folder() -> Option<PathBuf> {
    env::var_os(BODY_MARK).map(PathBuf::from).filter(|folder| folder.is_dir())
}

/// The harness names the test's thread by the test, except when it runs tests on its main thread; then
/// the closure's type tells.
fn test_name<F>() -> String {
    match thread::current().name() {
        Some(name) if name != "main" => name.to_owned(),
        _ => name_of_closure(type_name::<F>()),
    }
}

/// `crate::module::test::{{closure}}` is made by the test `module::test`.
fn name_of_closure(path: &str) -> String {
    let path = path.trim_end_matches("::{{closure}}");
    path.split_once("::").map_or(path, |(_, test)| test).to_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_closures_type_names_its_test() {
        assert_eq!(name_of_closure("system::walk::it_walks::{{closure}}"), "walk::it_walks");
        assert_eq!(name_of_closure("system::it_walks::{{closure}}::{{closure}}"), "it_walks");
    }
}
