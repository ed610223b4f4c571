//! What agents are told: the load balancers that they are to run, and those that they are to let go of.

use std::{collections::HashSet, fmt, net::IpAddr, time::Duration};

use ballast_model::{
    agent::Liveness,
    counters::{Epoch, Generation, Term},
    fault::Fault,
    ids::{AgentId, LoadBalancerId, PortId, SubnetId},
    load_balancer::LoadBalancer,
    network::Subnetwork,
    parts::Parts,
    pool::{Pool, SessionPersistence},
    port::Port,
    side::SideNumber,
};
use ballast_store::{Binding, BoundLoadBalancer, Handover, Phase, Placed, Stage, Successor, Tx};

use super::{App, Digests};

/// What an agent is to do with a load balancer.
#[derive(Debug, Clone, PartialEq)]
pub enum Instruction {
    /// Run it.
    Desired(Box<Desired>),
    /// Undeploy it, and say so. Another one is ready where what is under way may `finish`.
    Remove { load_balancer_id: LoadBalancerId, epoch: Epoch, finish: Duration },
}

impl Instruction {
    /// The ports at which the agent will answer: the vip's, and that of its side.
    fn ports(&self) -> impl Iterator<Item = PortId> {
        let desired = match self {
            Self::Desired(desired) => Some(desired).filter(|desired| !desired.is_silent),
            Self::Remove { .. } => None,
        };
        let vip = desired.and_then(|desired| desired.load_balancer.vip.as_ref()).map(|vip| vip.port_id);
        let side = desired.and_then(|desired| desired.beside.as_ref()).map(|beside| beside.port.id);
        vip.into_iter().chain(side)
    }

    /// The one that it will plug in.
    fn plugged_port(&self) -> Option<PortId> {
        self.ports().last()
    }
}

/// What an agent is to be told, as it is committed.
#[derive(Debug)]
pub struct Ready {
    pub agent_id: AgentId,
    pub load_balancer_id: LoadBalancerId,
    pub instruction: Instruction,
}

/// Who had it before is about to let go of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Awaited {
    /// For so long at most.
    pub longest: Duration,
    /// Its agent has it ready, or makes it so meanwhile.
    pub silently: bool,
}

/// How long a load balancer waits for a former agent that lives: that lets go within some ten milliseconds.
const LETS_GO: Duration = Duration::from_secs(2);

/// A load balancer as an agent is to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    pub load_balancer: LoadBalancer,
    /// That of its vip.
    pub subnetwork: Option<Subnetwork>,
    /// Those of its other addresses.
    pub additional: Vec<Subnetwork>,
    pub driver: String,
    pub epoch: Epoch,
    /// Of what is sent: older than the load balancer's own while its address is still held by another.
    pub generation: Generation,
    /// What the secrets are that it uses.
    pub digests: Digests,
    /// What its former agent has handed over.
    pub handover: Option<Handover>,
    /// Its former agent has not let go yet, and that is waited for.
    pub awaited: Option<Awaited>,
    /// It is to be made ready, and not to answer.
    pub is_silent: bool,
    /// A former agent has not let go yet, and may answer at its addresses.
    pub is_contested: bool,
    /// The side that the agent has; none: the load balancer is on one agent.
    pub beside: Option<Beside>,
}

/// One of the two sides of a load balancer, and which of them is to answer.
#[derive(Debug, Clone, PartialEq)]
pub struct Beside {
    pub number: SideNumber,
    pub port: Port,
    /// Of the other side; empty: it is nowhere.
    pub peer_addresses: Vec<IpAddr>,
    pub term: Term,
    pub is_active: bool,
    pub key: Secret,
}

/// What the two sides sign with.
#[derive(Clone, PartialEq, Eq)]
pub struct Secret(pub Vec<u8>);

impl fmt::Debug for Secret {
    fn fmt(&self, to: &mut fmt::Formatter<'_>) -> fmt::Result {
        to.write_str("Secret")
    }
}

