//! Which scheduler leads, and that one that does not any more writes nothing as if it did.

use ballast_model::{
    fault::{Absence, Facts},
    ids::SchedulerId,
    time::Timestamp,
};
use ballast_store::{Lead, Scheduler, Store, leading};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, pool},
};

fn scheduler(number: u128) -> Scheduler {
    Scheduler {
        id: SchedulerId::from_u128(number),
        address: format!("address {number}"),
        heartbeat: 1,
        heartbeat_at: Timestamp(1),
        advertised: format!("ctl-{number}:9697"),
        version: "1".to_owned(),
        started_at: Some(Timestamp(1)),
    }
}

async fn lives(store: &Store, number: u128) {
    let one = scheduler(number);
    // On a database of one scheduler a start ends the others.
    write!(store, [one], |tx| tx.heartbeat(&one).await.map(|_| ())).unwrap();
}

async fn take(store: &Store, number: u128) -> Option<Lead> {
    let id = SchedulerId::from_u128(number);
    write!(store, [], |tx| tx.take_lead(id).await).unwrap()
}

async fn ends(store: &Store, number: u128) {
    let one = scheduler(number);
    write!(store, [one], |tx| tx.end_scheduler(one.id, one.heartbeat).await).unwrap();
}

async fn one_of_those_that_live_leads_and_each_has_a_term_of_its_own(database: &Database) {
    let store = &database.store;
    assert_eq!(read!(store, [], |tx| tx.lead().await).unwrap(), None);
    assert_eq!(take(store, 1).await, None, "one that is not among the living leads nobody");
    lives(store, 1).await;
    lives(store, 2).await;
    let first = take(store, 1).await.unwrap();
    assert_eq!((first.scheduler_id, first.term), (SchedulerId::from_u128(1), 1));
    assert_eq!(take(store, 1).await, Some(first), "it has it already");
    assert_eq!(take(store, 2).await, Some(first));
    ends(store, 1).await;
    let second = take(store, 2).await.unwrap();
    assert_eq!((second.scheduler_id, second.term), (SchedulerId::from_u128(2), 2));
    lives(store, 1).await;
    assert_eq!(take(store, 1).await, Some(second), "who comes back does not get it back");
    assert_eq!(read!(store, [], |tx| tx.lead().await).unwrap(), Some(second));
}

async fn who_does_not_lead_any_more_writes_nothing_as_if_it_did(database: &Database) {
    let store = &database.store;
    lives(store, 1).await;
    lives(store, 2).await;
    let first = take(store, 1).await.unwrap();
    leading(first, async { write!(store, [], |tx| tx.insert(&pool(1)).await) }).await.unwrap();
    ends(store, 1).await;
    leading(first, async { write!(store, [], |tx| tx.insert(&pool(2)).await) }).await.unwrap();
    let second = take(store, 2).await.unwrap();
    let refused = leading(first, async { write!(store, [], |tx| tx.insert(&pool(3)).await) }).await.unwrap_err();
    assert_eq!(refused.facts(), &Facts::Absence(Absence::Lead));
    // The same scheduler leads again: what it was about before is over all the same.
    lives(store, 1).await;
    ends(store, 2).await;
    let third = take(store, 1).await.unwrap();
    assert_eq!((third.scheduler_id, third.term), (first.scheduler_id, second.term + 1));
    let refused = leading(first, async { write!(store, [], |tx| tx.insert(&pool(3)).await) }).await.unwrap_err();
    assert_eq!(refused.facts(), &Facts::Absence(Absence::Lead));
    // Others share its commits, and are none of its concern.
    write!(store, [], |tx| tx.insert(&pool(4)).await).unwrap();
    let found = read!(store, [], |tx| tx.load_many(&[id(1), id(2), id(3), id(4)]).await).unwrap();
    assert_eq!(found.iter().map(|found| found.id).collect::<Vec<_>>(), [id(1), id(2), id(4)]);
}

async fn what_a_scheduler_says_of_itself_is_kept(database: &Database) {
    lives(&database.store, 7).await;
    assert_eq!(read!(database.store, [], |tx| tx.schedulers().await).unwrap(), [scheduler(7)]);
}

on_each_backend!(
    one_of_those_that_live_leads_and_each_has_a_term_of_its_own,
    who_does_not_lead_any_more_writes_nothing_as_if_it_did,
    what_a_scheduler_says_of_itself_is_kept,
);
