use ballast_model::{
    agent::{AgentDriver, DriverOptions, Unclaimed},
    features::{SHAPES, used},
    ids::{ListenerId, NetworkId, PoolId, PortId, SubnetId},
    listener::{Listener, Mac, NewVip, Protocol, Vip},
    load_balancer::LoadBalancer,
    parts::Parts,
    plugs::Plugs,
    pool::{LbMethod, NewPool, Pool},
    time::Timestamp,
};
use proptest::prelude::*;

use super::*;

fn agent(n: u128, load_balancers: u32) -> Agent {
    Agent {
        id: AgentId::from_u128(n),
        host: format!("host-{n}"),
        zone: String::new(),
        unclaimed: Unclaimed::default(),
        admin_state_up: true,
        description: None,
        version: String::new(),
        created_at: Timestamp(0),
        started_at: Timestamp(0),
        heartbeat_at: Timestamp(0),
        connected: true,
        session: None,
        drivers: vec![AgentDriver {
            name: "haproxy-ns".to_owned(),
            version: String::new(),
            state: DriverState::Ready,
            reason: String::new(),
            features: features(&["protocol:HTTP", "protocol:TCP"]),
            max_load_balancers: 0,
            max_members: 0,
            full: false,
            plugs: Plugs::default(),
            remarks: Vec::new(),
            options: DriverOptions::default(),
            load_balancers,
        }],
        load_balancers,
    }
}

fn features(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

fn judged<'a>(agents: &'a [Agent], liveness: impl Fn(&Agent) -> Liveness) -> Vec<Judged<'a>> {
    agents.iter().map(|agent| Judged { liveness: liveness(agent), awaited: BTreeSet::new(), agent }).collect()
}

