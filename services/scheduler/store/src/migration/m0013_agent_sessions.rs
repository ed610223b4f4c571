//! Who has an agent's session: a scheduler, of which it is known whether it lives, and a process of the agent's host.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, string, uuid, uuid_null},
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0013_agent_sessions"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let scheduler = Table::create()
            .table("scheduler")
            .col(uuid("id").primary_key())
            .col(string("home"))
            .col(big_integer("beat"))
            .col(big_integer("beat_at"))
            .take();
        manager.create_table(scheduler).await?;
        for column in [uuid_null("scheduler_id"), string("instance").default("").take()] {
            manager.alter_table(Table::alter().table("agent").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in ["scheduler_id", "instance"] {
            manager.alter_table(Table::alter().table("agent").drop_column(column).take()).await?;
        }
        manager.drop_table(Table::drop().table("scheduler").take()).await
    }
}
