//! Load balancers with a standby, on agents that the test plays: where the two sides are, which one is the active one, and what
//! is left when they go.

mod together;

use std::time::Duration;

use ballast_proto::agent::{
    Desired, LoadBalancerStatistics, Standing, StatisticsReport, agent_message, scheduler_message::Message,
};
use ballast_proto::driver::Statistics;
use serde_json::{Value, json};

use crate::{
    played::{Agent, able_driver},
    services::{PATIENCE, Services},
};

/// Seconds after which an agent that said nothing is Dead.
const DEAD: u64 = 21;
/// Longer than it takes until something is told.
const A_WHILE: Duration = Duration::from_millis(1_500);

async fn agent(services: &Services, host: &str, zone: &str) -> Agent {
    let mut agent = Agent::in_zone(&services.channel, (host, zone), "1", vec![able_driver()]).await.unwrap();
    agent.snapshot().await;
    agent
}

async fn v2(services: &Services, method: &str, path: &str, body: Option<Value>) -> Value {
    let reply = services.call(method, path, body).await;
    assert!(reply.status < 300, "{method} {path}: {reply}");
    reply.body
}

async fn flavor(services: &Services, topology: &str) -> String {
    let data = json!({ "loadbalancer_topology": topology }).to_string();
    let profile = json!({ "flavorprofile": { "name": topology, "provider_name": "haproxy", "flavor_data": data } });
    let profile =
        v2(services, "POST", "/v2.0/lbaas/flavorprofiles", Some(profile)).await["flavorprofile"]["id"].clone();
    let flavor = json!({ "flavor": { "name": topology, "flavor_profile_id": profile } });
    v2(services, "POST", "/v2.0/lbaas/flavors", Some(flavor)).await["flavor"]["id"].as_str().unwrap().to_owned()
}

/// One with a standby; its id.
async fn create(services: &Services, subnet: &str, flavor: &str) -> String {
    let listener = json!({ "name": "web", "protocol": "TCP", "protocol_port": 80 });
    let one = json!({ "loadbalancer": { "vip_subnet_id": subnet, "flavor_id": flavor, "listeners": [listener] } });
    let made = v2(services, "POST", "/v2.0/lbaas/loadbalancers", Some(one)).await;
    made["loadbalancer"]["id"].as_str().unwrap().to_owned()
}

async fn sides(services: &Services, id: &str) -> Value {
    services.get(&format!("/ballast/v1/loadbalancers/{id}/sides")).await["sides"].clone()
}

async fn status(services: &Services, id: &str) -> Value {
    services.get(&format!("/v2.0/lbaas/loadbalancers/{id}")).await["loadbalancer"]["provisioning_status"].clone()
}

