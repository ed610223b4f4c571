//! Load balancers of other shapes than v1's. Each begins as one of v1, so that deploying it after that is how it grows.
//!
//! No pool that is served is the first one, and no two listeners are for the same: who goes by position serves others.

use super::{Samples, finished};
use crate::{
    LbMethod, Listener, LoadBalancer, Member, Pool,
    features::{LISTENERS_MANY, LISTENERS_NONE, POOL_NONE, POOL_SHARED, POOLS_MANY, POOLS_NONE},
};

/// The numbers of the first members of the pools that are added.
const OF_THE_SECOND: u32 = 3;
const OF_THE_IDLE: u32 = 5;
/// Of the member that is in two pools: it has another id in each.
const AGAIN: u32 = 90;

impl Samples {
    fn declares(&self, feature: &str) -> bool {
        self.capabilities.features.iter().any(|declared| declared == feature)
    }

    /// All at once that the driver declares: a pool of a listener each, one of two listeners, one of none, and a listener
    /// without one; and what of v2 goes with that. What it does not declare is left out; of a driver of v1 it is one of v1's.
    pub(in crate::conformance) fn whole(&self, number: u8) -> LoadBalancer {
        let mut one = self.load_balancer(number);
        let first = one.id.clone();
        let mut named = Vec::new();
        if self.declares(POOLS_MANY) {
            let room = match self.capabilities.max_members {
                0 => u32::MAX,
                limit => limit - self.members,
            };
            let each = (room / 3).min(self.members);
            let again = Member { id: self.object(2, u32::from(number) * 100_000 + AGAIN), ..self.member(number, 1) };
            let idle = self.pool(number, 1, OF_THE_IDLE, each);
            let members = idle.members.iter().cloned().chain((room > 2 * each).then_some(again)).collect();
            one.pools.insert(0, Pool { members, ..idle });
            one.pools.push(self.pool(number, 2, OF_THE_SECOND, each));
            named.push(self.pool_id(number, 2));
        }
        named.extend(self.declares(POOL_SHARED).then_some(first));
        named.extend(self.declares(POOL_NONE).then(String::new));
        if self.declares(LISTENERS_MANY) {
            for (at, pool) in (1_u32..).zip(named) {
                let another = self.another(&one, number, at, &pool);
                one.listeners.push(another);
            }
        } else if let (true, Some(listener)) = (self.declares(POOLS_MANY), one.listeners.first_mut()) {
            listener.default_pool_id = self.pool_id(number, 2);
        }
        finished(self.and_v2(one, number))
    }

    /// One that has this shape, and whatever else it must have.
    pub(super) fn of_shape(&self, shape: &str, number: u8) -> LoadBalancer {
        let mut one = self.load_balancer(number);
        let (first, idle) = (one.id.clone(), self.pool(number, 1, OF_THE_IDLE, 0));
        match shape {
            LISTENERS_MANY if self.declares(POOL_SHARED) && !self.declares(POOLS_MANY) => {
                one.listeners.push(self.another(&one, number, 1, &first));
            }
            LISTENERS_MANY if self.declares(POOL_NONE) && !self.declares(POOLS_MANY) => {
                one.listeners.push(self.another(&one, number, 1, ""));
            }
            LISTENERS_MANY => {
                one.listeners.push(self.another(&one, number, 1, &idle.id));
                one.pools.push(idle);
            }
            POOL_SHARED => one.listeners.push(self.another(&one, number, 1, &first)),
            LISTENERS_NONE => one.listeners.clear(),
            POOLS_MANY => one.pools.insert(0, idle),
            POOLS_NONE => (one.vip, one.listeners, one.pools) = (None, Vec::new(), Vec::new()),
            POOL_NONE => one.listeners.iter_mut().for_each(|listener| listener.default_pool_id.clear()),
            _ => {}
        }
        finished(one)
    }

    fn another(&self, one: &LoadBalancer, number: u8, at: u32, pool: &str) -> Listener {
        let first = one.listeners.first().cloned().unwrap_or_default();
        Listener {
            id: self.object(1, at * 1000 + u32::from(number)),
            protocol_port: first.protocol_port + at,
            default_pool_id: pool.to_owned(),
            ..first
        }
    }

    fn pool_id(&self, number: u8, at: u32) -> String {
        self.object(4, at * 1000 + u32::from(number))
    }

    fn pool(&self, number: u8, at: u32, first_member: u32, members: u32) -> Pool {
        Pool {
            id: self.pool_id(number, at),
            name: format!("pool {at}"),
            protocol: self.protocol.into(),
            lb_method: LbMethod::into(self.method),
            admin_state_up: true,
            members: (first_member..first_member + members).map(|member| self.member(number, member)).collect(),
            ..Pool::default()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;
    use crate::{
        Capabilities,
        features::{self, SHAPES, all, capabilities, check, used_by},
    };

    #[test]
    fn the_whole_has_all_that_is_declared_and_nothing_else_whatever_that_is() {
        for chosen in 0..1_u32 << SHAPES.len() {
            let shapes = (0..SHAPES.len()).filter(|at| chosen & (1 << at) != 0).map(|at| SHAPES[at]);
            for max_members in [0, 1, 2, 3, 5, 7, 100] {
                let declared = capabilities(features::ALL_V1.into_iter().chain(shapes.clone()));
                let declared = Capabilities { max_members, ..declared };
                let whole = Samples::of(9, &declared).unwrap().whole(1);
                assert_eq!(check(&whole, &declared), Ok(()), "{declared:?}");
                let ports: BTreeSet<u32> = whole.listeners.iter().map(|listener| listener.protocol_port).collect();
                assert_eq!(ports.len(), whole.listeners.len());
            }
        }
    }

    #[test]
    fn no_pool_that_is_served_is_the_first() {
        let whole = Samples::of(9, &capabilities(all())).unwrap().whole(1);
        let used: Vec<String> = used_by(&whole).into_iter().filter(|used| SHAPES.contains(&used.as_str())).collect();
        assert_eq!(used, [LISTENERS_MANY, POOL_NONE, POOL_SHARED, POOLS_MANY]);
        let first = &whole.pools[0].id;
        assert!(whole.listeners.iter().all(|listener| listener.default_pool_id != *first));
        let only = capabilities(features::ALL_V1.into_iter().chain([POOLS_MANY]));
        let whole = Samples::of(9, &only).unwrap().whole(1);
        assert_eq!(whole.listeners[0].default_pool_id, whole.pools[2].id);
    }
}
