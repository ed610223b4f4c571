//! Pools that are shown: one by one, at the same time, and in lists.

use ballast_lab::Postgres;
use ballast_model::{fault::Code, ids::PoolId, load_balancer::LoadBalancer};
use ballast_store::{Memory, PoolParts, Query, ShownPool, Sort, Store};
use futures_util::future::join_all;
use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};

use crate::{
    database::{Database, on_each_backend, read},
    samples::{id, monitor, new_member, new_pool, new_vip, pool, store_all},
};

async fn list(database: &Database, query: &Query) -> Vec<ShownPool> {
    let list = database.store.glance_list(query, |tx, _| Box::pin(tx.shown_pools(query, PoolParts::ALL)));
    list.await.unwrap().items
}

/// Pools 1 to `count`, of which the first has all that a pool can have.
async fn some(database: &Database, count: u128) {
    let whole = [(11, 1), (12, 2), (13, 3)].into_iter().fold(
        pool(1).add_vip(new_vip(21, "10.0.0.50")).unwrap().associate(id(1), monitor(31)).unwrap(),
        |pool, (number, last)| pool.add_member(id(1), new_member(number, last)).unwrap(),
    );
    crate::database::write!(database.store, [], |tx| tx.insert_monitor(&monitor(31)).await).unwrap();
    let others = (2..=count).map(|number| LoadBalancer::with_pool(new_pool(number)));
    store_all(database, &std::iter::once(whole).chain(others).collect::<Vec<_>>()).await;
}

async fn pools_shown_at_the_same_time_are_those_of_the_list(database: &Database) {
    some(database, 100).await;
    let listed = list(database, &Query::default()).await;
    let asked = listed.iter().map(|shown| database.store.shown_pool(shown.pool.id));
    let shown: Vec<ShownPool> = join_all(asked).await.into_iter().map(|shown| shown.unwrap().unwrap()).collect();
    assert_eq!(shown, listed);
    assert_eq!((shown[0].member_ids.len(), shown[0].monitors.len(), shown[0].vip_id), (3, 1, Some(id(21))));
    assert_eq!(database.store.shown_pool(id(200)).await.unwrap(), None);
    // Nothing is held.
    let bare = Store::open_with(&database.url, Memory { most: 0 }).await.unwrap();
    let asked = listed.iter().map(|shown| bare.shown_pool(shown.pool.id));
    let shown: Vec<ShownPool> = join_all(asked).await.into_iter().map(|shown| shown.unwrap().unwrap()).collect();
    assert_eq!(shown, listed);
    // What was committed before is seen.
    let before = read!(database.store, [], |tx| tx.load(id(2)).await).unwrap().unwrap();
    let after = before.clone().add_member(id(2), new_member(14, 4)).unwrap();
    crate::database::write!(database.store, [before, after], |tx| tx.save(&before, &after).await).unwrap();
    assert_eq!(database.store.shown_pool(id(2)).await.unwrap().unwrap().member_ids, [id(14)]);
}

async fn execute(database: &Database, sql: &str) {
    let connection = sea_orm::Database::connect(&database.url).await.unwrap();
    connection.execute_unprepared(sql).await.unwrap();
    connection.close().await.unwrap();
}

async fn what_cannot_be_read_of_one_pool_is_that_ones_fault(database: &Database) {
    some(database, 20).await;
    execute(database, "UPDATE pool SET protocol = 'NONE' WHERE seq = (SELECT min(seq) FROM pool)").await;
    let ids: Vec<PoolId> = (1..=20).map(id).collect();
    let shown = join_all(ids.iter().map(|id| database.store.shown_pool(*id))).await;
    for (shown, pool_id) in shown.into_iter().zip(ids) {
        if pool_id == id(1) {
            assert_eq!(shown.unwrap_err().code(), Code::Internal);
        } else {
            assert_eq!(shown.unwrap().unwrap().pool.id, pool_id);
        }
    }
}

async fn load_balancers_that_were_there_before_stamps_get_one(database: &Database) {
    some(database, 3).await;
    let before =
        "UPDATE load_balancer SET stamp = 0; DELETE FROM seaql_migrations WHERE version = 'm0014_first_stamps'";
    execute(database, before).await;
    let again = database.reopened().await;
    assert!(again.shown_pool(id(2)).await.unwrap().is_some());
    let connection = sea_orm::Database::connect(&database.url).await.unwrap();
    let sql = "SELECT count(DISTINCT stamp) FROM load_balancer WHERE stamp <> 0";
    let statement = Statement::from_string(connection.get_database_backend(), sql);
    let row = connection.query_one_raw(statement).await.unwrap().unwrap();
    assert_eq!(row.try_get_by_index::<i64>(0).unwrap(), 3);
    connection.close().await.unwrap();
}

async fn reads_of_whole_tables(connection: &DatabaseConnection) -> i64 {
    let sql = "SELECT seq_scan FROM pg_stat_user_tables WHERE relname = 'pool'";
    let row = connection.query_one_raw(Statement::from_string(DbBackend::Postgres, sql)).await.unwrap().unwrap();
    row.try_get_by_index(0).unwrap()
}

/// What is asked by an index never reads a table from end to end, however small it was when it was planned; a list that
/// a user sorts by what has no index does.
pub(crate) async fn a_sorted_list_may_read_the_whole_table(server: &Postgres) {
    let database = Database::postgres(server).await;
    let in_order = Query { page_size: Some(10), ..Query::default() };
    list(&database, &in_order).await;
    some(&database, 300).await;
    let connection = sea_orm::Database::connect(&database.url).await.unwrap();
    let before = reads_of_whole_tables(&connection).await;
    let sort = |field: &str| Sort { field: field.to_owned(), descending: false };
    let sorted = Query { sorts: vec![sort("description")], ..Query::default() };
    let counted = async |query: &Query, tries: usize| {
        for _ in 0..tries {
            assert!(!list(&database, query).await.is_empty());
            // A server counts what a connection did once a second.
            tokio::time::sleep(std::time::Duration::from_millis(100)).await;
            if reads_of_whole_tables(&connection).await > before {
                return true;
            }
        }
        false
    };
    assert!(!counted(&in_order, 15).await);
    assert!(counted(&sorted, 100).await);
    connection.close().await.unwrap();
}

on_each_backend!(
    pools_shown_at_the_same_time_are_those_of_the_list,
    what_cannot_be_read_of_one_pool_is_that_ones_fault,
    load_balancers_that_were_there_before_stamps_get_one,
);
