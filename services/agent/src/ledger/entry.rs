//! One load balancer in the ledger, and its bytes: a line with a check sum, then protobuf.

use ballast_proto::{agent::Desired, driver::ObjectFault};
use prost::Message;
use sha2::{Digest, Sha256};

const HEAD: &str = "ballast-ledger 1 ";

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

impl Entry {
    pub(crate) fn to_bytes(&self) -> Vec<u8> {
        let body = self.encode_to_vec();
        let mut bytes = format!("{HEAD}{}\n", super::hex(&Sha256::digest(&body))).into_bytes();
        bytes.extend_from_slice(&body);
        bytes
    }

    /// # Errors
    /// What is wrong with the bytes.
    pub(crate) fn from_bytes(bytes: &[u8]) -> Result<Self, String> {
        let end = bytes.iter().position(|byte| *byte == b'\n').ok_or("it is cut short")?;
        let (head, body) = (&bytes[..end], &bytes[end + 1..]);
        let sum = head.strip_prefix(HEAD.as_bytes()).ok_or("it is no file of this ledger")?;
        if sum != super::hex(&Sha256::digest(body)).as_bytes() {
            return Err("its check sum is wrong".to_owned());
        }
        Self::decode(body).map_err(|error| error.to_string())
    }
}
