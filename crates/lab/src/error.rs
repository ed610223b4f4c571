//! What can go wrong while a lab is made or used. A broken lab is a broken test, so nothing here is
//! retried; each error says which command or file failed.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::process::ExitStatus;

/// A failure of the lab itself or of a program that was run in it.
#[derive(Debug, thiserror::Error)]
pub enum LabError {
    /// This machine cannot make a lab.
    #[error("no lab can be made on this machine: {0}")]
    Unavailable(String),
    /// A program ran and failed.
    #[error("{doing}: `{command}` ended with {status}: {stderr}")]
    Command {
        /// What was wanted, as `on host client`.
        doing: String,
        /// The command line as it was executed.
        command: String,
        /// How it ended.
        status: ExitStatus,
        /// What it said, trimmed.
        stderr: String,
    },
    /// The operating system refused something.
    #[error("cannot {doing}")]
    Io {
        /// What was wanted, as an infinitive.
        doing: String,
        /// Why it was refused.
        #[source]
        source: io::Error,
    },
    /// A name that the kernel would not take, or that is in use.
    #[error("`{name}` cannot name a {kind}: {why}")]
    Name {
        /// `host`, `segment` or `link`.
        kind: &'static str,
        /// The name that was asked for.
        name: String,
        /// What is wrong with it.
        why: &'static str,
    },
    /// A text that is not an address (`10.0.0.5/24`, `fd00::5/64`).
    #[error("`{text}` is not {wanted}")]
    Address {
        /// What was given.
        text: String,
        /// What is wanted, with an example.
        wanted: &'static str,
    },
    /// The state file names a lab that has ended, or a host that is not in it.
    #[error("no running lab has a host `{host}` according to {}: {why}", .state_file.display())]
    NotRunning {
        /// The host that was asked for.
        host: String,
        /// The state file that was read.
        state_file: PathBuf,
        /// What was found instead.
        why: String,
    },
    /// The members' web server is a program of this workspace and has not been built.
    #[error(
        "the program ballast-lab-web is not beside {}: run `cargo build --workspace` first", .program.display()
    )]
    WebServerMissing {
        /// The program that is running.
        program: PathBuf,
    },
}

impl LabError {
    /// For `map_err`: an I/O failure of `doing` (an infinitive: "start `ip`").
    pub(crate) fn io(doing: impl Into<String>) -> impl FnOnce(io::Error) -> Self {
        let doing = doing.into();
        move |source| Self::Io { doing, source }
    }
}

/// An error and all its sources in one line, for panics and logs.
pub(crate) fn chain(error: &dyn Error) -> String {
    let mut line = error.to_string();
    let mut source = error.source();
    while let Some(inner) = source {
        line.push_str(": ");
        line.push_str(&inner.to_string());
        source = inner.source();
    }
    line
}
