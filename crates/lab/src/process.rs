//! A program that runs on a host of the lab.
//!
//! From outside of the lab the started process is `nsenter` and the program is its child; signals must go
//! to the program. This type hides the difference.

use std::collections::BTreeSet;
use std::os::unix::process::CommandExt;
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;

use crate::error::LabError;
use crate::procfs;
use crate::wait::poll_until;

const FORK_DEADLINE: Duration = Duration::from_secs(10);

/// The numbers of programs that are expected to run on a host.
pub(crate) type Expected = Arc<Mutex<BTreeSet<i32>>>;

/// A program on a host. Dropping it kills the program; its own children live on until the lab ends.
#[derive(Debug)]
pub struct Process {
    child: Child,
    pid: i32,
    expected: Expected,
}

impl Process {
    /// Starts `command`; `forks` as in `Entry::forks`. Stdin is empty, and Ctrl-C on the caller's terminal
    /// does not reach the program: it is the caller who ends it.
    pub(crate) fn start(mut command: Command, forks: bool, expected: Expected) -> Result<Self, LabError> {
        let child = command
            .stdin(Stdio::null())
            .process_group(0)
            .spawn()
            .map_err(LabError::io(format!("start {command:?}")))?;
        let mut process = Self { child, pid: 0, expected };
        let own = process.child_pid();
        process.pid = if forks { process.forked(own)? } else { own };
        process.expected.lock().unwrap_or_else(PoisonError::into_inner).insert(process.pid);
        Ok(process)
    }

    fn child_pid(&self) -> i32 {
        i32::try_from(self.child.id()).unwrap_or(i32::MAX)
    }

    /// The program's own number. A program that has ended already is known by that of `nsenter`.
    fn forked(&mut self, wrapper: i32) -> Result<i32, LabError> {
        poll_until(FORK_DEADLINE, || match procfs::child_of(wrapper) {
            Some(status) => Some(status.pid),
            None => self.has_ended().then_some(wrapper),
        })
        .ok_or_else(|| LabError::Io {
            doing: "find the program that nsenter started".to_owned(),
            source: std::io::ErrorKind::TimedOut.into(),
        })
    }

    /// The program's number as the caller sees it (inside: in the lab; outside: on the machine).
    pub fn pid(&self) -> i32 {
        self.pid
    }

    /// The started process, for its piped output. Its number is not the program's when the caller is
    /// outside of the lab.
    pub fn child(&mut self) -> &mut Child {
        &mut self.child
    }

    fn has_ended(&mut self) -> bool {
        !matches!(self.child.try_wait(), Ok(None))
    }

    /// Whether the program still runs (a stopped one does).
    pub fn is_running(&mut self) -> bool {
        !self.has_ended()
    }

    /// Sends a signal to the program; nothing happens when it has ended.
    pub fn signal(&mut self, signal: Signal) -> Result<(), LabError> {
        if self.has_ended() {
            return Ok(());
        }
        let doing = || format!("send {signal} to process {}", self.pid);
        let sent = kill(Pid::from_raw(self.pid), signal);
        if self.pid != self.child_pid() {
            self.wrapper_follows(signal);
        }
        match sent {
            Ok(()) | Err(nix::errno::Errno::ESRCH) => Ok(()),
            Err(errno) => Err(LabError::io(doing())(errno.into())),
        }
    }

    /// `nsenter` stops itself once it sees that its child has stopped; when it goes on, it lets its child go on, and reaps
    /// it. Until it has done its part it would undo the next signal, or stop after it was to go on.
    fn wrapper_follows(&self, signal: Signal) {
        let wrapper = self.child_pid();
        if matches!(signal, Signal::SIGCONT | Signal::SIGKILL) {
            let _already_gone = kill(Pid::from_raw(wrapper), Signal::SIGCONT);
        }
        let awaited = match signal {
            Signal::SIGSTOP => 'T',
            // Where it waits for its child.
            Signal::SIGCONT => 'S',
            _ => return,
        };
        let has_followed = |status: &procfs::Status| status.state == awaited || status.is_zombie();
        poll_until(FORK_DEADLINE, || procfs::status(wrapper).is_none_or(|status| has_followed(&status)).then_some(()));
    }

    /// SIGKILL, and waits for the end.
    pub fn kill(&mut self) -> Result<ExitStatus, LabError> {
        self.signal(Signal::SIGKILL)?;
        self.wait()
    }

    /// SIGTERM, and waits for the end; an error when the program still runs after `deadline`.
    pub fn stop(&mut self, deadline: Duration) -> Result<ExitStatus, LabError> {
        self.signal(Signal::SIGTERM)?;
        poll_until(deadline, || self.child.try_wait().transpose())
            .unwrap_or_else(|| Err(std::io::ErrorKind::TimedOut.into()))
            .map_err(LabError::io(format!("stop process {} by SIGTERM", self.pid)))
    }

    /// Waits for the end.
    pub fn wait(&mut self) -> Result<ExitStatus, LabError> {
        self.child.wait().map_err(LabError::io(format!("wait for process {}", self.pid)))
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        // A failure here can be told to nobody; the end of the lab ends the process anyway.
        let _ended = self.kill();
        self.expected.lock().unwrap_or_else(PoisonError::into_inner).remove(&self.pid);
    }
}
