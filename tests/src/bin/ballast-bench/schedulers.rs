//! Writes per second with one, two and three schedulers on one PostgreSQL, through two gateways: who writes is alone, so more
//! schedulers are there to stay up and not to write more. What it says is what they cost each other.

use std::{
    sync::atomic::{AtomicBool, Ordering},
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
};

const COUNTS: [usize; 3] = [1, 2, 3];
const GATEWAYS: usize = 2;
const AGENTS: usize = 12;
const CLIENTS: usize = 16;
const LASTS: Duration = Duration::from_secs(20);
const WARM: Duration = Duration::from_secs(3);
const PATIENCE: Duration = Duration::from_secs(60);
const LIVENESS: (u32, u32, u32) = (5_000, 12_000, 20_000);
const AIM: &str = "0.9 or more";
const PATH: &str = "/v2/lbaas/loadbalancers";

/// One client that makes load balancers and deletes them, until it is over; how many calls were answered while it counts.
fn client(plant: &Plant, number: usize, over: &AtomicBool, counts: &AtomicBool) -> Outcome<u64> {
    let mut rest = plant.rest(number % GATEWAYS)?;
    let body = json!({ "loadbalancer": { "project_id": "bench", "vip_subnet_id": SUBNET.to_string() } });
    let mut done = 0;
    while !over.load(Ordering::Relaxed) {
        let id = rest.create(PATH, &body)?;
        done += u64::from(counts.load(Ordering::Relaxed));
        rest.delete(&format!("{PATH}/{id}?cascade=true"))?;
        done += u64::from(counts.load(Ordering::Relaxed));
    }
    Ok(done)
}

/// Writes per second, and the schedulers' CPU for each, in milliseconds.
fn write(plant: &Plant, schedulers: usize, lasts: Duration) -> Outcome<(f64, f64)> {
    let (over, counts) = (AtomicBool::new(false), AtomicBool::new(false));
    let cpu = || (0..schedulers).map(|number| plant.cpu(number)).sum::<Outcome<f64>>();
    thread::scope(|scope| {
        let (over, counts) = (&over, &counts);
        let clients: Vec<_> =
            (0..CLIENTS).map(|number| scope.spawn(move || client(plant, number, over, counts))).collect();
        thread::sleep(WARM);
        let (begun, before) = (Instant::now(), cpu());
        counts.store(true, Ordering::Relaxed);
        thread::sleep(lasts);
        counts.store(false, Ordering::Relaxed);
        let (seconds, used) = (begun.elapsed().as_secs_f64(), cpu()? - before?);
        over.store(true, Ordering::Relaxed);
        let mut done = 0;
        for client in clients {
            done += client.join().map_err(|_| "a client panicked")??;
        }
        Ok((done as f64 / seconds, used / 1e3 / done as f64))
    })
}

fn measure(lab: &Lab, schedulers: usize, options: &Options) -> Outcome<(f64, f64)> {
    let programs = programs().ok_or("there is no PostgreSQL (Debian: apt-get install postgresql)")?;
    let server = Server::start(&programs, &lab.dir().join(format!("schedulers-{schedulers}-postgres")))?;
    let url = server.url();
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(Box::pin(fill::fill(&url, AGENTS, 0)))?;
    let shape = Shape { database: &url, schedulers, gateways: GATEWAYS, liveness: LIVENESS };
    let plant = Plant::start(lab, &format!("schedulers-{schedulers}"), &shape)?;
    plant.until(200, |rest| Ok(rest.call("GET", &format!("{PATH}?limit=1"), None)?.status))?;
    let at = (0..schedulers).map(scheduler_at).collect();
    let players = Players::start(at, AGENTS, Duration::from_secs(5))?;
    players.until_complete(PATIENCE)?;
    let lasts = if options.quick { LASTS / 10 } else { LASTS };
    let measured = write(&plant, schedulers, lasts);
    if measured.is_err() {
        plant.complain();
    }
    measured
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading(
        "schedulers",
        &format!(
            "{CLIENTS} clients of {GATEWAYS} gateways make and delete load balancers, {AGENTS} agents that are played"
        ),
    );
    let mut all = Vec::new();
    for count in COUNTS {
        let (rate, cpu) = measure(lab, count, options)?;
        println!("{count:>7} schedulers: {rate:.0} writes per second, {cpu:.2} ms CPU for each");
        all.push((count, rate, cpu));
    }
    let [(_, one, _), (_, two, _), (_, three, _)] = all.as_slice() else { return Err("nothing was measured".into()) };
    report::ratio("two to one, writes per second", two / one, AIM);
    report::ratio("three to one", three / one, AIM);
    Ok(json!({ "schedulers_rate_cpu_ms": all, "two_to_one": two / one, "three_to_one": three / one }))
}
