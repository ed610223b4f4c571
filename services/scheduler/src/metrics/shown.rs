//! What is read when somebody looks: how many load balancers and agents there are and how they fare, as the scheduler has
//! them in memory.

use std::{
    sync::{Arc, Mutex, PoisonError},
    time::Duration,
};

use ballast_metrics::{Family, Gauge, Measure, Registry, Word, label, labels};
use ballast_model::{agent::Liveness, fault::Fault, operating::Operating, status::ProvisioningStatus};
use ballast_service::metrics::{Awaited, Component, Told, registry};

use crate::app::{AgentSummary, App, Figures};

/// How old may be what the database counts.
const COUNTED: Duration = Duration::from_secs(30);

label! { enum Health { Up = "up", Down = "down", Draining = "draining", Unknown = "unknown" } }
label! { enum Life { Alive = "alive", Suspect = "suspect", Dead = "dead" } }
label! { enum Admin { Up = "up", Down = "down" } }

labels! { struct Status { provider: Word, provisioning_status: &'static str } }
labels! { struct Member { health: Health } }
labels! { struct Pending { status: &'static str } }
labels! { struct Agents { liveness: Life, admin: Admin } }
labels! { struct Host { host: Word } }

/// The gauges.
#[derive(Debug, Clone, Default)]
struct Gauges {
    load_balancers: Family<Status, Gauge>,
    members: Family<Member, Gauge>,
    pending: Family<Pending, Measure>,
    agents: Family<Agents, Gauge>,
    heartbeat_age: Family<Host, Measure>,
    agent_load_balancers: Family<Host, Gauge>,
    store_queue: Gauge,
    tombstones: Gauge,
    holds: Gauge,
    watchers: Gauge,
    lag: Measure,
    schedulers: Gauge,
    leads: Gauge,
}

/// What a scheduler tells.
pub(crate) struct Shown {
    app: Arc<App>,
    registry: Registry,
    gauges: Gauges,
    /// How many agents are told one by one.
    agents: usize,
    /// When the database was asked last.
    counted: Mutex<Option<Duration>>,
}

impl Shown {
    pub(crate) fn new(app: Arc<App>, per_agent_max: u32) -> Self {
        let mut registry = registry(Component::Scheduler, &app.clock);
        app.metrics.add_to(&mut registry);
        app.store.add_metrics_to(&mut registry);
        let gauges = Gauges::default();
        gauges.add_to(&mut registry);
        let agents = usize::try_from(per_agent_max).unwrap_or(usize::MAX);
        Self { app, registry, gauges, agents, counted: Mutex::default() }
    }

    async fn read(&self) -> Result<(), Fault> {
        let app = &self.app;
        let now = app.clock.monotonic();
        self.gauges.store_queue.set(whole(app.store.queued()));
        self.gauges.schedulers.set(whole(app.fleet.count_schedulers()));
        self.gauges.leads.set(app.leads().into());
        if !app.leads() {
            // It is for the one that leads to say.
            app.metrics.failover_paused.set(0);
        }
        self.gauges.watchers.set(whole(app.watching.count()));
        self.gauges.lag.set(app.metrics.lags.longest(now).as_secs_f64());
        self.gauges.show_agents(&app.fleet.summaries(now), self.agents);
        self.gauges.show(&app.figures().await?, app.now().0);
        if self.is_to_count(now) {
            let counts = app
                .store
                .glance(|tx, _| Box::pin(async move { Ok((tx.count_tombstones().await?, tx.count_holds().await?)) }));
            let (tombstones, holds) = counts.await?;
            self.gauges.tombstones.set(whole(tombstones));
            self.gauges.holds.set(whole(holds));
        }
        Ok(())
    }

    /// Whether it is time to ask the database, which counts as asked.
    fn is_to_count(&self, now: Duration) -> bool {
        let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
        let is_time = counted.is_none_or(|at| now.saturating_sub(at) >= COUNTED);
        if is_time {
            *counted = Some(now);
        }
        is_time
    }
}

impl Told for Shown {
    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn refresh(&self) -> Awaited<'_, ()> {
        Box::pin(async {
            if let Err(fault) = self.read().await {
                tracing::warn!(detail = fault.detail(), "metrics are told as they were: {fault}");
            }
        })
    }

    fn ready(&self) -> Awaited<'_, Result<String, String>> {
        Box::pin(async {
            match self.app.end_of_events().await {
                Ok(_) => Ok("the database answers".to_owned()),
                Err(fault) => Err(format!("the database does not answer: {fault}")),
            }
        })
    }
}

impl Gauges {
    fn add_to(&self, registry: &mut Registry) {
        registry.add("ballast_load_balancers", "Load balancers", &self.load_balancers);
        registry.add("ballast_members", "Members of load balancers", &self.members);
        registry.add(
            "ballast_pending_oldest_seconds",
            "Since when the oldest change is waited for, of load balancers of each status",
            &self.pending,
        );
        registry.add("ballast_agents", "Agents", &self.agents);
        registry.add("ballast_agent_heartbeat_age_seconds", "Since an agent was heard of", &self.heartbeat_age);
        registry.add("ballast_agent_load_balancers", "Load balancers of an agent", &self.agent_load_balancers);
        registry.add("ballast_store_queue", "Transactions that wait for their turn to write", &self.store_queue);
        registry.add("ballast_tombstones", "Removals that agents have yet to confirm", &self.tombstones);
        registry.add("ballast_address_holds", "Addresses that agents may still answer at", &self.holds);
        registry.add("ballast_schedulers", "Schedulers of this database", &self.schedulers);
        registry.add("ballast_scheduler_leads", "This scheduler does what one is enough for", &self.leads);
        registry.add("ballast_events_watchers", "Watches that are open", &self.watchers);
        registry.add(
            "ballast_events_lag_seconds",
            "For how long the watch that is furthest behind has had something to tell",
            &self.lag,
        );
    }

    fn show(&self, figures: &Figures, now: i64) {
        self.load_balancers.clear();
        for ((provider, status), count) in &figures.load_balancers {
            let labels = Status { provider: Word::new(provider), provisioning_status: status.as_str() };
            // Several may be told by one word.
            self.load_balancers.get_or_create(&labels).inc_by(whole(*count));
        }
        let mut members = [0_i64; Health::ALL.len()];
        for (status, count) in Operating::ALL.into_iter().zip(figures.members) {
            members[health(status) as usize] += whole(count);
        }
        for (health, count) in Health::ALL.iter().zip(members) {
            self.members.get_or_create(&Member { health: *health }).set(count);
        }
        for status in ProvisioningStatus::ALL.into_iter().filter(|status| status.is_pending()) {
            let since = figures.pending.iter().find(|(of, _)| *of == status).map_or(now, |(_, since)| since.0);
            let microseconds = u64::try_from(now.saturating_sub(since)).unwrap_or_default();
            let age = Duration::from_micros(microseconds).as_secs_f64();
            self.pending.get_or_create(&Pending { status: status.as_str() }).set(age);
        }
    }

    fn show_agents(&self, agents: &[AgentSummary], one_by_one: usize) {
        for (liveness, admin) in Life::ALL.iter().flat_map(|life| Admin::ALL.iter().map(move |admin| (*life, *admin))) {
            let is_so = |agent: &&AgentSummary| life(agent.liveness) == liveness && admin_of(agent) == admin;
            let count = whole(agents.iter().filter(is_so).count());
            self.agents.get_or_create(&Agents { liveness, admin }).set(count);
        }
        self.heartbeat_age.clear();
        self.agent_load_balancers.clear();
        for (number, agent) in agents.iter().enumerate() {
            let labels = Host { host: if number < one_by_one { Word::new(&agent.host) } else { Word::other() } };
            let age = self.heartbeat_age.get_or_create_owned(&labels);
            age.set(age.get().max(agent.silent_for.as_secs_f64()));
            self.agent_load_balancers.get_or_create(&labels).inc_by(agent.load_balancers.into());
        }
    }
}

const fn health(status: Operating) -> Health {
    match status {
        Operating::Online => Health::Up,
        Operating::Error | Operating::Degraded => Health::Down,
        Operating::Draining => Health::Draining,
        Operating::Offline | Operating::NoMonitor => Health::Unknown,
    }
}

const fn life(liveness: Liveness) -> Life {
    match liveness {
        Liveness::Alive => Life::Alive,
        Liveness::Suspect => Life::Suspect,
        Liveness::Dead => Life::Dead,
    }
}

const fn admin_of(agent: &AgentSummary) -> Admin {
    if agent.admin_state_up { Admin::Up } else { Admin::Down }
}

fn whole(number: impl TryInto<i64>) -> i64 {
    number.try_into().unwrap_or(i64::MAX)
}

#[cfg(test)]
mod tests {
    use ballast_metrics::Format;
    use ballast_model::{ids::AgentId, time::Timestamp};

    use super::*;

    fn told(gauges: &Gauges) -> String {
        let mut registry = Registry::default();
        gauges.add_to(&mut registry);
        registry.text(Format::Prometheus)
    }

    #[test]
    fn agents_beyond_the_bound_are_told_together_and_those_that_are_gone_no_more() {
        let agent = |number: u8, liveness, load_balancers| AgentSummary {
            id: AgentId::from_u128(number.into()),
            host: format!("h{number}"),
            liveness,
            admin_state_up: number != 2,
            load_balancers,
            silent_for: Duration::from_secs(number.into()),
        };
        let agents = [
            agent(1, Liveness::Alive, 3),
            agent(2, Liveness::Dead, 4),
            agent(3, Liveness::Suspect, 5),
            agent(4, Liveness::Alive, 6),
        ];
        let gauges = Gauges::default();
        gauges.show_agents(&agents, 2);
        let text = told(&gauges);
        for line in [
            "ballast_agents{liveness=\"alive\",admin=\"up\"} 2",
            "ballast_agents{liveness=\"dead\",admin=\"down\"} 1",
            "ballast_agents{liveness=\"dead\",admin=\"up\"} 0",
            "ballast_agent_load_balancers{host=\"h2\"} 4",
            "ballast_agent_load_balancers{host=\"other\"} 11",
            "ballast_agent_heartbeat_age_seconds{host=\"other\"} 4.0",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
        gauges.show_agents(&agents[..1], 2);
        let text = told(&gauges);
        assert!(!text.contains("h2") && !text.contains("other"), "{text}");
    }

    #[test]
    fn load_balancers_and_members_are_told_by_their_status_and_the_oldest_change_by_its_age() {
        let gauges = Gauges::default();
        let figures = Figures {
            load_balancers: [(("haproxy".to_owned(), ProvisioningStatus::Error), 2)].into(),
            members: [5, 4, 0, 3, 2, 1],
            pending: vec![(ProvisioningStatus::PendingUpdate, Timestamp(1_000_000))],
        };
        gauges.show(&figures, 4_500_000);
        let text = told(&gauges);
        for line in [
            "ballast_load_balancers{provider=\"haproxy\",provisioning_status=\"ERROR\"} 2",
            "ballast_members{health=\"up\"} 5",
            "ballast_members{health=\"down\"} 3",
            "ballast_members{health=\"draining\"} 2",
            "ballast_members{health=\"unknown\"} 5",
            "ballast_pending_oldest_seconds{status=\"PENDING_UPDATE\"} 3.5",
            "ballast_pending_oldest_seconds{status=\"PENDING_CREATE\"} 0.0",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
        gauges.show(&Figures::default(), 0);
        assert!(!told(&gauges).contains("haproxy"));
    }
}
