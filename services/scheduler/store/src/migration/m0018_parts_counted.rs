//! What was counted of pools and members: a document in the row of their load balancer's counters. A scheduler of the
//! release before leaves it alone.

use sea_orm_migration::{prelude::*, schema::text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0018_parts_counted"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let parts = Table::alter().table("statistics").add_column(text("parts").default("")).take();
        manager.alter_table(parts).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("statistics").drop_column("parts").take()).await
    }
}
