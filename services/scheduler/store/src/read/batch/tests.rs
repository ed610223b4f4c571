use std::sync::{
    Arc,
    atomic::{AtomicUsize, Ordering},
};

use tokio::sync::Semaphore;

use super::*;

/// Reads nothing before it may, and counts.
#[derive(Default)]
struct Table {
    gate: Option<Semaphore>,
    statements: AtomicUsize,
}

impl Table {
    async fn read(&self, ids: Vec<u32>) -> Result<HashMap<u32, String>, Fault> {
        self.statements.fetch_add(1, Ordering::SeqCst);
        if let Some(gate) = &self.gate {
            gate.acquire().await.unwrap().forget();
        }
        if ids.contains(&13) {
            return Err(Fault::internal("13"));
        }
        Ok(ids.iter().filter(|id| **id != 0).map(|id| (*id, id.to_string())).collect())
    }
}

type Setting = (Arc<Batch<u32, String>>, Arc<Table>);

fn setting(gate: Option<usize>) -> Setting {
    (Arc::default(), Arc::new(Table { gate: gate.map(Semaphore::new), ..Table::default() }))
}

fn ask((batch, table): &Setting, id: u32) -> tokio::task::JoinHandle<Result<Option<String>, Fault>> {
    let (batch, table) = (Arc::clone(batch), Arc::clone(table));
    tokio::spawn(async move { batch.get(id, |ids| table.read(ids)).await })
}

async fn settle() {
    for _ in 0..100 {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn who_comes_alone_is_served_at_once_and_what_is_not_there_is_none() {
    let setting = setting(None);
    assert_eq!(ask(&setting, 1).await.unwrap().unwrap().as_deref(), Some("1"));
    assert_eq!(ask(&setting, 0).await.unwrap().unwrap(), None);
    assert_eq!(setting.1.statements.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn those_who_wait_share_a_statement_and_its_failure() {
    let setting = setting(Some(0));
    let gate = setting.1.gate.as_ref().unwrap();
    let first = ask(&setting, 1);
    settle().await;
    let others: Vec<_> = (2..13).chain([2]).map(|id| ask(&setting, id)).collect();
    settle().await;
    assert_eq!(setting.1.statements.load(Ordering::SeqCst), 1);
    gate.add_permits(2);
    for (told, id) in [first].into_iter().chain(others).zip((1..13).chain([2])) {
        assert_eq!(told.await.unwrap().unwrap(), Some(id.to_string()));
    }
    assert_eq!(setting.1.statements.load(Ordering::SeqCst), 2);
    gate.add_permits(2);
    assert!(ask(&setting, 13).await.unwrap().is_err());
    assert!(ask(&setting, 14).await.unwrap().is_ok());
}

#[tokio::test]
async fn who_asks_for_all_and_is_dropped_leaves_nobody_waiting() {
    let setting = setting(Some(0));
    let first = ask(&setting, 1);
    settle().await;
    let (third, fourth) = (ask(&setting, 3), ask(&setting, 4));
    settle().await;
    first.abort();
    settle().await;
    // One of the two asks for both now; it goes too.
    third.abort();
    settle().await;
    setting.1.gate.as_ref().unwrap().add_permits(10);
    assert_eq!(fourth.await.unwrap().unwrap().as_deref(), Some("4"));
}

#[tokio::test]
async fn many_more_than_a_statement_is_for_are_all_served() {
    let setting = setting(Some(0));
    let all: Vec<_> = (20..220).map(|id| ask(&setting, id)).collect();
    settle().await;
    setting.1.gate.as_ref().unwrap().add_permits(1000);
    for (told, id) in all.into_iter().zip(20..220_u32) {
        assert_eq!(told.await.unwrap().unwrap(), Some(id.to_string()));
    }
    assert!(setting.1.statements.load(Ordering::SeqCst) <= 1 + 200_usize.div_ceil(LARGEST));
}
