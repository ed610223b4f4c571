//! Load balancers, read whole: however many they are, in two statements, or in three when any has a monitor.
//!
//! A statement costs more than what it reads of a load balancer. So a row has all that there is mostly one of: the load
//! balancer, where it is, a pool, a listener. Members are rows of their own, and so are associations with their monitors.

use std::{
    collections::{HashMap, hash_map::Entry},
    sync::LazyLock,
};

use ballast_model::{Uuid, fault::Fault, load_balancer::LoadBalancer, member::Member, pool::Association};
use sea_orm::{
    ConnectionTrait as _, DbBackend, DbErr, EntityTrait, FromQueryResult, IdenStatic as _, Iterable as _, QueryResult,
    Statement,
};

use crate::{
    Binding, Tx,
    backend::{fault_of, list_of, rows_among},
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
    members: String,
    associations: String,
}

static SQLITE: LazyLock<Statements> = LazyLock::new(|| Statements::of(DbBackend::Sqlite));
static POSTGRES: LazyLock<Statements> = LazyLock::new(|| Statements::of(DbBackend::Postgres));

impl Statements {
    fn of(backend: DbBackend) -> Self {
        let frames = format!(
            "SELECT {}, {}, {}, {}, \
             EXISTS (SELECT 1 FROM association WHERE association.load_balancer_id = load_balancer.id) AS monitored, \
             EXISTS (SELECT 1 FROM hold WHERE hold.load_balancer_id = load_balancer.id) AS holds FROM {} \
             LEFT JOIN pool ON pool.load_balancer_id = load_balancer.id \
             LEFT JOIN listener ON listener.load_balancer_id = load_balancer.id \
             LEFT JOIN binding ON binding.load_balancer_id = load_balancer.id AND binding.phase = 'BOUND' \
             ORDER BY pool.seq, listener.seq",
            columns::<load_balancer::Entity>(),
            columns::<pool::Entity>(),
            columns::<listener::Entity>(),
            columns::<binding::Entity>(),
            rows_among(backend, "load_balancer", "id"),
        );
        let members = format!(
            "SELECT {} FROM {} ORDER BY member.seq",
            columns::<member::Entity>(),
            rows_among(backend, "member", "load_balancer_id"),
        );
        let associations = format!(
            "SELECT {}, {} FROM {} JOIN health_monitor ON health_monitor.id = association.monitor_id \
             ORDER BY association.seq",
            columns::<association::Entity>(),
            columns::<health_monitor::Entity>(),
            rows_among(backend, "association", "load_balancer_id"),
        );
        Self { frames, members, associations }
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
            monitored: row.try_get("", "monitored")?,
            holds: row.try_get("", "holds")?,
        })
    }
}

/// Members and monitors by pool, each pool's to be taken once.
#[derive(Default)]
struct Parts {
    members: HashMap<Uuid, Vec<Member>>,
    monitors: HashMap<Uuid, Vec<Association>>,
}

impl Tx {
    /// The load balancers with these ids that there are.
    pub(crate) async fn whole(&self, ids: &[Uuid]) -> Result<HashMap<Uuid, Placed>, Fault> {
        let backend = self.db().get_database_backend();
        let statements = if backend == DbBackend::Sqlite { &*SQLITE } else { &*POSTGRES };
        let rows = async |sql: &str| {
            let statement = Statement::from_sql_and_values(backend, sql, [list_of(backend, ids)]);
            self.db().query_all_raw(statement).await
        };
        let read = rows(&statements.frames).await.map_err(fault_of)?;
        let frames = read.iter().map(|row| Frame::from_query_result(row, "")).collect::<Result<Vec<_>, _>>();
        let frames = frames.map_err(fault_of)?;
        let mut parts = Parts::default();
        if frames.is_empty() {
            return Ok(HashMap::new());
        }
        for row in rows(&statements.members).await.map_err(fault_of)? {
            let row = member::Model::from_query_result(&row, "member_").map_err(fault_of)?;
            parts.members.entry(row.pool_id).or_default().push(row.into_member()?);
        }
        if frames.iter().any(|frame| frame.monitored) {
            for row in rows(&statements.associations).await.map_err(fault_of)? {
                let association = association::Model::from_query_result(&row, "association_").map_err(fault_of)?;
                let monitor = health_monitor::Model::from_query_result(&row, "health_monitor_").map_err(fault_of)?;
                let (pool_id, monitor) = (association.pool_id, monitor.into_monitor()?);
                let association = Association { monitor, progress: association.into_progress()? };
                parts.monitors.entry(pool_id).or_default().push(association);
            }
        }
        put_together(frames, parts)
    }
}

fn put_together(frames: Vec<Frame>, mut parts: Parts) -> Result<HashMap<Uuid, Placed>, Fault> {
    let mut found: HashMap<Uuid, Placed> = HashMap::with_capacity(frames.len());
    for frame in frames {
        let placed = match found.entry(frame.load_balancer.id) {
            Entry::Occupied(placed) => placed.into_mut(),
            Entry::Vacant(place) => place.insert(Placed {
                load_balancer: frame.load_balancer.into_load_balancer(Vec::new(), Vec::new())?,
                binding: frame.binding.map(binding::Model::into_binding).transpose()?,
                holds: frame.holds,
            }),
        };
        let LoadBalancer { listeners, pools, .. } = &mut placed.load_balancer;
        if let Some(row) = frame.listener
            && listeners.iter().all(|known| known.id != row.id)
        {
            listeners.push(row.into_listener()?);
        }
        if let Some(row) = frame.pool
            && pools.iter().all(|known| known.id != row.id)
        {
            let members = parts.members.remove(&row.id).unwrap_or_default();
            let monitors = parts.monitors.remove(&row.id).unwrap_or_default();
            pools.push(row.into_pool(members, monitors)?);
        }
    }
    Ok(found)
}
