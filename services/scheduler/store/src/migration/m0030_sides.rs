//! Load balancers with a standby: their two sides, each on an agent and with a port of its own, and who of the two answers.
//!
//! Where the active side is, its binding says as before. A scheduler of the release before knows nothing of sides: to it such a
//! load balancer is on one agent.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, blob, boolean, boolean_null, integer, text, uuid},
};

use super::table::{index, make, numbered, reference, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0030_sides"
    }
}

fn side() -> TableCreateStatement {
    numbered("side")
        .col(uuid("load_balancer_id"))
        .col(integer("number"))
        .col(uuid("agent_id"))
        .col(text("driver"))
        .col(big_integer("epoch"))
        .col(uuid("port_id"))
        .col(big_integer("generation"))
        .col(text("fault"))
        .col(big_integer_null("said_term"))
        .col(boolean_null("said_active"))
        .col(boolean_null("peer_heard"))
        .foreign_key(&mut reference("side", "load_balancer_id", "load_balancer", ForeignKeyAction::Cascade))
        .foreign_key(&mut reference("side", "agent_id", "agent", ForeignKeyAction::Cascade))
        .take()
}

fn election() -> TableCreateStatement {
    Table::create()
        .table("election")
        .col(uuid("load_balancer_id").primary_key())
        .col(big_integer("term"))
        .col(blob("secret"))
        .foreign_key(&mut reference("election", "load_balancer_id", "load_balancer", ForeignKeyAction::Cascade))
        .take()
}

fn columns() -> [(&'static str, &'static str, ColumnDef); 3] {
    [
        ("load_balancer", "topology", text("topology").default("SINGLE").take()),
        ("agent", "zone", text("zone").default("").take()),
        ("port", "of_side", boolean("of_side").default(false).take()),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        for (table, _, mut column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await?;
        }
        let indexes = vec![
            index("side", &["load_balancer_id", "number"]).unique().take(),
            index("side", &["load_balancer_id", "agent_id"]).unique().take(),
            index("side", &["load_balancer_id", "epoch"]).unique().take(),
            index("side", &["agent_id"]),
        ];
        make(manager, vec![side(), election()], indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["side", "election"]).await?;
        for (table, name, _) in columns() {
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        Ok(())
    }
}
