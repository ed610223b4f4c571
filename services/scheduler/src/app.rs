//! The use cases: load an aggregate, call a transition of the model, save, all in one transaction; then wake the agents
//! that it concerns. Nothing here knows gRPC, and nothing waits for an agent.

mod acme;
mod agents;
mod caller;
mod checks;
mod desired;
mod draining;
mod events;
mod failover;
mod fleet;
mod follower;
mod foreign_ports;
mod foresight;
mod heartbeats;
mod leading;
mod members;
mod monitors;
mod moving;
mod networks;
mod notifications;
mod overview;
mod peers;
mod placing;
mod plugging;
mod pools;
mod ports;
mod quotas;
mod refresh;
mod reports;
mod requests;
mod secrets;
mod sessions;
mod sides;
mod standbys;
mod tally;
mod traffic;
mod v2;
mod vips;
mod wakes;

use std::{
    sync::{Arc, atomic::AtomicI64},
    time::Duration,
};

use ballast_certificates::Keyring;
use ballast_model::{
    Uuid,
    agent::LivenessLimits,
    fault::Fault,
    ids::{AgentId, LoadBalancerId, PoolId, SchedulerId},
    listener::Mac,
    load_balancer::{LoadBalancer, pool_not_found},
    provider::Provider,
    quota::Limits,
    time::Timestamp,
    view::v1,
};
use ballast_service::{chance::Chance, clock::Clock, config::Settings, sources::Sources};
use ballast_store::{Binding, Placed, Store, Tx};

pub use caller::Caller;
pub use checks::{Checked, Checks, Said};
pub use desired::{Awaited, Beside, Desired, Instruction, Ready};
pub use events::{Batch, EventLimits, Object, Objects, Shown, SnapshotPage, Told, Wanted};
pub use failover::FailoverLimits;
pub use fleet::{Fleet, Looked};
pub use follower::{Changed, Watching};
pub use foresight::{Come, Counted as CountedByQuota, Foreseen, Foresight, Question, Questions};
use leading::Leading;
pub use leading::{Serving, Task};
pub use monitors::MonitorWithPools;
pub use moving::Emptying;
pub(crate) use overview::CONFLICT;
pub use overview::{AgentSummary, Contested, Course, Figures, Operatings, Overview, WantedOverview};
pub use peers::unique_address;
pub use placing::Choice;
use plugging::Plugging;
pub use ports::NewPort;
pub use reports::{Counted, Ended, Left, Observed, Owner};
pub use secrets::{AllUsed, Answer, Digests, Keepers, Look, Used, WantedSecret};
pub use sessions::Greeting;
pub use tally::{ListedStats, WantedStats};
pub use traffic::{Histories, Span, Traffic, TrafficPoint, TrafficReport};
pub use v2::{
    CertificateChange, Known, Listed, NewCertificate, NewLoadBalancer, ObjectOfV2, RevisionChange, Seen, ShownSide,
    ShownSides, Supply, Target, WantedAddress, WantedAddresses, Write,
};
pub use vips::WantedVip;
pub use wakes::{Dirty, Listening, Wakes};

use crate::{
    acme::Issuer,
    metrics::Metrics,
    network::{self, NetworkProvider},
    placement::{POLICIES, PlacementPolicy, policy},
    secrets as keeping,
};

/// Everything the use cases need. A clone is another handle of the same.
#[derive(Clone)]
pub struct App {
    /// Of this process among those that serve the database.
    pub id: SchedulerId,
    /// What no two schedulers have at the same time; empty where that is not known.
    address: Arc<str>,
    /// Where agents on other machines reach it; empty: nowhere.
    advertised: Arc<str>,
    /// When this process began, by its own clock.
    started: Duration,
    leading: Arc<Leading>,
    heartbeats: Arc<AtomicI64>,
    /// Others may serve the same database.
    pub(crate) is_shared: bool,
    pub store: Store,
    pub clock: Clock,
    pub chance: Chance,
    pub providers: Vec<Provider>,
    pub limits: LivenessLimits,
    pub heartbeat_interval: Duration,
    pub statistics_interval: Duration,
    pub policy: Arc<dyn PlacementPolicy>,
    pub wakes: Arc<Wakes>,
    pub fleet: Arc<Fleet>,
    /// Rows of agents are read by one at a time: what was read last is newest.
    refreshing: Arc<tokio::sync::Mutex<()>>,
    /// Something may have become eligible for what is placed nowhere.
    placing: Arc<tokio::sync::Notify>,
    pub events: EventLimits,
    /// Changes of each load balancer that are kept.
    pub revisions: u64,
    pub watching: Arc<Watching>,
    pub failover: FailoverLimits,
    /// What a project may have that has no limits of its own.
    pub quotas: Limits,
    /// Who keeps networks and addresses.
    pub network: Arc<dyn NetworkProvider>,
    plugging: Arc<Plugging>,
    /// What seals private keys.
    pub keyring: Arc<Keyring>,
    /// How many certificates a project may have.
    pub certificates_per_project: u32,
    /// The CA that issues certificates by itself; none: there is none.
    issuer: Option<Arc<Issuer>>,
    /// Something may be to be issued.
    issuing: Arc<tokio::sync::Notify>,
    /// Who keeps other secrets.
    pub keepers: Keepers,
    /// What agents are asked.
    pub questions: Arc<Questions>,
    /// What they say of members' checks.
    pub checks: Arc<Checks>,
    /// What overviews count.
    census: Arc<overview::Census>,
    tally: Arc<tally::Tally>,
    /// What load balancers have counted of late.
    pub histories: Arc<Histories>,
    /// What is measured.
    pub metrics: Arc<Metrics>,
    /// Of a handle whose changes are not kept.
    foresight: Option<Foresight>,
}

