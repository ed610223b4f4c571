//! Certificates, with private keys that are sealed.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, blob, text},
};

use super::table::{index, make, noun, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0022_certificates"
    }
}

fn certificate() -> TableCreateStatement {
    noun("certificate")
        .col(text("project_id"))
        .col(text("name"))
        .col(text("description"))
        .col(big_integer("version"))
        .col(big_integer("changed"))
        .col(big_integer("created_at"))
        .col(big_integer_null("updated_at"))
        .col(text("subject"))
        .col(text("names"))
        .col(text("issuer"))
        .col(text("serial"))
        .col(big_integer("not_before"))
        .col(big_integer("not_after"))
        .col(text("fingerprint"))
        .col(text("key_type"))
        .col(text("chain"))
        .col(text("key_id"))
        .col(blob("sealed"))
        .take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        let indexes = vec![index("certificate", &["project_id", "seq"]), index("certificate", &["key_id", "seq"])];
        make(manager, vec![certificate()], indexes).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["certificate"]).await
    }
}
