mod room;

use std::collections::BTreeSet;

use ballast_model::{
    agent::{AgentDriver, DriverOptions, DriverState, Session, Unclaimed},
    plugs::Plugs,
};
use ballast_store::{Moved, Told};
use proptest::prelude::*;

use super::{life::Life, *};
use crate::placement::{Candidate, Demand};

const LIMITS: LivenessLimits =
    LivenessLimits { suspect_after: Duration::from_secs(12), dead_after: Duration::from_secs(20) };

const HERE: SchedulerId = SchedulerId::from_u128(1);
const THERE: SchedulerId = SchedulerId::from_u128(2);

fn fleet() -> Fleet {
    Fleet::new(HERE, LIMITS, Arc::default())
}

/// As its row says: it has a session with this scheduler.
fn agent_with(scheduler_id: SchedulerId, n: u128) -> Agent {
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
        session: Some(Session { scheduler_id, instance: String::new() }),
        drivers: Vec::new(),
        load_balancers: 1,
    }
}

fn agent(n: u128) -> Agent {
    agent_with(HERE, n)
}

fn driver(state: DriverState) -> AgentDriver {
    AgentDriver {
        name: "haproxy-ns".to_owned(),
        version: String::new(),
        state,
        reason: String::new(),
        features: BTreeSet::new(),
        max_load_balancers: 0,
        max_members: 0,
        full: false,
        plugs: Plugs::default(),
        remarks: Vec::new(),
        options: DriverOptions::default(),
        load_balancers: 0,
    }
}

