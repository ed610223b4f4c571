//! What agents cost one scheduler that is left alone with them: 100, 1,000 and 10,000, with ten load balancers each, on
//! PostgreSQL. Its CPU time for a minute of heartbeats, what a write takes meanwhile, its memory, and how long it takes after its
//! restart until all agents have their full set again.

use std::{
    thread,
    time::{Duration, Instant},
};

use ballast_lab::Lab;
use serde_json::{Value, json};

use crate::{
    Options, Outcome,
    fill::{self, SUBNET},
    plant::{Plant, Shape, scheduler_at},
    players::Players,
    postgres::{Server, programs},
    report,
    rest::Rest,
    samples::Samples,
};

const COUNTS: [usize; 3] = [100, 1_000, 10_000];
/// Load balancers of each.
const EACH: usize = 10;
const HEARTBEAT: Duration = Duration::from_secs(30);
/// Milliseconds: heartbeat, suspect, dead.
const LIVENESS: (u32, u32, u32) = (30_000, 50_000, 75_000);
const MINUTE: Duration = Duration::from_secs(60);
/// Between two writes.
const PACE: Duration = Duration::from_millis(100);
/// What is begun at the start, as storing what ten thousand have told, is done when in so long it takes no less than before.
const WINDOW: Duration = Duration::from_secs(5);
const PATIENCE: Duration = Duration::from_secs(600);
const AIM: &str = "1.2 or less";
const PATH: &str = "/v2/lbaas/loadbalancers";

/// What was measured of so many agents.
struct Measured {
    agents: usize,
    /// Of one core, from 0 to 1.
    idle: f64,
    busy: f64,
    writes: Samples,
    peak_kb: u64,
    first: Duration,
    back: Duration,
}

impl Measured {
    fn per_agent(&self) -> f64 {
        self.idle / self.agents as f64
    }

    fn json(&self) -> Value {
        json!({
            "agents": self.agents, "load_balancers": self.agents * EACH, "core_idle": self.idle, "core_with_writes": self.busy,
            "write_ms": self.writes.json(), "peak_kb": self.peak_kb, "first_seconds": self.first.as_secs_f64(),
            "back_seconds": self.back.as_secs_f64(),
        })
    }
}

/// The share of a core that the scheduler takes while this is done.
fn share(plant: &Plant, work: impl FnOnce() -> Outcome<()>) -> Outcome<f64> {
    let (begun, before) = (Instant::now(), plant.cpu(0)?);
    work()?;
    Ok((plant.cpu(0)? - before) / 1e6 / begun.elapsed().as_secs_f64())
}

/// Waits until the scheduler has done what the start of all agents has left to do.
fn settle(plant: &Plant) -> Outcome<()> {
    let (begun, mut before) = (Instant::now(), f64::INFINITY);
    while begun.elapsed() < PATIENCE {
        let now = share(plant, || {
            thread::sleep(WINDOW);
            Ok(())
        })?;
        if now > before * 0.9 {
            return Ok(());
        }
        before = now;
    }
    Err(format!("the scheduler is not quiet after {PATIENCE:?}").into())
}

/// Load balancers are made and deleted; how long each call takes, in milliseconds.
fn write(rest: &mut Rest, lasts: Duration) -> Outcome<Samples> {
    let (begun, mut times) = (Instant::now(), Samples::default());
    let body =
        json!({ "loadbalancer": { "name": "written", "project_id": "bench", "vip_subnet_id": SUBNET.to_string() } });
    while begun.elapsed() < lasts {
        let sent = Instant::now();
        let id = rest.create(PATH, &body)?;
        times.add(sent.elapsed().as_secs_f64() * 1e3);
        thread::sleep(PACE);
        let sent = Instant::now();
        rest.delete(&format!("{PATH}/{id}?cascade=true"))?;
        times.add(sent.elapsed().as_secs_f64() * 1e3);
        thread::sleep(PACE);
    }
    Ok(times)
}

fn measure(lab: &Lab, count: usize, lasts: Duration) -> Outcome<Measured> {
    let programs = programs().ok_or("there is no PostgreSQL (Debian: apt-get install postgresql)")?;
    let server = Server::start(&programs, &lab.dir().join(format!("agents-{count}-postgres")))?;
    let url = server.url();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let begun = Instant::now();
    runtime.block_on(Box::pin(fill::fill(&url, count, EACH)))?;
    println!("{count:>7} agents: {} load balancers stored in {:.0?}", count * EACH, begun.elapsed());
    let shape = Shape { database: &url, schedulers: 1, gateways: 1, liveness: LIVENESS };
    let mut plant = Plant::start(lab, &format!("agents-{count}"), &shape)?;
    plant.until(200, |rest| Ok(rest.call("GET", &format!("{PATH}?limit=1"), None)?.status))?;
    let players = Players::start(vec![scheduler_at(0)], count, HEARTBEAT)?;
    let measured = measure_of(&mut plant, &players, count, lasts);
    if measured.is_err() {
        plant.complain();
    }
    measured
}

fn measure_of(plant: &mut Plant, players: &Players, agents: usize, lasts: Duration) -> Outcome<Measured> {
    let first = players.until_complete(PATIENCE)?;
    settle(plant)?;
    let idle = share(plant, || {
        thread::sleep(lasts);
        Ok(())
    })?;
    let mut writes = Samples::default();
    let mut rest = plant.rest(0)?;
    let busy = share(plant, || {
        writes = write(&mut rest, lasts)?;
        Ok(())
    })?;
    let peak_kb = plant.peak(0)?;
    plant.kill_scheduler(0);
    players.until_incomplete(PATIENCE)?;
    plant.start_scheduler(0)?;
    let back = players.until_complete(PATIENCE)?;
    println!(
        "{agents:>7} agents: {:.2} % of a core, {:.2} with writes of {:.1} ms (p99 {:.1}); {} MB; all there after {:.1} s, again after a restart {:.1} s; told {} times",
        idle * 100.0,
        busy * 100.0,
        writes.median(),
        writes.quantile(0.99),
        peak_kb / 1024,
        first.as_secs_f64(),
        back.as_secs_f64(),
        players.told(),
    );
    Ok(Measured { agents, idle, busy, writes, peak_kb, first, back })
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("agents", "one scheduler on PostgreSQL, agents that are played, ten load balancers each");
    let lasts = if options.quick { MINUTE / 6 } else { MINUTE };
    let mut all = Vec::new();
    for count in COUNTS {
        all.push(measure(lab, options.count(count), lasts)?);
    }
    let [few, .., many] = all.as_slice() else { return Err("nothing was measured".into()) };
    let ratio = many.per_agent() / few.per_agent();
    report::ratio("many to few, CPU of each agent", ratio, AIM);
    Ok(json!({ "agents": all.iter().map(Measured::json).collect::<Vec<_>>(), "ratio": ratio }))
}
