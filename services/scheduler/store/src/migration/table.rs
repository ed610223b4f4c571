//! What tables have in common: a number that grows with each row, the noun's id beside it, and how they refer to
//! others.

use sea_orm_migration::{prelude::*, schema::big_integer, schema::uuid_uniq};

/// A table whose rows are numbered in the order of their creation.
pub(super) fn numbered(name: &'static str) -> TableCreateStatement {
    Table::create().table(name).col(big_integer("seq").auto_increment().primary_key()).take()
}

/// The same, for a noun with an id.
pub(super) fn noun(name: &'static str) -> TableCreateStatement {
    numbered(name).col(uuid_uniq("id")).take()
}

/// `column` of `table` is the id of a row of `target`; when that goes, `then`.
pub(super) fn reference(
    table: &'static str,
    column: &'static str,
    target: &'static str,
    then: ForeignKeyAction,
) -> ForeignKeyCreateStatement {
    ForeignKey::create().from(table, column).to(target, "id").on_delete(then).take()
}

/// An index for look-ups by `columns`.
pub(super) fn index(table: &'static str, columns: &[&'static str]) -> IndexCreateStatement {
    let mut index = Index::create().name(format!("{table}_by_{}", columns.join("_"))).table(table).take();
    for column in columns {
        index.col(*column);
    }
    index
}

/// Makes tables and indexes.
pub(super) async fn make(
    manager: &SchemaManager<'_>,
    tables: Vec<TableCreateStatement>,
    indexes: Vec<IndexCreateStatement>,
) -> Result<(), DbErr> {
    for table in tables {
        manager.create_table(table).await?;
    }
    for index in indexes {
        manager.create_index(index).await?;
    }
    Ok(())
}

/// Undoes [`make`]: the tables in the opposite order.
pub(super) async fn unmake(manager: &SchemaManager<'_>, tables: &[&'static str]) -> Result<(), DbErr> {
    for table in tables.iter().rev() {
        manager.drop_table(Table::drop().table(*table).take()).await?;
    }
    Ok(())
}
