//! The other schedulers of the database: which of them live, and whose agents are whose.

use std::time::Duration;

use ballast_model::fault::Fault;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::App;

/// How often they are looked at.
const PERIOD: Duration = Duration::from_secs(1);
/// After how many looks everything is read that others may have changed, though nobody said so.
const ALL: u32 = 10;
const SETTLED: u32 = 3;
/// How long a scheduler that ends tries to say so.
const FAREWELL: Duration = Duration::from_secs(2);

impl App {
    /// This scheduler begins: its former self's sessions are over.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn start(&self) -> Result<(), Fault> {
        let starting = self.as_scheduler();
        self.store.speak_as(self.id);
        self.store.write(|tx, _| Box::pin(tx.join(&starting))).await?;
        self.learn_all().await
    }

    /// This scheduler ends, and its sessions with it. Should that not be said, the others notice.
    pub async fn leave(&self) {
        let leave = self.store.write(|tx, _| {
            Box::pin(async move {
                match tx.schedulers().await?.into_iter().find(|scheduler| scheduler.id == self.id) {
                    Some(this) => tx.end_scheduler(this.id, this.beat).await,
                    None => Ok(()),
                }
            })
        });
        match tokio::time::timeout(FAREWELL, leave).await {
            Ok(Ok(())) => {}
            Ok(Err(fault)) => {
                tracing::warn!(detail = fault.detail(), "the others will notice that this one ends: {fault}")
            }
            Err(_) => tracing::warn!("the others will notice that this one ends: the database did not answer"),
        }
    }

    /// Looks at the others until the end.
    pub async fn keep_meeting(&self, shutdown: CancellationToken) {
        if !self.store.is_shared() {
            return;
        }
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for look in 1_u32.. {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let met = async {
                self.meet().await?;
                match look {
                    _ if !self.fleet.has_others() => Ok(()),
                    // By now the others know of this one, and say what they change.
                    SETTLED => self.look_everywhere().await,
                    _ if look % ALL == 0 => self.learn_all().await,
                    _ => Ok(()),
                }
            };
            if let Err(fault) = met.await {
                tracing::warn!(detail = fault.detail(), "the other schedulers are looked at again: {fault}");
            }
        }
    }

    /// Looks at them once.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn meet(&self) -> Result<(), Fault> {
        let schedulers = self.store.glance(|tx, _| Box::pin(tx.schedulers())).await?;
        let now = self.clock.monotonic();
        self.fleet.saw(&schedulers, now);
        self.store.set_alone(!self.fleet.has_others());
        for (id, beat) in self.fleet.lapsed(now) {
            tracing::warn!(scheduler = %id, "another scheduler is gone: sessions with it are over");
            self.store.write(|tx, _| Box::pin(tx.end_scheduler(id, beat))).await?;
            self.learn_all().await?;
        }
        Ok(())
    }
}

/// What no two schedulers have at the same time: an address of this machine's network; empty where that is not known.
#[must_use]
pub fn home(address: std::net::SocketAddr) -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let network = std::fs::read_link("/proc/self/ns/net");
    match (boot, network) {
        (Ok(boot), Ok(network)) => format!("{} {} {address}", boot.trim(), network.display()),
        _ => String::new(),
    }
}
