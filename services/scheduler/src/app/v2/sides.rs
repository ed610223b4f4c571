//! On which agents a load balancer is, for operators.

use ballast_model::{
    agent::Agent,
    counters::Term,
    fault::Fault,
    ids::{AgentId, LoadBalancerId},
    port::Port,
    side::Topology,
};
use ballast_store::Side;

use super::{
    super::{App, Caller},
    read::{Target, load},
};

/// Where it is, the active side first.
#[derive(Debug, Clone)]
pub struct ShownSides {
    pub topology: Topology,
    pub term: Term,
    pub sides: Vec<ShownSide>,
}

#[derive(Debug, Clone)]
pub struct ShownSide {
    pub active: bool,
    pub agent_id: AgentId,
    pub agent: Option<Agent>,
    /// None: it has none, as it is on one agent.
    pub side: Option<Side>,
    pub port: Option<Port>,
}

impl App {
    /// On which agents it is, and which of them answers.
    ///
    /// # Errors
    /// That it is not there; `Code::PolicyNotAuthorized` for others than admins.
    pub async fn sides_shown(&self, caller: &Caller, id: LoadBalancerId) -> Result<ShownSides, Fault> {
        caller.must_be_admin("get_sides")?;
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, caller, Target::LoadBalancer(id)).await?;
                let term = tx.election(id).await?.map_or(Term::NONE, |election| election.term);
                let mut found: Vec<(bool, AgentId, Option<Side>)> = Vec::new();
                for side in tx.sides_of(id).await? {
                    found.push((side.is_active(placed.binding.as_ref()), side.agent_id, Some(side)));
                }
                if let (Some(binding), true) = (&placed.binding, found.iter().all(|(active, ..)| !active)) {
                    found.push((true, binding.agent_id, None));
                }
                found.sort_by_key(|(active, ..)| !active);
                let mut sides = Vec::with_capacity(found.len());
                for (active, agent_id, side) in found {
                    let port = match &side {
                        Some(side) => tx.port(side.port_id).await?,
                        None => None,
                    };
                    sides.push(ShownSide { active, agent_id, agent: tx.agent(agent_id).await?, side, port });
                }
                Ok(ShownSides { topology: placed.load_balancer.topology, term, sides })
            })
        });
        read.await
    }
}
