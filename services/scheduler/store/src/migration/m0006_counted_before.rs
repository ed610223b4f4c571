//! What former agents of a load balancer counted: its counters do not go back when it moves.

use sea_orm_migration::{prelude::*, schema::big_integer};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0006_counted_before"
    }
}

const COLUMNS: [&str; 3] = ["bytes_in_before", "bytes_out_before", "total_connections_before"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            let table = Table::alter().table("statistics").add_column(big_integer(column).default(0)).take();
            manager.alter_table(table).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in COLUMNS {
            manager.alter_table(Table::alter().table("statistics").drop_column(column).take()).await?;
        }
        Ok(())
    }
}
