//! Calls of the REST API: time, throughput and CPU time of every process, over SQLite and over PostgreSQL.
//!
//! The agent's driver writes to memory: what is measured is gateway, scheduler and database, with the durability that they
//! have by default. The bars are a fortieth (a sixtieth for the long list) of what the API server of OpenStack Octavia takes
//! for the same call on a machine of this size, database included: see docs/performance.md.

use std::{
    collections::BTreeMap,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use ballast_lab::Lab;
use serde_json::{Value, json};

use crate::{
    Options, Outcome,
    octavia::{self, Large},
    pgbench, postgres, report,
    rest::Rest,
    samples::Samples,
    stack::{Driver, Plan, Stack},
};

/// Pools that are there when reading begins.
const LISTED: usize = 1000;
/// A phase ends after this time, however many calls it has made.
const LIMIT: Duration = Duration::from_secs(15);

const MEMBER: &str = "create member";

/// What is called, with how many calls by one client and by sixteen.
pub(crate) struct Phase {
    pub(crate) name: &'static str,
    pub(crate) calls: [(usize, usize); 2],
    /// The most CPU time per call that it is to take, of gateway, scheduler and database together, in milliseconds.
    pub(crate) bar: Option<f64>,
    pub(crate) call: fn(&Context<'_>, &mut Rest, usize) -> Outcome<()>,
}

/// Where it is measured.
pub(crate) struct Context<'a> {
    pub(crate) stack: &'a Stack,
    pub(crate) server: Option<&'a postgres::Server>,
    pub(crate) pools: Vec<String>,
    pub(crate) large: Large,
}

impl Context<'_> {
    fn cpu(&self) -> Vec<(&'static str, f64)> {
        let mut used = self.stack.cpu();
        if let Some(server) = self.server {
            used.push(("database", server.cpu()));
        }
        used
    }
}

const MAKE: [Phase; 1] = [Phase {
    name: "create pool",
    calls: [(1, 300), (16, 2000)],
    bar: Some(62.0 / 40.0),
    call: |context, rest, n| {
        rest.call("POST", "/v2.0/lb/pools", Some(&context.stack.pool(&format!("pool-{n}"))))?.expect(201)
    },
}];

const USE: [Phase; 5] = [
    Phase {
        name: MEMBER,
        calls: [(1, 300), (16, 2000)],
        bar: Some(36.0 / 40.0),
        call: |context, rest, n| {
            let (pool_id, host) = (&context.pools[n % context.pools.len()], n / context.pools.len());
            let address = format!("10.20.{}.{}", host / 200, host % 200 + 10);
            let member = json!({ "member": { "pool_id": pool_id, "address": address, "protocol_port": 80 } });
            rest.call("POST", "/v2.0/lb/members", Some(&member))?.expect(201)
        },
    },
    Phase {
        name: "show one",
        calls: [(1, 2000), (16, 4000)],
        bar: Some(13.0 / 40.0),
        call: |context, rest, n| {
            let id = &context.pools[n % context.pools.len()];
            rest.call("GET", &format!("/v2.0/lb/pools/{id}"), None)?.expect(200)
        },
    },
    Phase {
        name: "list 100",
        calls: [(1, 300), (16, 1000)],
        bar: Some(70.0 / 40.0),
        call: |_, rest, _| rest.call("GET", "/v2.0/lb/pools?limit=100", None)?.expect(200),
    },
    Phase {
        name: "list 1000",
        calls: [(1, 100), (16, 200)],
        bar: Some(532.0 / 60.0),
        call: |_, rest, _| rest.call("GET", "/v2.0/lb/pools?limit=1000", None)?.expect(200),
    },
    Phase {
        name: "list 1000, two fields",
        calls: [(1, 100), (16, 300)],
        bar: Some(532.0 / 120.0),
        call: |_, rest, _| rest.call("GET", "/v2.0/lb/pools?limit=1000&fields=id&fields=name", None)?.expect(200),
    },
];

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("api", "calls per second, time per call, and CPU time per call of each process");
    let mut file = vec![json!({ "database": "SQLite", "calls": over(lab, options, "api-sqlite", None)? })];
    match postgres::programs() {
        Some(programs) => {
            let server = postgres::Server::start(&programs, &lab.dir().join("postgres"))?;
            let calls = over(lab, options, "api-postgres", Some(&server))?;
            let created = calls.iter().rev().find(|call| call["call"] == MEMBER);
            let created = created.and_then(|call| call["per_second"].as_f64()).unwrap_or_default();
            let against = pgbench::against(&server, created)?;
            file.push(json!({ "database": "PostgreSQL", "calls": calls, "pgbench": against }));
        }
        None => println!("\nPostgreSQL: not measured, the package postgresql is not installed"),
    }
    Ok(Value::Array(file))
}

