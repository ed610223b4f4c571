//! A load balancer that moves to another host, which is here the same one once it was taken away; and what is counted.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    net::IpAddr,
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::Duration,
};

use ballast_abi::{
    Driver, ListenerObservation, LoadBalancer, PersistenceType, PoolStatistics, Protocol, SessionPersistence,
    Statistics, UndeployReply,
};
use socket2::{Domain, Socket, Type};

use crate::{
    tools::{Serving, ask, clients, connect, socket, speak, within},
    world::{ID, World, in_world, load_balancer},
};

const LAST: [u8; 12] = [101, 102, 103, 104, 105, 106, 107, 108, 109, 110, 111, 112];

fn sticky(seconds: u32) -> LoadBalancer {
    let mut asked = load_balancer(Protocol::Udp);
    asked.pools[0].session_persistence = Some(SessionPersistence {
        r#type: PersistenceType::SourceIp.into(),
        persistence_timeout: seconds,
        ..SessionPersistence::default()
    });
    asked
}

/// Another generation of it, whose members have other numbers.
fn turned(asked: &LoadBalancer) -> LoadBalancer {
    let mut turned = asked.clone();
    turned.pools[0].members.reverse();
    turned
}

fn hand_over(world: &World<'_>) -> UndeployReply {
    let left = world.driver().hand_over(ID).unwrap_or_else(|error| panic!("hand_over: {error}: {}", error.detail));
    world.assert_nothing_is_left();
    left
}

fn take_over(world: &World<'_>, asked: &LoadBalancer, generation: u64, handover: &[u8]) {
    let reply = world.driver().take_over(asked, generation, handover);
    assert_eq!(reply.unwrap_or_else(|error| panic!("take_over: {error}: {}", error.detail)).faults, []);
}

/// The member of each client, asked in this order, each by a flow of its own.
fn members_of(world: &World<'_>, clients: &[IpAddr]) -> BTreeMap<IpAddr, u8> {
    clients.iter().map(|client| (*client, ask(&socket(world, Some(*client))).unwrap())).collect()
}

/// In an order in which those that take turns would get other members.
fn grouped(had: &BTreeMap<IpAddr, u8>) -> Vec<IpAddr> {
    let mut clients: Vec<IpAddr> = had.keys().copied().collect();
    clients.sort_by_key(|client| had[client]);
    clients
}

#[test]
fn a_client_has_the_same_member_after_changes_and_a_move_and_is_forgotten_in_its_time() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let asked = sticky(300);
        world.deploy(&asked, 1);
        let from = clients(&world, &LAST);
        let had = members_of(&world, &from);
        assert_eq!(had.values().filter(|member| **member == 1).count(), LAST.len() / 2, "{had:?}");
        let mut heavier = asked.clone();
        heavier.pools[0].members[0].weight = 5;
        world.deploy(&heavier, 2);
        assert_eq!(members_of(&world, &grouped(&had)), had, "after a change");
        let left = hand_over(&world);
        take_over(&world, &turned(&asked), 3, &left.handover);
        assert_eq!(members_of(&world, &grouped(&had)), had, "after a move");
        // Nobody has asked meanwhile.
        let left = hand_over(&world);
        take_over(&world, &asked, 4, &left.handover);
        let left = hand_over(&world);
        take_over(&world, &turned(&asked), 5, &left.handover);
        assert_eq!(members_of(&world, &grouped(&had)), had, "after three moves");
        // Those that came before it was known whose they are go back.
        let left = hand_over(&world);
        world.deploy(&asked, 6);
        assert_ne!(members_of(&world, &grouped(&had)), had, "they take turns");
        take_over(&world, &asked, 6, &left.handover);
        let back = members_of(&world, &from);
        assert_eq!(back, had, "flows that are open go on, and new ones go back");

        // The time goes on where it was, and does not begin anew.
        let short = sticky(6);
        hand_over(&world);
        world.deploy(&short, 7);
        let first = members_of(&world, &from);
        thread::sleep(Duration::from_secs(4));
        let left = hand_over(&world);
        take_over(&world, &short, 8, &left.handover);
        thread::sleep(Duration::from_secs(3));
        assert_ne!(members_of(&world, &grouped(&first)), first, "they are remembered for longer than they were to be");
        Ok(())
    });
}

#[test]
fn whatever_is_handed_over_a_load_balancer_is_deployed() {
    in_world(|world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let asked = sticky(300);
        let strange = [
            &b"\xff\x00garbage"[..],
            br#"{"listeners":[{"of":"gone","members":["x"],"clients":[["10.0.0.1",0,0]]}]}"#,
            br#"{"backends":[{"of":"x","members":["x"],"clients":[["no address",0,0]]}],"listeners":7}"#,
        ];
        for (handover, generation) in strange.iter().zip(1..) {
            take_over(&world, &asked, generation, handover);
            ask(&socket(&world, None))?;
            hand_over(&world);
        }
        Ok(())
    });
}

/// What a capture of the load balancer's link has counted of packets between its clients and the VIP.
struct Capture {
    over: Arc<AtomicBool>,
    thread: thread::JoinHandle<(u64, u64)>,
}

const VIP: [u8; 4] = [10, 0, 0, 4];
const MEMBERS: [[u8; 4]; 2] = [[10, 0, 0, 11], [10, 0, 0, 12]];

