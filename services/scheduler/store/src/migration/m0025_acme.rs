//! Kinds of certificates, those that a CA issues by ACME, its accounts, and what load balancers answer to it.
//!
//! A scheduler of the release before, which does not know these columns, makes certificates of the usual kind.

use sea_orm_migration::{
    prelude::*,
    schema::{big_integer, big_integer_null, blob, text, text_null, text_uniq, uuid_null},
};

use super::table::{index, make, numbered, unmake};

pub(super) struct Migration;

impl MigrationName for Migration {
    fn name(&self) -> &'static str {
        "m0025_acme"
    }
}

/// What is new in each of the tables that were there.
fn columns() -> Vec<(&'static str, ColumnDef)> {
    vec![
        ("load_balancer", text("http_answers").default("").take()),
        ("certificate", text("kind").default("CERTIFICATE").take()),
        ("certificate", text_null("acme_domains").take()),
        ("certificate", big_integer("acme_failures").default(0).take()),
        ("certificate", text_null("acme_error").take()),
        ("certificate", big_integer_null("acme_next_at").take()),
        ("certificate", uuid_null("acme_worker").take()),
    ]
}

fn acme_account() -> TableCreateStatement {
    numbered("acme_account")
        .col(text_uniq("directory"))
        .col(text("url"))
        .col(text("key_id"))
        .col(blob("sealed"))
        .col(big_integer("created_at"))
        .take()
}

#[async_trait::async_trait]
impl MigrationTrait for Migration {
    async fn up(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        // SQLite adds one column at a time.
        for (table, mut column) in columns() {
            manager.alter_table(Table::alter().table(table).add_column(&mut column).take()).await?;
        }
        make(manager, vec![acme_account()], vec![index("certificate", &["acme_next_at"])]).await
    }

    async fn down(&self, manager: &SchemaManager) -> Result<(), DbErr> {
        unmake(manager, &["acme_account"]).await?;
        manager.drop_index(Index::drop().name("certificate_by_acme_next_at").table("certificate").to_owned()).await?;
        for (table, column) in columns().into_iter().rev() {
            let name = column.get_column_name();
            manager.alter_table(Table::alter().table(table).drop_column(name).take()).await?;
        }
        Ok(())
    }
}
