//! The driver-host: this binary run again as `ballast-agent driver-host`, with one driver in it.
//!
//! A driver that panics, crashes, hangs or leaks takes down this process and nothing else. File descriptor 3 is a
//! socket to the agent: first the two messages of [`start`], then gRPC (`lbaas.driver.v1.Driver`). File descriptor 4 is
//! a pipe that only the agent can write to and never does: when it closes, the agent is gone, and so is this process,
//! from a plain thread that no hung driver can hold up. File descriptor 5 is the driver's file.
//!
//! It must not end anything that a driver has started in a session of its own: those run on without it.

pub(crate) mod confine;
pub(crate) mod fault;
mod log;
pub(crate) mod privileges;
pub(crate) mod service;
pub(crate) mod start;
mod user;

use std::{
    env,
    ffi::CString,
    fs::File,
    io::{self, Read, Write},
    os::{
        fd::{AsRawFd, OwnedFd, RawFd},
        unix::{ffi::OsStrExt, net::UnixStream},
    },
    path::PathBuf,
    sync::Arc,
    thread,
};

use ballast_abi::{
    ErrorCode,
    host::{self, LoadedDriver, OwnGroup, Settings, process},
};
use nix::sys::prctl;

use log::Sink;
use start::{Start, Started};

/// Where the agent puts the socket.
pub(crate) const SOCKET: RawFd = 3;
/// Where the agent puts the lifeline.
pub(crate) const LIFELINE: RawFd = 4;
/// Where the agent puts what is to be loaded.
pub(crate) const FILE: RawFd = 5;
const FIRST_STRAY: u32 = 6;
/// Exit status of a driver-host whose driver will not load or start with this file and configuration, ever.
pub const EXIT_PERMANENT: i32 = 78;
const EXIT_FAILED: i32 = 1;

/// Runs the driver-host and ends the process. `main` calls it for `ballast-agent driver-host` **before anything else**:
/// before it opens files, reads configuration or starts threads. Further arguments are for the eyes of `ps` only.
pub fn run() -> ! {
    // The kernel's name for it would be that of `/proc/self/exe`: `exe`. It takes 15 bytes.
    let driver = env::args_os().nth(2).unwrap_or_default();
    if let Ok(name) = CString::new([b"bl-", driver.as_bytes()].concat()) {
        let _ = prctl::set_name(&name);
    }
    process::exit_now(match serve() {
        Ok(()) => 0,
        Err(failed) => {
            // Standard error is the agent's log, or a person's terminal.
            if let Some(reason) = failed.reason {
                let _ = writeln!(io::stderr(), "{reason}");
            }
            failed.status
        }
    })
}

struct Failed {
    /// `None`: the agent has been told.
    reason: Option<String>,
    status: i32,
}

impl Failed {
    fn new(what: &str, error: &dyn std::fmt::Display) -> Self {
        Self { reason: Some(format!("{what}: {error}")), status: EXIT_FAILED }
    }
}

fn serve() -> Result<(), Failed> {
    let stray = |error: io::Error| Failed::new("driver-host is started by the agent only", &error);
    // An agent that was started by something careless has files of its parent, and would pass them on.
    process::close_inherited_fds(FIRST_STRAY).map_err(|error| Failed::new("what the agent left open", &error))?;
    let mut socket = UnixStream::from(process::take_inherited_fd(SOCKET).map_err(stray)?);
    // A number that somebody else has left open is no socket.
    socket.local_addr().map_err(stray)?;
    let lifeline = process::take_inherited_fd(LIFELINE).map_err(stray)?;
    // Open for as long as the process lives: who prints a backtrace reads the driver's symbols from it.
    let file = process::take_inherited_fd(FILE).map_err(stray)?;
    let start: Start = start::read(&mut socket).map_err(|error| Failed::new("the agent's first message", &error))?;
    confine::apply(start.confinement);
    let answered = |started: &Started, socket: &mut UnixStream| {
        start::write(socket, started).map_err(|error| Failed::new("the answer to the agent", &error))
    };
    // What is given up is given up by this thread and those that it starts, so there is no other before.
    if let Err(reason) = privileges::reduce(&start.privileges) {
        answered(&Started::Refused(start::Refused { reason, permanent: false }), &mut socket)?;
        return Err(Failed { reason: None, status: EXIT_FAILED });
    }
    watch_lifeline(lifeline)?;
    let (sink, mut records) = log::channel(start.log_level);
    match load(&file, start, sink) {
        Ok(driver) => {
            answered(&Started::Ready, &mut socket)?;
            service::run(driver, records, socket).map_err(|error| Failed::new("serving the agent", &error))
        }
        Err(refused) => {
            records.write_to(&mut io::stderr());
            let status = if refused.permanent { EXIT_PERMANENT } else { EXIT_FAILED };
            answered(&Started::Refused(refused), &mut socket)?;
            Err(Failed { reason: None, status })
        }
    }
}

fn watch_lifeline(lifeline: OwnedFd) -> Result<(), Failed> {
    let mut lifeline = File::from(lifeline);
    let watch = move || {
        // Nothing is ever written: this returns when the agent is gone, and begins again when a signal interrupts it.
        let _ = lifeline.read_to_end(&mut Vec::new());
        // An agent that was killed could not. A driver without the right to leaves it to others.
        let _ = OwnGroup::take_back();
        process::exit_now(0)
    };
    thread::Builder::new()
        .name("lifeline".to_owned())
        .spawn(watch)
        .map(drop)
        .map_err(|error| Failed::new("the lifeline's thread", &error))
}

fn load(file: &OwnedFd, start: Start, sink: Sink) -> Result<LoadedDriver, start::Refused> {
    let path = PathBuf::from(format!("/proc/self/fd/{}", file.as_raw_fd()));
    let refused = |error: host::LoadError| start::Refused { reason: error.to_string(), permanent: !error.may_pass() };
    let module = host::open(&path).map_err(refused)?;
    let settings =
        Settings { agent_id: start.agent_id, config: start.config, state_dir: start.state_dir, log: Arc::new(sink) };
    module.start(settings).map_err(|error| {
        let permanent =
            matches!(error.code, ErrorCode::INVALID_CONFIG | ErrorCode::UNSUPPORTED | ErrorCode::INVALID_ARGUMENT);
        let detail = if error.detail.is_empty() { String::new() } else { format!(" ({})", error.detail) };
        start::Refused { reason: format!("{error}{detail}"), permanent }
    })
}
