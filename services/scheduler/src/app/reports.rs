//! What agents say of load balancers: outcomes, removals, health, statistics. An answer of a former owner (its epoch)
//! or of an older generation is dropped.

mod counted;

use std::{
    collections::{HashMap, HashSet},
    sync::Arc,
    time::Duration,
};

use ballast_model::{
    counters::{Epoch, Generation},
    fault::Fault,
    ids::{AgentId, ListenerId, LoadBalancerId, MemberId, PortId},
    listener::Answering,
    load_balancer::LoadBalancer,
    outcome::{MemberHealth, Outcome},
    status::OperatingStatus,
};
use ballast_store::{Binding, By, Cause, Ending, Handover, Hold, Placed, Settled, Side, Tx};
use ballast_traces::Origin;

pub use self::counted::Counted;
use super::{App, Wake, moving::HandedOn};
use crate::metrics::{Conflict, Settled as SettledOutcome, Stale};

/// A report of one load balancer, by its owner of `epoch`.
#[derive(Debug, Clone, Copy)]
pub struct Owner {
    pub agent_id: AgentId,
    pub load_balancer_id: LoadBalancerId,
    pub epoch: Epoch,
}

/// The end of a deploy.
#[derive(Debug, Clone)]
pub struct Ended {
    pub owner: Owner,
    pub outcome: Outcome,
    /// What it did to what serves, as the driver's contract calls it; empty: the driver does not say.
    pub effect: &'static str,
    /// The deploy, if it is followed.
    pub origin: Option<Origin>,
    /// It is made ready, and does not answer.
    pub silent: bool,
}

/// What an agent observed of one load balancer.
#[derive(Debug, Clone)]
pub struct Observed {
    pub owner: Owner,
    pub members: Vec<MemberHealth>,
    /// Those that answer, all of them.
    pub listeners: HashMap<ListenerId, Answering>,
}

/// What an agent leaves that has let go of a load balancer.
#[derive(Debug, Clone)]
pub struct Left {
    pub ending: Ending,
    pub handover: Option<Handover>,
}

