//! What the scheduler measures as it happens. What is a matter of its state is read when somebody looks ([`shown`]).
//!
//! All of it is atomic numbers that were found before, or are found by a number: counting takes no lock.

mod acme;
pub(crate) mod calls;
mod certificates;
pub(crate) mod lags;
pub(crate) mod shown;

use std::time::Duration;

use ballast_metrics::{Counter, Gauge, Long, Registry, Slots, Timing, Word, label, labels};
use ballast_model::quota::Resource;
use ballast_service::{config::Settings, metrics::auth::AuthCounts, rate::RateCounts};

use self::{acme::Acme, calls::Calls, certificates::Certificates, lags::Lags};
pub(crate) use self::{acme::Attempted, certificates::Ending};
use crate::placement::POLICIES;

label! {
    /// How a deploy ended.
    pub enum Settled { Active = "active", Error = "error" }
}

label! {
    /// What came of looking for an agent.
    pub enum Placed { Placed = "placed", NoneEligible = "none_eligible" }
}

label! {
    /// What became of a load balancer of a Dead agent.
    pub enum FailedOver { Moved = "moved", Failed = "failed" }
}

label! {
    /// What an agent did about somebody else who said that an address is his.
    pub enum Conflict { Defended = "defended", Withdrawn = "withdrawn" }
}

label! {
    /// Why a standby became the active side.
    pub enum Takeover { Said = "sides", Ordered = "scheduler" }
}

label! {
    /// What the scheduler that leads does.
    pub enum Led {
        Upkeep = "upkeep",
        Failover = "failover",
        Draining = "draining",
        Placing = "placing",
        Sweeping = "sweeping",
        Issuing = "issuing",
        Warning = "warning",
        Looking = "looking",
    }
}

label! {
    /// By which number a report is not of now.
    pub enum Stale { Epoch = "epoch", Generation = "generation" }
}

