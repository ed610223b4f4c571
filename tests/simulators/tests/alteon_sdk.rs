//! The simulator against the vendor's own client, `alteon-sdk`: it is content with every answer, and leaves nothing.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    env, fs,
    path::{Path, PathBuf},
    process::Command,
};

use ballast_lab::not_run;
use ballast_simulators::{
    Options, Simulator,
    radware::{Alteon, Assumptions, Pace, Visit},
};
use serde_json::json;

const HIS: &str = "SlbNewCfgEnhGroupTable/his";

fn workspace() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).ancestors().nth(2).unwrap().to_owned()
}

/// The Python that has the client: of `make deps`, or the one that `BALLAST_ALTEON_PYTHON` names.
fn python() -> Option<PathBuf> {
    let named = env::var_os("BALLAST_ALTEON_PYTHON").map(PathBuf::from);
    named.or(Some(workspace().join(".venv-alteon/bin/python"))).filter(|path| path.exists())
}

/// It lives a load balancer's life. None: the test said that it cannot run.
fn play(test: &str, assumptions: Assumptions, prepare: impl Fn(&mut Alteon)) -> Option<Simulator<Alteon>> {
    let Some(python) = python() else {
        not_run(test, "alteon-sdk is not installed: run `make deps`, or set BALLAST_ALTEON_PYTHON");
        return None;
    };
    let simulator = Simulator::start(Alteon::default(), Options { tls: true, ..Options::default() }).unwrap();
    simulator.device().assume(assumptions);
    prepare(&mut simulator.device());
    let directory = tempfile::tempdir().unwrap();
    let key = rcgen::KeyPair::generate().unwrap();
    let params = rcgen::CertificateParams::new(vec!["www.example.com".to_owned()]).unwrap();
    let pem = [("certificate", params.self_signed(&key).unwrap().pem()), ("key", key.serialize_pem())];
    let files = pem.map(|(name, text)| {
        let file = directory.path().join(name);
        fs::write(&file, text).unwrap();
        file
    });
    let address = simulator.address();
    let played = Command::new(python)
        .arg(workspace().join("tests/clients/alteon_lifecycle.py"))
        .args([address.ip().to_string(), address.port().to_string()])
        .args(files)
        .output()
        .unwrap();
    assert!(played.status.success(), "{}", String::from_utf8_lossy(&played.stderr));
    Some(simulator)
}

#[test]
fn the_vendors_client_lives_a_load_balancers_life_and_leaves_nothing() {
    let test = "the_vendors_client_lives_a_load_balancers_life_and_leaves_nothing";
    let Some(simulator) = play(test, Assumptions::default(), |_| ()) else { return };
    let device = simulator.device();
    assert!(device.staged().is_empty() && device.applied().is_empty() && device.flash().is_empty());
    let rows = simulator.journal.writes();
    assert!(rows.iter().any(|entry| entry.path == "/config/SlbNewCfgEnhVirtServicesSeventhPartTable/v1/2"));
}

/// Where nobody knows what a device does, it takes both; and it looks again while an apply lasts. It hides that a key was
/// refused, as right after an apply, so that nothing is refused here.
#[test]
fn the_vendors_client_takes_the_answers_that_are_known_of_devices() {
    let test = "the_vendors_client_takes_the_answers_that_are_known_of_devices";
    let assumptions = Assumptions { certificates_are_staged: false, ..Assumptions::default() };
    let prepared = |device: &mut Alteon| {
        let pace = Pace { looks: 2, ..Pace::default() };
        device.set_pace(pace, pace);
    };
    let Some(simulator) = play(test, assumptions, prepared) else { return };
    assert!(simulator.device().staged().is_empty());
    let asked = simulator.journal.all();
    let looks = asked.iter().filter(|entry| entry.query.as_deref() == Some("prop=agApplyConfig")).count();
    let applies = asked.iter().filter(|entry| entry.body == Some(json!({"agApplyConfig": "1"}))).count();
    assert_eq!((looks, applies), (18, 6));
}

/// Why a driver must not do as it does: a failed apply of its own throws away what others have staged.
#[test]
fn the_vendors_client_throws_away_what_another_user_has_staged() {
    let test = "the_vendors_client_throws_away_what_another_user_has_staged";
    // He comes just before the change with which the apply fails.
    let comes = |device: &mut Alteon| {
        let body = json!({"Metric": 1, "Name": "his"});
        let visit = Visit::before().method("PUT").path("*SeventhPartTable/v1/1").body("nope").asks("PUT", HIS, body);
        device.expect(visit);
    };
    let Some(simulator) = play(test, Assumptions::default(), comes) else { return };
    assert_eq!(simulator.device().visits(), 0);
    assert_eq!(simulator.device().harmed(), [HIS]);
}
