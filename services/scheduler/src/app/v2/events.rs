//! What clients of v2 watch: each object with its load balancer as it is now.

use std::collections::HashMap;

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{L7PolicyId, ListenerId, LoadBalancerId, MemberId, MonitorId, PoolId},
    load_balancer::LoadBalancer,
};
use ballast_store::{EventKind, Tx};

use super::{
    super::{App, Caller, MonitorWithPools, Objects, Shown},
    read::Seen,
};

/// An object that a client of v2 may watch.
pub enum ObjectOfV2 {
    LoadBalancer(Seen),
    Listener(Seen, ListenerId),
    Pool(Seen, PoolId),
    Member(Seen, PoolId, MemberId),
    HealthMonitor(Box<MonitorWithPools>),
    L7Policy(Seen, L7PolicyId),
}

/// What is in load balancers.
const PARTS: [EventKind; 5] =
    [EventKind::LoadBalancer, EventKind::Listener, EventKind::Pool, EventKind::Member, EventKind::L7Policy];

impl Shown for ObjectOfV2 {
    fn owner(&self) -> Option<LoadBalancerId> {
        match self {
            Self::LoadBalancer(seen)
            | Self::Listener(seen, _)
            | Self::Pool(seen, _)
            | Self::Member(seen, ..)
            | Self::L7Policy(seen, _) => Some(seen.load_balancer.id),
            Self::HealthMonitor(_) => None,
        }
    }

    async fn load(app: &App, tx: &Tx, caller: &Caller, ids: &[(EventKind, Uuid)]) -> Result<Objects<Self>, Fault> {
        let of = |wanted: EventKind| -> Vec<Uuid> {
            ids.iter().filter(|(kind, _)| *kind == wanted).map(|(_, id)| *id).collect()
        };
        let mut owners: HashMap<(EventKind, Uuid), LoadBalancerId> = HashMap::new();
        for kind in PARTS {
            let found = tx.owners_of(kind, &of(kind)).await?;
            owners.extend(found.into_iter().map(|(id, owner)| ((kind, id), owner)));
        }
        let seen = all_seen(app, tx, owners.values().copied()).await?;
        let own = |owner: &LoadBalancerId| seen.get(owner).filter(|one| caller.sees(&one.load_balancer.project_id));
        let parts = owners.iter().filter_map(|(key, owner)| Some((*key, part(own(owner)?, *key)?)));
        let mut objects: Objects<Self> = parts.collect();
        for monitor in monitors(tx, caller, &of(EventKind::HealthMonitor)).await? {
            let key = (EventKind::HealthMonitor, monitor.monitor.id.uuid());
            objects.insert(key, Self::HealthMonitor(Box::new(monitor)));
        }
        Ok(objects)
    }
}

async fn all_seen(
    app: &App,
    tx: &Tx,
    ids: impl Iterator<Item = LoadBalancerId>,
) -> Result<HashMap<LoadBalancerId, Seen>, Fault> {
    let mut ids: Vec<LoadBalancerId> = ids.collect();
    ids.sort_unstable();
    ids.dedup();
    let placed = tx.load_many_placed(&ids).await?.into_iter();
    Ok(placed.map(|placed| (placed.load_balancer.id, app.see(placed))).collect())
}

/// None: it is not in there any more.
pub(super) fn part(seen: &Seen, (kind, id): (EventKind, Uuid)) -> Option<ObjectOfV2> {
    let load_balancer: &LoadBalancer = &seen.load_balancer;
    Some(match kind {
        EventKind::LoadBalancer => ObjectOfV2::LoadBalancer(seen.clone()),
        EventKind::Listener => ObjectOfV2::Listener(seen.clone(), load_balancer.listener(ListenerId::new(id)).ok()?.id),
        EventKind::Pool => ObjectOfV2::Pool(seen.clone(), load_balancer.pool(PoolId::new(id)).ok()?.id),
        EventKind::L7Policy => {
            let id = L7PolicyId::new(id);
            load_balancer.policy(id).ok().map(|_| ObjectOfV2::L7Policy(seen.clone(), id))?
        }
        EventKind::Member => {
            let id = MemberId::new(id);
            let pool = load_balancer.pools.iter().find(|pool| pool.members.iter().any(|member| member.id == id))?;
            ObjectOfV2::Member(seen.clone(), pool.id, id)
        }
        EventKind::HealthMonitor | EventKind::Agent | EventKind::Network | EventKind::Subnet => return None,
    })
}

async fn monitors(tx: &Tx, caller: &Caller, ids: &[Uuid]) -> Result<Vec<MonitorWithPools>, Fault> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let ids: Vec<MonitorId> = ids.iter().copied().map(MonitorId::new).collect();
    let mut pools = tx.associations_of_many(&ids).await?;
    let mut found = Vec::with_capacity(ids.len());
    for id in ids {
        if let Some(monitor) = tx.monitor(id).await?.filter(|monitor| caller.sees(&monitor.project_id)) {
            found.push(MonitorWithPools { monitor, pools: pools.remove(&id).unwrap_or_default() });
        }
    }
    Ok(found)
}
