//! What of a load balancer a driver can be asked for. Pure.
//!
//! Placement sends a load balancer to a driver that knows its shape, but one that is there already may grow out of it. Such
//! a driver may read `pools[0]` and run something else in silence, so it is never asked: what it cannot have is left out
//! and is a fault of its object; the rest, which LBaaS v1 could have said, stays deployed.

use std::collections::BTreeSet;

use ballast_abi::{
    Capabilities, DriverError, LbMethod, Listener, LoadBalancer, ObjectFault, Pool, Protocol,
    features::{self, LISTENERS_MANY, LISTENERS_NONE, POOL_NONE, POOL_SHARED, POOLS_MANY, POOLS_NONE, SHAPES, used_by},
};

/// The load balancer without what the driver did not declare to take, and a fault for each object that is left out.
pub(super) fn fitted(asked: LoadBalancer, capabilities: &Capabilities) -> (LoadBalancer, Vec<ObjectFault>) {
    let used = used_by(&asked);
    let mut fitting = Fitting { asked: &asked, capabilities, faults: Vec::new() };
    if !SHAPES.into_iter().any(|shape| used.contains(shape) && fitting.lacks(shape)) {
        return (asked, Vec::new());
    }
    let fitted = fitting.fit();
    let faults = fitting.faults;
    (finished(fitted, &asked), faults)
}

struct Fitting<'a> {
    asked: &'a LoadBalancer,
    capabilities: &'a Capabilities,
    faults: Vec<ObjectFault>,
}

impl<'a> Fitting<'a> {
    fn lacks(&self, shape: &str) -> bool {
        !self.capabilities.features.iter().any(|declared| declared == shape)
    }

    fn fit(&mut self) -> LoadBalancer {
        let taken = self.listeners();
        let pools = self.pools(&taken);
        let listeners = self.behind(taken, &pools);
        let mut fitted = LoadBalancer { listeners, pools, ..self.asked.clone() };
        if fitted.pools.is_empty() && self.lacks(POOLS_NONE) {
            self.fault(&self.asked.id, POOLS_NONE, "a load balancer without a pool");
            (fitted.vip, fitted.listeners, fitted.pools) = (None, Vec::new(), self.nothing());
        } else if fitted.vip.is_some() && fitted.listeners.is_empty() && self.lacks(LISTENERS_NONE) {
            if self.asked.listeners.is_empty() {
                self.fault(&self.asked.id, LISTENERS_NONE, "its address, at which nothing listens");
            }
            fitted.vip = None;
        }
        fitted
    }

    /// Of several the first, which is the oldest: what was deployed stays.
    fn listeners(&mut self) -> Vec<Listener> {
        let (mut taken, mut named): (Vec<Listener>, BTreeSet<&'a str>) = (Vec::new(), BTreeSet::new());
        for listener in &self.asked.listeners {
            let pool = self.pool_of(listener);
            if pool.is_none() && self.lacks(POOL_NONE) {
                self.fault(&listener.id, POOL_NONE, "a listener without a pool");
            } else if !taken.is_empty() && self.lacks(LISTENERS_MANY) {
                self.fault(&listener.id, LISTENERS_MANY, "a second listener");
            } else if self.lacks(POOL_SHARED) && pool.is_some_and(|pool| !named.insert(&pool.id)) {
                self.fault(&listener.id, POOL_SHARED, "a second listener of one pool");
            } else {
                taken.push(listener.clone());
            }
        }
        taken
    }

    /// Of several that of the first listener that has one, or else the first.
    fn pools(&mut self, taken: &[Listener]) -> Vec<Pool> {
        let all: &'a [Pool] = &self.asked.pools;
        if !self.lacks(POOLS_MANY) {
            return all.to_vec();
        }
        let kept = taken.iter().find_map(|listener| self.pool_of(listener)).or_else(|| all.first());
        for pool in all.iter().filter(|pool| kept.is_some_and(|kept| kept.id != pool.id)) {
            self.fault(&pool.id, POOLS_MANY, "a second pool");
        }
        kept.into_iter().cloned().collect()
    }

    /// The listeners whose pool is kept, and those that never had one.
    fn behind(&mut self, taken: Vec<Listener>, kept: &[Pool]) -> Vec<Listener> {
        let is_lost = |listener: &Listener| {
            let pool = self.pool_of(listener);
            pool.is_some_and(|pool| kept.iter().all(|kept| kept.id != pool.id))
        };
        let (lost, left): (Vec<_>, Vec<_>) = taken.into_iter().partition(is_lost);
        for listener in lost {
            self.fault(&listener.id, POOLS_MANY, "the pool of this listener, which is a second one");
        }
        left
    }

    /// The smallest load balancer of v1: a pool that nobody reaches. With it what was there before is gone, whereas a
    /// driver that is not asked at all would go on serving what was deleted.
    fn nothing(&self) -> Vec<Pool> {
        let protocols = [Protocol::Http, Protocol::Tcp, Protocol::Https];
        let methods = [LbMethod::RoundRobin, LbMethod::LeastConnections, LbMethod::SourceIp];
        let pool = |protocol: Protocol, method: LbMethod| Pool {
            id: self.asked.id.clone(),
            protocol: protocol.into(),
            lb_method: method.into(),
            admin_state_up: true,
            ..Pool::default()
        };
        let all = protocols.into_iter().flat_map(|protocol| methods.map(|method| pool(protocol, method)));
        let declared = |pool: &Pool| {
            let alone = LoadBalancer { pools: vec![pool.clone()], ..LoadBalancer::default() };
            !used_by(&alone).iter().any(|used| self.lacks(used))
        };
        all.into_iter().find(declared).into_iter().collect()
    }

    fn pool_of(&self, listener: &Listener) -> Option<&'a Pool> {
        self.asked.pools.iter().find(|pool| pool.id == listener.default_pool_id)
    }

    fn fault(&mut self, object_id: &str, shape: &str, what: &str) {
        let error = DriverError::unsupported(format!("the driver cannot have {what} ({shape})"));
        self.faults.push(ObjectFault { object_id: object_id.to_owned(), fault: Some(error.into()) });
    }
}

/// With the features that it uses now, and what is known of the members that it has now.
fn finished(mut fitted: LoadBalancer, asked: &LoadBalancer) -> LoadBalancer {
    let known: BTreeSet<&str> = features::all().collect();
    let of_others = asked.features.iter().filter(|feature| !known.contains(feature.as_str())).cloned();
    fitted.features = of_others.chain(used_by(&fitted)).collect();
    if let Some(health) = &mut fitted.known_health {
        health.members.retain(|member| fitted.pools.iter().any(|pool| pool.id == member.pool_id));
    }
    fitted
}

#[cfg(test)]
mod tests;
