//! SCTP, by raw packets: the kernel of a balancer needs no SCTP of its own, and neither does that of the test.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    io::Read as _,
    net::{IpAddr, SocketAddr},
    os::fd::AsRawFd as _,
    thread,
    time::Duration,
};

use ballast_l4::{
    desired::Protocol,
    sctp::{Chunk, init, init_ack, read, without_header},
};
use ballast_lab::Host;
use nix::sys::socket::{SockaddrStorage, recvfrom, sendto};
use socket2::{Domain, Protocol as Ip, Socket, Type};

use crate::world::{VIP, VIP6, in_world, inside, member, member6, service};

fn raw(host: &Host, address: IpAddr) -> Socket {
    inside(host, || {
        let domain = if address.is_ipv4() { Domain::IPV4 } else { Domain::IPV6 };
        let socket = Socket::new(domain, Type::RAW, Some(Ip::SCTP)).unwrap();
        socket.bind(&SocketAddr::new(address, 0).into()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(10))).unwrap();
        socket
    })
}

/// A member that answers each INIT, with its number as tag.
pub(crate) fn serve(host: &Host, number: u8, address: IpAddr) {
    let socket = raw(host, address);
    let mut buffer = [0; 2048];
    thread::spawn(move || {
        loop {
            let Ok((length, Some(from))) = recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut buffer) else {
                continue;
            };
            let packet = read(without_header(&buffer[..length], address.is_ipv6()));
            let Some((packet, Chunk::Init { tag })) = packet.map(|packet| (packet, packet.chunk)) else { continue };
            let answer = init_ack((packet.destination, packet.source), tag, number.into());
            let _gone = sendto(socket.as_raw_fd(), &answer, &from, nix::sys::socket::MsgFlags::empty());
        }
    });
}

/// Who answers so many INITs, each from a port of its own.
fn answers(client: &Host, vip: &str, count: u16) -> BTreeMap<u32, usize> {
    let to: SocketAddr = vip.parse().unwrap();
    let own = if to.is_ipv4() { "10.0.0.5" } else { "fd00::5" };
    let mut socket = raw(client, own.parse().unwrap());
    let mut counts = BTreeMap::new();
    for source in 20_000..20_000 + count {
        socket.send_to(&init((source, to.port()), 7), &SocketAddr::new(to.ip(), 0).into()).unwrap();
        let mut buffer = [0; 2048];
        let length = socket.read(&mut buffer).unwrap();
        let packet = read(without_header(&buffer[..length], to.is_ipv6())).unwrap();
        let Chunk::InitAck { tag } = packet.chunk else { panic!("{packet:?}") };
        assert_eq!((packet.source, packet.destination), (to.port(), source));
        *counts.entry(tag).or_default() += 1;
    }
    counts
}

#[test]
fn sctp_is_balanced_over_both_ip_versions() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Sctp, [member(1), member(2), member6(3), member6(4)]);
        asked.listeners[0].addresses.insert("fd00::4".parse()?);
        for number in 1..=2 {
            serve(&world.web, number, format!("10.0.0.1{number}").parse()?);
            serve(&world.web, number + 2, format!("fd00::1{}", number + 2).parse()?);
        }
        world.pass(&asked);
        assert_eq!(answers(&world.client, VIP, 10), [(1, 5), (2, 5)].into());
        assert_eq!(answers(&world.client, VIP6, 10), [(3, 5), (4, 5)].into());
        assert_eq!(world.driver.connections().values().sum::<u64>(), 20);
        Ok(())
    });
}
