//! What is told upwards of one load balancer. Pure.

use ballast_abi::{MemberHealth, Observation, Statistics};

use crate::{Listed, Totals, Vendor};

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
        }),
        members,
    }
}

/// A member that is not checked, or switched off, has no health.
pub(crate) fn health<V: Vendor>(view: &V::View, members: &[Listed]) -> Vec<MemberHealth> {
    let one = |listed: &Listed| {
        let health = V::health(view, listed)?;
        Some(MemberHealth { pool_id: listed.pool.clone(), member_id: listed.member.clone(), health: health.into() })
    };
    members.iter().filter(|listed| listed.checked).filter_map(one).collect()
}
