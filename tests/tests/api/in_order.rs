//! Moves in order: the next agent makes a load balancer ready while the former one serves it, and that one finishes then.

use std::time::{Duration, Instant};

use ballast_proto::agent::{Desired, Remove, scheduler_message::Message};
use serde_json::json;

use crate::{
    played::{Agent, able_driver},
    services::{Services, vip},
};

/// Longer than it takes until the next step is made.
const A_WHILE: Duration = Duration::from_millis(1_500);
/// As it is configured.
const FINISH: u32 = 1_000;

async fn services() -> Services {
    Services::with(|settings| settings.failover.finish_ms = FINISH).await
}

/// A load balancer with an address, on the agent `a`, and the agent `b`.
struct Story {
    services: Services,
    a: Agent,
    b: Agent,
    id: String,
    epoch: u64,
}

fn is_silent(desired: &Desired) -> bool {
    desired.load_balancer.as_ref().is_some_and(|one| one.silent)
}

/// The next that it is told of load balancers.
async fn told(agent: &mut Agent) -> Message {
    loop {
        match agent.next().await {
            Message::SnapshotDone(_) | Message::Schedulers(_) | Message::Heard(_) => {}
            other => return other,
        }
    }
}

async fn removal(agent: &mut Agent) -> Remove {
    match told(agent).await {
        Message::Remove(removal) => removal,
        other => panic!("not Remove: {other:?}"),
    }
}

/// The next of this kind; what is silent and comes before one that is not is deployed.
async fn desired(agent: &mut Agent, silent: bool) -> Desired {
    loop {
        match told(agent).await {
            Message::Desired(desired) if is_silent(&desired) == silent => return desired,
            Message::Desired(desired) if is_silent(&desired) => agent.deployed(&desired).await,
            other => panic!("not Desired: {other:?}"),
        }
    }
}

async fn is_left_alone(agent: &mut Agent) -> bool {
    tokio::time::timeout(A_WHILE, told(agent)).await.is_err()
}

impl Story {
    async fn begin() -> Self {
        let services = services().await;
        let mut a = Agent::in_order(&services.channel, "a").await;
        let subnet = services.subnet().await;
        let id = services.pool(&subnet).await;
        a.desired().await;
        services.create("/v2.0/lb/vips", vip(&subnet, &id)).await;
        let first = a.desired().await;
        a.deployed(&first).await;
        services.settled(&format!("/v2.0/lb/pools/{id}"), "ACTIVE").await;
        let mut b = Agent::in_order(&services.channel, "b").await;
        b.snapshot().await;
        Self { services, a, b, id, epoch: first.epoch }
    }

    async fn switch_a_off(&self) {
        let body = json!({ "agent": { "admin_state_up": false } });
        let reply = self.services.call("PUT", &format!("/v2.0/agents/{}", self.a.id), Some(body)).await;
        assert_eq!(reply.status, 200, "{reply}");
    }

    async fn settled(&self, status: &str) {
        self.services.settled(&format!("/v2.0/lb/pools/{}", self.id), status).await;
    }

    async fn status(&self) -> String {
        let shown = self.services.get(&format!("/v2.0/lb/pools/{}", self.id)).await;
        shown["pool"]["status"].as_str().unwrap_or_default().to_owned()
    }

    async fn host(&self) -> String {
        let shown = self.services.get(&format!("/v2.0/lb/pools/{}/loadbalancer-agent", self.id)).await;
        shown["agent"]["host"].as_str().unwrap_or_default().to_owned()
    }

    /// From when it is ready on.
    async fn ends_at_b(&mut self, ready: &Desired) {
        self.b.deployed(ready).await;
        let removal = removal(&mut self.a).await;
        assert_eq!((removal.epoch, removal.finish_milliseconds), (self.epoch, FINISH));
        self.settled("PENDING_UPDATE").await;
        self.a.removed(&self.id, removal.epoch).await;
        let last = desired(&mut self.b, false).await;
        assert_eq!((last.epoch, last.contested), (self.epoch + 1, false));
        self.b.deployed(&last).await;
        self.settled("ACTIVE").await;
        assert_eq!(self.host().await, "b");
    }
}

