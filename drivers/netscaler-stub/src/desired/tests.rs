//! Load balancers as objects of the device.

use ballast_abi::{HealthMonitor, LbMethod, LoadBalancer, Member, MonitorType};
use ballast_device::{Desired, Known, Objects, Step, desired};
use ballast_rehearsal::{
    plans::{deployed, steps},
    samples::{ODD_PATHS, load_balancer, member, monitor},
};

use super::*;
use crate::vendor::Options;

fn made(load_balancer: &LoadBalancer) -> Desired<Kind> {
    desired::<Adc>(load_balancer, 1, (&Options::default(), &Known::default()), &Objects::new()).unwrap()
}

fn all(desired: &Desired<Kind>, kind: Kind) -> Vec<Fields> {
    desired.wanted.objects.iter().filter(|(key, _)| key.kind == kind).map(|(_, fields)| fields.clone()).collect()
}

/// The only object of this kind.
fn only(desired: &Desired<Kind>, kind: Kind) -> Fields {
    let all = all(desired, kind);
    assert_eq!(all.len(), 1, "{kind:?}: {all:?}");
    all[0].clone()
}

fn complaints(desired: &Desired<Kind>) -> Vec<(&str, &str)> {
    let said =
        |fault: &'_ ballast_abi::ObjectFault| fault.fault.as_ref().map_or("", |fault| fault.message.as_str()).len();
    assert!(desired.faults.iter().all(|fault| said(fault) > 0));
    desired
        .faults
        .iter()
        .map(|fault| (fault.object_id.as_str(), fault.fault.as_ref().unwrap().message.as_str()))
        .collect()
}

#[test]
fn methods_are_the_virtual_servers_and_weights_the_members() {
    let mut asked = load_balancer(Protocol::Tcp);
    for (method, name) in [
        (LbMethod::RoundRobin, "ROUNDROBIN"),
        (LbMethod::LeastConnections, "LEASTCONNECTION"),
        (LbMethod::SourceIp, "SOURCEIPHASH"),
        (LbMethod::SourceIpPort, "SRCIPSRCPORTHASH"),
    ] {
        asked.pools[0].lb_method = method.into();
        assert_eq!(only(&made(&asked), Kind::VirtualServer)["lbmethod"], name);
    }
    asked.pools[0].members[0].weight = 256;
    asked.pools[0].members[1].weight = 64;
    let mut weights: Vec<u64> =
        all(&made(&asked), Kind::Member).iter().map(|member| member["weight"].as_u64().unwrap()).collect();
    weights.sort_unstable();
    assert_eq!(weights, [25, 100]);
}

#[test]
fn a_weight_of_0_and_each_admin_state_take_out_of_service() {
    let state = |change: fn(&mut LoadBalancer)| {
        let mut asked = load_balancer(Protocol::Tcp);
        asked.pools[0].members.truncate(1);
        change(&mut asked);
        let desired = made(&asked);
        let text = |kind, name: &str| only(&desired, kind)[name].as_str().unwrap().to_owned();
        (text(Kind::Member, "state"), text(Kind::Member, "graceful"), text(Kind::VirtualServer, "state"))
    };
    let says = |member: &str, graceful: &str, front: &str| (member.into(), graceful.into(), front.into());
    assert_eq!(state(|_| ()), says("ENABLED", "YES", "ENABLED"));
    assert_eq!(state(|asked| asked.pools[0].members[0].weight = 0), says("DISABLED", "YES", "ENABLED"));
    assert_eq!(state(|asked| asked.pools[0].members[0].admin_state_up = false), says("DISABLED", "NO", "ENABLED"));
    assert_eq!(state(|asked| asked.pools[0].admin_state_up = false), says("DISABLED", "NO", "ENABLED"));
    assert_eq!(state(|asked| asked.listeners[0].admin_state_up = false), says("ENABLED", "YES", "DISABLED"));
    assert_eq!(state(|asked| asked.listeners[0].connection_limit = 0), says("ENABLED", "YES", "DISABLED"));
    assert_eq!(state(|asked| asked.admin_state_up = false), says("ENABLED", "YES", "DISABLED"));
}

