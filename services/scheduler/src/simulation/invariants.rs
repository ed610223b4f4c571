//! What holds at each moment, and what holds once nothing goes wrong any more.

use std::collections::{BTreeMap, BTreeSet};

use ballast_model::{
    ids::{AgentId, LoadBalancerId},
    load_balancer::LoadBalancer,
    status::ProvisioningStatus,
};
use ballast_store::Binding;

use super::{
    agent::{Agent, Runs},
    machine::Machine,
    tenants::Known,
    world::World,
};

/// For so long after an agent was well again a scheduler may believe it is not: it hears of it last from what it reads every ten
/// seconds, and may be about to move something.
const BELIEVED: u64 = 30_000;
/// For so long after it may still have what it is to let go of.
const LETS_GO: u64 = 60_000;

/// A load balancer as it is stored.
struct Stored {
    load_balancer: LoadBalancer,
    binding: Option<Binding>,
}

/// Whose it is, by the load balancers' ids: the agent, and the number of the placement.
pub(super) type Owned = BTreeMap<String, (String, u64)>;

impl World {
    /// Looks at what has to hold at any time.
    pub(super) fn look(&mut self) {
        if let Err(why) = self.addresses_are_once() {
            self.fail(&why);
        }
        let Some(machine) = self.machine() else { return };
        let bound = machine.ask(machine.app.store.glance(|tx, _| Box::pin(tx.all_bound()))).unwrap();
        let mut owners: BTreeMap<String, String> = BTreeMap::new();
        for moved in bound {
            let Some((agent_id, _)) = moved.to else { continue };
            if let Some(other) = owners.insert(moved.load_balancer_id.to_string(), agent_id.to_string()) {
                self.fail(&format!("{} is bound to {agent_id} and to {other}", moved.load_balancer_id));
            }
        }
        for (id, owner) in &owners {
            if let Some(former) = self.owners.get(id).filter(|former| *former != owner) {
                self.moves += 1;
                self.log(&format!("{id} goes from {former} to {owner}; {}", self.as_schedulers_see_it()));
                if let Err(why) = self.may_move(id, former) {
                    self.fail(&format!("{why}; {}", self.as_schedulers_see_it()));
                }
            }
        }
        self.owners = owners;
    }

    /// Whom each scheduler holds for what, for who looks into a failure. It is asked in its own time.
    pub(super) fn as_schedulers_see_it(&self) -> String {
        let seen = |machine: &Machine| {
            let standings = machine.ask(async { machine.app.fleet.standings(machine.app.clock.monotonic()) });
            let host = |id: &str| self.agents.iter().find(|agent| agent.id == id).map_or("?", |agent| &agent.host);
            let agents = standings.iter().map(|one| {
                let host = host(&one.agent_id.to_string());
                format!("{host} {:?} for {:.1?} with {}", one.liveness, one.silent_for, one.load_balancers)
            });
            let leads = if machine.app.leads() { ", which leads" } else { "" };
            format!("scheduler {}{leads}: {}", machine.number, agents.collect::<Vec<_>>().join(", "))
        };
        self.machines.iter().flatten().map(seen).collect::<Vec<_>>().join("\n")
    }

    /// Nothing leaves an agent that is well.
    fn may_move(&self, id: &str, former: &str) -> Result<(), String> {
        let asked = self.tenants.moved.get(id).is_some_and(|at| at + BELIEVED >= self.now);
        match self.agents.iter().find(|agent| agent.id == former) {
            Some(agent) if !asked && agent.unwell_at + BELIEVED < self.now => {
                Err(format!("{id} was moved off {}, which was well since {} ms", agent.host, agent.unwell_at))
            }
            _ => Ok(()),
        }
    }

