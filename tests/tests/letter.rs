//! `drivers/README.md` taken at its word: from the example to a driver of one's own that passes every check.

use std::{
    fs,
    os::unix::fs::{PermissionsExt, symlink},
    path::Path,
    process::Command,
};

use ballast_lab::{availability, not_run};
use ballast_tests::{letter, programs};

/// The one line that is not run as it stands: the same program has been built already, with all others.
const BUILT_ALREADY: &str = "(cd ballast && cargo build -p ballast-cli)";
const CHECKER: &str = "../ballast/target/debug/ballast ";

#[test]
fn the_example_becomes_a_driver_that_passes_every_check_by_what_the_page_says() {
    let test = "the_example_becomes_a_driver_that_passes_every_check_by_what_the_page_says";
    let root = if nix::unistd::geteuid().is_root() { availability() } else { Err("it needs root".to_owned()) };
    if let Err(why) = root {
        return not_run(test, &why);
    }
    let (document, section) = ("drivers/README.md", "From the example to your own, in an hour");
    let [start, check] = &letter::blocks(document, section, "sh")[..] else { panic!("another page") };
    let [manifest] = &letter::blocks(document, section, "toml")[..] else { panic!("another page") };
    assert!(start.contains(BUILT_ALREADY) && check.contains(CHECKER), "another page");
    let start = start.replace(BUILT_ALREADY, ":");
    let check = check.replace(CHECKER, &format!("{} ", programs::built("ballast").display()));
    let script = format!("set -eu\n{start}cat >Cargo.toml <<'END'\n{manifest}END\n{check}");

    // Outside of this workspace, as a vendor's driver is.
    let place = tempfile::TempDir::new().expect("a folder");
    let checkout = Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("the workspace");
    symlink(checkout, place.path().join("ballast")).expect("a link");
    let sudo = place.path().join("bin/sudo");
    fs::create_dir(place.path().join("bin")).expect("a folder");
    fs::write(&sudo, "#!/bin/sh\nexec \"$@\"\n").expect("a file");
    fs::set_permissions(&sudo, fs::Permissions::from_mode(0o755)).expect("it is ours");
    let path = std::env::var_os("PATH").unwrap_or_default();
    let path = format!("{}:{}", place.path().join("bin").display(), path.to_string_lossy());
    let mut shell = Command::new("sh");
    shell.args(["-c", &script]).current_dir(place.path()).env("PATH", path);
    // What it does counts here, not how fast; and nothing is fetched that is not there already.
    shell.env("CARGO_PROFILE_RELEASE_OPT_LEVEL", "0").env("CARGO_NET_OFFLINE", "true").env_remove("CARGO_TARGET_DIR");
    let output = shell.output().expect("the shell starts");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success(), "{}\n{said}", output.status);
    assert!(said.contains("my-driver"), "{said}");
}
