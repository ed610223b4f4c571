//! The lab itself, seen from inside (`in_lab`) and from outside (`Lab::detached`).

mod detached;
mod inside;
mod overlay;

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use ballast_lab::{Host, LabError};

const SOON: Duration = Duration::from_secs(10);

fn get(host: &Host, url: &str) -> Result<String, LabError> {
    host.output("curl", ["--silent", "--show-error", "--fail", "--globoff", "--max-time", "5", url])
}

fn sleeper(host: &Host) -> Command {
    let mut command = host.command("sleep");
    command.arg("infinity");
    command
}

fn is_running(pid: i32) -> bool {
    Path::new(&format!("/proc/{pid}")).exists()
}
