use super::*;

const AGENT: AgentId = AgentId::from_u128(1);
const ID: LoadBalancerId = LoadBalancerId::from_u128(2);
const OWNER: Owner = Owner { agent_id: AGENT, load_balancer_id: ID, epoch: Epoch::FIRST };
/// Longer than anything here takes.
const OLD: Duration = Duration::from_secs(1_000_000);

/// Room for three, and for a history of so many.
fn histories(count: usize) -> Histories {
    let clock = Clock::from_fn(|| std::time::UNIX_EPOCH).with_monotonic(|| Duration::ZERO);
    let histories = Histories::new(0, Duration::from_secs(5), &clock);
    Histories { room: count * OF_HISTORY + 3 * OF_KNOWN, ..histories }
}

/// Begun long before, so that no step is of the time before it.
fn entered(histories: &Histories) {
    histories.enter(AGENT, seconds(0));
}

fn seconds(seconds: u64) -> Duration {
    Duration::from_secs(seconds)
}

fn counted(bytes_in: u64) -> Statistics {
    Statistics { bytes_in, ..Statistics::default() }
}

/// An agent tells this at a second.
fn tell(histories: &Histories, owner: Owner, at: u64, counted: Statistics) {
    histories.note(&[TrafficReport { owner, term: Term::NONE, counted, age: OLD }], seconds(at));
}

/// What came in each step of the last ten minutes, and how long ago the first began.
fn seen(histories: &Histories, owner: &Owner, span: Span, at: u64) -> Option<(u64, Vec<u64>)> {
    let read = histories.read(owner, span, seconds(at))?;
    let points = read.points.iter().map(|point| point.bytes_in).collect();
    Some(((read.now - read.begin) / 1_000, points))
}

fn last(histories: &Histories, owner: &Owner, at: u64, count: usize) -> Vec<u64> {
    let (_, points) = seen(histories, owner, Span::TenMinutes, at).unwrap();
    points[points.len() - count..].to_vec()
}

#[test]
fn what_is_told_is_in_the_steps_in_which_it_came_and_what_was_before_in_none() {
    let histories = histories(9);
    assert_eq!(seen(&histories, &OWNER, Span::TenMinutes, 60), None, "nothing is known here");
    entered(&histories);
    tell(&histories, OWNER, 60, counted(1_000_000));
    for at in 1..=6 {
        tell(&histories, OWNER, 60 + at * 5, counted(1_000_000 + at * 500));
    }
    // The step that is not over is not told, and neither is one of which the agent may tell more.
    assert_eq!(seen(&histories, &OWNER, Span::TenMinutes, 95), Some((35, vec![1_000, 1_000])));
    assert_eq!(seen(&histories, &OWNER, Span::TenMinutes, 96), Some((36, vec![1_000, 1_000, 1_000])));
    // It is idle, and then it is not.
    tell(&histories, OWNER, 300, counted(1_003_600));
    assert_eq!(last(&histories, &OWNER, 316, 4), [0, 0, 600, 0]);
    let (ago, minutes) = seen(&histories, &OWNER, Span::TwoHours, 366).unwrap();
    assert_eq!((ago, minutes), (306, vec![3_000, 0, 0, 600, 0]));
}

#[test]
fn no_more_is_known_than_there_are_steps() {
    let histories = histories(9);
    entered(&histories);
    for at in 0..2_000 {
        tell(&histories, OWNER, at * 5, counted(at * 5));
    }
    let (ago, points) = seen(&histories, &OWNER, Span::TenMinutes, 10_006).unwrap();
    assert_eq!((ago, points.len(), points[0]), (606, 60, 10));
    let (ago, minutes) = seen(&histories, &OWNER, Span::TwoHours, 10_026).unwrap();
    assert_eq!((ago, minutes.len(), minutes[0], minutes[118]), (7_206, 120, 60, 60));
}

#[test]
fn counting_that_begins_anew_and_a_number_that_is_too_small_for_once_are_no_leap() {
    let histories = histories(9);
    entered(&histories);
    tell(&histories, OWNER, 100, counted(5_000));
    tell(&histories, OWNER, 105, counted(5_500));
    tell(&histories, OWNER, 110, counted(0));
    tell(&histories, OWNER, 115, counted(5_600));
    tell(&histories, OWNER, 120, counted(30));
    tell(&histories, OWNER, 125, counted(80));
    assert_eq!(last(&histories, &OWNER, 136, 3), [500, 100, 50]);
}

#[test]
fn another_placement_counts_from_what_it_tells_first() {
    let histories = histories(9);
    entered(&histories);
    tell(&histories, OWNER, 100, counted(5_000));
    tell(&histories, OWNER, 105, counted(5_500));
    let next = Owner { agent_id: AgentId::from_u128(9), epoch: OWNER.epoch.next(), ..OWNER };
    histories.enter(next.agent_id, seconds(1));
    tell(&histories, next, 115, counted(9_000_000));
    tell(&histories, OWNER, 117, counted(5_900));
    tell(&histories, next, 120, counted(9_000_010));
    assert_eq!(last(&histories, &next, 126, 2), [500, 10], "what was before is still there");
    // It was elsewhere meanwhile, and nobody here knows what it did.
    let back = Owner { epoch: next.epoch.next().next(), ..OWNER };
    tell(&histories, back, 200, counted(70));
    assert_eq!(seen(&histories, &back, Span::TenMinutes, 216), Some((16, vec![0])));
}

