//! What a listener adds, waits for, lets in and shows.

use std::{
    io::{Read, Write},
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{Deployed, Driver as _, InsertHeaders, Listener, LoadBalancer, Protocol, Statistics, Timeouts};
use ballast_lab::wait_until;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::world::{ID, SOON, VIP, World, in_world, load_balancer, member, must_reload};

const USUAL: Timeouts = Timeouts { client_data: 50_000, member_connect: 5_000, member_data: 50_000, tcp_inspect: 0 };

#[test]
fn each_header_that_was_asked_for_reaches_the_member_and_no_other() {
    let names =
        ["X-Forwarded-For", "X-Forwarded-Port", "X-Forwarded-Proto", "X-Forwarded-IP", "X-Client-IP", "X-Real-IP"];
    in_world(|world| {
        let seen = |asked: &LoadBalancer, generation| -> Vec<String> {
            world.deploy(asked, generation);
            let said = world.get("http://10.0.0.4/headers").unwrap();
            let mut lines: Vec<String> = said.lines().map(str::to_ascii_lowercase).collect();
            lines.retain(|line| line.starts_with("x-"));
            lines.sort();
            lines
        };
        let asked = |names: &[&str]| {
            let mut asked = load_balancer();
            let names = names.iter().map(|name| (*name).to_owned()).collect();
            asked.listeners[0].insert_headers = Some(InsertHeaders { names });
            asked
        };
        assert_eq!(seen(&load_balancer(), 1), ["x-forwarded-for: 10.0.0.5"], "as LBaaS v1 has it");
        assert_eq!(seen(&asked(&[]), 2), Vec::<String>::new());
        for (generation, name) in (3..).zip(names) {
            let value = match name {
                "X-Forwarded-Port" => "80",
                "X-Forwarded-Proto" => "http",
                _ => "10.0.0.5",
            };
            assert_eq!(seen(&asked(&[name]), generation), [format!("{}: {value}", name.to_ascii_lowercase())]);
        }
        assert_eq!(seen(&asked(&names), 9).len(), 6);
        Ok(())
    });
}

fn with(timeouts: Timeouts, protocol: Protocol) -> LoadBalancer {
    let mut asked = load_balancer();
    asked.listeners[0].timeouts = Some(timeouts);
    asked.listeners[0].protocol = protocol.into();
    asked.pools[0].protocol = protocol.into();
    asked.pools[0].members.truncate(1);
    asked
}

fn took(what: impl FnOnce()) -> Duration {
    let start = Instant::now();
    what();
    start.elapsed()
}

#[test]
fn each_timeout_bites() {
    in_world(|world| {
        // A client that says nothing, of whatever protocol.
        for (generation, protocol) in (1..).zip([Protocol::Http, Protocol::Tcp]) {
            world.deploy(&with(Timeouts { client_data: 1_000, ..USUAL }, protocol), generation);
            let silent = took(|| {
                drop(world.client.output("timeout", ["20", "bash", "-c", "exec 3<>/dev/tcp/10.0.0.4/80; cat <&3"]))
            });
            assert!((Duration::from_millis(900)..Duration::from_secs(6)).contains(&silent), "{protocol:?}: {silent:?}");
        }
        // A member that takes a connection and says nothing.
        let silent = world.listen(&world.web[0], "10.0.0.11:8099");
        let mut asked = with(Timeouts { member_data: 1_000, ..USUAL }, Protocol::Http);
        asked.pools[0].members[0].protocol_port = 8099;
        world.deploy(&asked, 3);
        let mut status = String::new();
        let waited = took(|| status = world.status(&[VIP]));
        assert!(status == "504" && waited < Duration::from_secs(6), "{status} after {waited:?}");
        drop(silent);
        // One whose host answers nothing at all: what comes from the load balancer is dropped there.
        let mut asked = with(Timeouts { member_connect: 300, ..USUAL }, Protocol::Http);
        asked.pools[0].members[0].address = "192.0.2.1".into();
        asked.vip.as_mut().unwrap().gateway = "10.0.0.11".into();
        world.deploy(&asked, 4);
        let waited = took(|| status = world.status(&[VIP]));
        assert!(status == "503" && waited < Duration::from_secs(4), "{status} after {waited:?}");
        Ok(())
    });
}

/// A member that speaks first is heard at once by who speaks as well, and by who does not when the time is over.
#[test]
fn a_connection_waits_for_its_first_bytes_as_long_as_was_asked_for() {
    in_world(|world| {
        let greeter = world.listen(&world.web[0], "10.0.0.11:8099");
        thread::spawn(move || {
            for stream in greeter.incoming() {
                let Ok(mut stream) = stream else { return };
                thread::spawn(move || (stream.write_all(b"hello\n"), stream.read(&mut [0; 64])).0);
            }
        });
        let mut asked = with(Timeouts { tcp_inspect: 2_000, ..USUAL }, Protocol::Tcp);
        asked.pools[0].members[0].protocol_port = 8099;
        world.deploy(&asked, 1);
        let greeted = |says: &str| {
            let script = format!("exec 3<>/dev/tcp/10.0.0.4/80; {says} head -n 1 <&3");
            took(|| assert_eq!(world.client.output("bash", ["-c", &script]).unwrap().trim(), "hello"))
        };
        assert!(greeted("") > Duration::from_millis(1_900));
        assert!(greeted("echo x >&3;") < Duration::from_millis(1_500));
        Ok(())
    });
}

#[test]
fn who_may_connect_is_answered_and_nobody_else_also_where_metrics_are() {
    in_world(|world| {
        let mut asked = load_balancer();
        asked.listeners[0].allowed_cidrs = vec!["192.0.2.0/24".into(), "10.0.0.5/32".into()];
        asked.listeners.push(Listener {
            id: "metrics".into(),
            protocol: Protocol::Prometheus.into(),
            protocol_port: 9090,
            default_pool_id: String::new(),
            ..asked.listeners[0].clone()
        });
        world.deploy(&asked, 1);
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        for url in [VIP, "http://10.0.0.4:9090/metrics"] {
            assert!(world.web[1].output("curl", ["-sf", "-m", "5", url]).is_err(), "{url}");
        }
        let metrics = world.get("http://10.0.0.4:9090/metrics")?;
        assert!(
            metrics.contains(&format!("haproxy_backend_http_responses_total{{proxy=\"{}\"", asked.id)),
            "{metrics}"
        );
        // Everything else is closed without an answer.
        assert!(world.status(&["http://10.0.0.4:9090/"]).contains("52"));
        asked.listeners[0].allowed_cidrs = vec!["10.0.0.12".into()];
        world.deploy(&asked, 2);
        assert!(world.get(VIP).is_err());
        assert!(world.web[1].output("curl", ["-sf", "-m", "5", VIP])?.starts_with("web-"));
        Ok(())
    });
}

fn connections(world: &World<'_>) -> Vec<(String, u64)> {
    let listeners = world.observe().map(|seen| seen.listeners).unwrap_or_default().into_iter();
    listeners.map(|one| (one.listener_id, one.statistics.unwrap_or_default().total_connections)).collect()
}

/// Connections of the whole, of its only listener, of its only pool, and of those of that one's members that are told.
fn by_level(world: &World<'_>) -> (u64, u64, u64, Vec<u64>) {
    let seen = wait_until(SOON, "an answer", || world.observe());
    let of = |counted: Option<Statistics>| counted.unwrap_or_default().total_connections;
    let bytes = |counted: &Option<Statistics>| counted.map(|one| (one.bytes_in, one.bytes_out)).unwrap_or_default();
    let [pool] = &seen.pools[..] else { panic!("{:?}", seen.pools) };
    assert_eq!(pool.statistics.unwrap_or_default().request_errors, 0);
    let sum = pool.members.iter().map(|member| bytes(&member.statistics));
    let sum = sum.fold((0, 0), |(bytes_in, bytes_out), one| (bytes_in + one.0, bytes_out + one.1));
    if pool.members.len() == 2 {
        assert_eq!(
            (sum, sum),
            (bytes(&pool.statistics), bytes(&seen.listeners[0].statistics)),
            "bytes are the same sum"
        );
    }
    let members = pool.members.iter().map(|member| of(member.statistics)).collect();
    (of(seen.statistics), of(seen.listeners[0].statistics), of(pool.statistics), members)
}

type Step = fn(&mut World<'_>, &mut LoadBalancer, u64);
const STEPS: [(&str, Step); 8] = [
    ("nothing", |_, _, _| {}),
    ("a reload", |world, asked, generation| {
        must_reload(asked, generation);
        world.deploy(asked, generation);
    }),
    ("a restart of the driver", |world, _, _| {
        world.restart_driver();
        assert!(world.observe().is_some());
    }),
    ("another weight", |world, asked, generation| {
        asked.pools[0].members[0].weight = 3;
        world.deploy(asked, generation);
        asked.pools[0].members[0].weight = 1;
        world.deploy(asked, generation + 1);
    }),
    ("a member that goes and comes back without a reload", |world, asked, generation| {
        let (pid, gone) = (world.pid(), asked.pools[0].members.remove(1));
        let before = by_level(world);
        world.deploy(asked, generation);
        let after = by_level(world);
        assert_eq!((before.0, before.1, before.2, before.3[..1].to_vec()), after);
        asked.pools[0].members.push(gone);
        world.deploy(asked, generation + 1);
        assert_eq!((by_level(world), world.pid()), (before, pid));
    }),
    ("the same with a reload in between", |world, asked, generation| {
        let gone = asked.pools[0].members.remove(1);
        world.deploy(asked, generation);
        asked.pools[0].members.push(gone);
        must_reload(asked, generation + 1);
        world.deploy(asked, generation + 1);
    }),
    ("a haproxy that is killed", |world, asked, generation| {
        assert!(world.observe().is_some(), "what it has counted is known");
        assert_eq!(kill(Pid::from_raw(world.pid()), Signal::SIGKILL), Ok(()));
        let is_gone = |deployed: Vec<Deployed>| deployed.first().is_some_and(|one| one.generation == 0);
        wait_until(SOON, "it is gone", || is_gone(world.driver.deployed().ok()?).then_some(()));
        world.deploy(asked, generation);
    }),
    ("a VIP that goes and comes back", |world, asked, generation| {
        let without = LoadBalancer { vip: None, ..asked.clone() };
        world.deploy(&without, generation);
        world.deploy(asked, generation + 1);
    }),
];

#[test]
fn all_levels_count_alike_over_all_that_can_happen_to_processes_and_members() {
    in_world(|mut world| {
        let mut asked = load_balancer();
        world.deploy(&asked, 1);
        let mut sent = 0;
        for (generation, (what, step)) in (1..).zip(STEPS) {
            step(&mut world, &mut asked, 10 * generation);
            assert_eq!(by_level(&world).0, sent, "{what}");
            assert_eq!(world.answers(VIP, 6), ["web-1", "web-2"], "{what}");
            sent += 6;
            let (whole, listener, pool, members) = by_level(&world);
            assert_eq!((whole, listener, pool, members.iter().sum::<u64>()), (sent, sent, sent, sent), "{what}");
            assert!(members.iter().all(|counted| *counted >= generation), "{what}: {members:?}");
        }
        let left = world.driver.hand_over(ID)?;
        assert_eq!(left.pools[0].statistics.unwrap().total_connections, sent);
        assert_eq!(left.pools[0].members.len(), 2);
        Ok(())
    });
}

#[test]
fn each_listener_counts_for_itself_over_reloads_and_those_that_are_down_are_not_told() {
    in_world(|world| {
        let mut asked = load_balancer();
        let first = asked.listeners[0].id.clone();
        let second =
            Listener { id: "second".into(), protocol_port: 81, connection_limit: 1, ..asked.listeners[0].clone() };
        asked.listeners.push(second);
        world.deploy(&asked, 1);
        for generation in 2..4 {
            world.answers(VIP, 3);
            world.answers("http://10.0.0.4:81/", 2);
            let pid = world.pid();
            must_reload(&mut asked, generation);
            world.deploy(&asked, generation);
            assert_ne!(world.pid(), pid);
        }
        assert_eq!(connections(&world), [(first.clone(), 6), ("second".to_owned(), 4)]);
        assert_eq!(world.connections(), 10);
        let _ = world
            .client
            .output("bash", ["-c", "exec 3<>/dev/tcp/10.0.0.4/80; printf 'GARBAGE\\r\\n\\r\\n' >&3; cat <&3"]);
        assert_eq!(world.observe().unwrap().statistics.unwrap().request_errors, 1);
        // As many as it may have.
        asked.listeners[1].connection_limit = 1;
        world.deploy(&asked, 5);
        let mut command = world.client.command("bash");
        command.args(["-c", "exec 3<>/dev/tcp/10.0.0.4/81; sleep 8"]);
        let _open = world.client.spawn(command)?;
        wait_until(SOON, "the second is full", || {
            let full = world.observe()?.listeners.into_iter().filter(|one| one.full).map(|one| one.listener_id);
            (full.collect::<Vec<_>>() == ["second"]).then_some(())
        });
        asked.listeners[1].admin_state_up = false;
        world.deploy(&asked, 6);
        assert_eq!(connections(&world), [(first, 7)]);
        assert!(world.connections() >= 12);
        asked.pools[0].members = vec![member(1)];
        world.deploy(&asked, 7);
        assert!(world.connections() >= 12);
        Ok(())
    });
}
