//! The second user: at any point of ours, and what becomes of his rows.

use ballast_simulators::radware::{Visit, When};
use serde_json::{Value, json};

use crate::client::{Client, deploy, simulator};

const HIS: &str = "SlbNewCfgEnhGroupTable/his";

fn stages(visit: Visit) -> Visit {
    visit.asks("PUT", HIS, json!({"Metric": 7, "Name": "his"}))
}

#[test]
fn he_comes_once_before_or_after_a_request_that_fits() {
    for (when, lost) in [(When::Before, 0), (When::After, 1)] {
        let simulator = simulator();
        let client = Client::new(&simulator);
        let mut visit = if when == When::Before { Visit::before() } else { Visit::after() };
        visit = visit.method("PUT").path("*/SlbNewCfgEnhRealServerTable/*").body("10.0.0").passing(1).reverts();
        simulator.device().expect(visit);
        let put = |id: u8| {
            let body = json!({"IpAddr": format!("10.0.0.{id}")});
            assert_eq!(client.put(&format!("SlbNewCfgEnhRealServerTable/s{id}"), &body), 200);
        };
        put(1);
        assert_eq!(simulator.device().visits(), 1);
        assert_eq!(client.get("SlbNewCfgEnhRealServerTable/s1").status, 200);
        put(2);
        assert_eq!(simulator.device().visits(), 0);
        assert_eq!(simulator.device().staged().len(), 1 - lost);
        put(3);
        assert_eq!(simulator.device().staged().len(), 2 - lost);
    }
}

#[test]
fn his_rows_are_harmed_by_a_revert_and_forced_by_an_apply() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    simulator.device().visit(stages(Visit::before()));
    assert!(simulator.device().harmed().is_empty() && simulator.device().forced().is_empty());
    assert_eq!(client.apply(), 4);
    assert!(simulator.device().harmed().is_empty());
    assert_eq!(simulator.device().forced(), [HIS]);
    simulator.device().visit(Visit::before().asks("PUT", HIS, json!({"Metric": 2})));
    assert_eq!(client.set("agRevert", 2), 200);
    assert_eq!(simulator.device().harmed(), [HIS]);
}

#[test]
fn what_he_applies_himself_is_not_forced_and_what_he_reverts_is_not_harmed() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    simulator.device().visit(stages(Visit::before()).applies());
    let device = simulator.device();
    assert!(device.harmed().is_empty() && device.forced().is_empty() && device.is_idle());
    assert_eq!(device.applied(), [HIS]);
    drop(device);
    simulator.device().visit(Visit::before().asks("DELETE", HIS, Value::Null).reverts());
    assert!(simulator.device().harmed().is_empty());
    assert_eq!(client.rows("SlbNewCfgEnhGroupTable").len(), 1);
}

#[test]
fn he_holds_the_buffer_and_his_apply_takes_what_we_have_staged() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    deploy(&client);
    simulator.device().visit(Visit::before().holds());
    assert_eq!(client.rows("SlbCurCfgEnhVirtServerTable").len(), 1);
    assert_eq!(client.scalar("agApplyConfig"), 4);
    assert_eq!(client.set("agApplyConfig", 1), 406);
    assert_eq!((client.set("agApplyConfig", 2), client.set("agApplyConfig", 1)), (200, 200));
    simulator.device().visit(Visit::before().holds());
    assert_eq!(simulator.device().refusals_of_other().len(), 1, "he is refused as everybody is");
}