impl App {
    /// Outcomes of load balancers of the agent on this host, in their order.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn deployed(&self, host: &str, ended: &[Ended]) -> Result<(), Fault> {
        // What is silent serves nobody: it settles nothing.
        let (silent, ended): (Vec<Ended>, Vec<Ended>) = ended.iter().cloned().partition(|one| one.silent);
        let (silent, ended) = (&silent, &ended);
        let settle = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut placed = placed_of(tx, ended.iter().map(|one| one.owner)).await?;
                let before = placed.clone();
                for Ended { owner, outcome, .. } in ended {
                    if let Some(placed) = owner.find(&mut placed) {
                        placed.load_balancer = placed.load_balancer.clone().settle(outcome);
                    }
                }
                let sides = sides_among(tx, &placed).await?;
                let mut ends = self.note_causes(tx, host, ended, (&before, &placed, &sides));
                self.save_all(tx, &before, &placed).await?;
                let told = self.sides_deployed(tx, ended, (&placed, &sides)).await?;
                let (mut wakes, mut answering, mut moved) = (Vec::new(), Vec::new(), Vec::new());
                answering.extend(told);
                for Ended { owner, outcome, .. } in ended.iter().filter(|one| one.outcome.fault.is_none()) {
                    let stands_by = owner.side(&sides).is_some();
                    let Some(placed) =
                        placed.get(&owner.load_balancer_id).filter(|one| stands_by || owner.has(one.binding.as_ref()))
                    else {
                        continue;
                    };
                    moved.extend((owner.epoch > Epoch::FIRST).then_some((owner.load_balancer_id, owner.epoch)));
                    let is_alone = placed.load_balancer.is_answering() && !placed.load_balancer.has_standby();
                    let vip = placed.load_balancer.vip.as_ref().filter(|_| is_alone);
                    answering.extend(vip.map(|vip| vip.port_id));
                    if placed.holds {
                        let confirmed = outcome.generation;
                        let freed = tx.release_holds(owner.load_balancer_id, owner.agent_id, confirmed).await?;
                        wakes.extend(waiting(tx, &freed).await?);
                    }
                }
                tx.end_handovers(&moved).await?;
                tx.have_taken(&moved).await?;
                for one in silent {
                    match Box::pin(self.is_ready(tx, host, one)).await? {
                        Some(HandedOn { wakes: woken, drained }) => {
                            wakes.extend(woken);
                            ends.extend(drained.then_some(End::Drained));
                        }
                        None => ends.push(End::Stale(Stale::Epoch)),
                    }
                }
                Ok((wakes, self.plugged(tx, host, &answering).await?, ends))
            })
        });
        let (wakes, plugged, ends) = settle.await?;
        ends.iter().for_each(|end| self.measure(end));
        self.wake(wakes);
        self.plugging.add(plugged);
        Ok(())
    }

    /// The device of a load balancer's owner is busy: what is pending says so.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn waits(&self, owner: Owner, generation: Generation, why: &str) -> Result<(), Fault> {
        let wait = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut placed = placed_of(tx, [owner].into_iter()).await?;
                let before = placed.clone();
                if let Some(placed) = owner.find(&mut placed) {
                    placed.load_balancer = placed.load_balancer.clone().waits(generation, why);
                }
                self.save_all(tx, &before, &placed).await
            })
        });
        wait.await
    }

    /// The load balancer is gone from an agent that was to remove it. What it leaves is for the agent that it is on by
    /// now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn removed(&self, owner: Owner, left: &Left) -> Result<(), Fault> {
        let drop = self.store.write(|tx, _| {
            Box::pin(async move {
                let tombstones = tx.tombstones(owner.agent_id, &[owner.load_balancer_id]).await?;
                if tombstones.iter().all(|binding| binding.epoch != owner.epoch) {
                    tx.has_left(owner.load_balancer_id, owner.agent_id, owner.epoch).await?;
                    // It may have been given to it for good meanwhile, and was not told as long as it let go of it.
                    let wake = Wake { agent_id: owner.agent_id, load_balancer_id: owner.load_balancer_id };
                    return Ok((vec![wake], false));
                }
                tx.drop_binding(owner.load_balancer_id, owner.agent_id, owner.epoch).await?;
                let freed = tx.release_holds(owner.load_balancer_id, owner.agent_id, Generation::new(u64::MAX)).await?;
                let mut wakes = waiting(tx, &freed).await?;
                let bound = tx.binding(owner.load_balancer_id).await?;
                if let Some(bound) = &bound {
                    wakes.extend(pass_on(tx, owner, left, bound).await?);
                    // It announces its addresses once more: nobody else has them now.
                    wakes.push(Wake { agent_id: bound.agent_id, load_balancer_id: bound.load_balancer_id });
                }
                Ok((wakes, bound.is_none()))
            })
        });
        let (wakes, is_gone) = drop.await?;
        self.wake(wakes);
        if is_gone {
            self.histories.forget(owner.load_balancer_id);
        }
        self.checks.forget(owner.agent_id, owner.load_balancer_id);
        Ok(())
    }

    /// Somebody else says on its network that an address of it is theirs. It is told to who watches; what is done about it the
    /// agent has done.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn conflicts(&self, owner: Owner, withdrawn: bool) -> Result<(), Fault> {
        self.metrics.conflict(if withdrawn { Conflict::Withdrawn } else { Conflict::Defended });
        self.store.write(|tx, _| Box::pin(tx.note_conflict(owner.load_balancer_id))).await
    }

    /// What an agent observed of members and listeners. What it has of load balancers that it has a standby of is returned: it
    /// counts once they are the active ones.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn observed(&self, observed: &[Observed]) -> Result<Vec<Observed>, Fault> {
        let observe = self.store.write(|tx, _| {
            Box::pin(async move {
                let mut placed = placed_of(tx, observed.iter().map(|one| one.owner)).await?;
                let before = placed.clone();
                for Observed { owner, members, listeners } in observed {
                    if let Some(placed) = owner.find(&mut placed) {
                        placed.load_balancer = placed.load_balancer.clone().observe(members).answers(listeners);
                    }
                }
                self.save_all(tx, &before, &placed).await?;
                let sides = sides_among(tx, &placed).await?;
                Ok((before, placed, sides))
            })
        });
        let (before, mut after, sides) = observe.await?;
        let is_active = |owner: &Owner| {
            before.get(&owner.load_balancer_id).is_some_and(|placed| owner.has(placed.binding.as_ref()))
        };
        let is_aside = |one: &&Observed| one.owner.side(&sides).is_some() && !is_active(&one.owner);
        let aside = observed.iter().filter(is_aside).cloned().collect();
        for owner in observed.iter().map(|one| one.owner) {
            let Some(after) = owner.find(&mut after) else { continue };
            let changed = before.get(&owner.load_balancer_id).map(|before| fared_otherwise(before, after));
            self.checks.settled(&owner, &after.load_balancer, &changed.unwrap_or_default(), self.now());
        }
        Ok(aside)
    }
}

