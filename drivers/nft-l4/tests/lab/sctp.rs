//! SCTP, by raw packets: the kernel of neither side needs any.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{
    collections::BTreeMap,
    io::Read as _,
    net::{IpAddr, SocketAddr},
    os::fd::AsRawFd as _,
    path::Path,
    thread,
    time::Duration,
};

use ballast_abi::{Health, KnownHealth, MonitorType, Protocol};
use ballast_l4::sctp::{Chunk, init, init_ack, read, without_header};
use ballast_lab::{Host, kernel_has, wait_until};
use nix::sys::socket::{MsgFlags, SockaddrStorage, recvfrom, sendto};
use socket2::{Domain, Protocol as Ip, Socket, Type};

use crate::{
    tools::on,
    world::{SOON, World, in_world, load_balancer, member, monitor},
};

fn raw(host: &Host, address: IpAddr) -> Socket {
    on(host, || {
        let socket = Socket::new(Domain::IPV4, Type::RAW, Some(Ip::from(132))).unwrap();
        socket.bind(&SocketAddr::new(address, 0).into()).unwrap();
        socket.set_read_timeout(Some(Duration::from_secs(1))).unwrap();
        socket
    })
}

/// A member that answers each INIT, with its number as tag.
fn serve(host: &Host, number: u8) {
    let socket = raw(host, IpAddr::from([10, 0, 0, 10 + number]));
    let mut buffer = [0; 2048];
    thread::spawn(move || {
        loop {
            let Ok((length, Some(from))) = recvfrom::<SockaddrStorage>(socket.as_raw_fd(), &mut buffer) else {
                continue;
            };
            let packet = read(without_header(&buffer[..length], false));
            let Some((packet, Chunk::Init { tag })) = packet.map(|packet| (packet, packet.chunk)) else { continue };
            let answer = init_ack((packet.destination, packet.source), tag, number.into());
            let _gone = sendto(socket.as_raw_fd(), &answer, &from, MsgFlags::empty());
        }
    });
}

/// Who answers so many INITs, each from a port of its own.
fn answers(world: &World<'_>, count: u16) -> BTreeMap<u32, usize> {
    let mut socket = raw(&world.client, "10.0.0.5".parse().unwrap());
    let mut counts = BTreeMap::new();
    for source in 20_000..20_000 + count {
        let to: SocketAddr = "10.0.0.4:0".parse().unwrap();
        socket.send_to(&init((source, 80), 7), &to.into()).unwrap();
        let mut buffer = [0; 2048];
        let length = socket.read(&mut buffer).unwrap();
        let packet = read(without_header(&buffer[..length], false)).unwrap();
        let Chunk::InitAck { tag } = packet.chunk else { panic!("{packet:?}") };
        *counts.entry(tag).or_default() += 1;
    }
    counts
}

#[test]
fn sctp_is_served_and_checked() {
    let test = "sctp_is_served_and_checked";
    in_world(|world| {
        let followed = Path::new("/proc/sys/net/netfilter/nf_conntrack_sctp_timeout_established").exists();
        if !kernel_has("sctp-conntrack", followed, test) {
            return Ok(());
        }
        (1..=2).for_each(|number| serve(&world.members[usize::from(number) - 1], number));
        let mut asked = load_balancer(Protocol::Sctp);
        asked.pools[0].monitors = vec![monitor(MonitorType::Sctp)];
        asked.pools[0].members.push(ballast_abi::Member { address: "10.0.0.5".into(), ..member(3) });
        // Nobody is served before a check has passed.
        asked.known_health = Some(KnownHealth::default());
        world.deploy(&asked, 1);
        wait_until(SOON, "two that are up", || {
            (world.health()? == [Health::Up, Health::Up, Health::Down]).then_some(())
        });
        // The rules follow what is known, a moment later.
        world.deploy(&asked, 2);
        assert_eq!(answers(&world, 10), [(1, 5), (2, 5)].into());
        Ok(())
    });
}
