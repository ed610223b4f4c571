//! Who is let in, and how many; who is refused, and how.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr},
    thread,
    time::Duration,
};

use ballast_l4::{
    desired::{Limit, Protocol, State},
    flows, statistics,
};
use ballast_lab::wait_until;
use ipnet::IpNet;

use crate::world::{
    PATIENCE, SOON, VIP, VIP6, ask, ask_again, ask_udp, clients, connect, connect_within, in_world, member, service,
    udp,
};

#[test]
fn a_limit_is_exact_and_a_change_of_members_does_not_forget_who_is_there() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, (1..=2).map(member));
        asked.listeners[0].limit = Some(Limit { most: 3, full: false });
        world.pass(&asked);
        let to: SocketAddr = VIP.parse()?;
        let mut held = world.client(|| (0..3).map(|_| connect(None, to).unwrap()).collect::<Vec<_>>());
        let refused = || world.client(|| ask(None, to)).unwrap_err().kind();
        assert_eq!(refused(), ErrorKind::ConnectionRefused);
        asked.listeners[0].members[0].weight = 2;
        world.driver.pass(&asked, true);
        assert_eq!(world.client(|| ask(None, to)).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        assert!(held.iter_mut().all(|stream| ask_again(stream).is_ok()));
        let counters = world.driver.counters();
        assert_eq!(statistics::denied(&counters, &world.driver.numbers, "l"), Some(2));
        drop(held.pop());
        wait_until(SOON, "a place", || world.client(|| ask(None, to)).ok());
        Ok(())
    });
}

#[test]
fn beyond_what_is_counted_exactly_a_gate_is_closed_by_hand() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, [member(1)]);
        asked.listeners[0].limit = Some(Limit { most: 5_000, full: true });
        world.pass(&asked);
        let to: SocketAddr = VIP.parse()?;
        assert_eq!(world.client(|| ask(None, to)).unwrap_err().kind(), ErrorKind::ConnectionRefused);
        asked.listeners[0].limit = Some(Limit { most: 5_000, full: false });
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 2), [(1, 2)].into());
        Ok(())
    });
}

#[test]
fn only_clients_of_the_allowed_networks_are_let_in() {
    in_world(|mut world| {
        let from = clients(&world, 6);
        let mut asked = service(Protocol::Tcp, [member(1), crate::world::member6(2)]);
        asked.listeners[0].addresses.insert("fd00::4".parse()?);
        asked.listeners[0].allowed = vec!["10.0.0.102/31".parse()?, "10.0.0.105/32".parse()?];
        world.pass(&asked);
        let allowed = |world: &crate::world::World<'_>| {
            let to = VIP.parse().unwrap();
            let is_in = |address: &&std::net::IpAddr| connect_within(PATIENCE, Some(**address), to).is_ok();
            world.client(|| from.iter().filter(is_in).map(|address| address.to_string()).collect::<Vec<_>>())
        };
        let expected: Vec<String> = [102, 103, 105].map(|last| format!("10.0.0.{last}")).into();
        assert_eq!(allowed(&world), expected);
        let six: SocketAddr = VIP6.parse()?;
        assert_eq!(world.client(|| connect_within(PATIENCE, None, six)).unwrap_err().kind(), ErrorKind::TimedOut);
        asked.listeners[0].allowed = vec!["10.0.0.101/32".parse()?, "fd00::/64".parse()?];
        world.pass(&asked);
        assert_eq!(allowed(&world), ["10.0.0.101"]);
        assert_eq!(world.client(|| ask(None, six))?, 2);
        asked.listeners[0].allowed = vec!["fd00:1::/64".parse()?];
        world.pass(&asked);
        assert_eq!(world.client(|| connect_within(PATIENCE, None, six)).unwrap_err().kind(), ErrorKind::TimedOut);
        Ok(())
    });
}

#[test]
fn thousands_of_networks_may_be_allowed() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, [member(1)]);
        // Every second address: no two of them are one interval.
        let networks = (0..3_000_u32).map(|number| IpNet::new(Ipv4Addr::from(0x0a02_0001 + 2 * number).into(), 32));
        asked.listeners[0].allowed = networks.collect::<Result<_, _>>()?;
        asked.listeners[0].allowed.push("10.0.0.5/32".parse()?);
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 1), [(1, 1)].into());
        asked.listeners[0].allowed.pop();
        world.pass(&asked);
        let to: SocketAddr = VIP.parse()?;
        assert_eq!(world.client(|| connect_within(PATIENCE, None, to)).unwrap_err().kind(), ErrorKind::TimedOut);
        Ok(())
    });
}

