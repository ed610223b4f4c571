//! Since when each scheduler runs. 0: one of a release before, which does not say so.

use sea_orm_migration::{prelude::*, schema::big_integer};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0032_scheduler_start"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let mut column = big_integer("started_at").default(0).take();
        manager.alter_table(Table::alter().table("scheduler").add_column(&mut column).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("scheduler").drop_column("started_at").take()).await
    }
}
