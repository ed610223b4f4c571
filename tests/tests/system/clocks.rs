//! Wall clocks that jump while services run: nothing dies of it, nothing moves, and nothing is started again.
//!
//! A library between the services and the kernel makes them jump (libfaketime); of the clock that only goes on it keeps its hands.

use std::{collections::BTreeSet, fs, path::PathBuf, time::Duration};

use ballast_lab::{Lab, in_lab, not_run, poll_until, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Setting, Site},
};
use jiff::Timestamp;

/// Of Debian's libfaketime; the folder has the machine's name in it.
fn library() -> Option<String> {
    let folders = fs::read_dir("/usr/lib").ok()?.flatten().map(|entry| entry.path().join("faketime/libfaketime.so.1"));
    folders.filter(|file| file.is_file()).map(|file| file.display().to_string()).next()
}

const HOUR: i32 = 3_600;
const SERVICES: [&str; 3] = ["ballast-scheduler", "ballast-api-gateway", "agent-1"];
/// Who may be dead is so after this, by the clock that only goes on.
const DEAD_AFTER: Duration = Duration::from_secs(3);

fn clock(lab: &Lab, service: &str) -> PathBuf {
    lab.dir().join(format!("{service}.clock"))
}

/// Sets a service's wall clock, as the library reads it.
fn set(lab: &Lab, service: &str, seconds: i32) {
    let file = clock(lab, service);
    let next = file.with_extension("next");
    fs::write(&next, format!("{seconds:+}\n")).expect("a file");
    fs::rename(&next, file).expect("a file in its place");
}

/// How far a service's newest line is ahead of this process's clock, in seconds.
fn ahead(site: &Site, service: &str) -> Option<i64> {
    let logged = site.logged(service);
    let stamps = logged.lines().filter_map(|line| line.split_whitespace().next()?.parse::<Timestamp>().ok());
    stamps.last().map(|stamp| stamp.as_second() - Timestamp::now().as_second())
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
    let Some(library) = library() else {
        return not_run(test, "libfaketime is not installed: run `make deps`");
    };
    in_lab(|lab| {
        let mut environment: Vec<Setting> = Vec::new();
        for service in SERVICES {
            set(lab, service, 0);
            environment.extend([
                (service, "LD_PRELOAD", library.clone()),
                (service, "FAKETIME_TIMESTAMP_FILE", clock(lab, service).display().to_string()),
                (service, "FAKETIME_NO_CACHE", "1".to_owned()),
                (service, "FAKETIME_DONT_FAKE_MONOTONIC", "1".to_owned()),
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
        for (service, seconds) in
            SERVICES.map(|service| (service, HOUR)).into_iter().chain(SERVICES.map(|one| (one, -HOUR)))
        {
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
            site.make_load_balancer("more");
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
