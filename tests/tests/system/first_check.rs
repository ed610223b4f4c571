//! Who gets traffic before a check has said anything. The checks come each minute but for the first.

use std::time::{Duration, Instant};

use ballast_lab::{Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::json;

fn monitor(site: &Site, pool: &str, expected_codes: &str) -> String {
    let monitor = json!({"health_monitor": {
        "type": "HTTP", "delay": 60, "timeout": 5, "max_retries": 3, "expected_codes": expected_codes
    }});
    let monitor = site.rest.create("/v2.0/lb/health_monitors", &monitor).id();
    let associate = format!("/v2.0/lb/pools/{pool}/health_monitors");
    let _ = site.rest.create(&associate, &json!({"health_monitor": {"id": monitor}}));
    site.settle(pool);
    monitor
}

fn expect(site: &Site, pool: &str, monitor: &str, expected_codes: &str) {
    let change = json!({"health_monitor": {"expected_codes": expected_codes}});
    site.rest.update(&format!("/v2.0/lb/health_monitors/{monitor}"), &change);
    site.settle(pool);
}

#[test]
fn a_new_member_is_checked_at_once_and_gets_nothing_before() {
    let test = "a_new_member_is_checked_at_once_and_gets_nothing_before";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        let pool = site.make_pool("web");
        let monitor = monitor(&site, &pool, "418");
        let members = site.add_members(&pool);
        let address = site.make_vip(&pool).object()["address"].as_str().unwrap_or_default().to_owned();
        for member in &members {
            let path = format!("/v2.0/lb/members/{member}");
            wait_until(PATIENCE, "a failed check", || {
                (site.rest.get(&path)["member"]["status"] == "INACTIVE").then_some(())
            });
        }
        assert_eq!(site.ask(&address), None);
        // Its admin takes it out and puts it back: it is as dead as before.
        for up in [false, true] {
            let change = json!({"member": {"admin_state_up": up}});
            site.rest.update(&format!("/v2.0/lb/members/{}", members[0]), &change);
            site.settle(&pool);
            assert!((0..5).all(|_| site.ask(&address).is_none()), "{up}");
        }
        let start = Instant::now();
        expect(&site, &pool, &monitor, "200");
        site.wait_for_traffic(&address);
        assert!(start.elapsed() < Duration::from_secs(20), "checked after {:?}", start.elapsed());
        Ok(())
    });
}

#[test]
fn what_is_known_of_members_outlives_their_process_and_their_agents() {
    let test = "what_is_known_of_members_outlives_their_process_and_their_agents";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        let (pool, address) = site.make_load_balancer("web");
        let monitor = monitor(&site, &pool, "200");
        // Heard of: the next order says that they are up.
        wait_until(PATIENCE, "members that are ONLINE", || {
            let shown = site.rest.get(&format!("/v2.0/lbaas/loadbalancers/{pool}/status"));
            let members = shown["statuses"]["loadbalancer"]["listeners"][0]["pools"][0]["members"].as_array()?.clone();
            members.iter().all(|member| member["operating_status"] == "ONLINE").then_some(())
        });
        // From now on each check fails, and a member is down after the third.
        expect(&site, &pool, &monitor, "418");
        assert!(site.ask(&address).is_some());
        site.kill_agent(0);
        for pid in site.haproxies(0) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL)?;
        }
        wait_until(PATIENCE, "a dead haproxy", || site.ask(&address).is_none().then_some(()));
        site.start_agent(0);
        site.wait_for_traffic(&address);
        assert!((0..5).all(|_| site.ask(&address).is_some()));
        Ok(())
    });
}
