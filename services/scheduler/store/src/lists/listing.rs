//! Lists: filters, order and page in one statement.
//!
//! A page begins where the sort columns and the number of the row are beyond those of the marker, never after a count
//! of rows: the hundredth page costs what the first one does, and rows that come and go meanwhile shift nothing. The
//! number of the row comes last, so that the order is total.

use ballast_model::{
    Uuid,
    fault::{Balancing, Fault, Misfit},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, DbBackend, EntityTrait, ExprTrait as _, ModelTrait, Order,
    PaginatorTrait as _, QueryFilter as _, QueryOrder as _, QueryResult, QuerySelect as _, QueryTrait as _, Select,
    Value, sea_query::Expr,
};

use crate::{
    Found, Kind, Page, Query, Tx, View,
    backend::fault_of,
    entity::{health_monitor, l7policy, listener, load_balancer, member, pool},
    lists::{
        fields::{Field, Type},
        tags::tagged,
    },
};

/// A table that can be listed.
pub(crate) trait Listed: EntityTrait<Model: Send + Sync> {
    const ID: Self::Column;
    const SEQ: Self::Column;

    /// What a project may see.
    fn visible(project_id: &str, include_shared: bool) -> Condition;

    /// What anybody may see.
    fn shown() -> Condition {
        Condition::all()
    }

    /// What a REST field of v1 is in the table; none when the kind does not have it.
    fn field(name: &str) -> Option<Field>;

    /// The same of v2.
    fn field_of_v2(_name: &str) -> Option<Field> {
        None
    }

    /// Says of a row that v1 does not show it; none: it shows all.
    fn beyond_v1() -> Option<Self::Column> {
        None
    }

    /// Those in which this text is; none: they are not looked for so.
    fn searched(_backend: DbBackend, _text: &str) -> Option<Condition> {
        None
    }

    /// Holds the tags; none: there are none.
    fn tags() -> Option<Self::Column> {
        None
    }
}

/// What a list is sorted by.
struct SortKey {
    expr: Expr,
    of: Type,
    descending: bool,
}

impl SortKey {
    /// On which side of `value` the rows are that follow, or precede when `reverse`.
    fn beyond(&self, value: Value, reverse: bool) -> Expr {
        if self.descending == reverse { self.expr.clone().gt(value) } else { self.expr.clone().lt(value) }
    }

    fn at_or_beyond(&self, value: Value, reverse: bool) -> Expr {
        if self.descending == reverse { self.expr.clone().gte(value) } else { self.expr.clone().lte(value) }
    }

    fn order(&self, reverse: bool) -> Order {
        if self.descending == reverse { Order::Asc } else { Order::Desc }
    }
}

impl Tx {
    /// The load balancers' objects of one kind, as a caller asks for them.
    ///
    /// # Errors
    /// `Code::InvalidInput`: it cannot be sorted like that; `Code::Internal`: the database failed.
    pub async fn find(&self, kind: Kind, query: &Query) -> Result<Page<Found>, Fault> {
        match kind {
            Kind::LoadBalancer => self.found::<load_balancer::Entity>(query, load_balancer::Column::Id).await,
            Kind::L7Policy => self.found::<l7policy::Entity>(query, l7policy::Column::LoadBalancerId).await,
            Kind::HealthMonitor => self.found::<health_monitor::Entity>(query, health_monitor::Column::Id).await,
            Kind::Pool => self.found::<pool::Entity>(query, pool::Column::LoadBalancerId).await,
            Kind::Listener => self.found::<listener::Entity>(query, listener::Column::LoadBalancerId).await,
            Kind::Member => self.found::<member::Entity>(query, member::Column::LoadBalancerId).await,
        }
    }

