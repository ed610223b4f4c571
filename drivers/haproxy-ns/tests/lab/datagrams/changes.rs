//! Changes while clients are served.

use std::{
    io::{ErrorKind, Read as _, Write as _},
    net::TcpStream,
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use ballast_abi::Driver;

use super::tools::{Echo, ask, asked, on, open, totals, without_table};
use crate::world::{ID, in_world, load_balancer, member};

/// What clients have asked, and what was lost.
#[derive(Default)]
struct Load {
    over: AtomicBool,
    asked: AtomicU64,
    lost: Mutex<Vec<ErrorKind>>,
}

impl Load {
    #[expect(clippy::unwrap_used, reason = "a tool of tests: what fails here fails the test")]
    fn repeat(&self, mut once: impl FnMut() -> std::io::Result<u8>) {
        while !self.over.load(Ordering::Relaxed) {
            self.asked.fetch_add(1, Ordering::Relaxed);
            if let Err(error) = once() {
                self.lost.lock().unwrap().push(error.kind());
            }
            thread::sleep(Duration::from_micros(500));
        }
    }
}

#[test]
fn deploys_under_load_lose_no_datagram() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        // A second listener comes and goes beside the first.
        let mut other = asked.listeners[1].clone();
        (other.id, other.protocol_port) = ("other".into(), 81);
        world.deploy(&asked, 1);
        let (kept, new) = (Load::default(), Load::default());
        let client = world.client.clone();
        thread::scope(|scope| {
            scope.spawn(|| {
                on(&client, || {
                    let socket = open(None);
                    kept.repeat(|| ask(&socket));
                });
            });
            scope.spawn(|| on(&client, || new.repeat(|| ask(&open(None)))));
            for change in 0..60_u32 {
                let pool = &mut asked.pools[1];
                pool.members[0].weight = 1 + change % 3;
                pool.members[1].admin_state_up = change % 2 == 0;
                match change % 4 {
                    1 => asked.listeners.push(other.clone()),
                    3 => drop(asked.listeners.pop()),
                    _ => {}
                }
                world.deploy(&asked, u64::from(change) + 2);
            }
            [&kept, &new].iter().for_each(|load| load.over.store(true, Ordering::Relaxed));
        });
        let counts = [&kept, &new].map(|load| load.asked.load(Ordering::Relaxed));
        let lost = [&kept, &new].map(|load| load.lost.lock().unwrap().clone());
        assert!(counts.iter().all(|count| *count > 50), "{counts:?}");
        assert_eq!(lost, [const { Vec::new() }; 2], "of {counts:?}");
        Ok(())
    });
}

/// Notes and counters are read one after the other, while members come and go with theirs.
#[test]
fn counters_never_go_back_while_members_come_and_go() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        world.deploy(&asked, 1);
        let over = AtomicBool::new(false);
        let client = world.client.clone();
        let (observed, world) = (AtomicU64::new(0), &world);
        thread::scope(|scope| {
            scope.spawn(|| {
                on(&client, || {
                    while !over.load(Ordering::Relaxed) {
                        let _answer = ask(&open(None));
                    }
                });
            });
            scope.spawn(|| {
                let mut last = [0; 4];
                while !over.load(Ordering::Relaxed) {
                    let Some(seen) = world.observe() else { continue };
                    let (whole, one) = (seen.statistics.unwrap(), totals(world));
                    let now = [whole.total_connections, whole.bytes_in, one.total_connections, one.bytes_out];
                    assert!(now.iter().zip(&last).all(|(now, last)| now >= last), "{now:?} after {last:?}");
                    (last, _) = (now, observed.fetch_add(1, Ordering::Relaxed));
                }
            });
            let second = asked.pools[1].members.pop().unwrap();
            for generation in 2..60 {
                match asked.pools[1].members.len() {
                    1 => asked.pools[1].members.push(second.clone()),
                    _ => drop(asked.pools[1].members.pop()),
                }
                world.deploy(&asked, generation);
            }
            over.store(true, Ordering::Relaxed);
        });
        let (observed, counted) = (observed.load(Ordering::Relaxed), totals(world).total_connections);
        assert!(observed > 20 && counted > 100, "{observed} {counted}");
        Ok(())
    });
}

fn get(connection: &mut TcpStream) -> std::io::Result<bool> {
    connection.write_all(b"GET / HTTP/1.1\r\nHost: vip\r\n\r\n")?;
    let mut seen = [0; 1024];
    let length = connection.read(&mut seen)?;
    Ok(seen[..length].starts_with(b"HTTP/1.1 200"))
}

/// It is followed by the kernel from the middle on, and no more afterwards.
#[test]
fn a_connection_of_haproxys_goes_on_when_something_is_forwarded_beside_it() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        world.deploy(&load_balancer(), 1);
        let mut connection = world.connect("10.0.0.4:80")?;
        assert!(get(&mut connection)?);
        for generation in 1..4 {
            world.deploy(&asked(), 2 * generation);
            assert!(get(&mut connection)?);
            world.deploy(&load_balancer(), 2 * generation + 1);
            assert!(get(&mut connection)?);
        }
        Ok(())
    });
}

/// Numbers begin anew then, and the marks of flows would be those of others.
#[test]
fn rules_whose_notes_are_lost_are_made_anew() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        world.deploy(&asked, 1);
        let sockets: Vec<_> = (0..4).map(|_| on(&world.client, || open(None))).collect();
        sockets.iter().try_for_each(|socket| ask(socket).map(drop))?;
        for text in [None, Some("{")] {
            let path = world.directory().join("l4.json");
            text.map_or_else(|| std::fs::remove_file(&path), |text| std::fs::write(&path, text))?;
            assert_eq!(world.driver.deployed()?[0].generation, 0);
            asked.pools[1].members.rotate_left(1);
            world.deploy(&asked, 2);
            sockets.iter().try_for_each(|socket| ask(socket).map(drop))?;
            assert_eq!(world.driver.deployed()?[0].generation, 2);
        }
        std::fs::remove_file(world.directory().join("l4.json"))?;
        world.deploy(&load_balancer(), 3);
        assert!(without_table(&world) && ask(&sockets[0]).is_err());
        world.deploy(&asked, 4);
        std::fs::remove_file(world.directory().join("l4.json"))?;
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

/// A member that is taken away has no flows: its clients go to the others with their next datagram.
#[test]
fn clients_of_a_member_that_is_taken_away_go_to_another() {
    in_world(|world| {
        let _echoes = [Echo::start(&world, 1), Echo::start(&world, 2)];
        let mut asked = asked();
        world.deploy(&asked, 1);
        let sockets: Vec<_> = (0..4).map(|_| on(&world.client, || open(None))).collect();
        let had: Vec<u8> = sockets.iter().map(ask).collect::<Result<_, _>>()?;
        assert!(had.contains(&1) && had.contains(&2), "{had:?}");
        asked.pools[1].members[1].admin_state_up = false;
        world.deploy(&asked, 2);
        assert_eq!(sockets.iter().map(ask).collect::<Result<Vec<_>, _>>()?, had, "one that is down keeps its clients");
        asked.pools[1].members.truncate(1);
        world.deploy(&asked, 3);
        assert_eq!(sockets.iter().map(ask).collect::<Result<Vec<_>, _>>()?, [1; 4]);
        asked.pools[1].members.push(member(2));
        world.deploy(&asked, 4);
        assert_eq!(sockets.iter().map(ask).collect::<Result<Vec<_>, _>>()?, [1; 4]);
        Ok(())
    });
}
