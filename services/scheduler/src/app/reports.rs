//! What agents say: hello, heartbeats, outcomes, removals, health, statistics. An answer of a former owner (its epoch) or
//! of an older generation is dropped.

use std::collections::HashSet;

use ballast_model::{
    Uuid,
    agent::{Agent, AgentDriver},
    fault::{Code, Fault},
    load_balancer::LoadBalancer,
    network::Network,
    outcome::{MemberHealth, Outcome, Statistics},
    subnet::Subnet,
};
use ballast_store::{Binding, BoundLoadBalancer, Hold, Placed, Tx};

use super::{App, Wake};

/// What an agent is to do with a load balancer.
#[derive(Debug, Clone, PartialEq)]
pub enum Report {
    /// Run it.
    Desired(Box<Desired>),
    /// Undeploy it, and say so.
    Remove { load_balancer_id: Uuid, epoch: u64 },
}

/// A load balancer as an agent is to run it.
#[derive(Debug, Clone, PartialEq)]
pub struct Desired {
    pub load_balancer: LoadBalancer,
    /// Where its vip lives.
    pub place: Option<(Network, Subnet)>,
    pub driver: String,
    pub epoch: u64,
    /// Of what is sent: older than the load balancer's own while its address is still held by another.
    pub generation: u64,
}

/// A report of one load balancer, by its owner of `epoch`.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    pub agent_id: Uuid,
    pub load_balancer_id: Uuid,
    pub epoch: u64,
}