#[tokio::test]
async fn one_serves_on_until_another_is_ready_and_then_finishes_before_that_one_answers() {
    let mut story = Story::begin().await;
    story.switch_a_off().await;
    let ready = desired(&mut story.b, true).await;
    assert_eq!((ready.epoch, ready.load_balancer.as_ref().unwrap().vip.is_some()), (story.epoch + 1, true));
    assert!(is_left_alone(&mut story.a).await, "nobody is ready yet");
    assert_eq!((story.status().await.as_str(), story.host().await.as_str()), ("ACTIVE", "a"));

    let change = json!({"pool": {"name": "changed meanwhile"}});
    let reply = story.services.call("PUT", &format!("/v2.0/lb/pools/{}", story.id), Some(change)).await;
    assert_eq!(reply.status, 200, "{reply}");
    let changed = desired(&mut story.a, false).await;
    assert_eq!(changed.epoch, story.epoch, "who serves it hears of the change");
    story.a.deployed(&changed).await;
    story.settled("ACTIVE").await;

    story.b.deployed(&ready).await;
    let removal = removal(&mut story.a).await;
    assert_eq!((removal.epoch, removal.finish_milliseconds), (story.epoch, FINISH));
    story.settled("PENDING_UPDATE").await;
    let again = desired(&mut story.b, true).await;
    assert_eq!(again.generation, changed.generation, "it is made ready as it is by now");
    story.b.deployed(&again).await;
    assert_eq!(story.status().await, "PENDING_UPDATE", "nobody answers yet");
    story.a.removed(&story.id, removal.epoch).await;
    let last = desired(&mut story.b, false).await;
    assert_eq!((last.epoch, last.generation, last.contested), (story.epoch + 1, changed.generation, false));
    story.b.deployed(&last).await;
    story.settled("ACTIVE").await;
    assert_eq!(story.host().await, "b");
    assert!(is_left_alone(&mut story.a).await && is_left_alone(&mut story.b).await);
}

#[tokio::test]
async fn where_the_next_one_fails_nothing_is_lost_and_another_is_tried() {
    let mut story = Story::begin().await;
    story.switch_a_off().await;
    let failing = desired(&mut story.b, true).await;
    let mut c = Agent::in_order(&story.services.channel, "c").await;
    story.b.outcome(&failing, Some("no room")).await;
    let removed = removal(&mut story.b).await;
    assert_eq!((removed.epoch, removed.finish_milliseconds), (failing.epoch, 0));
    story.b.removed(&story.id, removed.epoch).await;
    assert_eq!((story.status().await.as_str(), story.host().await.as_str()), ("ACTIVE", "a"));
    let ready = desired(&mut c, true).await;
    assert!(is_left_alone(&mut story.a).await && is_left_alone(&mut story.b).await);
    std::mem::swap(&mut story.b, &mut c);
    story.b.deployed(&ready).await;
    let removal = removal(&mut story.a).await;
    story.a.removed(&story.id, removal.epoch).await;
    let last = desired(&mut story.b, false).await;
    story.b.deployed(&last).await;
    story.settled("ACTIVE").await;
    assert_eq!(story.host().await, "c");
}

#[tokio::test]
async fn who_does_not_let_go_is_not_waited_for_longer_than_he_may_finish_and_two_seconds() {
    let mut story = Story::begin().await;
    story.switch_a_off().await;
    let ready = desired(&mut story.b, true).await;
    let begin = Instant::now();
    story.b.deployed(&ready).await;
    removal(&mut story.a).await;
    let last = desired(&mut story.b, false).await;
    let took = begin.elapsed();
    assert!(last.contested, "the former one may answer still");
    assert!(took >= Duration::from_millis(2_900) && took < Duration::from_secs(6), "{took:?}");
}

