//! Bindings: which agent a load balancer is on, and which agents have yet to let go of it.
//!
//! The epoch grows with each placement, so that an answer of a former owner can be told. A tombstone (a binding that is
//! [`Phase::Removing`]) outlives the rows of its load balancer: an agent that was away still learns to undeploy.

use std::collections::HashMap;

use ballast_model::{
    Uuid,
    counters::{Epoch, Generation, Term},
    fault::{Clash, Fault, Kind},
    ids::{AgentId, LoadBalancerId},
    load_balancer::pool_not_found,
    view::v1,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, NotSet, PaginatorTrait as _,
    QueryFilter as _, QueryOrder as _, QuerySelect as _, Set,
    sea_query::{Expr, Query},
};

use crate::{
    Moved, Tx,
    backend::{fault_of, is_among, is_duplicate, is_reference},
    codec::{counter, ids, number},
    entity::{binding, load_balancer},
};

/// What an agent has to do with a load balancer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Phase {
    /// It runs it.
    Bound,
    /// It is to undeploy it, and has not confirmed yet: a tombstone.
    Removing,
    /// It runs it, and another one answers: a [side](crate::Side), and no row of bindings.
    Standby,
}

impl Phase {
    /// As it is stored.
    #[must_use]
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Bound => "BOUND",
            Self::Removing => "REMOVING",
            Self::Standby => "STANDBY",
        }
    }

    /// From what is stored.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        [Self::Bound, Self::Removing].into_iter().find(|phase| phase.as_str() == text)
    }
}

/// A load balancer on an agent.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Binding {
    pub load_balancer_id: LoadBalancerId,
    pub agent_id: AgentId,
    /// The name of the agent's driver.
    pub driver: String,
    /// Grows with each placement of the load balancer, from 1.
    pub epoch: Epoch,
    pub phase: Phase,
}

impl Binding {
    /// Whether the load balancer was on no agent before: nobody has counted anything then.
    #[must_use]
    pub const fn is_first(&self) -> bool {
        self.epoch.number() == Epoch::FIRST.number()
    }
}

/// A binding, with what its agent is to have.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BoundLoadBalancer {
    pub binding: Binding,
    /// The generation of the load balancer; 0 for a tombstone.
    pub generation: Generation,
    /// Of who of its two sides answers; 0: it has none.
    pub term: Term,
}

fn with_generations(
    rows: Vec<binding::Model>,
    mut generations: HashMap<LoadBalancerId, i64>,
) -> Result<Vec<BoundLoadBalancer>, Fault> {
    let bound = |row: binding::Model| {
        let binding = row.into_binding()?;
        let generation = match binding.phase {
            Phase::Bound => generations.remove(&binding.load_balancer_id).unwrap_or(0),
            Phase::Removing | Phase::Standby => 0,
        };
        Ok(BoundLoadBalancer { binding, generation: counter("generation", generation)?, term: Term::NONE })
    };
    rows.into_iter().map(bound).collect()
}

