//! What is told upwards of one load balancer. Pure.

use std::collections::HashMap;

use ballast_abi::{CheckAnswer, DriverError, Health, ListenerObservation, MemberHealth, ObjectFault, Observation};
pub(crate) use ballast_namespace::report::with_forwarded;
use ballast_namespace::report::{pools, statistics};

use crate::{
    config::ProcessModel,
    counters::{Counted, Rows},
    haproxy::statistics::Reading,
    page::pool_of,
};

/// What pings say of a load balancer's members, by pool and member.
#[derive(Default)]
pub(crate) struct Pings {
    /// `None`: nothing yet.
    pub(crate) verdicts: HashMap<(String, String), Option<bool>>,
    /// For how many milliseconds it has been so, and how the last echo ended.
    pub(crate) said: HashMap<(String, String), (u64, CheckAnswer)>,
}

/// haproxy's own view and that of the pings, together. A member whose health is not known is left out, and so is a listener
/// that does not answer. `counted`: by this process and all before it. `left`: servers that were taken out of it.
pub(crate) fn observation(
    id: &str,
    counted: &Counted,
    (reading, left): (&Reading, Option<&Rows>),
    Pings { verdicts, said: pinged }: &Pings,
) -> Observation {
    let mut members: Vec<MemberHealth> = reading
        .health
        .iter()
        .filter_map(|(key, health)| {
            let health = health_of(*health, verdicts.get(key))?;
            let by_haproxy = reading.checked.get(key).cloned().filter(|(_, answer)| answer.is_some());
            let by_ping = pinged.get(key).map(|(so_for, answer)| (*so_for, Some(answer.clone())));
            // Who is down has the answer of the one that says so.
            let is_by_ping = verdicts.get(key) == Some(&Some(false)) || by_haproxy.is_none();
            let said = by_ping.filter(|_| is_by_ping).or(by_haproxy);
            let (for_milliseconds, answer) = said.unwrap_or_default();
            let (pool_id, member_id) = key.clone();
            Some(MemberHealth { pool_id, member_id, health: health.into(), for_milliseconds, answer })
        })
        .collect();
    members.sort_by(|one, other| (&one.pool_id, &one.member_id).cmp(&(&other.pool_id, &other.member_id)));
    let listeners = reading.listeners.iter().map(|(id, seen)| ListenerObservation {
        listener_id: id.clone(),
        statistics: Some(statistics(counted.listener(id), seen.active)),
        full: seen.full,
    });
    Observation {
        load_balancer_id: id.to_owned(),
        statistics: Some(statistics(counted.totals, reading.active())),
        members,
        listeners: { listeners }.collect(),
        generation: reading.generation.unwrap_or(0),
        pools: pools(counted, &reading.served(left)),
    }
}

/// What an operator has to know who has haproxies shared.
pub(crate) const fn shared(model: ProcessModel) -> Option<&'static str> {
    match model {
        ProcessModel::PerLoadBalancer => None,
        ProcessModel::PerProject => Some(
            "load balancers of a project share a haproxy, as process_model says: it has CAP_SYS_ADMIN, and ends and is \
             reloaded for all of them",
        ),
    }
}

/// A listener of a load balancer that should listen and does not. What is there for answers alone is the whole's.
pub(crate) fn silent(load_balancer: &str, listener: String) -> ObjectFault {
    let object_id = if pool_of(&listener) == listener { listener } else { load_balancer.to_owned() };
    let error =
        DriverError::unavailable("it does not listen yet").with_detail("haproxy runs, and its socket is not there");
    ObjectFault { object_id, fault: Some(error.into()) }
}

/// All must pass: one "down" is enough, and "up" needs both.
fn health_of(haproxy: Option<Health>, ping: Option<&Option<bool>>) -> Option<Health> {
    match (haproxy, ping) {
        (Some(Health::Down), _) | (_, Some(Some(false))) => Some(Health::Down),
        (_, Some(None)) => None,
        (health, Some(Some(true)) | None) => health,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_views_must_be_content() {
        let (up, down) = (Some(Health::Up), Some(Health::Down));
        assert_eq!(health_of(up, None), up);
        assert_eq!(health_of(up, Some(&Some(true))), up);
        assert_eq!(health_of(up, Some(&Some(false))), down);
        assert_eq!(health_of(down, Some(&Some(true))), down);
        assert_eq!(health_of(up, Some(&None)), None);
        // In maintenance because it does not answer pings.
        assert_eq!(health_of(None, Some(&Some(false))), down);
    }
}
