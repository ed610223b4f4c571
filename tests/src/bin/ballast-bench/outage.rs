//! Hosts that are switched off, and a client that asks all the while.

use std::{
    fs::File,
    io::{self, Read, Write},
    net::{SocketAddr, TcpStream},
    sync::{
        Arc, Mutex, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    thread::{self, JoinHandle},
    time::{Duration, Instant},
};

use ballast_lab::wait_until;
use ballast_tests::{PATIENCE, site::Site};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::Outcome;

/// Between two requests.
const PACE: Duration = Duration::from_millis(5);
const CONNECT: Duration = Duration::from_millis(50);
const ANSWER: Duration = Duration::from_millis(200);
/// So long it is served before a host is switched off.
const CALM: Duration = Duration::from_secs(2);

/// One that asks all the time, and remembers when it was answered.
pub(crate) struct Asking {
    over: Arc<AtomicBool>,
    /// When it was answered last, and the longest pause since this was asked last.
    answered: Arc<Mutex<(Instant, Duration)>>,
    thread: Option<JoinHandle<()>>,
}

fn ask(target: SocketAddr) -> io::Result<()> {
    let mut stream = TcpStream::connect_timeout(&target, CONNECT)?;
    stream.set_read_timeout(Some(ANSWER))?;
    stream.write_all(b"GET / HTTP/1.0\r\nHost: bench\r\n\r\n")?;
    let mut head = [0; 12];
    stream.read_exact(&mut head)?;
    if head.ends_with(b" 200") { Ok(()) } else { Err(io::Error::other("not a 200")) }
}

impl Asking {
    pub(crate) fn start(namespace: File, target: SocketAddr) -> Self {
        let (over, answered) = (Arc::<AtomicBool>::default(), Arc::new(Mutex::new((Instant::now(), Duration::ZERO))));
        let (until, told) = (Arc::clone(&over), Arc::clone(&answered));
        let thread = thread::spawn(move || {
            let inside = setns(&namespace, CloneFlags::CLONE_NEWNET).is_ok();
            while inside && !until.load(Ordering::Relaxed) {
                if ask(target).is_ok() {
                    let mut told = told.lock().unwrap_or_else(PoisonError::into_inner);
                    let now = Instant::now();
                    *told = (now, told.1.max(now - told.0));
                }
                thread::sleep(PACE);
            }
        });
        Self { over, answered, thread: Some(thread) }
    }

    fn answered_at(&self) -> Instant {
        self.answered.lock().unwrap_or_else(PoisonError::into_inner).0
    }

    /// The longest pause since this was called last.
    pub(crate) fn longest(&self) -> Duration {
        std::mem::take(&mut self.answered.lock().unwrap_or_else(PoisonError::into_inner).1)
    }
}

impl Drop for Asking {
    fn drop(&mut self) {
        self.over.store(true, Ordering::Relaxed);
        let _ = self.thread.take().map(JoinHandle::join);
    }
}

/// No frame leaves it, and nothing on it runs.
pub(crate) fn switch_off(site: &mut Site, agent: usize) -> Outcome<()> {
    site.agents[agent].host.output("ip", ["link", "set", "eth0", "down"])?;
    site.kill_agent(agent);
    let host = &site.agents[agent].host;
    for process in host.remains()?.processes {
        // One may have ended with another.
        let _ = kill(Pid::from_raw(process.pid), Signal::SIGKILL);
    }
    Ok(())
}

/// It boots: its disk is as it was, and nothing else.
pub(crate) fn switch_on(site: &mut Site, agent: usize) -> Outcome<()> {
    let host = &site.agents[agent].host;
    let listed = host.output("ip", ["netns", "list"])?;
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        host.output("ip", ["netns", "delete", name])?;
    }
    host.output("ip", ["link", "set", "eth0", "up"])?;
    site.start_agent(agent);
    site.wait_for_agents(site.agents.len());
    Ok(())
}

/// How long nobody answered when this host was switched off. It stays so.
pub(crate) fn gap(site: &mut Site, agent: usize, asking: &Asking) -> Outcome<Duration> {
    asking.longest();
    thread::sleep(CALM);
    let calm = asking.longest();
    if calm > CONNECT + ANSWER {
        println!("a pause of {calm:.0?} before the host was switched off");
    }
    switch_off(site, agent)?;
    // What was answered while it was switched off is no answer of the next one.
    let next_one = Instant::now() + Duration::from_secs(1);
    wait_until(PATIENCE, "an answer of the next one", || (asking.answered_at() > next_one).then_some(()));
    Ok(asking.longest())
}
