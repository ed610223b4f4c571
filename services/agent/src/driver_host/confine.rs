//! What a driver's process may use, and what it may not become.
//!
//! Limits are soft ones: a daemon that the driver starts inherits them, and may raise them again. Memory is not limited
//! here for the same reason; the agent watches it.

use std::io::{self, Write};

use nix::sys::{
    prctl,
    resource::{Resource, getrlimit, setrlimit},
};
use serde::{Deserialize, Serialize};

/// What the process may use, as the agent says it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Confinement {
    pub(crate) open_files: u64,
    pub(crate) core_dumps: bool,
    pub(crate) new_privileges: bool,
}

/// Takes effect for the whole process, so before the driver is loaded. What cannot be had is said in one line.
pub(super) fn apply(confinement: Confinement) {
    let mut done = vec![("limit open files", limit(Resource::RLIMIT_NOFILE, confinement.open_files))];
    // The agent leaves none itself.
    let of_cores = if confinement.core_dumps { u64::MAX } else { 0 };
    done.push(("limit core dumps", limit(Resource::RLIMIT_CORE, of_cores)));
    if !confinement.new_privileges {
        done.push(("forbid new privileges", prctl::set_no_new_privs()));
    }
    for (what, result) in done {
        if let Err(errno) = result {
            let _ = writeln!(io::stderr(), "driver-host: cannot {what}: {errno}");
        }
    }
}

fn limit(resource: Resource, wanted: u64) -> nix::Result<()> {
    let (_, hard) = getrlimit(resource)?;
    setrlimit(resource, wanted.min(hard), hard)
}
