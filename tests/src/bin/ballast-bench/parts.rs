//! What a load balancer costs that is made of much: to load it whole, and to write to it, against one with nothing in it.
//!
//! LBaaS v1 makes load balancers of one pool and one listener, so that large ones are stored without the API. What the API
//! can add to one is added by it, with the agent connected; pools and listeners are added in the store.

mod large;

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::Instant,
};

use ballast_lab::Lab;
use ballast_model::{
    Uuid,
    ids::{AgentId, LoadBalancerId, PoolId},
    load_balancer::{LoadBalancer, pool_not_found},
    status::Progress,
};
use ballast_store::{Memory, Store};
use serde_json::{Value, json};

use self::large::{POOLS, listener, load_balancer, new_member, new_pool};
use crate::{
    Options, Outcome, postgres, report,
    samples::Samples,
    stack::{Driver, Plan, Stack, cpu_of},
};

const LOADS: usize = 15;
/// Both sides take turns, so often, with so many writes of each; an empty one takes no more than so many of them.
const ROUNDS: usize = 6;
const WRITES: usize = 200;
const EACH: usize = 10;
const AIM: &str = "1.3 or less";

/// How long it takes to load the load balancer, in milliseconds.
async fn loads(store: &Store, id: LoadBalancerId, count: usize) -> Outcome<Samples> {
    let mut times = Samples::default();
    for _ in 0..count {
        let begun = Instant::now();
        let loaded = store.glance(|tx, _| Box::pin(tx.load(id))).await.map_err(|fault| fault.to_string())?;
        times.add(begun.elapsed().as_secs_f64() * 1e3);
        loaded.ok_or("the load balancer is gone")?;
    }
    Ok(times)
}

async fn insert(store: &Store, load_balancer: &LoadBalancer, agent: Option<AgentId>) -> Outcome<()> {
    let insert = store.write(|tx, _| {
        Box::pin(async move {
            tx.insert(load_balancer).await?;
            match agent {
                Some(agent) => tx.bind(load_balancer.id, agent, "fault").await.map(|_| ()),
                None => Ok(()),
            }
        })
    });
    insert.await.map_err(|fault| fault.to_string().into())
}

#[derive(Debug, Clone, Copy)]
enum Part {
    Member,
    Pool,
    Listener,
}

/// One more part of a load balancer, as a use case would add it.
async fn add(store: &Store, id: LoadBalancerId, part: Part, number: usize) -> Outcome<()> {
    let write = store.write(|tx, _| {
        Box::pin(async move {
            let gone = || pool_not_found(PoolId::new(id.uuid()));
            let before = tx.load(id).await?.ok_or_else(gone)?;
            let first = PoolId::new(id.uuid());
            let mut after = before.clone();
            match part {
                Part::Member => after = after.add_member(first, new_member(number))?,
                Part::Pool => {
                    let mut one = LoadBalancer::with_pool(new_pool(large::id("pool", number), Uuid::nil()));
                    after.generation = after.generation.next();
                    after.pools.append(&mut one.pools);
                }
                Part::Listener => {
                    after.generation = after.generation.next();
                    after.listeners.push(listener(number, first, Progress::created(after.generation)));
                }
            }
            tx.save(&before, &after).await
        })
    });
    write.await.map_err(|fault| fault.to_string().into())
}

/// CPU time of a write to a large load balancer and to an empty one, in milliseconds.
async fn in_store(store: &Store, server: Option<&postgres::Server>, part: Part, rounds: usize) -> Outcome<[f64; 2]> {
    static NEXT: AtomicUsize = AtomicUsize::new(1_000_000);
    let cpu = || cpu_of(std::process::id()) + server.map_or(0.0, postgres::Server::cpu);
    let next = || NEXT.fetch_add(1, Ordering::Relaxed);
    let mut used = [0.0; 2];
    for _ in 0..rounds {
        let large = load_balancer(next(), Uuid::nil(), POOLS)?;
        insert(store, &large, None).await?;
        add(store, large.id, part, next()).await?;
        let before = cpu();
        for _ in 0..WRITES {
            add(store, large.id, part, next()).await?;
        }
        used[0] += cpu() - before;
        let mut empty = Vec::new();
        for _ in 0..WRITES / EACH {
            let one = load_balancer(next(), Uuid::nil(), 1)?;
            insert(store, &one, None).await?;
            empty.push(one.id);
        }
        let before = cpu();
        for number in 0..WRITES {
            add(store, empty[number % empty.len()], part, next()).await?;
        }
        used[1] += cpu() - before;
    }
    Ok(used.map(|used| used / 1e3 / (rounds * WRITES) as f64))
}

