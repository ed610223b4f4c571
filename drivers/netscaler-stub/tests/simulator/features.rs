//! What only this vendor's devices have: how what v1 can ask arrives on them, changes, and goes.

use ballast_abi::{HealthMonitor, LbMethod, MonitorType, Vip};
use ballast_rehearsal::{
    Role, Stage,
    samples::{ID, checked, member, monitor},
    writes,
};
use serde_json::{Value, json};

use crate::adc::{Adc, Inspect};

const MEMBERS: &str = "servicegroup_servicegroupmember_binding";

/// What a change sends, without where it is sent to.
pub(crate) fn verbs(stage: &Stage<Adc>) -> Vec<String> {
    let short = |sent: String| sent.replace("/nitro/v1/config/", "");
    writes(&stage.asked())
        .into_iter()
        .map(short)
        .map(|sent| sent.split("/bl_").next().unwrap_or_default().to_owned())
        .collect()
}

#[test]
fn a_load_balancer_is_deployed_once_changed_by_its_differences_and_leaves_nothing() {
    let stage = Stage::<Adc>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
    let front = stage.only("lbvserver");
    assert_eq!(stage.field(&front, "ipv46"), "192.0.2.10");
    let group = stage.only("servicegroup");
    let backend = stage.only("lbvserver_servicegroup_binding");
    assert!(backend.ends_with(group.trim_start_matches("servicegroup")), "{backend} {group}");
    assert_eq!(stage.count(Role::Member), 2);

    let mut asked = checked();
    asked.pools[0].members.remove(1);
    let _ = stage.asked();
    assert_eq!(stage.deploy(&asked, 2), []);
    let unbound = format!("DELETE {MEMBERS}");
    assert_eq!(verbs(&stage), [&unbound, "DELETE server", "PUT servicegroup", "POST nsconfig"]);

    asked.pools[0].members[0].weight = 4;
    asked.pools[0].members.push(member(2));
    asked.pools[0].lb_method = LbMethod::LeastConnections.into();
    assert_eq!(stage.deploy(&asked, 3), []);
    let bound = format!("POST {MEMBERS}");
    let changes = ["POST server", "PUT servicegroup", &bound, "PUT lbvserver", "PUT servicegroup", "POST nsconfig"];
    let sent = verbs(&stage);
    assert_eq!(
        (sent.len(), changes.iter().all(|change| sent.iter().any(|sent| sent == change))),
        (6, true),
        "{sent:?}"
    );

    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
    assert!(stage.is_saved());
    assert_eq!((stage.deployed(), stage.open_sessions()), (vec![], 0));
}

#[test]
fn ipv6_admin_states_weights_and_limits_are_the_devices() {
    let stage = Stage::<Adc>::new();
    let mut asked = checked();
    asked.vip = Some(Vip { address: "2001:db8::10".into(), prefix_length: 64, ..Vip::default() });
    asked.admin_state_up = false;
    asked.listeners[0].connection_limit = 100;
    asked.pools[0].members[0].address = "2001:db8::1".into();
    asked.pools[0].members[0].weight = 4;
    asked.pools[0].members[1].weight = 0;
    asked.pools[0].members.push(member(3));
    assert_eq!(stage.deploy(&asked, 1), []);
    let front = stage.only("lbvserver");
    assert_eq!(stage.field(&front, "ipv46"), "2001:db8::10");
    assert_eq!(stage.field(&front, "state"), "DISABLED");
    assert_eq!(
        (stage.field(&front, "sothreshold"), stage.field(&front, "sobackupaction")),
        (json!(100), json!("DROP"))
    );
    let of_members = |field: &str| {
        let members: Vec<String> = stage.objects().into_iter().filter(|path| path.starts_with(MEMBERS)).collect();
        let mut all: Vec<String> = members.iter().map(|path| stage.field(path, field).to_string()).collect();
        all.sort();
        all
    };
    assert_eq!(of_members("state"), ["\"DISABLED\"", "\"ENABLED\"", "\"ENABLED\""]);
    assert_eq!(of_members("weight"), ["1", "1", "4"]);

    asked.admin_state_up = true;
    asked.listeners[0].connection_limit = -1;
    asked.pools[0].members[0].weight = 1;
    asked.pools[0].members[1].weight = 1;
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(stage.field(&front, "state"), "ENABLED");
    assert_eq!((stage.field(&front, "somethod"), stage.field(&front, "sothreshold")), (json!("NONE"), Value::Null));
    assert_eq!(
        (of_members("state"), of_members("weight")),
        (vec!["\"ENABLED\"".to_owned(); 3], vec!["1".to_owned(); 3])
    );
}

