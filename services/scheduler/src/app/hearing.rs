//! What other schedulers changed, as soon as they say so: where this one's agents and watches are to look.
//!
//! What is said is no truth and may be lost: sessions and watches look by themselves, only later. So once this process hears
//! again, it looks at everything, once.

use std::{collections::BTreeSet, time::Duration};

use ballast_model::{
    fault::Fault,
    ids::{AgentId, LoadBalancerId},
};
use ballast_store::{Heard, Hearing, Notice};
use tokio::sync::mpsc;
use tokio_util::sync::CancellationToken;

use super::{App, Wake};

/// How much may be heard while what was heard before is looked at.
const WAITING: usize = 1_024;
/// How long until what could not be looked at is looked at again.
const PAUSE: Duration = Duration::from_millis(500);

/// Where to look.
#[derive(Debug, Default)]
struct Places {
    everywhere: bool,
    schedulers: bool,
    agents: BTreeSet<AgentId>,
    load_balancers: BTreeSet<LoadBalancerId>,
}

impl App {
    /// Listens, and looks where there is something to see, until the end.
    pub async fn keep_hearing(&self, shutdown: CancellationToken) {
        let Some(hearing) = self.store.hearing() else { return };
        let (told, heard) = mpsc::channel(WAITING);
        tokio::select! {
            () = listen(hearing, told) => {}
            () = self.look(heard) => {}
            () = shutdown.cancelled() => {}
        }
    }

    /// Looks at everything once: others may have changed anything, and have not said so.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn look_everywhere(&self) -> Result<(), Fault> {
        self.meet().await?;
        self.learn_all().await?;
        self.store.others_changed();
        self.wakes.wake_all();
        self.place_soon();
        Ok(())
    }

    async fn look(&self, mut heard: mpsc::Receiver<Heard>) {
        let mut places = Places::default();
        let mut next = Vec::new();
        while heard.recv_many(&mut next, WAITING).await > 0 {
            for heard in next.drain(..) {
                self.add(&mut places, heard);
            }
            while let Err(fault) = self.look_at(&mut places).await {
                tracing::warn!(detail = fault.detail(), "what others changed is looked at again: {fault}");
                tokio::time::sleep(PAUSE).await;
            }
        }
    }

    fn add(&self, places: &mut Places, heard: Heard) {
        match heard {
            Heard::Anything => places.everywhere = true,
            Heard::Notice(Notice { scheduler_id, .. }) if scheduler_id == self.id => {}
            Heard::Notice(notice) => {
                if notice.events {
                    self.store.others_changed();
                }
                places.schedulers |= notice.schedulers;
                places.agents.extend(notice.agents);
                places.load_balancers.extend(notice.load_balancers);
            }
        }
    }

    async fn look_at(&self, places: &mut Places) -> Result<(), Fault> {
        if places.everywhere {
            self.look_everywhere().await?;
            *places = Places::default();
        }
        if places.schedulers {
            self.meet().await?;
            places.schedulers = false;
        }
        if !places.agents.is_empty() {
            let ids: Vec<AgentId> = places.agents.iter().copied().collect();
            self.learn(&ids).await?;
            self.place_soon();
            places.agents.clear();
        }
        if !places.load_balancers.is_empty() {
            let ids: Vec<LoadBalancerId> = places.load_balancers.iter().copied().collect();
            let concerned = self.store.glance(|tx, _| Box::pin(tx.agents_of(&ids))).await?.into_iter();
            self.wakes.wake(concerned.map(|(load_balancer_id, agent_id)| Wake { agent_id, load_balancer_id }));
            self.fleet.doubt(ids);
            places.load_balancers.clear();
        }
        Ok(())
    }
}

/// Until nobody takes what is heard.
async fn listen(mut hearing: Hearing, told: mpsc::Sender<Heard>) {
    while told.send(hearing.next().await).await.is_ok() {}
}
