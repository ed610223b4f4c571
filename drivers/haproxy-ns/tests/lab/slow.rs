//! Clients that take their time, or never go on, do not keep their connections.

use std::{
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{Listener, LoadBalancer, Pool, Protocol};

use crate::world::{World, in_world, load_balancer};

/// What a client does with its connection, as `bash` says it; then it waits until it is closed.
const SILENT: &str = ":";
const HALF_A_HEADER: &str = "printf 'GET / HTTP/1.1\\r\\nHost: ballast' >&3";
const A_BYTE_EACH_SECOND: &str = "printf 'GET / HTTP/1.1\\r\\nHost: ' >&3; while sleep 1; do printf x >&3; done";
const IDLE_AFTER_AN_ANSWER: &str = "printf 'GET / HTTP/1.1\\r\\nHost: ballast\\r\\n\\r\\n' >&3";

/// One listener for each protocol, each with a pool of its own.
fn every_protocol() -> LoadBalancer {
    let mut asked = load_balancer();
    let (listener, pool) = (asked.listeners.remove(0), asked.pools.remove(0));
    for (protocol, protocol_port) in [(Protocol::Http, 80), (Protocol::Tcp, 81), (Protocol::Https, 82)] {
        let id = format!("pool-{protocol_port}");
        let protocol = protocol.into();
        let listener_id = format!("listener-{protocol_port}");
        asked.pools.push(Pool { id: id.clone(), protocol, ..pool.clone() });
        asked.listeners.push(Listener {
            id: listener_id,
            protocol,
            protocol_port,
            default_pool_id: id,
            ..listener.clone()
        });
    }
    asked
}

fn open_for(world: &World<'_>, port: u16, behaviour: &str) -> Duration {
    let script = format!("exec 3<>/dev/tcp/10.0.0.4/{port}; {behaviour}; cat <&3 >/dev/null");
    let start = Instant::now();
    // How it ends is not of interest: a write into a closed connection fails.
    let _ = world.client.output("timeout", ["80", "bash", "-c", &script]);
    start.elapsed()
}

#[test]
fn slow_and_silent_clients_are_closed_whatever_the_protocol() {
    // Of what is not HTTP nothing is known but whether bytes pass.
    let table = [
        (80, "silent", SILENT, 10),
        (80, "half a header", HALF_A_HEADER, 10),
        (80, "a byte each second", A_BYTE_EACH_SECOND, 10),
        (80, "idle after an answer", IDLE_AFTER_AN_ANSWER, 30),
        (81, "silent", SILENT, 50),
        (81, "half a header", HALF_A_HEADER, 50),
        (82, "silent", SILENT, 50),
        (82, "half a header", HALF_A_HEADER, 50),
    ];
    in_world(|world| {
        world.deploy(&every_protocol(), 1);
        assert_eq!(world.answers("http://10.0.0.4/", 4), ["web-1", "web-2"]);
        assert_eq!(world.answers("http://10.0.0.4:81/", 4), ["web-1", "web-2"]);
        thread::scope(|scope| {
            let mut open = Vec::new();
            for (port, what, behaviour, seconds) in table {
                let world = &world;
                open.push((port, what, seconds, scope.spawn(move || open_for(world, port, behaviour))));
            }
            for (port, what, seconds, open) in open {
                let took = open.join().unwrap();
                let expected = Duration::from_secs(seconds - 1)..Duration::from_secs(seconds + 10);
                assert!(expected.contains(&took), "port {port}, {what}: {took:?} instead of {seconds} s");
            }
        });
        Ok(())
    });
}
