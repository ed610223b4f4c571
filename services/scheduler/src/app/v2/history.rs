//! What load balancers were, and going back to it.

use std::{collections::HashSet, sync::Arc};

use ballast_model::{
    Uuid,
    counters::Generation,
    fault::{Balancing, Clash, Fault, InUse, Taken},
    ids::LoadBalancerId,
    load_balancer::LoadBalancer,
};
use ballast_store::{EventKind, Revision, Tx, Why, before};

use super::{
    super::{App, Caller, MonitorWithPools},
    events::{ObjectOfV2, part},
    read::{Seen, Target, load},
    write::Write,
};

/// Objects of a change that are told.
const TOLD: usize = 100;
/// The most revisions that are looked at for one who goes back: more are kept for a while than are to be.
const MOST: u64 = 10_000;
/// How often what it was is looked for, while others change it.
const ATTEMPTS: usize = 3;

/// A change of what was desired of a load balancer.
pub struct Known {
    /// That it made.
    pub generation: Generation,
    pub why: Why,
    /// Empty: what changed is not known, or it made the load balancer.
    pub changes: Vec<RevisionChange>,
    /// How many objects more changed.
    pub more: usize,
    /// Whether one can go back to it from what the load balancer is now.
    pub is_reachable: bool,
}

/// An object as it was before a change, and behind it; none: it was not there.
pub struct RevisionChange {
    pub before: Option<ObjectOfV2>,
    pub after: Option<ObjectOfV2>,
}

impl App {
    /// The last changes of a load balancer, the newest first; `limit` of them, or all that are kept.
    ///
    /// # Errors
    /// That it is not there, or another project's.
    pub async fn history(&self, caller: &Caller, id: LoadBalancerId, limit: u64) -> Result<Vec<Known>, Fault> {
        let limit = if limit == 0 { self.revisions } else { limit.min(self.revisions) };
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, caller, Target::LoadBalancer(id)).await?;
                Ok((placed.load_balancer, tx.revisions(id, limit).await?))
            })
        });
        let (now, revisions) = read.await?;
        apart(move || told(now, revisions)).await
    }

    /// Makes a load balancer what it was behind the change that made this generation: one more change.
    ///
    /// # Errors
    /// That it is not there, or another project's; [`Balancing::OutOfReach`]; [`Taken::Elsewhere`], [`InUse::HealthMonitor`];
    /// what its parts, quotas and drivers do not allow by now.
    pub async fn roll_back<C>(
        &self,
        write: Write<'_>,
        id: LoadBalancerId,
        generation: Generation,
        check: C,
    ) -> Result<Seen, Fault>
    where
        C: Fn(&LoadBalancer) -> Result<(), Fault> + Send + Sync,
    {
        for _ in 0..ATTEMPTS {
            let (now, was) = self.past(write.caller, id, generation).await?;
            check(&now)?;
            if !write.validate_only && self.foresight.is_none() {
                // What others keep is named anew: who goes back has to be allowed to.
                self.admit_references(Some(&now), &now.clone().rolled_back(was.clone())?).await?;
            }
            let target = (id, now.generation, &was);
            if let Some(seen) = self.become_again(write, target, &check).await? {
                return Ok(seen);
            }
        }
        Err(Clash::LoadBalancerChanged { load_balancer_id: id }.into())
    }

    /// What it is, and what it was at another generation. To find that may take longer than many writes, and so is
    /// done before the turn to write.
    async fn past(
        &self,
        caller: &Caller,
        id: LoadBalancerId,
        generation: Generation,
    ) -> Result<(LoadBalancer, LoadBalancer), Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, caller, Target::LoadBalancer(id)).await?;
                Ok((placed.load_balancer, tx.revisions(id, MOST).await?))
            })
        });
        let (now, revisions) = read.await?;
        let present = now.clone();
        Ok((present, apart(move || find(now, &revisions, generation)).await??))
    }

    /// None: somebody has changed it since it was looked at.
    async fn become_again<C>(
        &self,
        write: Write<'_>,
        (id, seen, was): (LoadBalancerId, Generation, &LoadBalancer),
        check: &C,
    ) -> Result<Option<Seen>, Fault>
    where
        C: Fn(&LoadBalancer) -> Result<(), Fault> + Send + Sync,
    {
        let change = self.store.write(|tx, _| {
            Box::pin(async move {
                let placed = load(tx, write.caller, Target::LoadBalancer(id)).await?;
                let now = placed.load_balancer.clone();
                check(&now)?;
                if now.generation != seen {
                    return Ok(None);
                }
                let was = with_monitors(tx, &now, was.clone()).await?;
                let after = now.clone().rolled_back(was)?;
                check_owners(tx, &now, &after).await?;
                let is_checked = write.validate_only || self.foresight.is_some();
                if !is_checked {
                    save_monitors(tx, &now, &after).await?;
                }
                let settled = self.settle_for(tx, write, placed, after).await?;
                if !is_checked {
                    keep_monitors(tx, &now, &settled.0.load_balancer).await?;
                }
                Ok(Some((settled, now.references())))
            })
        });
        let Some((changed, named)) = change.await? else { return Ok(None) };
        if !write.validate_only {
            let after = &changed.0.load_balancer;
            self.tell_keepers(after.id, &after.project_id, &named, &after.references());
        }
        Ok(Some(self.told(changed)))
    }
}

