//! Changes while clients are served: what is established runs on, what is dead ends, and counters go on.

use std::{
    io::ErrorKind,
    net::{SocketAddr, UdpSocket},
    sync::{
        Mutex,
        atomic::{AtomicBool, AtomicU64, Ordering},
    },
    thread,
    time::Duration,
};

use ballast_l4::{
    desired::{Protocol, Service, State},
    flows,
    mark::Whose,
    statistics, table,
    wire::Command,
};
use ballast_lab::wait_until;

use crate::world::{SOON, VIP, World, ask, ask_again, ask_udp, connect, in_world, inside, member, service, udp};

/// TCP and UDP at the same port.
fn both() -> Service {
    let mut both = service(Protocol::Tcp, (1..=3).map(member));
    let udp = service(Protocol::Udp, (1..=3).map(member)).listeners.remove(0);
    both.listeners.push(ballast_l4::desired::Listener { id: "udp".to_owned(), ..udp });
    both
}

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
            // The machine is shared: the rate is not what is tested.
            thread::sleep(Duration::from_micros(500));
        }
    }
}

#[test]
fn two_hundred_changes_under_load_lose_nothing() {
    in_world(|mut world| {
        let mut asked = both();
        world.pass(&asked);
        let to: SocketAddr = VIP.parse()?;
        let client = world.client.clone();
        let (kept, short, datagrams, new) = (Load::default(), Load::default(), Load::default(), Load::default());
        let loads = [&kept, &short, &datagrams, &new];
        thread::scope(|scope| {
            for _ in 0..2 {
                let (kept, short, datagrams, new) = (&kept, &short, &datagrams, &new);
                let run = |work: &mut (dyn FnMut() + Send)| inside(&client, work);
                scope.spawn(move || {
                    run(&mut || {
                        let mut stream = connect(None, to).unwrap();
                        kept.repeat(|| ask_again(&mut stream));
                    });
                });
                scope.spawn(move || run(&mut || short.repeat(|| ask(None, to))));
                scope.spawn(move || {
                    run(&mut || {
                        let socket = udp(None, to).unwrap();
                        datagrams.repeat(|| ask_udp(&socket));
                    });
                });
                scope.spawn(move || run(&mut || new.repeat(|| ask_udp(&udp(None, to)?))));
            }
            for change in 0..200_u16 {
                for listener in &mut asked.listeners {
                    let drained = change % 2 == 0;
                    listener.members[2].state = if drained { State::Draining } else { State::Up };
                    listener.members[0].weight = 1 + change % 3;
                }
                world.driver.pass(&asked, true);
                thread::sleep(Duration::from_millis(12));
            }
            loads.iter().for_each(|load| load.over.store(true, Ordering::Relaxed));
        });
        let asked = loads.map(|load| load.asked.load(Ordering::Relaxed));
        let lost = loads.map(|load| load.lost.lock().unwrap().clone());
        assert!(asked.iter().all(|count| *count > 50), "{asked:?}");
        assert_eq!(lost, [const { Vec::new() }; 4], "of {asked:?}");
        Ok(())
    });
}

#[test]
fn a_member_that_drains_keeps_its_connections_and_gets_no_new_ones() {
    in_world(|mut world| {
        let mut asked = both();
        world.pass(&asked);
        let to: SocketAddr = VIP.parse()?;
        let mut streams = world.client(|| (0..3).map(|_| connect(None, to).unwrap()).collect::<Vec<_>>());
        let before: Vec<u8> = streams.iter_mut().map(|stream| ask_again(stream).unwrap()).collect();
        asked.listeners[0].members[0].state = State::Draining;
        world.pass(&asked);
        let after: Vec<u8> = streams.iter_mut().map(|stream| ask_again(stream).unwrap()).collect();
        assert_eq!(after, before);
        assert_eq!(world.answers(VIP, 6), [(2, 3), (3, 3)].into());
        Ok(())
    });
}

#[test]
fn flows_of_a_dead_member_are_ended_and_those_of_others_are_not() {
    in_world(|mut world| {
        let mut asked = both();
        world.pass(&asked);
        let to: SocketAddr = VIP.parse()?;
        let mut streams = world.client(|| (0..3).map(|_| connect(None, to).unwrap()).collect::<Vec<_>>());
        let sockets: Vec<UdpSocket> = world.client(|| (0..3).map(|_| udp(None, to).unwrap()).collect());
        let members: Vec<u8> = streams.iter_mut().map(|stream| ask_again(stream).unwrap()).collect();
        let of_udp: Vec<u8> = sockets.iter().map(|socket| ask_udp(socket).unwrap()).collect();
        let active = flows::active(&mut world.driver.netfilter)?;
        assert_eq!((active.len(), active.values().sum::<u32>()), (6, 6));
        for listener in &mut asked.listeners {
            listener.members[0].state = State::Down;
        }
        world.pass(&asked);
        for (stream, member) in streams.iter_mut().zip(members) {
            assert_eq!(ask_again(stream).ok(), Some(member).filter(|member| *member != 1));
        }
        for (socket, member) in sockets.iter().zip(of_udp) {
            let now = ask_udp(socket)?;
            assert!(if member == 1 { now != 1 } else { now == member }, "{member} became {now}");
        }
        Ok(())
    });
}

