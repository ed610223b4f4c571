//! Transactions that share a commit: each is as if it were alone.

use std::sync::Arc;

use ballast_model::{
    fault::{Call, Code, Fault},
    quota::{Limit, Resource},
};
use sea_orm::ConnectionTrait as _;
use tokio::{sync::Semaphore, task::JoinSet};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, pool},
};

/// Work that waits in its transaction until `gate` opens, so that others queue behind it.
async fn hold_the_turn(database: &Database, gate: &Arc<Semaphore>) -> tokio::task::JoinHandle<Result<(), Fault>> {
    let (store, gate) = (database.store.clone(), Arc::clone(gate));
    let (started, mut at_work) = tokio::sync::mpsc::channel::<()>(1);
    let holder = tokio::spawn(async move {
        write!(store, [gate, started], |tx| {
            tx.insert(&pool(1)).await?;
            // It may be run again, when who shares its transaction is dropped: then nobody listens, and the gate is
            // open.
            let _ = started.send(()).await;
            gate.acquire().await.map(drop).map_err(Fault::internal)
        })
    });
    at_work.recv().await.unwrap();
    holder
}

async fn count(database: &Database, numbers: std::ops::Range<u128>) -> usize {
    let ids: Vec<_> = numbers.map(id).collect();
    read!(database.store, [ids], |tx| tx.load_many(&ids).await).unwrap().len()
}

async fn those_that_fail_are_undone_alone(database: &Database) {
    let gate = Arc::new(Semaphore::new(0));
    let holder = hold_the_turn(database, &gate).await;
    let mut writers = JoinSet::new();
    for number in 100..120 {
        let store = database.store.clone();
        writers.spawn(async move {
            write!(store, [], |tx| {
                tx.insert(&pool(number)).await?;
                if number % 2 == 0 { Ok(()) } else { Err(Fault::from(Call::ReaderTooSlow)) }
            })
        });
    }
    tokio::task::yield_now().await;
    gate.add_permits(1);
    holder.await.unwrap().unwrap();
    let done = writers.join_all().await;
    assert_eq!(done.iter().filter(|done| done.is_ok()).count(), 10);
    assert_eq!((count(database, 100..120).await, count(database, 1..2).await), (10, 1));
}

async fn a_statement_that_the_database_refuses_costs_the_others_nothing(database: &Database) {
    let gate = Arc::new(Semaphore::new(0));
    let holder = hold_the_turn(database, &gate).await;
    let mut writers = JoinSet::new();
    for number in 0..12 {
        let store = database.store.clone();
        // Every id comes twice: the second one is refused.
        writers.spawn(async move { write!(store, [], |tx| tx.insert(&pool(100 + number / 2)).await) });
    }
    tokio::task::yield_now().await;
    gate.add_permits(1);
    holder.await.unwrap().unwrap();
    assert_eq!(writers.join_all().await.iter().filter(|done| done.is_ok()).count(), 6);
    assert_eq!(count(database, 100..106).await, 6);
}

async fn those_that_queue_behind_work_that_is_given_up_are_done(database: &Database) {
    let gate = Arc::new(Semaphore::new(0));
    for round in 0..5 {
        let holder = hold_the_turn(database, &gate).await;
        let mut writers = JoinSet::new();
        for number in 0..4 {
            let (store, number) = (database.store.clone(), 100 + round * 10 + number);
            writers.spawn(async move { write!(store, [], |tx| tx.insert(&pool(number)).await) });
        }
        tokio::task::yield_now().await;
        holder.abort();
        assert!(holder.await.unwrap_err().is_cancelled());
        writers.join_all().await.into_iter().for_each(Result::unwrap);
    }
    assert_eq!((count(database, 100..150).await, count(database, 1..2).await), (20, 0));
}

async fn one_that_gives_up_in_the_queue_leaves_no_one_waiting(database: &Database) {
    let gate = Arc::new(Semaphore::new(0));
    let holder = hold_the_turn(database, &gate).await;
    let store = database.store.clone();
    let queued = tokio::spawn(async move { write!(store, [], |tx| tx.insert(&pool(100)).await) });
    tokio::task::yield_now().await;
    gate.add_permits(1);
    queued.abort();
    holder.await.unwrap().unwrap();
    assert_eq!(count(database, 1..2).await, 1);
}

