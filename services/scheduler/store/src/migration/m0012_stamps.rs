//! Each save of a load balancer leaves its mark: what is held in memory is told from what others saved since.

use sea_orm::DbBackend;
use sea_orm_migration::{prelude::*, schema::big_integer};

/// A scheduler of 0.2.0, which may run until it is upgraded, saves without a stamp: then there is none, and nobody holds
/// what it saved. SQLite has one scheduler.
const FORGET: &str = "CREATE FUNCTION forget_stamp() RETURNS trigger LANGUAGE plpgsql AS \
     'BEGIN NEW.stamp := 0; RETURN NEW; END'; \
     CREATE TRIGGER forget_stamp BEFORE UPDATE ON load_balancer FOR EACH ROW \
     WHEN (NEW.stamp = OLD.stamp AND NEW.epoch = OLD.epoch) EXECUTE FUNCTION forget_stamp()";
const REMEMBER: &str = "DROP TRIGGER forget_stamp ON load_balancer; DROP FUNCTION forget_stamp()";

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0012_stamps"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let stamp = Table::alter().table("load_balancer").add_column(big_integer("stamp").default(0)).take();
        manager.alter_table(stamp).await?;
        only_on_postgres(manager, FORGET).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        only_on_postgres(manager, REMEMBER).await?;
        manager.alter_table(Table::alter().table("load_balancer").drop_column("stamp").take()).await
    }
}

async fn only_on_postgres(manager: &SchemaManager<'_>, sql: &str) -> Result<(), DbErr> {
    if manager.get_database_backend() == DbBackend::Postgres {
        manager.get_connection().execute_unprepared(sql).await?;
    }
    Ok(())
}
