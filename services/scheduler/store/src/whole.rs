//! Load balancers, read whole: however many they are, in one statement, or in two when any has a monitor.
//!
//! A statement costs more than what it reads of a load balancer. So a row has all that there is mostly one of: the load
//! balancer, where it is, a pool, a listener; and the members as JSON. Associations with their monitors are rows of their
//! own.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::LazyLock,
};

use ballast_model::{
    fault::Fault,
    ids::{LoadBalancerId, PoolId},
    load_balancer::LoadBalancer,
    member::Member,
    pool::Association,
};
use sea_orm::{
    ColumnTrait, ColumnType, ConnectionTrait as _, DbBackend, DbErr, EntityTrait, FromQueryResult, IdenStatic as _,
    Iterable as _, QueryResult, Statement,
};

use crate::{
    Binding, Tx,
    backend::{fault_of, list_of, rows_among},
    codec::from_json,
    entity::{association, binding, health_monitor, listener, load_balancer, member, pool},
};

/// A load balancer, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub load_balancer: LoadBalancer,
    /// None: nowhere.
    pub binding: Option<Binding>,
    /// Whether an agent may still answer at an address that it had.
    pub holds: bool,
}

/// The statements of a database.
struct Statements {
    frames: String,
    associations: String,
}

static SQLITE: LazyLock<Statements> = LazyLock::new(|| Statements::of(DbBackend::Sqlite));
static POSTGRES: LazyLock<Statements> = LazyLock::new(|| Statements::of(DbBackend::Postgres));

impl Statements {
    fn of(backend: DbBackend) -> Self {
        let (from, condition) = rows_among(backend, "load_balancer", "id");
        let frames = format!(
            "SELECT {}, {}, {}, {}, \
             (SELECT {} FROM member WHERE member.load_balancer_id = load_balancer.id) AS members, \
             {} AS monitored, {} AS holds FROM {from} \
             LEFT JOIN pool ON pool.load_balancer_id = load_balancer.id \
             LEFT JOIN listener ON listener.load_balancer_id = load_balancer.id \
             LEFT JOIN binding ON binding.load_balancer_id = load_balancer.id AND binding.phase = 'BOUND' \
             WHERE {condition} ORDER BY pool.seq, listener.seq",
            columns::<load_balancer::Entity>(),
            columns::<pool::Entity>(),
            columns::<listener::Entity>(),
            columns::<binding::Entity>(),
            as_json::<member::Entity>(backend),
            has("association"),
            has("hold"),
        );
        let (from, condition) = rows_among(backend, "association", "load_balancer_id");
        let associations = format!(
            "SELECT {}, {} FROM {from} JOIN health_monitor ON health_monitor.id = association.monitor_id \
             WHERE {condition} ORDER BY association.seq",
            columns::<association::Entity>(),
            columns::<health_monitor::Entity>(),
        );
        Self { frames, associations }
    }
}

/// Whether a table has a row of the load balancer. Not EXISTS: PostgreSQL may read the whole table for that.
fn has(table: &str) -> String {
    format!("(SELECT 1 FROM {table} WHERE {table}.load_balancer_id = load_balancer.id LIMIT 1) IS NOT NULL")
}

/// Rows of a table as one array of objects, in the order of their numbers. Where there are none it may be null.
fn as_json<E: EntityTrait>(backend: DbBackend) -> String {
    let table = E::default().table_name().to_owned();
    match backend {
        DbBackend::Sqlite => {
            let fields: Vec<String> = E::Column::iter().map(|column| field(&table, column)).collect();
            format!("json_group_array(json_object({}) ORDER BY {table}.seq)", fields.join(", "))
        }
        _ => format!("json_agg({table} ORDER BY {table}.seq)::text"),
    }
}

/// A column in SQLite's JSON, which has no type for ids; SQLite itself has none for flags.
fn field<C: ColumnTrait>(table: &str, column: C) -> String {
    let name = column.as_str();
    match column.def().get_column_type() {
        ColumnType::Uuid => format!("'{name}', hex({table}.{name})"),
        ColumnType::Boolean => format!("'{name}', json(iif({table}.{name}, 'true', 'false'))"),
        _ => format!("'{name}', {table}.{name}"),
    }
}

