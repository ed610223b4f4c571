//! Who asks through VIPs, and who writes, all the time.

use std::{
    fs::File,
    io::{self, Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ballast_netns::namespace;
use ballast_tests::rest::Rest;
use serde_json::json;

const PAUSE: Duration = Duration::from_millis(20);
/// Frames that a busy machine loses are sent again after one, three and seven seconds.
const ANSWERED_WITHIN: Duration = Duration::from_secs(10);
const WRITES: Duration = Duration::from_millis(200);

/// A thread on a host of its own, until it is told to end.
struct Busy {
    over: Arc<AtomicBool>,
    thread: Option<JoinHandle<()>>,
}

impl Busy {
    fn start(network: File, mut round: impl FnMut() + Send + 'static) -> Self {
        let over = Arc::<AtomicBool>::default();
        let is_over = Arc::clone(&over);
        let thread = thread::spawn(move || {
            namespace::enter(&network).expect("the client's network");
            while !is_over.load(Ordering::Relaxed) {
                round();
            }
        });
        Self { over, thread: Some(thread) }
    }
}

impl Drop for Busy {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

#[derive(Default)]
struct Seen {
    answered: u64,
    /// For each VIP: when it answered last.
    last: Vec<Option<Instant>>,
    /// When they were sent, and why.
    failed: Vec<(Instant, String)>,
}

/// One client for each VIP, one request after the other, each with a connection of its own.
pub(super) struct Traffic {
    seen: Arc<Mutex<Seen>>,
    clients: Vec<Busy>,
}

impl Traffic {
    pub(super) fn start(network: &File, vips: Vec<String>) -> Self {
        let seen = Arc::new(Mutex::new(Seen { last: vec![None; vips.len()], ..Seen::default() }));
        let client = |(number, vip): (usize, String)| {
            let address: SocketAddr = format!("{vip}:80").parse().expect("an address");
            let (seen, network) = (Arc::clone(&seen), network.try_clone().expect("a file"));
            Busy::start(network, move || {
                let asked = Instant::now();
                let answer = ask(address);
                let mut seen = seen.lock().expect("nobody panics with it");
                match answer {
                    Ok(()) => {
                        seen.answered += 1;
                        seen.last[number] = Some(asked);
                    }
                    Err(error) => seen.failed.push((asked, format!("{address}: {error}"))),
                }
                drop(seen);
                thread::sleep(PAUSE);
            })
        };
        let clients = vips.into_iter().enumerate().map(client).collect();
        Self { seen, clients }
    }

    /// Each answered a request that was sent since then.
    pub(super) fn all_answered_since(&self, since: Instant) -> Option<()> {
        let seen = self.seen.lock().expect("nobody panics with it");
        seen.last.iter().all(|last| last.is_some_and(|last| last > since)).then_some(())
    }

    /// Requests that were not answered: when they were sent, and why, in the order in which they were given up.
    pub(super) fn failures(&self) -> Vec<(Instant, String)> {
        self.seen.lock().expect("nobody panics with it").failed.clone()
    }

    /// How many were answered.
    pub(super) fn end(mut self) -> u64 {
        self.clients.clear();
        self.seen.lock().expect("nobody panics with it").answered
    }
}

fn ask(address: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&address, ANSWERED_WITHIN)?;
    stream.set_read_timeout(Some(ANSWERED_WITHIN))?;
    stream.write_all(b"GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")?;
    let mut answer = String::new();
    stream.read_to_string(&mut answer)?;
    if answer.split(' ').nth(1) == Some("200") && answer.ends_with("web") {
        return Ok(());
    }
    Err(io::Error::other(format!("answered: {answer:?}")))
}

/// As by the gateways' name.
pub(super) fn rest(url: &str) -> Rest {
    Rest::new(url).with_header("host", "gateway")
}

/// Somebody who makes networks, at one gateway or the other.
pub(super) struct Writer {
    /// When each was acknowledged, and its id.
    acknowledged: Arc<Mutex<Vec<(Instant, String)>>>,
    busy: Busy,
}

impl Writer {
    pub(super) fn start(network: File, gateways: [String; 2]) -> Self {
        let acknowledged = Arc::<Mutex<Vec<(Instant, String)>>>::default();
        let (written, mut at, mut rests) = (Arc::clone(&acknowledged), 0, None);
        let busy = Busy::start(network, move || {
            let rests = rests.get_or_insert_with(|| gateways.each_ref().map(|url| rest(url)));
            let reply = rests[at].try_call("POST", "/v2.0/networks", Some(&json!({"network": {"name": "written"}})));
            match reply.filter(|reply| reply.status == 201) {
                Some(made) => {
                    written.lock().expect("nobody panics with it").push((Instant::now(), made.id()));
                    thread::sleep(WRITES);
                }
                None => {
                    // 503, or nobody: the other one.
                    at = 1 - at;
                    thread::sleep(PAUSE);
                }
            }
        });
        Self { acknowledged, busy }
    }

    pub(super) fn wrote_since(&self, since: Instant) -> Option<()> {
        let acknowledged = self.acknowledged.lock().expect("nobody panics with it");
        acknowledged.last().is_some_and(|(when, _)| *when > since).then_some(())
    }

    /// The longest time without an acknowledged write since then.
    pub(super) fn longest_pause(&self, since: Instant) -> Duration {
        let acknowledged = self.acknowledged.lock().expect("nobody panics with it");
        let (mut last, mut longest) = (since, Duration::ZERO);
        for when in acknowledged.iter().map(|(when, _)| *when).filter(|when| *when > since) {
            longest = longest.max(when - last);
            last = when;
        }
        longest.max(last.elapsed())
    }

    /// All that was acknowledged.
    pub(super) fn end(self) -> Vec<String> {
        drop(self.busy);
        let acknowledged = self.acknowledged.lock().expect("nobody panics with it");
        acknowledged.iter().map(|(_, id)| id.clone()).collect()
    }
}
