//! A process that writes is killed in the middle of it: whatever it acknowledged is there.

use std::{
    env, fs,
    io::{BufRead as _, BufReader, Write as _},
    process::{Command, Stdio},
};

use ballast_store::Store;
use tokio::task::JoinSet;

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, pool},
};

const URL: &str = "BALLAST_TEST_WRITES_TO";
const TASKS: u128 = 8;
const EACH: u128 = 200;

/// The numbers that a process like this one acknowledges, and how many it says have failed; it is killed after
/// `enough`.
/// `before` is the program that starts it.
fn acknowledged(url: &str, before: &[&str], (round, enough): (u128, usize)) -> (Vec<u128>, usize) {
    let program = env::current_exe().unwrap().into_os_string().into_string().unwrap();
    let test = ["killed::the_process_that_is_killed", "--exact", "--ignored", "--nocapture"];
    let words: Vec<&str> = before.iter().copied().chain([program.as_str()]).chain(test).collect();
    let mut command = Command::new(words[0]);
    command.args(&words[1..]).env(URL, format!("{round} {url}")).stdout(Stdio::piped());
    let mut child = command.spawn().unwrap();
    let (mut numbers, mut failed) = (Vec::new(), 0);
    for line in BufReader::new(child.stdout.take().unwrap()).lines() {
        let line = line.unwrap();
        if let Some(number) = line.strip_prefix("stored ") {
            numbers.push(number.parse().unwrap());
            if numbers.len() == enough {
                child.kill().unwrap();
            }
        }
        failed += usize::from(line.starts_with("failed"));
    }
    child.wait().unwrap();
    (numbers, failed)
}

async fn are_there(store: &Store, numbers: &[u128]) {
    let ids: Vec<_> = numbers.iter().copied().map(id).collect();
    let found = read!(store, [ids], |tx| tx.load_many(&ids).await).unwrap();
    assert_eq!(found.len(), numbers.len(), "some were acknowledged and are not there");
}

async fn what_a_killed_process_acknowledged_is_there(database: &Database) {
    for (round, enough) in [(0, 40), (1, 111), (2, 300)] {
        let url = database.url.clone();
        let task = tokio::task::spawn_blocking(move || acknowledged(&url, &[], (round, enough)));
        let (numbers, failed) = task.await.unwrap();
        assert!(numbers.len() >= enough && failed == 0, "{} stored, {failed} failed", numbers.len());
        are_there(&database.reopened().await, &numbers).await;
        are_there(&database.store, &numbers).await;
    }
}

on_each_backend![what_a_killed_process_acknowledged_is_there];

/// Files may not grow any more: SQLite is told by an error, or the process by a signal that ends it.
#[tokio::test]
async fn what_is_acknowledged_where_files_may_not_grow_is_stored() {
    for ignore in [true, false] {
        let database = Database::sqlite().await;
        let file = database.url.strip_prefix("sqlite://").unwrap();
        let size = |file: String| fs::metadata(file).unwrap().len();
        let limit = size(file.to_owned()).max(size(format!("{file}-wal"))) + 100_000;
        let limit = format!("--fsize={limit}");
        let mut before = vec!["prlimit", limit.as_str(), "--"];
        before.extend(ignore.then_some(["env", "--ignore-signal=XFSZ"]).into_iter().flatten());
        let (numbers, failed) = acknowledged(&database.url, &before, (0, usize::MAX));
        assert!(!numbers.is_empty() && numbers.len() < 1_600, "{} stored", numbers.len());
        assert_eq!(failed > 0, ignore, "{failed} failed");
        are_there(&database.reopened().await, &numbers).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "a part of others: it is what they kill"]
async fn the_process_that_is_killed() {
    let Some(order) = env::var_os(URL) else { return };
    let order = order.into_string().unwrap();
    let (round, url) = order.split_once(' ').unwrap();
    let (round, store) = (round.parse::<u128>().unwrap(), Store::open(url).await.unwrap());
    let mut tasks = JoinSet::new();
    for task in 0..TASKS {
        let store = store.clone();
        tasks.spawn(async move {
            for number in (0..EACH).map(|number| 1_000_000 * round + 1_000 * (task + 1) + number) {
                let line = match write!(store, [], |tx| tx.insert(&pool(number)).await) {
                    Ok(()) => format!("stored {number}\n"),
                    Err(fault) => format!("failed: {fault}\n"),
                };
                std::io::stdout().write_all(line.as_bytes()).unwrap();
            }
        });
    }
    tasks.join_all().await;
}
