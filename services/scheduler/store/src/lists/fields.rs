//! What the fields of REST are in the tables, kind by kind: how they are filtered and sorted by.

mod balancing;
mod networks;

use std::net::IpAddr;

use ballast_model::{
    Uuid,
    status::{OperatingStatus, ProvisioningStatus},
};
use ipnet::IpNet;
use sea_orm::{
    ColumnTrait, Condition, ExprTrait as _, Value,
    sea_query::{DynIden, Expr, Func, Query},
};

use crate::entity::{load_balancer, member};

/// How the text of a value is read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Type {
    Text,
    Id,
    Flag,
    Number,
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
    Elsewhere { key: Expr, points: (DynIden, DynIden), column: Expr },
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

    /// A column of rows that point at this one by `points`: it is searched, not sorted by.
    fn related<K: ColumnTrait, P: ColumnTrait>(key: K, points: P, column: P, of: Type) -> Self {
        let key = Expr::col(key.as_column_ref());
        let column = Expr::col(column.as_column_ref());
        Self { of, location: Location::Elsewhere { key, points: points.as_column_ref(), column }, sort: None }
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
            Location::Elsewhere { key, points, column } => {
                let table = points.0.clone();
                key.in_subquery(Query::select().column(points).from(table).and_where(column.is_in(values)).take())
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
