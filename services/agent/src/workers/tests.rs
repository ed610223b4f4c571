//! Workers' decisions: single cases here, any sequence of events in [`sequences`].

mod removals;
mod sequences;

use std::{sync::Arc, time::Duration};

use ballast_abi::DriverError;
use ballast_proto::{
    agent::{Handover, Removed},
    driver::{DeployReply, Effect, Fault, KnownHealth, LoadBalancer, ObjectFault, Statistics, UndeployReply},
};
use tokio::time::Instant;

use super::{
    order::{Age, Goal, Order},
    plan::{self, Step},
    state::{Availability, Moment, State},
};

const DRIVER: &str = "fault";

fn order(epoch: u64, generation: u64) -> Order {
    Order {
        cluster: "c".to_owned(),
        driver: DRIVER.to_owned(),
        epoch,
        generation,
        load_balancer: LoadBalancer { id: "a".to_owned(), ..LoadBalancer::default() },
        known_health: None,
        handover: None,
        origin: None,
    }
}

fn state(order: Order) -> State {
    State::new("a", Goal::Run(Arc::new(order)))
}

fn at(now: Instant) -> Moment {
    Moment { now, chance: 1.0 }
}

fn next(state: &State, now: Instant) -> Step {
    plan::next(state, &|_| Availability::Ready, now)
}

/// Carries out a deploy that must be next.
fn deploy(state: &mut State, result: Result<Vec<ObjectFault>, Fault>, now: Instant) -> Option<(u64, u64)> {
    let Step::Deploy(order) = next(state, now) else { panic!("no deploy but {:?}", next(state, now)) };
    state.begin(now);
    let result = result.map(|faults| DeployReply { faults, effect: Effect::Reload.into(), ..DeployReply::default() });
    state.deployed(&order, result, at(now)).map(|outcome| {
        let effect = if outcome.fault.is_none() { Effect::Reload } else { Effect::Unspecified };
        assert_eq!(outcome.effect(), effect);
        (outcome.epoch, outcome.generation)
    })
}

fn running(order: Order, now: Instant) -> State {
    let mut state = state(order);
    deploy(&mut state, Ok(Vec::new()), now).unwrap();
    state
}

fn busy() -> Fault {
    DriverError::busy("at work").into()
}

#[test]
fn the_newest_generation_wins_and_older_ones_are_skipped() {
    let now = Instant::now();
    let mut state = state(order(1, 1));
    assert_eq!(state.desire(order(1, 3)), Age::Newer);
    assert_eq!(state.desire(order(1, 2)), Age::Older);
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((1, 3)));
    assert_eq!(next(&state, now), Step::Wait(None));
}

#[test]
fn what_serves_another_generation_is_deployed_again_and_each_time_later_if_that_does_not_help() {
    let now = Instant::now();
    let later = |seconds| now + Duration::from_secs(seconds);
    let mut state = running(order(1, 5), now);
    assert!(!state.reported(DRIVER, 4, now, at(now)), "it was asked before the deploy has ended");
    assert!(!state.reported("another", 4, later(1), at(later(1))), "nobody asks that one");
    assert!(!state.reported(DRIVER, 5, later(1), at(later(1))));
    assert_eq!(next(&state, later(1)), Step::Wait(None));
    assert!(state.reported(DRIVER, 4, later(2), at(later(2))));
    assert!(!state.reported(DRIVER, 4, later(2), at(later(2))), "that is known");
    assert_eq!(deploy(&mut state, Ok(Vec::new()), later(2)), Some((1, 5)), "at once");
    // What the driver has noted says nothing of what serves.
    assert!(!state.observed(DRIVER, Some(5), later(3), at(later(3))));
    assert!(state.reported(DRIVER, 4, later(3), at(later(3))));
    assert!(matches!(next(&state, later(3)), Step::Wait(Some(until)) if until > later(3)), "not at once");
    deploy(&mut state, Ok(Vec::new()), later(200)).unwrap();
    assert!(!state.reported(DRIVER, 5, later(201), at(later(201))));
    assert!(state.reported(DRIVER, 6, later(202), at(later(202))));
    assert_eq!(deploy(&mut state, Ok(Vec::new()), later(202)), Some((1, 5)), "it had helped");
}

