//! Load balancers of many parts, made without the API.

use ballast_model::{
    Uuid,
    ids::PoolId,
    listener::{Listener, Mac, Protocol, Vip},
    load_balancer::LoadBalancer,
    member::NewMember,
    pool::{LbMethod, NewPool},
    status::Progress,
};

use crate::Outcome;

/// Pools and listeners of a large one, and members of each of its pools.
pub(super) const POOLS: usize = 100;
const MEMBERS: usize = 10;

/// Ids of one kind, which are not in the order of the objects.
pub(super) fn id<I: From<Uuid>>(kind: &str, number: usize) -> I {
    Uuid::new_v5(&Uuid::NAMESPACE_OID, format!("{kind}{number}").as_bytes()).into()
}

pub(super) fn new_pool(id: PoolId, subnet_id: Uuid) -> NewPool {
    NewPool {
        id,
        project_id: "bench".to_owned(),
        name: "bench".to_owned(),
        description: String::new(),
        subnet_id: subnet_id.into(),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "bench".to_owned(),
        admin_state_up: true,
    }
}

pub(super) fn new_member(number: usize) -> NewMember {
    NewMember {
        id: id("member", number),
        project_id: "bench".to_owned(),
        address: std::net::Ipv4Addr::from(0x0a15_0000 + u32::try_from(number).unwrap_or(0)).into(),
        protocol_port: 80,
        weight: 1,
        admin_state_up: true,
    }
}

pub(super) fn listener(number: usize, pool: PoolId, progress: Progress) -> Listener {
    let port = u16::try_from(number % 60_000 + 1000).unwrap_or(1000);
    Listener {
        name: "bench".to_owned(),
        default_pool_id: Some(pool),
        progress,
        ..Listener::new(id("listener", number), "bench".to_owned(), Protocol::Http, port)
    }
}

/// The load balancer with this number, with so many pools and listeners, and members in each pool. Its first pool has its id.
pub(super) fn load_balancer(number: usize, subnet_id: Uuid, pools: usize) -> Outcome<LoadBalancer> {
    let first = number * POOLS;
    let mut whole = LoadBalancer::with_pool(new_pool(id("pool", first), subnet_id));
    for pool in first + 1..first + pools {
        let mut one = LoadBalancer::with_pool(new_pool(id("pool", pool), subnet_id));
        whole.pools.append(&mut one.pools);
    }
    if pools == 1 {
        return Ok(whole);
    }
    for pool in first..first + pools {
        for member in 0..MEMBERS {
            let added = whole.add_member(id("pool", pool), new_member(pool * MEMBERS + member));
            whole = added.map_err(|fault| fault.to_string())?;
        }
        let progress = Progress::created(whole.generation);
        whole.listeners.push(listener(pool, id("pool", pool), progress));
    }
    whole.vip = Some(Vip {
        subnet_id: subnet_id.into(),
        port_id: id("port", number),
        address: std::net::Ipv4Addr::from(0x0a14_0065 + u32::try_from(number).unwrap_or(0)).into(),
        mac: Mac::from_random(1),
        network_id: Uuid::nil().into(),
        additional: Vec::new(),
    });
    Ok(whole)
}
