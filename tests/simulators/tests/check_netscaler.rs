//! The simulator against a published client, `check_netscaler`: what it reads, over TLS, is what it can understand.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env,
    path::{Path, PathBuf},
    process::Command,
};

use ballast_lab::not_run;
use ballast_simulators::{
    Device, Options, Simulator,
    netscaler::{Counters, DEFAULT, NetScaler},
};
use serde_json::json;

const OK: i32 = 0;
const WARNING: i32 = 1;
const CRITICAL: i32 = 2;
const UNKNOWN: i32 = 3;

/// The Python that has the client: of `make deps`, or the one that `BALLAST_NETSCALER_PYTHON` names.
fn python() -> Option<PathBuf> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap();
    let named = env::var_os("BALLAST_NETSCALER_PYTHON").map(PathBuf::from);
    named.or(Some(workspace.join(".venv-netscaler/bin/python"))).filter(|path| path.exists())
}

struct Stage {
    simulator: Simulator<NetScaler>,
    python: PathBuf,
}

impl Stage {
    /// A virtual server with a group of two members. None: the test said that it cannot run.
    fn new(test: &str) -> Option<Self> {
        let Some(python) = python() else {
            not_run(test, "check_netscaler is not installed: run `make deps`, or set BALLAST_NETSCALER_PYTHON");
            return None;
        };
        let options = Options { tls: true, ..Options::default() };
        let simulator = Simulator::start(NetScaler::default(), options).unwrap();
        let made = [
            ("lbvserver", json!({"name": "v1", "servicetype": "HTTP", "ipv46": "192.0.2.10", "port": 80})),
            ("servicegroup", json!({"servicegroupname": "g1", "servicetype": "HTTP"})),
            ("server", json!({"name": "s1", "ipaddress": "10.0.0.1"})),
            ("server", json!({"name": "s2", "ipaddress": "10.0.0.2"})),
            (
                "servicegroup_servicegroupmember_binding",
                json!({"servicegroupname": "g1", "servername": "s1", "port": 80}),
            ),
            (
                "servicegroup_servicegroupmember_binding",
                json!({"servicegroupname": "g1", "servername": "s2", "port": 80}),
            ),
            ("lbvserver_servicegroup_binding", json!({"name": "v1", "servicegroupname": "g1"})),
        ];
        for (kind, body) in made {
            simulator.device().administer(DEFAULT, "POST", kind, &json!({ kind: body }));
        }
        Some(Self { simulator, python })
    }

    /// Its exit status and what it says.
    fn check(&self, arguments: &[&str]) -> (i32, String) {
        let address = self.simulator.address();
        let check = Command::new(&self.python)
            .args(["-m", "check_netscaler", "-H", &address.ip().to_string(), "-P", &address.port().to_string()])
            .args(arguments)
            .output()
            .unwrap();
        let said = format!("{}{}", String::from_utf8_lossy(&check.stdout), String::from_utf8_lossy(&check.stderr));
        (check.status.code().unwrap(), said)
    }

    fn expect(&self, arguments: &[&str], status: i32, text: &str) {
        let (got, said) = self.check(arguments);
        assert_eq!(got, status, "{arguments:?}: {said}");
        assert!(said.contains(text), "{arguments:?}: {said}");
    }
}

#[test]
fn a_published_client_reads_states_quorums_and_health() {
    let Some(stage) = Stage::new("a_published_client_reads_states_quorums_and_health") else { return };
    let vserver = ["-C", "state", "-o", "lbvserver", "-n", "v1", "-w", "90", "-c", "10"];
    let group = ["-C", "servicegroup", "-n", "g1"];
    stage.expect(&vserver, OK, "v1 state: UP, Health: 100%");
    stage.expect(&group, OK, "g1 (HTTP) - state: UP - member quorum: 100.00% (UP/DOWN): 2/0");
    stage.simulator.health.set("10.0.0.2".parse().unwrap(), 80, false);
    stage.expect(&vserver, WARNING, "v1 state: UP, Health: 50%");
    stage.expect(&group, CRITICAL, "member quorum: 50.00% (UP/DOWN): 1/1");
    stage.simulator.health.set("10.0.0.1".parse().unwrap(), 80, false);
    stage.expect(&vserver, CRITICAL, "v1 state: DOWN, Health: 0%");
    stage.expect(&["-C", "state", "-o", "lbvserver", "-n", "v2"], CRITICAL, "not found");
    assert_eq!(stage.simulator.device().sessions(), 0, "it logs out");
}

#[test]
fn a_published_client_reads_counters_and_the_device_itself() {
    let Some(stage) = Stage::new("a_published_client_reads_counters_and_the_device_itself") else { return };
    let counters = Counters { current: 3, hits: 42, requests: 84, request_bytes: 700, response_bytes: 7000 };
    stage.simulator.device().count(DEFAULT, "lbvserver/v1", counters);
    let fields = "tothits,totalresponsebytes,hitsrate";
    stage.expect(&["-C", "perfdata", "-o", "lbvserver", "-n", fields], OK, "'totalresponsebytes'=7000");
    let above = ["-C", "above", "-o", "lbvserver", "-n", "curclntconnections", "-w", "2", "-c", "5"];
    stage.expect(&above, WARNING, "curclntconnections");
    stage.expect(&["-C", "nsconfig"], WARNING, "Unsaved configuration changes detected");
    stage.simulator.device().administer(DEFAULT, "POST", "nsconfig?action=save", &json!({"nsconfig": {}}));
    stage.expect(&["-C", "nsconfig"], OK, "No unsaved configuration changes");
    stage.expect(&["-C", "hwinfo"], OK, "NS14.1");
    stage.expect(&["-C", "hastatus"], OK, "hacurmasterstate Primary; hacurstate UP");
    stage.simulator.device().set_primary(false);
    stage.expect(&["-C", "hastatus"], OK, "hacurmasterstate Secondary");
    stage.expect(&["-p", "wrong", "-C", "nsconfig"], UNKNOWN, "Authentication failed");
    assert!(stage.simulator.journal.writes().is_empty(), "it only reads");
}
