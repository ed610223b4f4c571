//! Sides: a load balancer with a standby is on two agents, with a port of its own on each.
//!
//! The active side is the one whose epoch the binding has: whoever knows nothing of sides finds the load balancer there. The
//! other one stands by, and has no binding; when it is taken away it leaves a tombstone, as any placement does.

use std::{collections::HashMap, fmt};

use ballast_model::{
    counters::{Epoch, Generation, Term},
    fault::{Clash, Fault},
    ids::{AgentId, LoadBalancerId, PortId},
    side::{Said, SideNumber, Topology},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, NotSet, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, Set,
    sea_query::{Expr, Query, SelectStatement},
};

use crate::{
    Binding, BoundLoadBalancer, Moved, Phase, Tx,
    backend::{fault_of, is_among, is_duplicate},
    codec::{counter, ids, number},
    entity::{binding, election, load_balancer, side},
};

/// One of the two sides of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Side {
    pub load_balancer_id: LoadBalancerId,
    pub number: SideNumber,
    pub agent_id: AgentId,
    pub driver: String,
    pub epoch: Epoch,
    /// Its own, which users do not see.
    pub port_id: PortId,
    /// Which it has deployed.
    pub generation: Generation,
    /// Why its last deploy failed; empty: it did not.
    pub fault: String,
    /// What it said last of who answers.
    pub said: Option<Said>,
}

impl Side {
    /// Whether it is the one that the binding is of.
    #[must_use]
    pub fn is_active(&self, binding: Option<&Binding>) -> bool {
        binding.is_some_and(|binding| binding.epoch == self.epoch)
    }

    /// Where it stands by.
    #[must_use]
    pub fn standing_by(&self) -> Binding {
        Binding {
            load_balancer_id: self.load_balancer_id,
            agent_id: self.agent_id,
            driver: self.driver.clone(),
            epoch: self.epoch,
            phase: Phase::Standby,
        }
    }
}

/// Since which term the active side is to answer, and what both sides sign with.
#[derive(Clone, PartialEq, Eq)]
pub struct Election {
    pub term: Term,
    /// 32 bytes.
    pub key: Vec<u8>,
}

/// A key is no matter of logs.
impl fmt::Debug for Election {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.debug_struct("Election").field("term", &self.term).finish_non_exhaustive()
    }
}

/// Says of a side that it is the active one.
fn is_bound() -> SelectStatement {
    use binding::Column as C;
    let of_side = |column: C, side: side::Column| Expr::col((binding::Entity, column)).equals((side::Entity, side));
    Query::select()
        .expr(Expr::val(1))
        .from(binding::Entity)
        .and_where(of_side(C::LoadBalancerId, side::Column::LoadBalancerId))
        .and_where(of_side(C::Epoch, side::Column::Epoch))
        .and_where(Expr::col((binding::Entity, C::Phase)).eq(Phase::Bound.as_str()))
        .take()
}

/// Of sides that stand by.
pub(crate) fn stands_by() -> Condition {
    Condition::all().add(Expr::exists(is_bound()).not())
}

impl Tx {
    async fn sides_where(&self, which: Condition) -> Result<Vec<Side>, Fault> {
        let rows =
            side::Entity::find().filter(which).order_by_asc(side::Column::Number).order_by_asc(side::Column::Seq);
        rows.all(self.db()).await.map_err(fault_of)?.into_iter().map(side::Model::into_side).collect()
    }

