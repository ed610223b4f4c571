//! The database, and transactions on it.

use std::pin::Pin;

use ballast_model::{Uuid, fault::Fault};

/// Ties what a piece of work borrows to its transaction: `'env` outlives `'t`.
pub type Scope<'env, 't> = std::marker::PhantomData<&'t &'env ()>;

/// What is done in one transaction.
pub type Work<'t, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 't>>;

/// The database.
#[derive(Debug, Clone)]
pub struct Store {
    cluster_id: Uuid,
}

/// A transaction.
#[derive(Debug)]
pub struct Tx {}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the database {url}: {reason}")]
pub struct OpenError {
    url: String,
    reason: String,
}

impl Store {
    /// Opens the database at `url`, and brings its schema up to date.
    ///
    /// # Errors
    /// When it cannot be used; the error says why in one line.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        std::future::ready(()).await;
        Err(OpenError { url: url.to_owned(), reason: "not yet".to_owned() })
    }

    /// The cluster's id, made with the database.
    #[must_use]
    pub fn cluster_id(&self) -> Uuid {
        self.cluster_id
    }

    /// Runs `work` in one transaction, which ends with a commit when it is `Ok` and is undone when it is `Err`.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn write<'env, T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        work(&Tx {}, Scope::default()).await
    }

    /// Runs `work` on one consistent view of the database.
    ///
    /// # Errors
    /// Those of `work`.
    pub async fn read<'env, T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        work(&Tx {}, Scope::default()).await
    }
}