labels! { struct Settling { provider: Word, outcome: Settled } }
labels! { struct Placing { policy: &'static str, outcome: Placed } }
labels! { struct FailingOver { outcome: FailedOver } }
labels! { struct Conflicting { outcome: Conflict } }
labels! { struct TakingOver { by: Takeover } }
labels! { struct Why { why: Stale } }
labels! { struct Refused { resource: &'static str } }
labels! { struct Leading { work: Led } }

/// What is counted.
#[derive(Debug)]
pub struct Metrics {
    pub(crate) calls: Calls,
    pub(crate) auth: AuthCounts,
    pub(crate) rates: RateCounts,
    pub(crate) calls_under_way: Gauge,
    pub(crate) calls_refused: Counter,
    /// Of those that are configured, in the order of their slots; the last slot is for others.
    providers: Vec<String>,
    settled: Slots<Settling, Timing<Long>>,
    placements: Slots<Placing, Counter>,
    failovers: Slots<FailingOver, Counter>,
    pub(crate) failover_paused: Gauge,
    conflicts: Slots<Conflicting, Counter>,
    takeovers: Slots<TakingOver, Counter>,
    pub(crate) standbys_missing: Gauge,
    pub(crate) standby_disputes: Gauge,
    pub(crate) drained: Counter,
    pub(crate) drain_left: Gauge,
    led: Slots<Leading, Counter>,
    stale: Slots<Why, Counter>,
    quota_refusals: Slots<Refused, Counter>,
    pub(crate) slow_readers: Counter,
    pub(crate) certificates: Certificates,
    pub(crate) acme: Acme,
    pub(crate) lags: Lags,
}

impl Metrics {
    /// Of what the configuration has.
    #[must_use]
    pub fn new(settings: &Settings) -> Self {
        let providers: Vec<String> = settings.providers.iter().map(|one| one.name.to_lowercase()).collect();
        let named = providers.iter().map(|name| Word::new(name)).chain([Word::other()]);
        let settling = named.flat_map(|provider| {
            Settled::ALL.iter().map(move |outcome| Settling { provider: provider.clone(), outcome: *outcome })
        });
        let policy = POLICIES.into_iter().find(|name| *name == settings.placement.policy).unwrap_or_default();
        let placing = Placed::ALL.iter().map(|outcome| Placing { policy, outcome: *outcome });
        let failing_over = FailedOver::ALL.iter().map(|outcome| FailingOver { outcome: *outcome });
        Self {
            calls: Calls::default(),
            auth: AuthCounts::new(settings.auth.mode),
            rates: RateCounts::default(),
            calls_under_way: Gauge::default(),
            calls_refused: Counter::default(),
            settled: Slots::new(settling).all_told(),
            providers,
            placements: Slots::new(placing).all_told(),
            failovers: Slots::new(failing_over).all_told(),
            failover_paused: Gauge::default(),
            conflicts: Slots::new(Conflict::ALL.iter().map(|outcome| Conflicting { outcome: *outcome })).all_told(),
            takeovers: Slots::new(Takeover::ALL.iter().map(|by| TakingOver { by: *by })).all_told(),
            standbys_missing: Gauge::default(),
            standby_disputes: Gauge::default(),
            drained: Counter::default(),
            drain_left: Gauge::default(),
            led: Slots::new(Led::ALL.iter().map(|work| Leading { work: *work })).all_told(),
            stale: Slots::new(Stale::ALL.iter().map(|why| Why { why: *why })).all_told(),
            quota_refusals: Slots::new(Resource::ALL.map(|one| Refused { resource: one.noun() })).all_told(),
            slow_readers: Counter::default(),
            certificates: Certificates::default(),
            acme: Acme::default(),
            lags: Lags::default(),
        }
    }

    /// An outcome has settled what was written so long ago.
    pub(crate) fn settled(&self, provider: &str, took: Duration, outcome: Settled) {
        let known = self.providers.iter().position(|name| name == provider).unwrap_or(self.providers.len());
        if let Some(timing) = self.settled.at(known * Settled::ALL.len() + outcome as usize) {
            timing.note(took);
        }
    }

    /// An agent was looked for.
    pub(crate) fn placed(&self, outcome: Placed) {
        count(&self.placements, outcome as usize);
    }

    pub(crate) fn failed_over(&self, outcome: FailedOver) {
        count(&self.failovers, outcome as usize);
    }

    pub(crate) fn conflict(&self, outcome: Conflict) {
        count(&self.conflicts, outcome as usize);
    }

    pub(crate) fn took_over(&self, by: Takeover) {
        count(&self.takeovers, by as usize);
    }

    /// One round of what the scheduler that leads does.
    pub(crate) fn worked(&self, work: Led) {
        count(&self.led, work as usize);
    }

    /// A report was dropped.
    pub(crate) fn stale(&self, why: Stale) {
        count(&self.stale, why as usize);
    }

    /// A project has as many as it may.
    pub(crate) fn refused(&self, resource: Resource) {
        if let Some(number) = Resource::ALL.iter().position(|one| *one == resource) {
            count(&self.quota_refusals, number);
        }
    }

    fn add_to(&self, registry: &mut Registry) {
        self.calls.add_to(registry);
        self.auth.add_to(registry);
        self.rates.add_to(registry);
        registry.add("ballast_rpc_server_active_calls", "Calls of the API that are under way", &self.calls_under_way);
        registry.add(
            "ballast_rpc_server_refused_calls_total",
            "Calls that were refused, as many were under way",
            &self.calls_refused,
        );
        self.certificates.add_to(registry);
        self.acme.add_to(registry);
        registry.add(
            "ballast_settle_duration_seconds",
            "From a write to the outcome of the deploy that settles it",
            &self.settled,
        );
        registry.add("ballast_placements_total", "Agents that were looked for, for a load balancer", &self.placements);
        registry.add("ballast_failovers_total", "Load balancers of Dead agents", &self.failovers);
        registry.add("ballast_failover_paused", "Nothing moves: too many agents are Dead", &self.failover_paused);
        registry.add(
            "ballast_address_conflicts_total",
            "Others said on a network that an address of a load balancer is theirs",
            &self.conflicts,
        );
        registry.add("ballast_standby_takeovers_total", "Standbys that became the active side", &self.takeovers);
        registry.add(
            "ballast_standbys_missing",
            "Load balancers that are to have a standby and have none, at the scheduler that leads",
            &self.standbys_missing,
        );
        registry.add(
            "ballast_standby_disputes",
            "Load balancers of which both sides say that they answer, at the scheduler that leads",
            &self.standby_disputes,
        );
        registry.add("ballast_drained_total", "Load balancers moved off agents that are switched off", &self.drained);
        registry.add(
            "ballast_drain_left",
            "Load balancers that agents have yet that are switched off; 0 where none are moved",
            &self.drain_left,
        );
        registry.add("ballast_work_rounds_total", "Rounds of what the scheduler that leads does", &self.led);
        registry.add("ballast_stale_reports_total", "Reports of agents that were dropped", &self.stale);
        registry.add("ballast_quota_refusals_total", "Objects that a quota has refused", &self.quota_refusals);
        registry.add(
            "ballast_events_slow_readers_total",
            "Watches that were ended as their reader took nothing",
            &self.slow_readers,
        );
    }
}

fn count<L>(counters: &Slots<L, Counter>, number: usize) {
    if let Some(counter) = counters.at(number) {
        counter.inc();
    }
}

#[cfg(test)]
mod tests {
    use ballast_metrics::Format;
    use ballast_service::config::Provider;

    use super::*;

    #[test]
    fn what_is_counted_has_the_labels_of_what_it_is() {
        let mut settings = Settings::default();
        let provider = |name: &str| Provider { name: name.to_owned(), driver: "d".to_owned(), default: false };
        settings.providers = vec![provider("HAProxy"), provider("two words")];
        let (metrics, mut registry) = (Metrics::new(&settings), Registry::default());
        metrics.add_to(&mut registry);
        let second = Duration::from_secs(1);
        for (provider, outcome) in [
            ("haproxy", Settled::Active),
            ("haproxy", Settled::Error),
            ("two words", Settled::Error),
            ("gone", Settled::Active),
        ] {
            metrics.settled(provider, second, outcome);
        }
        metrics.placed(Placed::NoneEligible);
        metrics.failed_over(FailedOver::Failed);
        metrics.stale(Stale::Generation);
        Resource::ALL.into_iter().for_each(|resource| metrics.refused(resource));
        let text = registry.text(Format::Prometheus);
        for line in [
            "ballast_settle_duration_seconds_count{provider=\"haproxy\",outcome=\"active\"} 1",
            "ballast_settle_duration_seconds_count{provider=\"haproxy\",outcome=\"error\"} 1",
            "ballast_settle_duration_seconds_sum{provider=\"other\",outcome=\"active\"} 1.0",
            "ballast_placements_total{policy=\"chance\",outcome=\"placed\"} 0",
            "ballast_placements_total{policy=\"chance\",outcome=\"none_eligible\"} 1",
            "ballast_failovers_total{outcome=\"moved\"} 0",
            "ballast_failovers_total{outcome=\"failed\"} 1",
            "ballast_stale_reports_total{why=\"generation\"} 1",
            "ballast_quota_refusals_total{resource=\"load_balancer\"} 1",
            "ballast_quota_refusals_total{resource=\"l7rule\"} 1",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
    }
}