/// Everything over one database.
fn over(lab: &Lab, options: &Options, name: &str, server: Option<&postgres::Server>) -> Outcome<Vec<Value>> {
    println!("\n{}", if server.is_some() { "PostgreSQL" } else { "SQLite" });
    let database = server.map(postgres::Server::url);
    let plan = Plan { driver: Driver::Fault, host: None, log_level: "info", database };
    let stack = Stack::start(lab, name, &plan)?;
    let mut context = Context { stack: &stack, server, pools: Vec::new(), large: Large::default() };
    println!(
        "{:<24} {:>7} {:>9} {:>8} {:>8} {:>8} {:>6}  CPU ms per call",
        "", "clients", "calls/s", "p50 ms", "p99 ms", "CPU ms", "bar"
    );
    let mut file = Vec::new();
    for phase in MAKE.iter().chain(&octavia::MAKE) {
        measure(&context, options, phase, &mut file)?;
    }
    context.pools = pools(&stack, options.count(LISTED))?;
    context.large = Large::make(&stack, &mut stack.rest()?)?;
    for phase in USE.iter().chain(&octavia::USE) {
        measure(&context, options, phase, &mut file)?;
    }
    octavia::compare(&mut file);
    Ok(file)
}

fn measure(context: &Context<'_>, options: &Options, phase: &Phase, file: &mut Vec<Value>) -> Outcome<()> {
    for (clients, calls) in phase.calls {
        let measured = one(context, phase, clients, options.count(calls));
        file.push(measured.inspect_err(|_| context.stack.complain())?);
    }
    Ok(())
}

/// The first so many pools, made where there are fewer.
fn pools(stack: &Stack, count: usize) -> Outcome<Vec<String>> {
    let mut rest = stack.rest()?;
    let list = rest.get(&format!("/v2.0/lb/pools?fields=id&limit={count}"))?;
    let there = list["pools"].as_array().into_iter().flatten();
    let mut pools: Vec<String> = there.filter_map(|pool| pool["id"].as_str()).map(str::to_owned).collect();
    while pools.len() < count {
        pools.push(stack.make_pool(&mut rest, &[])?);
    }
    Ok(pools)
}

/// The times of so many calls by so many clients at once, and how long it took altogether.
fn call(context: &Context<'_>, phase: &Phase, clients: usize, calls: usize) -> Outcome<(Samples, f64)> {
    // Clients of one number follow those of another: no object is made twice.
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let (begin, start) = (NEXT.load(Ordering::Relaxed), Instant::now());
    let client = || -> Outcome<Samples> {
        let mut rest = context.stack.rest()?;
        let mut times = Samples::default();
        loop {
            let n = NEXT.fetch_add(1, Ordering::Relaxed);
            if n - begin >= calls || start.elapsed() > LIMIT {
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
    let mut times = Samples::default();
    for client in all {
        times.0.extend(client?.0);
    }
    Ok((times, start.elapsed().as_secs_f64()))
}

/// One phase with so many clients.
fn one(context: &Context<'_>, phase: &Phase, clients: usize, calls: usize) -> Outcome<Value> {
    let before = context.cpu();
    let (times, seconds) = call(context, phase, clients, calls)?;
    let made = times.len() as f64;
    let cpu: BTreeMap<_, _> = context
        .cpu()
        .into_iter()
        .zip(before)
        .map(|((name, now), (_, before))| (name, (now - before) / made / 1e3))
        .collect();
    // What an agent does is no part of the call.
    let counted = ["gateway", "scheduler", "database"];
    let whole: f64 = counted.iter().filter_map(|name| cpu.get(name)).sum();
    let rate = made / seconds;
    let bar = phase.bar.map_or_else(String::new, |bar| format!("{bar:.2}"));
    let shown: Vec<_> = cpu.iter().map(|(name, used)| format!("{name} {used:.2}")).collect();
    println!(
        "{:<24} {clients:>7} {rate:>9.0} {:>8.2} {:>8.2} {whole:>8.2} {bar:>6}  {}",
        phase.name,
        times.median(),
        times.quantile(0.99),
        shown.join(", ")
    );
    Ok(json!({
        "call": phase.name, "clients": clients, "calls": times.len(), "per_second": rate, "p50_ms": times.median(),
        "p99_ms": times.quantile(0.99), "cpu_ms_per_call": cpu, "cpu_ms": whole, "bar_cpu_ms": phase.bar,
    }))
}
