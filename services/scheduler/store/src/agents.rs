//! Agents.

use std::collections::HashMap;

use ballast_model::{
    Uuid,
    agent::Agent,
    fault::{Exists, Fault, Kind},
    ids::{AgentId, LoadBalancerId},
};
use sea_orm::{
    ColumnTrait as _, Condition, ConnectionTrait as _, EntityTrait as _, ExprTrait as _, QueryFilter as _,
    QueryOrder as _, QuerySelect as _, sea_query::Expr,
};

use crate::{
    Moved, Page, Phase, Query, Tx,
    backend::{fault_of, is_among, is_duplicate},
    codec::{ids, natural},
    entity::{agent, binding, hold, side},
    sides::stands_by,
    tx::Loads,
};

fn agent_not_found(id: AgentId) -> Fault {
    Fault::not_found(Kind::Agent, id)
}

fn host_taken(agent: &Agent) -> impl Fn(sea_orm::DbErr) -> Fault + '_ {
    |error| {
        if is_duplicate(&error) {
            return Fault::from(Exists::Agent { host: agent.host.clone() }).with_detail(error);
        }
        fault_of(error)
    }
}

impl Tx {
    /// The agent with this id.
    ///
    /// # Errors
    /// `Code::Internal`: the database failed.
    pub async fn agent(&self, id: AgentId) -> Result<Option<Agent>, Fault> {
        self.one_agent(Condition::all().add(agent::Column::Id.eq(id.uuid()))).await
    }

    /// The agent of this host.
    ///
    /// # Errors
    /// As [`Self::agent`].
    pub async fn agent_by_host(&self, host: &str) -> Result<Option<Agent>, Fault> {
        self.one_agent(Condition::all().add(agent::Column::Host.eq(host))).await
    }

    /// Those of these agents that there are, or all, without what they have.
    ///
    /// # Errors
    /// As [`Self::agent`].
    pub async fn agents_among(&self, ids: Option<&[AgentId]>) -> Result<Vec<Agent>, Fault> {
        let mut find = agent::Entity::find();
        if let Some(ids) = ids {
            find = find.filter(is_among(self.db().get_database_backend(), "id", ids));
        }
        let (rows, none) = (find.all(self.db()).await.map_err(fault_of)?, HashMap::new());
        rows.into_iter().map(|row| row.into_agent(&none)).collect()
    }

    async fn one_agent(&self, which: Condition) -> Result<Option<Agent>, Fault> {
        let row = agent::Entity::find().filter(which).one(self.db()).await.map_err(fault_of)?;
        let Some(row) = row else { return Ok(None) };
        let here = Condition::all().add(binding::Column::AgentId.eq(row.id));
        let loads = self.load_of_agents(here).await?.remove(&row.id.into()).unwrap_or_default();
        row.into_agent(&loads).map(Some)
    }

    /// Agents as a caller asks for them.
    ///
    /// # Errors
    /// `Code::InvalidInput`: it cannot be sorted like that; or as [`Self::agent`].
    pub async fn agents(&self, query: &Query) -> Result<Vec<Agent>, Fault> {
        Ok(self.agent_page(query).await?.items)
    }

    /// The same, with whether there are more.
    ///
    /// # Errors
    /// As [`Self::agents`].
    pub async fn agent_page(&self, query: &Query) -> Result<Page<Agent>, Fault> {
        let known = self.known().loads.clone();
        let loads = match known {
            Some(loads) => loads,
            None => {
                let loads = self.load_of_agents(Condition::all()).await?;
                self.known().loads.insert(loads).clone()
            }
        };
        let agent = |row: agent::Model| {
            let none = HashMap::new();
            let load = loads.get(&row.id.into()).unwrap_or(&none);
            row.into_agent(load)
        };
        self.page(query, agent).await
    }

    async fn load_of_agents(&self, which: Condition) -> Result<Loads, Fault> {
        let counts = binding::Entity::find()
            .select_only()
            .column(binding::Column::AgentId)
            .column(binding::Column::Driver)
            .expr(Expr::col(binding::Column::Seq).count())
            .filter(which.add(binding::Column::Phase.eq(Phase::Bound.as_str())))
            .group_by(binding::Column::AgentId)
            .group_by(binding::Column::Driver)
            .into_tuple::<(Uuid, String, i64)>();
        let mut counts = counts.all(self.db()).await.map_err(fault_of)?;
        let standbys = side::Entity::find()
            .select_only()
            .columns([side::Column::AgentId, side::Column::Driver])
            .expr(Expr::col(side::Column::Seq).count())
            .filter(stands_by())
            .group_by(side::Column::AgentId)
            .group_by(side::Column::Driver)
            .into_tuple::<(Uuid, String, i64)>();
        counts.extend(standbys.all(self.db()).await.map_err(fault_of)?);
        let mut loads = Loads::new();
        for (id, driver, count) in counts {
            *loads.entry(id.into()).or_default().entry(driver).or_default() += natural::<u32>("load_balancers", count)?;
        }
        Ok(loads)
    }

    /// Stores a new agent.
    ///
    /// # Errors
    /// `Code::AgentExists`: its host has one; or as [`Self::agent`].
    pub async fn insert_agent(&self, agent: &Agent) -> Result<(), Fault> {
        let row = agent::ActiveModel::of(agent)?;
        self.note_agent(agent.id);
        agent::Entity::insert(row).exec_without_returning(self.db()).await.map(|_| ()).map_err(host_taken(agent))
    }

    /// Stores all that is known of an agent, but for how many load balancers it has: that is counted.
    ///
    /// # Errors
    /// `Code::AgentNotFound`, `Code::AgentExists`: its host has another one; or as [`Self::agent`].
    pub async fn save_agent(&self, agent: &Agent) -> Result<(), Fault> {
        let row = agent::ActiveModel::of(agent)?;
        self.note_agent(agent.id);
        let saved = agent::Entity::update_many().set(row).filter(agent::Column::Id.eq(agent.id.uuid())).exec(self.db());
        match saved.await.map_err(host_taken(agent))?.rows_affected {
            0 => Err(agent_not_found(agent.id)),
            _ => Ok(()),
        }
    }

    /// Deletes an agent, with its bindings, tombstones and holds; returns the load balancers that were bound to it. Who
    /// waits for one of its addresses is found by releasing its holds before.
    ///
    /// # Errors
    /// `Code::AgentNotFound`, or as [`Self::agent`].
    pub async fn delete_agent(&self, id: AgentId) -> Result<Vec<LoadBalancerId>, Fault> {
        self.known().loads = None;
        let bound = binding::Entity::find()
            .select_only()
            .column(binding::Column::LoadBalancerId)
            .filter(binding::Column::AgentId.eq(id.uuid()))
            .filter(binding::Column::Phase.eq(Phase::Bound.as_str()))
            .order_by_asc(binding::Column::Seq)
            .into_tuple();
        let bound: Vec<LoadBalancerId> = ids(bound.all(self.db()).await.map_err(fault_of)?);
        hold::Entity::delete_many()
            .filter(hold::Column::AgentId.eq(id.uuid()))
            .exec(self.db())
            .await
            .map_err(fault_of)?;
        self.note_agent(id);
        for load_balancer_id in &bound {
            self.moves().add(Moved { load_balancer_id: *load_balancer_id, standby: false, to: None });
        }
        let gone = agent::Entity::delete_many().filter(agent::Column::Id.eq(id.uuid())).exec(self.db());
        match gone.await.map_err(fault_of)?.rows_affected {
            0 => Err(agent_not_found(id)),
            _ => Ok(bound),
        }
    }
}
