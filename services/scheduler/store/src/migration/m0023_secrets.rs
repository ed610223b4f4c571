//! Secrets of others than this service, as they were read last, and of which end somebody was warned.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, blob, string_uniq, text},
};

use super::table::{index, make, noun, numbered, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0023_secrets"
    }
}

fn secret() -> TableCreateStatement {
    noun("secret")
        .col(string_uniq("reference"))
        .col(text("purpose"))
        .col(big_integer("version"))
        .col(text("digest"))
        .col(text("pem"))
        .col(text("names"))
        .col(big_integer_null("not_before"))
        .col(big_integer_null("not_after"))
        .col(text("key_id"))
        .col(blob("sealed"))
        .col(big_integer("read_at"))
        .col(big_integer("looked_at"))
        .col(text("problem"))
        .take()
}

fn expiry_warning() -> TableCreateStatement {
    numbered("expiry_warning").col(text("digest")).col(big_integer("days")).take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let once = index("expiry_warning", &["digest", "days"]).unique().take();
        make(manager, vec![secret(), expiry_warning()], vec![index("secret", &["key_id", "seq"]), once]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["secret", "expiry_warning"]).await
    }
}
