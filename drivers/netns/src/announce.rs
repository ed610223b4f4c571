//! Announces addresses: at once, and again 0.2 and 1 second later, because a single frame may be lost.
//!
//! Sending takes microseconds; closing the packet socket takes up to 16 ms, as the kernel waits for its own readers. So
//! the first frame is sent by whoever asks, and the rest, with the closing, is left to a thread. A socket holds its
//! namespace; undeploy therefore calls [`Announcer::cancel`].

use std::{
    io,
    net::{IpAddr, Ipv6Addr, SocketAddrV6},
    os::fd::{AsRawFd, OwnedFd},
    sync::{Arc, Condvar, Mutex, MutexGuard, PoisonError},
    thread,
    time::{Duration, Instant},
};

use nix::{
    ifaddrs::getifaddrs,
    sys::socket::{AddressFamily, LinkAddr, MsgFlags, SockFlag, SockType, sendto, socket},
};
use socket2::{Domain, Protocol, SockAddr, Socket, Type};

use crate::failure::{Failure, Step, chain};
use crate::frames::{gratuitous_arp, neighbour_advertisement};

/// A socket in a namespace, and what to send through it.
pub enum Announcement {
    Arp { socket: OwnedFd, to: Box<LinkAddr>, frame: [u8; 42] },
    Advertisement { socket: Socket, to: Box<SockAddr>, message: [u8; 32] },
}

impl Announcement {
    /// Prepares it. To be called by a thread in the namespace in which the link is.
    pub fn prepare(link: &str, index: u32, mac: [u8; 6], address: IpAddr) -> Result<Self, Failure> {
        match address {
            IpAddr::V4(v4) => Self::arp(link).map(|(socket, to)| Self::Arp {
                socket,
                to: Box::new(to),
                frame: gratuitous_arp(mac, v4),
            }),
            IpAddr::V6(v6) => Self::advertisement(index, v6).map(|(socket, to)| Self::Advertisement {
                socket,
                to: Box::new(to),
                message: neighbour_advertisement(mac, v6),
            }),
        }
        .step(|| format!("prepare to announce {address}"))
    }

    fn arp(link: &str) -> io::Result<(OwnedFd, LinkAddr)> {
        // Protocol 0: it receives nothing.
        let socket = socket(AddressFamily::Packet, SockType::Raw, SockFlag::SOCK_CLOEXEC, None)?;
        let mut all = getifaddrs()?.filter(|interface| interface.interface_name == link);
        let to = all.find_map(|interface| interface.address.as_ref()?.as_link_addr().copied());
        Ok((socket, to.ok_or_else(|| io::Error::from(io::ErrorKind::NotFound))?))
    }

    fn advertisement(index: u32, address: Ipv6Addr) -> io::Result<(Socket, SockAddr)> {
        let socket = Socket::new(Domain::IPV6, Type::RAW, Some(Protocol::ICMPV6))?;
        // A hop limit below 255 would have come through a router, and is ignored.
        socket.set_multicast_hops_v6(255)?;
        socket.set_multicast_if_v6(index)?;
        socket.bind(&SocketAddrV6::new(address, 0, 0, 0).into())?;
        let all_nodes = Ipv6Addr::new(0xff02, 0, 0, 0, 0, 0, 0, 1);
        Ok((socket, SocketAddrV6::new(all_nodes, 0, 0, index).into()))
    }

    /// Sends it once.
    ///
    /// # Errors
    /// What the system said.
    pub fn send(&self) -> io::Result<()> {
        match self {
            Self::Arp { socket, to, frame } => {
                sendto(socket.as_raw_fd(), frame, to.as_ref(), MsgFlags::empty())?;
            }
            Self::Advertisement { socket, to, message } => {
                socket.send_to(message, to)?;
            }
        }
        Ok(())
    }
}

struct Pending {
    id: String,
    announcement: Announcement,
    due: Instant,
    sent: u32,
    times: u32,
}

#[derive(Default)]
struct Queue {
    pending: Vec<Pending>,
    closed: bool,
}

/// Repeats announcements from a thread of its own, until it is dropped.
#[derive(Clone, Default)]
pub struct Announcer {
    shared: Arc<(Mutex<Queue>, Condvar)>,
}

impl Announcer {
    /// Starts the thread. It ends with [`Announcer::close`].
    pub fn start(&self) -> io::Result<()> {
        let shared = Arc::clone(&self.shared);
        thread::Builder::new().name("announce".to_owned()).spawn(move || run(&shared)).map(drop)
    }

    /// Sends at once, and again later until it was sent this many times.
    pub fn announce(&self, id: &str, announcement: Announcement, times: u32) -> Result<(), Failure> {
        announcement.send().step(|| "send an announcement".to_owned())?;
        let due = Instant::now() + pause(1);
        self.queue().pending.push(Pending { id: id.to_owned(), announcement, due, sent: 1, times });
        self.shared.1.notify_one();
        Ok(())
    }

    /// Closes what belongs to this load balancer.
    pub fn cancel(&self, id: &str) {
        let cancelled: Vec<Pending> = self.queue().pending.extract_if(.., |pending| pending.id == id).collect();
        drop(cancelled);
    }

    pub fn close(&self) {
        self.queue().closed = true;
        self.shared.1.notify_one();
    }

    fn queue(&self) -> MutexGuard<'_, Queue> {
        self.shared.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn run(shared: &(Mutex<Queue>, Condvar)) {
    let mut queue = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
    while !queue.closed {
        let now = Instant::now();
        let finished: Vec<Pending> = queue.pending.extract_if(.., |pending| is_over(pending, now)).collect();
        if !finished.is_empty() {
            // Closing is what takes long.
            drop(queue);
            drop(finished);
            queue = shared.0.lock().unwrap_or_else(PoisonError::into_inner);
            continue;
        }
        let next = queue.pending.iter().map(|pending| pending.due).min();
        let wait = next.map_or(Duration::from_secs(3600), |next| next.saturating_duration_since(now));
        queue = shared.1.wait_timeout(queue, wait).unwrap_or_else(PoisonError::into_inner).0;
    }
}

/// Sends once more what is due. Over: that was the last time, or the link has gone.
fn is_over(pending: &mut Pending, now: Instant) -> bool {
    if pending.sent >= pending.times {
        return true;
    }
    if pending.due > now {
        return false;
    }
    if let Err(error) = pending.announcement.send() {
        tracing::debug!(load_balancer = %pending.id, "{}", chain(&Failure::io("announce again", error)));
        return true;
    }
    pending.sent += 1;
    pending.due = now + pause(pending.sent);
    pending.sent >= pending.times
}

/// How long to wait after this many were sent.
fn pause(sent: u32) -> Duration {
    match sent {
        0 | 1 => Duration::from_millis(200),
        2 => Duration::from_millis(800),
        _ => Duration::from_secs(1),
    }
}
