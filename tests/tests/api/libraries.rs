//! The libraries that programs of today are made with: openstacksdk, and gophercloud, of which Terraform's provider and
//! cloud-provider-openstack are made. Each runs a program of its own from `clients`.

use std::{
    path::{Path, PathBuf},
    process::Command,
};

use ballast_lab::not_run;
use ballast_tests::openstack;

use crate::{played::able, services::Services};

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().expect("tests lie in the workspace").to_owned()
}

/// Runs it against gateway and scheduler; it says whether all was as it should be.
async fn run(mut command: Command) {
    let services = Services::start().await;
    able(&services.channel, "host-a").await;
    let subnet = services.subnet().await;
    command.args([&services.url, &subnet]);
    let output = tokio::task::spawn_blocking(move || command.output()).await.unwrap().expect("it starts");
    let (said, why) = (String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert!(output.status.success() && said.ends_with("done\n"), "{said}{why}");
}

#[tokio::test]
async fn openstacksdk_makes_waits_changes_finds_and_deletes() {
    let test = "openstacksdk_makes_waits_changes_finds_and_deletes";
    let Ok(python) = openstack::installed("python").map_err(|why| not_run(test, &why)) else { return };
    let mut command = Command::new(python);
    command.arg(workspace().join("tests/clients/openstack_sdk.py"));
    command.env("PYTHONWARNINGS", "ignore").env("PYTHONDONTWRITEBYTECODE", "1");
    run(command).await;
}

#[tokio::test]
async fn gophercloud_makes_waits_changes_and_deletes_and_sees_no_conflict() {
    let test = "gophercloud_makes_waits_changes_and_deletes_and_sees_no_conflict";
    let sources = workspace().join(".gophercloud");
    if !sources.join("installed.txt").exists() {
        return not_run(test, "gophercloud is not installed: run `make deps`");
    }
    let directory = tempfile::tempdir().unwrap();
    let program = directory.path().join("program");
    let mut compiler = Command::new("go");
    compiler.args(["build", "-o"]).arg(&program).arg(workspace().join("tests/clients/gophercloud/main.go"));
    compiler.env("GO111MODULE", "off").env("GOFLAGS", "").env("GOPATH", &sources);
    compiler.env("GOCACHE", workspace().join("target/go-cache"));
    let Ok(output) = compiler.output() else {
        return not_run(test, "there is no Go: run `make deps`");
    };
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    run(Command::new(program)).await;
}
