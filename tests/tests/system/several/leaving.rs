//! Who has a scheduler that dies or hangs goes to another one.

use std::time::{Duration, Instant};

use ballast_lab::{Signal, in_lab, wait_until};
use ballast_tests::{PATIENCE, rest::Rest, several::Several};
use serde_json::json;

use super::{has_session, server, sessions, shape, url};

/// Pings every second, two seconds for the answer, and the call itself.
const LEFT: Duration = Duration::from_secs(5);
/// Pings every two seconds, four seconds for the answer, and the session with another one.
const LEFT_BY_AGENT: Duration = Duration::from_secs(10);

fn network(rest: &Rest, name: &str) -> u16 {
    rest.call("POST", "/v2.0/networks", Some(&json!({"network": {"name": name}}))).status
}

/// All that is asked for is answered, read and written.
fn all_is_well(rest: &Rest, name: &str) {
    for number in 0..20 {
        assert_eq!(rest.call("GET", "/v2.0/networks", None).status, 200, "{name} {number}");
        assert_eq!(network(rest, &format!("{name}-{number}")), 201, "{name} {number}");
    }
}

fn subnet(rest: &Rest) -> String {
    let network = rest.create("/v2.0/networks", &json!({"network": {"name": "n"}})).id();
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.9.0.0/16"}});
    rest.create("/v2.0/subnets", &subnet).id()
}

/// How long a reader waits for the next answer.
fn answers_after(rest: &Rest) -> Duration {
    let begun = Instant::now();
    assert_eq!(rest.call("GET", "/v2.0/networks", None).status, 200);
    begun.elapsed()
}

/// A client that has a stream of events gets it again, from where it was, at the scheduler that is left.
fn events_since(several: &Several, cursor: &str) -> String {
    let path = format!("/ballast/v1/events?cursor={cursor}");
    several.rest(0).try_begin(&path, Duration::from_secs(3)).unwrap_or_default()
}

#[test]
fn gateways_and_agents_leave_a_scheduler_that_dies_or_hangs() {
    let test = "gateways_and_agents_leave_a_scheduler_that_dies_or_hangs";
    in_lab(|lab| {
        let Some(_server) = server(lab, test) else { return Ok(()) };
        let mut several = Several::start(lab, &shape(&url(&[5_501]), 3, 1));
        several.start_agent(0, 0);
        assert_eq!(has_session(&several, 0, 0, &[0]), 0);
        wait_until(PATIENCE, "the agent knows the others", || {
            several.logged("agent-0").contains("127.0.0.1:9702").then_some(())
        });
        let rest = several.rest(0);
        all_is_well(&rest, "before");
        let balancer = json!({"loadbalancer": {"name": "seen", "vip_subnet_id": subnet(&rest)}});
        let first =
            several.rest(0).try_begin("/ballast/v1/events?snapshot=1", Duration::from_secs(3)).unwrap_or_default();
        let cursor = first.lines().filter_map(|line| line.strip_prefix("id: ")).last().unwrap_or_default().to_owned();
        assert!(!cursor.is_empty(), "{first}");

        several.kill_scheduler(0);
        let waited = answers_after(&rest);
        assert!(waited < LEFT, "a dead one was left after {waited:?}");
        all_is_well(&rest, "dead");
        let _ = rest.create("/v2/lbaas/loadbalancers", &balancer);
        assert!(events_since(&several, &cursor).contains("event: change"), "a stream goes on at another scheduler");
        let second = has_session(&several, 0, 1, &[1, 2]);

        // It hangs: its connections stay, and nothing comes.
        let count = sessions(&several, "agent-0").len();
        let begun = Instant::now();
        several.signal_scheduler(second, Signal::SIGSTOP);
        let others: Vec<usize> = [1, 2].into_iter().filter(|one| *one != second).collect();
        // The gateway's own may be another one: each that hangs is left in time.
        let waited = answers_after(&rest);
        assert!(waited < LEFT, "one that hangs was left after {waited:?}");
        all_is_well(&rest, "hangs");
        has_session(&several, 0, count, &others);
        let waited = begun.elapsed();
        assert!(waited < LEFT_BY_AGENT, "the agent left one that hangs after {waited:?}");
        several.signal_scheduler(second, Signal::SIGCONT);

        // The only one of its configuration is gone: it remembers the others.
        let count = sessions(&several, "agent-0").len();
        several.agents[0].take().expect("it runs").kill()?;
        several.start_agent(0, 0);
        has_session(&several, 0, count, &[1, 2]);
        all_is_well(&rest, "after");
        Ok(())
    });
}