impl App {
    /// An agent said hello: it is known by its host, and alive.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn agent_connected(&self, host: &str, version: &str, drivers: &[AgentDriver]) -> Result<Agent, Fault> {
        let now = self.now();
        let connect = self.store.write(|tx, _| {
            Box::pin(async move {
                let known = tx.agent_by_host(host).await?;
                let is_new = known.is_none();
                let mut agent = known.unwrap_or_else(|| Agent {
                    id: Uuid::new_v4(),
                    host: host.to_owned(),
                    admin_state_up: true,
                    description: None,
                    version: String::new(),
                    created_at: now,
                    started_at: now,
                    heartbeat_at: now,
                    connected: true,
                    drivers: Vec::new(),
                    load_balancers: 0,
                });
                agent.version = version.to_owned();
                agent.started_at = now;
                agent.heartbeat_at = now;
                agent.connected = true;
                agent.drivers = drivers.to_vec();
                if is_new {
                    tx.insert_agent(&agent).await?
                } else {
                    tx.save_agent(&agent).await?
                }
                Ok(agent)
            })
        });
        connect.await
    }

    /// The agent of this host, if it is known.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn agent_of_host(&self, host: &str) -> Result<Option<Agent>, Fault> {
        self.store.read(|tx, _| Box::pin(tx.agent_by_host(host))).await
    }

    /// A heartbeat; `drivers` when they are not what they were.
    ///
    /// # Errors
    /// [`Code::AgentNotFound`] when the agent was deleted meanwhile.
    pub async fn agent_lives(&self, id: Uuid, drivers: Option<&[AgentDriver]>) -> Result<(), Fault> {
        let now = self.now();
        let touch = self.store.write(|tx, _| {
            Box::pin(async move {
                if !tx.touch_agent(id, now, true).await? {
                    return Err(Fault::new(Code::AgentNotFound, format!("Agent {id} could not be found")));
                }
                if let (Some(drivers), Some(mut agent)) = (drivers, tx.agent(id).await?) {
                    agent.drivers = drivers.to_vec();
                    tx.save_agent(&agent).await?;
                }
                Ok(())
            })
        });
        touch.await
    }

    /// The stream is lost: the agent is Suspect at once.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn agent_disconnected(&self, agent: &Agent) -> Result<(), Fault> {
        let id = agent.id;
        let disconnect = self.store.write(|tx, _| {
            Box::pin(async move {
                if let Some(mut agent) = tx.agent(id).await? {
                    agent.connected = false;
                    tx.save_agent(&agent).await?;
                }
                Ok(())
            })
        });
        disconnect.await
    }

    /// What the agent is to do with those of its load balancers that are `wanted`, `among` these or all.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn desired<F>(&self, agent_id: Uuid, among: Option<&[Uuid]>, wanted: F) -> Result<Vec<Report>, Fault>
    where
        F: Fn(&BoundLoadBalancer) -> bool + Send + Sync,
    {
        let wanted = &wanted;
        let read = self.store.read(|tx, _| {
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
                let once: HashSet<Uuid> = once.collect();
                let moved: Vec<Uuid> = ids.into_iter().filter(|id| !once.contains(id)).collect();
                // A removal is of a former placement: it goes first.
                let tombstones = tx.tombstones(agent_id, &moved).await?.into_iter();
                let tombstones = tombstones.map(|binding| BoundLoadBalancer { binding, generation: 0 });
                let removed = tombstones.filter(wanted).map(|BoundLoadBalancer { binding, .. }| Report::Remove {
                    load_balancer_id: binding.load_balancer_id,
                    epoch: binding.epoch,
                });
                let mut reports: Vec<Report> = removed.collect();
                for Placed { load_balancer, binding, .. } in placed {
                    let binding = binding.filter(|binding| binding.agent_id == agent_id);
                    let bound =
                        binding.map(|binding| BoundLoadBalancer { binding, generation: load_balancer.generation });
                    if let Some(bound) = bound.filter(wanted) {
                        reports.push(self.report(tx, load_balancer, bound.binding).await?);
                    }
                }
                Ok(reports)
            })
        });
        read.await
    }

    async fn report(&self, tx: &Tx, load_balancer: LoadBalancer, binding: Binding) -> Result<Report, Fault> {
        let desired = Desired {
            generation: load_balancer.generation,
            place: place_of(tx, &load_balancer).await?,
            driver: binding.driver,
            epoch: binding.epoch,
            load_balancer,
        };
        let held = self.is_held(tx, &desired.load_balancer).await?;
        Ok(Report::Desired(Box::new(if held { without_vip(desired) } else { desired })))
    }

    /// Whether another agent may still answer at the load balancer's address.
    async fn is_held(&self, tx: &Tx, load_balancer: &LoadBalancer) -> Result<bool, Fault> {
        let Some(vip) = &load_balancer.vip else { return Ok(false) };
        for hold in tx.holds_against(vip.subnet_id, vip.address, load_balancer.id).await? {
            let dead = match tx.agent(hold.agent_id).await? {
                Some(agent) => self.liveness(&agent) == ballast_model::agent::Liveness::Dead,
                None => true,
            };
            if !dead {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// An outcome of the load balancer's owner.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deployed(&self, owner: Owner, outcome: &Outcome) -> Result<(), Fault> {
        let settle = self.store.write(|tx, _| {
            Box::pin(async move {
                let Some(Placed { load_balancer: before, holds, .. }) = owned(tx, owner).await? else {
                    return Ok((Vec::new(), None));
                };
                let after = before.clone().settle(outcome);
                tx.save(&before, &after).await?;
                if outcome.fault.is_some() {
                    return Ok((Vec::new(), None));
                }
                let plugged = self.plugged(tx, owner, &after).await?;
                if !holds {
                    return Ok((Vec::new(), plugged));
                }
                let freed = tx.release_holds(owner.load_balancer_id, owner.agent_id, outcome.generation).await?;
                Ok((waiting(tx, &freed).await?, plugged))
            })
        });
        let (wakes, plugged) = settle.await?;
        self.wakes.wake(wakes);
        if let Some(plugged) = plugged {
            self.bind(plugged).await;
        }
        Ok(())
    }

    /// The load balancer is gone from an agent that was to remove it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn removed(&self, owner: Owner) -> Result<(), Fault> {
        let drop = self.store.write(|tx, _| {
            Box::pin(async move {
                let tombstones = tx.tombstones(owner.agent_id, &[owner.load_balancer_id]).await?;
                if tombstones.iter().all(|binding| binding.epoch != owner.epoch) {
                    return Ok(Vec::new());
                }
                tx.drop_binding(owner.load_balancer_id, owner.agent_id, owner.epoch).await?;
                let freed = tx.release_holds(owner.load_balancer_id, owner.agent_id, i64::MAX.unsigned_abs()).await?;
                waiting(tx, &freed).await
            })
        });
        self.wakes.wake(drop.await?);
        Ok(())
    }

    /// What an agent observed of members.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn observed(&self, owner: Owner, health: &[MemberHealth]) -> Result<(), Fault> {
        let observe = self.store.write(|tx, _| {
            Box::pin(async move {
                let Some(Placed { load_balancer: before, .. }) = owned(tx, owner).await? else { return Ok(()) };
                tx.save(&before, &before.clone().observe(health)).await
            })
        });
        observe.await
    }

    /// What an agent counted.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn counted(&self, counted: &[(Owner, Statistics)]) -> Result<(), Fault> {
        let news = self.store.read(|tx, _| Box::pin(news(tx, counted))).await?;
        // Most of the time nothing has changed, and then there is nothing to make durable.
        if news.is_empty() {
            return Ok(());
        }
        let news = &news;
        let save = self.store.write(|tx, _| {
            Box::pin(async move {
                for (owner, statistics) in news {
                    if owner.has(tx.binding(owner.load_balancer_id).await?.as_ref()) {
                        tx.save_statistics(owner.load_balancer_id, *statistics).await?;
                    }
                }
                Ok(())
            })
        });
        save.await
    }
}