#[test]
fn without_a_member_and_without_a_listener_clients_are_refused_at_once() {
    in_world(|mut world| {
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            let mut asked = service(protocol, [member(1)]);
            asked.listeners[0].members[0].state = State::Draining;
            let to: SocketAddr = VIP.parse()?;
            for listeners in [1, 0] {
                asked.listeners.truncate(listeners);
                world.pass(&asked);
                let begun = std::time::Instant::now();
                let refused = world.client(|| match protocol {
                    Protocol::Tcp => ask(None, to),
                    Protocol::Udp | Protocol::Sctp => ask_udp(&udp(None, to)?),
                });
                assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused, "{protocol:?} {listeners}");
                assert!(begun.elapsed() < Duration::from_secs(1));
            }
        }
        Ok(())
    });
}

#[test]
fn what_a_member_refuses_is_refused_and_what_is_asked_of_the_vip_itself_is_answered() {
    in_world(|mut world| {
        let closed = |number| ballast_l4::desired::Member { address: ([10, 0, 0, 11], 9).into(), ..member(number) };
        for protocol in [Protocol::Tcp, Protocol::Udp] {
            world.pass(&service(protocol, [closed(1)]));
            let to: SocketAddr = VIP.parse()?;
            let refused = world.client(|| match protocol {
                Protocol::Tcp => ask(None, to),
                Protocol::Udp | Protocol::Sctp => ask_udp(&udp(None, to)?),
            });
            assert_eq!(refused.unwrap_err().kind(), ErrorKind::ConnectionRefused, "{protocol:?}");
        }
        world.client.output("ping", ["-c", "1", "-W", "2", "10.0.0.4"])?;
        Ok(())
    });
}

#[test]
fn who_takes_the_balancer_for_a_router_gets_nothing_through() {
    in_world(|mut world| {
        world.pass(&service(Protocol::Udp, [member(1)]));
        let far = world.lab.segment("far")?;
        world.balancer.plug(&far, "eth1", "10.1.0.1/24")?;
        let behind = world.lab.host("behind")?;
        behind.plug(&far, "eth0", "10.1.0.2/24")?;
        behind.default_route("10.1.0.1")?;
        world.client.route("10.1.0.0/24", "10.0.0.4")?;
        let listening = crate::world::inside(&behind, || std::net::UdpSocket::bind("10.1.0.2:80")).unwrap();
        listening.set_read_timeout(Some(Duration::from_millis(300)))?;
        let to: SocketAddr = "10.1.0.2:80".parse()?;
        world.client(|| udp(None, to).unwrap().send(b"?"))?;
        assert!(listening.recv(&mut [0; 8]).is_err(), "a packet came through");
        // The way is there: without the table it does.
        ballast_l4::table::apply(&mut world.driver.netfilter, &ballast_l4::plan::removal())?;
        world.client(|| udp(None, to).unwrap().send(b"?"))?;
        assert_eq!(listening.recv(&mut [0; 8])?, 1);
        Ok(())
    });
}

#[test]
fn a_flow_is_forgotten_after_the_listeners_own_idle_time() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Udp, [member(1)]);
        asked.listeners[0].idle = Some(77);
        let tcp = service(Protocol::Tcp, [member(1)]).listeners.remove(0);
        asked.listeners.push(ballast_l4::desired::Listener { id: "tcp".to_owned(), idle: Some(55), ..tcp });
        world.pass(&asked);
        let to: SocketAddr = VIP.parse()?;
        let socket = world.client(|| udp(None, to))?;
        ask_udp(&socket)?;
        let mut stream = world.client(|| connect(None, to))?;
        ask_again(&mut stream)?;
        thread::sleep(Duration::from_millis(20));
        ask_udp(&socket)?;
        let mut seconds: Vec<(u8, u32)> = flows::list(&mut world.driver.netfilter, None)?
            .into_iter()
            .filter(|flow| flow.mark.number() != 0)
            .map(|flow| (flow.protocol, flow.seconds))
            .collect();
        seconds.sort_unstable();
        assert!(matches!(seconds[..], [(6, 53..=55), (17, 75..=77)]), "{seconds:?}");
        Ok(())
    });
}
