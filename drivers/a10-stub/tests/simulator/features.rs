//! What only this vendor's devices have: how what v1 can ask arrives on them, changes, and goes.

use ballast_abi::{Driver, Vip};
use ballast_device::names;
use ballast_rehearsal::{
    Role, Stage,
    samples::{ID, another, checked, member},
    writes,
};
use ballast_simulators::{Fault, Kind};
use serde_json::{Value, json};

use crate::thunder::{Inspect, Thunder};

#[test]
fn a_load_balancer_is_deployed_once_changed_by_its_differences_and_leaves_nothing() {
    let stage = Stage::<Thunder>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
    assert!(stage.is_saved());
    let port = format!("{}/port/80+http", stage.only("slb/virtual-server"));
    let group = stage.only("slb/service-group");
    assert_eq!(stage.field(&port, "service-group"), group.rsplit_once('/').unwrap().1);
    assert_eq!(stage.count(Role::Member), 2);

    let mut asked = checked();
    asked.pools[0].members.remove(1);
    let _ = stage.asked();
    assert_eq!(stage.deploy(&asked, 2), []);
    let sent = writes(&stage.asked());
    let kinds: Vec<(&str, bool)> = sent.iter().map(|sent| (&sent[..4], sent.contains("write/memory"))).collect();
    assert_eq!(kinds, [("DELE", false), ("DELE", false), ("POST", false), ("POST", true)], "{sent:?}");

    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
    assert!(stage.is_saved());
    assert_eq!((stage.deployed(), stage.open_sessions()), (vec![], 0));
    stage.undeploy();
}

#[test]
fn ipv6_admin_states_weights_and_limits_are_the_devices() {
    let stage = Stage::<Thunder>::new();
    let mut asked = checked();
    asked.vip = Some(Vip { address: "2001:db8::10".into(), prefix_length: 64, ..Vip::default() });
    asked.admin_state_up = false;
    asked.listeners[0].connection_limit = 100;
    asked.pools[0].members[0].address = "2001:db8::1".into();
    asked.pools[0].members[0].weight = 4;
    asked.pools[0].members[1].weight = 0;
    asked.pools[0].members.push(member(3));
    assert_eq!(stage.deploy(&asked, 1), []);
    let server = stage.only("slb/virtual-server");
    assert_eq!(stage.field(&server, "ipv6-address"), "2001:db8::10");
    assert_eq!(stage.field(&server, "enable-disable-action"), "disable");
    let port = format!("{server}/port/80+http");
    assert_eq!(stage.field(&port, "conn-limit"), 100);
    let group = stage.only("slb/service-group");
    assert_eq!(stage.field(&group, "lb-method"), "weighted-rr");
    let members: Vec<String> = stage.objects().into_iter().filter(|path| path.contains("/member/")).collect();
    let mut states: Vec<Value> = members.iter().map(|path| stage.field(path, "member-state")).collect();
    states.sort_by_key(ToString::to_string);
    assert_eq!(states, ["disable-with-health-check", "enable", "enable"]);
    let template = stage.only("slb/template/port");
    assert_eq!(stage.field(&template, "weight"), 4);

    asked.admin_state_up = true;
    asked.listeners[0].connection_limit = -1;
    asked.pools[0].members[0].weight = 1;
    asked.pools[0].members[1].weight = 1;
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(stage.field(&server, "enable-disable-action"), "enable");
    assert_eq!(stage.field(&port, "conn-limit"), Value::Null);
    assert_eq!(stage.field(&group, "lb-method"), "round-robin");
    assert!(!stage.objects().iter().any(|path| path.starts_with("slb/template/port")));
}

/// Counters are asked for one by one, and one that hangs must not keep those of others away.
#[test]
fn a_load_balancer_whose_counters_do_not_come_costs_itself_only() {
    let stage = Stage::<Thunder>::new();
    assert_eq!((stage.deploy(&checked(), 1), stage.deploy(&another("other", "demo"), 1)), (vec![], vec![]));
    let name = names::object(&names::owner(ID), 'v', "");
    let hangs = Fault::new(Kind::Delay(3_600_000)).path(&format!("*/{name}/port/stats")).times(usize::MAX);
    stage.simulator.faults.add(hangs);
    for _ in 0..2 {
        let seen: Vec<String> =
            stage.driver.observe(&[]).unwrap().into_iter().map(|one| one.load_balancer_id).collect();
        assert_eq!(seen, ["other"]);
    }
    stage.simulator.faults.clear();
    assert_eq!(stage.driver.observe(&[]).unwrap().len(), 2);
}

#[test]
fn what_an_administrator_has_made_is_used_and_left_as_it_is() {
    let stage = Stage::<Thunder>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let partition = stage.partition();
    let make = |path: &str, body: Value| stage.simulator.device().administer(&partition, "POST", path, &body);
    make("slb/server", json!({"server": {"name": "old", "host": "10.0.0.3", "weight": 9}}));
    make("slb/service-group", json!({"service-group": {"name": "old", "protocol": "tcp"}}));
    make("slb/service-group/old/member", json!({"member": {"name": "old", "port": 1}}));
    make("health/monitor", json!({"monitor": {"name": "old"}}));
    let mut asked = checked();
    asked.pools[0].members.push(member(3));
    assert_eq!(stage.deploy(&asked, 2), []);
    assert!(stage.objects().iter().any(|path| path.ends_with("/member/old+8080")), "{:?}", stage.objects());
    stage.undeploy();
    assert_eq!(stage.field("slb/server/old", "weight"), 9);
    let left = stage.objects();
    let kept = ["health/monitor/old", "slb/server/old", "slb/server/old/port/1+tcp", "slb/service-group/old"];
    assert!(kept.iter().all(|path| left.iter().any(|left| left == path)), "{left:?}");
    assert!(!left.iter().any(|path| path.contains("/bl_")), "{left:?}");
}