impl Capture {
    fn start(world: &World<'_>) -> Self {
        // Of all protocols, or it would not see what goes out.
        let all = i32::from(3_u16.to_be());
        let socket = within(world, || Socket::new(Domain::PACKET, Type::DGRAM, Some(all.into())).unwrap());
        socket.set_recv_buffer_size(8 << 20).unwrap();
        socket.set_read_timeout(Some(Duration::from_millis(50))).unwrap();
        let over = Arc::<AtomicBool>::default();
        let told = Arc::clone(&over);
        let thread = thread::spawn(move || {
            use std::io::Read as _;
            let (mut bytes_in, mut bytes_out, mut packet) = (0, 0, vec![0; 1 << 17]);
            loop {
                match (&socket).read(&mut packet) {
                    Ok(length @ 20..) if packet[0] >> 4 == 4 => {
                        let (from, to) = (&packet[12..16], &packet[16..20]);
                        let is_member = |address: &[u8]| MEMBERS.iter().any(|member| member == address);
                        if to == VIP && !is_member(from) {
                            bytes_in += u64::try_from(length).unwrap();
                        } else if from == VIP && !is_member(to) {
                            bytes_out += u64::try_from(length).unwrap();
                        }
                    }
                    Err(_) if told.load(Ordering::Relaxed) => return (bytes_in, bytes_out),
                    Ok(_) | Err(_) => {}
                }
            }
        });
        Self { over, thread }
    }

    fn end(self) -> (u64, u64) {
        thread::sleep(Duration::from_millis(200));
        self.over.store(true, Ordering::Relaxed);
        self.thread.join().unwrap()
    }
}

#[test]
fn connections_are_counted_exactly_and_bytes_as_a_capture_of_the_link_counts_them_over_changes_and_a_move() {
    counts_as_a_capture(Protocol::Udp);
}

#[test]
fn connections_of_tcp_are_counted_exactly_and_bytes_as_a_capture_of_the_link_counts_them() {
    counts_as_a_capture(Protocol::Tcp);
}

fn counts_as_a_capture(protocol: Protocol) {
    in_world(|mut world| {
        let _members = [Serving::start(&world, 1), Serving::start(&world, 2)];
        let mut asked = load_balancer(protocol);
        world.deploy(&asked, 1);
        let capture = Capture::start(&world);
        let traffic = |world: &World<'_>| {
            for _ in 0..5 {
                match protocol {
                    Protocol::Udp => drop(ask(&socket(world, None)).unwrap()),
                    _ => drop(speak(&connect(world, "10.0.0.4:80").unwrap()).unwrap()),
                }
            }
        };
        traffic(&world);
        asked.pools[0].members[0].weight = 7;
        world.deploy(&asked, 2);
        traffic(&world);
        world.end_driver();
        traffic(&world);
        world.start_driver();
        asked.pools[0].members[1].weight = 3;
        world.deploy(&asked, 3);
        let (bytes_in, bytes_out) = capture.end();
        let expected = Statistics { bytes_in, bytes_out, total_connections: 15, ..Statistics::default() };
        let seen = world.observe().unwrap();
        let counted = by_level(seen.statistics, &seen.listeners, &seen.pools);
        assert_eq!(counted, [expected; 4], "{protocol:?}: of all, of its listener, of its pool, of the members' sum");
        // What a member has counted that is gone stays its pool's, and it goes on where it comes back.
        let gone = asked.pools[0].members.pop().unwrap();
        world.deploy(&asked, 4);
        let one = world.observe().unwrap().pools.remove(0);
        assert_eq!((still(one.statistics), one.members.len()), (expected, 1));
        asked.pools[0].members.push(gone);
        world.deploy(&asked, 5);
        let both = world.observe().unwrap();
        let members: Vec<u64> =
            both.pools[0].members.iter().map(|one| still(one.statistics).total_connections).collect();
        let known: Vec<u64> = seen.pools[0].members.iter().map(|one| still(one.statistics).total_connections).collect();
        // Nobody promises that of one that was away: it is no less than nothing.
        assert!(members[0] == known[0] && members[1] <= known[1], "{members:?} after {known:?}");
        // Without its listener a pool has no traffic, and with another one it goes on.
        let mut renamed = asked.clone();
        renamed.listeners[0].id = "another".to_owned();
        world.deploy(&renamed, 6);
        traffic(&world);
        // The last packets of connections that are closed are on their way.
        thread::sleep(Duration::from_millis(200));
        let pool = still(world.observe().unwrap().pools[0].statistics);
        assert_eq!(pool.total_connections, 20, "whichever listener it was");
        let last = world.observe().unwrap();
        let left = hand_over(&world);
        let ended = (still(left.statistics), still(left.pools[0].statistics), left.pools[0].members.len());
        assert_eq!(ended, (still(last.statistics), pool, 2), "it is told where they ended");
        Ok(())
    });
}

fn still(counted: Option<Statistics>) -> Statistics {
    Statistics { active_connections: 0, ..counted.unwrap_or_default() }
}

fn by_level(whole: Option<Statistics>, listeners: &[ListenerObservation], pools: &[PoolStatistics]) -> [Statistics; 4] {
    let ([listener], [pool]) = (listeners, pools) else { panic!("{listeners:?}, {pools:?}") };
    assert!(pool.members.iter().all(|member| still(member.statistics).total_connections > 0), "{pool:?}");
    let members = pool.members.iter().map(|member| still(member.statistics));
    let members = members.fold(Statistics::default(), |sum, one| Statistics {
        bytes_in: sum.bytes_in + one.bytes_in,
        bytes_out: sum.bytes_out + one.bytes_out,
        total_connections: sum.total_connections + one.total_connections,
        ..sum
    });
    [still(whole), still(listener.statistics), still(pool.statistics), members]
}
