//! The agents of both sides are Dead at once: both get new places, and whoever comes back has nothing twice.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Arc, Mutex},
    time::Duration,
};

use ballast_proto::agent::{Desired, scheduler_message::Message};
use serde_json::Value;
use tokio::task::JoinHandle;

use super::{DEAD, agent_that_waits, are, create, flavor, number, sides, until};
use crate::{
    played::{Agent, able_driver},
    services::Services,
};

const HOSTS: [&str; 5] = ["a", "b", "c", "d", "e"];
/// Of load balancers: with five agents some have both sides on any two of them.
const MANY: usize = 24;

/// What a host runs.
type Running = Arc<Mutex<BTreeMap<String, Desired>>>;

/// An agent that does what it is told, says so every moment, and shows what it runs.
struct Host {
    name: &'static str,
    running: Running,
    task: JoinHandle<()>,
}

impl Host {
    async fn start(services: &Services, name: &'static str) -> Self {
        Self::with(services, name, Running::default()).await
    }

    /// With what it ran before.
    async fn with(services: &Services, name: &'static str, running: Running) -> Self {
        let agent = agent_that_waits(services, name).await;
        let task = tokio::spawn(obey(agent, Arc::clone(&running)));
        Self { name, running, task }
    }

    /// Nothing is heard of it any more; what it ran goes on.
    async fn falls_silent(self) -> Running {
        self.task.abort();
        let _aborted = self.task.await;
        self.running
    }

    fn runs(&self, id: &str) -> Option<Desired> {
        self.running.lock().unwrap().get(id).cloned()
    }
}

async fn obey(mut agent: Agent, running: Running) {
    let mut beats = tokio::time::interval(Duration::from_millis(100));
    loop {
        tokio::select! {
            _ = beats.tick() => agent.heartbeat(vec![able_driver()]).await,
            message = agent.told() => match message {
                Some(Message::Desired(desired)) => {
                    let id = desired.load_balancer.as_ref().unwrap().id.clone();
                    running.lock().unwrap().insert(id, desired.clone());
                    agent.deployed(&desired).await;
                }
                Some(Message::Remove(removal)) => {
                    running.lock().unwrap().remove(&removal.load_balancer_id);
                    agent.removed(&removal.load_balancer_id, removal.epoch).await;
                }
                Some(_) => {}
                None => return,
            }
        }
    }
}

/// The hosts of the active side and of the standby.
fn hosts(sides: &Value) -> [Option<String>; 2] {
    ["active", "standby"].map(|side| sides[side]["host"].as_str().map(str::to_owned))
}

/// Whether these hosts, and no other, run it: one of them answers, each knows the other, and they say the same.
fn is_whole(all: &[Host], id: &str, sides: &Value) -> bool {
    let wanted: BTreeSet<String> = hosts(sides).into_iter().flatten().collect();
    let running: Vec<(&str, Desired)> = all.iter().filter_map(|host| Some((host.name, host.runs(id)?))).collect();
    let [(one, first), (two, second)] = running.as_slice() else { return false };
    let side = |desired: &Desired| desired.load_balancer.as_ref().unwrap().side.clone().unwrap();
    let (left, right) = (side(first), side(second));
    let ((_, first, first_term), (_, second, second_term)) = (number(first), number(second));
    BTreeSet::from([(*one).to_owned(), (*two).to_owned()]) == wanted
        && first != second
        && first_term == second_term
        && left.number != right.number
        && (&left.addresses, &left.peer_addresses) == (&right.peer_addresses, &right.addresses)
}

async fn all_whole(services: &Services, all: &[Host], ids: &[String], when: &str) {
    for id in ids {
        until(&format!("two sides of {id} {when}"), async || is_whole(all, id, &sides(services, id).await)).await;
    }
}

/// No address is on two hosts, nor with two load balancers.
fn nothing_is_twice(all: &[Host]) {
    let mut addresses = BTreeSet::new();
    for host in all {
        for desired in host.running.lock().unwrap().values() {
            let side = desired.load_balancer.as_ref().unwrap().side.clone().unwrap();
            for address in side.addresses {
                assert!(addresses.insert(address.clone()), "{address} is twice");
            }
        }
    }
}

