//! A load balancer on two hosts, and no scheduler: the host of the active side is switched off, with everything on it. How long
//! its address is without an answer.

use std::net::SocketAddr;

use ballast_lab::{Lab, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
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
const AIM: &str = "all";

/// Its id and its address.
fn make(site: &Site) -> Outcome<(String, String)> {
    let data = json!({ "loadbalancer_topology": "ACTIVE_STANDBY" }).to_string();
    let profile = json!({ "flavorprofile": { "name": "two", "provider_name": "haproxy", "flavor_data": data } });
    let profile = site.rest.create("/v2.0/lbaas/flavorprofiles", &profile).id();
    let flavor = json!({ "flavor": { "name": "two", "flavor_profile_id": profile } });
    let flavor = site.rest.create("/v2.0/lbaas/flavors", &flavor).id();
    let web = site.webs.first().ok_or("no web")?.address();
    let member = json!({ "address": web.ip().to_string(), "protocol_port": web.port() });
    let one = json!({ "loadbalancer": {
        "name": "bench", "vip_subnet_id": site.subnet_id, "flavor_id": flavor,
        "listeners": [{ "name": "web", "protocol": "HTTP", "protocol_port": 80, "default_pool": { "name": "web" } }],
        "pools": [{ "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": [member] }]
    } });
    let made = site.rest.create("/v2.0/lbaas/loadbalancers", &one);
    let address = made.object()["vip_address"].as_str().ok_or("no address")?.to_owned();
    Ok((made.id(), address))
}

/// The host of the active side, when both sides hear each other. It is not the one that was switched off before: a scheduler that
/// has just started says what it had stored until an agent tells it more.
fn active(site: &Site, id: &str, former: Option<usize>) -> Outcome<usize> {
    let former = former.map(|agent| site.agents[agent].name.clone());
    let path = format!("/ballast/v1/loadbalancers/{id}/sides");
    let host = wait_until(PATIENCE, "two sides that hear each other", || {
        let sides = site.rest.try_call("GET", &path, None)?.body["sides"].clone();
        let hears = ["active", "standby"].iter().all(|side| sides[side]["peer_heard"] == true);
        let is_whole = hears && sides["active"]["answers"] == true && sides["standby"]["deployed"] == true;
        let host = sides["active"]["host"].as_str().map(str::to_owned);
        host.filter(|_| is_whole).filter(|host| former.as_ref() != Some(host))
    });
    Ok(site.agents.iter().position(|agent| agent.name == host).ok_or("an unknown host is active")?)
}

/// Which host was switched off, and milliseconds without an answer.
fn round(site: &mut Site, id: &str, asking: &Asking, former: Option<usize>) -> Outcome<(usize, f64)> {
    let active = active(site, id, former)?;
    site.scheduler.take().ok_or("no scheduler")?.kill()?;
    let gap = outage::gap(site, active, asking)?;
    site.start_scheduler();
    outage::switch_on(site, active)?;
    Ok((active, gap.as_secs_f64() * SECOND))
}

pub(crate) fn run(lab: &Lab, options: &Options) -> Outcome<Value> {
    report::heading(
        "standby",
        "the active host is switched off, and there is no scheduler: without an answer for so long",
    );
    let programs = built("ballast-agent")?.parent().ok_or("no directory")?.to_owned();
    let plan = Plan { agents: 2, webs: 1, liveness: LIVENESS, programs, ..Plan::default() };
    let mut site = Site::start(lab, &plan).map_err(|error| error.to_string())?;
    site.wait_for_agents(2);
    let (id, address) = make(&site)?;
    site.wait_for_traffic(&address);
    let target = SocketAddr::new(address.parse()?, 80);
    let asking = Asking::start(probe::namespace(&site.client)?, target);
    let (mut times, mut former) = (Samples::default(), None);
    for number in 0..options.count(ROUNDS) {
        let (active, milliseconds) = round(&mut site, &id, &asking, former)?;
        former = Some(active);
        if options.quick {
            println!("{:>4}: {milliseconds:.0} ms", number + 1);
        }
        times.add(milliseconds);
    }
    let short = times.0.iter().filter(|one| **one < SECOND).count();
    report::columns("ms");
    report::row("without an answer", &times);
    println!("{:<34} {short:>6} of {}  aim: {AIM}", "shorter than a second", times.len());
    Ok(json!({ "ms": times.json(), "shorter_than_a_second": short }))
}