#[tokio::test]
async fn a_scheduler_that_dies_between_any_two_steps_leaves_the_next_to_another() {
    let mut story = Story::begin().await;
    story.switch_a_off().await;
    desired(&mut story.b, true).await;

    story.services.kill();
    story.services.start_scheduler_again().await;
    story.a = Agent::in_order(&story.services.channel, "a").await;
    let served = desired(&mut story.a, false).await;
    assert_eq!(served.epoch, story.epoch);
    story.a.deployed(&served).await;
    story.b = Agent::in_order(&story.services.channel, "b").await;
    let ready = desired(&mut story.b, true).await;
    story.b.deployed(&ready).await;
    removal(&mut story.a).await;

    story.services.kill();
    story.services.start_scheduler_again().await;
    story.b = Agent::in_order(&story.services.channel, "b").await;
    let again = desired(&mut story.b, true).await;
    assert_eq!(again.epoch, story.epoch + 1, "the former one has not let go yet");
    story.a = Agent::in_order(&story.services.channel, "a").await;
    let removal = removal(&mut story.a).await;
    assert_eq!((removal.epoch, removal.finish_milliseconds), (story.epoch, FINISH));
    story.a.removed(&story.id, removal.epoch).await;
    let last = desired(&mut story.b, false).await;

    story.services.kill();
    story.services.start_scheduler_again().await;
    story.a = Agent::in_order(&story.services.channel, "a").await;
    story.b = Agent::in_order(&story.services.channel, "b").await;
    let again = desired(&mut story.b, false).await;
    assert_eq!((again.epoch, again.generation), (last.epoch, last.generation));
    story.b.deployed(&again).await;
    story.settled("ACTIVE").await;
    assert_eq!(story.host().await, "b");
}

#[tokio::test]
async fn one_that_is_asked_to_move_does_so_in_order_and_says_that_it_does() {
    let mut story = Story::begin().await;
    let path = format!("/v2/lbaas/loadbalancers/{}/failover", story.id);
    let reply = story.services.call("PUT", &path, None).await;
    assert_eq!(reply.status, 202, "{reply}");
    story.settled("PENDING_UPDATE").await;
    let ready = desired(&mut story.b, true).await;
    assert!(is_left_alone(&mut story.a).await);
    assert_eq!(story.status().await, "PENDING_UPDATE", "it is not there yet");
    story.ends_at_b(&ready).await;
}

#[tokio::test]
async fn one_that_was_asked_to_move_and_cannot_is_deployed_again_where_it_is() {
    let mut story = Story::begin().await;
    let path = format!("/v2/lbaas/loadbalancers/{}/failover", story.id);
    story.services.call("PUT", &path, None).await;
    let failing = desired(&mut story.b, true).await;
    story.b.outcome(&failing, Some("no room")).await;
    let again = desired(&mut story.a, false).await;
    assert_eq!(again.epoch, story.epoch);
    story.a.deployed(&again).await;
    story.settled("ACTIVE").await;
    assert_eq!(story.host().await, "a");
}

#[tokio::test]
async fn one_that_is_deleted_in_the_middle_is_let_go_of_by_both() {
    let mut story = Story::begin().await;
    story.switch_a_off().await;
    let ready = desired(&mut story.b, true).await;
    let path = format!("/v2/lbaas/loadbalancers/{}?cascade=true", story.id);
    let reply = story.services.call("DELETE", &path, None).await;
    assert_eq!(reply.status, 204, "{reply}");
    assert_eq!(removal(&mut story.a).await.finish_milliseconds, 0);
    assert_eq!(removal(&mut story.b).await.epoch, ready.epoch);
}

#[tokio::test]
async fn who_dies_before_another_is_ready_is_followed_by_that_one() {
    let mut story = Story::begin().await;
    story.switch_a_off().await;
    desired(&mut story.b, true).await;
    // Half of what it takes until one is Dead, twice: one of the two is heard of in between.
    story.services.pass(11);
    story.b.heartbeat(vec![able_driver()]).await;
    tokio::time::sleep(Duration::from_millis(300)).await;
    story.services.pass(11);
    story.b.heartbeat(vec![able_driver()]).await;
    let last = desired(&mut story.b, false).await;
    assert_eq!((last.epoch, last.contested), (story.epoch + 1, true));
}
