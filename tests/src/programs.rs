//! The built programs, found beside the running test, and those of the newest release.

use std::path::{Path, PathBuf};

/// What cargo calls the file of the haproxy-ns driver.
pub const HAPROXY_NS: &str = "libballast_driver_haproxy_ns.so";

/// A built program or library of this workspace.
///
/// # Panics
/// When it is not built: says what to run.
#[must_use]
pub fn built(name: &str) -> PathBuf {
    built_in(&directory(), name)
}

/// The same in another directory.
///
/// # Panics
/// When it is not there: says what to run.
#[must_use]
pub fn built_in(directory: &Path, name: &str) -> PathBuf {
    let path = directory.join(name);
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

/// Where the programs and drivers of the newest release lie (`tests/releases.sh` makes them). None: it was said aloud that
/// `test` is not run.
#[must_use]
pub fn released(test: &str) -> Option<PathBuf> {
    let newest = directory().parent()?.join("releases/newest");
    if newest.join("ballast-scheduler").exists() {
        return Some(newest);
    }
    ballast_lab::not_run(test, "the newest release is not built: tests/releases.sh");
    None
}

/// The file of the haproxy-ns driver.
#[must_use]
pub fn haproxy_ns() -> PathBuf {
    built(HAPROXY_NS)
}
