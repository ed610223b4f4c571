//! What is told upwards of one load balancer. Pure.

use ballast_abi::{DriverError, ErrorCode, Fault, MemberHealth, ObjectFault, Observation, Statistics};

use crate::{Desired, Failure, Kind, Listed, Totals, Vendor, execute::Refusal};

/// What all that listens for one load balancer shows together.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Reading {
    pub totals: Totals,
    pub active: u64,
}

pub(crate) fn observation(id: &str, totals: Totals, active: u64, members: Vec<MemberHealth>) -> Observation {
    Observation {
        load_balancer_id: id.to_owned(),
        statistics: Some(Statistics {
            bytes_in: totals.bytes_in,
            bytes_out: totals.bytes_out,
            active_connections: active,
            total_connections: totals.connections,
            ..Statistics::default()
        }),
        members,
        ..Observation::default()
    }
}

/// A member that is not checked, or switched off, has no health.
pub(crate) fn health<V: Vendor>(view: &V::View, members: &[Listed]) -> Vec<MemberHealth> {
    let one = |listed: &Listed| {
        let health = V::health(view, listed)?;
        let (pool_id, member_id) = (listed.pool.clone(), listed.member.clone());
        Some(MemberHealth { pool_id, member_id, health: health.into(), ..MemberHealth::default() })
    };
    members.iter().filter(|listed| listed.checked).filter_map(one).collect()
}

/// What was not done as it was asked: what is impossible, what the device refused, and that it could not save.
pub(crate) fn faults<K: Kind>(
    load_balancer: &str,
    desired: Desired<K>,
    refusals: Vec<Refusal<K>>,
    unsaved: Option<Failure>,
) -> Vec<ObjectFault> {
    let mut faults = desired.faults;
    for Refusal { key, failure } in refusals {
        let object_id = desired.blame.get(&key).map_or(load_balancer, String::as_str).to_owned();
        faults.push(ObjectFault { object_id, fault: Some(DriverError::from(failure).into()) });
    }
    if let Some(failure) = unsaved {
        faults.push(ObjectFault { object_id: load_balancer.to_owned(), fault: Some(not_saved(&failure)) });
    }
    faults
}

pub(crate) fn not_saved(failure: &Failure) -> Fault {
    Fault {
        code: ErrorCode::UNAVAILABLE.0,
        retryable: true,
        message: "it runs, but the device could not save it: it would be lost when the device restarts".to_owned(),
        detail: failure.chain(),
        ..Fault::default()
    }
}
