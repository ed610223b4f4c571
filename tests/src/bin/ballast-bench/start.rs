//! How long a scheduler with 100,000 load balancers takes from its start until it has answered a list, and a write; and its
//! memory then. On SQLite and on PostgreSQL.

use std::{
    fs,
    time::{Duration, Instant},
};

use ballast_lab::Lab;
use serde_json::{Value, json};

use crate::{
    Options, Outcome, fill,
    plant::{Plant, Shape},
    postgres::{Server, programs},
    report,
    samples::Samples,
};

const LOAD_BALANCERS: usize = 100_000;
const EACH: usize = 100;
const STARTS: usize = 5;
const PATH: &str = "/v2/lbaas/loadbalancers";
const LIVENESS: (u32, u32, u32) = (5_000, 12_000, 20_000);

/// Milliseconds until the first answer to a list and to a write, and the most memory, in MB.
#[derive(Default)]
struct Measured {
    list: Samples,
    write: Samples,
    peak_mb: Samples,
}

fn start(lab: &Lab, name: &str, database: &str, measured: &mut Measured) -> Outcome<()> {
    let shape = Shape { database, schedulers: 0, gateways: 1, liveness: LIVENESS };
    let mut plant = Plant::start(lab, name, &Shape { schedulers: 1, ..shape })?;
    // The gateway has begun long before; what is measured is one scheduler's start.
    plant.until(200, |rest| Ok(rest.call("GET", &format!("{PATH}?limit=1"), None)?.status))?;
    plant.kill_scheduler(0);
    let begun = Instant::now();
    plant.start_scheduler(0)?;
    let since = |at: Instant| at.duration_since(begun).as_secs_f64() * 1e3;
    let listed = plant.until(200, |rest| Ok(rest.call("GET", &format!("{PATH}?limit=1"), None)?.status))?;
    let body = json!({ "network": { "name": "written" } });
    let written = plant.until(201, |rest| Ok(rest.call("POST", "/v2.0/networks", Some(&body))?.status))?;
    measured.list.add(since(listed));
    measured.write.add(since(written));
    // What it reads beside that is read by then.
    std::thread::sleep(Duration::from_secs(5));
    measured.peak_mb.add(plant.peak(0)? as f64 / 1024.0);
    Ok(())
}

fn measure(lab: &Lab, name: &str, database: &str, options: &Options) -> Outcome<Value> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let count = options.count(LOAD_BALANCERS);
    runtime.block_on(Box::pin(fill::fill(database, count / EACH, EACH)))?;
    let mut measured = Measured::default();
    for number in 0..options.count(STARTS).min(STARTS) {
        start(lab, &format!("start-{name}-{number}"), database, &mut measured)?;
    }
    println!("{name}, {count} load balancers");
    report::columns("ms, MB");
    report::row("  the first list", &measured.list);
    report::row("  the first write", &measured.write);
    report::row("  memory", &measured.peak_mb);
    Ok(json!({
        "load_balancers": count, "list_ms": measured.list.json(), "write_ms": measured.write.json(),
        "peak_mb": measured.peak_mb.json(),
    }))
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("start", "from the start of a scheduler that has many load balancers to its first answers");
    let directory = lab.dir().join("start");
    fs::create_dir_all(&directory)?;
    let sqlite = measure(lab, "SQLite", &format!("sqlite://{}/ballast.db", directory.display()), options)?;
    let postgres = match programs() {
        None => Value::Null,
        Some(programs) => {
            let server = Server::start(&programs, &lab.dir().join("start-postgres"))?;
            measure(lab, "PostgreSQL", &server.url(), options)?
        }
    };
    Ok(json!({ "sqlite": sqlite, "postgresql": postgres }))
}