/// The counters that are not what is stored.
async fn news(tx: &Tx, counted: &[(Owner, Statistics)]) -> Result<Vec<(Owner, Statistics)>, Fault> {
    let ids: Vec<Uuid> = counted.iter().map(|(owner, _)| owner.load_balancer_id).collect();
    let known = tx.statistics_of_many(&ids).await?;
    let is_new = |(owner, statistics): &&(Owner, Statistics)| {
        known.get(&owner.load_balancer_id).copied().unwrap_or_default() != *statistics
    };
    Ok(counted.iter().filter(is_new).copied().collect())
}

impl Owner {
    fn has(&self, binding: Option<&Binding>) -> bool {
        binding.is_some_and(|binding| binding.agent_id == self.agent_id && binding.epoch == self.epoch)
    }
}

/// The load balancer, if it is this owner's.
async fn owned(tx: &Tx, owner: Owner) -> Result<Option<Placed>, Fault> {
    let placed = tx.load_placed(owner.load_balancer_id).await?;
    Ok(placed.filter(|placed| owner.has(placed.binding.as_ref())))
}

/// Those that waited for the addresses of these holds.
async fn waiting(tx: &Tx, freed: &[Hold]) -> Result<Vec<Wake>, Fault> {
    let mut wakes = Vec::new();
    for hold in freed {
        for load_balancer_id in tx.waiting_for(hold.subnet_id, hold.address).await? {
            wakes.extend(tx.binding(load_balancer_id).await?.as_ref().map(Wake::from));
        }
    }
    Ok(wakes)
}

async fn place_of(tx: &Tx, load_balancer: &LoadBalancer) -> Result<Option<(Network, Subnet)>, Fault> {
    let Some(vip) = &load_balancer.vip else { return Ok(None) };
    let gone = |what: &str| Fault::internal(format!("the {what} of load balancer {} is gone", load_balancer.id));
    let subnet = tx.subnet(vip.subnet_id).await?.ok_or_else(|| gone("subnet"))?;
    let network = tx.network(subnet.network_id).await?.ok_or_else(|| gone("network"))?;
    Ok(Some((network, subnet)))
}

/// The load balancer as it was before it got its address: its objects that changed since stay PENDING.
fn without_vip(mut desired: Desired) -> Desired {
    let since = desired.load_balancer.listeners.iter().map(|listener| listener.progress.changed).min();
    desired.generation = since.unwrap_or(desired.generation).saturating_sub(1);
    desired.load_balancer.vip = None;
    desired.load_balancer.listeners.clear();
    desired.place = None;
    desired
}