/// Waits until the condition holds.
async fn until(what: &str, condition: impl AsyncFn() -> bool) {
    let held = tokio::time::timeout(PATIENCE, async {
        while !condition().await {
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    assert!(held.await.is_ok(), "{what}");
}

/// Waits until these hosts have the active side and the standby.
async fn are(services: &Services, id: &str, active: &str, standby: Option<&str>) {
    let host = |side: &Value| side["host"].as_str().map(str::to_owned);
    let held = tokio::time::timeout(PATIENCE, async {
        loop {
            let now = sides(services, id).await;
            if host(&now["active"]).as_deref() == Some(active) && host(&now["standby"]).as_deref() == standby {
                return;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
    });
    if held.await.is_err() {
        panic!("not {active} and {standby:?}: {:#}", sides(services, id).await);
    }
}

fn standing(id: &str, epoch: u64, term: u64, active: bool) -> agent_message::Message {
    let load_balancer_id = id.to_owned();
    agent_message::Message::Standing(Standing { load_balancer_id, epoch, term, active, peer_heard: true })
}

fn number(desired: &Desired) -> (u32, bool, u64) {
    let (side, election) =
        (desired.load_balancer.as_ref().unwrap().side.as_ref().unwrap(), desired.election.as_ref().unwrap());
    (side.number, election.active, election.term)
}

/// Deploys what it is told until it is told this of its side; that.
async fn told(agent: &mut Agent, active: bool, has_peer: bool) -> Desired {
    loop {
        match agent.next().await {
            Message::Desired(desired) => {
                agent.deployed(&desired).await;
                let side = desired.load_balancer.as_ref().unwrap().side.as_ref().unwrap();
                if number(&desired).1 == active && side.peer_addresses.is_empty() != has_peer {
                    return desired;
                }
            }
            Message::Remove(removal) => agent.removed(&removal.load_balancer_id, removal.epoch).await,
            _ => {}
        }
    }
}

/// Three agents, and a load balancer on two of them; the agents by what they have: the active side, the standby, nothing.
async fn three(services: &Services) -> (String, [Agent; 3], [Desired; 2]) {
    let mut agents =
        vec![agent(services, "a", "").await, agent(services, "b", "").await, agent(services, "c", "").await];
    let (subnet, flavor) = (services.subnet().await, flavor(services, "ACTIVE_STANDBY").await);
    let id = create(services, &subnet, &flavor).await;
    let now = sides(services, &id).await;
    let rank = |agent: &Agent| match () {
        () if now["active"]["agent_id"] == agent.id => 0,
        () if now["standby"]["agent_id"] == agent.id => 1,
        () => 2,
    };
    agents.sort_by_key(rank);
    let mut agents: [Agent; 3] = agents.try_into().ok().unwrap();
    assert_eq!(agents.each_ref().map(rank), [0, 1, 2], "{now:#}");
    let (active, standby) = (told(&mut agents[0], true, true).await, told(&mut agents[1], false, true).await);
    until("it is ACTIVE", async || status(services, &id).await == "ACTIVE").await;
    (id, agents, [active, standby])
}

async fn host_of(services: &Services, agent: &Agent) -> String {
    services.get(&format!("/v2.0/agents/{}", agent.id)).await["agent"]["host"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn both_sides_are_told_all_of_it_each_with_a_port_of_its_own_that_nobody_sees() {
    let services = Services::start().await;
    let (id, _agents, [active, standby]) = three(&services).await;
    assert_eq!((number(&active), number(&standby)), ((1, true, 1), (2, false, 1)));
    let [one, two] = [&active, &standby].map(|desired| desired.load_balancer.as_ref().unwrap());
    assert_eq!((&one.vip, &one.listeners), (&two.vip, &two.listeners));
    let [first, second] = [one, two].map(|one| one.side.as_ref().unwrap());
    assert_eq!((&first.peer_addresses, &second.peer_addresses), (&second.addresses, &first.addresses));
    let vip = one.vip.as_ref().unwrap();
    let mut addresses = vec![vip.address.clone(), first.addresses[0].clone(), second.addresses[0].clone()];
    addresses.sort();
    addresses.dedup();
    assert_eq!(addresses.len(), 3, "{addresses:?}");
    assert!(first.mac != second.mac && first.mac != vip.mac && first.port_id != vip.port_id);
    assert!(one.features.iter().any(|feature| feature == "topology:ACTIVE_STANDBY"));
    let [first_key, second_key] = [&active, &standby].map(|desired| &desired.election.as_ref().unwrap().key);
    assert_eq!((first_key.len(), first_key), (32, second_key));
    assert!(first_key.iter().any(|byte| *byte != first_key[0]));

    let ports = services.get("/v2.0/ports").await;
    let listed: Vec<&str> =
        ports["ports"].as_array().unwrap().iter().map(|port| port["id"].as_str().unwrap()).collect();
    assert_eq!(listed, [vip.port_id.as_str()]);
    for method in ["GET", "DELETE"] {
        assert_eq!(services.call(method, &format!("/v2.0/ports/{}", first.port_id), None).await.status, 404);
    }
    let shown = sides(&services, &id).await;
    assert_eq!((&shown["topology"], &shown["term"]), (&json!("ACTIVE_STANDBY"), &json!(1)));
    assert_eq!((&shown["active"]["number"], &shown["active"]["addresses"][0]), (&json!(1), &json!(first.addresses[0])));
    assert_eq!(shown["standby"]["answers"], Value::Null);
}

#[tokio::test]
async fn one_of_a_flavor_without_it_is_on_one_agent() {
    let services = Services::start().await;
    let mut agents = [agent(&services, "a", "").await, agent(&services, "b", "").await];
    let (subnet, flavor) = (services.subnet().await, flavor(&services, "SINGLE").await);
    let id = create(&services, &subnet, &flavor).await;
    let shown = sides(&services, &id).await;
    assert_eq!((&shown["topology"], &shown["standby"], &shown["term"]), (&json!("SINGLE"), &Value::Null, &Value::Null));
    let own = agents.iter_mut().find(|agent| shown["active"]["agent_id"] == agent.id).unwrap();
    let desired = own.desired().await;
    assert!(desired.election.is_none() && desired.load_balancer.unwrap().side.is_none());
}

#[tokio::test]
async fn an_agent_of_before_gets_none_and_where_there_is_no_second_one_it_has_one_side_until_there_is() {
    let services = Services::start().await;
    let _former = Agent::connect(&services.channel, "former", "1").await.unwrap();
    let (subnet, flavor) = (services.subnet().await, flavor(&services, "ACTIVE_STANDBY").await);
    let one = json!({ "loadbalancer": { "vip_subnet_id": subnet, "flavor_id": flavor } });
    let refused = services.call("POST", "/v2.0/lbaas/loadbalancers", Some(one)).await;
    assert_eq!(refused.status, 501, "{refused}");
    assert!(refused.to_string().contains("topology:ACTIVE_STANDBY"), "{refused}");

    let mut first = agent(&services, "a", "").await;
    let id = create(&services, &subnet, &flavor).await;
    let alone = told(&mut first, true, false).await;
    are(&services, &id, "a", None).await;
    until("it is ACTIVE", async || status(&services, &id).await == "ACTIVE").await;
    let mut second = agent_that_waits(&services, "b").await;
    let standby = told(&mut second, false, true).await;
    assert_eq!(number(&standby), (2, false, 1));
    let paired = told(&mut first, true, true).await;
    assert!(paired.generation > alone.generation && paired.epoch == alone.epoch, "it is told who is beside it");
    are(&services, &id, "a", Some("b")).await;
    until("it is ACTIVE again", async || status(&services, &id).await == "ACTIVE").await;
}

/// One that takes what comes in its snapshot, too.
async fn agent_that_waits(services: &Services, host: &str) -> Agent {
    Agent::with_drivers(&services.channel, host, "1", vec![able_driver()]).await.unwrap()
}

#[tokio::test]
async fn the_standby_is_in_another_zone_where_there_is_one() {
    let services = Services::with_policy("least-loaded").await;
    let _agents =
        [agent(&services, "a1", "a").await, agent(&services, "a2", "a").await, agent(&services, "b1", "b").await];
    let (subnet, flavor) = (services.subnet().await, flavor(&services, "ACTIVE_STANDBY").await);
    for _ in 0..6 {
        let id = create(&services, &subnet, &flavor).await;
        let now = sides(&services, &id).await;
        assert_ne!(now["active"]["zone"], now["standby"]["zone"], "{now:#}");
    }
    let listed = services.get("/v2.0/agents").await;
    let loads = listed["agents"].as_array().unwrap().iter().map(|agent| agent["configurations"]["zone"].clone());
    assert_eq!(loads.filter(|zone| zone == "a").count(), 2, "{listed:#}");
}

#[tokio::test]
async fn the_side_that_says_that_it_answers_in_a_higher_term_is_the_active_one() {
    let services = Services::start().await;
    let (id, mut agents, [active, standby]) = three(&services).await;
    let [first, second] = [host_of(&services, &agents[0]).await, host_of(&services, &agents[1]).await];
    agents[1].say(standing(&id, standby.epoch, 5, true)).await;
    are(&services, &id, &second, Some(&first)).await;
    assert_eq!(sides(&services, &id).await["term"], 5);
    assert_eq!(status(&services, &id).await, "ACTIVE", "nothing is pending");
    assert_eq!(number(&told(&mut agents[0], false, true).await), (1, false, 5));
    assert_eq!(number(&told(&mut agents[1], true, true).await), (2, true, 5));
    // Of the past, of nobody, and of what the other one says.
    for (at, said) in [
        (0, standing(&id, active.epoch, 4, true)),
        (0, standing(&id, active.epoch, 5, false)),
        (0, standing(&id, 99, 9, true)),
        (2, standing(&id, active.epoch, 9, true)),
    ] {
        agents[at].say(said).await;
    }
    agents[0].say(standing(&id, active.epoch, 7, false)).await;
    until("the term that the other one saw", async || sides(&services, &id).await["term"] == 7).await;
    are(&services, &id, &second, Some(&first)).await;
}

/// Splitmix: the same numbers for the same seed.
struct Chance(u64);

impl Chance {
    fn below(&mut self, most: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut mixed = self.0;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        usize::try_from((mixed ^ (mixed >> 31)) >> 33).unwrap() % most
    }
}

/// What two sides say, in any order and as late as it may be: in the end the database has what the highest term says.
#[tokio::test]
async fn in_whatever_order_both_sides_speak_the_highest_term_wins_and_no_counter_goes_back() {
    let services = Services::start().await;
    let (id, agents, [active, standby]) = three(&services).await;
    let epochs = [active.epoch, standby.epoch];
    let hosts = [host_of(&services, &agents[0]).await, host_of(&services, &agents[1]).await];
    let (mut term, mut counted, mut shown) = (1, [0_u64; 2], 0);
    for seed in 0..12 {
        let mut chance = Chance(seed);
        // Who answers in each of some terms, each said by both, in an order of its own for each.
        let terms: Vec<(u64, usize)> = (1..4).map(|at| (term + at, chance.below(2))).collect();
        let mut says: [Vec<(u64, usize)>; 2] = [terms.clone(), terms.clone()];
        while says.iter().any(|left| !left.is_empty()) {
            let who = chance.below(2);
            if says[who].is_empty() {
                continue;
            }
            let (term, answers) = says[who].remove(0);
            agents[who].say(standing(&id, epochs[who], term, answers == who)).await;
            counted[who] += chance.below(1_000) as u64;
            let statistics = Some(Statistics { bytes_in: counted[who], ..Statistics::default() });
            let (load_balancer_id, epoch) = (id.clone(), epochs[who]);
            let one = LoadBalancerStatistics { load_balancer_id, epoch, statistics, ..Default::default() };
            agents[who].say(agent_message::Message::Statistics(StatisticsReport { load_balancers: vec![one] })).await;
            let stats = services.get(&format!("/v2.0/lbaas/loadbalancers/{id}/stats")).await;
            let now = stats["stats"]["bytes_in"].as_u64().unwrap();
            assert!(now >= shown, "seed {seed}: {now} after {shown}");
            shown = now;
        }
        let (last, winner) = terms[2];
        term = last;
        until("the highest term", async || sides(&services, &id).await["term"] == term).await;
        are(&services, &id, &hosts[winner], Some(&hosts[1 - winner])).await;
        let sum = counted[0] + counted[1];
        until("the sum of both sides", async || {
            services.get(&format!("/v2.0/lbaas/loadbalancers/{id}/stats")).await["stats"]["bytes_in"] == sum
        })
        .await;
    }
}

#[tokio::test]
async fn what_was_active_on_a_dead_agent_is_answered_by_the_standby_and_gets_a_new_one() {
    let services = Services::start().await;
    let (id, [_dead, mut second, mut third], [_, standby]) = three(&services).await;
    let [heir, next] = [host_of(&services, &second).await, host_of(&services, &third).await];
    services.pass(DEAD);
    second.heartbeat(vec![able_driver()]).await;
    third.heartbeat(vec![able_driver()]).await;
    let promoted = told(&mut second, true, true).await;
    assert_eq!((promoted.epoch, number(&promoted).2), (standby.epoch, 2), "at once, by the next term");
    are(&services, &id, &heir, Some(&next)).await;
    let placed = told(&mut third, false, true).await;
    assert_eq!(number(&placed), (1, false, 2));
    told(&mut second, true, true).await;
    until("it is ACTIVE again", async || status(&services, &id).await == "ACTIVE").await;
}

#[tokio::test]
async fn a_standby_of_a_dead_agent_is_placed_elsewhere_and_where_nobody_can_take_it_it_stays() {
    let services = Services::start().await;
    let (id, [mut first, dead, mut third], _) = three(&services).await;
    let hosts = [host_of(&services, &first).await, host_of(&services, &dead).await, host_of(&services, &third).await];
    services.pass(DEAD);
    first.heartbeat(vec![able_driver()]).await;
    third.heartbeat(vec![able_driver()]).await;
    told(&mut third, false, true).await;
    are(&services, &id, &hosts[0], Some(&hosts[2])).await;
    told(&mut first, true, true).await;
    drop(third);
    services.pass(DEAD);
    first.heartbeat(vec![able_driver()]).await;
    tokio::time::sleep(A_WHILE).await;
    are(&services, &id, &hosts[0], Some(&hosts[2])).await;
}

#[tokio::test]
async fn a_failover_swaps_the_sides_when_the_standby_is_ready_and_moves_it_otherwise() {
    let services = Services::start().await;
    let (id, mut agents, [_, standby]) = three(&services).await;
    let mut hosts = Vec::new();
    for agent in &agents {
        hosts.push(host_of(&services, agent).await);
    }
    let path = format!("/v2.0/lbaas/loadbalancers/{id}/failover");
    // The standby has said nothing yet.
    assert_eq!(services.call("PUT", &path, None).await.status, 202);
    are(&services, &id, &hosts[2], Some(&hosts[1])).await;
    told(&mut agents[2], true, true).await;
    agents[1].say(standing(&id, standby.epoch, 2, false)).await;
    until("the standby is ready", async || sides(&services, &id).await["standby"]["peer_heard"] == true).await;
    assert_eq!(services.call("PUT", &path, None).await.status, 202);
    are(&services, &id, &hosts[1], Some(&hosts[2])).await;
    let swapped = told(&mut agents[1], true, true).await;
    assert_eq!(number(&swapped).2, sides(&services, &id).await["term"].as_u64().unwrap());
}

#[tokio::test]
async fn a_standby_that_fails_is_shown_and_the_load_balancer_is_no_error() {
    let services = Services::start().await;
    let (id, [mut first, mut second, _third], _) = three(&services).await;
    let listener = json!({ "listener": { "loadbalancer_id": id, "protocol": "TCP", "protocol_port": 81 } });
    v2(&services, "POST", "/v2.0/lbaas/listeners", Some(listener)).await;
    let refused = second.desired().await;
    assert_eq!(refused.load_balancer.as_ref().unwrap().listeners.len(), 2, "a change reaches both");
    second.outcome(&refused, Some("no room")).await;
    until("its fault", async || sides(&services, &id).await["standby"]["fault"] == "no room").await;
    told(&mut first, true, true).await;
    until("it is ACTIVE", async || status(&services, &id).await == "ACTIVE").await;
    second.deployed(&refused).await;
    until("it is mended", async || sides(&services, &id).await["standby"]["fault"].is_null()).await;
}

#[tokio::test]
async fn a_switched_off_agents_sides_go_elsewhere_the_active_one_by_a_swap() {
    let services = Services::with(|settings| settings.failover.drain = true).await;
    let (id, mut agents, [_, standby]) = three(&services).await;
    let hosts = [host_of(&services, &agents[0]).await, host_of(&services, &agents[1]).await];
    let third = host_of(&services, &agents[2]).await;
    let off = json!({ "agent": { "admin_state_up": false } });
    v2(&services, "PUT", &format!("/v2.0/agents/{}", agents[0].id), Some(off)).await;
    tokio::time::sleep(A_WHILE).await;
    are(&services, &id, &hosts[0], Some(&hosts[1])).await;
    // It hears the other one: it can answer.
    agents[1].say(standing(&id, standby.epoch, 1, false)).await;
    are(&services, &id, &hosts[1], Some(&third)).await;
    told(&mut agents[1], true, true).await;
    told(&mut agents[2], false, true).await;
    let removal = async {
        loop {
            match agents[0].next().await {
                Message::Remove(removal) => return removal,
                Message::Desired(desired) => agents[0].deployed(&desired).await,
                _ => {}
            }
        }
    };
    assert_eq!(removal.await.load_balancer_id, id);
}

#[tokio::test]
async fn nothing_of_it_is_left_when_it_is_deleted_and_its_addresses_are_free_once_both_have_let_go() {
    let services = Services::start().await;
    let mut agents = [agent(&services, "a", "").await, agent(&services, "b", "").await];
    let flavor = flavor(&services, "ACTIVE_STANDBY").await;
    // Three addresses: those of one load balancer.
    let subnet = services.subnet_of("10.9.0.0/29").await;
    let wide = services.subnet_of("10.8.0.0/24").await;
    let network = services.get(&format!("/v2.0/subnets/{subnet}")).await["subnet"]["network_id"].clone();
    for round in 0..3 {
        let id = create(&services, &subnet, &flavor).await;
        let other = create(&services, &wide, &flavor).await;
        for agent in &mut agents {
            for _ in 0..2 {
                let desired = agent.desired().await;
                agent.deployed(&desired).await;
            }
        }
        for id in [&id, &other] {
            until("it is ACTIVE", async || status(&services, id).await == "ACTIVE").await;
            v2(&services, "DELETE", &format!("/v2.0/lbaas/loadbalancers/{id}?cascade=true"), None).await;
        }
        for agent in &mut agents {
            let mut gone = 0;
            while gone < 2 {
                if let Message::Remove(removal) = agent.next().await {
                    agent.removed(&removal.load_balancer_id, removal.epoch).await;
                    gone += 1;
                }
            }
        }
        assert_eq!(services.get("/v2.0/ports").await["ports"], json!([]), "round {round}");
    }
    let gone = async || services.call("DELETE", &format!("/v2.0/subnets/{subnet}"), None).await.status == 204;
    until("no port is left in the subnet", gone).await;
    let network = format!("/v2.0/networks/{}", network.as_str().unwrap());
    assert_eq!(services.call("DELETE", &network, None).await.status, 204);
}

#[tokio::test]
async fn when_the_agent_of_the_active_side_is_deleted_the_standby_answers() {
    let services = Services::start().await;
    let (id, [first, mut second, mut third], _) = three(&services).await;
    let hosts = [host_of(&services, &second).await, host_of(&services, &third).await];
    assert_eq!(services.call("DELETE", &format!("/v2.0/agents/{}?force=true", first.id), None).await.status, 204);
    told(&mut second, true, true).await;
    told(&mut third, false, true).await;
    are(&services, &id, &hosts[0], Some(&hosts[1])).await;
}

#[tokio::test]
async fn ports_of_sides_are_in_no_quota() {
    let services = Services::start().await;
    let _agents = [agent(&services, "a", "").await, agent(&services, "b", "").await];
    let (subnet, flavor) = (services.subnet().await, flavor(&services, "ACTIVE_STANDBY").await);
    let project = services.get("/v2.0/lbaas/loadbalancers").await;
    assert_eq!(project["loadbalancers"], json!([]));
    let id = create(&services, &subnet, &flavor).await;
    let owner = services.get(&format!("/v2.0/lbaas/loadbalancers/{id}")).await["loadbalancer"]["project_id"].clone();
    let owner = owner.as_str().unwrap();
    v2(&services, "PUT", &format!("/v2.0/quotas/{owner}"), Some(json!({ "quota": { "port": 2 } }))).await;
    let network = services.get(&format!("/v2.0/subnets/{subnet}")).await["subnet"]["network_id"].clone();
    let port = json!({ "port": { "network_id": network, "tenant_id": owner } });
    assert_eq!(services.call("POST", "/v2.0/ports", Some(port.clone())).await.status, 201, "the VIP's, and this one");
    assert_eq!(services.call("POST", "/v2.0/ports", Some(port)).await.status, 409);
}

/// Three on one database; an agent, with one side of a load balancer; then two agents that could take the other one, each with
/// another scheduler.
#[tokio::test]
async fn three_schedulers_place_one_standby() {
    let Some(server) = ballast_lab::Postgres::start("three schedulers and one standby").await else { return };
    let url = server.url();
    let mut all = Vec::new();
    for _ in 0..3 {
        let services = Services::with(|settings| settings.database.url.clone_from(&url)).await;
        services.get("/v2.0/agents").await;
        all.push(services);
    }
    let mut first = agent(&all[0], "a", "").await;
    let (subnet, flavor) = (all[0].subnet().await, flavor(&all[0], "ACTIVE_STANDBY").await);
    let id = create(&all[0], &subnet, &flavor).await;
    told(&mut first, true, false).await;
    let mut others = Vec::new();
    for (services, host) in all[1..].iter().zip(["b", "c"]) {
        others.push(agent_that_waits(services, host).await);
    }
    let paired = told(&mut first, true, true).await;
    assert_eq!(number(&paired), (1, true, 1));
    tokio::time::sleep(A_WHILE).await;
    let standby = sides(&all[2], &id).await["standby"].clone();
    let mut told_of_it = 0;
    for agent in &mut others {
        let is_told = async {
            loop {
                if let Message::Desired(desired) = agent.next().await {
                    assert_eq!(number(&desired), (2, false, 1));
                    return;
                }
            }
        };
        told_of_it += usize::from(tokio::time::timeout(A_WHILE, is_told).await.is_ok());
    }
    assert_eq!(told_of_it, 1, "{standby:#}");
}
