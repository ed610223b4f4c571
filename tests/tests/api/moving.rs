//! What goes along with a load balancer that moves: what its former agent hands over, and its counters.

use std::time::Duration;

use ballast_proto::{
    agent::{
        Desired, Handover, ListenerStatistics, LoadBalancerStatistics, Removed, StatisticsReport, agent_message,
        scheduler_message::Message,
    },
    driver::{MemberStatistics, PoolStatistics, Statistics},
};
use serde_json::{Value, json};

use crate::{
    played::{Agent, ready_driver},
    services::{PATIENCE, Services, vip},
};

/// Longer than a load balancer waits for its former agent.
const WAITED: Duration = Duration::from_secs(2);

/// A load balancer that an agent runs, and another agent. Its pool has the load balancer's id.
struct Story {
    services: Services,
    one: Agent,
    two: Agent,
    id: String,
    listener: String,
    member: String,
    first: Desired,
}

fn counted(bytes_in: u64) -> Statistics {
    Statistics { bytes_in, total_connections: bytes_in / 10, ..Statistics::default() }
}

impl Story {
    /// With clients that are remembered in this way; null: not.
    async fn begin(persistence: Value) -> Self {
        let services = Services::start().await;
        let mut one = Agent::connect(&services.channel, "one", "1").await.unwrap();
        let subnet = services.subnet().await;
        let id = services.pool(&subnet).await;
        one.desired().await;
        let mut body = vip(&subnet, &id);
        if !persistence.is_null() {
            body["vip"]["session_persistence"] = persistence;
        }
        let listener = services.create("/v2.0/lb/vips", body).await.id();
        one.desired().await;
        let member = json!({"member": {"pool_id": id, "address": "10.0.0.3", "protocol_port": 80}});
        let member = services.create("/v2.0/lb/members", member).await.id();
        let first = one.desired().await;
        one.deployed(&first).await;
        services.settled(&format!("/v2.0/lb/vips/{listener}"), "ACTIVE").await;
        let mut two = Agent::connect(&services.channel, "two", "1").await.unwrap();
        two.snapshot().await;
        Self { services, one, two, id, listener, member, first }
    }

    async fn fail_over(&self) {
        let path = format!("/v2/lbaas/loadbalancers/{}/failover", self.id);
        let reply = self.services.call("PUT", &path, None).await;
        assert_eq!(reply.status, 202, "{reply}");
    }

    async fn count(&self, agent: &Agent, epoch: u64, bytes_in: u64) {
        let (load_balancer_id, statistics) = (self.id.clone(), Some(counted(bytes_in)));
        let listeners = vec![ListenerStatistics { listener_id: self.listener.clone(), statistics }];
        let pools = self.pools(bytes_in);
        let one = LoadBalancerStatistics { load_balancer_id, epoch, statistics, listeners, pools };
        agent.say(agent_message::Message::Statistics(StatisticsReport { load_balancers: vec![one] })).await;
    }

    /// And of a pool and a member that are another load balancer's, or nobody's: what is said of those counts for nothing.
    fn pools(&self, bytes_in: u64) -> Vec<PoolStatistics> {
        let statistics = Some(counted(bytes_in));
        let member = |member_id: &str| MemberStatistics { member_id: member_id.to_owned(), statistics };
        let stranger = "00000000-0000-4000-8000-000000000001";
        let members = vec![member(&self.member), member(stranger), member("none")];
        let own = PoolStatistics { pool_id: self.id.clone(), statistics, members };
        vec![own, PoolStatistics { pool_id: stranger.to_owned(), statistics, members: Vec::new() }]
    }

    /// The load balancer, its listener, its pool and its member have so many bytes; they had no more and no less than `least`
    /// before.
    async fn shows(&self, least: u64, bytes_in: u64) {
        let Self { id, listener, member, .. } = self;
        for path in [
            format!("loadbalancers/{id}"),
            format!("listeners/{listener}"),
            format!("pools/{id}"),
            format!("pools/{id}/members/{member}"),
        ] {
            let shown = async {
                loop {
                    let stats = &self.services.get(&format!("/v2/lbaas/{path}/stats")).await["stats"];
                    let now = stats["bytes_in"].as_u64().unwrap();
                    assert!((least..=bytes_in).contains(&now), "{path}: {now} is not within {least} and {bytes_in}");
                    if now == bytes_in {
                        assert_eq!(stats["total_connections"], json!(bytes_in / 10));
                        return;
                    }
                }
            };
            tokio::time::timeout(PATIENCE, shown).await.unwrap_or_else(|_| panic!("{path} never has {bytes_in}"));
        }
    }

    async fn removal(agent: &mut Agent) -> u64 {
        loop {
            if let Message::Remove(removal) = agent.next().await {
                return removal.epoch;
            }
        }
    }

    /// What an agent says that has let go of it, with clients to hand over.
    fn left(&self, epoch: u64, bytes_in: u64) -> Removed {
        let (load_balancer_id, statistics) = (self.id.clone(), Some(counted(bytes_in)));
        let listeners = vec![ListenerStatistics { listener_id: self.listener.clone(), statistics }];
        let handover = Some(Handover { driver: ready_driver().name, content: b"clients".to_vec() });
        let pools = self.pools(bytes_in);
        Removed {
            load_balancer_id,
            epoch,
            statistics,
            listeners,
            handover,
            kept: false,
            pools,
            traceparent: String::new(),
        }
    }