#[test]
fn a_member_of_weight_0_finishes_what_it_has_and_one_that_is_off_does_not() {
    let stage = Stage::<Adc>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let _ = stage.asked();
    let mut asked = checked();
    asked.pools[0].members[0].weight = 0;
    asked.pools[0].members[1].admin_state_up = false;
    assert_eq!(stage.deploy(&asked, 2), []);
    let asked_of = |entry: &ballast_simulators::Entry| {
        let list = entry.body.as_ref()?["servicegroup"].as_array()?.clone();
        let graceful = list.iter().filter_map(|body| body["graceful"].as_str().map(str::to_owned)).collect::<Vec<_>>();
        (entry.query.as_deref()? == "action=disable").then_some(graceful)
    };
    let mut graceful: Vec<String> = stage.asked().iter().filter_map(asked_of).flatten().collect();
    graceful.sort();
    assert_eq!(graceful, ["NO", "YES"]);
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(verbs(&stage), [""; 0]);
}

#[test]
fn several_monitors_come_change_and_go() {
    let stage = Stage::<Adc>::new();
    let mut asked = checked();
    let slow = |kind, id: &str, delay| HealthMonitor { id: id.into(), delay, timeout: delay - 1, ..monitor(kind) };
    asked.pools[0].monitors =
        vec![monitor(MonitorType::Https), slow(MonitorType::Ping, "ping", 60), slow(MonitorType::Tcp, "tcp", 2)];
    assert_eq!(stage.deploy(&asked, 1), []);
    let count = |resource: &str| stage.objects().iter().filter(|path| path.split('/').next() == Some(resource)).count();
    assert_eq!((count("lbmonitor"), count("servicegroup_lbmonitor_binding")), (3, 3));
    let _ = stage.asked();
    // Whole minutes, as the device shows them, are no difference.
    assert_eq!(stage.deploy(&asked, 1), []);
    assert_eq!(verbs(&stage), [""; 0]);
    asked.pools[0].monitors[0].url_path = "/other".into();
    asked.pools[0].monitors[1].delay = 61;
    assert_eq!(stage.deploy(&asked, 2), []);
    // Both monitors in one list.
    assert_eq!(verbs(&stage), ["PUT lbmonitor", "PUT servicegroup", "POST nsconfig"]);
    // Another type is another monitor.
    asked.pools[0].monitors[2].r#type = MonitorType::Ping.into();
    asked.pools[0].monitors.remove(0);
    assert_eq!(stage.deploy(&asked, 3), []);
    assert_eq!((count("lbmonitor"), count("servicegroup_lbmonitor_binding")), (2, 2));
    asked.pools[0].monitors.clear();
    assert_eq!(stage.deploy(&asked, 4), []);
    assert_eq!((count("lbmonitor"), count("servicegroup_lbmonitor_binding")), (0, 0));
    assert_eq!(stage.field(&stage.only("servicegroup"), "healthmonitor"), "NO");
}

#[test]
fn what_an_administrator_has_made_is_used_and_left_as_it_is() {
    let stage = Stage::<Adc>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let group = stage.only("servicegroup").rsplit('/').next().unwrap().to_owned();
    stage.administer(
        "POST",
        "server",
        &json!({"server": {"name": "web one", "ipaddress": "10.0.0.3", "comment": "x"}}),
    );
    stage.administer(
        "POST",
        "servicegroup",
        &json!({"servicegroup": {"servicegroupname": "old", "servicetype": "TCP"}}),
    );
    stage.administer("POST", "lbmonitor", &json!({"lbmonitor": {"monitorname": "own", "type": "PING"}}));
    let ours = ballast_device::names::server([10, 0, 0, 1].into());
    for server in ["web one", &ours] {
        let member = json!({"servicegroupname": "old", "servername": server, "port": 1});
        stage.administer("POST", MEMBERS, &json!({ MEMBERS: member }));
    }
    let bound = json!({"servicegroupname": group, "monitor_name": "own"});
    stage.administer("POST", "servicegroup_lbmonitor_binding", &json!({"servicegroup_lbmonitor_binding": bound}));
    let mut asked = checked();
    asked.pools[0].members.push(member(3));
    assert_eq!(stage.deploy(&asked, 2), []);
    let binding = format!("{MEMBERS}/{group}/web one+8080");
    assert!(stage.objects().contains(&binding), "{:?}", stage.objects());
    assert!(stage.objects().contains(&format!("servicegroup_lbmonitor_binding/{group}/own")));
    stage.undeploy();
    let mut left = stage.objects();
    left.sort();
    let mut kept = vec![
        "lbmonitor/own".to_owned(),
        "server/web one".to_owned(),
        // An administrator uses it.
        format!("server/{ours}"),
        "servicegroup/old".to_owned(),
        format!("{MEMBERS}/old/web one+1"),
        format!("{MEMBERS}/old/{ours}+1"),
    ];
    kept.sort();
    assert_eq!(left, kept);
    assert_eq!(stage.field("server/web one", "comment"), "x");
}
