//! Each save of a load balancer leaves its mark: what is held in memory is told from what others saved since.

use sea_orm_migration::{prelude::*, schema::big_integer};

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
        manager.alter_table(stamp).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("load_balancer").drop_column("stamp").take()).await
    }
}
