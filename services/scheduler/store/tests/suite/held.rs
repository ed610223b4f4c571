//! What is held of load balancers in memory: with it and without, every answer is the same.

use ballast_lab::Postgres;
use ballast_model::{
    fault::Fault,
    health_monitor::{HealthMonitor, MonitorChange},
    load_balancer::LoadBalancer,
};
use ballast_store::{Memory, Store, Tx};
use proptest::{prelude::*, test_runner::TestRunner};
use sea_orm::ConnectionTrait as _;

use crate::{
    database::{Database, read, write},
    history::{Step, step},
    samples::{id, monitor, new_member, pool},
};

/// What is done, and by which of the handles.
#[derive(Debug, Clone)]
enum Deed {
    /// A transition of a load balancer.
    Save(u8, Step),
    /// The same, and then the work fails.
    Fail(u8, Step),
    /// Two works that may share a commit, the second of which fails.
    Together(u8, Step, u8, Step),
    /// It is deleted and made anew, with the same id.
    Remake(u8),
    /// A monitor is changed, and nobody says so to those that have it.
    ChangeMonitor(u8, i32),
}

fn deed() -> impl Strategy<Value = Deed> {
    let which = 0u8..2;
    prop_oneof![
        6 => (which.clone(), step()).prop_map(|(which, step)| Deed::Save(which, step)),
        2 => (which.clone(), step()).prop_map(|(which, step)| Deed::Fail(which, step)),
        2 => (which.clone(), step(), which.clone(), step()).prop_map(|(a, b, c, d)| Deed::Together(a, b, c, d)),
        1 => which.prop_map(Deed::Remake),
        1 => (1u8..5, 1i32..9).prop_map(|(number, delay)| Deed::ChangeMonitor(number, delay)),
    ]
}

fn number(which: u8) -> u128 {
    1000 + 100 * u128::from(which)
}

async fn load(tx: &Tx, which: u8) -> Result<LoadBalancer, Fault> {
    tx.load(id(number(which))).await?.ok_or_else(|| Fault::internal("it is gone"))
}

/// A transition that the model refuses changes nothing.
async fn take(tx: &Tx, which: u8, step: &Step) -> Result<LoadBalancer, Fault> {
    let before = load(tx, which).await?;
    let after = step.apply(before.clone()).unwrap_or_else(|_| before.clone());
    tx.save(&before, &after).await?;
    // What was saved is there for the work that saved it: with monitors as they are stored.
    load(tx, which).await
}

fn failed() -> Fault {
    Fault::internal("it is to fail")
}

fn changed(number: u8, delay: i32) -> HealthMonitor {
    let change = MonitorChange { delay: Some(delay.max(3)), ..MonitorChange::default() };
    monitor(u128::from(number)).change(change).unwrap()
}

async fn fail(store: &Store, which: u8, step: &Step) -> Result<LoadBalancer, Fault> {
    let step = step.clone();
    write!(store, [step], |tx| {
        take(tx, which, &step).await?;
        Err::<LoadBalancer, _>(failed())
    })
}

async fn save(store: &Store, which: u8, step: &Step) -> Result<LoadBalancer, Fault> {
    let step = step.clone();
    write!(store, [step], |tx| take(tx, which, &step).await)
}

/// The answers.
async fn done(store: &Store, deed: &Deed) -> Vec<Result<LoadBalancer, Fault>> {
    match deed {
        Deed::Save(which, step) => vec![save(store, *which, step).await],
        Deed::Fail(which, step) => vec![fail(store, *which, step).await],
        Deed::Together(which, step, of_failed, failing) => {
            let (first, second) = tokio::join!(save(store, *which, step), fail(store, *of_failed, failing));
            vec![first, second]
        }
        Deed::Remake(which) => {
            let which = *which;
            let remade = write!(store, [], |tx| {
                let before = load(tx, which).await?;
                tx.delete(&before).await?;
                tx.insert(&pool(number(which))).await?;
                load(tx, which).await
            });
            vec![remade]
        }
        Deed::ChangeMonitor(number, delay) => {
            let monitor = changed(*number, *delay);
            let saved = write!(store, [monitor], |tx| {
                tx.save_monitor(&monitor).await?;
                load(tx, 0).await
            });
            vec![saved]
        }
    }
}

async fn live_through(held: [Store; 2], bare: &Store, deeds: Vec<(bool, Deed)>) {
    for store in [&held[0], bare] {
        write!(store, [], |tx| {
            for number in 1..5 {
                tx.insert_monitor(&monitor(number)).await?;
            }
            tx.insert(&pool(number(0))).await?;
            tx.insert(&pool(number(1))).await
        })
        .unwrap();
    }
    for (second, deed) in deeds {
        let answers = done(&held[usize::from(second)], &deed).await;
        assert_eq!(answers, done(bare, &deed).await, "{deed:?}");
        for which in 0..2 {
            let stored = read!(bare, [], |tx| load(tx, which).await);
            for handle in &held {
                assert_eq!(read!(handle, [], |tx| load(tx, which).await), stored, "after {deed:?}");
            }
        }
    }
}

/// A scheduler of 0.2.0 writes beside this one, until it is upgraded: it saves a load balancer without a stamp.
pub(crate) async fn what_a_scheduler_without_stamps_saves_is_seen(server: &Postgres) {
    let database = Database::postgres(server).await;
    let store = &database.store;
    let member = pool(1).add_member(id(1), new_member(11, 1)).unwrap();
    write!(store, [member], |tx| {
        tx.insert(&member).await?;
        tx.load(member.id).await
    })
    .unwrap();
    let weight = async || {
        let loaded = read!(store, [], |tx| tx.load(id(1)).await).unwrap().unwrap();
        let shown = store.shown_pool(id(1)).await.unwrap().unwrap();
        (loaded.pools[0].members[0].weight, shown.pool.name)
    };
    assert_eq!(weight().await, (1, member.pools[0].name.clone()));
    let other = sea_orm::Database::connect(&database.url).await.unwrap();
    for (weighs, name) in [(7, "seven"), (8, "eight")] {
        // As 0.2.0 saves what changes parts alone: it takes the lock of the row, and no counter grows.
        let saved = format!(
            "BEGIN; UPDATE load_balancer SET generation = generation; UPDATE member SET weight = {weighs}; \
             UPDATE pool SET name = '{name}'; COMMIT"
        );
        other.execute_unprepared(&saved).await.unwrap();
        assert_eq!(weight().await, (weighs, name.to_owned()));
    }
    other.close().await.unwrap();
}

/// So many lives, each in two databases: of one, two handles that hold little take turns; of the other, one holds
/// nothing.
pub(crate) fn what_is_held_changes_no_answer<F: Future<Output = Database>>(cases: u32, open: impl Fn() -> F) {
    let config = ProptestConfig { cases, failure_persistence: None, ..ProptestConfig::default() };
    let deeds = proptest::collection::vec((any::<bool>(), deed()), 1..25);
    let lives = TestRunner::new(config).run(&deeds, |deeds| {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        runtime.block_on(async {
            let (first, second) = (open().await, open().await);
            let with = |url: String, most| async move { Store::open_with(&url, Memory { most }).await.unwrap() };
            let held = [with(first.url.clone(), 100).await, with(first.url.clone(), 6).await];
            let bare = with(second.url.clone(), 0).await;
            live_through(held, &bare, deeds).await;
        });
        Ok(())
    });
    lives.unwrap();
}

#[test]
fn what_is_held_changes_no_answer_on_sqlite() {
    what_is_held_changes_no_answer(24, Database::sqlite);
}
