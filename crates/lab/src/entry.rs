//! How a command gets into a set of namespaces: directly when the caller is in them, through `nsenter`
//! otherwise.
//!
//! A caller outside of the lab must also enter its PID namespace, and that takes a fork: the program is
//! then a child of `nsenter`, which passes its exit status on. `setpriv` ties the program to `nsenter`, so
//! that killing the one ends the other.

use std::env;
use std::ffi::{OsStr, OsString};
use std::process::Command;

use serde::{Deserialize, Serialize};

use crate::proxies::without_proxies;

/// The way in.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(crate) enum Entry {
    /// The caller is there already.
    Here,
    /// Through the namespaces of a living process.
    Of {
        /// The process whose namespaces are entered, by the caller's numbering.
        target: i32,
        /// Whether the caller is outside of the lab, so that PID (and user) namespaces are entered too.
        from_outside: bool,
        /// Whether the lab was made in a user namespace.
        user_namespace: bool,
    },
}

impl Entry {
    /// The entry into the network and mount namespaces of `target`, which this entry's command has started.
    pub(crate) fn further(&self, target: i32) -> Self {
        match self {
            Self::Here => Self::Of { target, from_outside: false, user_namespace: false },
            Self::Of { from_outside, user_namespace, .. } => {
                Self::Of { target, from_outside: *from_outside, user_namespace: *user_namespace }
            }
        }
    }

    /// Whether a started program is a child of the started process instead of that process itself.
    pub(crate) fn forks(&self) -> bool {
        matches!(self, Self::Of { from_outside: true, .. })
    }

    /// A command that runs `program` there, in the caller's working directory, without the caller's proxies.
    pub(crate) fn command(&self, program: impl AsRef<OsStr>) -> Command {
        let mut command = self.words(program.as_ref());
        without_proxies(&mut command);
        command
    }

    fn words(&self, program: &OsStr) -> Command {
        let Self::Of { target, from_outside, user_namespace } = self else {
            return Command::new(program);
        };
        let mut command = Command::new("nsenter");
        command.arg(format!("--target={target}")).args(["--net", "--mount"]);
        if *from_outside {
            command.arg("--pid");
            if *user_namespace {
                command.args(["--user", "--preserve-credentials"]);
            }
        }
        // Entering a mount namespace loses the working directory.
        if let Ok(folder) = env::current_dir() {
            let mut option = OsString::from("--wdns=");
            option.push(folder);
            command.arg(option);
        }
        command.arg("--");
        if *from_outside {
            command.args(["setpriv", "--pdeathsig", "KILL", "--"]);
        }
        command.arg(program);
        command
    }
}
