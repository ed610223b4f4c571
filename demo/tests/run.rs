//! `make run` with the configuration for developers, on a machine that is as strict as they come.

use std::{
    fs,
    os::unix::fs::symlink,
    path::Path,
    process::{Command, Stdio},
    time::Duration,
};

use ballast_lab::{in_lab, require_tool, wait_until};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

const SOON: Duration = Duration::from_secs(40);

/// `/run` as systemd mounts it, and a umask that is tight.
const STRICT: &str = "set -e; mount -t tmpfs -o noexec,nosuid,nodev,mode=0755 ballast-test /run; umask 077
    cp /bin/true /run/true; ! /run/true 2>/dev/null; rm /run/true; exec \"$0\" \"$@\"";

#[test]
fn its_driver_is_ready_where_nothing_in_run_can_be_executed() {
    let test = "its_driver_is_ready_where_nothing_in_run_can_be_executed";
    if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let program = Path::new(env!("CARGO_BIN_EXE_ballast-demo"));
        let driver = program.with_file_name("libballast_driver_haproxy_ns.so");
        // As `make run` does in the checkout.
        let drivers = lab.dir().join("target/drivers");
        fs::create_dir_all(&drivers)?;
        symlink(driver, drivers.join("haproxy-ns.so"))?;
        let config = Path::new(env!("CARGO_MANIFEST_DIR")).join("../deploy/dev").canonicalize()?;
        let mut services = Command::new("sh")
            .args(["-c", STRICT])
            .arg(program)
            .args(["run", "--config"])
            .arg(config)
            .current_dir(lab.dir())
            .stdin(Stdio::null())
            .spawn()?;
        wait_until(SOON, "the driver to be ready", || {
            let asked = Command::new("curl").args(["-s", "http://127.0.0.1:9696/v2.0/agents"]).output().unwrap();
            String::from_utf8_lossy(&asked.stdout).contains("READY").then_some(())
        });
        kill(Pid::from_raw(services.id().cast_signed()), Signal::SIGTERM)?;
        assert!(services.wait()?.success());
        Ok(())
    });
}
