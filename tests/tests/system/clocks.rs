//! Wall clocks that jump while services run: nothing dies of it, nothing moves, and nothing is started again.
//!
//! What stands before the C library makes them jump (`clocks/ahead.c`); the clock that only goes on is the kernel's.

use std::{collections::BTreeSet, fs, os::unix::fs::FileExt as _, path::PathBuf, process::Command, time::Duration};

use ballast_lab::{Lab, in_lab, poll_until, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Setting, Site},
};
use jiff::Timestamp;

const HOUR: i64 = 3_600;
const SERVICES: [&str; 3] = ["ballast-scheduler", "ballast-api-gateway", "agent-1"];
/// Who may be dead is so after this, by the clock that only goes on.
const DEAD_AFTER: Duration = Duration::from_secs(3);

fn clock(lab: &Lab, service: &str) -> PathBuf {
    lab.dir().join(format!("{service}.clock"))
}

/// Sets a service's wall clock. The file is mapped by who has that clock, so it stays the same one.
fn set(lab: &Lab, service: &str, seconds: i64) {
    let file = fs::OpenOptions::new().write(true).create(true).truncate(false).open(clock(lab, service));
    file.and_then(|file| file.write_all_at(&seconds.to_ne_bytes(), 0)).expect("a clock");
}

/// What makes clocks jump.
fn library(lab: &Lab) -> PathBuf {
    let library = lab.dir().join("ahead.so");
    let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/system/clocks/ahead.c");
    let built =
        Command::new("cc").args(["-shared", "-fPIC", "-O1", "-Wall", "-Werror", source, "-o"]).arg(&library).output();
    let built = built.expect("cc starts");
    assert!(built.status.success(), "{}", String::from_utf8_lossy(&built.stderr));
    library
}

/// How far a service's newest line is ahead of this process's clock, in seconds.
fn ahead(site: &Site, service: &str) -> Option<i64> {
    let logged = site.logged(service);
    let mut stamps = logged.lines().filter_map(|line| line.split_whitespace().next()?.parse::<Timestamp>().ok());
    stamps.next_back().map(|stamp| stamp.as_second() - Timestamp::now().as_second())
}

fn all_live(site: &Site) -> bool {
    let listed = site.rest.get("/v2.0/agents");
    let agents = listed["agents"].as_array().expect("agents");
    agents.len() == 2 && agents.iter().all(|agent| agent["alive"] == true)
}

#[test]
fn wall_clocks_that_jump_an_hour_forth_and_back_kill_nobody_and_move_nothing() {
    let test = "wall_clocks_that_jump_an_hour_forth_and_back_kill_nobody_and_move_nothing";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let library = library(lab).display().to_string();
        let mut environment: Vec<Setting> = Vec::new();
        for service in SERVICES {
            set(lab, service, 0);
            environment.extend([
                (service, "LD_PRELOAD", library.clone()),
                (service, "CLOCK_AHEAD", clock(lab, service).display().to_string()),
            ]);
        }
        let dead_after = u32::try_from(DEAD_AFTER.as_millis()).unwrap_or(u32::MAX);
        let plan = Plan { agents: 2, liveness: (200, 1_500, dead_after), environment, ..Plan::default() };
        let mut site = Site::start(lab, &plan)?;
        // On the agent whose clock jumps, and on the other one.
        let (mut served, mut owners) = (Vec::new(), BTreeSet::new());
        while owners.len() < 2 {
            let (pool, address) = site.make_load_balancer("web");
            let owner = site.rest.get(&format!("/v2.0/lb/pools/{pool}/loadbalancer-agent"));
            owners.insert(owner["agent"]["host"].to_string());
            served.push((pool, address, owner["agent"]["id"].clone()));
        }
        for (service, seconds) in [HOUR, -HOUR].into_iter().flat_map(|jump| SERVICES.map(|one| (one, jump))) {
            let before = [site.haproxies(0), site.haproxies(1)];
            set(lab, service, seconds);
            // Longer than anybody may be silent: who judged by the wall clock would have judged by now.
            let lost = poll_until(DEAD_AFTER + Duration::from_secs(1), || {
                let unanswered = served.iter().find(|(_, address, _)| site.ask(address).is_none());
                (unanswered.is_some() || !all_live(&site)).then_some(())
            });
            assert!(lost.is_none(), "{service} at {seconds} s");
            assert_eq!([site.haproxies(0), site.haproxies(1)], before, "{service} at {seconds} s");
            for (pool, _, owner) in &served {
                let now = site.rest.get(&format!("/v2.0/lb/pools/{pool}/loadbalancer-agent"));
                assert_eq!(&now["agent"]["id"], owner, "{service} at {seconds} s");
            }
            // What is asked for is done.
            let (_, more) = site.make_load_balancer("more");
            assert!(site.ask(&more).is_some(), "{service} at {seconds} s");
        }
        // They did jump: those that begin under such a clock say so, and who is with them.
        for service in SERVICES {
            set(lab, service, HOUR);
        }
        site.gateway.take().expect("a gateway").stop()?;
        site.start_gateway();
        site.kill_agent(0);
        site.start_agent(0);
        site.wait_for_agents(2);
        for service in SERVICES {
            wait_until(PATIENCE, &format!("a line of {service} that is an hour ahead"), || {
                ahead(&site, service).filter(|ahead| (3_500..3_700).contains(ahead))
            });
        }
        Ok(())
    });
}