    /// How many objects of one kind a project has.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn count(&self, kind: Kind, project_id: &str) -> Result<u64, Fault> {
        match kind {
            Kind::LoadBalancer => self.counted::<load_balancer::Entity>(project_id).await,
            Kind::L7Policy => self.counted::<l7policy::Entity>(project_id).await,
            Kind::HealthMonitor => self.counted::<health_monitor::Entity>(project_id).await,
            Kind::Pool => self.counted::<pool::Entity>(project_id).await,
            Kind::Listener => self.counted::<listener::Entity>(project_id).await,
            Kind::Member => self.counted::<member::Entity>(project_id).await,
        }
    }

    async fn counted<E: Listed>(&self, project_id: &str) -> Result<u64, Fault> {
        E::find().filter(E::visible(project_id, false)).count(self.db()).await.map_err(fault_of)
    }

    async fn found<E: Listed>(&self, query: &Query, owner: E::Column) -> Result<Page<Found>, Fault> {
        let Some(select) = self.select::<E>(query).await? else { return Ok(nothing()) };
        let rows = select.select_only().column(E::ID).column(owner).into_tuple::<(Uuid, Uuid)>();
        let rows = rows.all(self.db()).await.map_err(fault_of)?;
        let found = |(id, load_balancer_id): (Uuid, Uuid)| Ok(Found { id, load_balancer_id: load_balancer_id.into() });
        page_of(query, rows, found)
    }

    /// A page of whole rows.
    pub(crate) async fn page<M, T>(&self, query: &Query, read: impl Fn(M) -> Result<T, Fault>) -> Result<Page<T>, Fault>
    where
        M: ModelTrait,
        M::Entity: Listed + EntityTrait<Model = M>,
    {
        let Some(select) = self.select::<M::Entity>(query).await? else { return Ok(nothing()) };
        page_of(query, select.all(self.db()).await.map_err(fault_of)?, read)
    }

    /// The rows of a page and one more, in the direction asked for; none when the marker is unknown.
    pub(crate) async fn select<E: Listed>(&self, query: &Query) -> Result<Option<Select<E>>, Fault> {
        let keys = sort_keys::<E>(query)?;
        let mut select = visible::<E>(query);
        for filter in &query.filters {
            let given = filter.values.iter().map(String::as_str);
            let values: Vec<&str> = given.filter(|value| query.view == View::V2 || !value.is_empty()).collect();
            match field_of::<E>(query.view, &filter.field) {
                Some(field) if !values.is_empty() => select = select.filter(field.matches(&values)),
                None if query.view == View::V2 => {
                    return Err(Balancing::UnknownFilter { field: filter.field.clone() }.into());
                }
                _ => {}
            }
        }
        let backend = self.db().get_database_backend();
        if !query.search.is_empty() {
            let unknown = || Balancing::UnknownFilter { field: "search".to_owned() };
            select = select.filter(E::searched(backend, &query.search).ok_or_else(unknown)?);
        }
        if let Some(tags) = E::tags() {
            select = select.filter(tagged(backend, &tags.as_column_ref(), &query.tags));
        }
        if let Some(marker) = query.marker {
            let Some(values) = self.position::<E>(query, &keys, marker).await? else {
                return match query.view {
                    View::V1 => Ok(None),
                    View::V2 => Err(Balancing::UnknownMarker { marker: marker.to_string() }.into()),
                };
            };
            select = select.filter(beyond(&keys, &values, query.reverse));
        }
        for key in &keys {
            select = select.order_by(key.expr.clone(), key.order(query.reverse));
        }
        Ok(Some(select.limit(page_size(query).map(|size| size + 1))))
    }

    /// The values of the sort keys at the marker.
    async fn position<E: Listed>(
        &self,
        query: &Query,
        keys: &[SortKey],
        marker: Uuid,
    ) -> Result<Option<Vec<Value>>, Fault> {
        let mut select = visible::<E>(query).filter(E::ID.eq(marker)).select_only();
        for (index, key) in keys.iter().enumerate() {
            select = select.expr_as(key.expr.clone(), format!("key{index}"));
        }
        let row = self.db().query_one(&select.into_query()).await.map_err(fault_of)?;
        let Some(row) = row else { return Ok(None) };
        keys.iter().enumerate().map(|(index, key)| value_at(&row, index, key.of)).collect::<Result<_, _>>().map(Some)
    }
}

fn value_at(row: &QueryResult, index: usize, of: Type) -> Result<Value, Fault> {
    let value = match of {
        Type::Text | Type::Address | Type::Network => row.try_get_by_index::<String>(index).map(Value::from),
        Type::Id => row.try_get_by_index::<Uuid>(index).map(Value::from),
        Type::Flag | Type::TrueFlag => row.try_get_by_index::<bool>(index).map(Value::from),
        Type::Number | Type::Time => row.try_get_by_index::<i64>(index).map(Value::from),
    };
    value.map_err(fault_of)
}

fn visible<E: Listed>(query: &Query) -> Select<E> {
    let all = E::find().filter(E::shown());
    let all = match (query.view, E::beyond_v1()) {
        (View::V1, Some(beyond_v1)) => all.filter(beyond_v1.eq(false)),
        _ => all,
    };
    match &query.project_id {
        Some(project_id) => all.filter(E::visible(project_id, query.include_shared)),
        None => all,
    }
}

fn field_of<E: Listed>(view: View, name: &str) -> Option<Field> {
    match view {
        View::V1 => E::field(name),
        View::V2 => E::field_of_v2(name),
    }
}

fn sort_keys<E: Listed>(query: &Query) -> Result<Vec<SortKey>, Fault> {
    let mut keys = Vec::with_capacity(query.sorts.len() + 1);
    let mut unknown = Vec::new();
    for sort in &query.sorts {
        match field_of::<E>(query.view, &sort.field).and_then(Field::into_sort) {
            Some((expr, of)) => keys.push(SortKey { expr, of, descending: sort.descending }),
            None => unknown.push(&sort.field),
        }
    }
    if !unknown.is_empty() {
        return Err(Misfit::UnknownSortKeys { keys: unknown.into_iter().collect() }.into());
    }
    keys.push(SortKey { expr: Expr::col(E::SEQ.as_column_ref()), of: Type::Number, descending: false });
    Ok(keys)
}

/// The rows beyond a position: where the first key that differs is on the other side. That the first key is not on this
/// side follows from it, and is said because an index can use it.
fn beyond(keys: &[SortKey], values: &[Value], reverse: bool) -> Condition {
    let mut any = Condition::any();
    let mut same = Condition::all();
    for (key, value) in keys.iter().zip(values) {
        any = any.add(same.clone().add(key.beyond(value.clone(), reverse)));
        same = same.add(key.expr.clone().eq(value.clone()));
    }
    match (keys, values) {
        ([first, _, ..], [value, ..]) => Condition::all().add(first.at_or_beyond(value.clone(), reverse)).add(any),
        _ => any,
    }
}

fn page_size(query: &Query) -> Option<u64> {
    query.page_size.filter(|size| *size > 0).map(u64::from)
}

pub(crate) fn nothing<T>() -> Page<T> {
    Page { items: Vec::new(), more: false }
}

pub(crate) fn page_of<R, T>(
    query: &Query,
    mut rows: Vec<R>,
    read: impl Fn(R) -> Result<T, Fault>,
) -> Result<Page<T>, Fault> {
    let size = page_size(query).and_then(|size| usize::try_from(size).ok()).unwrap_or(usize::MAX);
    let more = rows.len() > size;
    rows.truncate(size);
    if query.reverse {
        rows.reverse();
    }
    Ok(Page { items: rows.into_iter().map(read).collect::<Result<_, _>>()?, more })
}

#[cfg(test)]
mod tests;
