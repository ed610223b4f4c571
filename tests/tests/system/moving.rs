//! What goes along with a load balancer that moves: clients keep their members, and counters go on.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::collections::BTreeMap;

use ballast_lab::{Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    site::{Plan, Site},
};
use serde_json::json;

const CLIENTS: u8 = 12;

struct Story {
    site: Site,
    pool: String,
    address: String,
    listener: String,
    /// Connections that clients have made, each for one request.
    made: u64,
}

impl Story {
    /// A load balancer that remembers its clients by their addresses, of which the client's host has many.
    fn begin(site: Site) -> Self {
        let pool = site.make_pool("web");
        site.add_members(&pool);
        let vip = json!({"vip": {
            "name": "vip", "protocol": "HTTP", "protocol_port": 80, "subnet_id": site.subnet_id, "pool_id": pool,
            "session_persistence": {"type": "SOURCE_IP"}
        }});
        let vip = site.rest.create("/v2.0/lb/vips", &vip);
        let address = vip.object()["address"].as_str().unwrap_or_default().to_owned();
        for number in 0..CLIENTS {
            let own = format!("10.20.0.{}/24", 220 + number);
            site.client.output("ip", ["addr", "add", &own, "dev", "eth0"]).unwrap();
        }
        let story = Self { listener: vip.id(), site, pool, address, made: 0 };
        story.settle();
        story
    }

    fn settle(&self) {
        self.site.settle(&self.pool);
        self.site.wait_for_status(&format!("/v2.0/lb/vips/{}", self.listener), "ACTIVE");
    }

    /// The host that runs it.
    fn runs_on(&self) -> usize {
        let runs = |host: &usize| self.site.haproxies(*host).len() == 1;
        wait_until(PATIENCE, "one host with the haproxy", || {
            let hosts: Vec<usize> = (0..2).filter(runs).collect();
            <[usize; 1]>::try_from(hosts).ok().map(|[host]| host)
        })
    }

    /// The member of each client, asked in this order.
    fn members_of(&mut self, clients: &[String]) -> BTreeMap<String, String> {
        let url = format!("http://{}/", self.address);
        let ask = |client: &String| {
            let said = self.site.client.output("curl", ["-sf", "-m", "5", "--interface", client, &url]);
            (client.clone(), said.unwrap().trim().to_owned())
        };
        let members: BTreeMap<String, String> = clients.iter().map(ask).collect();
        self.made += u64::try_from(clients.len()).unwrap();
        members
    }

    /// What is shown of the load balancer, of its listener, of its pool, and of all members together.
    fn connections(&self) -> Option<[u64; 4]> {
        let shown = |path: String| {
            let stats = self.site.rest.try_call("GET", &path, None)?;
            stats.object()["total_connections"].as_u64()
        };
        let pool = format!("/v2/lbaas/pools/{}", self.pool);
        let listed = self.site.rest.try_call("GET", &format!("{pool}/members"), None)?;
        let ids = listed.body["members"].as_array()?.iter().filter_map(|member| member["id"].as_str());
        let members = ids.map(|id| shown(format!("{pool}/members/{id}/stats"))).sum::<Option<u64>>()?;
        let whole = shown(format!("/v2/lbaas/loadbalancers/{}/stats", self.pool))?;
        let listener = shown(format!("/v2/lbaas/listeners/{}/stats", self.listener))?;
        Some([whole, listener, shown(format!("{pool}/stats"))?, members])
    }

    /// Connections in all the steps of the last ten minutes that are over.
    fn of_late(&self) -> Option<u64> {
        let path = format!("/ballast/v1/loadbalancers/{}/traffic", self.pool);
        let told = self.site.rest.try_call("GET", &path, None)?;
        let points = told.body["traffic"]["points"].as_array()?.iter();
        points.map(|point| point["new_connections"].as_u64()).sum()
    }

    /// Waits until what is shown is what clients have made, and never goes back from `least` on or beyond that.
    fn shows_all(&self, least: u64) {
        let mut before = [least; 4];
        wait_until(PATIENCE, &format!("{} connections", self.made), || {
            let now = self.connections()?;
            for (now, before) in now.iter().zip(before) {
                assert!((before..=self.made).contains(now), "{now} after {before}, and {} were made", self.made);
            }
            before = now;
            (now == [self.made; 4]).then_some(())
        });
    }
}

/// In an order in which members that take turns would serve others.
fn grouped(had: &BTreeMap<String, String>) -> Vec<String> {
    let mut clients: Vec<String> = had.keys().cloned().collect();
    clients.sort_by_key(|client| had[client].clone());
    clients
}

#[test]
fn clients_keep_their_members_and_counters_go_on_over_a_failover_and_counters_over_a_host_that_dies() {
    let test = "clients_keep_their_members_and_counters_go_on_over_a_failover_and_counters_over_a_host_that_dies";
    if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let plan = Plan { agents: 2, webs: 3, liveness: (500, 1_500, 3_000), ..Plan::default() };
        let mut story = Story::begin(Site::start(lab, &plan)?);
        let clients: Vec<String> = (0..CLIENTS).map(|number| format!("10.20.0.{}", 220 + number)).collect();
        let first = story.runs_on();
        let had = story.members_of(&clients);
        assert_eq!(had.values().collect::<std::collections::BTreeSet<_>>().len(), 3, "{had:?}");
        // The last of them are not told yet: what the old host has counted in the end is added.
        let path = format!("/v2/lbaas/loadbalancers/{}/failover", story.pool);
        let reply = story.site.rest.call("PUT", &path, None);
        assert_eq!(reply.status, 202, "{reply}");
        wait_until(PATIENCE, "it runs on the other host", || (story.runs_on() != first).then_some(()));
        story.settle();
        story.shows_all(0);
        assert_eq!(story.members_of(&grouped(&had)), had);
        let told = story.made - u64::from(CLIENTS);
        story.shows_all(told);

        let second = story.runs_on();
        story.site.kill_agent(second);
        for pid in story.site.haproxies(second) {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL)?;
        }
        wait_until(PATIENCE, "it runs on the first host again", || {
            (story.site.haproxies(first).len() == 1).then_some(())
        });
        story.settle();
        let told = story.made;
        story.shows_all(told);
        // Nobody was left to say who had which member.
        story.members_of(&clients);
        story.shows_all(told);
        // What comes now is of late, as it is known where counting began; and all of that is no more than there was.
        story.members_of(&clients);
        wait_until(PATIENCE, "what was counted of late", || {
            let of_late = story.of_late()?;
            assert!(of_late <= story.made, "{of_late} of {}", story.made);
            (of_late >= u64::from(CLIENTS)).then_some(())
        });
        Ok(())
    });
}