impl App {
    /// What the agent is to do with those of its load balancers that are `wanted`, `among` these or all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn desired<F>(
        &self,
        agent_id: AgentId,
        among: Option<&[LoadBalancerId]>,
        wanted: F,
    ) -> Result<Vec<Instruction>, Fault>
    where
        F: Fn(&BoundLoadBalancer) -> bool + Send + Sync,
    {
        let wanted = &wanted;
        // Whatever is written in between wakes the session again: a transaction for it would cost as much as what it asks.
        let read = self.store.glance(|tx, _| {
            Box::pin(async move {
                let ids = match among {
                    Some(ids) => ids.to_vec(),
                    None => {
                        let all = tx.bindings_of(agent_id).await?;
                        all.iter().filter(|bound| wanted(bound)).map(|bound| bound.binding.load_balancer_id).collect()
                    }
                };
                let placed = tx.load_many_placed(&ids).await?;
                // What was placed once has left no tombstone anywhere.
                let bindings = placed.iter().filter_map(|placed| placed.binding.as_ref());
                let once = bindings.filter(|binding| binding.is_first()).map(|binding| binding.load_balancer_id);
                let mut once: HashSet<LoadBalancerId> = once.collect();
                let paired = placed.iter().map(|placed| &placed.load_balancer).filter(|one| one.has_standby());
                let paired: Vec<LoadBalancerId> = paired.map(|one| one.id).collect();
                let pairs = self.pairs(tx, &paired, agent_id).await?;
                once.retain(|id| !pairs.contains_key(id));
                let moved: Vec<LoadBalancerId> = ids.into_iter().filter(|id| !once.contains(id)).collect();
                // A removal is of a former placement: it goes first.
                let tombstones = tx.tombstones(agent_id, &moved).await?.into_iter();
                let (generation, term) = (Generation::NONE, Term::NONE);
                let tombstones = tombstones.map(|binding| BoundLoadBalancer { binding, generation, term });
                let mut instructions = Vec::new();
                for BoundLoadBalancer { binding, .. } in tombstones.filter(wanted) {
                    instructions.push(self.removal(tx, &binding).await?);
                }
                for Placed { load_balancer, binding, .. } in placed {
                    let pair = pairs.get(&load_balancer.id);
                    let standby = pair.and_then(|pair| pair.standing_by(binding.as_ref()));
                    let binding = binding.filter(|binding| binding.agent_id == agent_id).or(standby);
                    let (generation, term) = (load_balancer.generation, pair.map_or(Term::NONE, |pair| pair.term));
                    let bound = binding.map(|binding| BoundLoadBalancer { binding, generation, term });
                    if let Some(bound) = bound.filter(wanted) {
                        instructions.push(self.instruction(tx, load_balancer, bound.binding).await?);
                    }
                }
                instructions.extend(self.to_make_ready(tx, agent_id, among, wanted).await?);
                let plugged: Vec<PortId> = instructions.iter().filter_map(Instruction::plugged_port).collect();
                let bound = self.to_bind(tx, agent_id, &plugged).await?;
                let ports: Vec<PortId> = instructions.iter().flat_map(Instruction::ports).collect();
                // Asked last: a vip whose agent was told leaves a hold when it goes, and any other is looked at once more.
                let told = tx.told(&ports).await?;
                let untold: Vec<PortId> = ports.into_iter().filter(|port| !told.contains(port)).collect();
                Ok((instructions, untold, bound))
            })
        });
        let (mut instructions, untold, bound) = read.await?;
        self.plugging.add(bound);
        if !untold.is_empty() {
            // Noted first: a vip that is deleted from now on leaves a hold. One that is gone by now wakes this agent.
            let there = self.store.write(|tx, _| Box::pin(tx.note_told(&untold))).await?;
            let is_gone = |port: PortId| untold.contains(&port) && !there.contains(&port);
            instructions.retain(|instruction| !instruction.ports().any(is_gone));
        }
        Ok(instructions)
    }

    /// Where another agent has taken over, what is under way may finish.
    async fn removal(&self, tx: &Tx, tombstone: &Binding) -> Result<Instruction, Fault> {
        let (load_balancer_id, epoch) = (tombstone.load_balancer_id, tombstone.epoch);
        let next = tx.successor(load_balancer_id).await?;
        let is_taken = next.is_some_and(|one| one.stage == Stage::Taking && one.epoch == epoch.next());
        let finish = if is_taken { self.failover.finish } else { Duration::ZERO };
        Ok(Instruction::Remove { load_balancer_id, epoch, finish })
    }

    /// What the agent is to make ready that another one serves, and what of that it is to let go of.
    async fn to_make_ready(
        &self,
        tx: &Tx,
        agent_id: AgentId,
        among: Option<&[LoadBalancerId]>,
        wanted: &(impl Fn(&BoundLoadBalancer) -> bool + Send + Sync),
    ) -> Result<Vec<Instruction>, Fault> {
        let mut instructions = Vec::new();
        for Successor { load_balancer_id, agent_id, driver, epoch, stage } in tx.successors_on(agent_id, among).await? {
            let bound = |phase, generation| BoundLoadBalancer {
                binding: Binding { load_balancer_id, agent_id, driver: driver.clone(), epoch, phase },
                generation,
                term: Term::NONE,
            };
            match stage {
                // It is bound, and told as such.
                Stage::Taking => {}
                Stage::Leaving if wanted(&bound(Phase::Removing, Generation::NONE)) => {
                    instructions.push(Instruction::Remove { load_balancer_id, epoch, finish: Duration::ZERO });
                }
                Stage::Leaving => {}
                Stage::Silent => {
                    let Some(load_balancer) = tx.load(load_balancer_id).await? else { continue };
                    let bound = bound(Phase::Bound, load_balancer.generation);
                    if !wanted(&bound) {
                        continue;
                    }
                    let mut instruction = self.instruction(tx, load_balancer, bound.binding).await?;
                    if let Instruction::Desired(desired) = &mut instruction {
                        (desired.is_silent, desired.is_contested, desired.awaited) = (true, false, None);
                    }
                    instructions.push(instruction);
                }
            }
        }
        Ok(instructions)
    }

    /// The ports that another service keeps and that are to be on this agent's host. It is told before the agent has plugged
    /// them in: whoever wires the host's ports does so for those that are bound to it.
    async fn to_bind(&self, tx: &Tx, agent_id: AgentId, ports: &[PortId]) -> Result<Vec<(PortId, String)>, Fault> {
        if self.network.must_be_ours().is_ok() {
            return Ok(Vec::new());
        }
        let Some(agent) = tx.agent(agent_id).await? else { return Ok(Vec::new()) };
        let elsewhere = tx.ports_not_on(&agent.host, ports).await?;
        Ok(elsewhere.into_iter().map(|port| (port.id, agent.host.clone())).collect())
    }

    /// What the agent of a load balancer that just got its address is to be told once that is committed, where it has a
    /// session here: what it waits for would otherwise be read back first.
    pub(super) async fn ready(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        binding: Option<&Binding>,
    ) -> Result<Option<Ready>, Fault> {
        let Some(binding) = binding.filter(|binding| self.wakes.has_session(binding.agent_id)) else { return Ok(None) };
        // A port that another service keeps is bound to the agent's host first.
        if self.network.must_be_ours().is_err() {
            return Ok(None);
        }
        let instruction = self.instruction(tx, load_balancer.clone(), binding.clone()).await?;
        Ok(Some(Ready { agent_id: binding.agent_id, load_balancer_id: load_balancer.id, instruction }))
    }

    pub(super) async fn instruction(
        &self,
        tx: &Tx,
        load_balancer: LoadBalancer,
        binding: Binding,
    ) -> Result<Instruction, Fault> {
        let beside = self.beside(tx, &load_balancer, &binding).await?;
        let handover = match binding.is_first() || beside.is_some() {
            true => None,
            false => tx.handover(load_balancer.id, binding.epoch).await?,
        };
        let awaited = match &handover {
            Some(handover) if handover.content.is_empty() => self.awaited(tx, &load_balancer, &binding).await?,
            Some(_) | None => None,
        };
        let is_contested = match binding.is_first() && beside.is_none() || load_balancer.vip.is_none() {
            true => false,
            false => tx.is_had_elsewhere(load_balancer.id, binding.agent_id).await?,
        };
        let desired = Desired {
            beside,
            is_contested,
            handover: handover.filter(|handover| !handover.content.is_empty()),
            awaited,
            is_silent: false,
            generation: load_balancer.generation,
            subnetwork: subnetwork_of(tx, &load_balancer).await?,
            additional: additional_of(tx, &load_balancer).await?,
            digests: self.digests(tx, &load_balancer).await?,
            driver: binding.driver,
            epoch: binding.epoch,
            load_balancer,
        };
        let held = self.is_held(tx, &desired.load_balancer).await?;
        Ok(Instruction::Desired(Box::new(if held { without_vip(desired) } else { desired })))
    }

    /// Whether the agent of the placement before is about to say which member each client has, or is being emptied, or lets
    /// what is under way finish.
    async fn awaited(
        &self,
        tx: &Tx,
        load_balancer: &LoadBalancer,
        binding: &Binding,
    ) -> Result<Option<Awaited>, Fault> {
        let Some(former) = tx.tombstone(load_balancer.id, binding.epoch.before()).await? else { return Ok(None) };
        let Some(agent) = tx.agent(former.agent_id).await? else { return Ok(None) };
        if former.agent_id == binding.agent_id {
            return Ok(None);
        }
        let liveness = self.liveness(&agent);
        let successor = tx.successor(load_balancer.id).await?;
        if successor.is_some_and(|one| one.stage == Stage::Taking && one.epoch == binding.epoch) {
            // Also one that is Suspect: it serves, and may hear of it in a moment.
            let awaited = Awaited { longest: self.failover.finish + LETS_GO, silently: true };
            return Ok((liveness != Liveness::Dead).then_some(awaited));
        }
        let is_remembered = |pool: &Pool| {
            pool.session_persistence.as_ref().is_some_and(|persistence| *persistence != SessionPersistence::HttpCookie)
        };
        // One that is switched off is emptied: the next one serves once it has let go.
        let is_to_wait =
            load_balancer.pools.iter().any(is_remembered) || (self.failover.drain && !agent.admin_state_up);
        let awaited = Awaited { longest: LETS_GO, silently: false };
        Ok((is_to_wait && liveness == Liveness::Alive).then_some(awaited))
    }

    /// Whether another agent may still answer at the load balancer's address.
    async fn is_held(&self, tx: &Tx, load_balancer: &LoadBalancer) -> Result<bool, Fault> {
        let Some(vip) = &load_balancer.vip else { return Ok(false) };
        for one in vip.addresses() {
            for hold in tx.holds_against(one.subnet_id, one.address, load_balancer.id).await? {
                let dead = match tx.agent(hold.agent_id).await? {
                    Some(agent) => self.liveness(&agent) == Liveness::Dead,
                    None => true,
                };
                if !dead {
                    return Ok(true);
                }
            }
        }
        Ok(false)
    }
}

