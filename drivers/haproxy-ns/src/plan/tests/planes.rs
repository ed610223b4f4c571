//! Who serves what, and who keeps others out: haproxy or the kernel. Whatever it was before, it becomes what is asked
//! for.

use ballast_abi::{Connections, Effect};

use super::*;
use crate::preview::preview;

fn http(networks: &[&str]) -> LoadBalancer {
    let mut asked = samples::load_balancer(Protocol::Http);
    asked.listeners[0].allowed_cidrs = networks.iter().map(|one| (*one).to_owned()).collect();
    asked
}

/// HTTP on port 80, TCP on 81; `plane`: of the flavor.
fn both(plane: &str) -> LoadBalancer {
    let mut asked = http(&[]);
    let mut tcp = samples::load_balancer(Protocol::Tcp);
    tcp.pools[0].id = "tcp-pool".into();
    (tcp.listeners[0].id, tcp.listeners[0].protocol_port) = ("tcp".into(), 81);
    tcp.listeners[0].default_pool_id = "tcp-pool".into();
    asked.listeners.append(&mut tcp.listeners);
    asked.pools.append(&mut tcp.pools);
    asked.flavor_data = format!(r#"{{"data_plane": "{plane}"}}"#);
    asked
}

fn alone(plane: &str) -> LoadBalancer {
    let mut asked = both(plane);
    asked.listeners.remove(0);
    asked.pools.remove(0);
    asked
}

fn after(desired: &Desired, host: &Observed) -> Observed {
    let host = done(&plan(desired, host), desired, host);
    assert_eq!(plan(desired, &host), []);
    host
}

fn foreseen(desired: &Desired, host: &Observed) -> (Effect, Connections) {
    let said = preview(&plan(desired, host), desired, host, Vec::new());
    (said.effect(), said.connections())
}

#[test]
fn another_network_is_told_to_the_kernel_and_haproxy_does_not_hear_of_it() {
    let first = samples::desired(&http(&["10.0.0.0/8"]), 1);
    let host = after(&first, &Observed::default());
    assert!(!first.config.contains("allowed") && host.host.rules.has_table() && !host.host.rules.forwards());
    for (networks, step) in [
        (&["10.0.0.0/8", "192.0.2.0/24"][..], Some(plan::Step::Forward)),
        (&["10.0.0.0/8"], None),
        (&[], Some(plan::Step::StopForwarding)),
    ] {
        let next = samples::desired(&http(networks), 2);
        let told = Step::Tell { pid: 4711, changes: vec![Change::Generation(2)] };
        let step = step.map(Step::Host);
        let expected: Vec<&Step> =
            step.iter().chain([&Step::WriteConfig, &told, &Step::KeepPage, &Step::NoteDone]).collect();
        assert_eq!(steps(&plan(&next, &host)), expected, "{networks:?}");
        let effect = if step.is_some() { Effect::Runtime } else { Effect::None };
        assert_eq!(foreseen(&next, &host), (effect, Connections::Kept), "{networks:?}");
        assert_eq!(next.config.replace("str(2)", "str(1)"), first.config);
    }
    let mut torn = host.clone();
    torn.host.rules.table.torn = true;
    assert_eq!(steps(&plan(&first, &torn)), [&Step::Host(plan::Step::Forward), &Step::NoteDone]);
}

#[test]
fn without_networks_there_are_no_rules() {
    let desired = samples::desired(&http(&[]), 1);
    assert_eq!(desired.forwarded, None);
    let planned = plan(&desired, &Observed::default());
    assert!(!steps(&planned).contains(&&Step::Host(plan::Step::Forward)));
}

/// As a former release has left it: haproxy keeps others out. The kernel does before haproxy lets them in, and the
/// other way round.
#[test]
fn who_may_connect_is_said_by_somebody_at_each_moment_of_the_change_from_haproxy_to_the_kernel() {
    let asked = http(&["10.0.0.0/8"]);
    let by_haproxy = Desired::of(&samples::validated(&asked), samples::page(&asked), 1).unwrap();
    assert!(by_haproxy.config.contains("acl allowed src 10.0.0.0/8") && by_haproxy.forwarded.is_none());
    let host = after(&by_haproxy, &Observed::default());
    let noted = Desired::noted(host.state.as_ref().unwrap(), host.config.clone(), host.page.clone(), None).unwrap();
    assert_eq!(plan(&noted, &host), [], "it goes on as it was deployed");
    let by_kernel = samples::desired(&asked, 2);
    let planned = plan(&by_kernel, &host);
    assert_eq!(steps(&planned)[0], &Step::Host(plan::Step::Forward));
    assert!(steps(&planned).contains(&&Step::StartHaproxy { replacing: Some(4711) }));
    after(&by_kernel, &host);
}

#[test]
fn the_kernel_serves_tcp_where_the_flavor_says_so_and_haproxy_runs_for_the_rest_only() {
    let beside = samples::desired(&both("kernel"), 1);
    let asked = beside.forwarded.as_ref().unwrap();
    assert_eq!(asked.listeners.iter().map(|one| (one.id.as_str(), one.port)).collect::<Vec<_>>(), [("tcp", 81)]);
    assert!(!beside.alone && !beside.config.contains("tcp-pool") && beside.config.contains("mode http"));
    let without = samples::desired(&alone("kernel"), 1);
    assert!(without.alone && after(&without, &Observed::default()).process == Process::None);
    for plane in ["haproxy", "other"] {
        let desired = samples::desired(&both(plane), 1);
        assert!(desired.forwarded.is_none() && desired.config.contains("tcp-pool"), "{plane}");
    }
}

#[test]
fn another_data_plane_of_the_same_listeners_is_reached_and_its_price_is_told() {
    for asked in [alone as fn(&str) -> LoadBalancer, both] {
        let (haproxy, kernel) = (samples::desired(&asked("haproxy"), 1), samples::desired(&asked("kernel"), 2));
        let host = after(&haproxy, &Observed::default());
        assert_eq!(foreseen(&kernel, &host).1, Connections::Cut);
        let host = after(&kernel, &host);
        assert!(host.host.rules.forwards());
        let again = Desired { generation: 3, ..haproxy };
        let host = after(&again, &host);
        assert!(!host.host.rules.has_table() && matches!(host.process, Process::Answering(_)));
    }
}
