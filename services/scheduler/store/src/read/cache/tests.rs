use ballast_model::{
    listener::Protocol,
    pool::{LbMethod, NewPool},
};

use super::*;

fn load_balancer(number: u128) -> LoadBalancer {
    LoadBalancer::with_pool(NewPool {
        id: ballast_model::ids::PoolId::from_u128(number),
        project_id: "p".to_owned(),
        name: String::new(),
        description: String::new(),
        subnet_id: ballast_model::ids::SubnetId::from_u128(1),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    })
}

fn held(number: u128, stamp: i64) -> Held {
    Held { stamp, load_balancer: load_balancer(number) }
}

fn stamp_of(desk: &Desk, number: u128) -> Option<i64> {
    desk.held(LoadBalancerId::from_u128(number)).map(|held| held.stamp)
}

#[test]
fn what_is_not_committed_is_held_for_nobody_else() {
    let cache = Cache::new(Memory { most: 10 });
    let (writer, reader) = (Desk::of_writer(&cache), Desk::of_reader(&cache));
    writer.begin();
    writer.found(held(1, 7));
    writer.keep();
    writer.begin();
    writer.saved(8, &load_balancer(1), &load_balancer(1));
    writer.found(held(2, 9));
    assert_eq!((stamp_of(&writer, 1), stamp_of(&writer, 2), stamp_of(&reader, 1)), (Some(8), Some(9), None));
    // The second work failed.
    writer.begin();
    assert_eq!((stamp_of(&writer, 1), stamp_of(&writer, 2)), (Some(7), None));
    writer.done().publish();
    assert_eq!((stamp_of(&reader, 1), stamp_of(&reader, 2)), (Some(7), None));
}

#[test]
fn what_was_loaded_elsewhere_is_not_held_when_it_is_saved() {
    let cache = Cache::new(Memory { most: 10 });
    Desk::of_reader(&cache).found(held(1, 7));
    let writer = Desk::of_writer(&cache);
    writer.saved(8, &load_balancer(1), &load_balancer(1));
    writer.keep();
    writer.done().publish();
    assert_eq!(stamp_of(&Desk::of_reader(&cache), 1), None);
}

#[test]
fn it_holds_no_more_than_it_may_and_what_is_used() {
    let cache = Cache::new(Memory { most: 4 });
    let reader = Desk::of_reader(&cache);
    for number in [1, 2, 1, 3] {
        if stamp_of(&reader, number).is_none() {
            reader.found(held(number, 5));
        }
    }
    reader.found(held(4, NONE));
    let there = [1, 2, 3, 4].map(|number| cache.shelf().held.contains_key(&LoadBalancerId::from_u128(number)));
    assert_eq!(there, [true, false, true, false]);
    assert_eq!(cache.shelf().size, 4);
    let none = Cache::new(Memory { most: 0 });
    Desk::of_reader(&none).found(held(1, 5));
    assert!(none.shelf().held.is_empty());
}
