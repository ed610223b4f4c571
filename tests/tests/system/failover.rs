//! Failover: a host dies, and its load balancers answer elsewhere.

use ballast_lab::{Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};

#[test]
fn what_a_host_ran_that_died_answers_on_another_and_is_gone_from_it_when_it_returns() {
    let test = "what_a_host_ran_that_died_answers_on_another_and_is_gone_from_it_when_it_returns";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let plan =
            Plan { agents: 2, webs: 2, policy: "least-loaded", liveness: (500, 1_500, 3_000), ..Plan::default() };
        let mut site = Site::start(lab, &plan)?;
        let balancers: Vec<_> = (0..4).map(|n| site.make_load_balancer(&format!("web-{n}"))).collect();
        assert_eq!((site.haproxies(0).len(), site.haproxies(1).len()), (2, 2));
        site.kill_agent(0);
        for pid in site.haproxies(0) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL)?;
        }
        wait_until(PATIENCE, "four load balancers on the host that lives", || {
            (site.haproxies(1).len() == 4).then_some(())
        });
        for (pool, address) in &balancers {
            site.wait_for_traffic(address);
            site.wait_for_status(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE");
        }

        site.start_agent(0);
        site.wait_for_agents(2);
        site.wait_until_clean(0);
        for (_, address) in &balancers {
            assert!(site.ask(address).is_some());
        }
        assert_eq!(site.haproxies(1).len(), 4);
        Ok(())
    });
}
