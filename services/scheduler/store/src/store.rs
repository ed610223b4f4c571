//! The database, and transactions on it.
//!
//! A piece of work is run again when others changed what it read: it must do nothing but read and write through its
//! [`Tx`]. It must not begin another transaction: there is one writer, and it would wait for itself.

use std::{marker::PhantomData, pin::Pin, time::Duration};

use ballast_model::{
    Uuid,
    fault::{Code, Fault},
};
use rand::RngExt as _;
use sea_orm::{DatabaseTransaction, EntityTrait, Set};
use sea_orm_migration::MigratorTrait as _;

use crate::{
    backend::{Backend, fault_of, reason},
    entity::cluster,
    migration::Migrator,
};

/// How often a piece of work is tried.
const ATTEMPTS: u32 = 5;
/// The longest pause before the second attempt; it doubles with each.
const PAUSE_MICROS: u64 = 2_000;

/// Lets work borrow from its caller: whatever `'env` names outlives the transaction's `'t`. Closures ignore it.
pub type Scope<'env, 't> = PhantomData<&'t &'env ()>;

/// What is done in one transaction.
pub type Work<'t, T> = Pin<Box<dyn Future<Output = Result<T, Fault>> + Send + 't>>;

/// The database. A clone is another handle of the same.
#[derive(Debug, Clone)]
pub struct Store {
    backend: Backend,
    cluster_id: Uuid,
}

/// A transaction.
#[derive(Debug)]
pub struct Tx {
    transaction: DatabaseTransaction,
}

/// The database cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("cannot open the database {url}: {reason}")]
pub struct OpenError {
    url: String,
    reason: String,
}

impl Store {
    /// Opens the database at `url`, as in `sqlite:///var/lib/ballast/scheduler.db`: makes the file and its directory when
    /// they are missing, brings the schema up to date, and makes the cluster's id once.
    ///
    /// # Errors
    /// When it cannot be used: one line that names the url, why, and what to do.
    pub async fn open(url: &str) -> Result<Self, OpenError> {
        let refuse = |reason| OpenError { url: without_password(url), reason };
        let backend = Backend::open(url).await.map_err(refuse)?;
        Migrator::up(backend.writer(), None).await.map_err(|error| refuse(reason(&error)))?;
        let mut store = Self { backend, cluster_id: Uuid::nil() };
        let cluster_id = store.write(|tx, _| Box::pin(tx.make_cluster_id())).await;
        store.cluster_id = cluster_id.map_err(|fault| refuse(fault.detail().unwrap_or(fault.message()).to_owned()))?;
        Ok(store)
    }

    #[cfg(test)]
    pub(crate) const fn backend(&self) -> &Backend {
        &self.backend
    }

    /// The cluster's id, made with the database.
    #[must_use]
    pub const fn cluster_id(&self) -> Uuid {
        self.cluster_id
    }

    /// Runs `work` in one transaction, which ends with a durable commit when it is `Ok` and is undone when it is `Err`.
    /// On [`Code::Conflict`] it is run again, a few times.
    ///
    /// # Errors
    /// Those of `work`; [`Code::Conflict`] when others were faster each time; [`Code::Unavailable`] when the database
    /// does not answer.
    pub async fn write<'env, T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        let mut attempt = 1;
        loop {
            match self.attempt(&work).await {
                Err(fault) if fault.code() == Code::Conflict && attempt < ATTEMPTS => {
                    let longest = PAUSE_MICROS << attempt;
                    let pause = rand::rng().random_range(0..longest);
                    tracing::debug!(attempt, pause, detail = fault.detail(), "trying again: {fault}");
                    tokio::time::sleep(Duration::from_micros(pause)).await;
                    attempt += 1;
                }
                done => return done,
            }
        }
    }

    async fn attempt<'env, T, F>(&self, work: &F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        let tx = Tx { transaction: self.backend.begin_write().await.map_err(fault_of)? };
        match work(&tx, Scope::default()).await {
            Ok(value) => {
                tx.transaction.commit().await.map_err(fault_of)?;
                Ok(value)
            }
            Err(fault) => {
                tx.undo().await;
                Err(fault)
            }
        }
    }

    /// Runs `work` on one consistent view of the database, which later writes do not change. It cannot write.
    ///
    /// # Errors
    /// Those of `work`; [`Code::Unavailable`] when the database does not answer.
    pub async fn read<'env, T, F>(&self, work: F) -> Result<T, Fault>
    where
        T: Send,
        F: for<'t> Fn(&'t Tx, Scope<'env, 't>) -> Work<'t, T> + Send + Sync,
    {
        let tx = Tx { transaction: self.backend.begin_read().await.map_err(fault_of)? };
        let done = work(&tx, Scope::default()).await;
        tx.undo().await;
        done
    }
}

impl Tx {
    /// What statements run on.
    pub(crate) const fn db(&self) -> &DatabaseTransaction {
        &self.transaction
    }

    /// The work's own end matters more than that of its undoing, which the database does by itself when it must.
    async fn undo(self) {
        if let Err(error) = self.transaction.rollback().await {
            tracing::warn!(%error, "a transaction was not rolled back in order");
        }
    }

    async fn make_cluster_id(&self) -> Result<Uuid, Fault> {
        if let Some(cluster) = cluster::Entity::find().one(self.db()).await.map_err(fault_of)? {
            return Ok(cluster.id);
        }
        let id = Uuid::new_v4();
        let row = cluster::ActiveModel { seq: Set(1), id: Set(id) };
        cluster::Entity::insert(row).exec_without_returning(self.db()).await.map_err(fault_of)?;
        Ok(id)
    }
}

fn without_password(url: &str) -> String {
    match (url.find("://"), url.rfind('@')) {
        (Some(scheme), Some(at)) if scheme < at => format!("{}://***{}", &url[..scheme], &url[at..]),
        _ => url.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_url_is_not_shown() {
        assert_eq!(without_password("postgres://ballast:s@cret@db/ballast"), "postgres://***@db/ballast");
        assert_eq!(without_password("sqlite:///var/lib/b.db"), "sqlite:///var/lib/b.db");
    }
}
