//! What each agent goes on running though no scheduler knows it. A scheduler of the release before leaves it as it is.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text},
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0033_unclaimed"
    }
}

fn columns() -> [(&'static str, ColumnDef); 2] {
    [
        ("unclaimed", big_integer("unclaimed").default(0).take()),
        ("unclaimed_ids", text("unclaimed_ids").default("").take()),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (_, mut column) in columns() {
            manager.alter_table(Table::alter().table("agent").add_column(&mut column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (name, _) in columns() {
            manager.alter_table(Table::alter().table("agent").drop_column(name).take()).await?;
        }
        Ok(())
    }
}
