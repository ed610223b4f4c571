//! Work that nobody waits for any more ends in the database too, whatever statement it was in.

use std::time::Duration;

use ballast_model::{fault::Fault, ids::PoolId};
use ballast_store::{Kind, Store};
use sea_orm::{ConnectionTrait as _, DatabaseConnection};

use crate::{
    database::{Database, on_each_backend, read, write},
    samples::{id, new_member, pool, store_all},
};

/// When work is given up.
const DEADLINE: Duration = Duration::from_millis(100);
/// How long others may take after that, on a busy machine. Without an end to what was given up they wait for longer.
const SOON: Duration = Duration::from_secs(4);
/// More than there are connections.
const ROUNDS: u32 = 12;

/// A database in which whatever looks at a member takes for ever, as does the insertion of a pool.
struct Slow(DatabaseConnection);

impl Slow {
    async fn new(database: &Database) -> Self {
        store_all(database, &[pool(1).add_member(id(1), new_member(11, 1)).unwrap()]).await;
        let slow = Self(sea_orm::Database::connect(&database.url).await.unwrap());
        slow.run("ALTER TABLE member RENAME TO member_kept").await;
        let for_ever = match slow.is_postgres() {
            true => "SELECT pg_sleep(60)",
            false => "SELECT max(x) FROM (WITH RECURSIVE n(x) AS (SELECT 1 UNION ALL SELECT 1 FROM n) SELECT x FROM n)",
        };
        slow.run(&format!("CREATE VIEW member AS SELECT kept.* FROM member_kept kept, ({for_ever}) AS slow")).await;
        slow
    }

    fn is_postgres(&self) -> bool {
        self.0.get_database_backend() == sea_orm::DbBackend::Postgres
    }

    async fn run(&self, statement: &str) {
        tokio::time::timeout(SOON, self.0.execute_unprepared(statement)).await.expect(statement).expect(statement);
    }

    async fn slow_inserts(&self) {
        let statements: &[&str] = match self.is_postgres() {
            true => &[
                "CREATE OR REPLACE FUNCTION slow() RETURNS trigger LANGUAGE plpgsql AS \
                 'BEGIN PERFORM count(*) FROM member; RETURN NEW; END'",
                "CREATE TRIGGER slow BEFORE INSERT ON pool FOR EACH ROW EXECUTE FUNCTION slow()",
            ],
            false => &["CREATE TRIGGER slow BEFORE INSERT ON pool BEGIN SELECT count(*) FROM member; END"],
        };
        for statement in statements {
            self.run(statement).await;
        }
    }

    async fn quick_inserts(&self) {
        self.run(if self.is_postgres() { "DROP TRIGGER slow ON pool" } else { "DROP TRIGGER slow" }).await;
    }
}

async fn given_up(work: impl Future<Output = Result<u64, Fault>>) {
    let done = tokio::time::timeout(DEADLINE, work).await;
    assert!(done.is_err(), "it was to take for ever: {done:?}");
}

async fn members(store: &Store) -> Result<u64, Fault> {
    read!(store, [], |tx| tx.count(Kind::Member, "p").await)
}

/// A read, a glance and a write that others ask for at once.
async fn all_is_well(store: &Store, number: u128) {
    let work = async {
        write!(store, [], |tx| tx.insert(&pool(number)).await).unwrap();
        let seen = read!(store, [], |tx| tx.count(Kind::Pool, "p").await).unwrap();
        let glanced = store.glance(|tx, _| Box::pin(tx.count(Kind::Pool, "p"))).await.unwrap();
        assert_eq!(seen, glanced);
    };
    tokio::time::timeout(SOON, work).await.expect("what was given up still has its connection");
}

async fn a_reader_that_is_given_up_gives_its_connection_back(database: &Database) {
    let _slow = Slow::new(database).await;
    for _ in 0..ROUNDS {
        given_up(members(&database.store)).await;
    }
    all_is_well(&database.store, 2).await;
    for _ in 0..ROUNDS {
        given_up(database.store.glance(|tx, _| Box::pin(tx.count(Kind::Member, "p")))).await;
    }
    all_is_well(&database.store, 3).await;
}

async fn a_writer_that_is_given_up_in_a_statement_leaves_nothing(database: &Database) {
    let slow = Slow::new(database).await;
    for round in 0..3 {
        let reading = async {
            write!(database.store, [], |tx| {
                tx.insert(&pool(100)).await?;
                tx.count(Kind::Member, "p").await
            })
        };
        given_up(reading).await;
        all_is_well(&database.store, 2 * round + 2).await;
        // SQLite undoes the whole by itself when it is in the middle of a change.
        slow.slow_inserts().await;
        given_up(async { write!(database.store, [], |tx| tx.insert(&pool(100)).await.map(|()| 0)) }).await;
        slow.quick_inserts().await;
        all_is_well(&database.store, 2 * round + 3).await;
    }
    let left = read!(database.store, [], |tx| tx.count(Kind::Pool, "p").await).unwrap();
    assert_eq!(left, 7, "what was given up is stored: pool {}", id::<PoolId>(100));
}

on_each_backend![
    a_reader_that_is_given_up_gives_its_connection_back,
    a_writer_that_is_given_up_in_a_statement_leaves_nothing,
];
