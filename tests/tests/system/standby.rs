//! A load balancer on two hosts, with haproxy and the agents as they are: who answers when a host is gone, with schedulers and without,
//! what a swap costs, and what is left.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    thread,
    time::{Duration, Instant},
};

use ballast_lab::{Lab, Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::{Value, json};

/// Dead after so long, in milliseconds.
const DEAD: u32 = 3_000;
/// Who was active is gone, and the other one answers: what may be in between.
const GAP: Duration = Duration::from_millis(1_500);

/// Whoever is cut off has heard of others by then.
const SETTLED: Duration = Duration::from_secs(8);
/// Longer than a side that has let go waits until it looks whether the address is free.
const WATCHED: Duration = Duration::from_secs(13);

/// So many hosts, and one load balancer on two of them.
struct Story {
    site: Site,
    id: String,
    address: String,
}

impl Story {
    fn begin(lab: &Lab, agents: usize) -> Self {
        let liveness = (500, 1_500, DEAD);
        let site = Site::start(lab, &Plan { agents, webs: 2, liveness, ..Plan::default() }).unwrap();
        site.wait_for_agents(agents);
        let data = json!({ "loadbalancer_topology": "ACTIVE_STANDBY" }).to_string();
        let profile = json!({ "flavorprofile": { "name": "two", "provider_name": "haproxy", "flavor_data": data } });
        let profile = site.rest.create("/v2.0/lbaas/flavorprofiles", &profile).id();
        let flavor = json!({ "flavor": { "name": "two", "flavor_profile_id": profile } });
        let flavor = site.rest.create("/v2.0/lbaas/flavors", &flavor).id();
        let members: Vec<Value> = site
            .webs
            .iter()
            .map(|web| json!({ "address": web.address().ip().to_string(), "protocol_port": web.address().port() }))
            .collect();
        let one = json!({ "loadbalancer": {
            "name": "web", "vip_subnet_id": site.subnet_id, "flavor_id": flavor,
            "listeners": [{ "name": "web", "protocol": "HTTP", "protocol_port": 80, "default_pool": { "name": "web" } }],
            "pools": [{ "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members }]
        } });
        let made = site.rest.create("/v2.0/lbaas/loadbalancers", &one);
        let address = made.object()["vip_address"].as_str().unwrap().to_owned();
        let story = Self { id: made.id(), address, site };
        wait_until(PATIENCE, "traffic", || story.site.ask(&story.address));
        story.is_paired();
        story
    }

    fn sides(&self) -> Option<Value> {
        let path = format!("/ballast/v1/loadbalancers/{}/sides", self.id);
        self.site.rest.try_call("GET", &path, None).map(|reply| reply.body["sides"].clone())
    }

    /// Waits until there are two sides that hear each other.
    fn is_paired(&self) -> Value {
        wait_until(PATIENCE, "two sides that hear each other", || {
            let sides = self.sides()?;
            let hears = |side: &Value| sides[side.as_str().unwrap_or_default()]["peer_heard"] == true;
            let is_whole = ["active", "standby"].iter().all(|side| hears(&json!(side)));
            (is_whole && sides["active"]["answers"] == true && sides["standby"]["deployed"] == true).then_some(sides)
        })
    }

    /// The agent of a side.
    fn agent(&self, sides: &Value, side: &str) -> usize {
        self.site.agents.iter().position(|agent| sides[side]["host"] == agent.name.as_str()).unwrap()
    }

    /// Whether the VIP is on a link of this host.
    fn has_vip(&self, agent: usize) -> bool {
        let namespace = format!("qlbaas-{}", self.id);
        let host = &self.site.agents[agent].host;
        let shown = host.output("ip", ["netns", "exec", &namespace, "ip", "-br", "address"]);
        // After a swap the side that answered has it on "lo" for a while, where it says so to nobody.
        let is_there = |line: &str| !line.starts_with("lo") && line.contains(&format!("{}/32", self.address));
        shown.is_ok_and(|shown| shown.lines().any(is_there))
    }

    /// What remains of a host that was switched off: nothing that runs.
    fn switch_off(&mut self, agent: usize) {
        self.site.kill_agent(agent);
        let remains = self.site.agents[agent].host.remains().unwrap();
        for process in &remains.processes {
            // One may have ended with another.
            let _ = nix::sys::signal::kill(nix::unistd::Pid::from_raw(process.pid), Signal::SIGKILL);
        }
        let host = &self.site.agents[agent].host;
        let listed = host.output("ip", ["netns", "list"]).unwrap();
        for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
            host.output("ip", ["netns", "delete", name]).unwrap();
        }
    }

    /// How long nobody answers from now on.
    fn gap(&self) -> Duration {
        let begin = Instant::now();
        wait_until(PATIENCE, "an answer", || self.quickly());
        begin.elapsed()
    }

    /// One request that does not wait for long.
    fn quickly(&self) -> Option<()> {
        let url = format!("http://{}/", self.address);
        self.site.client.output("curl", ["-sf", "--max-time", "0.2", &url]).ok().map(drop)
    }
}

fn tools(test: &str) -> bool {
    ["haproxy", "curl"].iter().all(|tool| require_tool(tool, test))
}

#[test]
fn traffic_flows_through_one_of_two_hosts_and_nothing_is_left_on_either_when_it_is_deleted() {
    if !tools("traffic_flows_through_one_of_two_hosts_and_nothing_is_left_on_either_when_it_is_deleted") {
        return;
    }
    in_lab(|lab| {
        let story = Story::begin(lab, 2);
        let sides = story.is_paired();
        let (active, standby) = (story.agent(&sides, "active"), story.agent(&sides, "standby"));
        assert!(story.has_vip(active) && !story.has_vip(standby));
        for agent in [active, standby] {
            assert_eq!(story.site.haproxies(agent).len(), 1, "all of it runs on both");
        }
        let path = format!("/v2.0/lbaas/loadbalancers/{}?cascade=true", story.id);
        assert_eq!(story.site.rest.call("DELETE", &path, None).status, 204);
        for agent in [active, standby] {
            story.site.wait_until_clean(agent);
        }
        Ok(())
    });
}

#[test]
fn without_a_scheduler_the_standby_answers_when_the_host_of_the_active_side_is_gone() {
    if !tools("without_a_scheduler_the_standby_answers_when_the_host_of_the_active_side_is_gone") {
        return;
    }
    in_lab(|lab| {
        let mut story = Story::begin(lab, 2);
        let sides = story.is_paired();
        let (active, standby) = (story.agent(&sides, "active"), story.agent(&sides, "standby"));
        story.site.scheduler.take().unwrap().kill()?;
        story.switch_off(active);
        let gap = story.gap();
        assert!(gap < GAP, "nobody answered for {gap:?}");
        assert!(story.has_vip(standby));
        Ok(())
    });
}

#[test]
fn with_one_the_api_says_who_answers_and_a_third_host_gets_the_standby() {
    if !tools("with_one_the_api_says_who_answers_and_a_third_host_gets_the_standby") {
        return;
    }
    in_lab(|lab| {
        let mut story = Story::begin(lab, 3);
        let before = story.is_paired();
        let active = story.agent(&before, "active");
        story.switch_off(active);
        let gap = story.gap();
        assert!(gap < GAP, "nobody answered for {gap:?}");
        wait_until(Duration::from_secs(2), "the API has the new active side", || {
            (story.sides()?["active"]["host"] == before["standby"]["host"]).then_some(())
        });
        wait_until(PATIENCE, "a new standby", || {
            let now = story.sides()?;
            let host = &now["standby"]["host"];
            (host.is_string() && *host != before["active"]["host"] && *host != before["standby"]["host"]).then_some(())
        });
        story.is_paired();
        assert!(story.quickly().is_some());
        Ok(())
    });
}

#[test]
fn a_failover_in_order_under_load_fails_no_request() {
    if !tools("a_failover_in_order_under_load_fails_no_request") {
        return;
    }
    in_lab(|lab| {
        let story = Story::begin(lab, 2);
        let before = story.is_paired();
        let path = format!("/v2.0/lbaas/loadbalancers/{}/failover", story.id);
        let (mut failed, mut asked) = (0, 0);
        let begin = Instant::now();
        let mut is_ordered = false;
        // A busy machine asks slowly.
        while begin.elapsed() < Duration::from_secs(4) || asked <= 50 {
            if !is_ordered && begin.elapsed() > Duration::from_secs(1) {
                is_ordered = true;
                assert_eq!(story.site.rest.call("PUT", &path, None).status, 202);
            }
            asked += 1;
            // Who connects in between asks again after TCP's second.
            failed += usize::from(story.site.ask(&story.address).is_none());
            thread::sleep(Duration::from_millis(5));
        }
        assert!(is_ordered);
        assert_eq!(failed, 0, "of {asked}");
        let after = story.is_paired();
        assert_eq!(after["active"]["host"], before["standby"]["host"]);
        assert!(after["term"].as_u64() > before["term"].as_u64());
        Ok(())
    });
}

/// Hosts of these sides live, and their wardens: their agents alone are gone. What they had is elsewhere then, and they let go
/// for as long as somebody else answers, though they hear nobody who tells them so.
fn agents_alone_are_gone(lab: &Lab, gone: &[&str]) {
    let mut story = Story::begin(lab, 2 + gone.len());
    let before = story.is_paired();
    let gone: Vec<usize> = gone.iter().map(|side| story.agent(&before, side)).collect();
    for agent in &gone {
        story.site.kill_agent(*agent);
    }
    let is_elsewhere = |sides: &Value| {
        let names: Vec<&str> = gone.iter().map(|agent| story.site.agents[*agent].name.as_str()).collect();
        ["active", "standby"].iter().all(|side| sides[side]["host"].as_str().is_some_and(|host| !names.contains(&host)))
    };
    wait_until(PATIENCE, "both sides elsewhere", || story.sides().filter(is_elsewhere));
    let now = story.is_paired();
    let active = story.agent(&now, "active");
    // Whoever is cut off may take it once more before it hears of others.
    thread::sleep(SETTLED);
    let begin = Instant::now();
    while begin.elapsed() < WATCHED {
        assert!(story.site.ask(&story.address).is_some(), "after {:?}", begin.elapsed());
        let having: Vec<usize> = (0..story.site.agents.len()).filter(|agent| story.has_vip(*agent)).collect();
        assert_eq!(having, [active], "after {:?}", begin.elapsed());
        thread::sleep(Duration::from_millis(50));
    }
    for agent in &gone {
        story.site.start_agent(*agent);
    }
    for agent in gone {
        story.site.wait_until_clean(agent);
    }
    assert!(story.site.ask(&story.address).is_some());
}

#[test]
fn a_side_whose_agent_is_gone_lets_go_for_as_long_as_others_answer() {
    if tools("a_side_whose_agent_is_gone_lets_go_for_as_long_as_others_answer") {
        in_lab(|lab| {
            agents_alone_are_gone(lab, &["active"]);
            Ok(())
        });
    }
}

#[test]
fn both_sides_whose_agents_are_gone_let_go_for_as_long_as_others_answer() {
    if tools("both_sides_whose_agents_are_gone_let_go_for_as_long_as_others_answer") {
        in_lab(|lab| {
            agents_alone_are_gone(lab, &["active", "standby"]);
            Ok(())
        });
    }
}
