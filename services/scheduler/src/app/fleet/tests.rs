use ballast_model::{agent::AgentDriver, plugs::Plugs};
use proptest::prelude::*;

use super::*;

const LIMITS: LivenessLimits =
    LivenessLimits { suspect_after: Duration::from_secs(12), dead_after: Duration::from_secs(20) };

/// As its row says: heard of at this time of somebody's wall clock.
fn agent(n: u128, heartbeat_at: i64) -> Agent {
    Agent {
        id: AgentId::from_u128(n),
        host: format!("host-{n}"),
        admin_state_up: true,
        description: None,
        version: String::new(),
        created_at: Timestamp(0),
        started_at: Timestamp(0),
        heartbeat_at: Timestamp(heartbeat_at),
        connected: true,
        drivers: Vec::new(),
        load_balancers: 1,
    }
}

fn at(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

#[test]
fn an_agent_of_another_scheduler_counts_from_when_its_row_was_seen_to_change() {
    let fleet = Fleet::default();
    let liveness = |row, now| fleet.liveness(&agent(1, row), &LIMITS, at(now));
    assert_eq!(liveness(5, 100), Liveness::Alive, "nobody knows yet how old this is");
    assert_eq!(liveness(5, 113), Liveness::Suspect);
    assert_eq!(liveness(5, 120), Liveness::Dead);
    assert_eq!(liveness(4, 121), Liveness::Alive, "its scheduler's clock went back, and it lives");
    assert_eq!(liveness(4, 141), Liveness::Dead);
}

#[test]
fn an_open_stream_is_not_dead_until_it_was_found_silent_and_lives_again_with_what_is_heard() {
    let fleet = Fleet::default();
    let id = AgentId::from_u128(1);
    let number = fleet.open(id, at(0));
    let liveness = |now| fleet.liveness(&agent(1, 0), &LIMITS, at(now));
    assert_eq!(liveness(3600), Liveness::Suspect, "the machine slept: nobody has looked yet");
    fleet.silent(id, number);
    assert_eq!(liveness(3600), Liveness::Dead);
    assert!(fleet.heard(id, at(3601), LIMITS.suspect_after), "it was away");
    assert_eq!(liveness(3601), Liveness::Alive);
    assert!(!fleet.heard(id, at(3602), LIMITS.suspect_after));
    fleet.close(id, number);
    assert_eq!(liveness(3602 + 20), Liveness::Dead);
}

#[test]
fn a_time_in_which_this_process_stood_still_is_nobodys_silence() {
    let fleet = Fleet::default();
    let id = AgentId::from_u128(1);
    let number = fleet.open(id, at(0));
    fleet.heard(id, at(5), LIMITS.suspect_after);
    let liveness = |n, now| fleet.liveness(&agent(n, 0), &LIMITS, at(now));
    liveness(2, 5);
    fleet.lock().run(Instant::now() + at(60));
    // It had no answer for so long, and dials anew.
    fleet.close(id, number);
    assert_eq!(liveness(1, 66), Liveness::Suspect);
    assert_eq!(liveness(2, 66), Liveness::Alive, "what another scheduler heard of it is yet to be read");
    assert_eq!((liveness(1, 86), liveness(2, 86)), (Liveness::Dead, Liveness::Dead));
}

#[test]
fn a_former_session_has_no_say() {
    let fleet = Fleet::default();
    let id = AgentId::from_u128(1);
    let former = fleet.open(id, at(0));
    let newer = fleet.open(id, at(1));
    fleet.silent(id, former);
    fleet.close(id, former);
    assert_eq!(fleet.liveness(&agent(1, 0), &LIMITS, at(90)), Liveness::Suspect);
    fleet.close(id, newer);
    assert_eq!(fleet.liveness(&agent(1, 0), &LIMITS, at(90)), Liveness::Dead);
}

#[test]
fn who_was_heard_of_is_noted_once_and_again_when_that_failed() {
    let fleet = Fleet::default();
    let id = AgentId::from_u128(1);
    fleet.open(id, at(0));
    fleet.heard(id, at(1), LIMITS.suspect_after);
    assert_eq!(fleet.take_unnoted(), [id]);
    assert!(fleet.take_unnoted().is_empty());
    fleet.note_later(&[id]);
    assert_eq!(fleet.take_unnoted(), [id]);
}

#[test]
fn a_driver_that_starts_is_awaited_for_a_while_and_anew_when_it_was_ready() {
    let fleet = Fleet::default();
    let awaited = |state, now| {
        let driver = AgentDriver {
            name: "haproxy-ns".to_owned(),
            version: String::new(),
            state,
            reason: String::new(),
            features: BTreeSet::new(),
            max_load_balancers: 0,
            max_members: 0,
            full: false,
            plugs: Plugs::default(),
            load_balancers: 0,
        };
        let agent = Agent { drivers: vec![driver], ..agent(1, 0) };
        !fleet.judge(vec![agent], &LIMITS, at(now))[0].awaited.is_empty()
    };
    assert!(awaited(DriverState::Starting, 100));
    assert!(awaited(DriverState::Starting, 159));
    assert!(!awaited(DriverState::Starting, 160));
    assert!(!awaited(DriverState::Ready, 161));
    assert!(awaited(DriverState::Starting, 162));
    assert!(!awaited(DriverState::Failed, 163));
}

proptest! {
    /// Each step: how long it takes, by how many seconds the wall clock jumps before it, and whether its row is written.
    #[test]
    fn no_jump_of_a_wall_clock_kills_who_is_heard_of_or_keeps_who_is_not(
        steps in prop::collection::vec((0_u64..12, -100_000_i64..100_000, any::<bool>()), 1..40),
    ) {
        let fleet = Fleet::default();
        let here = AgentId::from_u128(1);
        fleet.open(here, at(0));
        // Two others, of another scheduler: one whose row is written, and one that says nothing any more.
        let (mut now, mut wall) = (0, 0);
        let (mut here_row, mut there_row, mut there_at) = (0, 0, 0);
        fleet.judge(vec![agent(1, 0), agent(2, 0), agent(3, 0)], &LIMITS, at(0));
        for (n, (lasts, jump, written)) in (1_i64..).zip(steps) {
            now += lasts;
            wall += i64::try_from(lasts).unwrap() + jump;
            fleet.heard(here, at(now), LIMITS.suspect_after);
            if written {
                // Never twice the same, as microseconds never are.
                (here_row, there_row, there_at) = (wall * 1_000 + n, wall * 1_000 + n, now);
            }
            let judged = fleet.judge(vec![agent(1, here_row), agent(2, there_row), agent(3, 0)], &LIMITS, at(now));
            prop_assert_eq!(judged[0].liveness, Liveness::Alive);
            prop_assert_eq!(judged[1].liveness == Liveness::Dead, now - there_at >= 20);
            prop_assert_eq!(judged[2].liveness == Liveness::Dead, now >= 20);
        }
    }
}
