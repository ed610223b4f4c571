//! What agents report about a load balancer.

use crate::{
    counters::Generation,
    ids::{MemberId, ObjectId},
    status::OperatingStatus,
};

/// The end of one deploy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Outcome {
    pub generation: Generation,
    /// Why the whole deploy failed.
    pub fault: Option<String>,
    /// The object because of which it did: what ran before it runs on.
    pub cause: Option<ObjectId>,
    /// Objects that failed while the rest was deployed, and why.
    pub faults: Vec<(ObjectId, String)>,
}

/// The health of one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MemberHealth {
    pub member_id: MemberId,
    pub status: OperatingStatus,
}

/// Counters of a load balancer since it was first deployed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Statistics {
    pub bytes_in: u64,
    pub bytes_out: u64,
    /// Now.
    pub active_connections: u64,
    pub total_connections: u64,
    /// Requests that could not be read or were given up.
    pub request_errors: u64,
}
