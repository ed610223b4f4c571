//! One scheduler leads: what one is enough for is done once, another takes over, and one that comes back does no harm.

use std::time::{Duration, Instant};

use ballast_lab::{Signal, in_lab, wait_until};
use ballast_tests::{PATIENCE, rest::Rest, several::Several};
use serde_json::{Value, json};

use super::{server, url};
use ballast_tests::several::Shape;

/// So quick that the test does not wait for long.
const LIVENESS: (u32, u32, u32) = (500, 4_000, 8_000);
/// Beside the lapse: who lives is looked at each second.
const LOOKS: Duration = Duration::from_secs(4);
/// What the one that leads does in this deployment again and again.
const WORK: [&str; 3] = ["upkeep", "failover", "placing"];

fn rounds(several: &Several, scheduler: usize) -> Vec<f64> {
    let of = |work: &str| several.metric(scheduler, &format!("ballast_work_rounds_total{{work=\"{work}\"}}"));
    WORK.iter().map(|work| of(work).unwrap_or(f64::NAN)).collect()
}

fn moved(several: &Several, scheduler: usize) -> f64 {
    several.metric(scheduler, "ballast_failovers_total{outcome=\"moved\"}").unwrap_or_default()
}

/// Load balancers of a subnet, all of which are ACTIVE.
fn make_load_balancers(rest: &Rest, count: usize) {
    let network = rest.create("/v2.0/networks", &json!({"network": {"name": "n"}})).id();
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.9.0.0/16"}});
    let subnet = rest.create("/v2.0/subnets", &subnet).id();
    for number in 0..count {
        let body = json!({"loadbalancer": {"name": format!("lb-{number}"), "vip_subnet_id": subnet}});
        let _ = rest.create("/v2/lbaas/loadbalancers", &body);
    }
    wait_until(PATIENCE, "all are ACTIVE", || all_active(rest, count));
}

fn all_active(rest: &Rest, count: usize) -> Option<()> {
    let listed = rest.try_call("GET", "/v2/lbaas/loadbalancers", None)?;
    let listed = listed.body["loadbalancers"].as_array()?.clone();
    let is_active = |one: &Value| one["provisioning_status"] == "ACTIVE";
    (listed.len() == count && listed.iter().all(is_active)).then_some(())
}

#[test]
fn what_one_is_enough_for_one_does_and_another_when_that_is_gone() {
    let test = "what_one_is_enough_for_one_does_and_another_when_that_is_gone";
    in_lab(|lab| {
        let Some(server) = server(lab, test) else { return Ok(()) };
        let shape =
            Shape { database: url(&[5_501]), schedulers: 3, gateways: 1, liveness: LIVENESS, more: String::new() };
        let mut several = Several::start(lab, &shape);
        let leader = wait_until(PATIENCE, "one that leads", || several.leader());
        assert_eq!(several.metric(leader, "ballast_schedulers"), Some(3.0));
        for number in 0..3 {
            several.start_agent(number, number);
        }
        let rest = several.rest(0);
        wait_until(PATIENCE, "three agents", || {
            let agents = rest.look("/v2.0/agents")?;
            let ready =
                |one: &&Value| one["configurations"]["device_drivers"].as_array().is_some_and(|all| !all.is_empty());
            (agents["agents"].as_array()?.iter().filter(ready).count() == 3).then_some(())
        });
        make_load_balancers(&rest, 12);
        let on_agents = "SELECT count(*) FROM binding b JOIN agent a ON a.id = b.agent_id WHERE a.host = 'agent-0'";
        let on_dead: f64 = server.sql("ballast", on_agents).parse().expect("a number");

        // Each load balancer of a dead agent is moved once, by the one that leads.
        several.agents[0].take().expect("it runs").kill()?;
        wait_until(PATIENCE, "all have moved", || {
            let left = server.sql("ballast", &format!("{on_agents} AND b.phase = 'BOUND'"));
            (left == "0").then_some(())
        });
        let by_each: Vec<f64> = (0..3).map(|number| moved(&several, number)).collect();
        assert_eq!((by_each.iter().sum::<f64>(), by_each[leader]), (on_dead, on_dead), "{by_each:?}");
        for other in (0..3).filter(|other| *other != leader) {
            assert_eq!(rounds(&several, other), [0.0; 3], "scheduler {other} does not lead");
        }
        assert!(rounds(&several, leader).iter().all(|count| *count > 0.0));

        // It stands still: another leads, and it does nothing more when it wakes up.
        let begun = Instant::now();
        several.signal_scheduler(leader, Signal::SIGSTOP);
        let running: Vec<usize> = (0..3).filter(|one| *one != leader).collect();
        let next = wait_until(PATIENCE, "another one leads", || {
            running.iter().copied().find(|one| several.metric(*one, "ballast_scheduler_leads") == Some(1.0))
        });
        let took = begun.elapsed();
        assert!(took < several.lapse() + LOOKS, "another one leads after {took:?}");
        several.signal_scheduler(leader, Signal::SIGCONT);
        wait_until(PATIENCE, "it knows that it does not lead", || {
            (several.metric(leader, "ballast_scheduler_leads")? < 0.5).then_some(())
        });
        let before = rounds(&several, leader);
        std::thread::sleep(Duration::from_secs(3));
        assert_eq!(rounds(&several, leader), before);
        assert_eq!(several.leader(), Some(next));

        // It ends in order: the next one leads at once.
        let begun = Instant::now();
        several.schedulers[next].take().expect("it runs").stop()?;
        let last = wait_until(PATIENCE, "the next one leads", || several.leader());
        assert!(last != next && begun.elapsed() < LOOKS, "{:?}", begun.elapsed());
        wait_until(PATIENCE, "all are ACTIVE", || all_active(&rest, 12));
        Ok(())
    });
}