impl Tx {
    /// Where the load balancer is.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn binding(&self, load_balancer_id: LoadBalancerId) -> Result<Option<Binding>, Fault> {
        let row = binding::Entity::find()
            .filter(binding::Column::LoadBalancerId.eq(load_balancer_id.uuid()))
            .filter(binding::Column::Phase.eq(Phase::Bound.as_str()));
        row.one(self.db()).await.map_err(fault_of)?.map(binding::Model::into_binding).transpose()
    }

    /// Where these load balancers are; those that are nowhere are left out.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn bindings(&self, ids: &[LoadBalancerId]) -> Result<HashMap<LoadBalancerId, Binding>, Fault> {
        let rows = binding::Entity::find()
            .filter(is_among(self.db().get_database_backend(), "load_balancer_id", ids))
            .filter(binding::Column::Phase.eq(Phase::Bound.as_str()));
        let rows = rows.all(self.db()).await.map_err(fault_of)?.into_iter();
        rows.map(|row| Ok((row.load_balancer_id.into(), row.into_binding()?))).collect()
    }

    /// Binds a load balancer that is on no agent.
    ///
    /// # Errors
    /// `Code::PoolNotFound`, `Code::AgentNotFound`; `Code::Conflict` when it is bound already; or as
    /// [`Self::binding`].
    pub async fn bind(
        &self,
        load_balancer_id: LoadBalancerId,
        agent_id: AgentId,
        driver: &str,
    ) -> Result<Binding, Fault> {
        let epoch = self.begin_epoch(load_balancer_id).await?;
        self.bind_in(epoch, load_balancer_id, agent_id, driver).await
    }

    /// The same in an epoch that nobody else has.
    pub(crate) async fn bind_in(
        &self,
        epoch: Epoch,
        load_balancer_id: LoadBalancerId,
        agent_id: AgentId,
        driver: &str,
    ) -> Result<Binding, Fault> {
        let binding = Binding { load_balancer_id, agent_id, driver: driver.to_owned(), epoch, phase: Phase::Bound };
        if !binding.is_first() {
            self.count_from_zero(load_balancer_id, Some(epoch.before())).await?;
            self.await_handover(load_balancer_id, epoch).await?;
            self.is_no_successor(load_balancer_id, agent_id).await?;
            self.dismiss_successors(load_balancer_id).await?;
        }
        self.insert_binding(binding).await
    }

    /// The same of a load balancer that has sides. `former`: the epoch of the one that was the active one; none: nobody knows.
    ///
    /// # Errors
    /// As [`Self::bind`].
    pub async fn bind_side(
        &self,
        load_balancer_id: LoadBalancerId,
        agent_id: AgentId,
        driver: &str,
        former: Option<Epoch>,
    ) -> Result<Binding, Fault> {
        let epoch = self.begin_epoch(load_balancer_id).await?;
        self.count_from_zero(load_balancer_id, former).await?;
        let driver = driver.to_owned();
        self.insert_binding(Binding { load_balancer_id, agent_id, driver, epoch, phase: Phase::Bound }).await
    }

    /// The epoch of a placement that begins.
    ///
    /// # Errors
    /// `Code::PoolNotFound`, or as [`Self::binding`].
    pub async fn begin_epoch(&self, load_balancer_id: LoadBalancerId) -> Result<Epoch, Fault> {
        counter("epoch", self.next_epoch(load_balancer_id).await?)
    }

    async fn insert_binding(&self, binding: Binding) -> Result<Binding, Fault> {
        let Binding { load_balancer_id, agent_id, ref driver, epoch, .. } = binding;
        let row = binding::ActiveModel {
            seq: NotSet,
            load_balancer_id: Set(load_balancer_id.uuid()),
            agent_id: Set(agent_id.uuid()),
            driver: Set(driver.clone()),
            epoch: Set(number(epoch)),
            phase: Set(Phase::Bound.as_str().to_owned()),
        };
        binding::Entity::insert(row).exec_without_returning(self.db()).await.map_err(|error| {
            if is_duplicate(&error) {
                Clash::LoadBalancerBound { load_balancer_id }.into()
            } else if is_reference(&error) {
                Fault::not_found(Kind::Agent, agent_id)
            } else {
                fault_of(error)
            }
        })?;
        if let Some(loads) = &mut self.known().loads {
            *loads.entry(agent_id).or_default().entry(driver.clone()).or_default() += 1;
        }
        self.notes().look(load_balancer_id);
        self.moves().add(Moved { load_balancer_id, standby: false, to: Some((agent_id, driver.clone())) });
        Ok(binding)
    }

    /// One more than was ever used for this load balancer: it is counted there, not in bindings, which go.
    async fn next_epoch(&self, load_balancer_id: LoadBalancerId) -> Result<i64, Fault> {
        let counted = load_balancer::Entity::update_many()
            .col_expr(load_balancer::Column::Epoch, Expr::col(load_balancer::Column::Epoch).add(1))
            .filter(load_balancer::Column::Id.eq(load_balancer_id.uuid()))
            .exec_with_returning(self.db());
        let counted = counted.await.map_err(fault_of)?.pop();
        counted.map(|row| row.epoch).ok_or_else(|| pool_not_found(v1::pool_of(load_balancer_id)))
    }

    /// All that an agent has to do with, tombstones too, in the order of binding; then what stands by there.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn bindings_of(&self, agent_id: AgentId) -> Result<Vec<BoundLoadBalancer>, Fault> {
        let rows = binding::Entity::find()
            .filter(binding::Column::AgentId.eq(agent_id.uuid()))
            .order_by_asc(binding::Column::Seq)
            .all(self.db());
        let rows = rows.await.map_err(fault_of)?;
        let mut all = with_generations(rows, self.generations_on(agent_id).await?)?;
        let sides = self.sides_on(agent_id).await?;
        if !sides.is_empty() {
            all.extend(self.standbys_on(agent_id).await?);
            let terms = self.terms_of(&sides.iter().map(|side| side.load_balancer_id).collect::<Vec<_>>()).await?;
            for bound in all.iter_mut().filter(|bound| bound.binding.phase != Phase::Removing) {
                bound.term = terms.get(&bound.binding.load_balancer_id).copied().unwrap_or_default();
            }
        }
        Ok(all)
    }

    /// The generations of these load balancers.
    pub(crate) async fn generations_of(
        &self,
        ids: &[LoadBalancerId],
    ) -> Result<HashMap<LoadBalancerId, Generation>, Fault> {
        let rows = load_balancer::Entity::find()
            .select_only()
            .columns([load_balancer::Column::Id, load_balancer::Column::Generation])
            .filter(is_among(self.db().get_database_backend(), "id", ids))
            .into_tuple::<(Uuid, i64)>();
        let rows = rows.all(self.db()).await.map_err(fault_of)?.into_iter();
        rows.map(|(id, generation)| Ok((id.into(), counter("generation", generation)?))).collect()
    }

    /// What an agent has yet to let go of, of these load balancers, in the order of binding.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn tombstones(&self, agent_id: AgentId, ids: &[LoadBalancerId]) -> Result<Vec<Binding>, Fault> {
        if ids.is_empty() {
            return Ok(Vec::new());
        }
        let rows = binding::Entity::find()
            .filter(is_among(self.db().get_database_backend(), "load_balancer_id", ids))
            .filter(binding::Column::AgentId.eq(agent_id.uuid()))
            .filter(binding::Column::Phase.eq(Phase::Removing.as_str()))
            .order_by_asc(binding::Column::Seq);
        rows.all(self.db()).await.map_err(fault_of)?.into_iter().map(binding::Model::into_binding).collect()
    }

    /// Whether another agent has yet to let go of it.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn is_had_elsewhere(&self, load_balancer_id: LoadBalancerId, agent_id: AgentId) -> Result<bool, Fault> {
        let left = binding::Entity::find()
            .filter(binding::Column::LoadBalancerId.eq(load_balancer_id.uuid()))
            .filter(binding::Column::AgentId.ne(agent_id.uuid()))
            .filter(binding::Column::Phase.eq(Phase::Removing.as_str()));
        Ok(left.count(self.db()).await.map_err(fault_of)? > 0)
    }

    /// How many bindings are left of deleted or moved load balancers.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn count_tombstones(&self) -> Result<u64, Fault> {
        let left = binding::Entity::find().filter(binding::Column::Phase.eq(Phase::Removing.as_str()));
        left.count(self.db()).await.map_err(fault_of)
    }

    /// Who has yet to let go of what it had by this epoch.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn tombstone(&self, load_balancer_id: LoadBalancerId, epoch: Epoch) -> Result<Option<Binding>, Fault> {
        let row = binding::Entity::find()
            .filter(binding::Column::LoadBalancerId.eq(load_balancer_id.uuid()))
            .filter(binding::Column::Epoch.eq(number(epoch)))
            .filter(binding::Column::Phase.eq(Phase::Removing.as_str()));
        row.one(self.db()).await.map_err(fault_of)?.map(binding::Model::into_binding).transpose()
    }

    async fn generations_on(&self, agent_id: AgentId) -> Result<HashMap<LoadBalancerId, i64>, Fault> {
        let bound = Query::select()
            .column(binding::Column::LoadBalancerId)
            .from(binding::Entity)
            .and_where(Expr::col(binding::Column::AgentId).eq(agent_id.uuid()))
            .and_where(Expr::col(binding::Column::Phase).eq(Phase::Bound.as_str()))
            .take();
        let rows = load_balancer::Entity::find()
            .select_only()
            .columns([load_balancer::Column::Id, load_balancer::Column::Generation])
            .filter(load_balancer::Column::Id.in_subquery(bound))
            .into_tuple::<(Uuid, i64)>();
        let rows = rows.all(self.db()).await.map_err(fault_of)?.into_iter();
        Ok(rows.map(|(id, generation)| (id.into(), generation)).collect())
    }

    /// Makes a tombstone of where the load balancer is: its agent is to undeploy it. Nothing happens when it is on
    /// none.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn release(&self, load_balancer_id: LoadBalancerId) -> Result<(), Fault> {
        self.known().loads = None;
        let released = binding::Entity::update_many()
            .col_expr(binding::Column::Phase, Expr::val(Phase::Removing.as_str()))
            .filter(binding::Column::LoadBalancerId.eq(load_balancer_id.uuid()))
            .filter(binding::Column::Phase.eq(Phase::Bound.as_str()))
            .exec(self.db());
        if released.await.map_err(fault_of)?.rows_affected > 0 {
            self.notes().look(load_balancer_id);
            self.moves().add(Moved { load_balancer_id, standby: false, to: None });
        }
        self.end_successors(load_balancer_id).await
    }

    /// Forgets a binding, whatever its phase; whether there was one.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn drop_binding(
        &self,
        load_balancer_id: LoadBalancerId,
        agent_id: AgentId,
        epoch: Epoch,
    ) -> Result<bool, Fault> {
        self.known().loads = None;
        let dropped = binding::Entity::delete_many()
            .filter(binding::Column::LoadBalancerId.eq(load_balancer_id.uuid()))
            .filter(binding::Column::AgentId.eq(agent_id.uuid()))
            .filter(binding::Column::Epoch.eq(number(epoch)))
            .exec(self.db());
        let dropped = dropped.await.map_err(fault_of)?.rows_affected > 0;
        if dropped {
            self.moves().mark_stale(load_balancer_id);
        }
        Ok(dropped)
    }

    /// The load balancers that are on no agent, oldest first.
    ///
    /// # Errors
    /// As [`Self::binding`].
    pub async fn unplaced(&self) -> Result<Vec<LoadBalancerId>, Fault> {
        let bound = Query::select()
            .expr(Expr::val(1))
            .from(binding::Entity)
            .and_where(
                Expr::col((binding::Entity, binding::Column::LoadBalancerId))
                    .equals((load_balancer::Entity, load_balancer::Column::Id)),
            )
            .and_where(Expr::col((binding::Entity, binding::Column::Phase)).eq(Phase::Bound.as_str()))
            .take();
        let rows = load_balancer::Entity::find()
            .select_only()
            .column(load_balancer::Column::Id)
            .filter(Expr::exists(bound).not())
            .order_by_asc(load_balancer::Column::Seq)
            .into_tuple();
        rows.all(self.db()).await.map(ids).map_err(fault_of)
    }
}
