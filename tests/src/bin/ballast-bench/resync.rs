//! An agent with 500 load balancers is killed, all of them are changed while it is away, and it is started again: how long it takes
//! until the scheduler knows that the last one is as it is to be. Their haproxies are to stay the same processes.

use std::{
    collections::BTreeMap,
    fs, thread,
    time::{Duration, Instant},
};

use ballast_lab::Lab;
use serde_json::{Value, json};

use crate::{
    Options, Outcome, many, report,
    rest::Rest,
    samples::Samples,
    stack::{Driver, Plan, Stack},
    topology::Ground,
};

const LOAD_BALANCERS: usize = 500;
const ROUNDS: usize = 5;
const PATIENCE: Duration = Duration::from_secs(300);
const AIM: &str = "5 s or less";
const PATH: &str = "/v2/lbaas/loadbalancers";

/// The haproxy of each.
fn haproxies(stack: &Stack, ids: &[String]) -> BTreeMap<String, String> {
    let pid = |id: &String| Some((id.clone(), fs::read_to_string(stack.files_of(id).join("run/pid")).ok()?));
    ids.iter().filter_map(pid).collect()
}

/// Waits until no load balancer is pending.
fn until_none_is_pending(rest: &mut Rest) -> Outcome<()> {
    let begun = Instant::now();
    loop {
        let listed = rest.get(&format!("{PATH}?provisioning_status=PENDING_UPDATE&limit=1"))?;
        if listed["loadbalancers"].as_array().is_some_and(Vec::is_empty) {
            return Ok(());
        }
        if begun.elapsed() > PATIENCE {
            return Err(format!("it is pending still: {listed}").into());
        }
        thread::sleep(Duration::from_millis(5));
    }
}

/// Seconds from the agent's start until all is known.
fn restart(stack: &mut Stack, ground: &Ground, ids: &[String], round: usize) -> Outcome<f64> {
    let mut rest = stack.rest()?;
    stack.kill_agent();
    let body = json!({ "loadbalancer": { "description": format!("changed {round}") } });
    for id in ids {
        rest.call("PUT", &format!("{PATH}/{id}"), Some(&body))?.expect(200)?;
    }
    let begun = Instant::now();
    stack.start_agent(Some(&ground.agent))?;
    until_none_is_pending(&mut rest)?;
    Ok(begun.elapsed().as_secs_f64())
}

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading("resync", "an agent with many load balancers is killed, they are changed, and it starts again");
    let plan = Plan { driver: Driver::HaproxyNs, host: Some(&ground.agent), log_level: "info", database: None };
    let mut stack = Stack::start(lab, "resync", &plan)?;
    let ids = many::make(&stack, options.count(LOAD_BALANCERS))?;
    let before = haproxies(&stack, &ids);
    let mut times = Samples::default();
    for round in 0..ROUNDS {
        times.add(restart(&mut stack, ground, &ids, round)?);
    }
    let after = haproxies(&stack, &ids);
    let kept = before.iter().filter(|(id, pid)| after.get(*id) == Some(pid)).count();
    println!("{} load balancers, {kept} with the same haproxy after {ROUNDS} restarts", ids.len());
    report::columns("s");
    report::row("until the last one is known", &times);
    report::ratio("median", times.median(), AIM);
    many::take_away(&stack, ground, &ids)?;
    Ok(json!({ "load_balancers": ids.len(), "seconds": times.json(), "haproxies_kept": kept }))
}
