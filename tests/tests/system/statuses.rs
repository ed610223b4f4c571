//! Stored statuses tell the truth again after each fault: nothing is PENDING for longer than the bound that
//! docs/operate.md states, and what is in ERROR says why.

use std::{
    collections::BTreeMap,
    time::{Duration, Instant},
};

use ballast_lab::{Lab, Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    played_neutron::{self, PlayedNeutron, Presence},
    secret,
    site::{Plan, Setting, Site},
};
use nix::unistd::Pid;
use serde_json::{Value, json};

/// How long something may be PENDING: until an agent is Dead, and what it takes until it is deployed elsewhere.
const BOUND: Duration = Duration::from_secs(30);
const LOAD_BALANCERS: usize = 6;

/// A deployment whose networks another service keeps.
struct World {
    site: Site,
    neutron: PlayedNeutron,
}

/// Something that goes wrong.
struct Fault {
    what: &'static str,
    strike: fn(&mut World),
    /// Whether changes are taken meanwhile.
    takes_changes: bool,
    /// What is looked at while it lasts, and what ends it.
    mend: fn(&mut World),
}

const FAULTS: [Fault; 8] = [
    Fault {
        what: "an agent is killed and started again",
        strike: |world| world.site.kill_agent(0),
        takes_changes: true,
        mend: |world| world.site.start_agent(0),
    },
    Fault {
        what: "an agent is killed for good",
        strike: |world| world.site.kill_agent(1),
        takes_changes: true,
        mend: |_| {},
    },
    Fault {
        what: "a driver is killed",
        strike: |world| kill_driver(&world.site, 0),
        takes_changes: true,
        mend: |_| {},
    },
    Fault {
        what: "the network service is gone",
        strike: |world| world.neutron.be(Presence::Gone),
        takes_changes: true,
        mend: |world| {
            is_refused(&world.site);
            settles(&world.site, "the network service is gone, and for as long");
            world.neutron.be(Presence::There);
        },
    },
    Fault {
        what: "the network service takes connections and does not answer",
        strike: |world| world.neutron.be(Presence::Silent),
        takes_changes: true,
        mend: |world| {
            is_refused(&world.site);
            settles(&world.site, "the network service does not answer, and for as long");
            world.neutron.be(Presence::There);
        },
    },
    Fault {
        what: "an agent is killed while the network service is gone",
        strike: |world| {
            world.neutron.be(Presence::Gone);
            world.site.kill_agent(0);
        },
        takes_changes: true,
        mend: |world| {
            settles(&world.site, "an agent is killed while the network service is gone, and for as long");
            world.neutron.be(Presence::There);
            world.site.start_agent(0);
        },
    },
    Fault {
        what: "the scheduler is killed",
        strike: |world| world.site.scheduler.take().expect("it runs").kill().expect("it is killed"),
        takes_changes: false,
        mend: |world| world.site.start_scheduler(),
    },
    Fault {
        what: "the scheduler stands still",
        strike: |world| scheduler(&world.site, Signal::SIGSTOP),
        takes_changes: false,
        mend: |world| scheduler(&world.site, Signal::SIGCONT),
    },
];

fn scheduler(site: &Site, signal: Signal) {
    site.scheduler.as_ref().expect("it runs").signal(signal).expect("it is signalled");
}

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

/// A new load balancer needs a port of the network service: who asks for one is told, and nothing of it stays.
fn is_refused(site: &Site) {
    let body = json!({"loadbalancer": {"name": "refused", "vip_subnet_id": site.subnet_id}});
    let reply = site.rest.call("POST", "/v2/lbaas/loadbalancers", Some(&body));
    assert_eq!(reply.status, 503, "{reply}");
    let all = site.rest.get("/v2/lbaas/loadbalancers?name=refused");
    assert_eq!(all["loadbalancers"], json!([]));
}

fn start(lab: &Lab) -> Result<World, ballast_lab::LabError> {
    let neutron = PlayedNeutron::start();
    let file = lab.dir().join("token");
    secret::write(&file, "anybody\n");
    let settings: [Setting; 4] = [
        ("ballast-scheduler", "BALLAST_NETWORK__PROVIDER", "neutron".to_owned()),
        ("ballast-scheduler", "BALLAST_NETWORK__URL", neutron.url()),
        ("ballast-scheduler", "BALLAST_NETWORK__TIMEOUT_MS", "2000".to_owned()),
        ("ballast-scheduler", "BALLAST_NETWORK__TOKEN_FILE", file.display().to_string()),
    ];
    let plan = Plan {
        agents: 3,
        webs: 1,
        liveness: (500, 2_000, 4_000),
        subnet_id: played_neutron::SUBNET.to_owned(),
        environment: settings.to_vec(),
        ..Plan::default()
    };
    Ok(World { site: Site::start(lab, &plan)?, neutron })
}

#[test]
fn after_each_fault_nothing_stays_pending_and_errors_say_why() {
    let test = "after_each_fault_nothing_stays_pending_and_errors_say_why";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut world = start(lab)?;
        let made: Vec<(String, String)> =
            (0..LOAD_BALANCERS).map(|n| world.site.make_load_balancer(&format!("lb-{n}"))).collect();
        settles(&world.site, "the beginning");
        for (round, fault) in FAULTS.into_iter().enumerate() {
            let change = |site: &Site, when: &str| -> Vec<Option<Value>> {
                let body = json!({"pool": {"description": format!("{round} {when}")}});
                let path = |pool: &str| format!("/v2.0/lb/pools/{pool}");
                made.iter()
                    .map(|(pool, _)| site.rest.try_call("PUT", &path(pool), Some(&body)).map(|reply| reply.body))
                    .collect()
            };
            change(&world.site, "before");
            (fault.strike)(&mut world);
            if fault.takes_changes {
                change(&world.site, "meanwhile");
            } else {
                std::thread::sleep(Duration::from_secs(2));
            }
            (fault.mend)(&mut world);
            settles(&world.site, fault.what);
            for (_, address) in &made {
                world.site.wait_for_traffic(address);
            }
        }
        // What was begun of a load balancer that was refused is taken back.
        wait_until(PATIENCE * 2, "a port for each, and no other", || {
            (world.neutron.ports() == LOAD_BALANCERS).then_some(())
        });
        Ok(())
    });
}
