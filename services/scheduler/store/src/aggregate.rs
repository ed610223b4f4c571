//! Load balancers, whole: they are loaded and saved with all they are made of, never in parts.
//!
//! Saving compares the generation and the outcome that were loaded with what is stored (the optimistic lock): a load
//! balancer that others changed meanwhile is a conflict, and the work that loaded it is run again.

use std::collections::{HashMap, hash_map::Entry};

use ballast_model::{
    Uuid,
    fault::Fault,
    load_balancer::LoadBalancer,
    member::Member,
    pool::{Association, Pool},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, DbErr, EntityTrait, ExprTrait as _, FromQueryResult as _,
    IdenStatic as _, Iterable as _, JoinType, QueryFilter as _, QueryOrder as _, QueryResult, QuerySelect as _,
    QueryTrait as _, Select,
    sea_query::{Expr, IntoCondition as _},
};

use crate::{
    Binding, Phase, Tx,
    backend::fault_of,
    codec::number,
    entity::{association, binding, health_monitor, listener, load_balancer, member, pool},
    parts::{changes, load_balancer_changed},
    shown::chunks,
};

/// How many ids one statement asks for.
pub(crate) const CHUNK: usize = 500;

type ByOwner<T> = HashMap<Uuid, Vec<T>>;

/// A load balancer, and where it is; no binding: nowhere.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub load_balancer: LoadBalancer,
    pub binding: Option<Binding>,
}

/// A load balancer's row, and beside it what it mostly has one of: each of its pools and listeners is in some row.
struct Frame {
    load_balancer: load_balancer::Model,
    pool: Option<pool::Model>,
    listener: Option<listener::Model>,
    binding: Option<binding::Model>,
    /// Whether it has monitors.
    monitored: bool,
}

/// What [`Frame::read`] reads, in the order of the pools.
fn frames(ids: &[Uuid]) -> Select<load_balancer::Entity> {
    use load_balancer::Column::Id;

    let bound = || Expr::col((binding::Entity, binding::Column::Phase)).eq(Phase::Bound.as_str());
    let pools = load_balancer::Entity::belongs_to(pool::Entity).from(Id).to(pool::Column::LoadBalancerId);
    let listeners = load_balancer::Entity::belongs_to(listener::Entity).from(Id).to(listener::Column::LoadBalancerId);
    let bindings = load_balancer::Entity::belongs_to(binding::Entity).from(Id).to(binding::Column::LoadBalancerId);
    let bindings = bindings.on_condition(move |_, _| bound().into_condition());
    let association = "EXISTS (SELECT 1 FROM association WHERE association.load_balancer_id = load_balancer.id)";
    let select = load_balancer::Entity::find()
        .select_only()
        .join(JoinType::LeftJoin, pools.into())
        .join(JoinType::LeftJoin, listeners.into())
        .join(JoinType::LeftJoin, bindings.into())
        .expr_as(Expr::cust(association), "monitored");
    let select = with_columns::<load_balancer::Entity>(select, "lb_");
    let select = with_columns::<pool::Entity>(select, "pool_");
    let select = with_columns::<listener::Entity>(select, "listener_");
    let select = with_columns::<binding::Entity>(select, "binding_");
    select.filter(Id.is_in(ids.iter().copied())).order_by_asc(pool::Column::Seq).order_by_asc(listener::Column::Seq)
}

/// All columns of an entity, their names behind a prefix.
fn with_columns<E: EntityTrait>(
    select: Select<load_balancer::Entity>,
    prefix: &str,
) -> Select<load_balancer::Entity> {
    E::Column::iter().fold(select, |select, column| select.column_as(column, format!("{prefix}{}", column.as_str())))
}

impl Frame {
    fn read(row: &QueryResult) -> Result<Self, DbErr> {
        Ok(Self {
            load_balancer: load_balancer::Model::from_query_result(row, "lb_")?,
            pool: pool::Model::from_query_result_optional(row, "pool_")?,
            listener: listener::Model::from_query_result_optional(row, "listener_")?,
            binding: binding::Model::from_query_result_optional(row, "binding_")?,
            monitored: row.try_get("", "monitored")?,
        })
    }
}

