//! What the fields of REST are in the tables, kind by kind: how they are filtered and sorted by.

mod balancing;
mod networks;
mod v2;

use std::net::IpAddr;

use ballast_model::{
    Uuid,
    status::{OperatingStatus, ProvisioningStatus},
};
use ipnet::IpNet;
use sea_orm::{
    ColumnTrait, Condition, ExprTrait as _, Value,
    sea_query::{DynIden, Expr, Func, IntoTableRef as _, Query, TableRef},
};

use crate::{
    bindings::Phase,
    entity::{binding, listener, load_balancer, member, pool},
};

/// How the text of a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Id,
    Flag,
    /// v2's: what is not true is false.
    TrueFlag,
    Number,
    /// A time, in whole seconds.
    Time,
    Address,
    Network,
}

impl Type {
    /// None: no row can have such a value.
    fn parse(self, text: &str) -> Option<Value> {
        match self {
            // No text has NUL in it, and not every database can be asked for one.
            Self::Text => (!text.contains('\0')).then(|| text.into()),
            Self::Id => text.parse::<Uuid>().ok().map(Value::from),
            Self::Flag => match text.to_lowercase().as_str() {
                "true" | "1" => Some(true.into()),
                "false" | "0" => Some(false.into()),
                _ => None,
            },
            Self::TrueFlag => Some(matches!(text, "true" | "True" | "1").into()),
            Self::Time => time(text).map(Value::from),
            Self::Number => text.parse::<i64>().ok().map(Value::from),
            Self::Address => text.parse::<IpAddr>().ok().map(|address| address.to_string().into()),
            Self::Network => text.parse::<IpNet>().ok().map(|network| network.to_string().into()),
        }
    }
}

/// A field in the tables.
pub(crate) struct Field {
    of: Type,
    location: Location,
    /// Never null: databases disagree on where nulls belong.
    sort: Option<Expr>,
}

enum Location {
    /// A column of the row.
    Column(Expr),
    /// A column of another table: rows whose `key` is the other row's `points`.
    Elsewhere { key: Expr, points: (DynIden, DynIden), column: Expr, also: Option<Box<Expr>> },
    /// A time, of which the second is asked for.
    Time(Expr),
    /// v1's status of a member: INACTIVE is ACTIVE and failing its checks.
    MemberStatus,
    /// v1 has no such field, and a filter on it must not be ignored.
    Nowhere,
}

impl Field {
    fn column<C: ColumnTrait>(column: C, of: Type) -> Self {
        let expr = Expr::col(column.as_column_ref());
        Self { of, location: Location::Column(expr.clone()), sort: Some(expr) }
    }

    /// A column that may be empty: sorted as if it held `empty`.
    fn optional<C: ColumnTrait>(column: C, of: Type, empty: impl Into<Value>) -> Self {
        let expr = Expr::col(column.as_column_ref());
        let sort = Func::coalesce([expr.clone(), Expr::val(empty)]).into();
        Self { of, location: Location::Column(expr), sort: Some(sort) }
    }

    fn time<C: ColumnTrait>(column: C) -> Self {
        let expr = Expr::col(column.as_column_ref());
        Self { of: Type::Time, location: Location::Time(expr.clone()), sort: Some(expr) }
    }

    fn optional_time<C: ColumnTrait>(column: C) -> Self {
        let expr = Expr::col(column.as_column_ref());
        let sort = Func::coalesce([expr.clone(), Expr::val(0_i64)]).into();
        Self { of: Type::Time, location: Location::Time(expr), sort: Some(sort) }
    }

    /// A text of this column, or where that is empty of the other one.
    fn either<C: ColumnTrait>(first: C, second: C) -> Self {
        let columns = [Expr::col(first.as_column_ref()), Expr::col(second.as_column_ref())];
        let expr: Expr = Func::coalesce(columns).into();
        Self { of: Type::Text, location: Location::Column(expr.clone()), sort: Some(expr) }
    }

    /// A column of rows that point at this one by `points`: it is searched, not sorted by.
    fn related<K: ColumnTrait, P: ColumnTrait>(key: K, points: P, column: P, of: Type) -> Self {
        let key = Expr::col(key.as_column_ref());
        let column = Expr::col(column.as_column_ref());
        Self {
            of,
            location: Location::Elsewhere { key, points: points.as_column_ref(), column, also: None },
            sort: None,
        }
    }

