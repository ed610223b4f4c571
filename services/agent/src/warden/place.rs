//! What is done in the namespace of a load balancer. All of it blocks, on a thread of its own.

use std::{
    collections::BTreeSet,
    fs::{self, File},
    net::{IpAddr, Ipv4Addr, SocketAddr, UdpSocket},
    os::unix::fs::MetadataExt,
    path::Path,
};

use ballast_l4::passing::{self, Passing, Place};
use ballast_netns::{
    address::{self, Life},
    announce::Announcement,
    claims::{Ask, Ear, listen},
    failure::{Failure, chain},
    link::{self, Link},
    listening::Asked,
    namespace::{self, Look},
    netlink::Netlink,
    probe, sysctl,
};

use super::{Side, Watched, side::PASSED, talk};

/// What is open in its namespace.
pub(super) struct Open {
    pub(super) ears: Vec<Ear>,
    /// Of one of two sides.
    pub(super) seat: Option<Seat>,
    /// Which namespace it is: another one of that name has another number.
    pub(super) number: u64,
}

/// `None`: it is not there, or has no such link.
pub(super) fn open(watched: &Watched) -> Result<Option<Open>, Failure> {
    let Some(number) = number(&watched.namespace) else { return Ok(None) };
    let addresses: BTreeSet<IpAddr> = watched.claimable().collect();
    let found = inside(watched, |_, link| {
        let ears = listen(&link.name, watched.mac, &addresses, Ask::Owners)?;
        Ok((ears, watched.side.as_ref().map(|_| Seat::open(watched, link.index)).transpose()?, link.under))
    })?;
    let Some((mut ears, seat, under)) = found else { return Ok(None) };
    if let Some(under) = under {
        ears.extend(listen_under(under, watched, &addresses)?);
    }
    Ok(Some(Open { ears, seat, number }))
}

/// A macvlan is not given what is said to all with its own MAC address, which is what the next owner has: the kernel takes that
/// for its own. The interface that it is on is given it.
fn listen_under(index: u32, watched: &Watched, addresses: &BTreeSet<IpAddr>) -> Result<Vec<Ear>, Failure> {
    let mut netlink = Netlink::open()?;
    match link::all(&mut netlink)?.into_iter().find(|link| link.index == index) {
        Some(link) => listen(&link.name, watched.mac, addresses, Ask::Owners),
        None => Ok(Vec::new()),
    }
}

/// What one of two sides does there again and again.
pub(super) struct Seat {
    netlink: Netlink,
    /// `None`: this kernel cannot say who listens.
    listening: Option<Asked>,
    pub(super) link: u32,
    /// `None`: it is elsewhere by now.
    pub(super) socket: Option<UdpSocket>,
}

impl Seat {
    /// By a thread in the namespace.
    fn open(watched: &Watched, link: u32) -> Result<Self, Failure> {
        sysctl::let_float();
        let own = watched.addresses.first().copied().unwrap_or(IpAddr::V4(Ipv4Addr::UNSPECIFIED));
        let bound = UdpSocket::bind((own, talk::PORT)).and_then(|socket| {
            socket.set_nonblocking(true)?;
            Ok(socket)
        });
        let socket = bound.map_err(|error| Failure::io(format!("listen to the other side at {own}"), error))?;
        Ok(Self { netlink: Netlink::open()?, listening: Asked::open().ok(), link, socket: Some(socket) })
    }

    /// Whether somebody listens at one of these ports of the VIP's first address. `None`: nobody knows.
    pub(super) fn is_served(&mut self, side: &Side) -> Option<bool> {
        let vip = side.vips.first()?;
        let listening = self.listening.as_mut()?;
        for port in side.ports.iter().take(MOST_PORTS) {
            if listening.is_listening(SocketAddr::new(*vip, *port)).ok()? {
                return Some(true);
            }
        }
        Some(false)
    }

    /// These are there, and the kernel keeps them for so long.
    pub(super) fn keep(&mut self, vips: &[IpAddr], life: Life) -> Result<(), Failure> {
        let link = self.link;
        self.netlink.batch(vips.iter().map(|vip| address::float(link, *vip, life)).collect())
    }
}

/// The addresses are on the link from now on, and neighbours are told. `backed`: the other side is there, and may have connections
/// that are under way.
pub(super) fn take(watched: &Watched, side: &Side, life: Life, backed: bool) -> Result<(), Failure> {
    if backed {
        pass(watched, side, Passing::On);
    }
    inside(watched, |netlink, link| {
        let there = side.vips.iter().map(|vip| address::float(link.index, *vip, life));
        let not_there = side.vips.iter().map(|vip| address::sink(LOOPBACK, *vip));
        netlink.batch(there.chain(not_there).collect())?;
        announce_all(watched, link, &side.vips)
    })
    .map(drop)
}

