//! What it costs to create a pool when there are many agents to choose from: with 10, 1,000 and 10,000 that are registered.
//!
//! Their rows are stored without the API; one agent more is there, which gets all the pools. The others are looked at for
//! each of them, as agents that could take it but are not heard of.

use std::{collections::BTreeSet, fs, time::Instant};

use ballast_lab::Lab;
use ballast_model::{
    Uuid,
    agent::{Agent, AgentDriver, DriverOptions, DriverState, Unclaimed},
    plugs::Plugs,
    time::Timestamp,
};
use ballast_store::Store;
use serde_json::{Value, json};

use crate::{
    Options, Outcome, report,
    samples::Samples,
    stack::{Driver, Plan, Stack},
};

const COUNTS: [usize; 3] = [10, 1_000, 10_000];
const CALLS: usize = 1_000;
/// Calls before those that count.
const FIRST: usize = 50;
const AIM: &str = "1.2 or less";

fn registered(number: usize) -> Agent {
    let features = ["protocol:HTTP", "protocol:TCP", "lb_method:ROUND_ROBIN", "lb_method:LEAST_CONNECTIONS"];
    let driver = AgentDriver {
        name: "fault".to_owned(),
        version: "1".to_owned(),
        state: DriverState::Ready,
        reason: String::new(),
        full: false,
        features: features.map(str::to_owned).into_iter().collect::<BTreeSet<_>>(),
        max_load_balancers: 0,
        max_members: 0,
        plugs: Plugs::default(),
        remarks: Vec::new(),
        options: DriverOptions::default(),
        load_balancers: 0,
    };
    Agent {
        id: Uuid::new_v5(&Uuid::NAMESPACE_OID, &number.to_be_bytes()).into(),
        host: format!("registered-{number}"),
        zone: String::new(),
        unclaimed: Unclaimed::default(),
        admin_state_up: true,
        description: None,
        version: String::new(),
        created_at: Timestamp(0),
        started_at: Timestamp(0),
        heartbeat_at: Timestamp(0),
        connected: false,
        session: None,
        drivers: vec![driver],
        load_balancers: 0,
    }
}

async fn register(url: &str, numbers: std::ops::Range<usize>) -> Outcome<()> {
    let (store, numbers) = (Store::open(url).await?, &numbers);
    let register = store.write(|tx, _| {
        Box::pin(async move {
            for number in numbers.clone() {
                tx.insert_agent(&registered(number)).await?;
            }
            Ok(())
        })
    });
    register.await.map_err(|fault| fault.to_string().into())
}

/// CPU time of gateway and scheduler for one create, in milliseconds, and its median time.
fn cost(stack: &Stack, calls: usize) -> Outcome<(f64, f64)> {
    let mut rest = stack.rest()?;
    let cpu = || {
        let services = stack.cpu();
        services.iter().filter(|(name, _)| ["gateway", "scheduler"].contains(name)).map(|(_, us)| us).sum::<f64>()
    };
    let pool = stack.pool("bench");
    for _ in 0..FIRST {
        rest.call("POST", "/v2.0/lb/pools", Some(&pool))?.expect(201)?;
    }
    let before = cpu();
    let mut times = Samples::default();
    for _ in 0..calls {
        let sent = Instant::now();
        rest.call("POST", "/v2.0/lb/pools", Some(&pool))?.expect(201)?;
        times.add(sent.elapsed().as_secs_f64() * 1e3);
    }
    Ok(((cpu() - before) / 1e3 / calls as f64, times.median()))
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("fleet", "POST pools with few agents, and with many");
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mut costs = Vec::new();
    for count in COUNTS {
        let directory = lab.dir().join(format!("fleet-{count}"));
        fs::create_dir_all(&directory)?;
        let url = format!("sqlite://{}/ballast.db", directory.display());
        runtime.block_on(register(&url, 0..count))?;
        let plan = Plan { driver: Driver::Fault, host: None, log_level: "info", database: Some(url) };
        let stack = Stack::start(lab, &format!("fleet-stack-{count}"), &plan)?;
        let (cpu, median) = cost(&stack, options.count(CALLS))?;
        println!("{count:>7} agents: {cpu:.3} ms CPU, {median:.2} ms");
        costs.push((count, cpu, median));
    }
    let [(_, few, few_ms), .., (_, many, many_ms)] = costs.as_slice() else {
        return Err("nothing was measured".into());
    };
    report::ratio("many to few, CPU", many / few, AIM);
    report::ratio("many to few, time", many_ms / few_ms, AIM);
    Ok(json!({ "agents_cpu_ms_median_ms": costs, "ratio": many / few, "time_ratio": many_ms / few_ms }))
}