impl Tx {
    /// The load balancer with this id.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn load(&self, id: Uuid) -> Result<Option<LoadBalancer>, Fault> {
        Ok(self.load_placed(id).await?.map(|placed| placed.load_balancer))
    }

    /// The same, and where it is.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_placed(&self, id: Uuid) -> Result<Option<Placed>, Fault> {
        Ok(self.load_many_placed(&[id]).await?.pop())
    }

    /// The load balancers with these ids, in the order of the ids. What is not there is left out.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_many(&self, ids: &[Uuid]) -> Result<Vec<LoadBalancer>, Fault> {
        Ok(self.load_many_placed(ids).await?.into_iter().map(|placed| placed.load_balancer).collect())
    }

    /// The same, and where each is.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn load_many_placed(&self, ids: &[Uuid]) -> Result<Vec<Placed>, Fault> {
        let mut found = HashMap::with_capacity(ids.len());
        for chunk in chunks(ids) {
            self.load_chunk(&chunk, &mut found).await?;
        }
        Ok(ids.iter().filter_map(|id| found.remove(id)).collect())
    }

    async fn load_chunk(&self, ids: &[Uuid], found: &mut HashMap<Uuid, Placed>) -> Result<(), Fault> {
        let rows = self.db().query_all(&frames(ids).into_query()).await.map_err(fault_of)?;
        let frames = rows.iter().map(Frame::read).collect::<Result<Vec<_>, _>>().map_err(fault_of)?;
        if frames.is_empty() {
            return Ok(());
        }
        let mut members = self.members_of(ids).await?;
        let monitored = frames.iter().any(|frame| frame.monitored);
        let mut monitors = if monitored { self.monitors_of(ids).await? } else { ByOwner::new() };
        for frame in frames {
            let id = frame.load_balancer.id;
            let placed = match found.entry(id) {
                Entry::Occupied(placed) => placed.into_mut(),
                Entry::Vacant(place) => place.insert(Placed {
                    load_balancer: frame.load_balancer.into_load_balancer(Vec::new(), Vec::new())?,
                    binding: frame.binding.map(binding::Model::into_binding).transpose()?,
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
                let members = members.remove(&row.id).unwrap_or_default();
                let monitors = monitors.remove(&row.id).unwrap_or_default();
                pools.push(row.into_pool(members, monitors)?);
            }
        }
        Ok(())
    }

    /// By pool.
    async fn members_of(&self, ids: &[Uuid]) -> Result<ByOwner<Member>, Fault> {
        let rows = member::Entity::find()
            .filter(member::Column::LoadBalancerId.is_in(ids.iter().copied()))
            .order_by_asc(member::Column::Seq);
        let mut members = ByOwner::new();
        for row in rows.all(self.db()).await.map_err(fault_of)? {
            members.entry(row.pool_id).or_default().push(row.into_member()?);
        }
        Ok(members)
    }

    /// By pool.
    async fn monitors_of(&self, ids: &[Uuid]) -> Result<ByOwner<Association>, Fault> {
        let monitor = association::Entity::belongs_to(health_monitor::Entity)
            .from(association::Column::MonitorId)
            .to(health_monitor::Column::Id)
            .into();
        let rows = association::Entity::find()
            .join(JoinType::InnerJoin, monitor)
            .select_also(health_monitor::Entity)
            .filter(association::Column::LoadBalancerId.is_in(ids.iter().copied()))
            .order_by_asc(association::Column::Seq);
        let mut monitors = ByOwner::new();
        for (row, monitor) in rows.all(self.db()).await.map_err(fault_of)? {
            let (pool_id, monitor_id) = (row.pool_id, row.monitor_id);
            let monitor = monitor.ok_or_else(|| Fault::internal(format!("monitor {monitor_id} has no row")))?;
            let association = Association { monitor: monitor.into_monitor()?, progress: row.into_progress()? };
            monitors.entry(pool_id).or_default().push(association);
        }
        Ok(monitors)
    }

    /// Stores a new load balancer. Its monitors have rows of their own already: only the associations are stored.
    ///
    /// # Errors
    /// [`Code::HealthMonitorNotFound`](ballast_model::fault::Code::HealthMonitorNotFound), or as [`Self::load`].
    pub async fn insert(&self, load_balancer: &LoadBalancer) -> Result<(), Fault> {
        let row = load_balancer::ActiveModel::of(load_balancer);
        load_balancer::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        let rows = Rows::of(load_balancer);
        for row in rows.pools {
            self.insert_part(row).await?;
        }
        for row in rows.members {
            self.insert_part(row).await?;
        }
        for row in rows.associations {
            self.insert_part(row).await?;
        }
        for row in rows.listeners {
            self.insert_part(row).await?;
        }
        self.note_load_balancer(None, Some(load_balancer));
        Ok(())
    }

    /// Stores what differs between `before`, as it was loaded, and `after`. A listener or member that came from another
    /// load balancer may be saved before or after that one; it keeps its place in lists when it is saved before.
    ///
    /// # Errors
    /// [`Code::Conflict`](ballast_model::fault::Code::Conflict) when others changed it since it was loaded; `MemberExists`,
    /// `VipExists`, `AssociationExists` or `HealthMonitorNotFound` when that only shows now; or as [`Self::load`].
    pub async fn save(&self, before: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
        if before == after {
            return Ok(());
        }
        self.save_row(before, after).await?;
        self.note_load_balancer(Some(before), Some(after));
        let (old, new) = (Rows::of(before), Rows::of(after));
        self.save_parts(after.id, old.pools, new.pools).await?;
        self.save_parts(after.id, old.members, new.members).await?;
        self.save_parts(after.id, old.associations, new.associations).await?;
        self.save_parts(after.id, old.listeners, new.listeners).await
    }

    async fn save_row(&self, before: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
        let row = load_balancer::ActiveModel::of(after);
        // Health and placement change parts alone: the lock must be taken all the same.
        let row = changes(&load_balancer::ActiveModel::of(before), row).unwrap_or_else(|| lock_only(after));
        let saved = load_balancer::Entity::update_many().set(row).filter(as_loaded(before)).exec(self.db()).await;
        match saved.map_err(fault_of)?.rows_affected {
            0 => Err(load_balancer_changed(after.id)),
            _ => Ok(()),
        }
    }

    /// Deletes a load balancer, as it was loaded, with all it is made of and its counters. Its bindings stay.
    ///
    /// # Errors
    /// [`Code::Conflict`](ballast_model::fault::Code::Conflict) when others changed it since it was loaded, or as
    /// [`Self::load`].
    pub async fn delete(&self, load_balancer: &LoadBalancer) -> Result<(), Fault> {
        let gone = load_balancer::Entity::delete_many().filter(as_loaded(load_balancer)).exec(self.db()).await;
        match gone.map_err(fault_of)?.rows_affected {
            0 => Err(load_balancer_changed(load_balancer.id)),
            _ => {
                self.note_load_balancer(Some(load_balancer), None);
                Ok(())
            }
        }
    }

    /// The load balancer that has this listener.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn owner_of_listener(&self, id: Uuid) -> Result<Option<Uuid>, Fault> {
        let owner = listener::Entity::find().select_only().column(listener::Column::LoadBalancerId);
        owner.filter(listener::Column::Id.eq(id)).into_tuple().one(self.db()).await.map_err(fault_of)
    }

    /// The load balancer that has this member.
    ///
    /// # Errors
    /// As [`Self::load`].
    pub async fn owner_of_member(&self, id: Uuid) -> Result<Option<Uuid>, Fault> {
        let owner = member::Entity::find().select_only().column(member::Column::LoadBalancerId);
        owner.filter(member::Column::Id.eq(id)).into_tuple().one(self.db()).await.map_err(fault_of)
    }
}

