//! Holds count for the project that made them.

use sea_orm_migration::{prelude::*, schema::text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0009_hold_projects"
    }
}

const INDEX: &str = "hold_project_id";

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // Holds of before are nobody's: their agents confirm them as ever.
        let project = Table::alter().table("hold").add_column(text("project_id").default("")).take();
        manager.alter_table(project).await?;
        manager.create_index(Index::create().name(INDEX).table("hold").col("project_id").take()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        manager.drop_index(Index::drop().name(INDEX).table("hold").to_owned()).await?;
        manager.alter_table(Table::alter().table("hold").drop_column("project_id").take()).await
    }
}