/// Work that may take a part of a second, beside what serves others.
async fn apart<T: Send + 'static>(work: impl FnOnce() -> T + Send + 'static) -> Result<T, Fault> {
    tokio::task::spawn_blocking(work).await.map_err(Fault::internal)
}

/// What each revision changed, from what the load balancer is now.
fn told(now: LoadBalancer, revisions: Vec<Revision>) -> Vec<Known> {
    let mut behind = Some(now);
    let mut all = Vec::with_capacity(revisions.len());
    for Revision { generation, former, why, difference } in revisions {
        // An older release has changed it in between.
        let known = behind.take().filter(|one| one.generation == generation);
        let is_reachable = known.is_some();
        let found = known.as_ref().zip(difference.as_ref()).and_then(|(after, difference)| {
            before(after.clone(), difference).inspect_err(|fault| tracing::warn!("{}", fault.for_log())).ok()
        });
        let (changes, more) = match (&known, &found, &difference) {
            (Some(after), Some(found), Some(difference)) => {
                let (was, is) = (seen(found.clone()), seen(after.clone()));
                let one = |key| RevisionChange { before: object(&was, key), after: object(&is, key) };
                let more = difference.objects().count().saturating_sub(TOLD);
                (difference.objects().take(TOLD).map(one).collect(), more)
            }
            _ => (Vec::new(), 0),
        };
        behind = found.filter(|_| former != Generation::NONE).map(|one| LoadBalancer { generation: former, ..one });
        all.push(Known { generation, why, changes, more, is_reachable });
    }
    all
}

/// What the load balancer was at this generation.
fn find(now: LoadBalancer, revisions: &[Revision], generation: Generation) -> Result<LoadBalancer, Fault> {
    let newest = now.generation.number();
    let mut behind = now;
    for revision in revisions {
        if behind.generation == generation {
            break;
        }
        let known = revision.difference.as_ref();
        let known = known.filter(|_| revision.generation == behind.generation && revision.former != Generation::NONE);
        let Some(difference) = known else { break };
        behind = LoadBalancer { generation: revision.former, ..before(behind, difference)? };
    }
    if behind.generation == generation {
        return Ok(behind);
    }
    let (generation, oldest) = (generation.number(), behind.generation.number());
    Err(Balancing::OutOfReach { load_balancer_id: behind.id, generation, oldest, newest }.into())
}

