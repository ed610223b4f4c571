//! Load balancers as objects of the device.

use ballast_abi::{HealthMonitor, LbMethod, LoadBalancer, MonitorType, PersistenceType};
use ballast_device::{Desired, Key, Known, Objects, Step, desired, fields};
use ballast_rehearsal::{
    plans::{deployed, steps},
    samples::{ODD_PATHS, load_balancer, member, monitor},
};

use super::*;
use crate::vendor::Options;

fn made(load_balancer: &LoadBalancer) -> Desired<Kind> {
    desired::<Thunder>(load_balancer, 1, (&Options::default(), &Known::default()), &Objects::new()).unwrap()
}

/// The only object of this kind.
fn only(desired: &Desired<Kind>, kind: Kind) -> Fields {
    let all: Vec<_> = desired.wanted.objects.iter().filter(|(key, _)| key.kind == kind).collect();
    assert_eq!(all.len(), 1, "{kind:?}: {all:?}");
    all[0].1.clone()
}

fn complaints(desired: &Desired<Kind>) -> Vec<(&str, &str)> {
    let mut all = Vec::new();
    for fault in &desired.faults {
        all.push((fault.object_id.as_str(), fault.fault.as_ref().map_or("", |fault| fault.message.as_str())));
    }
    all
}

#[test]
fn methods_take_weights_where_they_are_unequal() {
    let mut asked = load_balancer(Protocol::Tcp);
    let method = |asked: &LoadBalancer| {
        let group = only(&made(asked), Kind::Group);
        (group["lb-method"].clone(), group["lc-method"].clone())
    };
    assert_eq!(method(&asked), (json!("round-robin"), Value::Null));
    asked.pools[0].lb_method = LbMethod::LeastConnections.into();
    assert_eq!(method(&asked), (Value::Null, json!("least-connection")));
    asked.pools[0].members[0].weight = 5;
    assert_eq!(method(&asked), (Value::Null, json!("service-weighted-least-connection")));
    asked.pools[0].lb_method = LbMethod::RoundRobin.into();
    assert_eq!(method(&asked), (json!("weighted-rr"), Value::Null));
    assert_eq!(only(&made(&asked), Kind::PortTemplate)["weight"], 5);
    asked.pools[0].lb_method = LbMethod::SourceIp.into();
    assert_eq!(method(&asked), (json!("src-ip-only-hash"), Value::Null));
    assert!(made(&asked).wanted.objects.keys().all(|key| key.kind != Kind::PortTemplate));
}

#[test]
fn a_weight_of_0_and_each_admin_state_become_a_members_state() {
    let state = |change: fn(&mut LoadBalancer)| {
        let mut asked = load_balancer(Protocol::Tcp);
        asked.pools[0].members.truncate(1);
        change(&mut asked);
        only(&made(&asked), Kind::Member)["member-state"].as_str().unwrap().to_owned()
    };
    assert_eq!(state(|_| ()), "enable");
    assert_eq!(state(|asked| asked.pools[0].members[0].weight = 0), "disable-with-health-check");
    assert_eq!(state(|asked| asked.pools[0].members[0].admin_state_up = false), "disable");
    assert_eq!(state(|asked| asked.pools[0].admin_state_up = false), "disable");
    let mut asked = load_balancer(Protocol::Tcp);
    asked.admin_state_up = false;
    asked.listeners[0].admin_state_up = false;
    assert_eq!(only(&made(&asked), Kind::VirtualServer)["enable-disable-action"], "disable");
    assert_eq!(only(&made(&asked), Kind::VirtualPort)["action"], "disable");
}

fn with_cookie(name: &str) -> LoadBalancer {
    let mut asked = load_balancer(Protocol::Http);
    asked.pools[0].session_persistence =
        Some(ballast_rehearsal::samples::persistence(PersistenceType::AppCookie, name));
    asked
}

#[test]
fn a_limit_that_the_device_does_not_have_is_said() {
    let mut asked = load_balancer(Protocol::Http);
    for (limit, has, said) in
        [(7_999_999, json!(7_999_999), 0), (8_000_000, Value::Null, 0), (9_000_000, Value::Null, 1)]
    {
        asked.listeners[0].connection_limit = limit;
        assert_eq!(only(&made(&asked), Kind::VirtualPort)["conn-limit"], has);
        assert_eq!(complaints(&made(&asked)).len(), said, "{limit}");
    }
}

