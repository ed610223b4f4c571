//! The thread that sends, listens and tells haproxy.

use std::{
    collections::HashMap,
    io,
    net::{IpAddr, SocketAddr},
    os::fd::{AsFd, AsRawFd},
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ballast_abi::CheckAnswer;
use nix::{
    poll::{PollFd, PollFlags, PollTimeout, poll},
    sys::{
        eventfd::{EfdFlags, EventFd},
        socket::{SockaddrStorage, recvfrom},
    },
};
use socket2::{Domain, Protocol, Socket, Type};

use super::{Echoes, echo, member::Pinged};
use crate::{
    failure::{Failure, Step, chain},
    files::Files,
    haproxy::socket,
};

/// ICMP sockets in a namespace, one for each IP version that is needed.
#[derive(Clone, Default)]
pub(crate) struct Sockets {
    v4: Option<Arc<Socket>>,
    v6: Option<Arc<Socket>>,
}

impl Sockets {
    /// To be called by a thread in the namespace.
    pub(crate) fn open(echoes: &[Echoes]) -> Result<Self, Failure> {
        let open = |domain, protocol| -> Result<Arc<Socket>, Failure> {
            let socket = Socket::new(domain, Type::DGRAM.nonblocking(), Some(protocol));
            Ok(Arc::new(socket.step(|| "open a socket for echo requests".to_owned())?))
        };
        let any = |ipv4: bool| echoes.iter().any(|echoes| echoes.address.is_ipv4() == ipv4);
        Ok(Self {
            v4: any(true).then(|| open(Domain::IPV4, Protocol::ICMPV4)).transpose()?,
            v6: any(false).then(|| open(Domain::IPV6, Protocol::ICMPV6)).transpose()?,
        })
    }

    fn of(&self, address: IpAddr) -> Option<&Arc<Socket>> {
        if address.is_ipv4() { self.v4.as_ref() } else { self.v6.as_ref() }
    }
}

struct Group {
    files: Files,
    sockets: Sockets,
    members: Vec<Pinged>,
    /// Its haproxy is being told something: what comes meanwhile waits, or it would be overtaken.
    telling: Arc<AtomicBool>,
}

#[derive(Default)]
struct Table {
    groups: HashMap<String, Group>,
    closed: bool,
}

/// Pings members until it is closed.
#[derive(Clone)]
pub(crate) struct Pinger {
    table: Arc<Mutex<Table>>,
    wake: Arc<EventFd>,
}

impl Pinger {
    /// Starts the thread. It ends with [`Pinger::close`].
    pub(crate) fn start() -> io::Result<Self> {
        let wake = EventFd::from_flags(EfdFlags::EFD_CLOEXEC | EfdFlags::EFD_NONBLOCK)?;
        let pinger = Self { table: Arc::default(), wake: Arc::new(wake) };
        let service = pinger.clone();
        thread::Builder::new().name("ping".to_owned()).spawn(move || service.run())?;
        Ok(pinger)
    }

    /// Pings these members of a load balancer from now on. What is known of them is kept.
    pub(crate) fn set(&self, id: &str, files: &Files, sockets: Sockets, echoes: &[Echoes]) {
        let now = Instant::now();
        let mut table = self.table();
        let before = table.groups.remove(id);
        let known = |echoes: &Echoes| {
            let same = |pinged: &&Pinged| {
                (&pinged.echoes.pool, &pinged.echoes.member, pinged.echoes.address)
                    == (&echoes.pool, &echoes.member, echoes.address)
            };
            before.as_ref().and_then(|group| group.members.iter().find(same))
        };
        let member = |echoes: &Echoes| match known(echoes) {
            Some(before) => Pinged::continued(echoes.clone(), before),
            None => Pinged::new(echoes.clone(), now),
        };
        let members = echoes.iter().map(member).collect();
        let telling = before.as_ref().map(|group| Arc::clone(&group.telling)).unwrap_or_default();
        table.groups.insert(id.to_owned(), Group { files: files.clone(), sockets, members, telling });
        drop(table);
        self.notify();
    }

    /// Closes the sockets of a load balancer.
    pub(crate) fn remove(&self, id: &str) {
        let group = self.table().groups.remove(id);
        self.notify();
        drop(group);
    }

    /// Whether members of a load balancer are pinged.
    pub(crate) fn has(&self, id: &str) -> bool {
        self.table().groups.contains_key(id)
    }

    /// What is known, by pool and member. `None`: nothing yet.
    pub(crate) fn verdicts(&self, id: &str) -> HashMap<(String, String), Option<bool>> {
        let table = self.table();
        let members = table.groups.get(id).map(|group| group.members.as_slice()).unwrap_or_default();
        members.iter().map(|pinged| (key(&pinged.echoes), pinged.up)).collect()
    }

    /// For how many milliseconds each has been as it is, and how its last echo ended.
    pub(crate) fn said(&self, id: &str) -> HashMap<(String, String), (u64, CheckAnswer)> {
        let (table, now) = (self.table(), Instant::now());
        let members = table.groups.get(id).map(|group| group.members.as_slice()).unwrap_or_default();
        members.iter().filter_map(|pinged| Some((key(&pinged.echoes), pinged.said(now)?))).collect()
    }

    pub(crate) fn close(&self) {
        self.table().closed = true;
        self.notify();
    }

    fn table(&self) -> MutexGuard<'_, Table> {
        self.table.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn notify(&self) {
        // It fails only when the counter is full, and then the thread is awake anyway.
        let _ = self.wake.write(1);
    }

    fn run(&self) {
        loop {
            let (sockets, next) = {
                let mut table = self.table();
                if table.closed {
                    return;
                }
                send_due(&mut table, Instant::now());
                (open_sockets(&table), table.groups.values().flat_map(|group| &group.members).map(Pinged::next).min())
            };
            self.tell();
            self.wait(&sockets, next);
            self.receive(&sockets);
        }
    }

    /// Waits for an answer, for a change, or until something is due.
    fn wait(&self, sockets: &[(String, bool, Arc<Socket>)], next: Option<Instant>) {
        let wait = next.map_or(Duration::from_secs(60), |next| next.saturating_duration_since(Instant::now()));
        // Rounded up, or the last millisecond is spent spinning.
        let wait = PollTimeout::try_from(wait + Duration::from_millis(1)).unwrap_or(PollTimeout::MAX);
        let mut watched: Vec<PollFd<'_>> =
            sockets.iter().map(|(_, _, socket)| PollFd::new(socket.as_fd(), PollFlags::POLLIN)).collect();
        watched.push(PollFd::new(self.wake.as_fd(), PollFlags::POLLIN));
        // An interrupted wait only means another round.
        let _ = poll(&mut watched, wait);
        let _ = self.wake.read();
    }

    fn receive(&self, sockets: &[(String, bool, Arc<Socket>)]) {
        for (id, ipv4, socket) in sockets {
            let mut buffer = [0_u8; 64];
            while let Ok((length, from)) = read(socket, &mut buffer) {
                let Some(sequence) = echo::reply(&buffer[..length.min(64)], *ipv4) else { continue };
                let mut table = self.table();
                let members = table.groups.get_mut(id).map(|group| group.members.as_mut_slice()).unwrap_or_default();
                for pinged in members.iter_mut().filter(|pinged| Some(pinged.echoes.address) == from) {
                    pinged.answer(sequence, Instant::now());
                }
            }
        }
    }

    /// Tells haproxies what has changed, each by a thread of its own: one that hangs must stop neither the pings of others
    /// nor a deploy.
    fn tell(&self) {
        let mut news = Vec::new();
        for (id, group) in &mut self.table().groups {
            let any = group.members.iter().any(|pinged| pinged.untold);
            if any && !group.telling.swap(true, Ordering::AcqRel) {
                let commands = group.members.iter_mut().filter(|pinged| pinged.untold).map(command).collect();
                news.push((id.clone(), group.files.clone(), Arc::clone(&group.telling), commands));
            }
        }
        for (id, files, telling, commands) in news {
            let service = self.clone();
            let told = telling.clone();
            let spawned = thread::Builder::new().name("tell".to_owned()).spawn(move || {
                tell_one(&id, &files, commands);
                telling.store(false, Ordering::Release);
                // Something may have waited.
                service.notify();
            });
            if let Err(error) = spawned {
                told.store(false, Ordering::Release);
                tracing::warn!("haproxy is not told of pings: no thread: {error}");
            }
        }
    }
}

/// The command that tells of it; it is told with that.
fn command(pinged: &mut Pinged) -> String {
    pinged.untold = false;
    let state = if pinged.up == Some(false) { "maint" } else { "ready" };
    let Echoes { pool, member, checked, .. } = &pinged.echoes;
    let states = pinged.echoes.backends().map(|backend| format!("set server {backend}/{member} state {state}"));
    let states = states.collect::<Vec<_>>().join(";");
    let returns = std::mem::take(&mut pinged.returns) && *checked;
    // Out of maintenance haproxy serves a member until a check fails: it is to wait for one.
    let waits = if returns { format!(";set server {pool}/{member} health down") } else { String::new() };
    format!("{states}{waits}")
}

fn tell_one(id: &str, files: &Files, commands: Vec<String>) {
    for command in commands {
        match socket::ask(files, &command) {
            Ok(answer) if answer.trim().is_empty() => tracing::info!(load_balancer = %id, "ping: {command}"),
            Ok(answer) => tracing::warn!(load_balancer = %id, "{command}: {}", answer.trim()),
            // One that does not answer is started anew, and is told then by what it is started with.
            Err(failure) => return tracing::warn!(load_balancer = %id, "{}", chain(&failure)),
        }
    }
}

fn key(echoes: &Echoes) -> (String, String) {
    (echoes.pool.clone(), echoes.member.clone())
}

fn open_sockets(table: &Table) -> Vec<(String, bool, Arc<Socket>)> {
    let mut sockets = Vec::new();
    for (id, group) in &table.groups {
        sockets.extend(group.sockets.v4.iter().map(|socket| (id.clone(), true, Arc::clone(socket))));
        sockets.extend(group.sockets.v6.iter().map(|socket| (id.clone(), false, Arc::clone(socket))));
    }
    sockets
}

fn send_due(table: &mut Table, now: Instant) {
    for group in table.groups.values_mut() {
        for pinged in &mut group.members {
            let Some(sequence) = pinged.tick(now) else { continue };
            let address = pinged.echoes.address;
            let message = echo::request(address, sequence);
            let sent =
                group.sockets.of(address).map(|socket| socket.send_to(&message, &SocketAddr::new(address, 0).into()));
            if !matches!(sent, Some(Ok(_))) {
                pinged.silence(now);
            }
        }
    }
}

/// One datagram and who sent it; the address of the sender tells members with equal sequence numbers apart.
fn read(socket: &Socket, buffer: &mut [u8; 64]) -> nix::Result<(usize, Option<IpAddr>)> {
    let (length, from) = recvfrom::<SockaddrStorage>(socket.as_raw_fd(), buffer)?;
    let from = from.and_then(|from| {
        let v4 = from.as_sockaddr_in().map(|from| IpAddr::V4(from.ip()));
        v4.or_else(|| from.as_sockaddr_in6().map(|from| IpAddr::V6(from.ip())))
    });
    Ok((length, from))
}
