//! The cluster, its agents, and what is bound to them.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, boolean, text, text_null, text_uniq, uuid},
};

use super::table::{index, make, noun, numbered, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0002_placement"
    }
}

fn cluster() -> TableCreateStatement {
    Table::create().table("cluster").col(big_integer("seq").primary_key()).col(uuid("id")).take()
}

fn agent() -> TableCreateStatement {
    noun("agent")
        .col(text_uniq("host"))
        .col(boolean("admin_state_up"))
        .col(text_null("description"))
        .col(text("version"))
        .col(big_integer("created_at"))
        .col(big_integer("started_at"))
        .col(big_integer("heartbeat_at"))
        .col(boolean("connected"))
        .col(text("drivers"))
        .take()
}

/// It refers to no load balancer: a tombstone outlives it.
fn binding() -> TableCreateStatement {
    numbered("binding")
        .col(uuid("load_balancer_id"))
        .col(uuid("agent_id"))
        .col(text("driver"))
        .col(big_integer("epoch"))
        .col(text("phase"))
        .foreign_key(&mut reference("binding", "agent_id", "agent", ForeignKeyAction::Cascade))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("binding", &["load_balancer_id", "epoch"]).unique().take(),
        index("binding", &["agent_id", "phase"]),
        Index::create()
            .name("binding_one_bound")
            .table("binding")
            .col("load_balancer_id")
            .unique()
            .cond_where(Expr::col("phase").eq("BOUND"))
            .take(),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make(manager, vec![cluster(), agent(), binding()], indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["cluster", "agent", "binding"]).await
    }
}