/// What came of an outcome.
enum End {
    Stale(Stale),
    /// It has left an agent that is switched off.
    Drained,
    Settled {
        provider: String,
        took: Duration,
        outcome: SettledOutcome,
    },
}

/// What a former agent leaves goes to the one that the load balancer is bound to, which may wait for it.
async fn pass_on(tx: &Tx, owner: Owner, left: &Left, bound: &Binding) -> Result<Option<Wake>, Fault> {
    let id = owner.load_balancer_id;
    tx.end_counting(id, owner.epoch, &left.ending).await?;
    if bound.epoch != owner.epoch.next() {
        return Ok(None);
    }
    if let Some(handover) = &left.handover {
        tx.hand_over(id, bound.epoch, handover).await?;
    }
    tx.look(id);
    Ok(Some(Wake::from(bound)))
}

/// Members of another status than before.
fn fared_otherwise(before: &Placed, after: &Placed) -> Vec<MemberId> {
    let all = |placed: &Placed| -> HashMap<MemberId, OperatingStatus> {
        let members = placed.load_balancer.pools.iter().flat_map(|pool| pool.members.iter());
        members.map(|member| (member.id, member.operating_status)).collect()
    };
    let before = all(before);
    all(after).into_iter().filter(|(id, now)| before.get(id) != Some(now)).map(|(id, _)| id).collect()
}

impl Owner {
    fn has(&self, binding: Option<&Binding>) -> bool {
        binding.is_some_and(|binding| binding.agent_id == self.agent_id && binding.epoch == self.epoch)
    }

    /// The side that it has; none: it has none, or no more.
    fn side<'a>(&self, sides: &'a SidesOf) -> Option<&'a Side> {
        let own = |side: &&Side| side.agent_id == self.agent_id && side.epoch == self.epoch;
        sides.get(&self.load_balancer_id)?.iter().find(own)
    }

    /// The load balancer, if it is this owner's.
    fn find<'a>(&self, placed: &'a mut HashMap<LoadBalancerId, Placed>) -> Option<&'a mut Placed> {
        placed.get_mut(&self.load_balancer_id).filter(|placed| self.has(placed.binding.as_ref()))
    }
}

async fn placed_of(tx: &Tx, owners: impl Iterator<Item = Owner>) -> Result<HashMap<LoadBalancerId, Placed>, Fault> {
    let ids: HashSet<LoadBalancerId> = owners.map(|owner| owner.load_balancer_id).collect();
    let placed = tx.load_many_placed(&ids.into_iter().collect::<Vec<_>>()).await?;
    Ok(placed.into_iter().map(|placed| (placed.load_balancer.id, placed)).collect())
}

/// The sides of load balancers that have a standby.
type SidesOf = HashMap<LoadBalancerId, Vec<Side>>;

fn paired(placed: &HashMap<LoadBalancerId, Placed>) -> Vec<LoadBalancerId> {
    placed.values().map(|placed| &placed.load_balancer).filter(|one| one.has_standby()).map(|one| one.id).collect()
}

async fn sides_among(tx: &Tx, placed: &HashMap<LoadBalancerId, Placed>) -> Result<SidesOf, Fault> {
    tx.sides(&paired(placed)).await
}