/// A load balancer of an agent that may have something new to do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Wake {
    pub agent_id: AgentId,
    pub load_balancer_id: LoadBalancerId,
}

impl From<&Binding> for Wake {
    fn from(binding: &Binding) -> Self {
        Self { agent_id: binding.agent_id, load_balancer_id: binding.load_balancer_id }
    }
}

impl App {
    /// From the configuration and an open store, for the scheduler that is alone at `address`.
    ///
    /// # Errors
    /// One line that names the key at fault.
    pub fn new(
        settings: &Settings,
        store: Store,
        Sources { clock, chance }: Sources,
        address: &str,
    ) -> Result<Self, String> {
        let name = &settings.placement.policy;
        let policy = policy(name).ok_or_else(|| {
            format!("placement.policy = \"{name}\" is not a policy; it is one of: {}", POLICIES.join(", "))
        })?;
        let providers = settings.providers.iter().map(|provider| Provider {
            name: provider.name.to_lowercase(),
            driver: provider.driver.clone(),
            default: provider.default,
        });
        let millis = |value: u32| Duration::from_millis(value.into());
        let limits = LivenessLimits {
            suspect_after: millis(settings.agents.suspect_after_ms),
            dead_after: millis(settings.agents.dead_after_ms),
        };
        let id = chance.id();
        let its_clock = clock.clone();
        store.tell_time_by(move || its_clock.now().into());
        let keepers = Keepers::new(&settings.secrets, &store, &clock)?;
        let (revisions, histories) = (settings.history.revisions.into(), Histories::of(settings, &clock));
        store.keep_revisions(revisions);
        Ok(Self {
            id,
            address: address.into(),
            advertised: settings.advertised().into(),
            started: clock.monotonic(),
            leading: Arc::default(),
            heartbeats: Arc::default(),
            is_shared: store.is_shared(),
            fleet: Arc::new(Fleet::new(id, limits, store.follow_moves())),
            refreshing: Arc::default(),
            store,
            clock,
            chance,
            providers: providers.collect(),
            limits,
            heartbeat_interval: millis(settings.agents.heartbeat_interval_ms),
            statistics_interval: millis(settings.agents.statistics_interval_ms),
            policy,
            wakes: Arc::default(),
            placing: Arc::default(),
            watching: Arc::default(),
            revisions,
            events: EventLimits::of(&settings.events),
            failover: FailoverLimits::of(&settings.failover),
            quotas: quotas::defaults(&settings.quotas)?,
            network: network::provider(&settings.network)?,
            plugging: Arc::default(),
            keyring: Arc::new(keeping::keyring(&settings.secrets)?),
            certificates_per_project: settings.secrets.certificates_per_project,
            issuer: Issuer::new(&settings.acme)?.map(Arc::new),
            issuing: Arc::default(),
            keepers,
            questions: Arc::default(),
            checks: Arc::default(),
            census: Arc::default(),
            tally: Arc::default(),
            histories: Arc::new(histories),
            metrics: Arc::new(Metrics::new(settings)),
            foresight: None,
        })
    }

    /// An id for a new object.
    pub fn new_id<I: From<Uuid>>(&self) -> I {
        self.chance.id()
    }

    fn new_mac(&self) -> Mac {
        Mac::from_random(self.chance.number())
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now().into()
    }

    /// The driver behind a provider; a provider that was taken out of the configuration has none.
    fn driver_of(&self, provider: &str) -> Option<&str> {
        self.providers.iter().find(|known| known.name == provider).map(|known| known.driver.as_str())
    }
}

/// The load balancer that v1 calls this pool, if the caller may see it.
async fn load_pool(tx: &Tx, caller: &Caller, id: PoolId) -> Result<Placed, Fault> {
    let placed = tx.load_placed(v1::load_balancer_of(id)).await?.ok_or_else(|| pool_not_found(id))?;
    if !caller.sees(&placed.load_balancer.v1_pool()?.project_id) {
        return Err(pool_not_found(id));
    }
    placed.load_balancer.must_be_v1s()?;
    Ok(placed)
}

impl App {
    /// Tells sessions where to look: also those of the sides that stand by.
    fn wake(&self, wakes: impl IntoIterator<Item = Wake>) {
        let mut wakes: Vec<Wake> = wakes.into_iter().collect();
        let standbys = self.fleet.standbys(wakes.iter().map(|wake| wake.load_balancer_id));
        wakes.extend(standbys.into_iter().map(|(load_balancer_id, agent_id)| Wake { agent_id, load_balancer_id }));
        self.wakes.wake(wakes);
    }

    /// Saves a change, with its time, and says whom it concerns.
    async fn save(&self, tx: &Tx, before: &Placed, after: &LoadBalancer) -> Result<Option<Wake>, Fault> {
        let after = after.clone().stamped(Some(&before.load_balancer), self.now());
        tx.save(&before.load_balancer, &after).await?;
        Ok(before.binding.as_ref().map(Wake::from))
    }
}