    async fn change(&self, name: &str) {
        let path = format!("/v2.0/lb/pools/{}", self.id);
        let reply = self.services.call("PUT", &path, Some(json!({"pool": {"name": name}}))).await;
        assert_eq!(reply.status, 200, "{reply}");
    }
}

async fn says(agent: &Agent, removed: Removed) {
    agent.say(agent_message::Message::Removed(removed)).await;
}

#[tokio::test]
async fn what_a_former_agent_hands_over_goes_to_the_next_and_its_last_counters_are_added() {
    let mut story = Story::begin(json!({"type": "SOURCE_IP"})).await;
    story.count(&story.one, story.first.epoch, 100).await;
    story.shows(0, 100).await;
    story.fail_over().await;
    let epoch = Story::removal(&mut story.one).await;
    let early = tokio::time::timeout(Duration::from_millis(300), story.two.desired()).await;
    assert!(early.is_err(), "it is sent before what it takes along");
    says(&story.one, story.left(epoch, 120)).await;
    let second = story.two.desired().await;
    let handover = second.handover.clone().unwrap();
    assert_eq!((handover.driver, handover.content), (ready_driver().name, b"clients".to_vec()));
    story.shows(100, 120).await;
    // It comes again until it was deployed, and not after that.
    story.change("other").await;
    assert!(story.two.desired().await.handover.is_some());
    story.two.deployed(&second).await;
    story.services.settled(&format!("/v2.0/lb/vips/{}", story.listener), "ACTIVE").await;
    story.change("another").await;
    assert_eq!(story.two.desired().await.handover, None);
    story.count(&story.two, second.epoch, 10).await;
    story.shows(120, 130).await;
    // Said again it is no news.
    says(&story.one, story.left(epoch, 500)).await;
    story.count(&story.two, second.epoch, 20).await;
    story.shows(130, 140).await;
}

#[tokio::test]
async fn a_former_agent_that_does_not_let_go_keeps_nobody_for_long_and_its_counters_are_added_when_it_does() {
    let mut story = Story::begin(json!({"type": "APP_COOKIE", "cookie_name": "SID"})).await;
    let _alive = story.one.stay_alive();
    story.count(&story.one, story.first.epoch, 100).await;
    story.shows(0, 100).await;
    let begun = tokio::time::Instant::now();
    story.fail_over().await;
    let epoch = Story::removal(&mut story.one).await;
    let second = story.two.desired().await;
    assert!(begun.elapsed() >= WAITED, "{:?}", begun.elapsed());
    assert_eq!((second.epoch, second.handover.clone()), (epoch + 1, None));
    story.two.deployed(&second).await;
    story.services.settled(&format!("/v2.0/lb/vips/{}", story.listener), "ACTIVE").await;
    story.count(&story.two, second.epoch, 10).await;
    story.shows(100, 110).await;
    says(&story.one, story.left(epoch, 150)).await;
    story.shows(110, 160).await;
    story.change("other").await;
    assert_eq!(story.two.desired().await.handover, None, "what the second one knows by now is newer");
}

#[tokio::test]
async fn what_remembers_no_client_waits_for_nobody() {
    for persistence in [Value::Null, json!({"type": "HTTP_COOKIE"})] {
        let mut story = Story::begin(persistence).await;
        let begun = tokio::time::Instant::now();
        story.fail_over().await;
        assert_eq!(story.two.desired().await.epoch, story.first.epoch + 1);
        assert!(begun.elapsed() < WAITED, "{:?}", begun.elapsed());
    }
}

#[tokio::test]
async fn what_comes_back_before_it_was_taken_away_is_counted_once() {
    let mut story = Story::begin(Value::Null).await;
    story.count(&story.one, story.first.epoch, 100).await;
    story.shows(0, 100).await;
    story.fail_over().await;
    let away = Story::removal(&mut story.one).await;
    let second = story.two.desired().await;
    story.two.deployed(&second).await;
    story.count(&story.two, second.epoch, 10).await;
    story.shows(100, 110).await;
    story.fail_over().await;
    let third = story.one.desired().await;
    let epoch = Story::removal(&mut story.two).await;
    says(&story.two, story.left(epoch, 15)).await;
    story.shows(110, 115).await;
    // Its counters were never taken away: they begin where they were.
    let kept = Removed { load_balancer_id: story.id.clone(), epoch: away, kept: true, ..Removed::default() };
    says(&story.one, kept).await;
    story.one.deployed(&third).await;
    story.count(&story.one, third.epoch, 130).await;
    story.shows(0, 145).await;
}

#[tokio::test]
async fn more_than_may_be_handed_over_is_left_out_and_the_removal_counts() {
    let mut story = Story::begin(json!({"type": "SOURCE_IP"})).await;
    story.fail_over().await;
    let epoch = Story::removal(&mut story.one).await;
    let mut left = story.left(epoch, 70);
    left.handover = Some(Handover { driver: ready_driver().name, content: vec![1; (1 << 20) + 1] });
    says(&story.one, left).await;
    assert_eq!(story.two.desired().await.handover, None);
    story.shows(0, 70).await;
}
