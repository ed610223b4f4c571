//! Moves in order: which agents make a load balancer ready that another one serves. It refers to no load balancer, as an agent
//! that was away still learns to let go of one that is gone.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, uuid},
};

use super::table::{index, make, numbered, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0031_successors"
    }
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let successor = numbered("successor")
            .col(uuid("load_balancer_id"))
            .col(uuid("agent_id"))
            .col(text("driver"))
            .col(big_integer("epoch"))
            .col(text("stage"))
            .foreign_key(&mut reference("successor", "agent_id", "agent", ForeignKeyAction::Cascade))
            .take();
        let once = index("successor", &["load_balancer_id", "agent_id"]).unique().take();
        make(manager, vec![successor], vec![once, index("successor", &["agent_id"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["successor"]).await
    }
}
