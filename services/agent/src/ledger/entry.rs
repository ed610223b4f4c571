//! One load balancer in the ledger.

use ballast_proto::{agent::Desired, driver::ObjectFault};
use prost::Message;

/// What is remembered of one load balancer.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Entry {
    #[prost(string, tag = "1")]
    pub(crate) load_balancer_id: String,
    /// The cluster that asked for it.
    #[prost(string, tag = "2")]
    pub(crate) cluster_id: String,
    /// Absent: it is being removed.
    #[prost(message, optional, tag = "3")]
    pub(crate) desired: Option<Desired>,
    #[prost(message, optional, tag = "4")]
    pub(crate) settled: Option<Settled>,
    /// Of the removals that wait to be confirmed.
    #[prost(uint64, repeated, tag = "5")]
    pub(crate) removal_epochs: Vec<u64>,
    /// The drivers that have it, or may.
    #[prost(string, repeated, tag = "6")]
    pub(crate) drivers: Vec<String>,
    /// Of one of two sides: the highest term that was heard of.
    #[prost(uint64, tag = "7")]
    pub(crate) term: u64,
}

/// The last deploy that succeeded.
#[derive(Clone, PartialEq, Message)]
pub(crate) struct Settled {
    #[prost(string, tag = "1")]
    pub(crate) driver: String,
    #[prost(uint64, tag = "2")]
    pub(crate) generation: u64,
    #[prost(message, repeated, tag = "3")]
    pub(crate) faults: Vec<ObjectFault>,
}

impl Settled {
    /// Whether another deploy may cure one of its faults.
    pub(crate) fn is_hopeful(&self) -> bool {
        self.faults.iter().filter_map(|faulty| faulty.fault.as_ref()).any(|fault| fault.retryable)
    }
}
