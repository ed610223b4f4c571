//! Connections that read: so many, each in one reader's hands at a time.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use sea_orm::{DbErr, error::ConnAcquireErr};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use super::{QUEUE, renewed::Renewed, stop::Lease};

/// A clone is another handle of the same.
#[derive(Debug, Clone)]
pub(super) struct Seats {
    turns: Arc<Semaphore>,
    free: Arc<Free>,
}

#[derive(Debug)]
struct Free(Mutex<Vec<Renewed>>);

/// That a connection is in somebody's hands: dropped, it is free again.
#[derive(Debug)]
pub(super) struct Seat {
    connection: Option<Renewed>,
    free: Arc<Free>,
    _turn: OwnedSemaphorePermit,
}

impl Seats {
    pub(super) fn new(connections: Vec<Renewed>) -> Self {
        let turns = Arc::new(Semaphore::new(connections.len()));
        Self { turns, free: Arc::new(Free(Mutex::new(connections))) }
    }

    /// A connection, as soon as one is free.
    pub(super) async fn take(&self) -> Result<Lease, DbErr> {
        let turn = tokio::time::timeout(QUEUE, Arc::clone(&self.turns).acquire_owned()).await;
        let turn = turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::Timeout))?;
        let turn = turn.map_err(|_| DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed))?;
        let connection = self.free.list().pop();
        let seat = Arc::new(Seat { connection, free: Arc::clone(&self.free), _turn: turn });
        match &seat.connection {
            Some(connection) => {
                let (connections, stop) = connection.get().await?;
                Ok(Lease::new(connections, stop, Some(seat)))
            }
            None => Err(DbErr::ConnectionAcquire(ConnAcquireErr::ConnectionClosed)),
        }
    }
}

impl Free {
    fn list(&self) -> MutexGuard<'_, Vec<Renewed>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Seat {
    pub(super) fn doubt(&self) {
        self.connection.iter().for_each(Renewed::doubt);
    }
}

impl Drop for Seat {
    fn drop(&mut self) {
        self.free.list().extend(self.connection.take());
    }
}
