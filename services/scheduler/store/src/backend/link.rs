//! What statements run on: a transaction, or connections, on which each statement is a transaction by itself.
//!
//! A transaction in which a statement failed takes no further one: PostgreSQL would refuse it and answer COMMIT with a
//! rollback that looks like success, and SQLite, which undoes the whole at FULL, IOERR and NOMEM, would run it for
//! itself alone. So nothing is committed by work that went on after a failure.

use std::sync::atomic::{AtomicU8, Ordering};

use sea_orm::{
    ConnectionTrait, DatabaseTransaction, DbBackend, DbErr, ExecResult, QueryResult, Statement, error::ConnAcquireErr,
};
use sea_orm_migration::async_trait;

use super::{
    errors::{ends_transaction, is_away},
    stop::Lease,
};

#[derive(Debug)]
pub(crate) enum Link {
    Transaction(Watched),
    Connections(Lease),
}

/// A transaction, and whether all its statements went well.
#[derive(Debug)]
pub(crate) struct Watched {
    transaction: DatabaseTransaction,
    /// Given back after the transaction.
    lease: Lease,
    state: AtomicU8,
}

/// All went well.
const SOUND: u8 = 0;
/// A statement failed: what was done since the savepoint has to be undone.
const FAILED: u8 = 1;
/// The database may have undone the whole, or is not there any more.
const OVER: u8 = 2;

impl Watched {
    pub(super) const fn new(transaction: DatabaseTransaction, lease: Lease) -> Self {
        Self { transaction, lease, state: AtomicU8::new(SOUND) }
    }

    pub(crate) async fn commit(self) -> Result<(), DbErr> {
        self.usable()?;
        self.lease.unless_in_vain(self.transaction.commit()).await
    }

    pub(crate) async fn rollback(self) -> Result<(), DbErr> {
        self.lease.unless_in_vain(self.transaction.rollback()).await.inspect_err(|_| self.lease.doubt())
    }

    /// Whether nothing has failed.
    pub(crate) fn usable(&self) -> Result<(), DbErr> {
        match self.state.load(Ordering::SeqCst) {
            SOUND => Ok(()),
            FAILED => Err(DbErr::Custom("a statement has failed before in this transaction".to_owned())),
            _ => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
        }
    }

    /// Undoes what was done since the savepoint: after that it is as if nothing had failed.
    pub(crate) async fn back_to(&self, savepoint: &str) -> Result<(), DbErr> {
        if self.state.load(Ordering::SeqCst) == OVER {
            return self.usable();
        }
        self.transaction.execute_unprepared(&format!("ROLLBACK TO SAVEPOINT {savepoint}")).await?;
        self.state.store(SOUND, Ordering::SeqCst);
        Ok(())
    }

    async fn run<T>(&self, statement: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
        self.usable()?;
        self.lease.run(statement).await.inspect_err(|error| {
            let state = if ends_transaction(error) { OVER } else { FAILED };
            self.state.fetch_max(state, Ordering::SeqCst);
        })
    }
}

/// A statement that is a transaction by itself. A connection on which the database did not answer is not used again.
async fn alone<T>(lease: &Lease, statement: impl Future<Output = Result<T, DbErr>> + Send) -> Result<T, DbErr> {
    lease.run(statement).await.inspect_err(|error| {
        if is_away(error) {
            lease.doubt_server();
        }
    })
}

#[async_trait::async_trait]
impl ConnectionTrait for Link {
    fn get_database_backend(&self) -> DbBackend {
        match self {
            Self::Transaction(watched) => watched.transaction.get_database_backend(),
            Self::Connections(lease) => lease.connections.get_database_backend(),
        }
    }

    async fn execute_raw(&self, statement: Statement) -> Result<ExecResult, DbErr> {
        match self {
            Self::Transaction(watched) => watched.run(watched.transaction.execute_raw(statement)).await,
            Self::Connections(lease) => alone(lease, lease.connections.execute_raw(statement)).await,
        }
    }

    async fn execute_unprepared(&self, sql: &str) -> Result<ExecResult, DbErr> {
        match self {
            Self::Transaction(watched) => watched.run(watched.transaction.execute_unprepared(sql)).await,
            Self::Connections(lease) => alone(lease, lease.connections.execute_unprepared(sql)).await,
        }
    }

    async fn query_one_raw(&self, statement: Statement) -> Result<Option<QueryResult>, DbErr> {
        match self {
            Self::Transaction(watched) => watched.run(watched.transaction.query_one_raw(statement)).await,
            Self::Connections(lease) => alone(lease, lease.connections.query_one_raw(statement)).await,
        }
    }

    async fn query_all_raw(&self, statement: Statement) -> Result<Vec<QueryResult>, DbErr> {
        match self {
            Self::Transaction(watched) => watched.run(watched.transaction.query_all_raw(statement)).await,
            Self::Connections(lease) => alone(lease, lease.connections.query_all_raw(statement)).await,
        }
    }
}
