//! Every kind of configuration as a file in `snapshots/`, and each is given to haproxy itself.

mod answers;
mod sides;
mod tls;
mod v2;

use std::{
    fs,
    io::{BufRead, BufReader, Write},
    net::TcpListener,
    path::PathBuf,
    process::{Command, Stdio},
    time::Duration,
};

use ballast_abi::{HealthMonitor, LbMethod, LoadBalancer, MonitorType, PersistenceType, Protocol, SessionPersistence};
use proptest::{
    strategy::{Strategy, ValueTree},
    test_runner::TestRunner,
};

use super::*;
use crate::{
    config::Config,
    samples::{self, ID},
};

fn rendered(load_balancer: &LoadBalancer, config: &Config) -> String {
    render(&Page::of(&samples::validated(load_balancer), config, true, samples::FOLDER)).unwrap()
}

/// Compares with the snapshot of this name, and asks haproxy what it thinks of it.
fn check(name: &str, load_balancer: &LoadBalancer) {
    check_with(name, load_balancer, &samples::config());
}

fn check_with(name: &str, load_balancer: &LoadBalancer, config: &Config) {
    let text = rendered(load_balancer, config);
    insta::assert_snapshot!(name, text);
    accepted(name, &load_balancer.id, &text);
}

fn accepted(name: &str, id: &str, text: &str) {
    accepted_as(name, id, text);
}

/// haproxy, which is this one of its peers, has neither an error nor a warning to say of it.
fn accepted_as(name: &str, id: &str, text: &str) {
    let (success, said) = asked_haproxy(id, text);
    assert!(success, "haproxy refused {name}: {said}\n{text}");
    assert!(!said.contains("[WARNING]"), "haproxy warns of {name}: {said}\n{text}");
}

/// Another version of it where `BALLAST_TEST_HAPROXY` names one.
fn haproxy() -> PathBuf {
    std::env::var_os("BALLAST_TEST_HAPROXY").map_or_else(|| Config::default().haproxy, PathBuf::from)
}

fn asked_haproxy(id: &str, text: &str) -> (bool, String) {
    let directory = tempfile::tempdir().unwrap();
    let run = directory.path().join("run");
    fs::create_dir(&run).unwrap();
    fs::write(run.join("servers.state"), "1\n").unwrap();
    fs::write(directory.path().join("haproxy.cfg"), text).unwrap();
    let haproxy = haproxy();
    assert!(haproxy.exists(), "these tests need haproxy 2.6 or later: apt-get install haproxy");
    let mut command = Command::new(haproxy);
    command.args(["-c", "-f", "../haproxy.cfg", "-L", id]).current_dir(&run).stdin(Stdio::null());
    let output = command.output().unwrap();
    (output.status.success(), String::from_utf8_lossy(&output.stderr).into_owned())
}

fn with(protocol: Protocol, change: impl FnOnce(&mut LoadBalancer)) -> LoadBalancer {
    let mut asked = samples::load_balancer(protocol);
    change(&mut asked);
    asked
}

