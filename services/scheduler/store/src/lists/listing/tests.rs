//! That lists and look-ups are by index: SQLite's own word for it.

use ballast_model::{
    Uuid,
    listener::Protocol,
    load_balancer::LoadBalancer,
    pool::{LbMethod, NewPool},
};
use sea_orm::{DbBackend, Statement};

use super::*;
use crate::{Filter, Sort, Store};

fn pool(number: u128) -> LoadBalancer {
    LoadBalancer::with_pool(NewPool {
        id: Uuid::from_u128(number).into(),
        project_id: format!("project{}", number % 10),
        name: format!("pool{}", number % 100),
        description: String::new(),
        subnet_id: Uuid::nil().into(),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    })
}

async fn pools(count: u128) -> (tempfile::TempDir, Store) {
    let directory = tempfile::TempDir::new().unwrap();
    let store = Store::open(&format!("sqlite://{}/b.db", directory.path().display())).await.unwrap();
    let fill = store.write(|tx, _| {
        Box::pin(async move {
            for number in 1..=count {
                tx.insert(&pool(number)).await?;
            }
            Ok(())
        })
    });
    fill.await.unwrap();
    (directory, store)
}

/// The steps by which SQLite answers the query.
async fn plan<E: Listed>(store: &Store, query: &Query) -> String {
    let explain = store.read(|tx, _| {
        Box::pin(async move {
            let statement = tx.select::<E>(query).await?.unwrap().into_query();
            let sql = format!("EXPLAIN QUERY PLAN {}", statement.to_string(sea_orm::sea_query::SqliteQueryBuilder));
            let rows = tx.db().query_all_raw(Statement::from_string(DbBackend::Sqlite, sql)).await.map_err(fault_of)?;
            let steps = rows.iter().map(|row| row.try_get::<String>("", "detail"));
            Ok(steps.collect::<Result<Vec<_>, _>>().map_err(fault_of)?.join("; "))
        })
    });
    explain.await.unwrap()
}

fn by(field: &str, value: &str) -> Query {
    Query { filters: vec![Filter { field: field.to_owned(), values: vec![value.to_owned()] }], ..Query::default() }
}

#[tokio::test]
async fn a_page_is_found_by_an_index_and_comes_in_its_order() {
    let (_directory, store) = pools(200).await;
    let marker = Some(Uuid::from_u128(51));
    let project_id = Some("project1".to_owned());
    let name = vec![Sort { field: "name".to_owned(), descending: false }];
    for (query, step) in [
        (Query { marker, ..Query::default() }, "USING INTEGER PRIMARY KEY (rowid>?)"),
        (Query { marker, reverse: true, ..Query::default() }, "USING INTEGER PRIMARY KEY (rowid<?)"),
        (Query { marker, project_id, ..Query::default() }, "USING INDEX pool_by_project_id_seq (project_id=? AND"),
        (Query { marker, sorts: name.clone(), ..Query::default() }, "USING INDEX pool_by_name_seq (name>?)"),
        (Query { sorts: name, ..Query::default() }, "SCAN pool USING INDEX pool_by_name_seq"),
    ] {
        let query = Query { page_size: Some(100), ..query };
        let plan = plan::<pool::Entity>(&store, &query).await;
        assert!(plan.contains(step) && !plan.contains("TEMP B-TREE"), "{query:?}: {plan}");
    }
}

#[tokio::test]
async fn what_is_looked_up_is_found_by_an_index() {
    let (_directory, store) = pools(200).await;
    let id = Uuid::from_u128(7).to_string();
    for field in ["id", "name", "subnet_id", "members", "health_monitors", "vip_id"] {
        let plan = plan::<pool::Entity>(&store, &by(field, &id)).await;
        assert!(!plan.contains("SCAN"), "{field}: {plan}");
    }
    for field in ["id", "name", "pool_id", "port_id"] {
        let plan = plan::<listener::Entity>(&store, &by(field, &id)).await;
        assert!(!plan.contains("SCAN"), "{field}: {plan}");
    }
    for field in ["id", "pool_id", "address"] {
        let value = if field == "address" { "10.0.0.2" } else { &id };
        let plan = plan::<member::Entity>(&store, &by(field, value)).await;
        assert!(!plan.contains("SCAN"), "{field}: {plan}");
    }
}
