//! Stored statuses tell the truth again after each fault: nothing is PENDING for longer than the bound that
//! docs/operate.md states, and what is in ERROR says why.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use ballast_lab::{Signal, in_lab, require_tool};
use ballast_tests::site::{Plan, Site};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// How long something may be PENDING: until an agent is Dead, and what it takes until it is deployed elsewhere.
const BOUND: Duration = Duration::from_secs(30);
const LOAD_BALANCERS: usize = 6;

/// Something that goes wrong, and what mends it.
type Fault = (&'static str, fn(&mut Site), fn(&mut Site));

const FAULTS: [Fault; 5] = [
    ("an agent is killed and started again", |site| site.kill_agent(0), |site| site.start_agent(0)),
    ("an agent is killed for good", |site| site.kill_agent(1), |_| {}),
    ("a driver is killed", |site| kill_driver(site, 0), |_| {}),
    (
        "the scheduler is killed",
        |site| site.scheduler.take().expect("it runs").kill().expect("it is killed"),
        Site::start_scheduler,
    ),
    (
        "the scheduler stands still",
        |site| site.scheduler.as_ref().expect("it runs").signal(Signal::SIGSTOP).expect("it is stopped"),
        |site| site.scheduler.as_ref().expect("it runs").signal(Signal::SIGCONT).expect("it goes on"),
    ),
];

fn kill_driver(site: &Site, agent: usize) {
    let remains = site.agents[agent].host.remains().expect("the host is looked at");
    let driver = remains.processes.iter().find(|process| process.command_line.contains("driver-host"));
    let pid = driver.expect("a driver-host").pid;
    nix::sys::signal::kill(Pid::from_raw(pid), Signal::SIGKILL).expect("it is killed");
}

/// What everything is, by kind and id.
fn statuses(site: &Site) -> Option<BTreeMap<String, (String, String)>> {
    let mut all = BTreeMap::new();
    for (kind, path) in [
        ("load balancer", "/v2.0/lbaas/loadbalancers"),
        ("listener", "/v2.0/lbaas/listeners"),
        ("pool", "/v2.0/lbaas/pools"),
    ] {
        let reply = site.rest.try_call("GET", path, None).filter(|reply| reply.status == 200)?;
        for object in reply.object().as_array()? {
            let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
            all.insert(format!("{kind} {}", text("id")), (text("provisioning_status"), text("status_description")));
        }
    }
    Some(all)
}

/// Looks until everything is settled; nothing may take longer than the bound.
fn settles(site: &Site, fault: &str) {
    let begun = Instant::now();
    loop {
        if let Some(all) = statuses(site) {
            for (object, (status, why)) in &all {
                assert!(status != "ERROR" || !why.is_empty(), "after {fault}: {object} is in ERROR and says not why");
            }
            let pending: Vec<_> = all.iter().filter(|(_, (status, _))| status.starts_with("PENDING")).collect();
            if pending.is_empty() {
                let failed: Vec<_> = all.iter().filter(|(_, (status, _))| status != "ACTIVE").collect();
                assert!(failed.is_empty(), "after {fault}: {failed:?}");
                return;
            }
            assert!(begun.elapsed() < BOUND, "after {fault}, for {:?}: {pending:?}", begun.elapsed());
        }
        assert!(begun.elapsed() < BOUND * 2, "after {fault} nobody answers");
        std::thread::sleep(Duration::from_millis(200));
    }
}

#[test]
fn after_each_fault_nothing_stays_pending_and_errors_say_why() {
    let test = "after_each_fault_nothing_stays_pending_and_errors_say_why";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let plan = Plan { agents: 3, webs: 1, liveness: (500, 2_000, 4_000), ..Plan::default() };
        let mut site = Site::start(lab, &plan)?;
        let made: Vec<(String, String)> =
            (0..LOAD_BALANCERS).map(|n| site.make_load_balancer(&format!("lb-{n}"))).collect();
        settles(&site, "the beginning");
        for (round, (fault, strike, mend)) in FAULTS.into_iter().enumerate() {
            let change = |site: &Site, when: &str| -> Vec<Option<Value>> {
                let body = json!({"pool": {"description": format!("{round} {when}")}});
                let path = |pool: &str| format!("/v2.0/lb/pools/{pool}");
                made.iter()
                    .map(|(pool, _)| site.rest.try_call("PUT", &path(pool), Some(&body)).map(|reply| reply.body))
                    .collect()
            };
            change(&site, "before");
            strike(&mut site);
            if site.scheduler.is_some() && round != FAULTS.len() - 1 {
                change(&site, "meanwhile");
            } else {
                std::thread::sleep(Duration::from_secs(2));
            }
            mend(&mut site);
            settles(&site, fault);
            for (_, address) in &made {
                site.wait_for_traffic(address);
            }
        }
        Ok(())
    });
}
