//! Everything that v1 can ask arrives on the device, changes, and goes.

use ballast_abi::{
    Driver, ErrorCode, Health, LbMethod, LoadBalancer, MonitorType, PersistenceType, Protocol, SessionPersistence, Vip,
};
use ballast_simulators::a10::Counters;
use serde_json::{Value, json};

use crate::stage::{ID, Stage, load_balancer, member, monitor, writes};

#[test]
fn a_load_balancer_is_deployed_once_changed_by_its_differences_and_leaves_nothing() {
    let stage = Stage::new();
    assert_eq!(stage.deploy(&load_balancer(), 1), []);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
    assert!(stage.simulator.device().is_saved());
    let port = format!("{}/port/80+http", stage.only("slb/virtual-server"));
    let group = stage.only("slb/service-group");
    assert_eq!(stage.field(&port, "service-group"), group.rsplit_once('/').unwrap().1);
    assert_eq!(stage.objects().iter().filter(|path| path.contains("/member/")).count(), 2);

    let mut asked = load_balancer();
    asked.pools[0].members.remove(1);
    stage.asked();
    assert_eq!(stage.deploy(&asked, 2), []);
    let sent = writes(&stage.asked());
    let kinds: Vec<(&str, bool)> = sent.iter().map(|sent| (&sent[..4], sent.contains("write/memory"))).collect();
    assert_eq!(kinds, [("DELE", false), ("DELE", false), ("POST", false), ("POST", true)], "{sent:?}");

    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
    assert!(stage.simulator.device().is_saved());
    assert_eq!((stage.deployed(), stage.open_sessions()), (vec![], 0));
    stage.undeploy();
}

#[test]
fn protocols_methods_persistences_and_monitors_of_every_kind_can_be_had() {
    let stage = Stage::new();
    let mut generation = 0;
    for protocol in [Protocol::Tcp, Protocol::Http, Protocol::Https] {
        for method in [LbMethod::RoundRobin, LbMethod::LeastConnections, LbMethod::SourceIp] {
            for (kind, kept) in [
                (MonitorType::Ping, None),
                (MonitorType::Tcp, Some(PersistenceType::SourceIp)),
                (MonitorType::Http, Some(PersistenceType::HttpCookie)),
                (MonitorType::Https, Some(PersistenceType::AppCookie)),
            ] {
                let cookie = matches!(kept, Some(PersistenceType::HttpCookie | PersistenceType::AppCookie));
                if cookie && protocol != Protocol::Http {
                    continue;
                }
                let mut asked = load_balancer();
                asked.listeners[0].protocol = protocol.into();
                asked.pools[0].protocol = protocol.into();
                asked.pools[0].lb_method = method.into();
                asked.pools[0].monitors = vec![monitor(kind)];
                asked.pools[0].members[0].weight = 256;
                asked.pools[0].session_persistence =
                    kept.map(|kind| SessionPersistence { r#type: kind.into(), cookie_name: "SID".into() });
                generation += 1;
                assert_eq!(stage.deploy(&asked, generation), [], "{protocol:?} {method:?} {kind:?} {kept:?}");
                assert_eq!(stage.deployed(), [(ID.to_owned(), generation)]);
            }
        }
    }
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}

#[test]
fn ipv6_admin_states_weights_and_limits_are_the_devices() {
    let stage = Stage::new();
    let mut asked = load_balancer();
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

#[test]
fn a_pool_without_a_vip_is_deployed_without_a_virtual_server() {
    let stage = Stage::new();
    let asked = LoadBalancer { vip: None, listeners: Vec::new(), ..load_balancer() };
    assert_eq!(stage.deploy(&asked, 4), []);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 4)]);
    assert!(!stage.objects().iter().any(|path| path.starts_with("slb/virtual-server")));
    let seen = stage.driver.observe(&[ID.to_owned()]).unwrap();
    assert_eq!(seen[0].statistics.unwrap().total_connections, 0);
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}

#[test]
fn statistics_and_health_are_read_and_counters_never_go_back() {
    let mut stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    let vport = format!("{}/80+http", stage.only("slb/virtual-server").rsplit_once('/').unwrap().1);
    let count = |stage: &Stage, connections| {
        let counters =
            Counters { current: 2, connections, forward_bytes: 10 * connections, reverse_bytes: 30 * connections };
        let partition = stage.partition();
        stage.simulator.device().count(&partition, &vport, counters);
    };
    count(&stage, 7);
    stage.down([10, 0, 0, 2], 8080);
    let seen = stage.driver.observe(&[]).unwrap();
    let statistics = seen[0].statistics.unwrap();
    assert_eq!((statistics.bytes_in, statistics.bytes_out), (70, 210));
    assert_eq!((statistics.active_connections, statistics.total_connections), (2, 7));
    let health: Vec<_> = seen[0].members.iter().map(|one| (one.member_id.as_str(), one.health())).collect();
    assert_eq!(health, [("member-1", Health::Up), ("member-2", Health::Down)]);

    stage.restart();
    count(&stage, 3);
    let total =
        |stage: &Stage| stage.driver.observe(&[ID.to_owned()]).unwrap()[0].statistics.unwrap().total_connections;
    assert_eq!(total(&stage), 10);
    assert_eq!(total(&stage), 10);
    let error = stage.driver.observe(&["unknown".to_owned()]).unwrap_err();
    assert_eq!(error.code, ErrorCode::NOT_FOUND);
}

#[test]
fn what_the_device_refuses_is_said_of_the_object_and_the_rest_is_made() {
    let stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    let partition = stage.partition();
    let taken = json!({"virtual-server": {"name": "old", "ip-address": "192.0.2.99"}});
    stage.simulator.device().administer(&partition, "POST", "slb/virtual-server", &taken);
    let mut asked = load_balancer();
    asked.vip = Some(Vip { address: "192.0.2.99".into(), ..Vip::default() });
    asked.pools[0].members.push(member(3));
    let faults = stage.deploy(&asked, 2);
    let objects: Vec<&str> = faults.iter().map(|fault| fault.object_id.as_str()).collect();
    assert!(objects.contains(&ID) && objects.iter().all(|id| [ID, "listener"].contains(id)), "{faults:?}");
    assert_eq!(stage.objects().iter().filter(|path| path.contains("/member/")).count(), 3);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 2)]);
    stage.simulator.device().administer(&partition, "DELETE", "slb/virtual-server/old", &Value::Null);
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(stage.field(&stage.only("slb/virtual-server"), "ip-address"), "192.0.2.99");
}

#[test]
fn two_hundred_members_are_deployed_in_one_call() {
    let stage = Stage::new();
    let mut asked = load_balancer();
    asked.pools[0].members = (1..=200).map(member).collect();
    assert_eq!(stage.deploy(&asked, 1), []);
    assert_eq!(stage.objects().iter().filter(|path| path.contains("/member/")).count(), 200);
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}
