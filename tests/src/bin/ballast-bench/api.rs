//! Calls of the REST API per second, with a scheduler on SQLite and an agent whose driver is a file: what is measured is
//! gateway and scheduler.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use ballast_lab::Lab;
use serde_json::{Value, json};

use crate::{
    Options, Outcome, report,
    rest::Rest,
    samples::Samples,
    stack::{Driver, Plan, Stack},
};

/// Pools that are there when reading begins: a list has as many entries.
const LISTED: usize = 100;
/// A phase ends after this time, however many calls it has made.
const LIMIT: Duration = Duration::from_secs(15);

/// What is called, with how many calls by one client and by sixteen.
struct Phase {
    name: &'static str,
    calls: [(usize, usize); 2],
    call: fn(&Context<'_>, &mut Rest, usize) -> Outcome<()>,
}

struct Context<'a> {
    stack: &'a Stack,
    pools: &'a [String],
}

const PHASES: [Phase; 3] = [
    Phase {
        name: "GET a pool",
        calls: [(1, 3000), (16, 6000)],
        call: |context, rest, n| {
            let id = &context.pools[n % context.pools.len()];
            rest.call("GET", &format!("/v2.0/lb/pools/{id}"), None)?.expect(200)
        },
    },
    Phase {
        name: "GET the list of 100 pools",
        calls: [(1, 300), (16, 600)],
        call: |_, rest, _| rest.call("GET", "/v2.0/lb/pools", None)?.expect(200),
    },
    Phase {
        name: "POST a pool",
        calls: [(1, 600), (16, 2000)],
        call: |context, rest, n| {
            rest.call("POST", "/v2.0/lb/pools", Some(&context.stack.pool(&format!("pool-{n}"))))?.expect(201)
        },
    },
];

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("api", "calls per second, time per call, and CPU time per call of each process");
    let plan = Plan { driver: Driver::Fake, host: None, log_level: "info" };
    let stack = Stack::start(lab, "api", &plan)?;
    let mut rest = stack.rest()?;
    let pools: Vec<String> = (0..LISTED).map(|_| stack.make_pool(&mut rest, &[])).collect::<Outcome<_>>()?;
    let context = Context { stack: &stack, pools: &pools };
    println!("{:<28} {:>7} {:>9} {:>8} {:>8}  CPU us per call", "", "clients", "calls/s", "p50 ms", "p99 ms");
    let mut file = Vec::new();
    for phase in &PHASES {
        for (clients, calls) in phase.calls {
            let measured = one(&context, phase, clients, options.count(calls));
            file.push(measured.inspect_err(|_| stack.complain())?);
        }
    }
    Ok(Value::Array(file))
}

/// One phase with so many clients.
fn one(context: &Context<'_>, phase: &Phase, clients: usize, calls: usize) -> Outcome<Value> {
    let next = AtomicUsize::new(0);
    let before = context.stack.cpu();
    let start = Instant::now();
    let client = || -> Outcome<Samples> {
        let mut rest = context.stack.rest()?;
        let mut times = Samples::default();
        loop {
            let n = next.fetch_add(1, Ordering::Relaxed);
            if n >= calls || start.elapsed() > LIMIT {
                return Ok(times);
            }
            let sent = Instant::now();
            (phase.call)(context, &mut rest, n)?;
            times.add(sent.elapsed().as_secs_f64() * 1e3);
        }
    };
    let all: Vec<Outcome<Samples>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    let seconds = start.elapsed().as_secs_f64();
    let mut times = Samples::default();
    for client in all {
        times.0.extend(client?.0);
    }
    let made = times.len() as f64;
    let cpu: BTreeMap<_, _> = context
        .stack
        .cpu()
        .into_iter()
        .zip(before)
        .map(|((name, now), (_, before))| (name, (now - before) / made))
        .collect();
    let rate = made / seconds;
    let shown: Vec<_> = cpu.iter().map(|(name, used)| format!("{name} {used:.0}")).collect();
    println!(
        "{:<28} {clients:>7} {rate:>9.0} {:>8.2} {:>8.2}  {}",
        phase.name,
        times.median(),
        times.quantile(0.99),
        shown.join(", ")
    );
    Ok(json!({
        "call": phase.name, "clients": clients, "calls": times.len(), "per_second": rate,
        "p50_ms": times.median(), "p99_ms": times.quantile(0.99), "cpu_us_per_call": cpu,
    }))
}
