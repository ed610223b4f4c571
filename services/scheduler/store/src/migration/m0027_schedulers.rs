//! Where agents reach each scheduler, and its version.
//!
//! A scheduler of the release before says neither.

use sea_orm_migration::{prelude::*, schema::text};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0027_schedulers"
    }
}

const COLUMNS: [&str; 2] = ["advertised", "version"];

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for name in COLUMNS {
            let mut column = text(name).default("").take();
            manager.alter_table(Table::alter().table("scheduler").add_column(&mut column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for name in COLUMNS {
            manager.alter_table(Table::alter().table("scheduler").drop_column(name).take()).await?;
        }
        Ok(())
    }
}
