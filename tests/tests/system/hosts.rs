//! Three schedulers, PostgreSQL, two gateways and three agents on hosts of their own, which are switched off, stopped and cut off
//! one after the other, while clients ask through all VIPs and somebody writes.

mod callers;
mod world;

use std::time::{Duration, Instant};

use ballast_lab::{poll_until, wait_until};
use ballast_tests::rest::Rest;
use callers::{Traffic, Writer};
use serde_json::{Value, json};
use world::{AGENTS, GATEWAYS, SCHEDULERS, WEB, World};

const PATIENCE: Duration = Duration::from_secs(60);
/// After `agents.dead_after_ms`: looked at each second, deployed, learned by the client. On a machine that is busy.
const MOVED_WITHIN: Duration = Duration::from_secs(20);
/// Of a write, whatever of the control plane is lost at once: a scheduler that stops has the lock for five seconds.
const WRITTEN_WITHIN: Duration = Duration::from_secs(15);
const LOAD_BALANCERS: usize = 6;

struct Trial {
    world: World,
    rest: Rest,
    /// Ids of the pools.
    pools: Vec<String>,
    traffic: Traffic,
    writer: Writer,
}

impl Trial {
    fn begin(world: World) -> Self {
        let url = |gateway: &str| format!("http://{}:9696", world.address(gateway));
        let rest = callers::rest(&url(GATEWAYS[0]));
        wait_until(PATIENCE, "three agents", || {
            let agents = rest.look("/v2.0/agents")?;
            let ready =
                |one: &&Value| one["configurations"]["device_drivers"].as_array().is_some_and(|all| !all.is_empty());
            (agents["agents"].as_array()?.iter().filter(ready).count() == AGENTS.len()).then_some(())
        });
        let (pools, vips) = load_balancers(&rest);
        let traffic = Traffic::start(&world.network_of("client"), vips);
        let writer = Writer::start(world.network_of("client"), GATEWAYS.map(url));
        let trial = Self { world, rest, pools, traffic, writer };
        trial.all_well("the beginning");
        trial
    }

    /// Every VIP answers, and a write is acknowledged.
    fn all_well(&self, after: &str) {
        let since = Instant::now();
        let answered = poll_until(PATIENCE, || self.traffic.all_answered_since(since));
        assert!(answered.is_some(), "not all VIPs answer after {after}: {:?}", self.traffic.failures().pop());
        wait_until(PATIENCE, &format!("a write after {after}"), || self.writer.wrote_since(since));
    }

    /// What only the control plane sees: no client of a load balancer does.
    fn unseen(&self, what: &str, happens: impl FnOnce()) {
        let (failed, since) = (self.traffic.failures(), Instant::now());
        happens();
        self.all_well(what);
        let told = self.traffic.failures().split_off(failed.len());
        assert!(told.is_empty(), "{what}: {} requests failed, as: {}", told.len(), told[0].1);
        let pause = self.writer.longest_pause(since);
        assert!(pause < WRITTEN_WITHIN, "{what}: nobody could write for {pause:?}");
    }

    /// Which agent runs a load balancer.
    fn host(&self, pool: &str) -> Option<String> {
        let hosting = self.rest.look(&format!("/v2.0/lb/pools/{pool}/loadbalancer-agent"))?;
        Some(hosting["agent"]["host"].as_str()?.to_owned())
    }

    /// The agent that has the most of them.
    fn busiest(&self) -> &'static str {
        let hosts: Vec<String> =
            self.pools.iter().map(|pool| wait_until(PATIENCE, "an agent", || self.host(pool))).collect();
        let had = |agent: &&str| hosts.iter().filter(|host| host == agent).count();
        AGENTS.into_iter().max_by_key(had).expect("there are three")
    }

    /// What an agent had is elsewhere, and answers there.
    fn moves_off(&self, agent: &str, what: &str) {
        let begun = Instant::now();
        for pool in &self.pools {
            wait_until(PATIENCE, &format!("{pool} elsewhere after {what}"), || {
                self.host(pool).filter(|on| on != agent)
            });
        }
        self.all_well(what);
        let took = begun.elapsed();
        assert!(took < MOVED_WITHIN, "{what}: all answered after {took:?}");
    }

    /// It is there again, and has nothing that is elsewhere now.
    fn returns(&self, agent: &str, what: &str) {
        wait_until(PATIENCE, &format!("{agent} alive after {what}"), || {
            let agents = self.rest.look("/v2.0/agents")?;
            let mut all = agents["agents"].as_array()?.iter();
            all.any(|one| one["host"] == agent && one["alive"] == true).then_some(())
        });
        wait_until(PATIENCE, &format!("{agent} without what it had, after {what}"), || {
            self.world.namespaces(agent).is_empty().then_some(())
        });
        let since = Instant::now();
        self.all_well(what);
        // With two owners every second request would go wrong.
        std::thread::sleep(Duration::from_secs(2));
        let failed = self.traffic.failures().into_iter().find(|(sent, _)| *sent > since);
        assert!(failed.is_none(), "a request fails after {what}: {failed:?}");
    }
}

