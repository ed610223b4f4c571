//! Crash and restart of each process: the data plane outlives them all, and everything heals without being asked.

use std::time::{Duration, Instant};

use ballast_lab::{Signal, in_lab, poll_until, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::json;

#[test]
fn an_agent_that_is_killed_leaves_its_load_balancers_running_and_finds_them_again() {
    let test = "an_agent_that_is_killed_leaves_its_load_balancers_running_and_finds_them_again";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let (pool, address) = site.make_load_balancer("web");
        let before = site.haproxies(0);
        assert_eq!(before.len(), 1);

        site.kill_agent(0);
        for _ in 0..6 {
            assert!(site.ask(&address).is_some());
        }
        site.start_agent(0);
        site.wait_for_agents(1);
        // A change goes through the agent that came back.
        let change = json!({"pool": {"description": "again"}});
        site.rest.update(&format!("/v2.0/lb/pools/{pool}"), &change);
        site.wait_for_status(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE");
        assert_eq!(site.haproxies(0), before, "haproxy was restarted");
        assert!(site.ask(&address).is_some());
        Ok(())
    });
}

#[test]
fn a_scheduler_that_is_killed_loses_nothing_that_was_acknowledged() {
    let test = "a_scheduler_that_is_killed_loses_nothing_that_was_acknowledged";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let (_, address) = site.make_load_balancer("web");
        let before = site.haproxies(0);
        let last = site.make_pool("last");
        site.scheduler.take().expect("a scheduler").kill()?;
        assert!(site.ask(&address).is_some(), "the data plane needs no scheduler");
        let refused = site.rest.call("GET", "/v2.0/lb/pools", None);
        assert_eq!(refused.status, 503, "{refused}");

        site.start_scheduler();
        site.wait_for_agents(1);
        site.wait_for_status(&format!("/v2.0/lb/pools/{last}"), "ACTIVE");
        assert_eq!(site.haproxies(0), before, "haproxy was restarted");
        let (_, second) = site.make_load_balancer("second");
        assert_ne!(second, address);
        Ok(())
    });
}

#[test]
fn a_gateway_that_is_killed_is_not_missed_by_traffic_and_serves_again() {
    let test = "a_gateway_that_is_killed_is_not_missed_by_traffic_and_serves_again";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let (pool, address) = site.make_load_balancer("web");
        site.gateway.take().expect("a gateway").kill()?;
        assert!(site.ask(&address).is_some());
        site.start_gateway();
        let shown = site.rest.get(&format!("/v2.0/lb/pools/{pool}"));
        assert_eq!(shown["pool"]["name"], "web");
        Ok(())
    });
}

#[test]
fn everything_comes_back_from_the_ledger_while_no_scheduler_answers() {
    let test = "everything_comes_back_from_the_ledger_while_no_scheduler_answers";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let (_, address) = site.make_load_balancer("web");
        site.scheduler.take().expect("a scheduler").kill()?;
        site.kill_agent(0);
        for pid in site.haproxies(0) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL)?;
        }
        wait_until(PATIENCE, "a dead haproxy", || site.ask(&address).is_none().then_some(()));
        site.start_agent(0);
        site.wait_for_traffic(&address);
        Ok(())
    });
}

#[test]
fn a_haproxy_that_dies_is_started_again() {
    if !require_tool("haproxy", "a_haproxy_that_dies_is_started_again") {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        let (pool, address) = site.make_load_balancer("web");
        site.wait_for_status(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE");
        let dead = site.haproxies(0);
        for pid in &dead {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(*pid), Signal::SIGKILL)?;
        }
        wait_until(PATIENCE, "another haproxy", || {
            let now = site.haproxies(0);
            (!now.is_empty() && now != dead).then_some(())
        });
        site.wait_for_traffic(&address);
        Ok(())
    });
}

#[test]
fn a_haproxy_that_ends_is_missed_at_once_and_all_of_a_host_come_back_together() {
    let test = "a_haproxy_that_ends_is_missed_at_once_and_all_of_a_host_come_back_together";
    if !require_tool("haproxy", test) {
        return;
    }
    const MANY: usize = 24;
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        for n in 0..MANY {
            let pool = site.make_pool(&format!("web-{n}"));
            let _ = site.make_vip(&pool);
        }
        wait_until(PATIENCE, "haproxies", || (site.haproxies(0).len() == MANY).then_some(()));
        // Seen at least once: an agent looks at the health of its load balancers each second.
        std::thread::sleep(Duration::from_secs(3));
        let kill = |pids: &[i32]| {
            let start = Instant::now();
            for pid in pids {
                nix::sys::signal::kill(nix::unistd::Pid::from_raw(*pid), Signal::SIGKILL).expect("it runs");
            }
            wait_until(PATIENCE, "as many haproxies as before, and others", || {
                let now = site.haproxies(0);
                (now.len() == MANY && pids.iter().all(|pid| !now.contains(pid))).then_some(())
            });
            start.elapsed()
        };
        // One after the other: who looks every five seconds takes twenty.
        let first = site.haproxies(0);
        let apart: Duration = first[..5].iter().map(|pid| kill(&[*pid])).sum();
        assert!(apart < Duration::from_secs(14), "{apart:?}");
        std::thread::sleep(Duration::from_secs(6));
        let together = kill(&site.haproxies(0));
        assert!(together < Duration::from_secs(12), "{together:?}");
        Ok(())
    });
}

