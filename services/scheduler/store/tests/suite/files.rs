//! SQLite's files go, are replaced, or are damaged: it is noticed, and nothing is acknowledged that would be lost.

use std::{fs, os::unix::fs::FileExt as _, path::Path};

use ballast_model::fault::{Code, Fault};
use ballast_store::Store;
use sea_orm::ConnectionTrait as _;
use tempfile::TempDir;

use crate::{
    database::{read, write},
    samples::{id, pool},
};

async fn opened(directory: &Path) -> Store {
    Store::open(&format!("sqlite://{}/ballast.db", directory.display())).await.unwrap()
}

async fn insert(store: &Store, number: u128) -> Result<(), Fault> {
    write!(store, [], |tx| tx.insert(&pool(number)).await)
}

/// Nothing is read or written until it is put back.
async fn is_noticed(name: &str, lose: fn(&Path), restore: fn(&Path)) {
    let directory = TempDir::new().unwrap();
    let store = opened(directory.path()).await;
    insert(&store, 1).await.unwrap();
    let file = directory.path().join(name);
    lose(&file);
    for number in 2..4 {
        let written = insert(&store, number).await.unwrap_err();
        let looked = read!(store, [], |tx| tx.load(id(1)).await).unwrap_err();
        for fault in [written, looked] {
            assert_eq!(fault.code(), Code::Unavailable, "{name}: {fault:?}");
            assert!(fault.detail().unwrap().contains(name), "{fault:?}");
        }
    }
    restore(&file);
    insert(&store, 4).await.unwrap();
    let again = opened(directory.path()).await;
    for store in [&store, &again] {
        for (number, there) in [(1, true), (2, false), (3, false), (4, true)] {
            assert_eq!(read!(store, [], |tx| tx.load(id(number)).await).unwrap().is_some(), there, "{number}");
        }
    }
}

fn aside(file: &Path) -> std::path::PathBuf {
    file.with_extension("aside")
}

#[tokio::test]
async fn a_file_that_is_gone_is_noticed_and_goes_on_when_it_is_put_back() {
    for name in ["ballast.db", "ballast.db-wal"] {
        let lose = |file: &Path| fs::rename(file, aside(file)).unwrap();
        is_noticed(name, lose, |file| fs::rename(aside(file), file).unwrap()).await;
    }
}

#[tokio::test]
async fn a_file_that_was_replaced_is_noticed() {
    for name in ["ballast.db", "ballast.db-wal"] {
        let lose = |file: &Path| {
            fs::rename(file, aside(file)).unwrap();
            fs::copy(aside(file), file).unwrap();
        };
        is_noticed(name, lose, |file| fs::rename(aside(file), file).unwrap()).await;
    }
}

#[tokio::test]
async fn a_file_that_goes_during_a_transaction_is_no_acknowledgement() {
    let directory = TempDir::new().unwrap();
    let store = opened(directory.path()).await;
    let file = directory.path().join("ballast.db");
    let done = write!(store, [file], |tx| {
        tx.insert(&pool(1)).await?;
        fs::remove_file(&file).map_err(Fault::internal)
    });
    assert_eq!(done.unwrap_err().code(), Code::Unavailable);
}

#[tokio::test]
async fn a_damaged_page_is_found_when_the_database_is_opened() {
    let directory = TempDir::new().unwrap();
    let store = opened(directory.path()).await;
    for number in 0..200 {
        insert(&store, number).await.unwrap();
    }
    drop(store);
    let path = directory.path().join("ballast.db");
    let connection = sea_orm::Database::connect(format!("sqlite://{}", path.display())).await.unwrap();
    connection.execute_unprepared("PRAGMA wal_checkpoint(TRUNCATE)").await.unwrap();
    connection.close().await.unwrap();
    let file = fs::OpenOptions::new().write(true).open(&path).unwrap();
    let pages = file.metadata().unwrap().len() / 4096;
    assert!(pages > 40, "{pages}");
    file.write_all_at(&[0xa5; 4096], (pages - 5) * 4096).unwrap();
    let url = format!("sqlite://{}", path.display());
    let text = Store::open(&url).await.unwrap_err().to_string();
    assert!(text.contains("damaged") && text.contains("restore a backup") && !text.contains('\n'), "{text}");
}
