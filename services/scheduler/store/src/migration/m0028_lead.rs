//! Which scheduler leads: it alone does what one is enough for.
//!
//! A scheduler of the release before knows nothing of it, and does all of that beside the one that leads.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, integer, uuid_null},
};

use super::table::{make, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0028_lead"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let lead = Table::create()
            .table("lead")
            .col(integer("seq").primary_key())
            .col(uuid_null("scheduler_id"))
            .col(big_integer("term"))
            .take();
        make(manager, vec![lead], vec![]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["lead"]).await
    }
}