fn seen(load_balancer: LoadBalancer) -> Seen {
    Seen { load_balancer: Arc::new(load_balancer), is_run: false }
}

fn object(seen: &Seen, (kind, id): (EventKind, Uuid)) -> Option<ObjectOfV2> {
    if kind != EventKind::HealthMonitor {
        return part(seen, (kind, id));
    }
    let in_pool = seen.load_balancer.pools.iter().flat_map(|pool| pool.monitors.iter().map(move |one| (pool.id, one)));
    let mut own = in_pool.filter(|(_, one)| one.monitor.id.uuid() == id).peekable();
    let monitor = own.peek()?.1.monitor.clone();
    let pools = own.map(|(pool_id, one)| (pool_id, one.progress.clone())).collect();
    Some(ObjectOfV2::HealthMonitor(Box::new(MonitorWithPools { monitor, pools })))
}

/// A monitor that the load balancer has no longer, and that is still there as others have it, is what it is by now.
async fn with_monitors(tx: &Tx, now: &LoadBalancer, mut was: LoadBalancer) -> Result<LoadBalancer, Fault> {
    let known = super::write::monitors(now);
    for id in super::write::monitors(&was).difference(&known) {
        let Some(monitor) = tx.monitor(*id).await? else { continue };
        let pools = was.pools.iter_mut();
        for one in pools.flat_map(|pool| pool.monitors.iter_mut()).filter(|one| one.monitor.id == *id) {
            one.monitor = monitor.clone();
        }
    }
    Ok(was)
}

/// What comes back with its id is nowhere else.
async fn check_owners(tx: &Tx, now: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
    let known = parts(now);
    for kind in [EventKind::Listener, EventKind::Pool, EventKind::Member] {
        let new = parts(after).into_iter().filter(|(of, id)| *of == kind && !known.contains(&(*of, *id)));
        let ids: Vec<Uuid> = new.map(|(_, id)| id).collect();
        if let Some((id, load_balancer_id)) = tx.owners_of(kind, &ids).await?.into_iter().next() {
            return Err(Taken::Elsewhere { id: id.to_string(), load_balancer_id }.into());
        }
    }
    Ok(())
}

/// What can move to another load balancer.
fn parts(one: &LoadBalancer) -> HashSet<(EventKind, Uuid)> {
    let listeners = one.listeners.iter().map(|listener| (EventKind::Listener, listener.id.uuid()));
    let pools = one.pools.iter().map(|pool| (EventKind::Pool, pool.id.uuid()));
    let members = one.pools.iter().flat_map(|pool| pool.members.iter());
    listeners.chain(pools).chain(members.map(|member| (EventKind::Member, member.id.uuid()))).collect()
}

/// LBaaS v1's monitors are there without a pool, too.
async fn keep_monitors(tx: &Tx, before: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
    if after.beyond_v1().is_some() {
        return Ok(());
    }
    let kept = super::write::monitors(after);
    for one in before.pools.iter().flat_map(|pool| pool.monitors.iter()) {
        if !kept.contains(&one.monitor.id) {
            tx.insert_monitor(&one.monitor).await?;
        }
    }
    Ok(())
}

/// Monitors are stored apart, and one that others have too is not this load balancer's alone.
async fn save_monitors(tx: &Tx, now: &LoadBalancer, after: &LoadBalancer) -> Result<(), Fault> {
    let all = |one: &LoadBalancer| {
        let associations = one.pools.iter().flat_map(|pool| pool.monitors.iter());
        associations.map(|one| one.monitor.clone()).collect::<Vec<_>>()
    };
    let known = all(now);
    for monitor in all(after) {
        if known.iter().any(|known| known.id == monitor.id && *known != monitor) {
            if tx.owners_of_monitor(monitor.id).await?.len() > 1 {
                return Err(InUse::HealthMonitor { monitor_id: monitor.id }.into());
            }
            tx.save_monitor(&monitor).await?;
        }
    }
    Ok(())
}
