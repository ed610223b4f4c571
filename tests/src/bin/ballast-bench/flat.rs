//! What a list costs when there is much that it does not show: with a thousand pools, and with a hundred thousand.
//!
//! The pools are stored without the API, bound to an agent that is not there, so that nothing but the calls goes on.

use std::{fs, time::Instant};

use ballast_lab::Lab;
use ballast_model::{
    Uuid,
    agent::{Agent, Unclaimed},
    listener::Protocol,
    load_balancer::LoadBalancer,
    pool::{LbMethod, NewPool},
    time::Timestamp,
};
use ballast_store::Store;
use serde_json::{Value, json};

use crate::{
    Options, Outcome, postgres, report,
    samples::Samples,
    stack::{Driver, Plan, Stack},
};

const FEW: usize = 1_000;
const MANY: usize = 100_000;
/// Pools that one transaction stores.
const BATCH: usize = 5_000;
const CALLS: usize = 300;

fn pool(number: usize) -> LoadBalancer {
    LoadBalancer::with_pool(NewPool {
        id: id(number),
        project_id: format!("project{}", number % 50),
        name: format!("pool{number}"),
        description: String::new(),
        subnet_id: Uuid::nil().into(),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "bench".to_owned(),
        admin_state_up: true,
    })
}

/// The ids are not in the order of the pools.
fn id<I: From<Uuid>>(number: usize) -> I {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes()).into()
}

fn away() -> Agent {
    Agent {
        id: Uuid::from_u128(1).into(),
        host: "away".to_owned(),
        zone: String::new(),
        unclaimed: Unclaimed::default(),
        admin_state_up: false,
        description: None,
        version: String::new(),
        created_at: Timestamp(0),
        started_at: Timestamp(0),
        heartbeat_at: Timestamp(0),
        connected: false,
        session: None,
        drivers: Vec::new(),
        load_balancers: 0,
    }
}

async fn fill(url: &str, numbers: std::ops::Range<usize>) -> Outcome<()> {
    let store = Store::open(url).await?;
    let agent = &away();
    if numbers.start == 0 {
        store.write(|tx, _| Box::pin(tx.insert_agent(agent))).await.map_err(|fault| fault.to_string())?;
    }
    for begin in numbers.clone().step_by(BATCH) {
        let end = (begin + BATCH).min(numbers.end);
        let batch = store.write(|tx, _| {
            Box::pin(async move {
                for number in begin..end {
                    tx.insert(&pool(number)).await?;
                    tx.bind(id(number), agent.id, "fault").await?;
                }
                Ok(())
            })
        });
        batch.await.map_err(|fault| fault.to_string())?;
    }
    Ok(())
}

/// CPU time of gateway, scheduler and database for one call, in milliseconds, and its median time.
fn cost(stack: &Stack, server: Option<&postgres::Server>, path: &str, calls: usize) -> Outcome<(f64, f64)> {
    let mut rest = stack.rest()?;
    let cpu = || {
        let services = stack.cpu();
        let ours = services.iter().filter(|(name, _)| ["gateway", "scheduler"].contains(name)).map(|(_, us)| us);
        ours.sum::<f64>() + server.map_or(0.0, postgres::Server::cpu)
    };
    rest.call("GET", path, None)?.expect(200)?;
    let before = cpu();
    let mut times = Samples::default();
    for _ in 0..calls {
        let sent = Instant::now();
        rest.call("GET", path, None)?.expect(200)?;
        times.add(sent.elapsed().as_secs_f64() * 1e3);
    }
    Ok(((cpu() - before) / 1e3 / calls as f64, times.median()))
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("flat", "GET pools?limit=100 with few pools in the store, and with many");
    fs::create_dir_all(lab.dir().join("flat"))?;
    let url = format!("sqlite://{}/flat/ballast.db", lab.dir().display());
    let mut file = vec![over(lab, options, "SQLite", &url, None)?];
    match postgres::programs() {
        Some(programs) => {
            let server = postgres::Server::start(&programs, &lab.dir().join("flat-postgres"))?;
            file.push(over(lab, options, "PostgreSQL", &server.url(), Some(&server))?);
        }
        None => println!("\nPostgreSQL: not measured, the package postgresql is not installed"),
    }
    Ok(Value::Array(file))
}

fn over(lab: &Lab, options: &Options, database: &str, url: &str, server: Option<&postgres::Server>) -> Outcome<Value> {
    println!("\n{database}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let many = options.count(MANY);
    let mut costs = Vec::new();
    let mut whole = Value::Null;
    for (begin, end) in [(0, FEW), (FEW, many)] {
        runtime.block_on(fill(url, begin..end))?;
        let plan = Plan { driver: Driver::Fault, host: None, log_level: "info", database: Some(url.to_owned()) };
        let stack = Stack::start(lab, &format!("flat-{database}-{end}"), &plan)?;
        let (cpu, median) = cost(&stack, server, "/v2.0/lb/pools?limit=100", options.count(CALLS))?;
        let middle = format!("/v2.0/lb/pools?limit=100&marker={}", id::<Uuid>(end / 2));
        let (deep_cpu, deep_median) = cost(&stack, server, &middle, options.count(CALLS))?;
        println!(
            "{end:>7} pools: first page {cpu:.2} ms CPU, {median:.2} ms; a middle one {deep_cpu:.2}, {deep_median:.2}"
        );
        costs.push((cpu, deep_cpu));
        if end == many {
            whole = everything(&stack, end)?;
        }
    }
    let ratio = costs[1].0 / costs[0].0;
    report::ratio("many to few, first page", ratio, "1");
    report::ratio("many to few, a middle page", costs[1].1 / costs[0].1, "1");
    Ok(json!({
        "database": database, "few": FEW, "many": many, "cpu_ms": costs, "ratio": ratio, "everything": whole,
    }))
}

/// The whole list, and how much memory it took.
fn everything(stack: &Stack, count: usize) -> Outcome<Value> {
    let before = stack.memory();
    let (mut rest, sent) = (stack.rest()?, Instant::now());
    let reply = rest.call("GET", "/v2.0/lb/pools", None)?;
    reply.expect(200)?;
    let (seconds, length) = (sent.elapsed().as_secs_f64(), reply.body.len());
    let after = stack.memory();
    println!("the list of all {count}: {:.1} MB in {seconds:.2} s", length as f64 / 1e6);
    for ((name, before), (_, after)) in before.iter().zip(&after) {
        println!("  {name}: at most {after} kB, {before} kB before");
    }
    Ok(json!({ "pools": count, "bytes": length, "seconds": seconds, "kb_before": before, "kb_after": after }))
}