#[test]
fn what_is_known_of_members_goes_to_the_driver_and_makes_no_other_order() {
    let now = Instant::now();
    let mut state = running(order(1, 1), now);
    let known = Order { known_health: Some(KnownHealth::default()), ..order(1, 1) };
    assert_eq!(Order::read("c", known.to_desired()).unwrap().asked().known_health, Some(KnownHealth::default()));
    assert_eq!(state.desire(known), Age::Again);
    assert!(matches!(next(&state, now), Step::Answer(_)), "what runs already is answered without a call");
}

#[test]
fn an_order_that_comes_during_a_deploy_is_deployed_after_it_and_an_old_failure_is_not_told() {
    let now = Instant::now();
    let mut state = state(order(1, 1));
    let Step::Deploy(first) = next(&state, now) else { panic!() };
    state.begin(now);
    state.desire(order(1, 2));
    assert_eq!(state.deployed(&first, Err(busy()), at(now)), None);
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((1, 2)));
}

#[test]
fn what_is_deployed_already_is_answered_without_a_call() {
    let now = Instant::now();
    let mut state = running(order(1, 5), now);
    assert_eq!(state.desire(order(1, 5)), Age::Again);
    let Step::Answer(outcome) = next(&state, now) else { panic!() };
    assert_eq!((outcome.epoch, outcome.generation, outcome.fault), (1, 5, None));
    state.answered();
    assert_eq!(state.desire(order(2, 5)), Age::Newer, "placed here once more");
    let Step::Answer(outcome) = next(&state, now) else { panic!() };
    assert_eq!((outcome.epoch, outcome.generation), (2, 5));
}

#[test]
fn other_content_under_the_same_generation_is_deployed() {
    let now = Instant::now();
    let mut state = running(order(1, 5), now);
    let mut changed = order(1, 5);
    changed.load_balancer.name = "other".to_owned();
    assert_eq!(state.desire(changed), Age::Newer);
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((1, 5)));
}

#[test]
fn numbers_of_another_cluster_are_not_compared() {
    let now = Instant::now();
    let mut state = running(order(9, 9), now);
    let foreign = Order { cluster: "other".to_owned(), ..order(1, 1) };
    assert_eq!(state.desire(foreign), Age::Newer);
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((1, 1)));
}

#[test]
fn failures_are_told_and_tried_again_ever_more_slowly() {
    let mut now = Instant::now();
    let mut state = state(order(1, 1));
    for wait in [1, 2, 4, 8, 16, 32, 60, 60] {
        assert_eq!(deploy(&mut state, Err(busy()), now), Some((1, 1)));
        let due = now + Duration::from_secs(wait);
        assert_eq!(next(&state, now), Step::Wait(Some(due)));
        now = due;
    }
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((1, 1)));
    assert_eq!(next(&state, now), Step::Wait(None));
}

#[test]
fn a_busy_device_is_no_failure_for_two_minutes() {
    let begun = Instant::now();
    let mut state = state(order(1, 1));
    let mut now = begun;
    let waits = |state: &mut State, fault: &Fault, now: Instant| {
        let Step::Deploy(order) = next(state, now) else { panic!("no deploy but {:?}", next(state, now)) };
        state.begin(now);
        state.waits(&order, fault, at(now))
    };
    for wait in [1, 2, 4, 8, 16, 32, 60] {
        assert!(waits(&mut state, &busy(), now));
        now += Duration::from_secs(wait);
        assert_eq!(next(&state, now - Duration::from_secs(1)), Step::Wait(Some(now)));
    }
    assert!(!waits(&mut state, &busy(), now), "after {:?}", now - begun);
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((1, 1)));
    state.desire(order(1, 2));
    assert!(!waits(&mut state, &DriverError::unavailable("gone").into(), now));
    assert!(waits(&mut state, &busy(), now), "what was busy before does not count");
}

#[test]
fn what_is_hopeless_waits_for_minutes_or_for_a_change() {
    let now = Instant::now();
    let mut state = state(order(1, 1));
    deploy(&mut state, Err(DriverError::unsupported("no").into()), now);
    assert_eq!(next(&state, now), Step::Wait(Some(now + Duration::from_secs(300))));
    state.driver_started(DRIVER, at(now));
    assert_eq!(next(&state, now), Step::Wait(Some(now + Duration::from_secs(1))));
    state.desire(order(1, 2));
    assert!(matches!(next(&state, now), Step::Deploy(_)));
}

