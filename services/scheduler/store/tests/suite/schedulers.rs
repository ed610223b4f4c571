//! Several schedulers on one database: each is a store of its own, and none has to know of the others.

use std::time::Duration;

use ballast_model::{
    counters::Epoch,
    fault::{Code, Fault},
    member::NewMember,
    outcome::Outcome,
};
use ballast_store::{Notice, Notification, Notifications};
use sea_orm::ConnectionTrait as _;
use tokio::task::JoinSet;

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{agent, id, new_member, pool, port, store_all, store_subnet},
};

const PATIENCE: Duration = Duration::from_secs(10);

async fn of_two_that_take_an_address_one_has_it(database: &Database) {
    store_subnet(database).await;
    let mut takers = JoinSet::new();
    for number in 0..6 {
        let store = database.reopened().await;
        takers.spawn(async move { write!(store, [], |tx| tx.insert_port(&port(number, "10.0.0.9")).await) });
    }
    let results = takers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    assert!(results.into_iter().filter_map(Result::err).all(|fault| fault.code() == Code::AddressInUse));
}

async fn addresses_that_are_chosen_are_never_chosen_twice(database: &Database) {
    store_subnet(database).await;
    let mut choosers = JoinSet::new();
    for scheduler in 0..3 {
        let store = database.reopened().await;
        choosers.spawn(async move {
            for number in 0..5 {
                write!(store, [], |tx| {
                    let subnet = tx.subnet(id(900)).await?.unwrap();
                    let address = subnet.choose_address(&tx.addresses_taken(id(900)).await?).unwrap();
                    tx.insert_port(&port(scheduler * 100 + number, &address.to_string())).await
                })
                .unwrap();
            }
        });
    }
    choosers.join_all().await;
    assert_eq!(read!(database.store, [], |tx| tx.addresses_taken(id(900)).await).unwrap().len(), 15);
}

async fn a_load_balancer_is_bound_once(database: &Database) {
    store_all(database, &[pool(1)]).await;
    write!(database.store, [], |tx| {
        for number in 1..5 {
            tx.insert_agent(&agent(number)).await?;
        }
        Ok(())
    })
    .unwrap();
    let mut binders = JoinSet::new();
    for number in 1..5 {
        let store = database.reopened().await;
        binders.spawn(async move {
            write!(store, [], |tx| match tx.binding(id(1)).await? {
                Some(_) => Ok(false),
                None => tx.bind(id(1), id(number), "haproxy-ns").await.map(|_| true),
            })
        });
    }
    let bound: Vec<bool> = binders.join_all().await.into_iter().map(Result::unwrap).collect();
    assert_eq!(bound.iter().filter(|bound| **bound).count(), 1);
    assert_eq!(read!(database.store, [], |tx| tx.binding(id(1)).await).unwrap().unwrap().epoch, Epoch::FIRST);
}

async fn no_change_of_another_scheduler_is_lost(database: &Database) {
    store_all(database, &[pool(1)]).await;
    let mut writers = JoinSet::new();
    for scheduler in 0u8..3 {
        let store = database.reopened().await;
        writers.spawn(async move {
            for number in 0u8..5 {
                let last = 10 + scheduler * 10 + number;
                let new = NewMember { weight: 3, ..new_member(100 + u128::from(last), last) };
                write!(store, [new], |tx| {
                    let before = tx.load(id(1)).await?.unwrap();
                    tx.save(&before, &before.clone().add_member(id(1), new)?).await
                })
                .unwrap();
            }
        });
    }
    writers.join_all().await;
    let after = read!(database.store, [], |tx| tx.load(id(1)).await).unwrap().unwrap();
    assert_eq!((after.pools[0].members.len(), after.generation.number()), (15, 16));
}

/// The next notice of others that says where load balancers are to be looked at.
async fn next_notice(notifications: &mut Notifications) -> Notice {
    let notice = async {
        loop {
            match notifications.next().await {
                Notification::Notice(notice) if !notice.load_balancers.is_empty() => return notice,
                Notification::Notice(_) => {}
                Notification::Anything => panic!("the connection was lost"),
            }
        }
    };
    tokio::time::timeout(PATIENCE, notice).await.unwrap()
}

async fn what_one_changes_is_told_with_its_commit_and_a_lost_connection_is_made_again(database: &Database) {
    let Some(mut notifications) = database.store.notifications() else {
        assert!(!database.store.is_shared());
        return;
    };
    let other = database.reopened().await;
    other.speak_as(id(77));
    assert_eq!(notifications.next().await, Notification::Anything, "what was before");
    write!(other, [], |tx| {
        tx.insert_agent(&agent(501)).await?;
        tx.insert(&pool(1)).await?;
        tx.bind(id(1), id(501), "haproxy-ns").await.map(|_| ())
    })
    .unwrap();
    let said = next_notice(&mut notifications).await;
    assert_eq!((said.scheduler_id, said.load_balancers), (id(77), [id(1)].into()));
    // What is undone is not said, nor what changes nothing that an agent is to run.
    let undone = write!(other, [], |tx| {
        tx.release(id(1)).await?;
        Err::<(), _>(Fault::internal("no"))
    });
    assert!(undone.is_err());
    write!(other, [], |tx| {
        let before = tx.load(id(1)).await?.unwrap();
        let outcome = Outcome { generation: before.generation, fault: None, cause: None, faults: Default::default() };
        tx.save(&before, &before.clone().settle(&outcome)).await
    })
    .unwrap();
    write!(other, [], |tx| {
        tx.insert(&pool(2)).await?;
        tx.bind(id(2), id(501), "haproxy-ns").await.map(|_| ())
    })
    .unwrap();
    assert_eq!(next_notice(&mut notifications).await.load_balancers, [id(2)].into());

    let server = sea_orm::Database::connect(&database.url).await.unwrap();
    let end = "SELECT pg_terminate_backend(pid) FROM pg_stat_activity \
               WHERE application_name = 'ballast-scheduler-notifications' AND datname = current_database()";
    server.execute_unprepared(end).await.unwrap();
    let again = tokio::time::timeout(PATIENCE, notifications.next()).await.unwrap();
    assert_eq!(again, Notification::Anything, "it may have missed something");
    write!(other, [], |tx| tx.release(id(2)).await).unwrap();
    assert_eq!(next_notice(&mut notifications).await.load_balancers, [id(2)].into());
    other.set_alone(true);
    write!(other, [], |tx| tx.release(id(1)).await).unwrap();
    let nothing = tokio::time::timeout(Duration::from_millis(200), notifications.next()).await;
    assert!(nothing.is_err(), "{nothing:?}");
}

on_each_backend![
    of_two_that_take_an_address_one_has_it,
    addresses_that_are_chosen_are_never_chosen_twice,
    a_load_balancer_is_bound_once,
    no_change_of_another_scheduler_is_lost,
    what_one_changes_is_told_with_its_commit_and_a_lost_connection_is_made_again,
];