#[test]
fn connections_over_the_limit_are_dropped() {
    let mut asked = load_balancer(Protocol::Tcp);
    let limits = |asked: &LoadBalancer| {
        let made = only(&made(asked), Kind::VirtualServer);
        ["somethod", "sothreshold", "sobackupaction"].map(|name| made.get(name).cloned().unwrap_or_default())
    };
    assert_eq!(limits(&asked), [json!("NONE"), Value::Null, Value::Null]);
    asked.listeners[0].connection_limit = 7;
    assert_eq!(limits(&asked), [json!("CONNECTION"), json!(7), json!("DROP")]);
}

#[test]
fn sessions_are_kept_by_the_virtual_server() {
    let mut asked = load_balancer(Protocol::Http);
    let mut keep = |kind: PersistenceType, protocol: Protocol, cookie: &str| {
        asked.listeners[0].protocol = protocol.into();
        asked.pools[0].session_persistence = Some(ballast_rehearsal::samples::persistence(kind, cookie));
        made(&asked)
    };
    let app = only(&keep(PersistenceType::AppCookie, Protocol::Http, "SID"), Kind::VirtualServer);
    assert_eq!((&app["persistencetype"], &app["rule"]), (&json!("RULE"), &json!("HTTP.REQ.COOKIE.VALUE(\"SID\")")));
    assert_eq!(app["resrule"], "HTTP.RES.SET_COOKIE.COOKIE(\"SID\").VALUE(\"SID\")");
    let cookie = only(&keep(PersistenceType::HttpCookie, Protocol::Http, ""), Kind::VirtualServer);
    assert_eq!((&cookie["persistencetype"], &cookie["timeout"]), (&json!("COOKIEINSERT"), &json!(0)));
    let source = only(&keep(PersistenceType::SourceIp, Protocol::Tcp, ""), Kind::VirtualServer);
    assert_eq!((&source["persistencetype"], &source["timeout"]), (&json!("SOURCEIP"), &json!(180)));
    let refused = keep(PersistenceType::HttpCookie, Protocol::Tcp, "");
    assert_eq!(complaints(&refused), [("listener", "sessions can be kept by cookies with HTTP only")]);
    let odd = keep(PersistenceType::AppCookie, Protocol::Http, "S\").X(\"");
    let why = "the device cannot follow a cookie with this name: sessions are not kept";
    assert_eq!(complaints(&odd), [("listener", why)]);
    assert_eq!(only(&odd, Kind::VirtualServer)["persistencetype"], "NONE");
}

#[test]
fn a_path_is_asked_for_as_it_is() {
    for path in ODD_PATHS {
        let mut asked = load_balancer(Protocol::Http);
        asked.pools[0].monitors = vec![HealthMonitor { url_path: path.into(), ..monitor(MonitorType::Http) }];
        assert_eq!(only(&made(&asked), Kind::Monitor)["httprequest"], format!("GET {path}"));
    }
}

#[test]
fn monitors_become_probes_and_what_cannot_be_checked_is_said() {
    let with = |kind: MonitorType, change: fn(&mut ballast_abi::HealthMonitor)| {
        let mut asked = load_balancer(Protocol::Http);
        let mut monitor = monitor(kind);
        change(&mut monitor);
        asked.pools[0].monitors = vec![monitor];
        made(&asked)
    };
    let http = only(&with(MonitorType::Http, |_| ()), Kind::Monitor);
    assert_eq!((&http["type"], &http["secure"]), (&json!("HTTP"), &json!("NO")));
    assert_eq!((&http["httprequest"], &http["respcode"]), (&json!("GET /health"), &json!(["200", "202-204"])));
    assert_eq!((&http["interval"], &http["resptimeout"], &http["retries"]), (&json!(5), &json!(3), &json!(4)));
    let https = with(MonitorType::Https, |monitor| monitor.http_method = "head".into());
    assert_eq!((&only(&https, Kind::Monitor)["secure"]), &json!("YES"));
    assert_eq!(only(&https, Kind::Monitor)["httprequest"], "HEAD /health");
    assert_eq!(only(&https, Kind::Group)["healthmonitor"], "YES");
    assert_eq!(only(&with(MonitorType::Ping, |_| ()), Kind::Monitor)["type"], "PING");
    assert_eq!(only(&with(MonitorType::Tcp, |_| ()), Kind::Monitor)["type"], "TCP");
    let odd = with(MonitorType::Http, |monitor| monitor.url_path = "/a\r\nHost: b".into());
    assert_eq!(complaints(&odd).len(), 1);
    assert_eq!((only(&odd, Kind::Group)["healthmonitor"].as_str(), all(&odd, Kind::Check).len()), (Some("NO"), 0));
    let slow = with(MonitorType::Tcp, |monitor| (monitor.delay, monitor.timeout) = (30_000, 30_000));
    assert_eq!(complaints(&slow).len(), 1);
    assert_eq!(only(&slow, Kind::Monitor)["interval"], 20_939);
}

