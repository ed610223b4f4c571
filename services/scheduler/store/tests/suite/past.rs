//! What load balancers were: what is found by undoing changes is what was there, and no more is kept than is to be.

use ballast_model::{
    counters::Generation,
    listener::Answering,
    load_balancer::LoadBalancer,
    parts::Parts,
    pool::{Association, Pool},
    status::{OperatingStatus, Progress},
};
use ballast_store::{Revision, before};
use proptest::{prelude::*, test_runner::TestRunner};

use crate::{
    database::{Database, on_each_backend, read, write},
    history::{Step, step},
    samples::{id, monitor, new_member, pool},
};

/// What is wanted of it, in an order that does not matter.
fn wanted(mut one: LoadBalancer) -> LoadBalancer {
    let made = || Progress::created(Generation::FIRST);
    one.generation = Generation::FIRST;
    one.settled = Generation::NONE;
    one.progress = made();
    one.labels.updated_at = None;
    if let Some(vip) = &mut one.vip {
        *vip = ballast_model::listener::Vip { address: vip.address, ..crate::samples::new_vip(1, "10.0.0.1").vip };
    }
    for listener in &mut one.listeners {
        (listener.progress, listener.answering) = (made(), Answering::No);
        listener.labels.updated_at = None;
        for policy in &mut listener.policies {
            policy.progress = made();
            policy.labels.updated_at = None;
        }
    }
    for pool in &mut one.pools {
        pool.progress = made();
        pool.labels.updated_at = None;
        for member in &mut pool.members {
            (member.progress, member.operating_status) = (made(), OperatingStatus::Unknown);
            member.labels.updated_at = None;
        }
        let again = |one: Association| {
            let mut monitor = one.monitor;
            monitor.labels.updated_at = None;
            Association { monitor, progress: made() }
        };
        pool.monitors = std::mem::take(&mut pool.monitors).into_iter().map(again).collect();
        sort(&mut pool.members, |member| member.id.uuid());
        sort(&mut pool.monitors, |one| one.monitor.id.uuid());
    }
    sort(&mut one.listeners, |listener| listener.id.uuid());
    sort(&mut one.pools, |pool: &Pool| pool.id.uuid());
    one
}

fn sort<T: Clone>(parts: &mut Parts<T>, key: impl Fn(&T) -> ballast_model::Uuid) {
    parts.sort_by_key(key);
}

/// With a generation of its own, as every change of what is wanted has.
fn changed(step: &Step, before: &LoadBalancer) -> Option<LoadBalancer> {
    let after = step.apply(before.clone()).ok()?;
    let is_reshaped =
        matches!(step, Step::AddPool(_) | Step::RemovePool(_) | Step::AddListener(..) | Step::RemoveListener(_));
    Some(if is_reshaped && after != *before { after.subnet_changed() } else { after })
}

async fn revisions(database: &Database, number: u128) -> Vec<Revision> {
    read!(database.store, [number], |tx| tx.revisions(id(number), 1000).await).unwrap()
}

async fn undo_all(database: &Database, steps: Vec<Step>) {
    database.store.keep_revisions(1000);
    write!(database.store, [], |tx| {
        for number in 1..5 {
            tx.insert_monitor(&monitor(number)).await?;
        }
        tx.insert(&pool(1000)).await
    })
    .unwrap();
    let (mut now, mut known) = (pool(1000), vec![pool(1000)]);
    for step in steps {
        let Some(after) = changed(&step, &now) else { continue };
        write!(database.store, [now, after], |tx| tx.save(&now, &after).await).unwrap();
        if after.generation != now.generation {
            known.push(after.clone());
        }
        now = after;
    }
    let revisions = revisions(database, 1000).await;
    assert_eq!(revisions.len(), known.len());
    let mut behind = now;
    for (revision, was) in revisions.into_iter().zip(known.into_iter().rev()) {
        assert_eq!(revision.generation, was.generation);
        assert_eq!(wanted(behind.clone()), wanted(was), "generation {}", revision.generation);
        behind = before(behind, &revision.difference.unwrap()).unwrap();
    }
}

#[test]
fn what_changed_can_be_undone_change_by_change() {
    let config = ProptestConfig { cases: 24, failure_persistence: None, ..ProptestConfig::default() };
    let lives = TestRunner::new(config).run(&proptest::collection::vec(step(), 1..40), |steps| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async { undo_all(&Database::sqlite().await, steps).await });
        Ok(())
    });
    lives.unwrap();
}

async fn grown(database: &Database, mut now: LoadBalancer, times: u32) -> LoadBalancer {
    for _ in 0..times {
        let after = now.clone().subnet_changed();
        write!(database.store, [now, after], |tx| tx.save(&now, &after).await).unwrap();
        now = after;
    }
    now
}

async fn no_more_is_kept_than_is_to_be(database: &Database) {
    database.store.keep_revisions(10);
    write!(database.store, [], |tx| tx.insert(&pool(1)).await).unwrap();
    write!(database.store, [], |tx| tx.insert(&pool(2)).await).unwrap();
    let now = grown(database, pool(1), 40).await;
    let kept = revisions(database, 1).await;
    assert!((10..18).contains(&kept.len()), "{}", kept.len());
    assert_eq!(kept[0].generation, now.generation);
    assert_eq!(revisions(database, 2).await.len(), 1, "another one's stay");
    database.store.keep_revisions(0);
    grown(database, now, 1).await;
    assert_eq!(revisions(database, 1).await[0].generation, kept[0].generation, "none are kept");
}

async fn with_a_load_balancer_its_history_goes(database: &Database) {
    write!(database.store, [], |tx| tx.insert(&pool(1)).await).unwrap();
    let now = grown(database, pool(1), 3).await;
    assert_eq!(revisions(database, 1).await.len(), 4);
    write!(database.store, [now], |tx| tx.delete(&now).await).unwrap();
    assert!(revisions(database, 1).await.is_empty());
}

async fn a_change_that_is_too_large_is_noted_without_what_it_was(database: &Database) {
    write!(database.store, [], |tx| tx.insert(&pool(1)).await).unwrap();
    let before = pool(1);
    let mut after = before.clone().add_member(id(1), new_member(11, 1)).unwrap();
    for number in 0..1000 {
        let new = new_member(10_000 + u128::from(number), 1);
        let mut one = after.pools[0].members[0].clone();
        (one.id, one.protocol_port) = (new.id, 1000 + number);
        after.pools[0].members.push(one);
    }
    write!(database.store, [before, after], |tx| tx.save(&before, &after).await).unwrap();
    let kept = revisions(database, 1).await;
    assert_eq!((kept.len(), &kept[0].difference), (2, &None));
}

on_each_backend![
    no_more_is_kept_than_is_to_be,
    with_a_load_balancer_its_history_goes,
    a_change_that_is_too_large_is_noted_without_what_it_was,
];