#[test]
fn what_an_agent_tells_after_it_was_away_came_evenly_while_it_was() {
    let histories = histories(9);
    entered(&histories);
    for at in 12..=20 {
        tell(&histories, OWNER, at * 5, counted(at * 500));
    }
    histories.hear(AGENT, seconds(100));
    histories.leave(AGENT);
    assert_eq!(seen(&histories, &OWNER, Span::TenMinutes, 900), Some((810, vec![])), "it is known until then");
    assert_eq!(last(&histories, &OWNER, 200, 2), [1_000, 1_000]);
    histories.enter(AGENT, seconds(149));
    tell(&histories, OWNER, 150, counted(15_000));
    assert_eq!(last(&histories, &OWNER, 156, 6), [1_000; 6]);
}

#[test]
fn a_load_balancer_that_is_new_is_known_from_its_beginning() {
    let histories = histories(9);
    entered(&histories);
    let told = TrafficReport { owner: OWNER, term: Term::NONE, counted: counted(700), age: seconds(7) };
    histories.note(&[told], seconds(107));
    assert_eq!(seen(&histories, &OWNER, Span::TenMinutes, 126), Some((26, vec![700, 0])));
}

#[test]
fn idle_ones_have_no_history_and_what_is_idle_for_long_loses_it() {
    let histories = histories(9);
    entered(&histories);
    tell(&histories, OWNER, 100, counted(5));
    let has = || histories.lock().known[&ID].history.is_some();
    assert!(!has());
    tell(&histories, OWNER, 105, Statistics { active_connections: 1, ..counted(5) });
    let other = Owner { load_balancer_id: LoadBalancerId::from_u128(3), ..OWNER };
    tell(&histories, other, 50_000, counted(1));
    assert!(has(), "somebody is still connected");
    tell(&histories, OWNER, 50_005, counted(5));
    tell(&histories, other, 60_000, counted(1));
    assert!(!has() && histories.lock().kept.is_empty());
    assert_eq!(last(&histories, &OWNER, 60_010, 2), [0, 0], "it is known to be idle");
}

#[test]
fn who_was_looked_at_longest_ago_gives_way_and_nobody_to_one_that_was_not_looked_at() {
    let histories = histories(2);
    entered(&histories);
    let owner = |number| Owner { load_balancer_id: LoadBalancerId::from_u128(number), ..OWNER };
    let all = |at: u64| (1..=3).for_each(|number| tell(&histories, owner(number), at, counted(at)));
    let kept = || histories.lock().kept.iter().map(|(_, id)| *id).collect::<Vec<_>>();
    all(100);
    all(105);
    assert_eq!(kept(), [owner(1).load_balancer_id, owner(2).load_balancer_id]);
    let (_, points) = seen(&histories, &owner(3), Span::TenMinutes, 111).unwrap();
    assert!(points.is_empty(), "there is no room for it");
    seen(&histories, &owner(1), Span::TenMinutes, 112).unwrap();
    for at in 23..26 {
        all(at * 5);
    }
    assert_eq!(kept(), [owner(3).load_balancer_id, owner(1).load_balancer_id]);
    assert_eq!(seen(&histories, &owner(3), Span::TenMinutes, 136), Some((36, vec![1, 14, 5])));
    histories.forget(owner(3).load_balancer_id);
    histories.forget(owner(3).load_balancer_id);
    assert_eq!(kept(), [owner(1).load_balancer_id]);
}

#[test]
fn there_is_no_more_than_there_is_room_for() {
    let clock = Clock::from_fn(|| std::time::UNIX_EPOCH).with_monotonic(|| Duration::ZERO);
    let histories = Histories::new(1, Duration::from_secs(5), &clock);
    entered(&histories);
    for at in [100, 105, 110] {
        for number in 0..10_000 {
            let owner = Owner { load_balancer_id: LoadBalancerId::from_u128(number), ..OWNER };
            tell(&histories, owner, at, counted(at));
        }
    }
    let book = histories.lock();
    let kept = book.known.values().filter(|known| known.history.is_some()).count();
    assert!(book.used() <= 1 << 20 && kept == book.kept.len(), "{} bytes", book.used());
    // Five thousand with traffic fit into what there is if nobody says otherwise.
    const { assert!(5_000 * (OF_HISTORY + OF_KNOWN) < 16 << 20) };
    drop(book);
    let none = Histories::new(0, Duration::from_secs(5), &clock);
    tell(&none, OWNER, 100, counted(5));
    assert_eq!(seen(&none, &OWNER, Span::TenMinutes, 200), None);
}

#[test]
fn a_sum_is_of_what_is_known_and_of_the_last_step_that_all_have_told() {
    let histories = histories(9);
    entered(&histories);
    let other = Owner { load_balancer_id: LoadBalancerId::from_u128(3), ..OWNER };
    for at in 20..30 {
        for owner in [OWNER, other] {
            tell(&histories, owner, at * 5, Statistics { active_connections: 2, ..counted(at * 10) });
        }
    }
    let sum = histories.sum([ID, other.load_balancer_id, LoadBalancerId::from_u128(4)].into_iter(), seconds(146));
    let expected = TrafficPoint { bytes_in: 40, active_connections: 4, ..TrafficPoint::default() };
    assert_eq!(sum, Some(expected));
    assert_eq!(histories.sum(std::iter::empty(), seconds(9)), None);
    let are_here = |ids: &[AgentId]| histories.are_here(ids.iter().copied());
    assert!(are_here(&[]) && are_here(&[AGENT]) && !are_here(&[AGENT, AgentId::from_u128(5)]));
    histories.leave(AGENT);
    assert!(!are_here(&[AGENT]));
}
