//! Where secrets are kept that listeners and pools name by references.
//!
//! Certificates that projects keep in the store are no source: they are at hand in each transaction. A source is asked before
//! and after one, never inside, and what it told is remembered in the store, sealed: agents are told from there.

use ballast_certificates::Zeroizing;
use ballast_model::{fault::Fault, ids::LoadBalancerId, time::Timestamp, tls::Purpose};

/// What a secret is.
pub struct Content {
    /// A certificate and then each that issued the one before; or certificates of authorities; or a revocation list.
    pub pem: String,
    /// PEM, of the first certificate. Empty: it has none.
    pub private_key: Zeroizing<String>,
    /// Of a certificate: DNS names and addresses.
    pub names: Vec<String>,
    pub not_before: Option<Timestamp>,
    /// Of the first that ends; of a revocation list, when the next one is due.
    pub not_after: Option<Timestamp>,
}

/// Why there is no content, in a sentence for the project.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Refused {
    /// It is not there, or not for who asks.
    Gone(String),
    /// It cannot be used for its purpose.
    Bad(Flaw, String),
    /// Its keeper does not answer now.
    Away(String),
}

/// In what way something cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Flaw {
    /// It is neither PEM nor PKCS12 that is opened here, or is damaged.
    Unreadable,
    /// A certificate that is for no name.
    Nameless,
    /// All is there, and is not taken all the same: it has expired, or clients refuse such.
    Unfit,
    /// It is of another kind, or its parts do not belong together.
    Other,
}

impl Refused {
    /// It is of another kind, or its parts do not belong together.
    pub fn bad(why: impl Into<String>) -> Self {
        Self::Bad(Flaw::Other, why.into())
    }

    /// The sentence.
    #[must_use]
    pub fn why(&self) -> &str {
        match self {
            Self::Gone(why) | Self::Bad(_, why) | Self::Away(why) => why,
        }
    }
}

/// A keeper of secrets.
#[tonic::async_trait]
pub trait Source: Send + Sync {
    /// Its name, as in `barbican`.
    fn name(&self) -> &'static str;

    /// Whether a reference may be one of its own.
    fn knows(&self, reference: &str) -> bool;

    /// Lets this service read what the owner of the token may read. Twice is as good as once.
    ///
    /// # Errors
    /// [`Refused`]: he may not, or there is no such secret.
    async fn admit(&self, token: &str, reference: &str, purpose: Purpose) -> Result<(), Refused>;

    /// What it is now.
    ///
    /// # Errors
    /// [`Refused`]
    async fn read(&self, reference: &str, purpose: Purpose) -> Result<Content, Refused>;

    /// A load balancer uses it. Twice is as good as once.
    ///
    /// # Errors
    /// [`Refused`]
    async fn used(&self, reference: &str, by: LoadBalancerId) -> Result<(), Refused>;

    /// A load balancer does not use it any more; `is_last`: nobody does, and what [`Source::admit`] allowed is taken back.
    ///
    /// # Errors
    /// [`Refused`]
    async fn unused(&self, reference: &str, by: LoadBalancerId, is_last: bool) -> Result<(), Refused>;

    /// Whatever [`Source::used`] and [`Source::unused`] could not do, or nobody called them for, is done.
    ///
    /// # Errors
    /// When the store fails.
    async fn settle(&self) -> Result<(), Fault>;
}
