//! Where secrets come from that load balancers name.

use ballast_certificates::Zeroizing;
use ballast_model::{ids::LoadBalancerId, time::Timestamp};

pub use ballast_model::tls::Purpose;

/// A source of secrets.
#[tonic::async_trait]
pub trait Source: Send + Sync {
    /// Whether this is a reference of its kind.
    fn knows(&self, reference: &str) -> bool;

    /// Who writes a reference has to be allowed to read it: by the caller's token (empty: none was given). From then on the
    /// service's own user may.
    ///
    /// # Errors
    /// [`Refused`]
    async fn admit(&self, token: &str, reference: &str, purpose: Purpose) -> Result<(), Refused>;

    /// What it is now.
    ///
    /// # Errors
    /// [`Refused`]
    async fn read(&self, reference: &str, purpose: Purpose) -> Result<Content, Refused>;

    /// A load balancer begins to use it.
    ///
    /// # Errors
    /// [`Refused`]
    async fn used(&self, reference: &str, by: LoadBalancerId) -> Result<(), Refused>;

    /// A load balancer ends to use it.
    ///
    /// # Errors
    /// [`Refused`]
    async fn unused(&self, reference: &str, by: LoadBalancerId, is_last: bool) -> Result<(), Refused>;
}

/// `pem` and `private_key` as agents get them; the rest of the first certificate, or of a revocation list.
#[derive(Clone)]
pub struct Content {
    pub pem: String,
    pub private_key: Zeroizing<String>,
    pub not_before: Option<Timestamp>,
    pub not_after: Option<Timestamp>,
    pub names: Vec<String>,
}

/// Without the private key.
impl std::fmt::Debug for Content {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Content").field("names", &self.names).field("not_after", &self.not_after).finish_non_exhaustive()
    }
}

/// Why there is nothing, as a sentence.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not there, or may not be read.
    Gone(String),
    /// It does not fit, has expired, or cannot be read.
    Bad(String),
    /// To be tried again.
    Away(String),
}
