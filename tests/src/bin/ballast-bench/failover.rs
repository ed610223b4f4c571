//! A host with the agent that has a load balancer is switched off, with everything on it: how long its address is without an
//! answer, beyond the time after which an agent counts as Dead.

use std::net::SocketAddr;

use ballast_lab::Lab;
use ballast_tests::site::{Plan, Site};
use serde_json::{Value, json};

use crate::{
    Options, Outcome,
    outage::{self, Asking},
    probe, report,
    samples::Samples,
    stack::built,
};

const ROUNDS: usize = 50;
/// Milliseconds: heartbeat, suspect, dead.
const LIVENESS: (u32, u32, u32) = (500, 1_500, 3_000);
const SECOND: f64 = 1_000.0;
const AIM: &str = "48 of 50";

/// Milliseconds without an answer beyond the time of detection.
fn round(site: &mut Site, asking: &Asking) -> Outcome<f64> {
    let owner = (0..site.agents.len()).find(|agent| !site.haproxies(*agent).is_empty()).ok_or("nobody has it")?;
    let gap = outage::gap(site, owner, asking)?;
    outage::switch_on(site, owner)?;
    site.wait_until_clean(owner);
    Ok(gap.as_secs_f64() * SECOND - f64::from(LIVENESS.2))
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading("failover", "a host is switched off: without an answer for so long, beyond the time of detection");
    let programs = built("ballast-agent")?.parent().ok_or("no directory")?.to_owned();
    let plan = Plan { agents: 2, webs: 1, liveness: LIVENESS, programs, ..Plan::default() };
    let mut site = Site::start(lab, &plan).map_err(|error| error.to_string())?;
    let (_, address) = site.make_load_balancer("bench");
    site.wait_for_traffic(&address);
    let target = SocketAddr::new(address.parse()?, 80);
    let asking = Asking::start(probe::namespace(&site.client)?, target);
    let mut times = Samples::default();
    for number in 0..options.count(ROUNDS) {
        let milliseconds = round(&mut site, &asking)?;
        if options.quick {
            println!("{:>4}: {milliseconds:.0} ms", number + 1);
        }
        times.add(milliseconds);
    }
    let short = times.0.iter().filter(|one| **one < SECOND).count();
    report::columns(&format!("ms beyond {} ms", LIVENESS.2));
    report::row("without an answer", &times);
    println!("{:<34} {short:>6} of {}  aim: {AIM}", "shorter than a second", times.len());
    Ok(json!({ "dead_after_ms": LIVENESS.2, "beyond_ms": times.json(), "shorter_than_a_second": short }))
}