/// The addresses are on the link no more. For a while connections that are under way go on, as the namespace has them still.
pub(super) fn let_go(watched: &Watched, side: &Side) -> Result<(), Failure> {
    pass(watched, side, Passing::Quiet);
    inside(watched, |netlink, link| {
        let seconds = u32::try_from(PASSED / 1_000).unwrap_or(u32::MAX);
        let there = side.vips.iter().map(|vip| address::float(LOOPBACK, *vip, Life::Seconds(seconds)));
        let not_there = side.vips.iter().map(|vip| address::sink(link.index, *vip));
        netlink.batch(there.chain(not_there).collect())
    })
    .map(drop)
}

/// Asks the network who has the addresses: whoever does is heard as one who claims them.
pub(super) fn ask(watched: &Watched, side: &Side) -> Result<(), Failure> {
    inside(watched, |_, link| probe::ask(&link.name, watched.mac, side.vips.iter().copied())).map(drop)
}

pub(super) fn announce_vips(watched: &Watched, side: &Side) -> Result<(), Failure> {
    inside(watched, |_, link| announce_all(watched, link, &side.vips)).map(drop)
}

/// It serves without as well: then connections end that are under way.
fn pass(watched: &Watched, side: &Side, what: Passing) {
    let places = side.vips.iter().zip(&side.peers).map(|(vip, peer)| Place { address: *vip, other: *peer });
    let places: Vec<Place> = places.collect();
    let passed = inside(watched, |_, _| Ok(passing::pass(&places, what)));
    if let Ok(Some(Err(error))) = passed {
        tracing::warn!(load_balancer.id = %watched.id, "connections that are under way end with a change of sides: {error}");
    }
}

pub(super) fn pass_no_more(watched: &Watched) -> Result<(), Failure> {
    let stopped = inside(watched, |_, _| Ok(passing::stop()))?;
    if let Some(Err(error)) = stopped {
        tracing::warn!(load_balancer.id = %watched.id, "what passes connections on is left: {error}");
    }
    Ok(())
}

const LOOPBACK: u32 = 1;
/// More of them are not asked for: one that listens is enough.
const MOST_PORTS: usize = 16;

pub(super) fn number(path: &Path) -> Option<u64> {
    fs::metadata(path).ok().map(|named| named.ino())
}

/// Takes the addresses off, and the link down. What serves there goes on, and nobody gets to it.
pub(super) fn withdraw(watched: &Watched) -> Result<(), Failure> {
    inside(watched, |netlink, link| {
        let mut batch = vec![link::set_down(link.index, &link.name)];
        let addresses = address::all(netlink, link.index)?;
        batch.extend(addresses.iter().map(|(address, length)| address::remove(link.index, *address, *length)));
        netlink.batch(batch)
    })
    .map(drop)
}

/// Says the addresses to the neighbours, once.
pub(super) fn announce(watched: &Watched) -> Result<(), Failure> {
    inside(watched, |_, link| announce_all(watched, link, &watched.addresses)).map(drop)
}

fn announce_all(watched: &Watched, link: &Link, addresses: &[IpAddr]) -> Result<(), Failure> {
    for address in addresses {
        let sent = Announcement::prepare(&link.name, link.index, watched.mac, *address)?.send();
        sent.map_err(|error| Failure::io(format!("announce {address}"), error))?;
    }
    Ok(())
}

/// Does this in its namespace, with its link. `None`: there is no such.
fn inside<T: Send>(
    watched: &Watched,
    work: impl FnOnce(&mut Netlink, &Link) -> Result<T, Failure> + Send,
) -> Result<Option<T>, Failure> {
    let Look::Present(file) = namespace::look(&watched.namespace)? else { return Ok(None) };
    namespace::on_own_thread("warden", || enter(&file, watched.mac, work))?
}

fn enter<T>(
    file: &File,
    mac: [u8; 6],
    work: impl FnOnce(&mut Netlink, &Link) -> Result<T, Failure>,
) -> Result<Option<T>, Failure> {
    namespace::enter(file)?;
    let mut netlink = Netlink::open()?;
    let its = link::all(&mut netlink)?.into_iter().find(|link| link.mac == Some(mac));
    its.map(|link| work(&mut netlink, &link)).transpose()
}

pub(super) fn told(watched: &Watched, failure: &Failure) {
    tracing::warn!(load_balancer.id = %watched.id, "{}", chain(failure));
}