fn peer(id: SchedulerId, heartbeat: i64) -> Scheduler {
    Scheduler {
        id,
        address: String::new(),
        heartbeat,
        heartbeat_at: Timestamp(0),
        advertised: String::new(),
        version: String::new(),
        started_at: None,
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_agent_of_another_scheduler_lives_while_that_ones_heartbeat_is_seen_to_change() {
    let fleet = fleet();
    let liveness = |now| fleet.liveness(&agent_with(THERE, 1), at(now));
    fleet.set_peers(&[peer(HERE, 1), peer(THERE, 7)], at(100));
    assert_eq!(liveness(100), Liveness::Suspect, "nobody knows yet whether that is of before");
    fleet.set_peers(&[peer(THERE, 6)], at(101));
    assert_eq!(liveness(101), Liveness::Alive);
    for now in 102..113 {
        fleet.set_peers(&[peer(THERE, 6)], at(now));
        assert!(fleet.lapsed(at(now)).is_empty());
    }
    assert_eq!(liveness(112), Liveness::Alive);
    fleet.set_peers(&[peer(THERE, 6)], at(113));
    assert_eq!((liveness(113), fleet.lapsed(at(113))), (Liveness::Suspect, vec![(THERE, 6)]));
    assert_eq!(liveness(121), Liveness::Dead);
}

#[test]
fn an_agent_that_another_scheduler_does_not_hear_of_any_more_is_suspect_at_once_and_dies_when_it_would_there() {
    let fleet = fleet();
    for now in 0..=30 {
        fleet.set_peers(&[peer(THERE, i64::try_from(now).unwrap())], at(now));
    }
    let late = Agent { connected: false, ..agent_with(THERE, 1) };
    assert_eq!(fleet.liveness(&agent_with(THERE, 1), at(30)), Liveness::Alive);
    assert_eq!(fleet.liveness(&late, at(31)), Liveness::Suspect);
    assert_eq!(fleet.liveness(&late, at(38)), Liveness::Suspect);
    assert_eq!(fleet.liveness(&late, at(39)), Liveness::Dead);
    assert_eq!(fleet.liveness(&agent_with(THERE, 1), at(40)), Liveness::Alive, "it is heard of again");
}

#[test]
fn one_that_was_dead_here_stays_so_when_its_session_ends_and_lives_when_another_scheduler_has_it() {
    let fleet = fleet();
    let row = |scheduler_id, at| Agent { started_at: Timestamp(at), ..agent_with(scheduler_id, 1) };
    fleet.liveness(&row(THERE, 1), at(0));
    let number = fleet.open(AgentId::from_u128(1), at(1));
    fleet.silent(AgentId::from_u128(1), number);
    fleet.close(AgentId::from_u128(1), number);
    let over = Agent { connected: false, session: None, ..row(HERE, 2) };
    for ended in [row(HERE, 2), over] {
        assert_eq!(fleet.liveness(&ended, at(30)), Liveness::Dead);
    }
    assert_eq!(fleet.liveness(&row(THERE, 3), at(31)), Liveness::Suspect, "a session has begun there");
}

#[test]
fn a_time_in_which_nobody_looked_is_no_silence_of_another_scheduler() {
    let fleet = fleet();
    fleet.set_peers(&[peer(THERE, 1)], at(0));
    fleet.set_peers(&[peer(THERE, 2)], at(1));
    // The database was away.
    fleet.set_peers(&[peer(THERE, 2)], at(61));
    assert!(fleet.lapsed(at(61)).is_empty());
    assert_eq!(fleet.liveness(&agent_with(THERE, 1), at(61)), Liveness::Alive);
}

#[test]
fn another_instance_waits_for_a_session_wherever_it_is_and_while_it_may_live() {
    let fleet = fleet();
    assert!(!fleet.is_held(&Agent { session: None, ..agent(1) }, at(0)));
    // Here: as long as it is open and heard of.
    let number = fleet.open(AgentId::from_u128(1), at(0));
    assert!(fleet.is_held(&agent(1), at(11)));
    assert!(!fleet.is_held(&agent(1), at(12)));
    fleet.heartbeat(AgentId::from_u128(1), at(13));
    assert!(fleet.is_held(&agent(1), at(13)));
    fleet.close(AgentId::from_u128(1), number);
    assert!(!fleet.is_held(&agent(1), at(13)));
    // There: as long as that scheduler may live and hears of it.
    assert!(fleet.is_held(&agent_with(THERE, 2), at(20)), "it has just begun");
    for now in 20..=32 {
        fleet.set_peers(&[peer(THERE, 1)], at(now));
        assert_eq!(fleet.is_held(&agent_with(THERE, 2), at(now)), now < 32, "{now}");
    }
    fleet.set_peers(&[peer(THERE, 2)], at(33));
    assert!(fleet.is_held(&agent_with(THERE, 2), at(33)));
    assert!(!fleet.is_held(&Agent { connected: false, ..agent_with(THERE, 2) }, at(33)));
}

#[test]
fn an_open_stream_is_not_dead_until_it_was_found_silent_and_lives_again_with_what_is_heard() {
    let fleet = fleet();
    let id = AgentId::from_u128(1);
    let number = fleet.open(id, at(0));
    let liveness = |now| fleet.liveness(&agent(1), at(now));
    assert_eq!(liveness(3600), Liveness::Suspect, "the machine slept: nobody has looked yet");
    fleet.silent(id, number);
    assert_eq!(liveness(3600), Liveness::Dead);
    assert!(fleet.heartbeat(id, at(3601)), "it was away");
    assert_eq!(liveness(3601), Liveness::Alive);
    assert!(!fleet.heartbeat(id, at(3602)));
    fleet.close(id, number);
    assert_eq!(liveness(3602 + 20), Liveness::Dead);
}

#[test]
fn a_time_in_which_this_process_stood_still_is_nobodys_silence() {
    let fleet = fleet();
    let id = AgentId::from_u128(1);
    let number = fleet.open(id, at(0));
    fleet.heartbeat(id, at(5));
    let liveness = |agent: &Agent, now| fleet.liveness(agent, at(now));
    fleet.set_peers(&[peer(THERE, 1)], at(4));
    fleet.set_peers(&[peer(THERE, 2)], at(5));
    let (here, there) = (agent(1), agent_with(THERE, 2));
    liveness(&there, 5);
    fleet.lock().lives.run(Instant::now() + at(60));
    // It had no answer for so long, and dials anew.
    fleet.close(id, number);
    assert_eq!(liveness(&here, 66), Liveness::Suspect);
    assert_eq!(liveness(&there, 66), Liveness::Alive, "what another scheduler heard of it is yet to be read");
    assert_eq!((liveness(&here, 86), liveness(&there, 86)), (Liveness::Dead, Liveness::Dead));
}

#[test]
fn a_former_session_has_no_say() {
    let fleet = fleet();
    let id = AgentId::from_u128(1);
    let former = fleet.open(id, at(0));
    let newer = fleet.open(id, at(1));
    fleet.silent(id, former);
    fleet.close(id, former);
    assert_eq!(fleet.liveness(&agent(1), at(90)), Liveness::Suspect);
    fleet.close(id, newer);
    assert_eq!(fleet.liveness(&agent(1), at(90)), Liveness::Dead);
}

#[test]
fn a_heartbeat_is_nothing_to_record_and_falling_silent_and_coming_back_are_until_recorded() {
    let fleet = fleet();
    let id = AgentId::from_u128(1);
    fleet.open(id, at(0));
    for now in 0..100 {
        fleet.heartbeat(id, at(now));
        assert!(fleet.take_unrecorded(at(now)).is_empty(), "{now}");
    }
    let late = Unrecorded { late: vec![id], back: vec![] };
    assert_eq!(fleet.take_unrecorded(at(111)), late);
    fleet.put_back(&late);
    assert_eq!(fleet.take_unrecorded(at(111)), late);
    assert!(fleet.take_unrecorded(at(112)).is_empty());
    fleet.heartbeat(id, at(113));
    let back = Unrecorded { late: vec![], back: vec![id] };
    assert_eq!(fleet.take_unrecorded(at(113)), back);
    fleet.put_back(&back);
    assert_eq!(fleet.take_unrecorded(at(114)), back);
    assert!(fleet.take_unrecorded(at(115)).is_empty());
}

#[test]
fn when_an_agent_was_heard_of_is_shown_by_this_machines_clock_or_as_it_was_stored() {
    let fleet = fleet();
    let id = AgentId::from_u128(1);
    let number = fleet.open(id, at(0));
    fleet.heartbeat(id, at(10));
    let shown = |now| fleet.heartbeat_at(&agent(1), at(now), Timestamp(100_000_000));
    assert_eq!(shown(13), Timestamp(97_000_000));
    let a_little_later = Timestamp(100_000_001);
    assert_eq!(fleet.heartbeat_at(&agent(1), at(13), a_little_later), Timestamp(97_000_000), "the same moment");
    fleet.heartbeat(id, at(12));
    assert_eq!(shown(13), Timestamp(99_000_000));
    fleet.close(id, number);
    assert_eq!(shown(13), Timestamp(0), "as its row says");
}

#[test]
fn a_driver_that_starts_is_awaited_for_a_while_and_anew_when_it_was_ready() {
    let mut life = Life::default();
    let mut awaited = |state, now| {
        let agent = Agent { drivers: vec![driver(state)], ..agent(1) };
        !life.awaited(&agent, at(now)).is_empty()
    };
    assert!(awaited(DriverState::Starting, 100));
    assert!(awaited(DriverState::Starting, 159));
    assert!(!awaited(DriverState::Starting, 160));
    assert!(!awaited(DriverState::Ready, 161));
    assert!(awaited(DriverState::Starting, 162));
    assert!(!awaited(DriverState::Failed, 163));
}

fn with_room(n: u128) -> Agent {
    let driver = AgentDriver { max_load_balancers: 2, ..driver(DriverState::Ready) };
    Agent { drivers: vec![driver], ..agent(n) }
}

/// Two agents with room for two each, heard of.
fn two_with_room() -> Fleet {
    let fleet = fleet();
    fleet.set_agents(None, vec![with_room(1), with_room(2)]);
    for n in [1, 2] {
        fleet.open(AgentId::from_u128(n), at(0));
    }
    fleet
}

fn chosen(fleet: &Fleet, now: u64) -> Vec<(AgentId, u32)> {
    let demand = Demand { driver: "haproxy-ns", features: &BTreeSet::new(), members: 0, network: None };
    let pairs = |found: &[Candidate]| found.iter().map(|one| (one.agent_id, one.load_balancers)).collect();
    fleet.choose(demand, at(now), pairs)
}

fn told(fleet: &Fleet, told: Told) {
    let mut state = fleet.lock();
    state.apply(vec![told]);
}

fn moved(load_balancer: u128, to: Option<u128>) -> Moved {
    let to = to.map(|agent| (AgentId::from_u128(agent), "haproxy-ns".to_owned()));
    Moved { load_balancer_id: LoadBalancerId::from_u128(load_balancer), standby: false, to }
}

#[test]
fn who_has_a_session_here_that_is_somebody_elses_is_told() {
    let fleet = two_with_room();
    let ids = [1, 2].map(AgentId::from_u128);
    assert!(fleet.set_agents(None, vec![agent(1), agent(2)]).is_empty());
    assert_eq!(fleet.set_agents(Some(&ids[..1]), vec![agent_with(THERE, 1)]), ids[..1]);
    assert_eq!(fleet.set_agents(Some(&ids[1..]), vec![]), ids[1..], "it was deleted");
}

proptest! {
    /// Each step: how long it takes, by how many seconds the wall clock jumps before it, and whether the other
    /// scheduler beats in it.
    #[test]
    fn no_jump_of_a_wall_clock_kills_who_is_heard_of_or_keeps_who_is_not(
        steps in prop::collection::vec((0_u64..2, -100_000_i64..100_000, any::<bool>()), 1..60),
    ) {
        let fleet = fleet();
        let here = AgentId::from_u128(1);
        fleet.open(here, at(0));
        // Another scheduler, and one that ended long ago.
        let ended = SchedulerId::from_u128(3);
        let (mut now, mut wall, mut there) = (0, 0, peer(THERE, 0));
        let mut there_at = 0;
        fleet.set_peers(&[there.clone(), peer(ended, 5)], at(0));
        let judge = |now| {
            [agent(1), agent_with(THERE, 2), agent_with(ended, 3)].map(|agent| fleet.liveness(&agent, at(now)))
        };
        judge(0);
        for (lasts, jump, beats) in steps {
            now += lasts;
            wall += i64::try_from(lasts).unwrap() + jump;
            fleet.heartbeat(here, at(now));
            if beats {
                there = Scheduler { heartbeat: there.heartbeat + 1, heartbeat_at: Timestamp(wall), ..there };
                there_at = now;
            }
            fleet.set_peers(&[there.clone(), peer(ended, 5)], at(now));
            let judged = judge(now);
            prop_assert_eq!(judged[0], Liveness::Alive);
            prop_assert_eq!(judged[1] == Liveness::Dead, now - there_at >= 20);
            prop_assert_eq!(judged[2] == Liveness::Dead, now >= 20);
            prop_assert_ne!(judged[2], Liveness::Alive);
        }
    }
}