async fn what_one_reads_of_limits_is_what_those_before_it_did_and_not_what_was_undone(database: &Database) {
    let gate = Arc::new(Semaphore::new(0));
    let holder = hold_the_turn(database, &gate).await;
    let limits = |value| [(Resource::LoadBalancer, Limit::new(Resource::LoadBalancer, value).unwrap())];
    let mut tasks = Vec::new();
    for number in 0..6 {
        let store = database.store.clone();
        tasks.push(tokio::spawn(async move {
            write!(store, [limits], |tx| {
                let before = tx.own_limits("p").await?;
                tx.save_limits("p", &limits(number)).await?;
                let after = tx.own_limits("p").await?;
                assert_eq!(after, limits(number));
                // Every second one is undone.
                if number % 2 == 0 { Ok(before) } else { Err(Fault::from(Call::ReaderTooSlow)) }
            })
        }));
        tokio::task::yield_now().await;
    }
    gate.add_permits(1);
    holder.await.unwrap().unwrap();
    let mut seen = Vec::new();
    for task in tasks {
        seen.extend(task.await.unwrap().ok());
    }
    // Whatever the order of their turns: the first found none, each other one what one before it left, and nobody what
    // was undone.
    let kept = [0, 2, 4].map(|number| limits(number).to_vec());
    assert_eq!(seen.len(), 3);
    assert_eq!(seen.iter().filter(|before| before.is_empty()).count(), 1, "{seen:?}");
    assert!(seen.iter().all(|before| before.is_empty() || kept.contains(before)), "{seen:?}");
}

/// PostgreSQL would answer its COMMIT with a rollback, which looks like success.
async fn work_that_goes_on_after_a_failed_statement_is_not_acknowledged(database: &Database) {
    for shared in [false, true] {
        let gate = Arc::new(Semaphore::new(0));
        let holder = if shared { Some(hold_the_turn(database, &gate).await) } else { None };
        let store = database.store.clone();
        let careless = tokio::spawn(async move {
            write!(store, [], |tx| {
                tx.insert(&pool(100)).await?;
                let _ = tx.insert(&pool(100)).await;
                Ok(())
            })
        });
        tokio::task::yield_now().await;
        gate.add_permits(1);
        if let Some(holder) = holder {
            holder.await.unwrap().unwrap();
            assert_eq!(count(database, 1..2).await, 1);
        }
        assert_eq!(careless.await.unwrap().unwrap_err().code(), Code::Internal, "shared: {shared}");
        assert_eq!(count(database, 100..101).await, 0, "shared: {shared}");
    }
}

/// As SQLite does at FULL, IOERR and NOMEM: it undoes the whole at an error, and what comes next would be done by
/// itself.
#[tokio::test]
async fn nothing_is_done_alone_after_sqlite_has_undone_the_whole() {
    let database = Database::sqlite().await;
    let other = sea_orm::Database::connect(database.url.clone()).await.unwrap();
    let undo = "CREATE TRIGGER undo BEFORE INSERT ON pool WHEN NEW.name = 'pool13' BEGIN SELECT RAISE(ROLLBACK, 'undone'); END";
    other.execute_unprepared(undo).await.unwrap();
    for round in 0..2 {
        let gate = Arc::new(Semaphore::new(0));
        let shared = round > 0;
        let holder = if shared { Some(hold_the_turn(&database, &gate).await) } else { None };
        let mut writers = JoinSet::new();
        for number in [100, 13, 101] {
            let (store, round) = (database.store.clone(), 1_000 * round);
            writers.spawn(async move {
                let done = write!(store, [], |tx| {
                    let undone = tx.insert(&pool(if number == 13 { 13 } else { round + number })).await;
                    if number == 13 {
                        tx.insert(&pool(round + 14)).await?;
                    }
                    undone
                });
                (number, done)
            });
        }
        tokio::task::yield_now().await;
        gate.add_permits(1);
        for (number, done) in writers.join_all().await {
            assert_eq!(done.is_ok(), number != 13, "{number}: {done:?}");
        }
        if let Some(holder) = holder {
            holder.await.unwrap().unwrap();
        }
        let there = (1_000 * round + 100)..(1_000 * round + 102);
        assert_eq!(count(&database, there).await, 2, "{round}");
        assert_eq!(count(&database, 1_000 * round + 14..1_000 * round + 15).await, 0, "{round}");
    }
    assert_eq!(count(&database, 1..2).await, 1);
}

on_each_backend![
    work_that_goes_on_after_a_failed_statement_is_not_acknowledged,
    what_one_reads_of_limits_is_what_those_before_it_did_and_not_what_was_undone,
    those_that_fail_are_undone_alone,
    a_statement_that_the_database_refuses_costs_the_others_nothing,
    those_that_queue_behind_work_that_is_given_up_are_done,
    one_that_gives_up_in_the_queue_leaves_no_one_waiting,
];
