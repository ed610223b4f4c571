//! Going back to what a load balancer was.

use super::{
    parts::{a_listener, a_member, a_policy, a_pool},
    stopped::running,
    *,
};
use crate::fault::Balancing;

type Step = fn(LoadBalancer) -> Result<LoadBalancer, Fault>;

/// A change of each kind.
const CHANGES: [(&str, Step); 9] = [
    ("a new listener", |one| one.add_listener(a_listener(3, Protocol::Http, 82))),
    ("a listener goes", |one| one.remove_listener(uuid(302))),
    ("a listener's limit", |one| {
        one.change_listener(uuid(301), |listener| {
            listener.connection_limit = 7;
            Ok(())
        })
    }),
    ("a pool goes", |one| one.remove_pool(uuid(402))),
    ("a member's weight", |one| {
        one.change_member(uuid(401), uuid(501), |member| {
            member.weight = 7;
            Ok(())
        })
    }),
    ("a member goes", |one| one.delete_member(uuid(401), uuid(501))),
    ("a monitor goes", |one| Ok(one.remove_monitor(monitor(1).id))),
    ("a policy goes", |one| one.remove_policy(uuid(601))),
    ("its name", |one| {
        one.change(|one| {
            one.name = "other".to_owned();
            Ok(())
        })
    }),
];

/// What is wanted of it, without how far it is.
fn wanted(one: &LoadBalancer) -> LoadBalancer {
    let generation = one.generation;
    let mut one = one.clone().settle(&succeeded(generation));
    (one.generation, one.settled) = (Generation::FIRST, Generation::FIRST);
    one.progress.changed = Generation::FIRST;
    one.change_progress(&|_, progress| Some(Progress { changed: Generation::FIRST, ..progress.clone() }));
    for member in one.pools.iter_mut().flat_map(|pool| &mut pool.members) {
        member.operating_status = OperatingStatus::Unknown;
    }
    one
}

#[test]
fn after_any_change_it_becomes_what_it_was_and_what_did_not_change_stays_as_it_is() {
    for (what, change) in CHANGES {
        let was = running();
        let changed = change(was.clone()).unwrap();
        let generation = changed.generation;
        let changed = changed.settle(&succeeded(generation));
        let back = changed.clone().rolled_back(was.clone()).unwrap();
        assert_eq!(wanted(&back), wanted(&was), "{what}");
        assert_eq!(back.generation, changed.generation.next(), "{what}");
        assert!(back.progress.status.is_pending(), "{what}");
        let same = back.pools.iter().filter(|pool| changed.pools.contains(pool)).count();
        assert!(same + 1 >= changed.pools.len(), "{what}: pools that did not change are pending");
        // And forth again.
        let forth = back.rolled_back(changed.clone()).unwrap();
        assert_eq!(wanted(&forth), wanted(&changed), "{what}");
    }
}

#[test]
fn what_it_is_already_is_no_change() {
    let now = running();
    assert_eq!(now.clone().rolled_back(now.clone()), Ok(now));
}

#[test]
fn a_member_that_is_still_there_fares_as_it_does_and_one_that_comes_back_is_not_known() {
    let was = running();
    let down = [MemberHealth { member_id: uuid(501), status: OperatingStatus::Offline }];
    let two = was.clone().insert_member(uuid(401), a_member(3)).unwrap().observe(&down);
    let back = two.clone().rolled_back(was).unwrap();
    assert_eq!(back.pools[0].members[0].operating_status, OperatingStatus::Offline);
    let again = back.rolled_back(two).unwrap();
    let statuses: Vec<_> = again.pools[0].members.iter().map(|member| member.operating_status).collect();
    assert_eq!(statuses, [OperatingStatus::Offline, OperatingStatus::Unknown]);
    assert_eq!(again.pools[0].members[1].progress.status, ProvisioningStatus::PendingCreate);
}

#[test]
fn what_its_parts_do_not_allow_by_now_is_refused() {
    let was = running().remove_listener(uuid(302)).unwrap();
    let taken = was.clone().add_listener(a_listener(4, Protocol::Http, 81)).unwrap();
    let mut both = was.clone();
    both.listeners = running().listeners.into_iter().chain(taken.listeners.to_vec()).collect();
    assert!(taken.rolled_back(both).is_err(), "two listeners of one port");
    let elsewhere = LoadBalancer { vip: None, ..was.clone() };
    let fault = was.rolled_back(elsewhere).unwrap_err();
    assert_eq!(fault, Balancing::AddressChanged { was: "none".to_owned(), is: "10.0.0.2".to_owned() }.into());
    let policy = running().add_policy(uuid(301), a_policy(2, uuid(401)), None).unwrap();
    let mut gone = policy.clone();
    gone.pools.retain(|pool| pool.id != uuid(401));
    assert!(running().rolled_back(gone).is_err(), "a policy's pool is missing");
    assert!(running().add_pool(a_pool(3, Protocol::Http), None).unwrap().rolled_back(policy).is_ok());
}
