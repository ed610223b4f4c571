//! Requests that may be sent again: one object, however often and however close to one another they come.

use ballast_model::{
    fault::{Call, Code, Fault},
    time::Timestamp,
};
use ballast_store::{Claim, Store};
use tokio::task::JoinSet;

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, pool},
};

const DAY: i64 = 24 * 3600 * 1_000_000;

fn claim(object: u128, at: i64) -> Claim {
    Claim {
        project_id: "p".to_owned(),
        request_id: "r".to_owned(),
        digest: "d".to_owned(),
        object_id: id(object),
        at: Timestamp(at),
    }
}

/// The pool of this number, made with a claim.
async fn make(store: &Store, claim: &Claim, number: u128) -> Result<(), Fault> {
    write!(store, [claim], |tx| {
        tx.claim(Some(&claim)).await?;
        tx.insert(&pool(number)).await
    })
}

async fn a_claim_is_written_with_the_object(database: &Database) {
    let first = claim(1, 0);
    assert_eq!(read!(database.store, [first], |tx| tx.claimed(&first).await).unwrap(), None);
    let failed = write!(database.store, [first], |tx| {
        tx.claim(Some(&first)).await?;
        tx.insert(&pool(1)).await?;
        Err::<(), _>(Fault::from(Call::ReaderTooSlow))
    });
    assert!(failed.is_err());
    assert_eq!(read!(database.store, [first], |tx| tx.claimed(&first).await).unwrap(), None);
    make(&database.store, &first, 1).await.unwrap();
    let again = claim(2, 5);
    assert_eq!(read!(database.store, [again], |tx| tx.claimed(&again).await).unwrap(), Some(id(1)));
    // A claim is good for one transaction.
    let fault = make(&database.store, &first, 3).await.unwrap_err();
    assert_eq!(fault.code(), Code::RequestIdReused);
    // Who claims nothing is not concerned.
    write!(database.store, [], |tx| tx.insert(&pool(3)).await).unwrap();
}

async fn another_request_with_the_same_id_is_refused_and_another_project_is_not_concerned(database: &Database) {
    make(&database.store, &claim(1, 0), 1).await.unwrap();
    let different = Claim { digest: "e".to_owned(), ..claim(2, 1) };
    let fault = read!(database.store, [different], |tx| tx.claimed(&different).await).unwrap_err();
    assert_eq!(fault.code(), Code::RequestIdReused);
    let foreign = Claim { project_id: "q".to_owned(), ..different };
    assert_eq!(read!(database.store, [foreign], |tx| tx.claimed(&foreign).await).unwrap(), None);
}

async fn a_request_is_forgotten_after_a_day(database: &Database) {
    make(&database.store, &claim(1, 0), 1).await.unwrap();
    let late = claim(2, DAY);
    assert_eq!(read!(database.store, [late], |tx| tx.claimed(&late).await).unwrap(), None);
    make(&database.store, &late, 2).await.unwrap();
    write!(database.store, [], |tx| tx.forget_requests(Timestamp(DAY)).await).unwrap();
    assert_eq!(read!(database.store, [late], |tx| tx.claimed(&late).await).unwrap(), Some(id(2)));
    write!(database.store, [], |tx| tx.forget_requests(Timestamp(2 * DAY)).await).unwrap();
    let row_is_gone = claim(3, 1);
    assert_eq!(read!(database.store, [row_is_gone], |tx| tx.claimed(&row_is_gone).await).unwrap(), None);
}

async fn of_many_at_the_same_time_one_makes_its_object(database: &Database) {
    let mut writers = JoinSet::new();
    for number in 1..=8 {
        let store = database.store.clone();
        writers.spawn(async move { make(&store, &claim(number, 0), number).await });
    }
    let results = writers.join_all().await;
    assert_eq!(results.iter().filter(|result| result.is_ok()).count(), 1);
    for fault in results.into_iter().filter_map(Result::err) {
        assert_eq!(fault.code(), Code::RequestIdReused);
    }
}

on_each_backend![
    a_claim_is_written_with_the_object,
    another_request_with_the_same_id_is_refused_and_another_project_is_not_concerned,
    a_request_is_forgotten_after_a_day,
    of_many_at_the_same_time_one_makes_its_object,
];
