//! What the driver says of a change beforehand is what becomes of haproxy and of a connection through it.

use std::{
    fs,
    io::{self, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::Duration,
};

use ballast_abi::{Connections, Driver, Effect, Listener, LoadBalancer, MonitorType, Observation, Pool, Protocol};
use ballast_lab::wait_until;

use crate::world::{ID, SOON, World, in_world, load_balancer, member, monitor, must_reload, vip};

/// Sends back whatever comes, on any number of connections.
fn echo(listener: TcpListener) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || -> io::Result<u64> {
                let mut back = stream.try_clone()?;
                io::copy(&mut &stream, &mut back)
            });
        }
    });
}

fn is_alive(connection: &mut TcpStream) -> bool {
    let mut back = [0; 4];
    connection.write_all(b"ping").and_then(|()| connection.read_exact(&mut back)).is_ok() && &back == b"ping"
}

/// One member that echoes, behind TCP.
fn first() -> LoadBalancer {
    let mut asked = load_balancer();
    asked.listeners[0].protocol = Protocol::Tcp.into();
    asked.pools[0].protocol = Protocol::Tcp.into();
    asked.pools[0].members.truncate(1);
    asked.pools[0].members[0].protocol_port = 9090;
    asked
}

type Change = (&'static str, fn(&mut LoadBalancer), Effect, Connections);

/// Each on top of those before.
const CHANGES: [Change; 17] = [
    ("the first deploy", |_| (), Effect::Restart, Connections::Kept),
    ("nothing", |_| (), Effect::None, Connections::Kept),
    ("another name", |one| one.name = "another".into(), Effect::None, Connections::Kept),
    ("a weight", |one| one.pools[0].members[0].weight = 7, Effect::Runtime, Connections::Kept),
    ("another member", |one| one.pools[0].members.push(member(2)), Effect::Runtime, Connections::Kept),
    ("a member down", |one| one.pools[0].members[1].admin_state_up = false, Effect::Runtime, Connections::Kept),
    ("a member gone", |one| drop(one.pools[0].members.pop()), Effect::Runtime, Connections::Kept),
    ("a limit", |one| one.listeners[0].connection_limit = 100, Effect::Runtime, Connections::Kept),
    ("timeouts", |one| must_reload(one, 1), Effect::Reload, Connections::Drained),
    ("another listener", another_listener, Effect::Reload, Connections::Drained),
    ("a monitor", |one| one.pools[0].monitors = vec![monitor(MonitorType::Tcp)], Effect::Reload, Connections::Drained),
    ("UDP beside it", datagrams, Effect::Runtime, Connections::Kept),
    ("UDP gone", without_datagrams, Effect::Runtime, Connections::Cut),
    (
        "another MAC",
        |one| one.vip.iter_mut().for_each(|vip| vip.mac = "fa:16:3e:00:00:05".into()),
        Effect::Runtime,
        Connections::Kept,
    ),
    ("another address", |one| one.vip = Some(vip("10.0.0.6", 24)), Effect::Reload, Connections::Cut),
    (
        "another port of the network",
        |one| one.vip.iter_mut().for_each(|vip| vip.port_id = "8f1b7c52-aaaa-4bbb-8ccc-0123456789ab".into()),
        Effect::Restart,
        Connections::Cut,
    ),
    ("no VIP", |one| (one.vip, one.listeners) = (None, Vec::new()), Effect::Restart, Connections::Cut),
];

const DATAGRAMS: &str = "2d2a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b5";

fn another_listener(one: &mut LoadBalancer) {
    let id = "3d2a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b5".to_owned();
    one.listeners.push(Listener { id, protocol_port: 81, ..one.listeners[0].clone() });
}

fn datagrams(one: &mut LoadBalancer) {
    let pool =
        Pool { id: DATAGRAMS.into(), protocol: Protocol::Udp.into(), monitors: Vec::new(), ..one.pools[0].clone() };
    let listener = Listener {
        id: DATAGRAMS.into(),
        protocol: Protocol::Udp.into(),
        default_pool_id: DATAGRAMS.into(),
        timeouts: None,
        ..one.listeners[0].clone()
    };
    one.pools.push(pool);
    one.listeners.push(listener);
}

fn without_datagrams(one: &mut LoadBalancer) {
    one.pools.retain(|pool| pool.id != DATAGRAMS);
    one.listeners.retain(|listener| listener.id != DATAGRAMS);
}

/// The process, and the text that it runs; none where there is none.
fn serves(world: &World<'_>) -> Option<(i32, String)> {
    let text = fs::read_to_string(world.directory().join("haproxy.cfg")).ok()?;
    Some((world.pid(), text))
}

/// Once there is a member that is up: one that is checked waits for that where haproxy was started anew.
fn connected(world: &World<'_>, asked: &LoadBalancer) -> Option<TcpStream> {
    let address = &asked.vip.as_ref()?.address;
    Some(wait_until(SOON, "a connection to a member", || {
        let mut connection = world.connect(&format!("{address}:80")).ok()?;
        is_alive(&mut connection).then_some(connection)
    }))
}

#[test]
fn what_is_said_of_a_change_beforehand_is_what_becomes_of_haproxy_and_of_a_connection() {
    in_world(|world| {
        echo(world.listen(&world.web[0], "10.0.0.11:9090"));
        let mut asked = first();
        for ((what, change, effect, connections), generation) in CHANGES.into_iter().zip(1..) {
            let mut connection = if generation > 1 { connected(&world, &asked) } else { None };
            change(&mut asked);
            let (before, deployed) = (serves(&world), world.driver.deployed()?);
            let said = world.driver.preview(&asked, generation)?;
            assert_eq!(said, world.driver.preview(&asked, generation)?, "{what}: asked twice");
            assert_eq!((serves(&world), world.driver.deployed()?), (before.clone(), deployed), "{what}: it was done");
            assert_eq!((said.effect(), said.connections()), (effect, connections), "{what}: {:?}", said.steps);
            let done = world.driver.take_over(&asked, generation, &[])?;
            assert_eq!((done.effect(), done.faults), (effect, Vec::new()), "{what}");
            let after = serves(&world);
            let pid = |seen: &Option<(i32, String)>| seen.as_ref().map(|(pid, _)| *pid);
            match effect {
                Effect::None | Effect::Runtime => assert_eq!(pid(&before), pid(&after), "{what}"),
                Effect::Reload | Effect::Restart => assert_ne!(pid(&before), pid(&after), "{what}"),
                Effect::Unspecified | Effect::Move => panic!("{what}: {effect:?}"),
            }
            assert_eq!(after.map(|(_, text)| text).unwrap_or_default(), said.configuration, "{what}");
            // UDP's flows are cut, and not those of TCP.
            let goes_on = connections != Connections::Cut || what == "UDP gone";
            if let Some(connection) = &mut connection {
                // One that is cut may be silent.
                connection.set_read_timeout(Some(if goes_on { SOON } else { Duration::from_secs(1) }))?;
                assert_eq!(is_alive(connection), goes_on, "{what}");
            }
            let now = world.driver.preview(&asked, generation)?;
            assert_eq!((now.effect(), now.connections()), (Effect::None, Connections::Kept), "{what}");
            assert_eq!((now.steps, now.configuration), (Vec::<String>::new(), said.configuration), "{what}");
            let reported = asked.vip.as_ref().map_or(0, |_| generation);
            assert_eq!(world.observe().map(|seen: Observation| seen.generation), Some(reported), "{what}");
        }
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

/// Somebody has started it from another file, or told it to be another one.
#[test]
fn a_haproxy_that_says_another_generation_is_not_what_was_deployed_and_is_replaced() {
    in_world(|world| {
        world.deploy(&load_balancer(), 7);
        assert_eq!(world.observe().unwrap().generation, 7);
        world.ask_haproxy("experimental-mode on;set var proc.generation str(6)");
        assert_eq!(world.observe().unwrap().generation, 6);
        assert_eq!(world.driver.deployed()?[0].generation, 0);
        let pid = world.pid();
        let said = world.driver.preview(&load_balancer(), 7)?;
        assert_eq!((said.effect(), said.connections()), (Effect::Reload, Connections::Drained));
        world.deploy(&load_balancer(), 7);
        assert_ne!(world.pid(), pid);
        assert_eq!((world.observe().unwrap().generation, world.driver.deployed()?[0].generation), (7, 7));
        Ok(())
    });
}