#[test]
fn an_object_that_a_driver_could_not_have_is_asked_for_again_when_the_driver_has_started_anew() {
    let now = Instant::now();
    let settled = |faults: Vec<ObjectFault>| {
        let mut state = state(order(1, 1));
        deploy(&mut state, Ok(faults), now).unwrap();
        state
    };
    let fault = ObjectFault { object_id: "l".to_owned(), fault: Some(DriverError::unsupported("no").into()) };
    let (mut faulty, mut whole) = (settled(vec![fault]), settled(Vec::new()));
    for state in [&mut faulty, &mut whole] {
        assert_eq!(next(state, now), Step::Wait(None));
        state.driver_started("another", at(now));
        assert_eq!(next(state, now), Step::Wait(None));
        state.driver_started(DRIVER, at(now));
    }
    assert!(matches!(next(&faulty, now), Step::Deploy(_)));
    assert_eq!(next(&whole, now), Step::Wait(None));
}

#[test]
fn whoever_asks_again_during_the_wait_is_told_the_failure_at_once() {
    let now = Instant::now();
    let mut state = state(order(1, 1));
    deploy(&mut state, Err(busy()), now);
    state.desire(order(1, 1));
    let Step::Answer(outcome) = next(&state, now) else { panic!() };
    assert_eq!(outcome.fault, Some(busy()));
    state.answered();
    assert_eq!(next(&state, now), Step::Wait(Some(now + Duration::from_secs(1))));
}

#[test]
fn a_driver_that_is_not_there_is_an_answer_and_one_that_starts_is_waited_for() {
    let now = Instant::now();
    let mut state = state(order(1, 1));
    assert_eq!(plan::next(&state, &|_| Availability::Starting, now), Step::Wait(None));
    let Step::Answer(outcome) = plan::next(&state, &|_| Availability::Missing, now) else { panic!() };
    assert!(outcome.fault.unwrap().detail.contains("fault"));
    state.answered();
    assert_eq!(plan::next(&state, &|_| Availability::Missing, now), Step::Wait(None));
    assert!(matches!(next(&state, now), Step::Deploy(_)));
}

#[test]
fn an_object_that_may_be_cured_is_tried_again() {
    let now = Instant::now();
    let mut state = state(order(1, 1));
    let faulty = vec![ObjectFault { object_id: "l".to_owned(), fault: Some(busy()) }];
    assert_eq!(deploy(&mut state, Ok(faulty), now), Some((1, 1)));
    assert_eq!(next(&state, now), Step::Wait(Some(now + Duration::from_secs(1))));
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now + Duration::from_secs(1)), Some((1, 1)));
    assert_eq!(next(&state, now), Step::Wait(None));
}

#[test]
fn a_move_to_another_driver_deploys_there_and_then_undeploys_here() {
    let now = Instant::now();
    let mut state = running(order(1, 1), now);
    state.desire(Order { driver: "new".to_owned(), ..order(2, 1) });
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((2, 1)));
    assert_eq!(next(&state, now), Step::Undeploy(DRIVER.to_owned()));
}

#[test]
fn what_a_driver_has_lost_is_deployed_again_and_ever_more_slowly_if_that_does_not_last() {
    let mut now = Instant::now();
    let mut state = running(order(1, 1), now);
    for wait in [0, 1, 2, 4] {
        let asked = now + Duration::from_millis(1);
        assert!(state.observed(DRIVER, Some(0), asked, at(asked)));
        assert!(!state.observed(DRIVER, Some(0), asked, at(asked)), "the same loss is not counted twice");
        now = asked + Duration::from_secs(wait);
        deploy(&mut state, Ok(Vec::new()), now);
    }
    let asked = now + Duration::from_secs(1);
    assert!(!state.observed(DRIVER, Some(1), asked, at(asked)), "it lasts");
    assert!(state.observed(DRIVER, None, asked, at(asked)));
    assert!(matches!(next(&state, asked), Step::Deploy(_)));
}

#[test]
fn an_observation_that_a_call_has_overtaken_says_nothing() {
    let now = Instant::now();
    let asked = now;
    let mut state = running(order(1, 1), now + Duration::from_secs(1));
    assert!(!state.observed(DRIVER, None, asked, at(now)));
    assert_eq!(next(&state, now), Step::Wait(None));
}

