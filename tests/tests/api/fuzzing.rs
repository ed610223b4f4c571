//! The OpenAPI document in the hands of others: a validator accepts it, and what `schemathesis` makes of it by the
//! thousand breaks nothing.

use std::{
    path::{Path, PathBuf},
    process::{Command, Output},
};

use ballast_lab::not_run;
use serde_json::json;

use crate::{
    played::obedient,
    services::{Services, member, monitor, vip},
};

/// A program of the virtual environment that `make deps` makes for this.
fn installed(program: &str, test: &str) -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap();
    let path = workspace.join(".venv-schemathesis/bin").join(program);
    if !path.exists() {
        not_run(test, "schemathesis is not installed: run `make deps`");
        return None;
    }
    Some(path)
}

/// Runs it on another thread: the services run on this one.
async fn output(mut command: Command) -> Output {
    tokio::task::spawn_blocking(move || command.output()).await.unwrap().unwrap()
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

#[tokio::test]
async fn the_openapi_document_is_valid() {
    let Some(python) = installed("python", "the_openapi_document_is_valid") else { return };
    let services = Services::start().await;
    for (path, document) in
        [("/openapi.json", ballast_api_gateway::openapi()), ("/openapi-v2.json", ballast_api_gateway::v2_openapi())]
    {
        let served = services.get(path).await;
        assert_eq!(served, document);
        let file = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(file.path(), served.to_string()).unwrap();
        let program =
            "import json, sys; from openapi_spec_validator import validate; validate(json.load(open(sys.argv[1])))";
        let mut command = Command::new(&python);
        command.args(["-c", program]).arg(file.path());
        let output = output(command).await;
        assert!(output.status.success(), "{path}: {}", said(&output));
    }
}

#[tokio::test]
async fn fuzzing_from_the_openapi_document_finds_no_server_error() {
    let Some(schemathesis) = installed("schemathesis", "fuzzing_from_the_openapi_document_finds_no_server_error")
    else {
        return;
    };
    let services = Services::start().await;
    obedient(&services.channel, "a").await;
    let subnet = services.subnet().await;
    let pool = services.pool(&subnet).await;
    services.create("/v2.0/lb/vips", vip(&subnet, &pool)).await;
    services.create("/v2.0/lb/members", member(&pool, "10.0.0.11")).await;
    let monitor = services.create("/v2.0/lb/health_monitors", monitor()).await.id();
    let path = format!("/v2.0/lb/pools/{pool}/health_monitors");
    services.create(&path, json!({"health_monitor": {"id": monitor}})).await;
    let directory = tempfile::tempdir().unwrap();
    let mut command = Command::new(schemathesis);
    command
        .current_dir(directory.path())
        .arg("run")
        .arg(format!("{}/openapi.json", services.url))
        .args(["--phases", "coverage,fuzzing", "--max-examples", "8", "--seed", "1", "--no-color"])
        .args(["--generation-database", "none"])
        .args(["--checks", "not_a_server_error,status_code_conformance,content_type_conformance"])
        // Its 501 is what Neutron answers.
        .args(["--exclude-operation-id", "create_quota"]);
    let output = output(command).await;
    assert!(output.status.success(), "{}", said(&output));
    // It still serves, and sees what it saw.
    assert_eq!(services.get("/v2.0/lb/pools?fields=id&limit=1").await["pools"].as_array().map(Vec::len), Some(1));
}