#[test]
fn sessions_are_kept_by_a_template_on_the_virtual_port() {
    let mut asked = load_balancer(Protocol::Http);
    let mut keep = |kind: PersistenceType, protocol: Protocol| {
        asked.listeners[0].protocol = protocol.into();
        asked.pools[0].session_persistence = Some(ballast_rehearsal::samples::persistence(kind, "SID"));
        made(&asked)
    };
    let app = keep(PersistenceType::AppCookie, Protocol::Http);
    let template = only(&app, Kind::Cookie);
    assert_eq!((&template["cookie-name"], &template["pass-thru"]), (&json!("SID"), &json!(1)));
    assert_eq!(only(&app, Kind::VirtualPort)["template-persist-cookie"], template["name"]);
    let cookie = keep(PersistenceType::HttpCookie, Protocol::Http);
    assert_eq!(only(&cookie, Kind::Cookie)["pass-thru"], Value::Null);
    let source = keep(PersistenceType::SourceIp, Protocol::Tcp);
    assert_eq!(only(&source, Kind::VirtualPort)["template-persist-source-ip"], only(&source, Kind::SourceIp)["name"]);
    let long = made(&with_cookie(&"s".repeat(64)));
    let why = "the device follows cookies with names of 1 to 63 characters: sessions are not kept";
    assert_eq!(complaints(&long), [("listener", why)]);
    assert_eq!(only(&long, Kind::VirtualPort)["template-persist-cookie"], Value::Null);
    assert_eq!(complaints(&made(&with_cookie(&"s".repeat(63)))), []);
    let refused = keep(PersistenceType::HttpCookie, Protocol::Tcp);
    assert_eq!(complaints(&refused), [("listener", "sessions can be kept by cookies with HTTP only")]);
    assert_eq!(only(&refused, Kind::VirtualPort)["template-persist-cookie"], Value::Null);
}

#[test]
fn monitors_become_methods_and_what_cannot_be_checked_is_said() {
    let method = |kind: MonitorType, change: fn(&mut ballast_abi::HealthMonitor)| {
        let mut asked = load_balancer(Protocol::Http);
        let mut monitor = monitor(kind);
        change(&mut monitor);
        asked.pools[0].monitors = vec![monitor];
        made(&asked)
    };
    let http = only(&method(MonitorType::Http, |_| ()), Kind::Monitor);
    assert_eq!(http["method"]["http"]["http-response-code"], "200,202-204");
    assert_eq!((&http["interval"], &http["timeout"], &http["retry"]), (&json!(5), &json!(3), &json!(4)));
    let https = only(&method(MonitorType::Https, |monitor| monitor.http_method = "post".into()), Kind::Monitor);
    assert_eq!(https["method"]["https"]["post-path"], "/health");
    assert_eq!(only(&method(MonitorType::Ping, |_| ()), Kind::Monitor)["method"], json!({"icmp": {"icmp": 1}}));
    assert_eq!(only(&method(MonitorType::Tcp, |_| ()), Kind::Monitor)["method"]["tcp"]["method-tcp"], 1);
    let odd = method(MonitorType::Http, |monitor| monitor.http_method = "PUT".into());
    assert_eq!(complaints(&odd), [("monitor", "the device checks with GET, HEAD or POST, not with PUT")]);
    assert_eq!(only(&odd, Kind::Group)["health-check"], Value::Null);
    let slow = method(MonitorType::Tcp, |monitor| (monitor.delay, monitor.timeout) = (600, 600));
    let said = "the device takes a delay of 1 to 180, not 600: it has 180; the device takes a timeout of 1 to 180, not \
        600: it has 180";
    assert_eq!(complaints(&slow), [("monitor", said)]);
    assert_eq!(
        (&only(&slow, Kind::Monitor)["interval"], &only(&slow, Kind::Monitor)["timeout"]),
        (&json!(180), &json!(180))
    );
}