impl App {
    /// What sides have deployed is kept with them. Returns the ports of those that answer, or could.
    async fn sides_deployed(
        &self,
        tx: &Tx,
        ended: &[Ended],
        (placed, sides): (&HashMap<LoadBalancerId, Placed>, &SidesOf),
    ) -> Result<Vec<PortId>, Fault> {
        let mut plugged = Vec::new();
        for Ended { owner, outcome, .. } in ended {
            let Some(side) = owner.side(sides) else { continue };
            let fault = outcome.fault.as_deref().or(outcome.faults.first().map(|(_, why)| why.as_str()));
            let fault = fault.unwrap_or_default();
            let id = owner.load_balancer_id;
            tx.save_deployed(id, owner.epoch, outcome.generation, fault).await?;
            let placed = placed.get(&id);
            let is_active = placed.is_some_and(|placed| owner.has(placed.binding.as_ref()));
            if !is_active && side.fault != fault {
                let host = tx.agent(owner.agent_id).await?.map(|agent| agent.host).unwrap_or_default();
                let what = if fault.is_empty() { "standby runs".to_owned() } else { format!("standby: {fault}") };
                tx.note_of(id, Arc::new(Cause { by: By::Agent, who: host, what, ..Cause::default() })).await?;
            }
            if outcome.fault.is_none() {
                plugged.push(side.port_id);
            }
        }
        Ok(plugged)
    }

    /// What ended these deploys, and how long what they settle has waited. Of several of one load balancer it is the
    /// last. Returns what came of them.
    fn note_causes(
        &self,
        tx: &Tx,
        host: &str,
        ended: &[Ended],
        (before, after, sides): (&HashMap<LoadBalancerId, Placed>, &HashMap<LoadBalancerId, Placed>, &SidesOf),
    ) -> Vec<End> {
        let now = self.now();
        let mut ends = Vec::new();
        for Ended { owner, outcome, effect, .. } in ended {
            let id = owner.load_balancer_id;
            let own = before.get(&id).filter(|placed| owner.has(placed.binding.as_ref()));
            let (Some(before), Some(after)) = (own, after.get(&id)) else {
                if owner.side(sides).is_none() {
                    ends.push(End::Stale(Stale::Epoch));
                }
                continue;
            };
            if outcome.generation < before.load_balancer.settled {
                ends.push(End::Stale(Stale::Generation));
            }
            let since = before.load_balancer.oldest_settled(&after.load_balancer);
            let took = since.map(|since| u64::try_from(now.0.saturating_sub(since.0)).unwrap_or(0));
            let failed = outcome.fault.is_some() || !outcome.faults.is_empty();
            if let Some(took) = took.map(Duration::from_micros) {
                let provider = before.load_balancer.shown_provider().to_owned();
                let outcome = if failed { SettledOutcome::Error } else { SettledOutcome::Active };
                ends.push(End::Settled { provider, took, outcome });
            }
            let generation = outcome.generation.number();
            let settled = Some(Settled { generation, took, effect: (*effect).to_owned(), failed });
            let (who, what) = (host.to_owned(), "deploy".to_owned());
            tx.note_cause(id, Arc::new(Cause { by: By::Agent, who, what, settled, ..Cause::default() }));
        }
        ends
    }

    /// Once it is stored.
    fn measure(&self, end: &End) {
        match end {
            End::Stale(why) => self.metrics.stale(*why),
            End::Drained => {
                self.metrics.drained.inc();
            }
            End::Settled { provider, took, outcome } => self.metrics.settled(provider, *took, *outcome),
        }
    }

    /// What differs, with its time.
    async fn save_all(
        &self,
        tx: &Tx,
        before: &HashMap<LoadBalancerId, Placed>,
        after: &HashMap<LoadBalancerId, Placed>,
    ) -> Result<(), Fault> {
        let now = self.now();
        let stamped = |(id, before): (&LoadBalancerId, &Placed)| {
            let after = after.get(id)?.load_balancer.clone();
            Some(after.stamped(Some(&before.load_balancer), now))
        };
        let after: Vec<LoadBalancer> = before.iter().filter_map(stamped).collect();
        let changes = after.iter().filter_map(|after| Some((&before.get(&after.id)?.load_balancer, after)));
        tx.save_many(&changes.collect::<Vec<_>>()).await
    }
}

/// Those that waited for the addresses of these holds.
pub(super) async fn waiting(tx: &Tx, freed: &[Hold]) -> Result<Vec<Wake>, Fault> {
    let mut wakes = Vec::new();
    for hold in freed {
        for load_balancer_id in tx.waiting_for(hold.subnet_id, hold.address).await? {
            tx.look(load_balancer_id);
            wakes.extend(tx.binding(load_balancer_id).await?.as_ref().map(Wake::from));
        }
    }
    Ok(wakes)
}
