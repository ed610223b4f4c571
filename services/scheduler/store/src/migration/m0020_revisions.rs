//! What load balancers were: the differences that changes made. A scheduler of the release before writes none.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text_null, uuid},
};

use super::table::{index, make, numbered, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0020_revisions"
    }
}

fn revision() -> TableCreateStatement {
    numbered("revision")
        .col(uuid("load_balancer_id"))
        .col(big_integer("generation"))
        .col(big_integer("former"))
        .col(big_integer("at"))
        .col(text_null("cause"))
        .col(text_null("changes"))
        .foreign_key(&mut reference("revision", "load_balancer_id", "load_balancer", ForeignKeyAction::Cascade))
        .take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make(manager, vec![revision()], vec![index("revision", &["load_balancer_id", "seq"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["revision"]).await
    }
}
