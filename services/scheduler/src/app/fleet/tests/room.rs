//! Who has room for one more, as it is counted while others bind and move.

use super::*;

#[test]
fn what_is_bound_is_counted_at_once_and_who_is_full_is_no_candidate_until_it_has_room() {
    let fleet = two_with_room();
    let [one, two] = [1, 2].map(AgentId::from_u128);
    assert_eq!(chosen(&fleet, 1), [(one, 0), (two, 0)]);
    told(&fleet, Told::Moved(moved(7, Some(1))));
    assert_eq!(chosen(&fleet, 1), [(one, 1), (two, 0)]);
    told(&fleet, Told::Moved(moved(7, Some(1))));
    assert_eq!(chosen(&fleet, 1), [(one, 1), (two, 0)], "the same again is nothing new");
    told(&fleet, Told::Moved(moved(8, Some(1))));
    assert_eq!(chosen(&fleet, 1), [(two, 0)]);
    told(&fleet, Told::Moved(moved(8, Some(2))));
    assert_eq!(chosen(&fleet, 1), [(one, 1), (two, 1)]);
    told(&fleet, Told::Moved(moved(7, None)));
    assert_eq!(chosen(&fleet, 2), [(one, 0), (two, 1)]);
    assert_eq!(fleet.standings(at(2)).iter().map(|one| one.load_balancers).collect::<Vec<_>>(), [0, 1]);
}

#[test]
fn a_side_that_stands_by_is_counted_where_it_is_and_when_both_swap_nobody_has_more() {
    let fleet = two_with_room();
    let [one, two] = [1, 2].map(AgentId::from_u128);
    let standby = |to| Moved { standby: true, ..moved(7, to) };
    for moved in [moved(7, Some(1)), standby(Some(2))] {
        told(&fleet, Told::Moved(moved));
    }
    assert_eq!(chosen(&fleet, 1), [(one, 1), (two, 1)]);
    assert_eq!(
        fleet.standbys([7, 8].map(LoadBalancerId::from_u128).into_iter()),
        [(LoadBalancerId::from_u128(7), two)]
    );
    for moved in [moved(7, Some(2)), standby(Some(1))] {
        told(&fleet, Told::Moved(moved));
    }
    assert_eq!(chosen(&fleet, 1), [(one, 1), (two, 1)]);
    let ids = [LoadBalancerId::from_u128(7)];
    fleet.take_stale();
    fleet.set_bindings(&ids, vec![moved(7, Some(2))]);
    assert_eq!(chosen(&fleet, 1), [(one, 0), (two, 1)], "its standby is gone");
    assert!(fleet.standbys(ids.into_iter()).is_empty());
}

#[test]
fn a_standby_is_beside_nobody_of_its_own_and_in_another_zone_where_there_is_one() {
    let fleet = two_with_room();
    let [one, two, three] = [1, 2, 3].map(AgentId::from_u128);
    let in_zone = |number, zone: &str| Agent { zone: zone.to_owned(), ..with_room(number) };
    let beside = |fleet: &Fleet, not: &[AgentId]| {
        let demand = Demand { driver: "haproxy-ns", features: &BTreeSet::new(), members: 0, network: None };
        let ids = |found: &[Candidate]| found.iter().map(|one| one.agent_id).collect::<Vec<_>>();
        fleet.choose_beside(demand, at(1), Beside { agent_id: one, not }, ids)
    };
    fleet.open(three, at(0));
    fleet.set_agents(None, vec![in_zone(1, "a"), in_zone(2, "a"), in_zone(3, "b")]);
    assert_eq!(beside(&fleet, &[]), (vec![three], false));
    assert_eq!(beside(&fleet, &[three]), (vec![two], true), "another host of the same zone, and it says so");
    fleet.set_agents(None, vec![in_zone(1, "a"), in_zone(2, ""), in_zone(3, "a")]);
    assert_eq!(beside(&fleet, &[]), (vec![two, three], true), "of one nobody knows where it is");
    fleet.set_agents(None, vec![in_zone(1, ""), in_zone(2, "a"), in_zone(3, "a")]);
    assert_eq!(beside(&fleet, &[]), (vec![two, three], false), "nobody speaks of zones");
    assert_eq!(beside(&fleet, &[two, three]), (vec![], false));
}

#[test]
fn what_is_read_does_not_undo_what_moved_meanwhile() {
    let fleet = two_with_room();
    let [one, two] = [1, 2].map(AgentId::from_u128);
    for id in [7, 8] {
        told(&fleet, Told::Moved(moved(id, Some(1))));
        told(&fleet, Told::Stale(LoadBalancerId::from_u128(id)));
    }
    let ids = fleet.take_stale();
    assert_eq!(ids.len(), 2);
    told(&fleet, Told::Moved(moved(8, Some(2))));
    // Both were undone, says who read before the second one moved.
    fleet.set_bindings(&ids, Vec::new());
    assert_eq!(chosen(&fleet, 1), [(one, 0), (two, 1)]);
    assert!(fleet.take_stale().is_empty());
    fleet.set_all_bindings(vec![moved(9, Some(1))]);
    assert_eq!(chosen(&fleet, 1), [(one, 1), (two, 0)]);
}

#[test]
fn who_is_not_heard_of_any_more_is_no_candidate_though_it_was_found_a_moment_ago() {
    let fleet = two_with_room();
    let one = AgentId::from_u128(1);
    assert_eq!(chosen(&fleet, 0).len(), 2);
    fleet.silent(AgentId::from_u128(2), 1);
    fleet.heartbeat(one, at(12));
    assert_eq!(chosen(&fleet, 12), [(one, 0)]);
    fleet.close(one, 1);
    assert_eq!(chosen(&fleet, 12).len(), 2, "those that may live are better than none");
    fleet.forget(one);
    assert!(chosen(&fleet, 40).is_empty());
}
