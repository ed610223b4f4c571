//! What is left of it in a release build.

use std::{path::Path, process::Command};

/// All that acts needs a crate that this compilation does not have.
#[test]
fn in_a_release_build_there_is_nothing() {
    let here = Path::new(env!("CARGO_MANIFEST_DIR"));
    let folder = tempfile::tempdir().expect("a folder");
    let compiles = |assertions: &str| {
        let done = Command::new("rustc")
            .args(["--edition", "2024", "--crate-type", "lib", "--crate-name", "ballast_failpoint", "-O"])
            .args(["-C", &format!("debug-assertions={assertions}"), "--emit", "metadata", "--out-dir"])
            .arg(folder.path())
            .arg(here.join("src/lib.rs"))
            .output()
            .expect("rustc runs");
        done.status.success()
    };
    assert!(compiles("off"), "a release build has something of it");
    assert!(!compiles("on"), "a build of tests would have nothing of it");
}

/// What decides: no profile that is released asks for debug assertions.
#[test]
fn no_release_has_debug_assertions() {
    let manifest = include_str!("../../../Cargo.toml");
    let of_release = manifest.split("[profile.release").skip(1);
    assert_eq!(of_release.clone().count(), 1);
    for section in of_release {
        let section = section.split("\n[").next().unwrap_or_default();
        assert!(!section.contains("debug-assertions"), "{section}");
    }
}