/// Whichever of the two is looked at first, and whether they are of one load balancer or not.
#[tokio::test]
async fn of_load_balancers_whose_agents_are_both_dead_both_sides_get_new_places_and_whoever_returns_lets_go() {
    let services = Services::with(|settings| settings.failover.per_second = 100).await;
    let mut all = Vec::new();
    for name in HOSTS {
        all.push(Host::start(&services, name).await);
    }
    let (subnet, flavor) = (services.subnet().await, flavor(&services, "ACTIVE_STANDBY").await);
    let mut ids = Vec::new();
    for _ in 0..MANY {
        ids.push(create(&services, &subnet, &flavor).await);
    }
    all_whole(&services, &all, &ids, "at the beginning").await;
    nothing_is_twice(&all);
    // Those that have both sides of one.
    let [active, standby] = hosts(&sides(&services, &ids[0]).await).map(Option::unwrap);
    let mut terms = BTreeMap::new();
    for id in &ids {
        terms.insert(id, sides(&services, id).await["term"].as_u64().unwrap());
    }
    let (dead, mut living): (Vec<Host>, Vec<Host>) =
        all.into_iter().partition(|host| host.name == active || host.name == standby);
    let mut left = Vec::new();
    for host in dead {
        left.push((host.name, host.falls_silent().await));
    }
    services.pass(DEAD);
    all_whole(&services, &living, &ids, "without the two").await;
    nothing_is_twice(&living);
    let mut anew = 0;
    for id in &ids {
        let was = |(_, running): &(&str, Running)| running.lock().unwrap().contains_key(id);
        let term = sides(&services, id).await["term"].as_u64().unwrap();
        assert!(term >= terms[id], "{term} after {}", terms[id]);
        if left.iter().all(was) {
            assert!(term > terms[id], "another one answers: another term");
            anew += 1;
        }
    }
    assert!(anew > 0, "one had both sides there");
    // One of them after the other: each removes what is elsewhere now.
    for (name, running) in left {
        living.push(Host::with(&services, name, running).await);
        let returned = living.last().unwrap();
        until("it has let go", async || returned.running.lock().unwrap().is_empty()).await;
        all_whole(&services, &living, &ids, "after a return").await;
        nothing_is_twice(&living);
    }
}

/// Nobody else can take it: it stays, and the first who returns answers, whichever side it had.
#[tokio::test]
async fn with_nowhere_to_go_it_stays_and_the_first_who_returns_answers() {
    for (round, first) in [0, 1].into_iter().enumerate() {
        let services = Services::with(|settings| settings.failover.pause_share = 1.0).await;
        let mut all = [Host::start(&services, "a").await, Host::start(&services, "b").await];
        let (subnet, flavor) = (services.subnet().await, flavor(&services, "ACTIVE_STANDBY").await);
        let id = create(&services, &subnet, &flavor).await;
        all_whole(&services, &all, std::slice::from_ref(&id), "at the beginning").await;
        let before = sides(&services, &id).await;
        if hosts(&before)[0].as_deref() == Some("b") {
            all.swap(0, 1);
        }
        let names = all.each_ref().map(|host| host.name);
        let mut left = Vec::new();
        for host in all {
            left.push(host.falls_silent().await);
        }
        services.pass(DEAD);
        tokio::time::sleep(super::A_WHILE).await;
        assert_eq!(hosts(&sides(&services, &id).await), hosts(&before), "round {round}: nobody can take it");
        let one = Host::with(&services, names[first], Arc::clone(&left[first])).await;
        are(&services, &id, names[first], Some(names[1 - first])).await;
        until("it is to answer", async || one.runs(&id).is_some_and(|told| number(&told).1)).await;
        let two = Host::with(&services, names[1 - first], Arc::clone(&left[1 - first])).await;
        all_whole(&services, &[one, two], &[id], "after both returned").await;
    }
}

/// One agent is left: it gets the active side, and the other one is for who returns first.
#[tokio::test]
async fn where_one_agent_is_left_it_answers_and_the_side_that_returns_stands_by() {
    let services = Services::with(|settings| settings.failover.pause_share = 1.0).await;
    let mut all = vec![Host::start(&services, "a").await, Host::start(&services, "b").await];
    let (subnet, flavor) = (services.subnet().await, flavor(&services, "ACTIVE_STANDBY").await);
    let id = create(&services, &subnet, &flavor).await;
    all_whole(&services, &all, std::slice::from_ref(&id), "at the beginning").await;
    let third = Host::start(&services, "c").await;
    let mut left = Vec::new();
    for host in all.drain(..) {
        left.push((host.name, host.falls_silent().await));
    }
    services.pass(DEAD);
    until("the third answers", async || third.runs(&id).is_some_and(|told| number(&told).1)).await;
    until("it has the active side", async || hosts(&sides(&services, &id).await)[0].as_deref() == Some("c")).await;
    all.push(third);
    for (name, running) in left {
        all.push(Host::with(&services, name, running).await);
    }
    all_whole(&services, &all, std::slice::from_ref(&id), "after both returned").await;
    assert_eq!(hosts(&sides(&services, &id).await)[0].as_deref(), Some("c"), "who answers goes on");
    nothing_is_twice(&all);
}
