//! When objects changed, why, and in which load balancer. A scheduler of the release before writes none of it.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer_null, text_null, uuid_null},
};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0019_causes"
    }
}

/// One column a statement: SQLite takes no more.
fn columns() -> [ColumnDef; 3] {
    [uuid_null("load_balancer_id"), big_integer_null("at"), text_null("cause")]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("event").add_column(column).take()).await?;
        }
        Ok(())
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for column in columns() {
            manager.alter_table(Table::alter().table("event").drop_column(column.get_column_name()).take()).await?;
        }
        Ok(())
    }
}