    /// The sides of these load balancers, side 1 first.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn sides(&self, of: &[LoadBalancerId]) -> Result<HashMap<LoadBalancerId, Vec<Side>>, Fault> {
        let mut found: HashMap<LoadBalancerId, Vec<Side>> = HashMap::new();
        if of.is_empty() {
            return Ok(found);
        }
        let among = is_among(self.db().get_database_backend(), "load_balancer_id", of);
        for side in self.sides_where(Condition::all().add(among)).await? {
            found.entry(side.load_balancer_id).or_default().push(side);
        }
        Ok(found)
    }

    /// Those of one load balancer.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn sides_of(&self, id: LoadBalancerId) -> Result<Vec<Side>, Fault> {
        self.sides_where(Condition::all().add(side::Column::LoadBalancerId.eq(id.uuid()))).await
    }

    /// Those that an agent has, active or not.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn sides_on(&self, agent_id: AgentId) -> Result<Vec<Side>, Fault> {
        self.sides_where(Condition::all().add(side::Column::AgentId.eq(agent_id.uuid()))).await
    }

    /// Those of these load balancers, or of all, that stand by.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn standbys(&self, of: Option<&[LoadBalancerId]>) -> Result<Vec<Side>, Fault> {
        let among = of.map(|ids| is_among(self.db().get_database_backend(), "side.load_balancer_id", ids));
        self.sides_where(stands_by().add_option(among)).await
    }

    /// Those that an agent has and that stand by, as it is to have them.
    pub(crate) async fn standbys_on(&self, agent_id: AgentId) -> Result<Vec<BoundLoadBalancer>, Fault> {
        let standbys = self.sides_where(stands_by().add(side::Column::AgentId.eq(agent_id.uuid()))).await?;
        let ids: Vec<LoadBalancerId> = standbys.iter().map(|side| side.load_balancer_id).collect();
        let generations = self.generations_of(&ids).await?;
        let bound = |side: &Side| {
            let generation = generations.get(&side.load_balancer_id).copied().unwrap_or_default();
            BoundLoadBalancer { binding: side.standing_by(), generation, term: Term::NONE }
        };
        Ok(standbys.iter().map(bound).collect())
    }

    /// Those that said last that they answer.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn answering_sides(&self) -> Result<Vec<Side>, Fault> {
        self.sides_where(Condition::all().add(side::Column::SaidActive.eq(true))).await
    }

    /// Load balancers that are to have a standby, are somewhere, and have none, oldest first.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn without_standby(&self) -> Result<Vec<LoadBalancerId>, Fault> {
        let there = Query::select()
            .expr(Expr::val(1))
            .from(side::Entity)
            .and_where(
                Expr::col((side::Entity, side::Column::LoadBalancerId))
                    .equals((load_balancer::Entity, load_balancer::Column::Id)),
            )
            .cond_where(stands_by())
            .take();
        let bound = Query::select()
            .column(binding::Column::LoadBalancerId)
            .from(binding::Entity)
            .and_where(binding::Column::Phase.eq(Phase::Bound.as_str()))
            .take();
        let rows = load_balancer::Entity::find()
            .select_only()
            .column(load_balancer::Column::Id)
            .filter(load_balancer::Column::Topology.eq(Topology::ActiveStandby.as_str()))
            .filter(load_balancer::Column::Id.in_subquery(bound))
            .filter(Expr::exists(there).not())
            .order_by_asc(load_balancer::Column::Seq)
            .into_tuple();
        rows.all(self.db()).await.map(ids).map_err(fault_of)
    }

    /// Stores a side. One that stands by is its agent's from now on; where it is active, its binding says so.
    ///
    /// # Errors
    /// `Code::Conflict`: there is such a side, or one on this agent; or as [`Self::sides`].
    pub async fn insert_side(&self, side: &Side, stands_by: bool) -> Result<(), Fault> {
        let id = side.load_balancer_id;
        let insert = side::Entity::insert(side::ActiveModel::of(side)).exec_without_returning(self.db());
        insert.await.map_err(|error| {
            if is_duplicate(&error) {
                Clash::LoadBalancerBound { load_balancer_id: id }.into()
            } else {
                fault_of(error)
            }
        })?;
        if stands_by {
            self.begin_counting(id, side.epoch).await?;
            self.known().loads = None;
            self.notes().look(id);
            let to = Some((side.agent_id, side.driver.clone()));
            self.moves().add(Moved { load_balancer_id: id, standby: true, to });
        }
        Ok(())
    }

    /// Forgets a side. One that stands by leaves a tombstone: its agent is to undeploy it.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn delete_side(&self, side: &Side, stands_by: bool) -> Result<(), Fault> {
        let id = side.load_balancer_id;
        let gone = side::Entity::delete_many()
            .filter(side::Column::LoadBalancerId.eq(id.uuid()))
            .filter(side::Column::Epoch.eq(number(side.epoch)));
        gone.exec(self.db()).await.map_err(fault_of)?;
        if stands_by {
            let row = binding::ActiveModel {
                seq: NotSet,
                load_balancer_id: Set(id.uuid()),
                agent_id: Set(side.agent_id.uuid()),
                driver: Set(side.driver.clone()),
                epoch: Set(number(side.epoch)),
                phase: Set(Phase::Removing.as_str().to_owned()),
            };
            binding::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
            self.known().loads = None;
            self.notes().look(id);
            self.moves().add(Moved { load_balancer_id: id, standby: true, to: None });
        }
        Ok(())
    }

    /// The binding goes to the other side: `to` is the active one from now on, and `from` stands by.
    ///
    /// # Errors
    /// `Code::Conflict`: the binding is not that of `from`; or as [`Self::sides`].
    pub async fn swap_sides(&self, from: &Side, to: &Side) -> Result<(), Fault> {
        use binding::Column as C;
        let id = from.load_balancer_id;
        let swap = binding::Entity::update_many()
            .col_expr(C::AgentId, Expr::val(to.agent_id.uuid()))
            .col_expr(C::Driver, Expr::val(to.driver.clone()))
            .col_expr(C::Epoch, Expr::val(number(to.epoch)))
            .filter(C::LoadBalancerId.eq(id.uuid()))
            .filter(C::Epoch.eq(number(from.epoch)))
            .filter(C::Phase.eq(Phase::Bound.as_str()));
        if swap.exec(self.db()).await.map_err(fault_of)?.rows_affected == 0 {
            return Err(Clash::LoadBalancerBound { load_balancer_id: id }.into());
        }
        self.swap_counting(id, from.epoch, to.epoch).await?;
        self.known().loads = None;
        self.notes().look(id);
        for (side, standby) in [(to, false), (from, true)] {
            let to = Some((side.agent_id, side.driver.clone()));
            self.moves().add(Moved { load_balancer_id: id, standby, to });
        }
        Ok(())
    }

    /// What a side has said of who answers.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn save_said(&self, id: LoadBalancerId, epoch: Epoch, said: Said) -> Result<(), Fault> {
        use side::Column as C;
        let save = side::Entity::update_many()
            .col_expr(C::SaidTerm, Expr::val(number(said.term)))
            .col_expr(C::SaidActive, Expr::val(said.active))
            .col_expr(C::PeerHeard, Expr::val(said.peer_heard))
            .filter(C::LoadBalancerId.eq(id.uuid()))
            .filter(C::Epoch.eq(number(epoch)));
        save.exec(self.db()).await.map(drop).map_err(fault_of)
    }

    /// How the last deploy of a side has ended; an empty fault: well.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn save_deployed(
        &self,
        id: LoadBalancerId,
        epoch: Epoch,
        generation: Generation,
        fault: &str,
    ) -> Result<(), Fault> {
        use side::Column as C;
        let mut save = side::Entity::update_many()
            .col_expr(C::Fault, Expr::val(fault))
            .filter(C::LoadBalancerId.eq(id.uuid()))
            .filter(C::Epoch.eq(number(epoch)))
            .filter(C::Generation.lte(number(generation)));
        if fault.is_empty() {
            save = save.col_expr(C::Generation, Expr::val(number(generation)));
        }
        save.exec(self.db()).await.map(drop).map_err(fault_of)
    }

    /// Since when the active side is to answer; none: it has no sides.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn election(&self, id: LoadBalancerId) -> Result<Option<Election>, Fault> {
        let row = election::Entity::find_by_id(id.uuid()).one(self.db()).await.map_err(fault_of)?;
        row.map(|row| Ok(Election { term: counter("term", row.term)?, key: row.secret })).transpose()
    }

    /// The first term.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn insert_election(&self, id: LoadBalancerId, election: &Election) -> Result<(), Fault> {
        let row = election::ActiveModel {
            load_balancer_id: Set(id.uuid()),
            term: Set(number(election.term)),
            secret: Set(election.key.clone()),
        };
        election::Entity::insert(row).exec_without_returning(self.db()).await.map(drop).map_err(fault_of)
    }

    /// The active side answers since this term, or is to.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn save_term(&self, id: LoadBalancerId, term: Term) -> Result<(), Fault> {
        self.notes().look(id);
        let save = election::Entity::update_many()
            .col_expr(election::Column::Term, Expr::val(number(term)))
            .filter(election::Column::LoadBalancerId.eq(id.uuid()));
        save.exec(self.db()).await.map(drop).map_err(fault_of)
    }

    /// The terms of those of these load balancers that have sides.
    ///
    /// # Errors
    /// As [`Self::sides`].
    pub async fn terms_of(&self, of: &[LoadBalancerId]) -> Result<HashMap<LoadBalancerId, Term>, Fault> {
        let among = is_among(self.db().get_database_backend(), "load_balancer_id", of);
        let rows = election::Entity::find()
            .select_only()
            .columns([election::Column::LoadBalancerId, election::Column::Term])
            .filter(among)
            .into_tuple::<(ballast_model::Uuid, i64)>();
        let rows = rows.all(self.db()).await.map_err(fault_of)?.into_iter();
        rows.map(|(id, term)| Ok((id.into(), counter("term", term)?))).collect()
    }
}
