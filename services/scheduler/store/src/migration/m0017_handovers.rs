//! What a load balancer takes along when it moves: what its former agent has handed over, and what had been told of its
//! counters by then.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, blob, text, uuid},
};

use super::table::{index, make, numbered, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0017_handovers"
    }
}

const CASCADE: ForeignKeyAction = ForeignKeyAction::Cascade;

fn handover() -> TableCreateStatement {
    Table::create()
        .table("handover")
        .col(uuid("load_balancer_id").primary_key())
        .col(big_integer("epoch"))
        .col(text("driver"))
        .col(blob("content"))
        .foreign_key(&mut reference("handover", "load_balancer_id", "load_balancer", CASCADE))
        .take()
}

fn former_statistics() -> TableCreateStatement {
    numbered("former_statistics")
        .col(uuid("load_balancer_id"))
        .col(big_integer("epoch"))
        .col(uuid("object_id"))
        .col(big_integer("bytes_in"))
        .col(big_integer("bytes_out"))
        .col(big_integer("total_connections"))
        .col(big_integer("request_errors"))
        .foreign_key(&mut reference("former_statistics", "load_balancer_id", "load_balancer", CASCADE))
        .take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indexes = vec![index("former_statistics", &["load_balancer_id", "epoch"])];
        make(manager, vec![handover(), former_statistics()], indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["handover", "former_statistics"]).await
    }
}