#[test]
fn the_ledger_brings_back_what_was_desired_and_leaves_alone_what_still_runs() {
    let now = Instant::now();
    let mut state = running(order(3, 7), now);
    let entry = state.take_unsaved().unwrap();
    assert_eq!(state.take_unsaved(), None);
    let mut back = State::from_entry(entry.clone()).unwrap();
    assert_eq!(back.to_entry(), entry);
    back.observed(DRIVER, Some(7), now, at(now));
    assert_eq!(next(&back, now), Step::Wait(None), "it runs: no call");
    let mut gone = State::from_entry(entry).unwrap();
    gone.observed(DRIVER, None, now, at(now));
    assert_eq!(deploy(&mut gone, Ok(Vec::new()), now), Some((3, 7)));
}

#[test]
fn a_removal_survives_a_restart() {
    let now = Instant::now();
    let mut state = running(order(1, 1), now);
    state.remove("c", Some(4));
    let back = State::from_entry(state.to_entry()).unwrap();
    assert_eq!(next(&back, now), Step::Undeploy(DRIVER.to_owned()));
    assert_eq!(back.goal(), state.goal());
}

#[test]
fn a_deploy_that_was_cut_short_is_a_failure_only_when_that_happens_again() {
    let now = Instant::now();
    let mut state = state(order(1, 1));
    let Step::Deploy(order) = next(&state, now) else { panic!() };
    state.begin(now);
    assert!(state.interrupted(&order, at(now)));
    let later = now + Duration::from_secs(1);
    assert_eq!(next(&state, now), Step::Wait(Some(later)));
    assert_eq!(next(&state, later), Step::Deploy(order.clone()));
    state.begin(later);
    assert!(!state.interrupted(&order, at(later)));
    assert!(state.deployed(&order, Err(busy()), at(later)).unwrap().fault.is_some());
}

#[test]
fn what_runs_is_observed_also_while_a_newer_generation_fails() {
    let now = Instant::now();
    let mut state = running(order(4, 1), now);
    assert_eq!(state.running(Instant::now()), Some((4, 1)));
    state.desire(order(4, 2));
    deploy(&mut state, Err(busy()), now);
    assert_eq!(state.running(Instant::now()), Some((4, 1)));
    state.remove("c", Some(4));
    assert_eq!(state.running(Instant::now()), None);
}

fn silent(order: Order) -> Order {
    Order { load_balancer: LoadBalancer { silent: true, ..order.load_balancer.clone() }, ..order }
}

#[test]
fn what_is_silent_answers_by_another_deploy_of_the_same_generation_and_is_not_silenced_again() {
    let now = Instant::now();
    let mut state = state(silent(order(2, 1)));
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((2, 1)));
    assert!(matches!(next(&state, now), Step::Wait(None)));
    assert_eq!(state.running(now), None, "nobody is reached and nobody is served from there");
    assert!(State::from_entry(state.to_entry()).is_some_and(|kept| kept.running(now).is_none()), "nor after a restart");

    assert_eq!(state.desire(order(2, 1)), Age::Newer);
    assert_eq!(deploy(&mut state, Ok(Vec::new()), now), Some((2, 1)));
    assert_eq!(state.running(now), None, "what was seen then was seen while it was silent");
    let later = now + Duration::from_millis(1);
    assert_eq!(state.running(later), Some((2, 1)));
    assert_eq!(state.desire(silent(order(2, 1))), Age::Again);
    assert_eq!(state.desire(silent(order(2, 2))), Age::Newer);
    assert!(matches!(state.goal(), Goal::Run(order) if !order.load_balancer.silent && order.generation == 2));
    assert_eq!(state.desire(silent(order(3, 2))), Age::Newer);
    assert!(matches!(state.goal(), Goal::Run(order) if order.load_balancer.silent), "another placement");
}

#[test]
fn the_end_of_a_silent_deploy_says_nothing_of_the_order_to_answer() {
    let now = Instant::now();
    let mut state = state(silent(order(2, 1)));
    let Step::Deploy(first) = next(&state, now) else { panic!("no deploy") };
    state.begin(now);
    state.desire(order(2, 1));
    let ended = state.deployed(&first, Ok(DeployReply::default()), at(now));
    assert_eq!(ended, None);
    assert!(matches!(next(&state, now), Step::Deploy(order) if !order.load_balancer.silent));
}
