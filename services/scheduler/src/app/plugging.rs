//! Telling the service that keeps the ports where each is plugged in: in the background, as that service may be slow,
//! and the sessions of agents wait for nobody.

use std::{
    collections::{HashMap, HashSet},
    sync::{Mutex, MutexGuard, PoisonError},
};

use ballast_model::{
    ids::PortId,
    port::{LOAD_BALANCER, Port},
};
use futures_util::{StreamExt as _, stream::FuturesUnordered};
use tokio::sync::Notify;
use tokio_util::sync::CancellationToken;

use super::App;
use crate::network::device_of_host;

/// How many ports are told of at the same time.
const AT_ONCE: usize = 8;

/// The ports that are to be told of, each with the host that it was plugged in on last.
#[derive(Debug, Default)]
pub(super) struct Plugging {
    waiting: Mutex<HashMap<PortId, String>>,
    notify: Notify,
}

impl Plugging {
    pub(super) fn add(&self, plugged: impl IntoIterator<Item = (PortId, String)>) {
        let mut waiting = self.lock();
        waiting.extend(plugged);
        if !waiting.is_empty() {
            self.notify.notify_one();
        }
    }

    /// One whose port is not being told of: of two hosts the later one is told later.
    fn take(&self, busy: &HashSet<PortId>) -> Option<(PortId, String)> {
        let mut waiting = self.lock();
        let id = waiting.keys().find(|id| !busy.contains(id)).copied()?;
        waiting.remove_entry(&id)
    }

    fn lock(&self) -> MutexGuard<'_, HashMap<PortId, String>> {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl App {
    /// Tells of ports until the end.
    pub async fn keep_plugging(&self, shutdown: CancellationToken) {
        let mut busy = HashSet::new();
        let mut running = FuturesUnordered::new();
        loop {
            while busy.len() < AT_ONCE
                && let Some((id, host)) = self.plugging.take(&busy)
            {
                busy.insert(id);
                running.push(async move {
                    self.tell_of(id, &host).await;
                    id
                });
            }
            tokio::select! {
                () = shutdown.cancelled() => return,
                () = self.plugging.notify.notified() => {}
                Some(id) = running.next() => {
                    busy.remove(&id);
                }
            }
        }
    }

    /// Should it fail, the next deploy tells it.
    async fn tell_of(&self, id: PortId, host: &str) {
        let told = async {
            self.network.bind_port(id, host).await?;
            let save = self.store.write(|tx, _| {
                Box::pin(async move {
                    // One that is gone meanwhile is nobody's.
                    let Some(port) = tx.port(id).await? else { return Ok(()) };
                    tx.save_port(&port, &on_host(port.clone(), host)).await
                })
            });
            save.await
        };
        if let Err(fault) = told.await {
            tracing::warn!(port.id = %id, host, detail = fault.detail(), "the port is not bound: {fault}");
        }
    }
}

pub(super) fn on_host(port: Port, host: &str) -> Port {
    Port {
        host: host.to_owned(),
        device_id: device_of_host(host),
        device_owner: LOAD_BALANCER.to_owned(),
        admin_state_up: true,
        ..port
    }
}
