//! The columns of a pool that a list asks for, and how they are read.

use ballast_model::{Uuid, fault::Fault, parts::Parts};
use sea_orm::{
    ColumnTrait as _, ColumnType, DbBackend, IdenStatic as _, QueryResult, QuerySelect as _, Select, TryGetable,
    sea_query::Expr,
};

use super::{PoolParts, ShownPool};
use crate::{
    backend::fault_of,
    codec::{from_json, parsed, unreadable},
    entity::pool,
};

/// What [`read`] reads of each pool.
pub(super) fn with_parts(select: Select<pool::Entity>, parts: PoolParts, backend: DbBackend) -> Select<pool::Entity> {
    use pool::Column;

    const VIP: &str = "(SELECT listener.id FROM listener WHERE listener.default_pool_id = pool.id LIMIT 1)";
    let columns = [
        (true, Column::Id),
        (true, Column::Protocol),
        (true, Column::LbMethod),
        (true, Column::AdminStateUp),
        (true, Column::ProvisioningStatus),
        (true, Column::Changed),
        (parts.project_id, Column::ProjectId),
        (parts.name, Column::Name),
        (parts.description, Column::Description),
        (parts.subnet_id, Column::SubnetId),
        (parts.status_description, Column::StatusDescription),
        (parts.provider, Column::Provider),
    ];
    let columns = columns.into_iter().filter(|(wanted, _)| *wanted).map(|(_, column)| column);
    let select = select.select_only();
    match backend {
        // Each value of a row costs more than its text in an array does.
        DbBackend::Sqlite => {
            let is_id = |column: &Column| matches!(column.def().get_column_type(), ColumnType::Uuid);
            let value = |column: Column| match is_id(&column) {
                true => format!("hex(pool.{})", column.as_str()),
                false => format!("pool.{}", column.as_str()),
            };
            let vip = parts.vip.then(|| format!("hex({VIP})"));
            let values: Vec<String> = columns.map(value).chain(vip).collect();
            select.expr_as(Expr::cust(format!("json_array({})", values.join(", "))), "columns")
        }
        _ => {
            let select = select.columns(columns);
            if parts.vip { select.expr_as(Expr::cust(VIP), "vip_id") } else { select }
        }
    }
}

/// A pool of [`with_parts`], without what hangs on it.
pub(super) fn read(row: &QueryResult, parts: PoolParts, backend: DbBackend) -> Result<ShownPool, Fault> {
    match backend {
        DbBackend::Sqlite => {
            let text: String = row.try_get_by_index(0).map_err(fault_of)?;
            let values: Vec<serde_json::Value> = from_json("columns", &text)?;
            shown(values.into_iter(), parts)
        }
        _ => shown(Columns { row, next: 0 }, parts),
    }
}

/// Values of a row, from the first to the last.
trait Values {
    fn id(&mut self) -> Result<Option<Uuid>, Fault>;
    fn text(&mut self) -> Result<Option<String>, Fault>;
    fn number(&mut self) -> Result<i64, Fault>;
    fn flag(&mut self) -> Result<bool, Fault>;
}

/// Columns by place, which costs less than by name.
struct Columns<'a> {
    row: &'a QueryResult,
    next: usize,
}

impl Columns<'_> {
    fn take<T: TryGetable>(&mut self) -> Result<T, Fault> {
        self.next += 1;
        self.row.try_get_by_index(self.next - 1).map_err(fault_of)
    }
}

impl Values for Columns<'_> {
    fn id(&mut self) -> Result<Option<Uuid>, Fault> {
        self.take()
    }

    fn text(&mut self) -> Result<Option<String>, Fault> {
        self.take()
    }

    fn number(&mut self) -> Result<i64, Fault> {
        self.take()
    }

    fn flag(&mut self) -> Result<bool, Fault> {
        self.take()
    }
}

impl Values for std::vec::IntoIter<serde_json::Value> {
    fn id(&mut self) -> Result<Option<Uuid>, Fault> {
        // Where there is none, hex() makes an empty text of it.
        self.text()?.filter(|text| !text.is_empty()).map(|text| parsed("columns", &text)).transpose()
    }

    fn text(&mut self) -> Result<Option<String>, Fault> {
        match self.next() {
            Some(serde_json::Value::String(text)) => Ok(Some(text)),
            Some(serde_json::Value::Null) => Ok(None),
            other => Err(unreadable("columns", format_args!("{other:?}"))),
        }
    }

    fn number(&mut self) -> Result<i64, Fault> {
        let value = self.next();
        value.as_ref().and_then(|value| value.as_i64()).ok_or_else(|| unreadable("columns", format_args!("{value:?}")))
    }

    fn flag(&mut self) -> Result<bool, Fault> {
        self.number().map(|number| number != 0)
    }
}

fn shown(mut values: impl Values, parts: PoolParts) -> Result<ShownPool, Fault> {
    let row = pool::Model {
        id: values.id()?.unwrap_or_default(),
        protocol: values.text()?.unwrap_or_default(),
        lb_method: values.text()?.unwrap_or_default(),
        admin_state_up: values.flag()?,
        provisioning_status: values.text()?.unwrap_or_default(),
        changed: values.number()?,
        project_id: wanted(parts.project_id, || values.text())?,
        name: wanted(parts.name, || values.text())?,
        description: wanted(parts.description, || values.text())?,
        subnet_id: wanted(parts.subnet_id, || values.id())?,
        status_description: if parts.status_description { values.text()? } else { None },
        provider: wanted(parts.provider, || values.text())?,
        seq: 0,
        load_balancer_id: Uuid::nil(),
        persistence: None,
        cookie_name: None,
    };
    let provider = row.provider.clone();
    let vip_id = if parts.vip { values.id()?.map(Into::into) } else { None };
    let pool = row.into_pool(Parts::default(), Parts::default())?;
    Ok(ShownPool { pool, provider, vip_id, member_ids: Vec::new(), monitors: Vec::new() })
}

/// The next value; its default when it was not asked for, and is not there.
fn wanted<T: Default>(wanted: bool, next: impl FnOnce() -> Result<Option<T>, Fault>) -> Result<T, Fault> {
    if wanted { next().map(Option::unwrap_or_default) } else { Ok(T::default()) }
}