fn persistence(kind: PersistenceType, name: &str) -> Option<SessionPersistence> {
    Some(SessionPersistence { r#type: kind.into(), cookie_name: name.into(), ..SessionPersistence::default() })
}

const PROTOCOLS: [(&str, Protocol); 3] = [("tcp", Protocol::Tcp), ("http", Protocol::Http), ("https", Protocol::Https)];

#[test]
fn every_protocol_with_every_method_is_accepted_by_haproxy() {
    let methods = [
        ("roundrobin", LbMethod::RoundRobin),
        ("leastconn", LbMethod::LeastConnections),
        ("source", LbMethod::SourceIp),
    ];
    for (protocol_name, protocol) in PROTOCOLS {
        for (name, method) in methods {
            let asked = with(protocol, |asked| asked.pools[0].lb_method = method.into());
            check(&format!("method-{protocol_name}-{name}"), &asked);
        }
    }
}

#[test]
fn every_protocol_with_every_monitor_is_accepted_by_haproxy() {
    let monitors = [
        ("ping", MonitorType::Ping),
        ("tcp", MonitorType::Tcp),
        ("http", MonitorType::Http),
        ("https", MonitorType::Https),
    ];
    for (protocol_name, protocol) in PROTOCOLS {
        for (name, kind) in monitors {
            let asked = with(protocol, |asked| asked.pools[0].monitors = vec![samples::monitor(kind)]);
            check(&format!("monitor-{protocol_name}-{name}"), &asked);
        }
    }
}

#[test]
fn every_persistence_is_accepted_by_haproxy() {
    let kinds = [
        ("source-ip", persistence(PersistenceType::SourceIp, "")),
        ("http-cookie", persistence(PersistenceType::HttpCookie, "")),
        ("app-cookie", persistence(PersistenceType::AppCookie, "JSESSIONID")),
    ];
    for (name, kind) in kinds {
        let asked = with(Protocol::Http, |asked| asked.pools[0].session_persistence = kind.clone());
        check(&format!("persistence-http-{name}"), &asked);
    }
    let asked = with(Protocol::Tcp, |asked| {
        asked.pools[0].session_persistence = persistence(PersistenceType::SourceIp, "");
    });
    check("persistence-tcp-source-ip", &asked);
    let asked = with(Protocol::Http, |asked| {
        asked.pools[0].session_persistence = persistence(PersistenceType::HttpCookie, "");
        asked.pools[0].members.clear();
    });
    check("persistence-http-cookie-without-members", &asked);
}

/// Several of everything: a pool of two listeners, a pool of none, a listener of none.
#[test]
fn every_shape_is_accepted_by_haproxy() {
    for (name, protocol) in PROTOCOLS {
        let asked = with(protocol, |asked| {
            let (listener, pool) = (asked.listeners[0].clone(), asked.pools[0].clone());
            for (number, default_pool_id) in [(1, pool.id.clone()), (2, "pool-1".to_owned()), (3, String::new())] {
                let (id, protocol_port) = (format!("listener-{number}"), 80 + number);
                asked.listeners.push(ballast_abi::Listener { id, protocol_port, default_pool_id, ..listener.clone() });
            }
            for number in [1, 2] {
                asked.pools.push(ballast_abi::Pool { id: format!("pool-{number}"), ..pool.clone() });
            }
            asked.pools[1].monitors = vec![samples::monitor(MonitorType::Http)];
            asked.pools[2].session_persistence = persistence(PersistenceType::SourceIp, "");
        });
        check(&format!("shapes-{name}"), &asked);
    }
    let nothing = |asked: &mut LoadBalancer| (asked.listeners.clear(), asked.pools.clear());
    check("shapes-nothing", &with(Protocol::Http, |asked| nothing(asked).0));
    check(
        "shapes-no-pool",
        &with(Protocol::Http, |asked| {
            asked.pools.clear();
            asked.listeners[0].default_pool_id.clear();
        }),
    );
}

#[test]
fn admin_down_is_accepted_by_haproxy() {
    check("down-load-balancer", &with(Protocol::Http, |asked| asked.admin_state_up = false));
    check("down-listener", &with(Protocol::Http, |asked| asked.listeners[0].admin_state_up = false));
    check("down-pool-http", &with(Protocol::Http, |asked| asked.pools[0].admin_state_up = false));
    check("down-pool-tcp", &with(Protocol::Tcp, |asked| asked.pools[0].admin_state_up = false));
    check("down-member", &with(Protocol::Http, |asked| asked.pools[0].members[0].admin_state_up = false));
    let asked = with(Protocol::Http, |asked| {
        let monitor = samples::monitor(MonitorType::Http);
        asked.pools[0].monitors = vec![ballast_abi::HealthMonitor { admin_state_up: false, ..monitor }];
    });
    check("down-monitor", &asked);
}

#[test]
fn several_monitors_become_one_sequence_at_the_strictest_pace() {
    let asked = with(Protocol::Http, |asked| {
        let mut slow = samples::monitor(MonitorType::Http);
        (slow.delay, slow.timeout, slow.max_retries) = (60, 2, 9);
        (slow.url_path, slow.expected_codes) = ("slow".into(), "200, 202".into());
        let tls = samples::monitor(MonitorType::Https);
        asked.pools[0].monitors =
            vec![slow, tls, samples::monitor(MonitorType::Tcp), samples::monitor(MonitorType::Ping)];
    });
    check("monitors-combined", &asked);
}

#[test]
fn odd_numbers_are_accepted_by_haproxy() {
    let asked = with(Protocol::Http, |asked| {
        asked.listeners[0].connection_limit = 0;
        asked.pools[0].members[0].weight = 0;
        asked.pools[0].members[1].protocol_port = 0;
        let mut monitor = samples::monitor(MonitorType::Http);
        (monitor.delay, monitor.timeout) = (0, 0);
        (monitor.url_path, monitor.http_method, monitor.expected_codes) = (String::new(), String::new(), String::new());
        asked.pools[0].monitors = vec![monitor];
    });
    check("odd-zeroes", &asked);
    check("odd-no-listener", &with(Protocol::Http, |asked| asked.listeners.clear()));
    let asked = with(Protocol::Http, |asked| {
        asked.listeners[0].connection_limit = 100;
        let mut monitor = samples::monitor(MonitorType::Http);
        monitor.url_path = "/a%20b;c?d=$e&f='g'!*()[1]~:@+,".into();
        asked.pools[0].monitors = vec![monitor];
        asked.pools[0].session_persistence = persistence(PersistenceType::AppCookie, "a!b&c*d+e-f.g^h_i|j~k");
    });
    check("odd-characters", &asked);
    check("odd-project", &with(Protocol::Http, |asked| asked.project_id = "a\nglobal b".into()));
}

/// haproxy itself sends a request for each of many paths that the API takes, all as one sequence of checks of one member.
#[test]
fn every_path_reaches_the_members_web_server_as_it_was_asked_for() {
    let paths = any_paths(300);
    let server = TcpListener::bind("127.0.0.1:0").unwrap();
    let asked = with(Protocol::Http, |asked| {
        asked.listeners.clear();
        asked.pools[0].members.truncate(1);
        let check = |path: &String| {
            let monitor = samples::monitor(MonitorType::Http);
            HealthMonitor { url_path: path.clone(), delay: 60, timeout: 60, ..monitor }
        };
        asked.pools[0].monitors = paths.iter().map(check).collect();
    });
    let directory = tempfile::tempdir().unwrap();
    fs::create_dir(directory.path().join("run")).unwrap();
    fs::write(directory.path().join("run/servers.state"), "1\n").unwrap();
    let text = rendered(&asked, &samples::config());
    // No load balancer may have a member at a loopback address.
    let (member, here) = ("10.0.0.11:8080", server.local_addr().unwrap().to_string());
    assert!(text.contains(member), "{text}");
    let text = text.replace(member, &here);
    fs::write(directory.path().join("haproxy.cfg"), text).unwrap();
    let mut haproxy = Command::new(haproxy())
        .args(["-db", "-q", "-f", "../haproxy.cfg", "-L", ID])
        .current_dir(directory.path().join("run"))
        .stdin(Stdio::null())
        .spawn()
        .unwrap();
    let seen: Vec<String> = paths.iter().map(|_| answered(&server)).collect();
    haproxy.kill().unwrap();
    haproxy.wait().unwrap();
    assert_eq!(seen, paths);
}

/// Each character alone and beside each of those that some configuration takes for its own, then chance.
fn any_paths(random: usize) -> Vec<String> {
    let mut runner = TestRunner::deterministic();
    let any = "/[-._~!$&'()*+,;=:@/?%\\[\\]a-zA-Z0-9]{0,200}";
    let mut any = || any.new_tree(&mut runner).unwrap().current();
    let odd = b"-._~!$&'()*+,;=:@/?%[]".iter().map(|odd| char::from(*odd));
    let pairs = odd.flat_map(|odd| ['\'', '$', '[', '%', 'a'].map(|next| format!("/{odd}{next}{odd}")));
    let random: Vec<String> = (0..random).map(|_| any()).collect();
    pairs.chain(random).collect()
}

/// The path of the next request, which gets 200.
fn answered(server: &TcpListener) -> String {
    let (mut stream, _) = server.accept().unwrap();
    stream.set_read_timeout(Some(Duration::from_secs(20))).unwrap();
    let mut line = String::new();
    BufReader::new(&stream).read_line(&mut line).unwrap();
    stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n").unwrap();
    line.split(' ').nth(1).unwrap_or_default().to_owned()
}

#[test]
fn ipv6_is_accepted_by_haproxy() {
    let asked = with(Protocol::Http, |asked| {
        asked.vip = Some(samples::vip("fd00::4"));
        asked.pools[0].members[0].address = "fd00::11".into();
        asked.pools[0].session_persistence = persistence(PersistenceType::SourceIp, "");
        asked.pools[0].monitors = vec![samples::monitor(MonitorType::Http)];
    });
    check("ipv6", &asked);
}

#[test]
fn a_traffic_log_is_accepted_by_haproxy() {
    let config = Config { log: Some("/dev/log".into()), ..samples::config() };
    check_with("log-http", &samples::load_balancer(Protocol::Http), &config);
    check_with("log-tcp", &samples::load_balancer(Protocol::Tcp), &config);
}

#[test]
fn a_build_without_the_http_client_gets_no_line_about_it() {
    let validated = samples::validated(&samples::load_balancer(Protocol::Http));
    assert!(!render(&Page::of(&validated, &samples::config(), false, samples::FOLDER)).unwrap().contains("httpclient"));
}