fn as_loaded(load_balancer: &LoadBalancer) -> Condition {
    Condition::all()
        .add(load_balancer::Column::Id.eq(load_balancer.id))
        .add(load_balancer::Column::Generation.eq(number(load_balancer.generation)))
        .add(load_balancer::Column::Settled.eq(number(load_balancer.settled)))
}

fn lock_only(load_balancer: &LoadBalancer) -> load_balancer::ActiveModel {
    let settled = sea_orm::Set(number(load_balancer.settled));
    load_balancer::ActiveModel { settled, ..Default::default() }
}

/// The rows of what a load balancer is made of.
struct Rows {
    pools: Vec<pool::ActiveModel>,
    members: Vec<member::ActiveModel>,
    associations: Vec<association::ActiveModel>,
    listeners: Vec<listener::ActiveModel>,
}

impl Rows {
    fn of(load_balancer: &LoadBalancer) -> Self {
        let id = load_balancer.id;
        let pools = &load_balancer.pools;
        let member = |pool: &Pool, member: &Member| member::ActiveModel::of(member, id, pool.id);
        let association = |pool: &Pool, one: &Association| association::ActiveModel::of(one, id, pool.id);
        Self {
            pools: pools.iter().map(|pool| pool::ActiveModel::of(pool, id)).collect(),
            members: pools.iter().flat_map(|pool| pool.members.iter().map(move |one| member(pool, one))).collect(),
            associations: pools
                .iter()
                .flat_map(|pool| pool.monitors.iter().map(move |one| association(pool, one)))
                .collect(),
            listeners: load_balancer.listeners.iter().map(|one| listener::ActiveModel::of(one, id)).collect(),
        }
    }
}