#[test]
fn counters_are_exact_and_go_on_through_changes_and_when_the_table_is_made_anew() {
    in_world(|mut world| {
        let mut asked = both();
        world.pass(&asked);
        for round in 0..10 {
            world.answers(VIP, 3);
            world.answers_udp(VIP, 2);
            asked.listeners[0].members[0].weight = 2 + round % 2;
            if round % 3 == 2 {
                // Notes that are lost: what runs is not known.
                world.driver.noted = None;
            }
            world.pass(&asked);
        }
        // One that is gone counts for its listener.
        asked.listeners[0].members.remove(0);
        world.pass(&asked);
        let counters = world.driver.counters();
        let totals = statistics::by_listener(&counters, &world.driver.numbers);
        assert_eq!((totals["l"].connections, totals["udp"].connections), (30, 20));
        // A datagram of one byte each way, with 28 of headers.
        let udp = totals["udp"];
        assert_eq!((udp.packets_in, udp.bytes_in, udp.packets_out, udp.bytes_out), (20, 580, 20, 580));
        assert!(totals["l"].packets_in >= 30 * 4 && totals["l"].packets_out >= 30 * 2, "{totals:?}");
        let retired: Vec<_> = world.driver.numbers.retired().collect();
        retired.into_iter().for_each(|mark| world.driver.numbers.release(mark, &counters));
        world.pass(&asked);
        let counters = world.driver.counters();
        assert_eq!(statistics::by_listener(&counters, &world.driver.numbers), totals);
        assert_eq!(statistics::whole(&counters, &world.driver.numbers).connections, 50);
        Ok(())
    });
}

#[test]
fn a_table_made_anew_does_not_touch_what_is_established() {
    in_world(|mut world| {
        let asked = both();
        world.pass(&asked);
        let to: SocketAddr = VIP.parse()?;
        let mut stream = world.client(|| connect(None, to))?;
        let member = ask_again(&mut stream)?;
        world.driver.noted = None;
        world.pass(&asked);
        assert_eq!(ask_again(&mut stream)?, member);
        let marks = flows::active(&mut world.driver.netfilter)?;
        let (mark, _) = marks.into_iter().next().unwrap();
        let place = table::members(&mut world.driver.netfilter)?.unwrap()[&mark];
        assert_eq!(place.to_string(), format!("10.0.0.1{member}:8080"));
        Ok(())
    });
}

#[test]
fn a_flow_that_is_over_is_not_active() {
    in_world(|mut world| {
        world.pass(&both());
        let to: SocketAddr = VIP.parse()?;
        let stream = world.client(|| connect(None, to))?;
        // An end in order, which leaves a flow that waits.
        socket2::SockRef::from(&stream).set_linger(None)?;
        assert_eq!(flows::active(&mut world.driver.netfilter)?.len(), 1);
        drop(stream);
        wait_until(SOON, "the end of the flow", || {
            flows::active(&mut world.driver.netfilter).unwrap().is_empty().then_some(())
        });
        assert!(flows::count(&mut world.driver.netfilter)? > 0);
        flows::delete(&mut world.driver.netfilter, Whose::Listener(1))?;
        assert!(flows::list(&mut world.driver.netfilter, Some(Whose::Listener(1)))?.is_empty());
        Ok(())
    });
}

#[test]
fn what_somebody_else_has_changed_is_mended() {
    in_world(|mut world| {
        let mut asked = both();
        world.pass(&asked);
        let table_of = |world: &mut World<'_>, command: Command| table::apply(&mut world.driver.netfilter, &[command]);
        let mark = world.driver.numbers.of_member("l", "2").unwrap();
        let keys = vec![mark.bytes().to_vec()];
        // Seen before anything is planned.
        table_of(&mut world, Command::DeleteElements { set: "m4".to_owned(), keys: keys.clone() })?;
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 3).len(), 3);
        // Not seen, but refused by the kernel when the member goes.
        table_of(&mut world, Command::DeleteElements { set: "cn".to_owned(), keys })?;
        asked.listeners[0].members.remove(1);
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 4), [(1, 2), (3, 2)].into());
        let connections = world.driver.connections();
        assert_eq!(connections.values().sum::<u64>(), 7);
        Ok(())
    });
}
