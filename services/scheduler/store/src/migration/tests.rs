//! What schedulers of the newest release read and write is there after every step since: they run on while the first one of today's
//! has brought the database up to date.

use std::collections::BTreeMap;

use sea_orm::{ConnectionTrait as _, Database, DatabaseConnection, DbBackend, Statement};
use sea_orm_migration::prelude::MigratorTrait as _;

use super::Migrator;

/// The last step of the newest release of `tests/releases`. A release moves it on.
const RELEASED: &str = "m0028_lead";

/// A column: its type, whether it must have a value, and whether there is one for who names none.
#[derive(Debug, PartialEq, Eq)]
struct Column {
    kind: String,
    must_have: bool,
    has_default: bool,
}

type Columns = BTreeMap<(String, String), Column>;

async fn columns(connection: &DatabaseConnection) -> Columns {
    let select = "SELECT m.name, c.name, c.type, c.\"notnull\", c.dflt_value IS NOT NULL OR c.pk > 0 \
                  FROM sqlite_master m, pragma_table_info(m.name) c WHERE m.type = 'table'";
    let rows = connection.query_all_raw(Statement::from_string(DbBackend::Sqlite, select)).await.unwrap();
    let read = |row: &sea_orm::QueryResult| {
        let text = |at| row.try_get_by_index::<String>(at).unwrap();
        let flag = |at| row.try_get_by_index::<bool>(at).unwrap();
        ((text(0), text(1)), Column { kind: text(2), must_have: flag(3), has_default: flag(4) })
    };
    rows.iter().map(read).collect()
}

#[tokio::test]
async fn what_a_scheduler_of_the_release_reads_and_writes_is_there_after_every_step_since() {
    let directory = tempfile::TempDir::new().unwrap();
    let url = format!("sqlite://{}/ballast.db?mode=rwc", directory.path().display());
    let connection = Database::connect(url).await.unwrap();
    let names: Vec<String> = Migrator::migrations().iter().map(|step| step.name().to_owned()).collect();
    let released = names.iter().position(|name| name == RELEASED).expect("the release's last step") + 1;
    Migrator::up(&connection, Some(u32::try_from(released).unwrap())).await.unwrap();
    let before = columns(&connection).await;
    assert!(before.len() > 100, "{before:?}");
    for name in &names[released..] {
        Migrator::up(&connection, Some(1)).await.unwrap();
        let now = columns(&connection).await;
        for (column, was) in &before {
            assert_eq!(now.get(column), Some(was), "{column:?} after {name}");
        }
        let is_new = |(table, column): &&(String, String)| !before.contains_key(&(table.clone(), column.clone()));
        for (table, column) in now.keys().filter(is_new) {
            let is_its = before.keys().any(|(known, _)| known == table);
            let added = &now[&(table.clone(), column.clone())];
            assert!(
                !is_its || !added.must_have || added.has_default,
                "{name}: a scheduler of the release writes rows of {table}, and no {column}"
            );
        }
    }
}