/// All columns of a table, each named behind the table's name.
fn columns<E: EntityTrait>() -> String {
    let table = E::default().table_name().to_owned();
    let named = |column: E::Column| format!("{table}.{0} AS {table}_{0}", column.as_str());
    E::Column::iter().map(named).collect::<Vec<_>>().join(", ")
}

/// A load balancer's row, and what stands beside it: each of its pools and listeners is in some row.
struct Frame {
    load_balancer: load_balancer::Model,
    pool: Option<pool::Model>,
    listener: Option<listener::Model>,
    binding: Option<binding::Model>,
    /// Of all its pools, as JSON.
    members: Option<String>,
    monitored: bool,
    holds: bool,
}

impl FromQueryResult for Frame {
    fn from_query_result(row: &QueryResult, _: &str) -> Result<Self, DbErr> {
        Ok(Self {
            load_balancer: load_balancer::Model::from_query_result(row, "load_balancer_")?,
            pool: pool::Model::from_query_result_optional(row, "pool_")?,
            listener: listener::Model::from_query_result_optional(row, "listener_")?,
            binding: binding::Model::from_query_result_optional(row, "binding_")?,
            members: row.try_get("", "members")?,
            monitored: row.try_get("", "monitored")?,
            holds: row.try_get("", "holds")?,
        })
    }
}

/// By pool; each pool's are taken once.
type ByPool<T> = HashMap<PoolId, Vec<T>>;

impl Tx {
    /// The load balancers with these ids that there are.
    pub(crate) async fn whole(&self, ids: &[LoadBalancerId]) -> Result<HashMap<LoadBalancerId, Placed>, Fault> {
        let backend = self.db().get_database_backend();
        let statements = if backend == DbBackend::Sqlite { &*SQLITE } else { &*POSTGRES };
        let rows = async |sql: &str| {
            let statement = Statement::from_sql_and_values(backend, sql, [list_of(backend, ids)]);
            self.db().query_all_raw(statement).await
        };
        let read = rows(&statements.frames).await.map_err(fault_of)?;
        let frames = read.iter().map(|row| Frame::from_query_result(row, "")).collect::<Result<Vec<_>, _>>();
        let frames = frames.map_err(fault_of)?;
        let mut monitors = ByPool::new();
        if frames.iter().any(|frame| frame.monitored) {
            for row in rows(&statements.associations).await.map_err(fault_of)? {
                let association = association::Model::from_query_result(&row, "association_").map_err(fault_of)?;
                let monitor = health_monitor::Model::from_query_result(&row, "health_monitor_").map_err(fault_of)?;
                let (pool_id, monitor) = (association.pool_id.into(), monitor.into_monitor()?);
                let association = Association { monitor, progress: association.into_progress()? };
                monitors.entry(pool_id).or_default().push(association);
            }
        }
        put_together(frames, monitors)
    }
}

fn put_together(
    frames: Vec<Frame>,
    mut monitors: ByPool<Association>,
) -> Result<HashMap<LoadBalancerId, Placed>, Fault> {
    let mut found: HashMap<LoadBalancerId, Placed> = HashMap::with_capacity(frames.len());
    let mut members = ByPool::new();
    for frame in frames {
        let placed = match found.entry(frame.load_balancer.id.into()) {
            Entry::Occupied(placed) => placed.into_mut(),
            Entry::Vacant(place) => {
                let rows = frame.members.map(|text| from_json::<Vec<member::Model>>("members", &text)).transpose()?;
                for row in rows.unwrap_or_default() {
                    members.entry(row.pool_id.into()).or_default().push(row.into_member()?);
                }
                place.insert(Placed {
                    load_balancer: frame.load_balancer.into_load_balancer(Vec::new(), Vec::new())?,
                    binding: frame.binding.map(binding::Model::into_binding).transpose()?,
                    holds: frame.holds,
                })
            }
        };
        let LoadBalancer { listeners, pools, .. } = &mut placed.load_balancer;
        if let Some(row) = frame.listener
            && listeners.iter().all(|known| known.id.uuid() != row.id)
        {
            listeners.push(row.into_listener()?);
        }
        if let Some(row) = frame.pool
            && pools.iter().all(|known| known.id.uuid() != row.id)
        {
            let members: Vec<Member> = members.remove(&row.id.into()).unwrap_or_default();
            let monitors = monitors.remove(&row.id.into()).unwrap_or_default();
            pools.push(row.into_pool(members, monitors)?);
        }
    }
    Ok(found)
}
