//! Agents: what operators ask of them.

use ballast_model::{
    agent::{Agent, Liveness},
    fault::{Fault, InUse, Kind},
    ids::{AgentId, PoolId},
    load_balancer::LoadBalancer,
    view::v1,
};
use ballast_store::{BoundLoadBalancer, Page, Phase, Query, Tx};

use super::{App, Caller, Wake, reports::waiting};

impl App {
    /// Whether the agent lives, as far as this scheduler knows.
    pub fn liveness(&self, agent: &Agent) -> Liveness {
        self.fleet.liveness(agent, self.clock.monotonic())
    }

    /// The agent as it is shown: when it was heard of last is known here, and stored now and then.
    pub(super) fn shown(&self, agent: Agent) -> Agent {
        let heartbeat_at = self.fleet.heartbeat_at(&agent, self.clock.monotonic(), self.now());
        Agent { heartbeat_at, ..agent }
    }

    /// The agent of this id; for others than admins there is none.
    ///
    /// # Errors
    /// `Code::AgentNotFound`
    pub async fn agent(&self, caller: &Caller, id: AgentId) -> Result<Agent, Fault> {
        self.store.read(|tx, _| Box::pin(load_agent(tx, caller, id))).await.map(|agent| self.shown(agent))
    }

    /// Agents; for others than admins there are none.
    ///
    /// # Errors
    /// When the query cannot be understood.
    pub async fn agents(&self, caller: &Caller, query: Query) -> Result<Page<Agent>, Fault> {
        if !caller.admin {
            return Ok(Page { items: Vec::new(), more: false });
        }
        let page = self.store.read_list(&query, |tx, _| Box::pin(tx.agent_page(&query))).await?;
        Ok(Page { items: page.items.into_iter().map(|agent| self.shown(agent)).collect(), more: page.more })
    }

    /// Changes what an operator may change of an agent.
    ///
    /// # Errors
    /// `Code::AgentNotFound`
    pub async fn update_agent(
        &self,
        caller: &Caller,
        id: AgentId,
        admin_state_up: Option<bool>,
        description: Option<String>,
    ) -> Result<Agent, Fault> {
        let description = &description;
        let update = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut agent = load_agent(tx, caller, id).await?;
                agent.admin_state_up = admin_state_up.unwrap_or(agent.admin_state_up);
                if let Some(description) = description {
                    agent.description = Some(description.clone());
                }
                tx.save_agent(&agent).await?;
                Ok(agent)
            })
        });
        let agent = update.await?;
        self.refresh_agents(&[id]).await?;
        if agent.admin_state_up {
            self.place_soon();
        }
        Ok(self.shown(agent))
    }

    /// Moves what others can take of what an agent has, one by one, before it is forgotten.
    ///
    /// # Errors
    /// `Code::AgentNotFound`
    pub async fn empty_agent(&self, caller: &Caller, id: AgentId) -> Result<(), Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                load_agent(tx, caller, id).await?;
                tx.bindings_of(id).await
            })
        });
        let bound = read.await?.into_iter().map(|bound| bound.binding).filter(|one| one.phase == Phase::Bound);
        // Nothing is placed on it from now on.
        self.fleet.forget(id);
        for load_balancer_id in bound.map(|binding| binding.load_balancer_id) {
            let random = self.chance.number();
            let leave = self.store.write(|tx, _| Box::pin(self.leave_forgotten(tx, load_balancer_id, id, random)));
            self.wake(leave.await?);
        }
        Ok(())
    }

    /// Forgets an agent; `force`: though it has something, or has something yet to remove. What it has then is nowhere until an
    /// agent can take it. Should it live, it comes back under a new id and removes what it ran.
    ///
    /// # Errors
    /// `Code::AgentNotFound`, `Code::AgentInUse`
    pub async fn delete_agent(&self, caller: &Caller, id: AgentId, force: bool) -> Result<(), Fault> {
        // Nothing is placed on it from now on.
        self.fleet.forget(id);
        let deleted = self.store.write(|tx, _| Box::pin(self.delete_agent_in(tx, caller, id, force))).await;
        self.refresh_agents(&[id]).await?;
        self.wake(deleted?);
        self.wakes.end(id);
        self.checks.forget_agent(id);
        self.histories.forget_agent(id);
        self.place_soon();
        Ok(())
    }

    async fn delete_agent_in(&self, tx: &Tx, caller: &Caller, id: AgentId, force: bool) -> Result<Vec<Wake>, Fault> {
        let agent = load_agent(tx, caller, id).await?;
        let bindings = tx.bindings_of(id).await?;
        if !force {
            must_be_empty(&agent, &bindings)?;
        }
        let freed = tx.release_holds_of(id).await?;
        let mut wakes = self.forget_sides_on(tx, id).await?;
        let bound = tx.delete_agent(id).await?;
        for before in tx.load_many(&bound).await? {
            tx.save(&before, &before.clone().unplaceable(None)).await?;
        }
        let (load_balancers, removals) = (bound.len(), bindings.len().saturating_sub(bound.len()));
        if !bindings.is_empty() {
            tracing::warn!(agent.id = %id, load_balancers, removals, "the agent of {} is forgotten though it has something", agent.host);
        }
        wakes.extend(waiting(tx, &freed).await?);
        Ok(wakes)
    }

    /// The agent that hosts a pool: none when it is not placed, or there is no such pool.
    ///
    /// # Errors
    /// `Code::PolicyNotAuthorized` for others than admins.
    pub async fn agent_of_pool(&self, caller: &Caller, pool_id: PoolId) -> Result<Option<Agent>, Fault> {
        caller.must_be_admin("get_loadbalancer-agent")?;
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                match tx.binding(v1::load_balancer_of(pool_id)).await? {
                    Some(binding) => tx.agent(binding.agent_id).await,
                    None => Ok(None),
                }
            })
        });
        Ok(read.await?.map(|agent| self.shown(agent)))
    }

    /// The load balancers that an agent hosts: none when there is no such agent.
    ///
    /// # Errors
    /// `Code::PolicyNotAuthorized` for others than admins.
    pub async fn pools_of_agent(&self, caller: &Caller, id: AgentId) -> Result<Vec<LoadBalancer>, Fault> {
        caller.must_be_admin("get_loadbalancer-pools")?;
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let bound = tx.bindings_of(id).await?.into_iter().map(|bound| bound.binding);
                let bound = bound.filter(|binding| binding.phase == Phase::Bound);
                let ids: Vec<_> = bound.map(|binding| binding.load_balancer_id).collect();
                tx.load_many(&ids).await
            })
        });
        read.await
    }
}

/// What it has keeps an agent from being forgotten.
fn must_be_empty(agent: &Agent, bindings: &[BoundLoadBalancer]) -> Result<(), Fault> {
    if bindings.is_empty() {
        return Ok(());
    }
    let count = |of: usize| u32::try_from(of).unwrap_or(u32::MAX);
    let removals = bindings.iter().filter(|one| one.binding.phase == Phase::Removing).count();
    let load_balancers = count(bindings.len() - removals);
    Err(InUse::Agent { host: agent.host.clone(), load_balancers, removals: count(removals) }.into())
}

async fn load_agent(tx: &Tx, caller: &Caller, id: AgentId) -> Result<Agent, Fault> {
    let agent = if caller.admin { tx.agent(id).await? } else { None };
    agent.ok_or_else(|| Fault::not_found(Kind::Agent, id))
}
