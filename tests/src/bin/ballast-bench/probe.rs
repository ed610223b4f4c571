//! A client of a VIP that tries again and again until it is served.

use std::{
    fs::File,
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc,
        atomic::{AtomicBool, Ordering},
        mpsc::{self, Receiver, Sender},
    },
    thread,
    time::{Duration, Instant},
};

use ballast_lab::Host;
use nix::sched::{CloneFlags, setns};

use crate::Outcome;

/// Threads that try, each on its own: one alone would be blind while its connection waits for the VIP's neighbour entry.
const TRIERS: usize = 3;
/// Between two attempts that were refused.
const PAUSE: Duration = Duration::from_micros(300);
/// For a connection, and for its answer. A frame that is lost while links come up is not waited for.
const PATIENCE: Duration = Duration::from_millis(10);
const ANSWER_PATIENCE: Duration = Duration::from_secs(1);
/// After this it will not come.
const DEADLINE: Duration = Duration::from_secs(20);

/// The network namespace of a host.
pub(crate) fn namespace(host: &Host) -> Outcome<File> {
    Ok(File::open(format!("/proc/{}/ns/net", host.keeper_pid()))?)
}

/// Whether somebody answers with 200 at once.
pub(crate) fn answers(namespace: &File, target: SocketAddr) -> bool {
    thread::scope(|scope| {
        let ask = scope.spawn(|| setns(namespace, CloneFlags::CLONE_NEWNET).is_ok() && get(target));
        ask.join().unwrap_or(false)
    })
}

/// Threads that try until one of them was served.
pub(crate) struct Probe {
    stop: Arc<AtomicBool>,
    served: Receiver<Instant>,
}

impl Probe {
    /// Starts them on a host. They have begun to try when this returns.
    pub(crate) fn start(host: &Host, target: SocketAddr) -> Outcome<Self> {
        let stop = Arc::new(AtomicBool::new(false));
        let (send, served) = mpsc::channel();
        let (send_begun, begun) = mpsc::channel();
        for _ in 0..TRIERS {
            let (namespace, stop) = (namespace(host)?, Arc::clone(&stop));
            let (send, begun) = (send.clone(), send_begun.clone());
            thread::Builder::new().name("probe".to_owned()).spawn(move || {
                if setns(&namespace, CloneFlags::CLONE_NEWNET).is_ok() && begun.send(()).is_ok() {
                    try_until_served(target, &stop, &send);
                }
            })?;
        }
        drop(send_begun);
        for _ in 0..TRIERS {
            begun.recv()?;
        }
        Ok(Self { stop, served })
    }

    /// Waits for the first 200: when it was there.
    pub(crate) fn wait(&self) -> Outcome<Instant> {
        Ok(self.served.recv_timeout(DEADLINE).map_err(|_| format!("no answer within {DEADLINE:?}"))?)
    }
}

impl Drop for Probe {
    fn drop(&mut self) {
        self.stop.store(true, Ordering::Relaxed);
    }
}

fn try_until_served(target: SocketAddr, stop: &AtomicBool, served: &Sender<Instant>) {
    while !stop.load(Ordering::Relaxed) {
        if get(target) {
            let now = Instant::now();
            stop.store(true, Ordering::Relaxed);
            // Nobody listens when another thread was first and all is over.
            let _ = served.send(now);
            return;
        }
        thread::sleep(PAUSE);
    }
}

/// One connection, one request; whether the answer is 200.
fn get(target: SocketAddr) -> bool {
    let ask = || {
        let mut stream = TcpStream::connect_timeout(&target, PATIENCE)?;
        stream.set_read_timeout(Some(ANSWER_PATIENCE))?;
        stream.write_all(b"GET / HTTP/1.1\r\nHost: vip\r\nConnection: close\r\n\r\n")?;
        let mut head = [0; 12];
        stream.read_exact(&mut head)?;
        Ok::<_, std::io::Error>(head)
    };
    ask().is_ok_and(|head| head.starts_with(b"HTTP/1.") && head.ends_with(b" 200"))
}
