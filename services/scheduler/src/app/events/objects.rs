//! The objects that LBaaS v1 has, as a watch tells them.

use std::{collections::HashMap, sync::Arc};

use ballast_model::{
    Uuid,
    agent::Agent,
    fault::Fault,
    ids::{ListenerId, LoadBalancerId, MemberId, MonitorId, PoolId, SubnetId},
    load_balancer::LoadBalancer,
    network::Network,
    subnet::Subnet,
    view::v1,
};
use ballast_store::{EventKind, Tx};

use super::{Objects, Shown};
use crate::app::{App, Caller, MonitorWithPools};

/// An object that a client may watch.
#[derive(Clone)]
pub enum Object {
    Pool(Arc<LoadBalancer>),
    Vip(Arc<LoadBalancer>, ListenerId),
    Member(Arc<LoadBalancer>, MemberId),
    HealthMonitor(Arc<MonitorWithPools>),
    Agent(Box<Agent>),
    Network(Box<Network>, Vec<SubnetId>),
    Subnet(Box<Subnet>),
}

impl Shown for Object {
    fn owner(&self) -> Option<LoadBalancerId> {
        match self {
            Self::Pool(owner) | Self::Vip(owner, _) | Self::Member(owner, _) => Some(owner.id),
            Self::HealthMonitor(_) | Self::Agent(_) | Self::Network(..) | Self::Subnet(_) => None,
        }
    }

    async fn load(app: &App, tx: &Tx, caller: &Caller, ids: &[(EventKind, Uuid)]) -> Result<Objects, Fault> {
        Ok(app.shown_all(objects(tx, caller, ids).await?))
    }
}

impl App {
    fn shown_all(&self, mut objects: Objects) -> Objects {
        for object in objects.values_mut() {
            if let Object::Agent(agent) = object {
                **agent = self.shown((**agent).clone());
            }
        }
        objects
    }
}

/// The objects that are there and that the caller sees.
async fn objects(tx: &Tx, caller: &Caller, ids: &[(EventKind, Uuid)]) -> Result<Objects, Fault> {
    let of = |wanted: EventKind| -> Vec<Uuid> {
        ids.iter().filter(|(kind, _)| *kind == wanted).map(|(_, id)| *id).collect()
    };
    let mut found = Objects::new();
    pools(tx, caller, &of(EventKind::Pool), &mut found).await?;
    parts(tx, caller, &of(EventKind::Listener), &of(EventKind::Member), &mut found).await?;
    monitors(tx, caller, &of(EventKind::HealthMonitor), &mut found).await?;
    for id in of(EventKind::Agent) {
        if let Some(agent) = tx.agent(id.into()).await?.filter(|_| caller.admin) {
            found.insert((EventKind::Agent, id), Object::Agent(Box::new(agent)));
        }
    }
    for id in of(EventKind::Network) {
        let network = tx.network(id.into()).await?.filter(|network| network.shared || caller.sees(&network.project_id));
        if let Some(network) = network {
            let subnets = tx.subnets_of(id.into()).await?.into_iter().map(|subnet| subnet.id).collect();
            found.insert((EventKind::Network, id), Object::Network(Box::new(network), subnets));
        }
    }
    for id in of(EventKind::Subnet) {
        let Some(subnet) = tx.subnet(id.into()).await? else { continue };
        let is_shared = tx.network(subnet.network_id).await?.is_some_and(|network| network.shared);
        if is_shared || caller.sees(&subnet.project_id) {
            found.insert((EventKind::Subnet, id), Object::Subnet(Box::new(subnet)));
        }
    }
    Ok(found)
}

async fn pools(tx: &Tx, caller: &Caller, ids: &[Uuid], found: &mut Objects) -> Result<(), Fault> {
    let owners: Vec<_> = ids.iter().map(|id| v1::load_balancer_of(PoolId::new(*id))).collect();
    for load_balancer in tx.load_many(&owners).await? {
        let Ok(pool) = load_balancer.v1_pool() else { continue };
        if load_balancer.beyond_v1().is_none() && caller.sees(&pool.project_id) {
            found.insert((EventKind::Pool, pool.id.into()), Object::Pool(Arc::new(load_balancer)));
        }
    }
    Ok(())
}

/// Listeners and members, with their load balancers.
async fn parts(
    tx: &Tx,
    caller: &Caller,
    listeners: &[Uuid],
    members: &[Uuid],
    found: &mut Objects,
) -> Result<(), Fault> {
    let mut owners = tx.owners_of(EventKind::Listener, listeners).await?;
    owners.extend(tx.owners_of(EventKind::Member, members).await?);
    let mut ids: Vec<LoadBalancerId> = owners.values().copied().collect();
    ids.sort_unstable();
    ids.dedup();
    let loaded = tx.load_many(&ids).await?.into_iter();
    let loaded: HashMap<LoadBalancerId, Arc<LoadBalancer>> = loaded.map(|one| (one.id, Arc::new(one))).collect();
    for (id, owner) in owners {
        let Some(load_balancer) = loaded.get(&owner).filter(|one| one.beyond_v1().is_none()) else { continue };
        let (listener_id, member_id) = (ListenerId::new(id), MemberId::new(id));
        let mut own_listeners = load_balancer.listeners.iter().filter(|listener| caller.sees(&listener.project_id));
        let all_members = load_balancer.pools.iter().flat_map(|pool| &pool.members);
        if own_listeners.any(|listener| listener.id == listener_id) {
            found.insert((EventKind::Listener, id), Object::Vip(Arc::clone(load_balancer), listener_id));
        } else if all_members.filter(|member| caller.sees(&member.project_id)).any(|member| member.id == member_id) {
            found.insert((EventKind::Member, id), Object::Member(Arc::clone(load_balancer), member_id));
        }
    }
    Ok(())
}

async fn monitors(tx: &Tx, caller: &Caller, ids: &[Uuid], found: &mut Objects) -> Result<(), Fault> {
    let ids: Vec<MonitorId> = ids.iter().copied().map(MonitorId::new).collect();
    let mut pools = tx.associations_of_many(&ids).await?;
    for id in &ids {
        let Some(monitor) = tx.monitor(*id).await?.filter(|monitor| caller.sees(&monitor.project_id)) else { continue };
        let pools = pools.remove(id).unwrap_or_default();
        let object = Object::HealthMonitor(Arc::new(MonitorWithPools { monitor, pools }));
        found.insert((EventKind::HealthMonitor, id.uuid()), object);
    }
    Ok(())
}
