//! What other schedulers changed, as soon as they say so: where this one's agents and watches are to look.
//!
//! A notification is no truth and may be lost: sessions and watches look by themselves, only later. So once this
//! process listens again, it reads everything, once.

use std::{collections::BTreeSet, time::Duration};

use ballast_model::{
    fault::Fault,
    ids::{AgentId, LoadBalancerId},
};
use ballast_store::{Notice, Notification, Notifications};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{App, Wake};

/// How many may wait while those before are looked at.
const WAITING: usize = 1_024;
/// How long until what could not be looked at is looked at again.
const PAUSE: Duration = Duration::from_millis(500);

/// What is to be read again.
#[derive(Debug, Default)]
struct Stale {
    everything: bool,
    schedulers: bool,
    agents: BTreeSet<AgentId>,
    load_balancers: BTreeSet<LoadBalancerId>,
}

impl App {
    /// Listens, and reads again what others have changed, until the end.
    pub async fn keep_listening(&self, shutdown: CancellationToken) {
        let Some(notifications) = self.store.notifications() else { return };
        let (sender, receiver) = mpsc::channel(WAITING);
        tokio::select! {
            () = listen(notifications, sender) => {}
            () = self.apply(receiver) => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Reads everything again, once: others may have changed anything, and have not said so.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn refresh_all(&self) -> Result<(), Fault> {
        self.refresh_peers().await?;
        self.refresh_fleet().await?;
        self.store.others_changed();
        self.wakes.wake_all();
        self.place_soon();
        Ok(())
    }

    async fn apply(&self, mut receiver: mpsc::Receiver<Notification>) {
        let mut stale = Stale::default();
        let mut next = Vec::new();
        while receiver.recv_many(&mut next, WAITING).await > 0 {
            for notification in next.drain(..) {
                self.add(&mut stale, notification);
            }
            while let Err(fault) = self.refresh(&mut stale).await {
                tracing::warn!(detail = fault.detail(), "what others changed is read again: {fault}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn add(&self, stale: &mut Stale, notification: Notification) {
        match notification {
            Notification::Anything => stale.everything = true,
            Notification::Notice(Notice { scheduler_id, .. }) if scheduler_id == self.id => {}
            Notification::Notice(notice) => {
                if notice.events {
                    self.store.others_changed();
                }
                stale.schedulers |= notice.schedulers;
                stale.agents.extend(notice.agents);
                stale.load_balancers.extend(notice.load_balancers);
            }
        }
    }

    async fn refresh(&self, stale: &mut Stale) -> Result<(), Fault> {
        if stale.everything {
            self.refresh_all().await?;
            *stale = Stale::default();
        }
        if stale.schedulers {
            self.refresh_peers().await?;
            stale.schedulers = false;
        }
        if !stale.agents.is_empty() {
            let ids: Vec<AgentId> = stale.agents.iter().copied().collect();
            self.refresh_agents(&ids).await?;
            self.place_soon();
            stale.agents.clear();
        }
        if !stale.load_balancers.is_empty() {
            let ids: Vec<LoadBalancerId> = stale.load_balancers.iter().copied().collect();
            let concerned = self.store.glance(|tx, _| Box::pin(tx.agents_of(&ids))).await?.into_iter();
            self.wake(concerned.map(|(load_balancer_id, agent_id)| Wake { agent_id, load_balancer_id }));
            self.fleet.mark_stale(ids);
            stale.load_balancers.clear();
        }
        Ok(())
    }
}

/// Until nobody takes them.
async fn listen(mut notifications: Notifications, sender: mpsc::Sender<Notification>) {
    while sender.send(notifications.next().await).await.is_ok() {}
}
