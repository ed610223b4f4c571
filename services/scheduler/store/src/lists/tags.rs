//! Filters by tags, which are a JSON array in one column.

use sea_orm::{
    Condition, DbBackend,
    sea_query::{DynIden, Expr, SimpleExpr},
};

use crate::TagFilter;

/// The rows whose tags are as they must be.
pub(crate) fn tagged(backend: DbBackend, column: &(DynIden, DynIden), filter: &TagFilter) -> Condition {
    let has = |tag: &String| has(backend, column, tag);
    let all = |tags: &[String]| tags.iter().map(has).fold(Condition::all(), Condition::add);
    let any = |tags: &[String]| tags.iter().map(has).fold(Condition::any(), Condition::add);
    let mut condition = Condition::all().add(all(&filter.all));
    if !filter.any.is_empty() {
        condition = condition.add(any(&filter.any));
    }
    if !filter.not_all.is_empty() {
        condition = condition.add(all(&filter.not_all).not());
    }
    if !filter.not_any.is_empty() {
        condition = condition.add(any(&filter.not_any).not());
    }
    condition
}

fn has(backend: DbBackend, column: &(DynIden, DynIden), tag: &str) -> SimpleExpr {
    let values = [Expr::col(column.clone()), Expr::val(tag.to_owned())];
    match backend {
        DbBackend::Sqlite => {
            Expr::cust_with_exprs("EXISTS (SELECT 1 FROM json_each(?) AS tag WHERE tag.value = ?)", values)
        }
        _ => Expr::cust_with_exprs("jsonb_exists($1::jsonb, $2)", values),
    }
}