/// Load balancers of one member each; their pools' ids and their addresses.
fn load_balancers(rest: &Rest) -> (Vec<String>, Vec<String>) {
    let network = json!({"network": {
        "name": "tenants", "provider:network_type": "bridge", "provider:physical_network": "tenants"
    }});
    let network = rest.create("/v2.0/networks", &network).id();
    let subnet = json!({"subnet": {
        "network_id": network, "ip_version": 4, "cidr": "203.0.113.0/24", "gateway_ip": null,
        "allocation_pools": [{"start": "203.0.113.100", "end": "203.0.113.199"}]
    }});
    let subnet = rest.create("/v2.0/subnets", &subnet).id();
    let one = |number: usize| {
        let pool = json!({"pool": {
            "name": format!("lb-{number}"), "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": subnet
        }});
        let pool = rest.create("/v2.0/lb/pools", &pool).id();
        let member = json!({"member": {"pool_id": pool, "address": WEB, "protocol_port": 80}});
        let _ = rest.create("/v2.0/lb/members", &member);
        let vip = json!({"vip": {
            "name": "vip", "protocol": "HTTP", "protocol_port": 80, "subnet_id": subnet, "pool_id": pool
        }});
        let vip = rest.create("/v2.0/lb/vips", &vip);
        (pool, vip.object()["address"].as_str().expect("an address").to_owned())
    };
    (0..LOAD_BALANCERS).map(one).unzip()
}

#[test]
fn whichever_host_is_lost_the_others_go_on_and_nothing_acknowledged_is_missing() {
    let test = "whichever_host_is_lost_the_others_go_on_and_nothing_acknowledged_is_missing";
    let Some(world) = World::start(test) else { return };
    let trial = Trial::begin(world);
    control_plane(&trial);
    agents(&trial);

    let Trial { world, rest, pools, traffic, writer } = trial;
    let answered = traffic.end();
    let acknowledged = writer.end();
    assert!(answered > 100 && acknowledged.len() > 20, "{answered} answers, {} writes", acknowledged.len());
    let listed = rest.get("/v2.0/networks");
    let there: Vec<&str> =
        listed["networks"].as_array().into_iter().flatten().filter_map(|one| one["id"].as_str()).collect();
    let lost: Vec<&String> = acknowledged.iter().filter(|id| !there.contains(&id.as_str())).collect();
    assert!(lost.is_empty(), "acknowledged, and not there: {lost:?}");
    drop((world, pools));
}

/// Schedulers, gateways and the database.
fn control_plane(trial: &Trial) {
    let world = &trial.world;
    for scheduler in SCHEDULERS {
        trial.unseen(&format!("{scheduler} is killed"), || world.kill(scheduler));
        trial.unseen(&format!("{scheduler} is back"), || world.start_again(scheduler));
    }
    trial.unseen("a scheduler is stopped", || world.pause(SCHEDULERS[0]));
    trial.unseen("it goes on", || world.go_on(SCHEDULERS[0]));
    trial.unseen("a scheduler is cut off", || world.cut_off(SCHEDULERS[1]));
    trial.unseen("it is connected again", || world.connect(SCHEDULERS[1]));
    trial.unseen("a gateway is killed", || world.kill(GATEWAYS[1]));
    trial.unseen("it is back", || world.start_again(GATEWAYS[1]));
    trial.unseen("PostgreSQL is killed, and back", || {
        world.kill("postgres");
        world.start_again("postgres");
    });
}

/// Hosts with load balancers.
fn agents(trial: &Trial) {
    let world = &trial.world;
    let agent = trial.busiest();
    world.cut_off(agent);
    trial.moves_off(agent, "an agent is cut off");
    world.connect(agent);
    trial.returns(agent, "it is connected again");

    let agent = trial.busiest();
    world.kill(agent);
    trial.moves_off(agent, "an agent's host is switched off");
    world.start_again(agent);
    trial.returns(agent, "it is switched on");

    let agent = trial.busiest();
    world.pause(agent);
    trial.moves_off(agent, "an agent's host stops");
    world.go_on(agent);
    trial.returns(agent, "it goes on");
}
