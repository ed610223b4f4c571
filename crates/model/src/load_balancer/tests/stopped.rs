//! Deploys that one object has stopped.

use super::{
    parts::{a_listener, a_member, a_policy, a_pool, empty},
    *,
};

/// Two listeners, each with a pool; the first with a policy, its pool with a member and a monitor.
pub(super) fn running() -> LoadBalancer {
    let whole = empty()
        .add_listener(a_listener(1, Protocol::Http, 80))
        .and_then(|one| one.add_listener(a_listener(2, Protocol::Http, 81)))
        .and_then(|one| one.add_pool(a_pool(1, Protocol::Http), Some(uuid(301))))
        .and_then(|one| one.add_pool(a_pool(2, Protocol::Http), Some(uuid(302))))
        .and_then(|one| one.insert_member(uuid(401), a_member(1)))
        .and_then(|one| one.add_monitor(uuid(401), monitor(1)))
        .and_then(|one| one.add_policy(uuid(301), a_policy(1, uuid(401)), None))
        .unwrap();
    let generation = whole.generation;
    whole.settle(&succeeded(generation))
}

fn stopped(generation: Generation, cause: ObjectId) -> Outcome {
    Outcome { fault: Some("haproxy refused it".to_owned()), cause: Some(cause), ..failed(generation) }
}

fn settled(whole: LoadBalancer, outcome: &Outcome) -> LoadBalancer {
    whole.settle(outcome)
}

fn not_active(whole: &LoadBalancer) -> Vec<ObjectId> {
    let all = whole.progress_of_all().into_iter();
    all.filter(|(_, progress)| progress.status != ProvisioningStatus::Active).map(|(id, _)| id).collect()
}

type Step = fn(LoadBalancer) -> Result<LoadBalancer, Fault>;

/// Each kind of an object: a change of it, its id, and how it is taken away or set right.
fn table() -> Vec<(&'static str, Step, ObjectId, Step)> {
    fn good<T>(_: &mut T) -> Result<(), Fault> {
        Ok(())
    }
    vec![
        (
            "a new listener",
            |one| one.add_listener(a_listener(3, Protocol::Http, 82)),
            uuid(303),
            |one| one.remove_listener(uuid(303)),
        ),
        (
            "a listener",
            |one| one.change_listener(uuid(301), good),
            uuid(301),
            |one| one.change_listener(uuid(301), good),
        ),
        (
            "a new pool",
            |one| one.add_pool(a_pool(3, Protocol::Http), None),
            uuid(403),
            |one| one.remove_pool(uuid(403)),
        ),
        (
            "a new member",
            |one| one.insert_member(uuid(401), a_member(12)),
            uuid(512),
            |one| one.delete_member(uuid(401), uuid(512)),
        ),
        (
            "a member",
            |one| one.change_member(uuid(401), uuid(501), good),
            uuid(501),
            |one| one.change_member(uuid(401), uuid(501), good),
        ),
        (
            "a new monitor",
            |one| one.add_monitor(uuid(402), monitor(2)),
            uuid(202),
            |one| Ok(one.remove_monitor(uuid(202))),
        ),
        ("a monitor", |one| one.change_monitor(&monitor(1)), uuid(201), |one| one.change_monitor(&monitor(1))),
        (
            "a new policy",
            |one| one.add_policy(uuid(302), a_policy(2, uuid(402)), None),
            uuid(602),
            |one| one.remove_policy(uuid(602)),
        ),
        (
            "a rule",
            |one| one.change_rule(uuid(601), uuid(701), good),
            uuid(701),
            |one| one.change_rule(uuid(601), uuid(701), good),
        ),
    ]
}

#[test]
fn a_deploy_that_one_object_stops_is_a_fault_of_that_object_and_of_no_other() {
    for (kind, change, cause, mend) in table() {
        let whole = change(running()).unwrap();
        let outcome = stopped(whole.generation, cause);
        let mut whole = settled(whole, &outcome);
        // It is tried again and again.
        for _ in 0..2 {
            let mut expected = vec![cause];
            // A new policy's rule is not there without it.
            expected.extend((cause == uuid::<ObjectId>(602)).then(|| uuid::<ObjectId>(702)));
            assert_eq!(not_active(&whole), expected, "{kind}");
            assert_eq!(whole.progress.status, ProvisioningStatus::Active, "{kind}");
            let said = whole.progress_of_all().into_iter().find(|(id, _)| *id == cause).unwrap().1;
            assert_eq!(said.description.as_deref(), Some("haproxy refused it"), "{kind}");
            whole = settled(whole, &outcome);
        }
        let mended = mend(whole).unwrap();
        let generation = mended.generation;
        let mended = mended.settle(&succeeded(generation));
        assert_eq!((not_active(&mended), mended.progress.status), (vec![], ProvisioningStatus::Active), "{kind}");
    }
}

#[test]
fn what_was_not_deployed_does_not_say_active_because_another_is_the_cause() {
    let bad = |whole: LoadBalancer| whole.insert_member(uuid(401), a_member(12)).unwrap();
    let cause = uuid(512);
    // A pool of its own generation, one that was touched while it was in ERROR, and one that was changed itself.
    let whole = bad(running());
    let generation = whole.generation;
    let whole = whole.settle(&stopped(generation, cause)).add_pool(a_pool(3, Protocol::Http), None).unwrap();
    let outcome = stopped(whole.generation, cause);
    let whole = whole.settle(&outcome);
    assert_eq!(not_active(&whole), [cause, uuid(403)]);
    assert_eq!(whole.progress.status, ProvisioningStatus::Active);
    let whole = whole.insert_member(uuid(403), a_member(3)).unwrap();
    let outcome = stopped(whole.generation, cause);
    let whole = whole.settle(&outcome);
    assert_eq!(not_active(&whole), [cause, uuid(403), uuid(503)]);
    let whole = whole.change_pool(uuid(402), |_| Ok(())).unwrap();
    let outcome = stopped(whole.generation, cause);
    assert!(not_active(&whole.settle(&outcome)).contains(&uuid(402)));
    // Two changes at once: nobody knows what of them is whose.
    let whole = bad(running()).change_pool(uuid(401), |_| Ok(())).unwrap();
    let whole = whole.insert_member(uuid(401), a_member(4)).unwrap();
    let outcome = stopped(whole.generation, cause);
    assert!(not_active(&whole.settle(&outcome)).contains(&uuid(401)));
    // Of another agent nothing runs.
    let whole = bad(running()).moved();
    let outcome = stopped(whole.generation, cause);
    let whole = whole.settle(&outcome);
    assert_eq!((not_active(&whole).len(), whole.progress.status), (9, ProvisioningStatus::Error));
}

#[test]
fn a_cause_that_is_nothing_of_the_load_balancer_is_a_fault_of_the_whole() {
    let whole = running().insert_member(uuid(401), a_member(12)).unwrap();
    let outcome = stopped(whole.generation, uuid(4711));
    let as_whole = whole.clone().settle(&Outcome { cause: None, ..outcome.clone() });
    assert_eq!(whole.settle(&outcome).progress_of_all(), as_whole.progress_of_all());
    // Of what is made as a whole nothing is there.
    let new = running().assembled().unwrap();
    let outcome = stopped(new.generation, uuid(301));
    let new = new.settle(&outcome);
    assert_eq!((not_active(&new).len(), new.progress.status), (8, ProvisioningStatus::Error));
}