fn chosen(agents: &[Judged<'_>], driver: &str, wanted: &[&str]) -> Vec<AgentId> {
    let wanted = features(wanted);
    let found = candidates(agents, Demand { driver, features: &wanted, members: 3, network: None });
    found.into_iter().map(|candidate| candidate.agent_id).collect()
}

/// All live, but those that are not connected are Suspect.
fn eligible(agents: &[Agent], driver: &str, wanted: &[&str]) -> Vec<AgentId> {
    let lives = |agent: &Agent| if agent.connected { Liveness::Alive } else { Liveness::Suspect };
    chosen(&judged(agents, lives), driver, wanted)
}

fn one(change: impl FnOnce(&mut Agent)) -> Vec<Agent> {
    let mut agent = agent(1, 0);
    change(&mut agent);
    vec![agent]
}

/// LBaaS v1's load balancer, with a vip, and then changed.
fn shaped(change: impl FnOnce(&mut LoadBalancer)) -> LoadBalancer {
    let new = NewPool {
        id: PoolId::from_u128(1),
        project_id: "p".to_owned(),
        name: String::new(),
        description: String::new(),
        subnet_id: SubnetId::from_u128(2),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    };
    let vip = NewVip {
        id: ListenerId::from_u128(3),
        project_id: "p".to_owned(),
        name: String::new(),
        description: String::new(),
        vip: Vip {
            subnet_id: SubnetId::from_u128(2),
            port_id: PortId::from_u128(4),
            address: [10, 0, 0, 2].into(),
            mac: Mac::from_random(1),
            network_id: NetworkId::from_u128(3),
            additional: Vec::new(),
        },
        protocol: Protocol::Http,
        protocol_port: 80,
        session_persistence: None,
        connection_limit: -1,
        admin_state_up: true,
    };
    let mut load_balancer = LoadBalancer::with_pool(new).add_vip(vip).unwrap();
    change(&mut load_balancer);
    load_balancer
}

/// Drivers of ABI 1.0 and 1.1 declare no shape, and read `pools[0]`.
#[test]
fn a_driver_that_declares_no_shape_gets_what_v1_can_say_and_nothing_else() {
    let another = |listener: &Listener, pool: u128| Listener {
        id: ListenerId::from_u128(9),
        default_pool_id: Some(PoolId::from_u128(pool)),
        ..listener.clone()
    };
    let add_listener = |one: &mut LoadBalancer| {
        let listener = another(&one.listeners[0], 1);
        one.listeners.push(listener);
    };
    let add_pool = |one: &mut LoadBalancer| {
        let pool = Pool { id: PoolId::from_u128(8), ..one.pools[0].clone() };
        one.pools.push(pool);
    };
    let shapes: [(&str, LoadBalancer); 6] = [
        ("listeners:none", shaped(|one| one.listeners.clear())),
        ("listeners:many", shaped(add_listener)),
        ("pool:shared", shaped(add_listener)),
        ("pools:many", shaped(add_pool)),
        ("pools:none", shaped(|one| one.pools.clear())),
        ("pool:none", shaped(|one| one.listeners[0] = another(&one.listeners[0], 7))),
    ];
    let every = ["protocol:HTTP", "lb_method:ROUND_ROBIN"].into_iter().chain(SHAPES);
    let declares = |names: &BTreeSet<&str>| {
        one(|agent| agent.drivers[0].features = names.iter().map(|name| (*name).to_owned()).collect())
    };
    let fits = |load_balancer: &LoadBalancer, names: &BTreeSet<&str>| {
        let used = used(load_balancer);
        let used: Vec<&str> = used.iter().map(String::as_str).collect();
        !eligible(&declares(names), "haproxy-ns", &used).is_empty()
    };
    let all: BTreeSet<&str> = every.collect();
    let v1: BTreeSet<&str> = all.iter().copied().filter(|name| !SHAPES.contains(name)).collect();
    for plain in [shaped(|_| {}), shaped(|one| (one.vip, one.listeners) = (None, Parts::default()))] {
        assert!(fits(&plain, &v1), "{plain:?}");
    }
    for (shape, load_balancer) in &shapes {
        assert!(!fits(load_balancer, &v1), "{shape} on a driver of v1");
        assert!(fits(load_balancer, &all), "{shape} on a driver of today");
        let without = all.iter().copied().filter(|name| name != shape).collect();
        assert!(!fits(load_balancer, &without), "{shape} on a driver that knows all others");
    }
    assert_eq!(shapes.map(|(shape, _)| shape).into_iter().collect::<BTreeSet<_>>(), SHAPES.into_iter().collect());
}

#[test]
fn an_agent_needs_the_driver_ready_and_its_features() {
    let fits = |agents: &[Agent]| !eligible(agents, "haproxy-ns", &["protocol:HTTP"]).is_empty();
    assert!(fits(&one(|_| {})));
    assert!(!fits(&one(|agent| agent.drivers[0].state = DriverState::Failed)));
    assert!(!fits(&one(|agent| agent.drivers[0].features.clear())));
    assert!(!fits(&one(|agent| agent.drivers.clear())));
    assert!(eligible(&one(|_| {}), "a10", &[]).is_empty());
}

/// What fits what is the model's table; here it counts for every liveness, and a driver that said nothing plugs into
/// all.
#[test]
fn an_agent_needs_a_driver_that_can_plug_into_the_network() {
    let plugs = |types: &[&str], physical: &[&str]| Plugs {
        network_types: features(types),
        physical_networks: features(physical),
    };
    let reports =
        [plugs(&[], &[]), plugs(&["own"], &[]), plugs(&["own", "bridge"], &["front"]), plugs(&["vlan"], &["*"])];
    let agents: Vec<Agent> = (0..)
        .zip(reports)
        .map(|(n, plugs)| {
            let mut agent = agent(n, 0);
            agent.drivers[0].plugs = plugs;
            agent
        })
        .collect();
    let network = |kind: &str, physical: &str, segment| Attachment::asked(kind, physical.to_owned(), segment).unwrap();
    for (network, able) in [
        (None, vec![0, 1, 2, 3]),
        (Some(network("", "", 0)), vec![0, 1, 2]),
        (Some(network("bridge", "front", 0)), vec![0, 2]),
        (Some(network("bridge", "back", 0)), vec![0]),
        (Some(network("vlan", "back", 7)), vec![0, 3]),
        (Some(network("vxlan", "", 7)), vec![0]),
    ] {
        let none = BTreeSet::new();
        let demand = Demand { driver: "haproxy-ns", features: &none, members: 0, network: network.as_ref() };
        let able: Vec<AgentId> = able.into_iter().map(AgentId::from_u128).collect();
        for liveness in [Liveness::Alive, Liveness::Suspect] {
            let found = candidates(&judged(&agents, |_| liveness), demand);
            let found: Vec<AgentId> = found.into_iter().map(|candidate| candidate.agent_id).collect();
            assert_eq!(found, able, "{liveness:?} {network:?}");
        }
    }
}

#[test]
fn an_agent_that_is_down_or_dead_gets_nothing() {
    assert!(eligible(&one(|agent| agent.admin_state_up = false), "haproxy-ns", &[]).is_empty());
    assert!(chosen(&judged(&one(|_| {}), |_| Liveness::Dead), "haproxy-ns", &[]).is_empty());
}

#[test]
fn a_driver_has_room_for_as_many_load_balancers_and_members_as_it_says() {
    let fits = |change: &dyn Fn(&mut Agent)| !eligible(&one(change), "haproxy-ns", &[]).is_empty();
    assert!(fits(&|agent| (agent.drivers[0].max_load_balancers, agent.drivers[0].load_balancers) = (5, 4)));
    assert!(!fits(&|agent| (agent.drivers[0].max_load_balancers, agent.drivers[0].load_balancers) = (5, 5)));
    // What other drivers of the agent run takes no room of this one.
    assert!(fits(&|agent| (agent.drivers[0].max_load_balancers, agent.load_balancers) = (5, 100)));
    assert!(fits(&|agent| agent.drivers[0].max_members = 3));
    assert!(!fits(&|agent| agent.drivers[0].max_members = 2));
    assert!(!fits(&|agent| agent.drivers[0].full = true), "its host has none for it");
}

#[test]
fn a_suspect_agent_gets_something_only_when_no_other_is_alive() {
    let mut late = agent(1, 0);
    late.connected = false;
    assert_eq!(eligible(&[late.clone(), agent(2, 9)], "haproxy-ns", &[]), [AgentId::from_u128(2)]);
    assert_eq!(eligible(&[late], "haproxy-ns", &[]), [AgentId::from_u128(1)]);
}

#[test]
fn a_driver_that_starts_gets_something_when_none_is_ready_and_only_while_it_is_awaited() {
    let mut starting = agent(1, 0);
    starting.drivers[0].state = DriverState::Starting;
    fn awaited(agent: &Agent, is: bool) -> Judged<'_> {
        let awaited = is.then(|| "haproxy-ns".to_owned()).into_iter().collect();
        Judged { liveness: Liveness::Alive, awaited, agent }
    }
    let fits = |agents: &[Judged<'_>]| chosen(agents, "haproxy-ns", &["protocol:TCP"]);
    assert_eq!(fits(&[awaited(&starting, true)]), [AgentId::from_u128(1)]);
    assert!(fits(&[awaited(&starting, false)]).is_empty());
    assert_eq!(fits(&[awaited(&starting, true), awaited(&agent(2, 9), false)]), [AgentId::from_u128(2)]);
    let demand = Demand { driver: "haproxy-ns", features: &BTreeSet::new(), members: 0, network: None };
    let now = candidates_that_are(Liveness::Alive, When::Now, &[awaited(&starting, true)], demand);
    assert!(now.is_empty(), "what serves elsewhere does not move there");
    starting.drivers[0].features.clear();
    assert!(
        chosen(&[awaited(&starting, true)], "haproxy-ns", &[]).is_empty(),
        "nobody knows what it will be able to do"
    );
}

/// What is told of an agent that was changed so.
type Flaw = (&'static str, fn(&mut Agent));

#[test]
fn who_could_not_run_it_is_told_what_keeps_it_from_that() {
    let changes: [Flaw; 10] = [
        ("", |_| {}),
        ("taken out of placement", |agent| agent.admin_state_up = false),
        ("it does not have the driver", |agent| agent.drivers.clear()),
        ("its driver is FAILED: no haproxy", |agent| {
            (agent.drivers[0].state, agent.drivers[0].reason) = (DriverState::Failed, "no haproxy".to_owned());
        }),
        ("its driver is STARTING", |agent| agent.drivers[0].state = DriverState::Starting),
        ("its host has no room", |agent| agent.drivers[0].full = true),
        ("its driver lacks protocol:TCP", |agent| agent.drivers[0].features.retain(|one| one != "protocol:TCP")),
        ("it cannot plug into this network", |agent| agent.drivers[0].plugs.network_types = features(&["vlan"])),
        ("its driver has the 5 load balancers that it may have", |agent| {
            (agent.drivers[0].max_load_balancers, agent.drivers[0].load_balancers) = (5, 5);
        }),
        ("its driver takes 2 members at most", |agent| agent.drivers[0].max_members = 2),
    ];
    let mut agents: Vec<Agent> = (1..)
        .zip(&changes)
        .map(|(n, (_, change))| {
            let mut agent = agent(n, 0);
            change(&mut agent);
            agent
        })
        .collect();
    let (wanted, network) = (features(&["protocol:TCP"]), Attachment::asked("", String::new(), 0).unwrap());
    let demand = Demand { driver: "haproxy-ns", features: &wanted, members: 3, network: Some(&network) };
    let told = |judged: &[Judged<'_>]| {
        let (found, rejected) = considered(judged, demand);
        let mut all: Vec<(AgentId, String)> = found.iter().map(|agent| (agent.id, String::new())).collect();
        all.extend(rejected.iter().map(|(agent, obstacle)| (agent.id, obstacle.to_string())));
        all.sort();
        all.into_iter().map(|(_, text)| text).collect::<Vec<_>>()
    };
    assert_eq!(told(&judged(&agents, |_| Liveness::Alive)), changes.map(|(text, _)| text));
    assert_eq!(told(&judged(&agents, |_| Liveness::Dead)), ["Dead"; 10]);
    // One that is Suspect is passed over while another one is Alive, and has its turn when none is.
    agents = vec![agent(1, 0), agent(2, 0)];
    let first_is = |liveness| {
        judged(&agents, move |agent| if agent.id == AgentId::from_u128(1) { liveness } else { Liveness::Alive })
    };
    assert_eq!(told(&first_is(Liveness::Suspect)), ["Suspect", ""]);
    assert_eq!(told(&judged(&agents, |_| Liveness::Suspect)), ["", ""]);
}

#[test]
fn ten_load_balancers_are_spread_five_and_five() {
    let policy = policy("least-loaded").unwrap();
    let mut agents = [agent(1, 0), agent(2, 0)];
    for _ in 0..10 {
        let found: Vec<_> =
            agents.iter().map(|one| Candidate { agent_id: one.id, load_balancers: one.load_balancers }).collect();
        let chosen = policy.choose(&found, 0).unwrap();
        agents.iter_mut().find(|agent| agent.id == chosen).unwrap().load_balancers += 1;
    }
    assert_eq!(agents.map(|agent| agent.load_balancers), [5, 5]);
}

#[test]
fn an_unknown_policy_is_none() {
    assert!(policy("weighted").is_none());
    assert!(POLICIES.iter().all(|name| policy(name).is_some()));
}

proptest! {
    /// Who is said to be able to is who is chosen from, whatever there is.
    #[test]
    fn who_is_considered_is_a_candidate_and_nobody_else(
        agents in proptest::collection::vec((0..3u8, any::<bool>(), 0..3u8, any::<bool>()), 0..6),
    ) {
        let all: Vec<Agent> = (0..).zip(&agents).map(|(n, (_, up, state, able))| {
            let mut agent = agent(n, 0);
            agent.admin_state_up = *up;
            let states = [DriverState::Ready, DriverState::Starting, DriverState::Failed];
            agent.drivers[0].state = states[usize::from(*state)];
            if !able {
                agent.drivers[0].features.clear();
            }
            agent
        }).collect();
        let lives: Vec<Judged<'_>> = all.iter().zip(&agents).map(|(agent, (liveness, ..))| Judged {
            liveness: [Liveness::Alive, Liveness::Suspect, Liveness::Dead][usize::from(*liveness)],
            awaited: features(&["haproxy-ns"]),
            agent,
        }).collect();
        let wanted = features(&["protocol:TCP"]);
        let demand = Demand { driver: "haproxy-ns", features: &wanted, members: 0, network: None };
        let found: Vec<AgentId> = candidates(&lives, demand).into_iter().map(|one| one.agent_id).collect();
        let (considered, rejected) = considered(&lives, demand);
        prop_assert_eq!(&found, &considered.iter().map(|agent| agent.id).collect::<Vec<_>>());
        prop_assert_eq!(found.len() + rejected.len(), all.len());
    }

    #[test]
    fn every_policy_chooses_a_candidate_when_there_is_one(loads in proptest::collection::vec(0u32..9, 0..8), random: u64) {
        let candidates: Vec<_> = loads
            .iter()
            .enumerate()
            .map(|(n, load)| Candidate { agent_id: AgentId::from_u128(n as u128), load_balancers: *load })
            .collect();
        for name in POLICIES {
            let chosen = policy(name).unwrap().choose(&candidates, random);
            prop_assert_eq!(chosen.is_some(), !candidates.is_empty());
            if let Some(id) = chosen {
                let chosen = candidates.iter().find(|candidate| candidate.agent_id == id);
                prop_assert!(chosen.is_some());
                if name == "least-loaded" {
                    prop_assert_eq!(chosen.map(|one| one.load_balancers), loads.iter().min().copied());
                }
            }
        }
    }

    #[test]
    fn chance_reaches_every_candidate(count in 1usize..6) {
        let candidates: Vec<_> =
            (0..count).map(|n| Candidate { agent_id: AgentId::from_u128(n as u128), load_balancers: 0 }).collect();
        let policy = policy("chance").unwrap();
        let reached: BTreeSet<_> = (0..count as u64).filter_map(|random| policy.choose(&candidates, random)).collect();
        prop_assert_eq!(reached.len(), count);
    }
}