#[test]
fn a_server_that_somebody_else_has_made_is_used_and_not_changed() {
    let mut found = Objects::new();
    found.insert(Key::top(Kind::Server, "web one"), fields(json!({"name": "web one", "host": "10.0.0.1"})));
    let desired =
        desired::<Thunder>(&load_balancer(Protocol::Tcp), 1, (&Options::default(), &Known::default()), &found).unwrap();
    let servers: Vec<_> = desired.wanted.objects.keys().filter(|key| key.kind == Kind::Server).collect();
    assert_eq!(servers.len(), 1);
    assert_eq!(desired.members[0].server, "web one");
}

#[test]
fn what_the_device_cannot_do_is_a_fault_of_the_object_and_the_rest_is_made() {
    let mut asked = load_balancer(Protocol::Tcp);
    asked.listeners[0].protocol_port = 65_535;
    asked.pools[0].members.push(ballast_abi::Member { id: "twin".into(), ..member(1) });
    asked.pools[0].members.push(ballast_abi::Member { id: "odd".into(), address: "x".into(), ..member(3) });
    let desired = made(&asked);
    let objects: Vec<&str> = desired.faults.iter().map(|fault| fault.object_id.as_str()).collect();
    assert_eq!(objects, ["twin", "odd", "listener"]);
    assert_eq!(desired.members.len(), 2);
}

#[test]
fn another_address_makes_the_virtual_server_anew_and_another_limit_does_not() {
    let mut asked = load_balancer(Protocol::Http);
    let found = deployed::<Thunder>(&asked, 1, Objects::new());
    asked.listeners[0].connection_limit = 10;
    let kinds = |steps: Vec<Step<Kind>>| steps.iter().map(|step| step.key().kind).collect::<Vec<_>>();
    assert_eq!(kinds(steps::<Thunder>(&asked, 1, &found)), [Kind::VirtualPort]);
    asked.vip.as_mut().unwrap().address = "192.0.2.11".into();
    let made_again = [Kind::VirtualServer, Kind::VirtualServer, Kind::VirtualPort];
    assert_eq!(kinds(steps::<Thunder>(&asked, 1, &found)), made_again);
}

#[test]
fn a_path_is_asked_for_as_it_is() {
    for path in ODD_PATHS {
        let mut asked = load_balancer(Protocol::Http);
        asked.pools[0].monitors = vec![HealthMonitor { url_path: path.into(), ..monitor(MonitorType::Http) }];
        assert_eq!(only(&made(&asked), Kind::Monitor)["method"]["http"]["url-path"], path);
    }
}

#[test]
fn backups_come_after_the_others_and_a_pool_without_has_no_priorities() {
    let mut asked = load_balancer(Protocol::Http);
    let priorities = |asked: &LoadBalancer| -> Vec<Value> {
        let made = made(asked);
        let of = |address: &str| {
            let server = |key: &Key<Kind>| {
                made.wanted.objects[&Key::top(Kind::Server, &key.child.as_ref().unwrap().name)].clone()
            };
            let members = made.wanted.objects.iter().filter(|(key, _)| key.kind == Kind::Member);
            let mut its = members.filter(|(key, _)| server(key)["host"] == address);
            its.next().unwrap().1["member-priority"].clone()
        };
        asked.pools[0].members.iter().map(|member| of(&member.address)).collect()
    };
    assert_eq!(priorities(&asked), [Value::Null, Value::Null]);
    asked.pools[0].members[1].backup = true;
    assert_eq!(priorities(&asked), [json!(2), Value::Null]);
    asked.pools[0].lb_method = LbMethod::SourceIpPort.into();
    assert_eq!(only(&made(&asked), Kind::Group)["lb-method"], "src-ip-hash");
}

#[test]
fn a_listener_of_tcp_takes_a_pool_of_http_as_it_comes() {
    let mut asked = load_balancer(Protocol::Http);
    asked.listeners[0].protocol = Protocol::Tcp.into();
    let made = made(&asked);
    assert!(made.faults.is_empty(), "{:?}", made.faults);
    assert_eq!(only(&made, Kind::VirtualPort)["protocol"], "tcp");
}
