//! UDP: members that send back what they get, a client that sends as fast as it is answered, and one that waits for the
//! first answer.

use std::{
    io::ErrorKind,
    net::{Ipv4Addr, SocketAddr, UdpSocket},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
    },
    thread,
    time::{Duration, Instant},
};

use ballast_lab::Host;
use nix::{
    sched::{CloneFlags, setns},
    sys::epoll::{Epoll, EpollCreateFlags, EpollEvent, EpollFlags, EpollTimeout},
};

use crate::{Outcome, probe};

/// Between two that wait for the first answer.
const PAUSE: Duration = Duration::from_micros(300);
const DEADLINE: Duration = Duration::from_secs(20);
/// After this a datagram is lost.
pub(crate) const LOST: Duration = Duration::from_secs(1);
const BYTES: [u8; 32] = [b'?'; 32];

/// Sends datagrams back, for as long as this program runs.
pub(crate) fn echo(host: &Host, address: SocketAddr) -> Outcome<()> {
    let socket = on(host, move || UdpSocket::bind(address))?;
    thread::Builder::new().name("echo".to_owned()).spawn(move || {
        let mut bytes = [0; 64];
        loop {
            if let Ok((length, from)) = socket.recv_from(&mut bytes) {
                // Who is gone by now waits for nothing.
                let _ = socket.send_to(&bytes[..length], from);
            }
        }
    })?;
    Ok(())
}

/// A socket of the host, connected.
pub(crate) fn connected(host: &Host, target: SocketAddr) -> Outcome<UdpSocket> {
    on(host, move || {
        let socket = UdpSocket::bind((Ipv4Addr::UNSPECIFIED, 0))?;
        socket.connect(target)?;
        socket.set_read_timeout(Some(LOST))?;
        Ok(socket)
    })
}

/// Makes a socket in the host's namespace, on a thread of its own: a socket stays where it was made.
fn on<T: Send>(host: &Host, make: impl FnOnce() -> std::io::Result<T> + Send) -> Outcome<T> {
    let namespace = probe::namespace(host)?;
    let inside = move || {
        setns(&namespace, CloneFlags::CLONE_NEWNET)?;
        make()
    };
    Ok(thread::scope(|scope| scope.spawn(inside).join()).map_err(|_| "a thread panicked")??)
}

/// One request; whether it was answered.
pub(crate) fn ask(socket: &UdpSocket) -> std::io::Result<()> {
    let mut answer = [0; 64];
    socket.send(&BYTES)?;
    socket.recv(&mut answer).map(drop)
}

/// Flows with a request under way each, as fast as they are answered.
pub(crate) struct Flows {
    sockets: Vec<UdpSocket>,
    epoll: Epoll,
}

impl Flows {
    pub(crate) fn open(host: &Host, target: SocketAddr, count: usize) -> Outcome<Self> {
        let sockets: Vec<_> = (0..count).map(|_| connected(host, target)).collect::<Outcome<_>>()?;
        let epoll = Epoll::new(EpollCreateFlags::EPOLL_CLOEXEC)?;
        for (number, socket) in (0..).zip(&sockets) {
            epoll.add(socket, EpollEvent::new(EpollFlags::EPOLLIN, number))?;
        }
        Ok(Self { sockets, epoll })
    }

    /// For so long. How many were answered; a lost one is an error.
    pub(crate) fn ask(&self, long: Duration) -> Outcome<u64> {
        let (begun, mut under_way, mut answered) = (Instant::now(), 0, 0);
        for socket in &self.sockets {
            socket.send(&BYTES)?;
            under_way += 1;
        }
        let (mut events, mut answer) = ([EpollEvent::empty(); 64], [0; 64]);
        let patience = EpollTimeout::try_from(LOST)?;
        while under_way > 0 {
            let count = self.epoll.wait(&mut events, patience)?;
            if count == 0 {
                return Err(format!("{under_way} of {answered} datagrams were lost").into());
            }
            for event in &events[..count] {
                let socket = &self.sockets[usize::try_from(event.data())?];
                socket.recv(&mut answer)?;
                answered += 1;
                if begun.elapsed() < long {
                    socket.send(&BYTES)?;
                } else {
                    under_way -= 1;
                }
            }
        }
        Ok(answered)
    }
}

/// Sends until one is answered.
pub(crate) struct FirstAnswer {
    socket: UdpSocket,
    over: Arc<AtomicBool>,
}

impl FirstAnswer {
    /// It has begun to send when this returns.
    pub(crate) fn start(host: &Host, target: SocketAddr) -> Outcome<Self> {
        let socket = connected(host, target)?;
        let over = Arc::<AtomicBool>::default();
        let (sender, is_over) = (socket.try_clone()?, Arc::clone(&over));
        thread::Builder::new().name("sender".to_owned()).spawn(move || {
            while !is_over.load(Ordering::Relaxed) {
                // Refused: nobody has the address yet.
                let _ = sender.send(&BYTES);
                thread::sleep(PAUSE);
            }
        })?;
        Ok(Self { socket, over })
    }

    /// When the first answer was there.
    pub(crate) fn wait(&self) -> Outcome<Instant> {
        let (begun, mut answer) = (Instant::now(), [0; 64]);
        while begun.elapsed() < DEADLINE {
            match self.socket.recv(&mut answer) {
                Ok(_) => return Ok(Instant::now()),
                Err(error) if may_come(error.kind()) => {}
                Err(error) => return Err(error.into()),
            }
        }
        Err(format!("no answer within {DEADLINE:?}").into())
    }
}

/// What is said of a datagram before the one that is answered.
fn may_come(kind: ErrorKind) -> bool {
    use ErrorKind::{ConnectionRefused, HostUnreachable, NetworkUnreachable, TimedOut, WouldBlock};
    matches!(kind, ConnectionRefused | HostUnreachable | NetworkUnreachable | TimedOut | WouldBlock)
}

impl Drop for FirstAnswer {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
    }
}
