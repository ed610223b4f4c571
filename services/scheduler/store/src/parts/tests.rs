use ballast_model::{Uuid, load_balancer::LoadBalancer, outcome::Statistics};
use proptest::prelude::*;

use super::*;

fn id<I: From<Uuid>>(number: u128) -> I {
    Uuid::from_u128(number).into()
}

fn counted(connections: u64) -> Statistics {
    Statistics {
        bytes_in: 10 * connections,
        bytes_out: 100 * connections,
        total_connections: connections,
        ..Statistics::default()
    }
}

/// One pool with two members.
fn parts(counts: [u64; 2]) -> Parts {
    let [one, other] = counts;
    Parts {
        pools: [(id(1), counted(one + other))].into(),
        members: [(id(11), counted(one)), (id(12), counted(other))].into(),
    }
}

#[derive(Debug, Clone)]
enum Event {
    /// So many connections to each member.
    Clients(u8, u8),
    /// The agent tells what it has counted.
    Told,
    /// It is placed on another agent.
    Moved,
    /// The oldest of the former agents has let go of it; it says where its counters ended, or not.
    Ended(bool),
    /// It is stored and read.
    Stored,
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => (any::<u8>(), any::<u8>()).prop_map(|(one, other)| Event::Clients(one, other)),
        4 => Just(Event::Told),
        2 => Just(Event::Moved),
        2 => any::<bool>().prop_map(Event::Ended),
        1 => Just(Event::Stored),
    ]
}

#[derive(Default)]
struct Placement {
    epoch: u64,
    counts: [u64; 2],
    told: [u64; 2],
}

fn ending(counts: [u64; 2]) -> Ending {
    Ending::At { whole: Statistics::default(), listeners: Vec::new(), parts: parts(counts) }
}

proptest! {
    #[test]
    fn what_was_counted_never_goes_back_and_is_all_there_in_the_end(events in prop::collection::vec(event(), 0..60)) {
        let mut document = Document::default();
        let mut present = Placement { epoch: 1, ..Placement::default() };
        let mut former: Vec<Placement> = Vec::new();
        // By all that have ended or told.
        let mut sum = [0_u64; 2];
        for event in events {
            let before = [11, 12].map(|member| document.member(id(member)).total_connections);
            match event {
                Event::Clients(one, other) => {
                    present.counts[0] += u64::from(one);
                    present.counts[1] += u64::from(other);
                }
                Event::Told => {
                    (0..2).for_each(|at| sum[at] += present.counts[at] - present.told[at]);
                    present.told = present.counts;
                    document.tell(present.epoch.into(), &parts(present.counts));
                }
                Event::Moved if former.len() < MOST => {
                    document.end_placement(present.epoch.into());
                    let next = Placement { epoch: present.epoch + 1, ..Placement::default() };
                    former.push(std::mem::replace(&mut present, next));
                }
                Event::Ended(said) if !former.is_empty() => {
                    let ended = former.remove(0);
                    if said {
                        (0..2).for_each(|at| sum[at] += ended.counts[at] - ended.told[at]);
                    }
                    let ending = if said { ending(ended.counts) } else { Ending::Unknown };
                    document.end_counting(ended.epoch.into(), &ending);
                }
                Event::Stored => document = Document::read(&document.text()).unwrap(),
                Event::Moved | Event::Ended(_) => {}
            }
            let now = [11, 12].map(|member| document.member(id(member)).total_connections);
            prop_assert!(now[0] >= before[0] && now[1] >= before[1], "{before:?}, then {now:?}");
            prop_assert_eq!(now, sum);
            prop_assert_eq!(document.pool(id(1)), counted(sum[0] + sum[1]));
        }
    }
}

#[test]
fn what_goes_on_on_the_same_agent_is_counted_once() {
    let mut document = Document::default();
    document.tell(1.into(), &parts([10, 0]));
    document.end_placement(1.into());
    document.tell(2.into(), &parts([1, 0]));
    document.end_placement(2.into());
    document.end_counting(2.into(), &ending([2, 0]));
    document.end_counting(1.into(), &Ending::GoesOn);
    document.tell(3.into(), &parts([13, 0]));
    assert_eq!(document.member(id(11)), counted(15));
}

#[test]
fn an_old_agent_a_figure_that_goes_back_and_a_scheduler_that_knows_nothing_of_parts_take_nothing_away() {
    let mut document = Document::default();
    document.tell(2.into(), &parts([10, 5]));
    assert!(!document.is_news(1.into(), &parts([99, 99])), "of a former placement");
    assert!(!document.is_news(2.into(), &parts([9, 5])), "a pool of less, and a member");
    // That one has moved it, and has not said so.
    document.tell(3.into(), &parts([1, 1]));
    assert_eq!((document.member(id(11)), document.pool(id(1))), (counted(11), counted(17)));
    let active = Statistics { active_connections: 7, ..counted(2) };
    document.tell(3.into(), &Parts { members: [(id(11), active)].into(), ..Parts::default() });
    assert_eq!(document.member(id(11)), Statistics { active_connections: 7, ..counted(12) });
}

#[test]
fn what_is_no_more_is_forgotten_and_nothing_is_an_empty_text() {
    assert_eq!(Document::default().text(), "");
    let mut document = Document::default();
    document.tell(1.into(), &parts([1, 2]));
    let none = LoadBalancer::with_pool(ballast_model::pool::NewPool {
        id: id(2),
        project_id: "p".to_owned(),
        name: String::new(),
        description: String::new(),
        subnet_id: id(900),
        protocol: ballast_model::listener::Protocol::Http,
        lb_method: ballast_model::pool::LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    });
    document.keep(&none);
    // As many pools as there are: one of them is another, and goes with the next that comes.
    assert_eq!((document.member(id(11)), document.pool(id(1))), (Statistics::default(), counted(3)));
}
