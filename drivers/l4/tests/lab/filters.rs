//! Who may connect to what somebody serves in the namespace itself.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    fs,
    io::ErrorKind,
    net::{IpAddr, SocketAddr},
};

use ballast_l4::desired::{Filter, Protocol, Service};
use socket2::{Domain, Socket, Type};

use crate::world::{
    PATIENCE, VIP, World, ask, ask_again, ask_udp, clients, connect, connect_within, in_world, inside, member, serve,
    service, udp,
};

const PORT: u16 = 8080;
const HERE: u8 = 9;

fn filter(port: u16, networks: &[&str]) -> Filter {
    Filter { port, allowed: networks.iter().map(|network| network.parse().unwrap()).collect() }
}

fn only(networks: &[&str]) -> Service {
    Service { filters: vec![filter(PORT, networks)], ..Service::default() }
}

fn here(last: &str) -> SocketAddr {
    format!("{last}:{PORT}").parse().unwrap()
}

/// Of these clients, those that get an answer.
fn let_in(world: &World<'_>, from: &[IpAddr]) -> Vec<String> {
    let to = here("10.0.0.4");
    let is_in = |address: &&IpAddr| connect_within(PATIENCE, Some(**address), to).is_ok();
    world.client(|| from.iter().filter(is_in).map(ToString::to_string).collect())
}

fn denied(world: &mut World<'_>) -> u64 {
    world.driver.counters()["f8080d"].packets
}

#[test]
fn only_clients_of_the_allowed_networks_are_let_in_and_no_connection_is_followed_for_it() {
    in_world(|mut world| {
        for address in ["10.0.0.4", "fd00::4"] {
            serve(&world.balancer, HERE, address.parse()?);
        }
        let from = clients(&world, 6);
        world.pass(&only(&["10.0.0.102/31", "10.0.0.105/32"]));
        assert_eq!(let_in(&world, &from), ["10.0.0.102", "10.0.0.103", "10.0.0.105"]);
        assert!(denied(&mut world) >= 3);
        let six = here("[fd00::4]");
        assert_eq!(world.client(|| connect_within(PATIENCE, None, six)).unwrap_err().kind(), ErrorKind::TimedOut);
        // Who is connected stays so, and is no reason to let in the next one.
        let mut kept = world.client(|| connect(Some(from[1]), here("10.0.0.4")))?;
        assert_eq!(ask_again(&mut kept)?, HERE);
        world.pass(&only(&["10.0.0.101/32", "fd00::/64"]));
        assert_eq!((let_in(&world, &from), ask_again(&mut kept)?), (vec!["10.0.0.101".to_owned()], HERE));
        assert_eq!(world.client(|| ask(None, six))?, HERE);
        world.pass(&only(&[]));
        assert_eq!((let_in(&world, &from), ask_again(&mut kept)?), (vec![], HERE));
        // Other ports and other protocols are nobody's business.
        let closed = world.client(|| connect(None, "10.0.0.4:8081".parse().unwrap())).unwrap_err();
        assert_eq!(closed.kind(), ErrorKind::ConnectionRefused);
        assert_eq!(world.client(|| ask_udp(&udp(None, here("10.0.0.4"))?))?, HERE);
        let followed = || fs::read_to_string("/proc/sys/net/netfilter/nf_conntrack_count");
        assert_eq!(inside(&world.balancer, followed)?.trim(), "0");
        ballast_l4::table::apply(&mut world.driver.netfilter, &ballast_l4::plan::removal())?;
        assert_eq!(let_in(&world, &from).len(), 6, "there is nothing else in the way");
        Ok(())
    });
}

/// A connection from here may have the port that others may not connect to.
#[test]
fn what_is_opened_from_the_namespace_itself_is_answered() {
    in_world(|mut world| {
        world.pass(&Service { filters: vec![filter(8090, &[])], ..Service::default() });
        let answer = inside(&world.balancer, || {
            let socket = Socket::new(Domain::IPV4, Type::STREAM, None)?;
            socket.bind(&"10.0.0.4:8090".parse::<SocketAddr>().unwrap().into())?;
            socket.connect_timeout(&"10.0.0.11:8080".parse::<SocketAddr>().unwrap().into(), PATIENCE * 4)?;
            ask_again(&mut socket.into())
        });
        assert_eq!(answer?, 1);
        Ok(())
    });
}

#[test]
fn what_is_served_here_and_what_is_sent_on_have_their_own_networks() {
    in_world(|mut world| {
        serve(&world.balancer, HERE, "10.0.0.4".parse()?);
        let from = clients(&world, 2);
        let mut both = service(Protocol::Tcp, [member(1)]);
        both.filters = vec![filter(PORT, &["10.0.0.101/32"])];
        // The other way round as well: what was there before is there, and what was not is not missed.
        for filters in [both.filters.clone(), Vec::new(), both.filters.clone()] {
            both.filters = filters;
            for asked in [&both, &Service { listeners: Vec::new(), ..both.clone() }, &both] {
                world.pass(asked);
                let expected = if asked.filters.is_empty() { 2 } else { 1 };
                assert_eq!(let_in(&world, &from).len(), expected, "{asked:?}");
                let sent_on = world.client(|| ask(Some(from[1]), VIP.parse().unwrap())).is_ok();
                assert_eq!(sent_on, !asked.listeners.is_empty());
            }
        }
        both.listeners[0].allowed = vec!["10.0.0.102/32".parse()?];
        world.pass(&both);
        let to = VIP.parse()?;
        let sent_on = |last: usize| world.client(|| connect_within(PATIENCE, Some(from[last]), to)).is_ok();
        assert_eq!((let_in(&world, &from), sent_on(0), sent_on(1)), (vec!["10.0.0.101".to_owned()], false, true));
        Ok(())
    });
}
