//! The columns of a pool that is shown, and how they are read.

use ballast_model::{
    Uuid,
    fault::Fault,
    labels::Labels,
    listener::Protocol,
    parts::Parts,
    pool::{LbMethod, Memory, Pool},
};
use sea_orm::{DbBackend, QueryResult, TryGetable};

use super::{PoolParts, ShownPool};
use crate::{
    backend::fault_of,
    codec::{from_json, member_of, not_nil, parsed, progress, unreadable},
};

/// A pool of [`columns`](crate::hot::shown::columns), without what hangs on it.
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
    let id = values.id()?.unwrap_or_default();
    let (protocol, lb_method) = (values.text()?.unwrap_or_default(), values.text()?.unwrap_or_default());
    let admin_state_up = values.flag()?;
    let (status, changed) = (values.text()?.unwrap_or_default(), values.number()?);
    let project_id = wanted(parts.project_id, || values.text())?;
    let name = wanted(parts.name, || values.text())?;
    let description = wanted(parts.description, || values.text())?;
    let subnet_id: Uuid = wanted(parts.subnet_id, || values.id())?;
    let status_description = if parts.status_description { values.text()? } else { None };
    let provider = wanted(parts.provider, || values.text())?;
    let vip_id = if parts.vip { values.id()?.map(Into::into) } else { None };
    let pool = Pool {
        id: id.into(),
        project_id,
        name,
        description,
        subnet_id: not_nil(subnet_id),
        protocol: member_of("protocol", &protocol, Protocol::parse)?,
        lb_method: member_of("lb_method", &lb_method, LbMethod::parse)?,
        session_persistence: None,
        memory: Memory::default(),
        tls: None,
        admin_state_up,
        labels: Labels::default(),
        progress: progress(&status, status_description, changed)?,
        members: Parts::default(),
        monitors: Parts::default(),
    };
    Ok(ShownPool { pool, provider, vip_id, member_ids: Vec::new(), monitors: Vec::new(), beyond: None })
}

/// The next value; its default when it was not asked for, and is not there.
fn wanted<T: Default>(wanted: bool, next: impl FnOnce() -> Result<Option<T>, Fault>) -> Result<T, Fault> {
    if wanted { next().map(Option::unwrap_or_default) } else { Ok(T::default()) }
}
