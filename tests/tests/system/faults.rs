//! A driver that misbehaves in every way, beside one that does not, in one agent.

use std::fs;

use ballast_lab::{Lab, LabError, Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, programs,
    site::{Plan, Site},
};
use serde_json::{Value, json};

/// A site with one agent, whose drivers are haproxy-ns and the one with the faults.
fn with_faults(lab: &Lab) -> Result<Site, LabError> {
    let mut site = Site::start(lab, &Plan { webs: 1, ..Plan::default() })?;
    site.kill_agent(0);
    site.add_configuration("[driver_host]\ndeploy_timeout_ms = 2000\nmemory_mb = 256\n");
    site.start_agent(0);
    // Without a signal: a file that appears is noticed.
    fs::copy(programs::built("libballast_fault_driver.so"), site.agents[0].drivers.join("fault.so")).expect("a driver");
    wait_until(PATIENCE, "the driver with the faults", || ready(&site, "fault"));
    // What is said of this one is now of the agent that was started last.
    wait_until(PATIENCE, "the driver without", || ready(&site, "haproxy-ns"));
    Ok(site)
}

fn driver(site: &Site, name: &str) -> Option<Value> {
    let agents = site.rest.get("/v2.0/agents");
    let drivers = agents["agents"][0]["configurations"]["drivers"].as_array()?;
    drivers.iter().find(|driver| driver["name"] == name).cloned()
}

fn ready(site: &Site, name: &str) -> Option<()> {
    (driver(site, name)?["state"] == "READY").then_some(())
}

fn make_faulty(site: &Site, name: &str) -> String {
    let pool = json!({"pool": {
        "name": name, "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": site.subnet_id, "provider": "fault"
    }});
    site.rest.create("/v2.0/lb/pools", &pool).id()
}

/// The processes of an agent's host with these words on their command line.
fn pids(site: &Site, words: &str) -> Vec<i32> {
    let remains = site.agents[0].host.remains().expect("the host is looked at");
    let found = remains.processes.iter().filter(|process| process.command_line.contains(words));
    found.map(|process| process.pid).collect()
}

/// Name of the load balancer, and what its tenant is told.
const FAULTS: [(&str, &str); 10] = [
    ("fail: the appliance has no memory left", "the appliance has no memory left"),
    ("busy: another commit is under way", "another commit is under way"),
    ("unsupported: no more than 3 pools", "no more than 3 pools"),
    ("panic", "the driver panicked in deploy"),
    ("segfault", "the driver ended during the call"),
    ("abort", "the driver ended during the call"),
    ("exit", "the driver ended during the call"),
    ("overflow", "the driver ended during the call"),
    ("hang", "the driver did not answer in time"),
    ("spin", "the driver did not answer in time"),
];

#[test]
fn no_fault_of_one_driver_touches_another_or_the_agent_and_its_own_load_balancers_say_why_and_heal() {
    let test = "no_fault_of_one_driver_touches_another_or_the_agent_and_its_own_load_balancers_say_why_and_heal";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = with_faults(lab)?;
        let (pool, address) = site.make_load_balancer("web");
        let good = format!("/v2.0/lb/pools/{pool}");
        site.wait_for_status(&good, "ACTIVE");
        let before = (site.haproxies(0), pids(&site, "driver-host haproxy-ns"), pids(&site, "--config"));
        for (number, (name, told)) in FAULTS.iter().enumerate() {
            wait_until(PATIENCE, "a ready driver", || ready(&site, "fault"));
            let faulty = format!("/v2.0/lb/pools/{}", make_faulty(&site, name));
            // A busy device is no failure yet.
            let status = if name.starts_with("busy") { "PENDING_CREATE" } else { "ERROR" };
            wait_until(PATIENCE, &format!("{status} of {name}"), || {
                assert!(site.ask(&address).is_some(), "{name}: traffic stopped");
                let shown = site.rest.get(&faulty);
                (shown["pool"]["status"] == status && shown["pool"]["status_description"] == *told).then_some(())
            });
            // The other driver is at work meanwhile.
            let description = json!({"pool": {"description": format!("change {number}")}});
            site.rest.update(&good, &description);
            site.wait_for_status(&good, "ACTIVE");
            // The fault is over: what the load balancer is called is all that was wrong with it. An operator who sends
            // SIGHUP need not wait for the pause between two starts, which has grown with each crash.
            site.signal_agent(0, Signal::SIGHUP);
            site.rest.update(&faulty, &json!({"pool": {"name": "web"}}));
            site.wait_for_status(&faulty, "ACTIVE");
            site.rest.delete(&faulty);
        }
        let after = (site.haproxies(0), pids(&site, "driver-host haproxy-ns"), pids(&site, "--config"));
        assert_eq!(after, before, "haproxy, its driver's process and the agent are those that were");
        assert!(site.ask(&address).is_some());
        Ok(())
    });
}