async fn additional_of(tx: &Tx, load_balancer: &LoadBalancer) -> Result<Vec<Subnetwork>, Fault> {
    let mut found = Vec::new();
    for one in load_balancer.vip.iter().flat_map(|vip| &vip.additional) {
        found.push(subnetwork(tx, load_balancer, one.subnet_id).await?);
    }
    Ok(found)
}

async fn subnetwork_of(tx: &Tx, load_balancer: &LoadBalancer) -> Result<Option<Subnetwork>, Fault> {
    let Some(vip) = &load_balancer.vip else { return Ok(None) };
    subnetwork(tx, load_balancer, vip.subnet_id).await.map(Some)
}

async fn subnetwork(tx: &Tx, load_balancer: &LoadBalancer, id: SubnetId) -> Result<Subnetwork, Fault> {
    let gone = || Fault::internal(format!("the subnet of load balancer {} is gone", load_balancer.id));
    tx.subnetwork(id).await?.ok_or_else(gone)
}

/// The load balancer as it was before it got its address: its objects that changed since stay PENDING.
fn without_vip(mut desired: Desired) -> Desired {
    let since = desired.load_balancer.listeners.iter().map(|listener| listener.progress.changed).min();
    desired.generation = since.unwrap_or(desired.generation).before();
    desired.load_balancer.vip = None;
    desired.load_balancer.http_answers = Vec::new();
    desired.load_balancer.listeners = Parts::default();
    desired.subnetwork = None;
    desired.additional = Vec::new();
    desired.beside = None;
    desired
}