/// So many members, in turn to each of these pools, by so many clients at once.
fn post(stack: &Stack, pools: &[String], clients: usize) -> Outcome<()> {
    static NEXT: AtomicUsize = AtomicUsize::new(0);
    let begin = NEXT.load(Ordering::Relaxed);
    let client = || -> Outcome<()> {
        let mut rest = stack.rest()?;
        loop {
            let number = NEXT.fetch_add(1, Ordering::Relaxed);
            if number - begin >= WRITES {
                return Ok(());
            }
            let address = format!("10.30.{}.{}", number / 200 % 200, number % 200 + 10);
            let pool_id = &pools[number % pools.len()];
            let member = json!({ "member": { "pool_id": pool_id, "address": address, "protocol_port": 80 } });
            rest.call("POST", "/v2.0/lb/members", Some(&member))?.expect(201)?;
        }
    };
    let all: Vec<Outcome<()>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..clients).map(|_| scope.spawn(client)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    all.into_iter().collect()
}

/// CPU time of scheduler and database for a member that is made in a large load balancer, and in an empty one.
fn over_rest(
    stack: &Stack,
    server: Option<&postgres::Server>,
    large: &[LoadBalancer],
    clients: usize,
) -> Outcome<[f64; 2]> {
    let cpu = || {
        let scheduler = stack.cpu().iter().filter(|(name, _)| *name == "scheduler").map(|(_, used)| used).sum::<f64>();
        scheduler + server.map_or(0.0, postgres::Server::cpu)
    };
    let mut used = [0.0; 2];
    for large in large {
        let mut rest = stack.rest()?;
        let empty: Vec<String> = (0..WRITES / EACH).map(|_| stack.make_pool(&mut rest, &[])).collect::<Outcome<_>>()?;
        let large = [large.id.to_string()];
        for (side, pools) in [(0, large.as_slice()), (1, empty.as_slice())] {
            let warm = json!({ "member": { "pool_id": pools[0], "address": "10.40.0.1", "protocol_port": 80 } });
            rest.call("POST", "/v2.0/lb/members", Some(&warm))?.expect(201)?;
            let before = cpu();
            post(stack, pools, clients)?;
            used[side] += cpu() - before;
        }
    }
    Ok(used.map(|used| used / 1e3 / (large.len() * WRITES) as f64))
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("parts", "a load balancer of 100 pools, 100 listeners and 1,000 members, and an empty one");
    fs::create_dir_all(lab.dir().join("parts"))?;
    let url = format!("sqlite://{}/parts/ballast.db", lab.dir().display());
    let mut file = vec![over(lab, options, "SQLite", &url, None)?];
    match postgres::programs() {
        Some(programs) => {
            let server = postgres::Server::start(&programs, &lab.dir().join("parts-postgres"))?;
            file.push(over(lab, options, "PostgreSQL", &server.url(), Some(&server))?);
        }
        None => println!("\nPostgreSQL: not measured, the package postgresql is not installed"),
    }
    Ok(Value::Array(file))
}

fn over(lab: &Lab, options: &Options, database: &str, url: &str, server: Option<&postgres::Server>) -> Outcome<Value> {
    println!("\n{database}");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let rounds = options.count(ROUNDS);
    let store = runtime.block_on(Store::open_with(url, Memory { most: 0 }))?;
    let one = load_balancer(0, Uuid::nil(), POOLS)?;
    runtime.block_on(insert(&store, &one, None))?;
    let times = runtime.block_on(loads(&store, one.id, options.count(LOADS)))?;
    report::columns("ms");
    report::row("to load it whole", &times);
    let store = runtime.block_on(Store::open(url))?;
    let mut writes = Vec::new();
    for part in [Part::Member, Part::Pool, Part::Listener] {
        let cpu = runtime.block_on(in_store(&store, server, part, rounds))?;
        writes.push(said(&format!("a {part:?} in the store"), cpu));
    }
    let plan = Plan { driver: Driver::Fault, host: None, log_level: "info", database: Some(url.to_owned()) };
    let stack = Stack::start(lab, &format!("parts-{database}"), &plan)?;
    let agents = stack.rest()?.get("/v2.0/agents")?;
    let agent: AgentId = agents["agents"][0]["id"].as_str().ok_or("there is no agent")?.parse()?;
    for (number, clients) in [(1, 1), (2, 16)] {
        let subnet = stack.subnet_id.parse()?;
        let large = (0..rounds).map(|round| load_balancer(number * 100 + round, subnet, POOLS));
        let large = large.collect::<Outcome<Vec<_>>>()?;
        for one in &large {
            runtime.block_on(insert(&store, one, Some(agent)))?;
        }
        let cpu = over_rest(&stack, server, &large, clients).inspect_err(|_| stack.complain())?;
        writes.push(said(&format!("POST of a member, {clients} clients"), cpu));
    }
    Ok(json!({
        "database": database, "load_ms": { "min": times.min(), "median": times.median() }, "writes": writes,
    }))
}

/// What was measured, and the ratio.
fn said(name: &str, [large, empty]: [f64; 2]) -> Value {
    println!("{name:<34} {large:>9.3} ms CPU to a large one, {empty:.3} to an empty one");
    report::ratio(name, large / empty, AIM);
    json!({ "write": name, "large_cpu_ms": large, "empty_cpu_ms": empty, "ratio": large / empty })
}
