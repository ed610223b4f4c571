//! A pool shows the provider of its load balancer, which never changes: lists need not look it up for each.

use sea_orm_migration::{prelude::*, schema::text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0007_pool_providers"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("pool").add_column(text("provider").default("")).take()).await?;
        let provider = Query::select()
            .column("provider")
            .from("load_balancer")
            .and_where(Expr::col(("load_balancer", "id")).equals(("pool", "load_balancer_id")))
            .take();
        manager.execute(Query::update().table("pool").value("provider", provider).take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.alter_table(Table::alter().table("pool").drop_column("provider").take()).await
    }
}