#[test]
fn a_pool_can_have_several_monitors() {
    let mut asked = load_balancer(Protocol::Http);
    let other = ballast_abi::HealthMonitor { id: "other".into(), ..monitor(MonitorType::Ping) };
    asked.pools[0].monitors = vec![monitor(MonitorType::Http), other];
    let desired = made(&asked);
    assert_eq!((all(&desired, Kind::Monitor).len(), all(&desired, Kind::Check).len()), (2, 2));
    assert_eq!(complaints(&desired), []);
}

#[test]
fn a_server_that_somebody_else_has_made_is_used_and_not_changed() {
    let server = fields(json!({"name": "web one", "ipaddress": "10.0.0.1"}));
    let found = Objects::from([(Key::top(Kind::Server, "web one"), server)]);
    let desired =
        desired::<Adc>(&load_balancer(Protocol::Tcp), 1, (&Options::default(), &Known::default()), &found).unwrap();
    assert_eq!(all(&desired, Kind::Server).len(), 1);
    assert_eq!(desired.members[0].server, "web one");
}

#[test]
fn what_the_device_cannot_do_is_a_fault_of_the_object_and_the_rest_is_made() {
    let mut asked = load_balancer(Protocol::Tcp);
    // To the device the last port is all of them.
    asked.listeners[0].protocol_port = 65_535;
    asked.pools[0].members.push(Member { id: "twin".into(), ..member(1) });
    asked.pools[0].members.push(Member { id: "odd".into(), address: "x".into(), ..member(3) });
    let desired = made(&asked);
    let objects: Vec<&str> = complaints(&desired).into_iter().map(|(object, _)| object).collect();
    assert_eq!((objects, desired.members.len()), (vec!["twin", "odd", "listener"], 2));
}

#[test]
fn another_port_makes_the_virtual_server_anew_and_another_address_does_not() {
    let mut asked = load_balancer(Protocol::Http);
    let found = deployed::<Adc>(&asked, 1, Objects::new());
    asked.vip.as_mut().unwrap().address = "192.0.2.11".into();
    let kinds = |steps: Vec<Step<Kind>>| steps.iter().map(|step| step.key().kind).collect::<Vec<_>>();
    assert_eq!(kinds(steps::<Adc>(&asked, 1, &found)), [Kind::VirtualServer]);
    asked.listeners[0].protocol_port = 81;
    let made_again = [Kind::VirtualServer, Kind::VirtualServer, Kind::Backend];
    assert_eq!(kinds(steps::<Adc>(&asked, 1, &found)), made_again);
}

#[test]
fn what_belongs_together_is_sent_together() {
    let mut asked = load_balancer(Protocol::Http);
    asked.listeners[0].connection_limit = 5;
    let found = deployed::<Adc>(&asked, 1, Objects::new());
    asked.listeners[0].connection_limit = 6;
    let steps = steps::<Adc>(&asked, 1, &found);
    let [Step::Change(_, changes)] = &steps[..] else { panic!("{steps:?}") };
    let mut names: Vec<&str> = changes.keys().map(String::as_str).collect();
    names.sort_unstable();
    assert_eq!(names, ["sobackupaction", "somethod", "sothreshold"]);
}

#[test]
fn a_check_rises_as_often_as_it_is_asked_to_and_a_handshake_is_one() {
    let mut asked = load_balancer(Protocol::Https);
    asked.pools[0].monitors = vec![HealthMonitor { rise: 3, ..monitor(MonitorType::TlsHello) }];
    let check = only(&made(&asked), Kind::Monitor);
    assert_eq!((&check["type"], &check["secure"], &check["successretries"]), (&json!("TCP"), &json!("YES"), &json!(3)));
    asked.pools[0].monitors[0].rise = 0;
    assert_eq!(only(&made(&asked), Kind::Monitor)["successretries"], 1);
}
