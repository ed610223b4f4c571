//! What was asked of a Barbican, and is to be taken back.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, text, uuid},
};

use super::table::{index, make, numbered, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0024_barbican"
    }
}

fn grant() -> TableCreateStatement {
    numbered("barbican_grant")
        .col(text("entity"))
        .col(text("reference"))
        .col(text("project_id"))
        .col(boolean("added"))
        .col(big_integer("since"))
        .col(big_integer("refused"))
        .take()
}

fn registration() -> TableCreateStatement {
    numbered("barbican_consumer").col(text("reference")).col(uuid("load_balancer_id")).col(boolean("registered")).take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indexes = vec![
            index("barbican_grant", &["reference", "entity"]).unique().to_owned(),
            index("barbican_grant", &["entity"]),
            index("barbican_consumer", &["reference", "load_balancer_id"]).unique().to_owned(),
        ];
        make(manager, vec![grant(), registration()], indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["barbican_grant", "barbican_consumer"]).await
    }
}