    /// The agent that runs the load balancer whose id `key` is; not the one that has yet to let go of it.
    fn agent<K: ColumnTrait>(key: K) -> Self {
        let location = Location::Elsewhere {
            key: Expr::col(key.as_column_ref()),
            points: binding::Column::LoadBalancerId.as_column_ref(),
            column: Expr::col(binding::Column::AgentId.as_column_ref()),
            also: Some(Box::new(Expr::col(binding::Column::Phase.as_column_ref()).eq(Phase::Bound.as_str()))),
        };
        Self { of: Type::Id, location, sort: None }
    }

    /// How many listeners and pools a load balancer has: it is sorted by, not searched.
    fn parts() -> Self {
        let own = || Expr::col(load_balancer::Column::Id.as_column_ref());
        let count = |from: TableRef, of: Expr| {
            Expr::from(Query::select().expr(Func::count(of.clone())).from(from).and_where(of.eq(own())).take())
        };
        let listeners =
            count(listener::Entity.into_table_ref(), Expr::col(listener::Column::LoadBalancerId.as_column_ref()));
        let pools = count(pool::Entity.into_table_ref(), Expr::col(pool::Column::LoadBalancerId.as_column_ref()));
        Self { of: Type::Number, location: Location::Nowhere, sort: Some(listeners.add(pools)) }
    }

    /// A column of the row's load balancer, which may be empty.
    fn of_load_balancer<K: ColumnTrait>(
        key: K,
        column: load_balancer::Column,
        of: Type,
        empty: impl Into<Value>,
    ) -> Self {
        let sort = Query::select()
            .expr(Func::coalesce([Expr::col(column.as_column_ref()), Expr::val(empty)]))
            .from(load_balancer::Entity)
            .and_where(Expr::col(load_balancer::Column::Id.as_column_ref()).equals(key.as_column_ref()))
            .take();
        let field = Self::related(key, load_balancer::Column::Id, column, of);
        // The column belongs to the load balancer's table, whatever the key's is.
        Self { sort: Some(Expr::from(sort)), ..field }
    }

    const fn nowhere() -> Self {
        Self { of: Type::Text, location: Location::Nowhere, sort: None }
    }

    /// The rows whose field has one of these values.
    pub(crate) fn matches(self, texts: &[&str]) -> Condition {
        let values: Vec<Value> = texts.iter().filter_map(|text| self.of.parse(text)).collect();
        let matches = match self.location {
            Location::Column(column) => column.is_in(values),
            Location::Elsewhere { key, points, column, also } => {
                let table = points.0.clone();
                let found = Query::select().column(points).from(table).and_where(column.is_in(values)).take();
                key.in_subquery(found.clone().and_where_option(also.map(|also| *also)).take())
            }
            Location::Time(column) => {
                let within = |from: &Value| match from {
                    Value::BigInt(Some(from)) => {
                        Condition::all().add(column.clone().gte(*from)).add(column.clone().lt(*from + 1_000_000))
                    }
                    _ => Condition::any(),
                };
                return values.iter().map(within).fold(Condition::any(), Condition::add);
            }
            Location::MemberStatus => {
                return texts.iter().fold(Condition::any(), |any, text| any.add(member_status(text)));
            }
            Location::Nowhere => Expr::val(1).is_in(Vec::<i32>::new()),
        };
        Condition::all().add(matches)
    }

    /// What to sort by, when that is possible.
    pub(crate) fn into_sort(self) -> Option<(Expr, Type)> {
        let of = self.of;
        self.sort.map(|expr| (expr, of))
    }
}

fn member_status(text: &str) -> Condition {
    let provisioning = |status: &str| member::Column::ProvisioningStatus.eq(status);
    let active = provisioning(ProvisioningStatus::Active.as_str());
    let offline = member::Column::OperatingStatus.eq(OperatingStatus::Offline.as_str());
    match text {
        "INACTIVE" => Condition::all().add(active).add(offline),
        "ACTIVE" => Condition::all().add(active).add(offline.not()),
        other => Condition::all().add(provisioning(other)),
    }
}

/// Microseconds since 1970 of a time as v2 shows it, `2026-11-28T03:05:20`.
fn time(text: &str) -> Option<i64> {
    let time: jiff::Timestamp = format!("{}Z", text.trim_end_matches('Z')).parse().ok()?;
    Some(time.as_microsecond())
}
