//! Transactions: all or nothing, tried again, one view, no lost update.

use std::sync::{
    Arc,
    atomic::{AtomicU32, Ordering},
};

use ballast_model::{
    fault::{Call, Clash, Code, Fault},
    pool::PoolChange,
};
use tokio::task::JoinSet;

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{address, id, new_member, pool, port, store_all, store_subnet},
};

async fn an_error_undoes_all_that_was_written(database: &Database) {
    let fault = write!(database.store, [], |tx| {
        tx.insert(&pool(1)).await?;
        assert!(tx.load(id(1)).await?.is_some());
        Err::<(), _>(Fault::from(Call::ReaderTooSlow))
    });
    assert_eq!(fault.unwrap_err().code(), Code::ReaderTooSlow);
    assert_eq!(read!(database.store, [], |tx| tx.load(id(1)).await).unwrap(), None);
}

async fn a_conflict_is_tried_again_a_few_times(database: &Database) {
    for (conflicts, expected) in [(3, Ok(4)), (u32::MAX, Err(5))] {
        let tries = Arc::new(AtomicU32::new(0));
        let done = write!(database.store, [tries], |tx| {
            tx.insert(&pool(u128::from(conflicts))).await?;
            let before = tries.fetch_add(1, Ordering::Relaxed);
            if before < conflicts { Err(Fault::from(Clash::DatabaseBusy)) } else { Ok(before + 1) }
        });
        let tries = tries.load(Ordering::Relaxed);
        assert_eq!(done.map_err(|fault| (fault.code() == Code::Conflict).then_some(tries)), expected.map_err(Some));
    }
}

async fn a_load_balancer_that_others_changed_is_not_overwritten(database: &Database) {
    let before = pool(1);
    store_all(database, std::slice::from_ref(&before)).await;
    let ours = before.clone().add_member(id(1), new_member(11, 1)).unwrap();
    let theirs = before.clone().add_member(id(1), new_member(12, 2)).unwrap();
    write!(database.store, [before, theirs], |tx| tx.save(&before, &theirs).await).unwrap();
    let fault = write!(database.store, [before, ours], |tx| tx.save(&before, &ours).await).unwrap_err();
    assert_eq!(fault.code(), Code::Conflict);
    let fault = write!(database.store, [before], |tx| tx.delete(&before).await).unwrap_err();
    assert_eq!(fault.code(), Code::Conflict);
    assert_eq!(read!(database.store, [], |tx| tx.load(id(1)).await).unwrap(), Some(theirs));
}

async fn what_was_committed_is_there_when_the_database_is_opened_again(database: &Database) {
    let load_balancer = pool(1).add_member(id(1), new_member(11, 1)).unwrap();
    store_all(database, std::slice::from_ref(&load_balancer)).await;
    let again = database.reopened().await;
    assert_eq!(again.cluster_id(), database.store.cluster_id());
    assert!(!again.cluster_id().is_nil());
    assert_eq!(read!(again, [], |tx| tx.load(id(1)).await).unwrap(), Some(load_balancer));
}

async fn a_reader_keeps_its_view_while_others_write(database: &Database) {
    let store = database.store.clone();
    let seen = read!(database.store, [store], |tx| {
        let before = tx.load(id(1)).await?;
        write!(store, [], |tx| tx.insert(&pool(1)).await)?;
        Ok((before, tx.load(id(1)).await?))
    });
    assert_eq!(seen.unwrap(), (None, None));
    assert!(read!(database.store, [], |tx| tx.load(id(1)).await).unwrap().is_some());
}

async fn a_reader_cannot_write(database: &Database) {
    let fault = read!(database.store, [], |tx| tx.insert(&pool(1)).await).unwrap_err();
    assert_eq!(fault.code(), Code::Internal);
    write!(database.store, [], |tx| tx.insert(&pool(1)).await).unwrap();
}

async fn writers_at_the_same_time_lose_no_update(database: &Database) {
    store_all(database, &[pool(1)]).await;
    let mut writers = JoinSet::new();
    for _ in 0..4 {
        let store = database.store.clone();
        writers.spawn(async move {
            for _ in 0..10 {
                write!(store, [], |tx| {
                    let before = tx.load(id(1)).await?.unwrap();
                    let description = format!("{}x", before.pools[0].description);
                    let change = PoolChange { description: Some(description), ..PoolChange::default() };
                    tx.save(&before, &before.clone().update_pool(id(1), change)?).await
                })
                .unwrap();
            }
        });
    }
    writers.join_all().await;
    let after = read!(database.store, [], |tx| tx.load(id(1)).await).unwrap().unwrap();
    assert_eq!(after.pools[0].description.len(), 40);
    assert_eq!(after.generation.number(), 41);
}

async fn one_of_many_writers_gets_an_address(database: &Database) {
    store_subnet(database).await;
    let mut writers = JoinSet::new();
    for number in 0..8 {
        let store = database.store.clone();
        writers.spawn(async move { write!(store, [], |tx| tx.insert_port(&port(number, "10.0.0.9")).await) });
    }
    let results = writers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for fault in results.into_iter().filter_map(Result::err) {
        assert_eq!(fault.code(), Code::AddressInUse);
    }
    assert!(read!(database.store, [], |tx| tx.address_in_use(id(900), address("10.0.0.9")).await).unwrap());
}

async fn work_that_is_given_up_leaves_the_writer_usable(database: &Database) {
    for round in 0..20 {
        let store = database.store.clone();
        let (started, mut at_work) = tokio::sync::mpsc::channel::<()>(1);
        let task = tokio::spawn(async move {
            write!(store, [started], |tx| {
                tx.insert(&pool(1)).await?;
                started.send(()).await.map_err(Fault::internal)?;
                tx.load(id(1)).await?;
                std::future::pending::<Result<(), Fault>>().await
            })
        });
        at_work.recv().await.unwrap();
        task.abort();
        assert!(task.await.unwrap_err().is_cancelled());
        write!(database.store, [], |tx| tx.insert(&pool(100 + round)).await).unwrap();
    }
    assert_eq!(read!(database.store, [], |tx| tx.load(id(1)).await).unwrap(), None);
}

on_each_backend![
    an_error_undoes_all_that_was_written,
    a_conflict_is_tried_again_a_few_times,
    a_load_balancer_that_others_changed_is_not_overwritten,
    what_was_committed_is_there_when_the_database_is_opened_again,
    a_reader_keeps_its_view_while_others_write,
    a_reader_cannot_write,
    writers_at_the_same_time_lose_no_update,
    one_of_many_writers_gets_an_address,
    work_that_is_given_up_leaves_the_writer_usable,
];
