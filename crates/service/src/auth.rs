//! Who calls: a token becomes an [`Identity`], by a file or by Keystone. REST and gRPC use the same.
//!
//! What an identity may do is decided by the scheduler, not here. A token is never logged and never kept: only its
//! SHA-256.

mod cache;
mod keystone;
mod roles;
mod service_user;
mod token_file;

use std::{fmt, sync::Arc};

use sha2::{Digest, Sha256};

use crate::{
    clock::Clock,
    config::{Auth, AuthMode},
};
use keystone::Keystone;
pub use roles::Roles;
pub use service_user::{Own, ServiceUser};
use token_file::TokenFile;

/// The SHA-256 of a token.
type Fingerprint = [u8; 32];

/// No token of Keystone's is longer, and hashing what is endless would be work for nothing.
const LONGEST_TOKEN: usize = 16 << 10;

/// A caller.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Identity {
    /// Empty: none, as of a token for the whole system.
    pub project_id: String,
    /// For the log.
    pub user: String,
    pub roles: Roles,
}

/// Who logs in by a password.
pub struct Person<'a> {
    pub user: &'a str,
    pub domain: &'a str,
    pub password: &'a str,
}

/// A project, as Keystone calls it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Project {
    pub id: String,
    pub name: String,
}

/// Why a token has no identity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Denied {
    /// There is none, or nobody vouches for it.
    Unauthenticated,
    /// Who could vouch for it does not answer: why, for the log.
    Unavailable(String),
}

/// Turns tokens into identities. Clones share what they know.
#[derive(Clone)]
pub enum Authenticator {
    /// Nobody is asked for a token.
    None,
    TokenFile(Arc<TokenFile>),
    Keystone(Arc<Keystone>),
}

impl fmt::Debug for Authenticator {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::None => "None",
            Self::TokenFile(_) => "TokenFile",
            Self::Keystone(_) => "Keystone",
        })
    }
}

impl Authenticator {
    /// The one that the configuration names. Keystone need not run yet.
    ///
    /// # Errors
    /// One line that names the key.
    pub fn new(settings: &Auth, clock: Clock) -> Result<Self, String> {
        Ok(match settings.mode {
            AuthMode::None => Self::None,
            AuthMode::TokenFile => Self::TokenFile(Arc::new(TokenFile::open(&settings.token_file, settings.roles)?)),
            AuthMode::Keystone => Self::Keystone(Arc::new(Keystone::new(settings, clock)?)),
        })
    }

    /// Whose token this is.
    ///
    /// # Errors
    /// [`Denied`]
    pub async fn identify(&self, token: &[u8]) -> Result<Arc<Identity>, Denied> {
        if token.is_empty() || token.len() > LONGEST_TOKEN {
            return Err(Denied::Unauthenticated);
        }
        match self {
            Self::None => Err(Denied::Unauthenticated),
            Self::TokenFile(file) => file.identify(&fingerprint(token)).ok_or(Denied::Unauthenticated),
            Self::Keystone(keystone) => keystone.identify(token).await,
        }
    }

    /// A token for who has a password, of no project yet. Only Keystone knows passwords; this keeps none.
    ///
    /// # Errors
    /// [`Denied`]
    pub async fn log_in(&self, person: &Person<'_>) -> Result<String, Denied> {
        match self {
            Self::None | Self::TokenFile(_) => Err(Denied::Unauthenticated),
            Self::Keystone(keystone) => keystone.log_in(person).await,
        }
    }

    /// The projects among which the owner of a token may choose; none where a token is of one project for good.
    ///
    /// # Errors
    /// [`Denied`]
    pub async fn projects(&self, token: &str) -> Result<Vec<Project>, Denied> {
        match self {
            Self::None | Self::TokenFile(_) => Ok(Vec::new()),
            Self::Keystone(keystone) => keystone.projects(token).await,
        }
    }

    /// Another token of the same person, for this project.
    ///
    /// # Errors
    /// [`Denied`]
    pub async fn scope(&self, token: &str, project_id: &str) -> Result<String, Denied> {
        match self {
            Self::None | Self::TokenFile(_) => Err(Denied::Unauthenticated),
            Self::Keystone(keystone) => keystone.scope(token, project_id).await,
        }
    }

    /// Ends a token that [`log_in`](Self::log_in) or [`scope`](Self::scope) gave.
    ///
    /// # Errors
    /// Who could end it does not answer.
    pub async fn revoke(&self, token: &str) -> Result<(), Denied> {
        match self {
            Self::None | Self::TokenFile(_) => Ok(()),
            Self::Keystone(keystone) => keystone.revoke(token).await,
        }
    }

    /// What `WWW-Authenticate` says: where to get a token.
    #[must_use]
    pub fn challenge(&self) -> Option<&str> {
        match self {
            Self::None | Self::TokenFile(_) => None,
            Self::Keystone(keystone) => Some(keystone.challenge()),
        }
    }
}

fn fingerprint(token: &[u8]) -> Fingerprint {
    Sha256::digest(token).into()
}
