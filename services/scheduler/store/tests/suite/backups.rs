//! Copies of a database on SQLite: whole, of one moment, and for their owner alone.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::atomic::{AtomicBool, Ordering},
};

use ballast_store::{Store, back_up};

use crate::{
    database::{Database, read, write},
    samples::{id, pool},
};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_copy_that_is_made_while_others_write_has_what_was_acknowledged_before_and_is_whole() {
    let database = Database::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    for number in 1..=50 {
        write!(database.store, [], |tx| tx.insert(&pool(number)).await).unwrap();
    }
    let over = std::sync::Arc::new(AtomicBool::new(false));
    let (store, end) = (database.store.clone(), std::sync::Arc::clone(&over));
    let writing = tokio::spawn(async move {
        let mut number = 1_000;
        while !end.load(Ordering::SeqCst) {
            number += 1;
            write!(store, [], |tx| tx.insert(&pool(number)).await).unwrap();
        }
        number
    });
    for round in 0..3 {
        let file = folder.path().join(format!("copy-{round}.db"));
        let size = back_up(&database.url, &file).await.unwrap();
        assert_eq!(size, file.metadata().unwrap().len());
        assert_eq!(file.metadata().unwrap().permissions().mode() & 0o777, 0o600);
        let copy = Store::open(&format!("sqlite://{}", file.display())).await.unwrap();
        assert_eq!(copy.cluster_id(), database.store.cluster_id());
        let ids: Vec<_> = (1..=50).map(id).collect();
        assert_eq!(read!(copy, [ids], |tx| tx.load_many(&ids).await).unwrap().len(), 50);
        // Of what was written meanwhile it has the first ones, without a gap.
        let (mut last, mut gaps) = (0, 0);
        for number in 1_001..3_000 {
            match read!(copy, [], |tx| tx.load(id(number)).await).unwrap() {
                Some(_) if gaps > 0 => panic!("{number} is there, and one before is not"),
                Some(_) => last = number,
                None => gaps += 1,
            }
            if gaps > 20 {
                break;
            }
        }
        assert!(last == 0 || last > 1_000);
        write!(copy, [], |tx| tx.insert(&pool(9_999)).await).unwrap();
    }
    over.store(true, Ordering::SeqCst);
    let last = writing.await.unwrap();
    assert!(read!(database.store, [], |tx| tx.load(id(last)).await).unwrap().is_some(), "the scheduler writes on");
}

#[tokio::test]
async fn what_cannot_be_copied_is_said_and_leaves_nothing() {
    let database = Database::sqlite().await;
    let folder = tempfile::tempdir().unwrap();
    let file = folder.path().join("copy.db");
    std::fs::write(&file, "somebody's").unwrap();
    let taken = back_up(&database.url, &file).await.unwrap_err().to_string();
    assert!(taken.contains("is there already"), "{taken}");
    assert_eq!(std::fs::read(&file).unwrap(), b"somebody's");
    let other = folder.path().join("other.db");
    let postgres = back_up("postgres://u@h/b", &other).await.unwrap_err().to_string();
    assert!(postgres.contains("pg_dump"), "{postgres}");
    let missing = back_up("sqlite:///nowhere/at/all.db", &other).await.unwrap_err().to_string();
    assert!(missing.contains("/nowhere/at/all.db"), "{missing}");
    let nowhere = back_up(&database.url, &folder.path().join("no/such/folder.db")).await.unwrap_err().to_string();
    assert!(nowhere.contains("no/such"), "{nowhere}");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(left, ["copy.db"], "only what was there");
}
