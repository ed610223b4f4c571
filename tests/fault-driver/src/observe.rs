//! What is told of load balancers, as of what would serve them.

use std::{collections::HashMap, iter, sync::atomic::Ordering, time::Duration};

use ballast_abi::{
    Health, Listener, ListenerObservation, LoadBalancer, Member, MemberHealth, MemberStatistics, Observation, Pool,
    PoolStatistics, Statistics,
};

use crate::{FaultDriver, config::Fault, device::Stored};

impl FaultDriver {
    pub(crate) fn observation(
        &self,
        id: String,
        Stored { load_balancer, generation }: &Stored,
        said: &HashMap<String, bool>,
    ) -> Observation {
        if self.config.quiet {
            let statistics = Some(Statistics::default());
            return Observation { load_balancer_id: id, statistics, ..Observation::default() };
        }
        let members = load_balancer.pools.iter().flat_map(|pool| {
            pool.members.iter().map(|member| {
                let up = said.get(&member.id).copied().unwrap_or(!member.address.ends_with(".250"));
                MemberHealth {
                    pool_id: pool.id.clone(),
                    member_id: member.id.clone(),
                    health: if up { Health::Up } else { Health::Down }.into(),
                    ..MemberHealth::default()
                }
            })
        });
        let statistics = self.statistics(&id);
        let listeners = listeners(load_balancer, statistics);
        let pools = self.pools(load_balancer, statistics);
        let other = u64::from(self.config.has(Fault::ObserveOtherGeneration));
        Observation {
            members: members.collect(),
            statistics: Some(statistics),
            generation: self.device.reported(&id, generation + other),
            load_balancer_id: id,
            listeners,
            pools,
        }
    }

    /// What each has counted is a matter of time alone: whatever else comes and goes, it never goes back.
    fn pools(&self, load_balancer: &LoadBalancer, all: Statistics) -> Vec<PoolStatistics> {
        let statistics = Some(Statistics { request_errors: 0, ..all });
        let of_member = |member: &Member| MemberStatistics { member_id: member.id.clone(), statistics };
        let of = |pool: &Pool| {
            let members = pool.members.iter().map(of_member).collect();
            PoolStatistics { pool_id: pool.id.clone(), statistics, members }
        };
        let mut pools: Vec<PoolStatistics> = load_balancer.pools.iter().map(of).collect();
        if self.config.has(Fault::MemberCountersGoBack) && self.back.fetch_not(Ordering::Relaxed) {
            let members = pools.iter_mut().flat_map(|pool| &mut pool.members);
            members.for_each(|member| member.statistics = Some(Statistics::default()));
        }
        if self.config.has(Fault::CountsStrangers) {
            pools.push(PoolStatistics { pool_id: "phantom".to_owned(), ..PoolStatistics::default() });
        }
        pools
    }

    fn statistics(&self, id: &str) -> Statistics {
        let from_memory = self.config.has(Fault::CountersFromMemory);
        let age = if from_memory { self.began.elapsed() } else { self.device.age(id) };
        let back = self.config.has(Fault::CountersGoBack) && self.back.fetch_not(Ordering::Relaxed);
        let age = if back { Duration::ZERO } else { age };
        let microseconds = u64::try_from(age.as_micros()).unwrap_or(u64::MAX / 2);
        Statistics {
            bytes_in: 1000 + microseconds,
            bytes_out: 2000 + 2 * microseconds,
            active_connections: microseconds % 3,
            total_connections: 10 + microseconds / 100,
            ..Statistics::default()
        }
    }
}

/// Those that are up answer, and all traffic is the first one's.
fn listeners(load_balancer: &LoadBalancer, all: Statistics) -> Vec<ListenerObservation> {
    let up = load_balancer.listeners.iter().filter(|listener| load_balancer.admin_state_up && listener.admin_state_up);
    let counted = iter::once(all).chain(iter::repeat(Statistics::default()));
    let of = |(listener, statistics): (&Listener, Statistics)| ListenerObservation {
        listener_id: listener.id.clone(),
        statistics: Some(statistics),
        full: false,
    };
    up.zip(counted).map(of).collect()
}
