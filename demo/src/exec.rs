//! `make demo-exec`: a shell line on a host of the demo that runs in another process.

use std::{ffi::OsStr, os::unix::process::CommandExt, path::Path};

use ballast_lab::enter_command;

use crate::{error::DemoError, folder};

/// Becomes the shell, so that its output, exit status and signals are the caller's. Returns only when it cannot.
pub(crate) fn exec(known: &Path, on: &str, line: &OsStr) -> DemoError {
    match enter_command(&folder::lab_file(known), on, "sh") {
        Ok(mut command) => DemoError::because("cannot enter the lab", &command.arg("-c").arg(line).exec()),
        Err(error) => DemoError::because(format!("cannot run it on {on:?} (is `make demo` running?)"), &error),
    }
}
