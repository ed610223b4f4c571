//! The log of changes, and requests that may be sent again.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, text, text_null, uuid},
};

use super::table::{index, make, numbered, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0005_events"
    }
}

/// It refers to nothing: what it tells of may be gone.
fn event() -> TableCreateStatement {
    numbered("event")
        .col(big_integer("transaction_id"))
        .col(text("kind"))
        .col(uuid("object_id"))
        .col(text_null("project_id"))
        .take()
}

fn event_mark() -> TableCreateStatement {
    Table::create()
        .table("event_mark")
        .col(big_integer("transaction_id"))
        .col(big_integer("event_seq"))
        .col(big_integer("at"))
        .primary_key(Index::create().col("transaction_id").col("event_seq"))
        .take()
}

fn request() -> TableCreateStatement {
    numbered("request")
        .col(text("project_id"))
        .col(text("request_id"))
        .col(text("digest"))
        .col(uuid("object_id"))
        .col(big_integer("at"))
        .take()
}

fn indexes() -> Vec<IndexCreateStatement> {
    vec![
        index("event", &["transaction_id", "seq"]),
        index("request", &["project_id", "request_id"]).unique().take(),
        index("request", &["at"]),
    ]
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        make(manager, vec![event(), event_mark(), request()], indexes()).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["event", "event_mark", "request"]).await
    }
}
