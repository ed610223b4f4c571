//! A host with the agent that has a load balancer is switched off, with everything on it: how long its address is without an
//! answer, beyond the time after which an agent counts as Dead.

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

use ballast_lab::{Lab, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use nix::{
    sched::{CloneFlags, setns},
    sys::signal::{Signal, kill},
    unistd::Pid,
};
use serde_json::{Value, json};

use crate::{Options, Outcome, probe, report, samples::Samples, stack::built};

const ROUNDS: usize = 50;
/// Milliseconds: heartbeat, suspect, dead.
const LIVENESS: (u32, u32, u32) = (500, 1_500, 3_000);
/// Between two requests.
const PACE: Duration = Duration::from_millis(5);
const CONNECT: Duration = Duration::from_millis(50);
const ANSWER: Duration = Duration::from_millis(200);
/// So long it is served before it is switched off.
const CALM: Duration = Duration::from_secs(2);
const SECOND: f64 = 1_000.0;
const AIM: &str = "all";

/// One that asks all the time, and remembers when it was answered.
struct Asking {
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
    fn start(namespace: File, target: SocketAddr) -> Self {
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
    fn longest(&self) -> Duration {
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
fn switch_off(site: &mut Site, agent: usize) -> Outcome<()> {
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
fn switch_on(site: &mut Site, agent: usize) -> Outcome<()> {
    let host = &site.agents[agent].host;
    let listed = host.output("ip", ["netns", "list"])?;
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        host.output("ip", ["netns", "delete", name])?;
    }
    host.output("ip", ["link", "set", "eth0", "up"])?;
    site.start_agent(agent);
    site.wait_for_agents(site.agents.len());
    site.wait_until_clean(agent);
    Ok(())
}

/// Milliseconds without an answer beyond the time of detection.
fn round(site: &mut Site, asking: &Asking) -> Outcome<f64> {
    let owner = (0..site.agents.len()).find(|agent| !site.haproxies(*agent).is_empty()).ok_or("nobody has it")?;
    thread::sleep(CALM);
    let calm = asking.longest();
    if calm > CONNECT + ANSWER {
        println!("a pause of {calm:.0?} before the host was switched off");
    }
    switch_off(site, owner)?;
    let off = Instant::now();
    // What was answered while it was switched off is no answer of the next one.
    let next_one = off + Duration::from_secs(1);
    wait_until(PATIENCE, "an answer of the next one", || (asking.answered_at() > next_one).then_some(()));
    let gap = asking.longest();
    switch_on(site, owner)?;
    asking.longest();
    Ok(gap.as_secs_f64() * SECOND - f64::from(LIVENESS.2))
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("failover", "a host is switched off: without an answer for so long, beyond the time of detection");
    let programs = built("ballast-agent")?.parent().ok_or("no directory")?.to_owned();
    let plan = Plan { agents: 2, webs: 1, liveness: LIVENESS, programs, ..Plan::default() };
    let mut site = Site::start(lab, &plan).map_err(|error| error.to_string())?;
    let (_, address) = site.make_load_balancer("bench");
    site.wait_for_traffic(&address);
    let target = SocketAddr::new(address.parse()?, 80);
    let asking = Asking::start(probe::namespace(&site.client)?, target);
    let mut times = Samples::default();
    for number in 0..options.count(ROUNDS) {
        let milliseconds = round(&mut site, &asking)?;
        if options.quick {
            println!("{:>4}: {milliseconds:.0} ms", number + 1);
        }
        times.add(milliseconds);
    }
    let short = times.0.iter().filter(|one| **one < SECOND).count();
    report::columns(&format!("ms beyond {} ms", LIVENESS.2));
    report::row("without an answer", &times);
    println!("{:<34} {short:>6} of {}  aim: {AIM}", "shorter than a second", times.len());
    Ok(json!({ "dead_after_ms": LIVENESS.2, "beyond_ms": times.json(), "shorter_than_a_second": short }))
}