#[test]
fn a_driver_host_that_dies_comes_back_and_its_load_balancers_never_notice() {
    let test = "a_driver_host_that_dies_comes_back_and_its_load_balancers_never_notice";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        let (pool, address) = site.make_load_balancer("web");
        let before = site.haproxies(0);
        let host = site.agents[0].host.remains()?;
        let driver_host = host.processes.iter().find(|process| process.command_line.contains("driver-host"));
        let pid = driver_host.expect("a driver-host").pid;
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL)?;
        assert!(site.ask(&address).is_some());
        let change = json!({"pool": {"lb_method": "LEAST_CONNECTIONS"}});
        site.rest.update(&format!("/v2.0/lb/pools/{pool}"), &change);
        site.wait_for_status(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE");
        assert!(site.ask(&address).is_some());
        assert_eq!(before.len(), 1);
        Ok(())
    });
}

#[test]
fn a_stopped_agent_leaves_a_new_pool_pending_until_it_goes_on() {
    let test = "a_stopped_agent_leaves_a_new_pool_pending_until_it_goes_on";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        site.signal_agent(0, Signal::SIGSTOP);
        let pool = site.make_pool("web");
        let path = format!("/v2.0/lb/pools/{pool}");
        let settled = poll_until(Duration::from_secs(2), || {
            (site.rest.get(&path)["pool"]["status"] != "PENDING_CREATE").then_some(())
        });
        assert!(settled.is_none(), "{}", site.rest.get(&path));
        site.signal_agent(0, Signal::SIGCONT);
        site.wait_for_status(&path, "ACTIVE");
        Ok(())
    });
}

#[test]
fn what_was_deleted_while_the_agent_was_away_is_removed_when_it_returns() {
    let test = "what_was_deleted_while_the_agent_was_away_is_removed_when_it_returns";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let pool = site.make_pool("web");
        site.add_members(&pool);
        let vip = site.make_vip(&pool);
        site.wait_for_traffic(vip.object()["address"].as_str().unwrap_or_default());
        site.kill_agent(0);
        site.rest.delete(&format!("/v2.0/lb/vips/{}", vip.id()));
        site.rest.delete(&format!("/v2.0/lb/pools/{pool}"));
        assert_eq!(site.rest.call("GET", &format!("/v2.0/lb/pools/{pool}"), None).status, 404);
        assert_eq!(site.haproxies(0).len(), 1, "nobody could have told it yet");
        site.start_agent(0);
        site.wait_until_clean(0);
        Ok(())
    });
}

#[test]
fn a_haproxy_that_hangs_is_started_again_and_nobody_else_notices() {
    let test = "a_haproxy_that_hangs_is_started_again_and_nobody_else_notices";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        let (pool, address) = site.make_load_balancer("hangs");
        site.wait_for_status(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE");
        let stopped = site.haproxies(0)[0];
        let (other, others) = site.make_load_balancer("other");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(stopped), Signal::SIGSTOP)?;
        // While it hangs, and while it is mended, others are changed and made.
        for round in 0..3 {
            let change =
                json!({"pool": {"lb_method": if round % 2 == 0 { "LEAST_CONNECTIONS" } else { "ROUND_ROBIN" }}});
            site.rest.update(&format!("/v2.0/lb/pools/{other}"), &change);
            site.wait_for_status(&format!("/v2.0/lb/pools/{other}"), "ACTIVE");
            assert!(site.ask(&others).is_some());
            let _ = site.make_load_balancer(&format!("new-{round}"));
        }
        site.wait_for_traffic(&address);
        wait_until(PATIENCE, "the end of the one that hung", || (!site.haproxies(0).contains(&stopped)).then_some(()));
        Ok(())
    });
}

#[test]
fn a_link_that_is_lost_on_the_host_is_put_back() {
    let test = "a_link_that_is_lost_on_the_host_is_put_back";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        let (pool, address) = site.make_load_balancer("web");
        let vip =
            site.rest.get(&format!("/v2.0/lb/pools/{pool}"))["pool"]["vip_id"].as_str().unwrap_or_default().to_owned();
        site.wait_for_status(&format!("/v2.0/lb/vips/{vip}"), "ACTIVE");
        let vip = site.rest.get(&format!("/v2.0/lb/vips/{vip}"));
        let tap: String =
            format!("tap{}", vip["vip"]["port_id"].as_str().unwrap_or_default()).chars().take(14).collect();
        site.agents[0].host.output("ip", ["link", "del", &tap])?;
        assert!(site.ask(&address).is_none(), "it had no part in the traffic");
        site.wait_for_traffic(&address);
        Ok(())
    });
}
