//! Many load balancers at once with a real haproxy each: how many are ACTIVE per second, and what each costs.

use std::{
    collections::BTreeMap,
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use ballast_lab::{Lab, poll_until};
use serde_json::{Value, json};

use crate::{
    Options, Outcome,
    octavia::until_active,
    report,
    rest::Rest,
    stack::{Driver, Plan, Stack, cpu_of},
    topology::{Ground, MEMBERS, WEB_PORT},
};

const LOAD_BALANCERS: usize = 200;
const CLIENTS: usize = 16;
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading(
        "many",
        &format!("load balancers of v2 with a haproxy each, made by {CLIENTS} clients that wait for ACTIVE"),
    );
    let plan = Plan { driver: Driver::HaproxyNs, host: Some(&ground.agent), log_level: "info", database: None };
    let stack = Stack::start(lab, "many", &plan)?;
    let count = options.count(LOAD_BALANCERS);
    let (before, begun) = (stack.cpu(), Instant::now());
    let ids = make(&stack, count)?;
    let seconds = begun.elapsed().as_secs_f64();
    let made = ids.len() as f64;
    let mut cpu: BTreeMap<_, _> =
        stack.cpu().into_iter().zip(before).map(|((name, now), (_, was))| (name, (now - was) / made / 1e3)).collect();
    let haproxies = ids.iter().filter_map(|id| {
        let pid = fs::read_to_string(stack.files_of(id).join("run/pid")).ok()?;
        Some(cpu_of(pid.trim().parse().ok()?))
    });
    cpu.insert("haproxy", haproxies.sum::<f64>() / made / 1e3);
    let rate = made / seconds;
    report::ratio("load balancers per second", rate, "50 or more");
    let shown: Vec<_> = cpu.iter().map(|(name, used)| format!("{name} {used:.2}")).collect();
    println!("CPU ms of each: {}", shown.join(", "));
    take_away(&stack, ground, &ids)?;
    Ok(json!({ "load_balancers": ids.len(), "clients": CLIENTS, "per_second": rate, "cpu_ms": cpu }))
}

/// Their ids; each is ACTIVE.
pub(crate) fn make(stack: &Stack, count: usize) -> Outcome<Vec<String>> {
    let next = AtomicUsize::new(0);
    let client = || -> Outcome<Vec<String>> {
        let (mut rest, mut ids) = (stack.rest()?, Vec::new());
        while next.fetch_add(1, Ordering::Relaxed) < count {
            let id = rest.create("/v2.0/lbaas/loadbalancers", &one(stack))?;
            until_active(&mut rest, &id)?;
            ids.push(id);
        }
        Ok(ids)
    };
    let all: Vec<Outcome<Vec<String>>> = thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS).map(|_| scope.spawn(client)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap_or_else(|_| Err("a client panicked".into()))).collect()
    });
    let all: Vec<Vec<String>> = all.into_iter().collect::<Outcome<_>>()?;
    Ok(all.concat())
}

/// A listener with a pool of two members.
fn one(stack: &Stack) -> Value {
    let members = MEMBERS.map(|address| json!({ "address": address, "protocol_port": WEB_PORT }));
    let pool = json!({ "name": "pool", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members });
    let listener = json!({ "protocol": "HTTP", "protocol_port": 80, "default_pool": pool });
    json!({ "loadbalancer": { "name": "one of many", "vip_subnet_id": stack.subnet_id, "listeners": [listener] } })
}

pub(crate) fn take_away(stack: &Stack, ground: &Ground, ids: &[String]) -> Outcome<()> {
    let mut rest: Rest = stack.rest()?;
    for id in ids {
        rest.delete(&format!("/v2.0/lbaas/loadbalancers/{id}?cascade=true"))?;
    }
    let gone = poll_until(PATIENCE, || {
        let remains = ground.agent.remains().ok()?;
        (remains.namespaces.is_empty() && remains.links.is_empty()).then_some(())
    });
    Ok(gone.ok_or("a load balancer was not taken away")?)
}