    /// No two load balancers answer at one address, at agents that are well.
    fn addresses_are_once(&self) -> Result<(), String> {
        let mut answers: BTreeMap<&str, &str> = BTreeMap::new();
        for agent in self.agents.iter().filter(|one| one.condition.serves && one.unwell_at + LETS_GO < self.now) {
            for (id, runs) in agent.runs.iter().filter(|(_, runs)| !runs.address.is_empty()) {
                match answers.insert(&runs.address, id) {
                    Some(other) if other != id => {
                        return Err(format!("{id} and {other} both answer at {}", runs.address));
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Where everything is, once all is as it is to be.
    ///
    /// # Errors
    /// What is not.
    pub(super) fn settled(&self) -> Result<Owned, String> {
        let machine = self.machine().ok_or("no scheduler runs")?;
        if !self.tenants.is_idle() {
            return Err("somebody waits for an answer".to_owned());
        }
        let stored = stored(machine);
        self.history_holds(&stored)?;
        let mut addresses = BTreeSet::new();
        let mut owned = Owned::new();
        for one in &stored {
            let id = one.load_balancer.id;
            if !one.load_balancer.vip.iter().all(|vip| addresses.insert(vip.address)) {
                return Err(format!("the address of {id} is another's, too"));
            }
            match &one.binding {
                Some(binding) => {
                    self.is_run(one, binding)?;
                    owned.insert(id.to_string(), (binding.agent_id.to_string(), binding.epoch.number()));
                }
                None => {
                    if let Some(agent) = self.agents.iter().find(|agent| self.takes(agent, &stored)) {
                        return Err(format!("{id} is nowhere, and {} could take it", agent.host));
                    }
                }
            }
        }
        self.leaves_who_is_switched_off(&stored)?;
        self.nothing_else_runs(&owned)?;
        Ok(owned)
    }

    /// An agent that could take one more.
    fn takes(&self, agent: &Agent, stored: &[Stored]) -> bool {
        let bound =
            |id: AgentId| stored.iter().filter_map(|one| one.binding.as_ref()).filter(|one| one.agent_id == id).count();
        let has_room = agent.most == 0 || agent.id.parse().is_ok_and(|id| bound(id) < agent.most as usize);
        let condition = &agent.condition;
        has_room && agent.is_connected(&self.machines) && !condition.cut && condition.driver && condition.on
    }

    fn is_run(&self, Stored { load_balancer, .. }: &Stored, binding: &Binding) -> Result<(), String> {
        let (id, agent_id) = (load_balancer.id, binding.agent_id.to_string());
        let agent = self.agents.iter().find(|agent| agent.id == agent_id).ok_or("it is bound to no agent of ours")?;
        if !agent.condition.lives || agent.condition.cut || !agent.is_connected(&self.machines) {
            return Err(format!("{id} is on {}, which nobody hears of", agent.host));
        }
        let wanted = Runs {
            epoch: binding.epoch.number(),
            generation: load_balancer.generation.number(),
            address: load_balancer.vip.as_ref().map(|vip| vip.address.to_string()).unwrap_or_default(),
        };
        if agent.runs.get(&id.to_string()) != Some(&wanted) {
            return Err(format!(
                "{} runs {id} as {:?}, not as {wanted:?}",
                agent.host,
                agent.runs.get(&id.to_string())
            ));
        }
        if load_balancer.progress.status != ProvisioningStatus::Active {
            return Err(format!("{id} is {:?}", load_balancer.progress));
        }
        Ok(())
    }

    /// Where agents that are switched off are emptied, they are.
    fn leaves_who_is_switched_off(&self, stored: &[Stored]) -> Result<(), String> {
        let off = |id: &str| self.agents.iter().any(|agent| agent.id == id && !agent.condition.on);
        let stays = stored.iter().filter_map(|one| one.binding.as_ref()).find(|one| off(&one.agent_id.to_string()));
        match stays.filter(|_| self.site.settings.failover.drain) {
            Some(binding) if self.agents.iter().any(|agent| self.takes(agent, stored)) => {
                Err(format!("{} is on an agent that is switched off", binding.load_balancer_id))
            }
            _ => Ok(()),
        }
    }

    /// No agent that is heard of runs what is not its own.
    fn nothing_else_runs(&self, owned: &Owned) -> Result<(), String> {
        for agent in self.agents.iter().filter(|agent| agent.is_connected(&self.machines) && !agent.condition.cut) {
            let is_its = |id: &&String| owned.get(*id).is_some_and(|(agent_id, _)| *agent_id == agent.id);
            if let Some(id) = agent.runs.keys().find(|id| !is_its(id)) {
                return Err(format!("{} runs {id}, which is not its own", agent.host));
            }
        }
        Ok(())
    }

    /// What was acknowledged is so.
    fn history_holds(&self, stored: &[Stored]) -> Result<(), String> {
        let there: BTreeSet<String> = stored.iter().map(|one| one.load_balancer.id.to_string()).collect();
        for (id, known) in &self.tenants.known {
            match known {
                Known::Made if !there.contains(id) => return Err(format!("{id} was made, and is not there")),
                Known::Deleted if there.contains(id) => return Err(format!("{id} was deleted, and is there")),
                Known::Made | Known::Deleted | Known::Leaving => {}
            }
        }
        let strangers = there.iter().filter(|id| !self.tenants.known.contains_key(*id)).count();
        match strangers > self.tenants.unknown {
            true => Err(format!("{strangers} are there that nobody made")),
            false => Ok(()),
        }
    }
}

/// All that there are.
fn stored(machine: &Machine) -> Vec<Stored> {
    let read = machine.app.store.read(|tx, _| {
        Box::pin(async move {
            let mut ids: Vec<LoadBalancerId> =
                tx.all_bound().await?.into_iter().map(|one| one.load_balancer_id).collect();
            ids.extend(tx.unplaced().await?);
            let mut bindings = tx.bindings(&ids).await?;
            let found = tx.load_many(&ids).await?.into_iter();
            Ok(found.map(|one| Stored { binding: bindings.remove(&one.id), load_balancer: one }).collect::<Vec<_>>())
        })
    });
    machine.ask(read).unwrap()
}
