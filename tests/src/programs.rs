//! The built programs, found beside the running test.

use std::path::{Path, PathBuf};

/// A built program or library of this workspace.
///
/// # Panics
/// When it is not built: says what to run.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    let path = directory().join(name);
    assert!(path.exists(), "{} is not built: run `cargo build --workspace`", path.display());
    path
}

/// Where cargo puts what it builds in this profile.
#[expect(clippy::missing_panics_doc, reason = "a running program has a path")]
#[must_use]
pub fn directory() -> PathBuf {
    let running = std::env::current_exe().expect("a running program has a path");
    let directory = running.ancestors().nth(2).map(Path::to_path_buf);
    directory.expect("tests are in target/PROFILE/deps")
}

/// The file of the haproxy-ns driver.
#[must_use]
pub fn haproxy_ns() -> PathBuf {
    built("libballast_driver_haproxy_ns.so")
}
