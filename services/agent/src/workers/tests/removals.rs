//! Removals, and what they leave.

use super::*;

#[test]
fn a_removal_is_carried_out_and_confirmed_and_a_stale_one_only_confirmed() {
    let now = Instant::now();
    let mut state = running(order(2, 1), now);
    assert_eq!(state.remove("c", Some(1)), Age::Older);
    assert_eq!(next(&state, now), Step::Confirm(1));
    state.removed(1);
    assert_eq!(next(&state, now), Step::Wait(None));
    assert_eq!(state.remove("c", Some(3)), Age::Newer);
    assert_eq!(state.desire(order(3, 9)), Age::Older);
    assert_eq!(next(&state, now), Step::Undeploy(DRIVER.to_owned()));
    state.begin(now);
    state.undeployed(DRIVER, Ok(UndeployReply::default()), at(now));
    assert_eq!(next(&state, now), Step::Finished);
}

#[test]
fn a_placement_after_a_removal_confirms_the_removal() {
    let now = Instant::now();
    let mut state = running(order(1, 1), now);
    state.remove("c", Some(1));
    assert_eq!(state.desire(order(2, 1)), Age::Newer);
    assert_eq!(next(&state, now), Step::Confirm(1));
    state.removed(1);
    assert!(matches!(next(&state, now), Step::Answer(_)), "the driver still has it");
}

fn left(bytes_in: u64, handover: &[u8]) -> UndeployReply {
    let statistics = Some(Statistics { bytes_in, ..Statistics::default() });
    UndeployReply { statistics, handover: handover.to_vec(), ..UndeployReply::default() }
}

/// Takes it off, with this answer.
fn undeploy(state: &mut State, reply: UndeployReply, now: Instant) {
    assert_eq!(next(state, now), Step::Undeploy(DRIVER.to_owned()));
    state.begin(now);
    state.undeployed(DRIVER, Ok(reply), at(now));
}

fn bytes_in(removed: &Removed) -> Option<u64> {
    removed.statistics.map(|statistics| statistics.bytes_in)
}

#[test]
fn what_is_left_is_told_once_with_the_last_of_several_removals() {
    let now = Instant::now();
    let mut state = running(order(3, 1), now);
    state.remove("c", Some(3));
    state.remove("c", Some(1));
    undeploy(&mut state, left(7, b"clients"), now);
    let earlier = state.removed(1);
    assert_eq!((bytes_in(&earlier), earlier.kept), (None, true), "it ran on under the later one");
    let last = state.removed(3);
    let handover = Handover { driver: DRIVER.to_owned(), content: b"clients".to_vec() };
    assert_eq!((bytes_in(&last), last.handover, last.kept), (Some(7), Some(handover), false));
    assert_eq!(bytes_in(&state.removed(3)), None, "once");
}

#[test]
fn a_removal_that_was_overtaken_says_whether_the_counters_go_on() {
    let now = Instant::now();
    let mut state = running(order(1, 1), now);
    state.remove("c", Some(1));
    state.desire(order(2, 1));
    assert_eq!(state.running(Instant::now()), None, "what it counts is told once it is known whose that is");
    assert!(state.removed(1).kept);
    assert_eq!(state.running(Instant::now()), Some((2, 1)));

    let mut state = running(order(1, 1), now);
    state.remove("c", Some(1));
    state.begin(now);
    state.desire(order(2, 1));
    state.undeployed(DRIVER, Ok(left(7, b"")), at(now));
    let removed = state.removed(1);
    assert_eq!((bytes_in(&removed), removed.kept), (Some(7), false), "it was gone before it came back");
    deploy(&mut state, Ok(Vec::new()), now).unwrap();
}

#[test]
fn too_much_that_is_handed_over_is_dropped_and_the_counters_are_told() {
    let now = Instant::now();
    let mut state = running(order(1, 1), now);
    state.remove("c", Some(1));
    undeploy(&mut state, left(7, &vec![1; ballast_abi::LONGEST_HANDOVER + 1]), now);
    let removed = state.removed(1);
    assert_eq!((bytes_in(&removed), removed.handover), (Some(7), None));
}

#[test]
fn what_was_handed_over_goes_to_the_driver_that_wrote_it_and_is_nothing_that_is_asked_for() {
    let now = Instant::now();
    let mut state = running(order(1, 1), now);
    let of = |driver: &str| Handover { driver: driver.to_owned(), content: b"clients".to_vec() };
    let with = |driver| Order { handover: Some(of(driver)), ..order(1, 1) };
    assert_eq!(with(DRIVER).handed_over(), b"clients");
    assert_eq!(with("another").handed_over(), b"");
    assert_eq!(state.desire(with(DRIVER)), Age::Again);
    assert_eq!(with(DRIVER).to_desired().handover, None, "the ledger has none of it");
}
