//! The peers, which are the other schedulers of the database: which of them live, and whose agents are whose.

use std::time::Duration;

use ballast_model::fault::Fault;
use tokio::time::MissedTickBehavior;
use tokio_util::sync::CancellationToken;

use super::App;

/// How often they are read.
const PERIOD: Duration = Duration::from_secs(1);
/// After how many times everything is read that others may have changed, though nobody said so.
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
        let starting = self.next_heartbeat();
        self.store.speak_as(self.id);
        let register = self.store.write(|tx, _| {
            let starting = &starting;
            Box::pin(async move {
                tx.register_scheduler(starting).await?;
                tx.take_lead(starting.id).await
            })
        });
        self.led_by(register.await?);
        self.refresh_fleet().await
    }

    /// This scheduler ends, and its sessions with it. Should that not be said, the others notice.
    pub async fn leave(&self) {
        let leave = self.store.write(|tx, _| {
            Box::pin(async move {
                match tx.schedulers().await?.into_iter().find(|scheduler| scheduler.id == self.id) {
                    Some(this) => tx.end_scheduler(this.id, this.heartbeat).await,
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

    /// Reads who they are until the end.
    pub async fn keep_refreshing_peers(&self, shutdown: CancellationToken) {
        if !self.is_shared {
            return;
        }
        let mut ticks = tokio::time::interval(PERIOD);
        ticks.set_missed_tick_behavior(MissedTickBehavior::Delay);
        for round in 1_u32.. {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            let refreshed = async {
                self.refresh_peers().await?;
                match round {
                    _ if !self.fleet.has_peers() => Ok(()),
                    // By now the others know of this one, and say what they change.
                    SETTLED => self.refresh_all().await,
                    _ if round % ALL == 0 => self.refresh_fleet().await,
                    _ => Ok(()),
                }
            };
            if let Err(fault) = refreshed.await {
                tracing::warn!(detail = fault.detail(), "the other schedulers are read again: {fault}");
            }
        }
    }

    /// Reads who they are.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn refresh_peers(&self) -> Result<(), Fault> {
        let read = || self.store.glance(|tx, _| Box::pin(async { Ok((tx.schedulers().await?, tx.lead().await?)) }));
        let (mut schedulers, lead) = read().await?;
        let now = self.clock.monotonic();
        self.fleet.set_peers(&schedulers, now);
        self.store.set_alone(!self.fleet.has_peers());
        for (id, heartbeat) in self.fleet.lapsed(now) {
            tracing::warn!(scheduler = %id, "another scheduler is gone: sessions with it are over");
            self.store.write(|tx, _| Box::pin(tx.end_scheduler(id, heartbeat))).await?;
            schedulers.retain(|one| one.id != id);
            self.refresh_fleet().await?;
        }
        self.follow_lead(lead, &schedulers).await
    }

    /// Where agents reach the schedulers.
    #[must_use]
    pub fn advertised(&self) -> Vec<String> {
        let mut all = self.fleet.advertised_by_peers();
        if !self.advertised.is_empty() {
            all.push(self.advertised.to_string());
        }
        all.sort_unstable();
        all.dedup();
        all
    }
}

/// What no two schedulers have at the same time: an address of this machine's network; empty where that is not known.
#[must_use]
pub fn unique_address(address: std::net::SocketAddr) -> String {
    let boot = std::fs::read_to_string("/proc/sys/kernel/random/boot_id");
    let network = std::fs::read_link("/proc/self/ns/net");
    match (boot, network) {
        (Ok(boot), Ok(network)) => format!("{} {} {address}", boot.trim(), network.display()),
        _ => String::new(),
    }
}