#[test]
fn a_driver_that_crashes_once_or_takes_all_memory_is_mended_before_a_tenant_sees_it() {
    let test = "a_driver_that_crashes_once_or_takes_all_memory_is_mended_before_a_tenant_sees_it";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = with_faults(lab)?;
        let (_, address) = site.make_load_balancer("web");
        for name in ["segfault once", "exit once", "overflow once", "leak 300MiB once", "stale once", "hidden once"] {
            wait_until(PATIENCE, "a ready driver", || ready(&site, "fault"));
            let faulty = format!("/v2.0/lb/pools/{}", make_faulty(&site, name));
            wait_until(PATIENCE, &format!("ACTIVE of {name}"), || {
                assert!(site.ask(&address).is_some(), "{name}: traffic stopped");
                let shown = site.rest.get(&faulty);
                assert_ne!(shown["pool"]["status"], "ERROR", "{name}: {shown}");
                (shown["pool"]["status"] == "ACTIVE").then_some(())
            });
            site.signal_agent(0, Signal::SIGHUP);
        }
        for said in ["SIGSEGV", "MiB of memory, and 256 are allowed"] {
            wait_until(PATIENCE, said, || site.logged("agent-1").contains(said).then_some(()));
        }
        Ok(())
    });
}

#[test]
fn a_driver_that_lies_about_what_is_deployed_wears_out_nobody_else() {
    let test = "a_driver_that_lies_about_what_is_deployed_wears_out_nobody_else";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let site = with_faults(lab)?;
        let (_, address) = site.make_load_balancer("web");
        let before = (site.haproxies(0), pids(&site, "driver-host haproxy-ns"));
        let liars = ["hidden", "stale", "phantom"].map(|name| format!("/v2.0/lb/pools/{}", make_faulty(&site, name)));
        for liar in &liars {
            site.wait_for_status(liar, "ACTIVE");
        }
        // It is compared every five seconds: what is missing is deployed again, and not without end.
        let hidden = liars[0].rsplit('/').next().expect("an id");
        let deploys = || {
            let log = site.logged("agent-1");
            log.lines().filter(|line| line.contains(hidden) && line.ends_with("worker: deployed")).count()
        };
        wait_until(PATIENCE, "a lie that was found", || {
            assert!(site.ask(&address).is_some());
            (deploys() > 1).then_some(())
        });
        for liar in &liars {
            site.rest.update(liar, &json!({"pool": {"name": "honest"}}));
            site.wait_for_status(liar, "ACTIVE");
        }
        assert_eq!((site.haproxies(0), pids(&site, "driver-host haproxy-ns")), before);
        assert!(deploys() < 20, "it is deployed without end");
        Ok(())
    });
}

#[test]
fn a_driver_is_upgraded_while_traffic_flows_and_a_bad_file_leaves_it_as_it_was() {
    let test = "a_driver_is_upgraded_while_traffic_flows_and_a_bad_file_leaves_it_as_it_was";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = with_faults(lab)?;
        let (pool, address) = site.make_load_balancer("web");
        let good = format!("/v2.0/lb/pools/{pool}");
        site.wait_for_status(&good, "ACTIVE");
        let (haproxies, other) = (site.haproxies(0), pids(&site, "driver-host fault"));
        let old = pids(&site, "driver-host haproxy-ns");
        let file = site.agents[0].drivers.join("haproxy-ns.so");
        let mut bytes = fs::read(&file)?;

        // The other half of it never arrived.
        fs::write(&file, &bytes[..bytes.len() / 2])?;
        site.signal_agent(0, Signal::SIGHUP);
        wait_until(PATIENCE, "the refusal", || {
            let driver = driver(&site, "haproxy-ns")?;
            let reason = driver["reason"].as_str()?;
            (reason.contains("goes on: truncated") && driver["state"] == "READY").then_some(())
        });
        assert_eq!(pids(&site, "driver-host haproxy-ns"), old);

        // Another build, put in place as a package manager does it.
        bytes.extend_from_slice(b"another build");
        let beside = site.agents[0].drivers.join("haproxy-ns.new");
        fs::write(&beside, &bytes)?;
        fs::rename(&beside, &file)?;
        let mut asked = 0;
        wait_until(PATIENCE, "another process", || {
            asked += 1;
            assert!(site.ask(&address).is_some(), "traffic stopped");
            let description = json!({"pool": {"description": format!("change {asked}")}});
            site.rest.update(&good, &description);
            let now = pids(&site, "driver-host haproxy-ns");
            (now.len() == 1 && now != old).then_some(())
        });
        site.wait_for_status(&good, "ACTIVE");
        wait_until(PATIENCE, "a report without reason", || {
            let driver = driver(&site, "haproxy-ns")?;
            (driver["reason"].is_null() && driver["state"] == "READY").then_some(())
        });
        assert!(site.ask(&address).is_some());
        assert_eq!(site.haproxies(0), haproxies, "haproxy was restarted");
        assert_eq!(pids(&site, "driver-host fault"), other, "the other driver was restarted");

        // Another configuration is taken over in the same way, or not.
        for (section, said) in [("[drivers.fault]\nport = 1\n", "INVALID_CONFIG: port: unknown field"), ("x", "")] {
            site.add_configuration(section);
            site.signal_agent(0, Signal::SIGHUP);
            wait_until(PATIENCE, "the refusal", || {
                let driver = driver(&site, "fault")?;
                (driver["reason"].as_str()?.contains(said) && driver["state"] == "READY").then_some(())
            });
        }
        let unread = "the configuration stays as it was: ";
        wait_until(PATIENCE, unread, || site.logged("agent-1").contains(unread).then_some(()));
        assert_eq!(pids(&site, "driver-host fault"), other);
        Ok(())
    });
}
