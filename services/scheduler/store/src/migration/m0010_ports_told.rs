//! A port knows whether an agent was told of it.

use sea_orm_migration::{prelude::*, schema::boolean};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0010_ports_told"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Of ports of before nobody knows.
        let told = Table::alter().table("port").add_column(boolean("told").default(true)).take();
        manager.alter_table(told).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("port").drop_column("told").take()).await
    }
}
