//! What an agent tells of itself, its drivers and the traffic of its load balancers.
//!
//! Traffic is what drivers are asked about each second anyway ([`traffic`]); nobody is asked because somebody looks.

pub(crate) mod traffic;

use std::{fs, sync::Arc};

use ballast_metrics::{Counter, Family, Gauge, Registry, Word, label, labels};
use ballast_proto::agent::DriverState;
use ballast_service::{
    clock::Clock,
    metrics::{Awaited, Component, Told, registry},
};

use self::traffic::Traffic;
use crate::{
    drivers::DriverSet, ledger::Ledger, uplink::Uplink, warden::client::Counted as Conflicts, workers::Workers,
};

label! { enum State { Starting = "starting", Ready = "ready", Failed = "failed" } }

labels! { struct Is { driver: Word, state: State } }
labels! { struct Of { driver: Word } }

#[derive(Debug, Clone, Default)]
struct Gauges {
    connected: Gauge,
    states: Family<Is, Gauge>,
    resident: Family<Of, Gauge>,
    aside: Gauge,
    unclaimed: Gauge,
}

/// What an agent tells.
pub(crate) struct Shown {
    registry: Registry,
    gauges: Gauges,
    of: Sources,
}

/// Whom it asks.
pub(crate) struct Sources {
    pub(crate) drivers: Arc<DriverSet>,
    pub(crate) ledger: Ledger,
    pub(crate) workers: Workers,
    pub(crate) uplink: Uplink,
    pub(crate) traffic: Traffic,
    /// Of the bridge that has most.
    pub(crate) bridge_ports: Gauge,
    pub(crate) conflicts: Conflicts,
}

impl Shown {
    pub(crate) fn new(of: Sources, clock: &Clock) -> Self {
        let (mut registry, gauges) = (registry(Component::Agent, clock), Gauges::default());
        registry.add("ballast_agent_connected", "A session with a scheduler is open", &gauges.connected);
        let again: &Counter = of.uplink.reconnects();
        registry.add("ballast_agent_reconnects_total", "Sessions that were opened after another one", again);
        of.drivers.metrics().add_to(&mut registry);
        registry.add("ballast_driver_state", "1 for the state that a driver is in", &gauges.states);
        registry.add("ballast_driver_resident_bytes", "Resident memory of a driver's process", &gauges.resident);
        registry.add(
            "ballast_ledger_write_duration_seconds",
            "Writes of the ledger, until they are on the disk",
            of.ledger.writes(),
        );
        registry.add("ballast_ledger_aside", "Files of the ledger that could not be read", &gauges.aside);
        registry.add(
            "ballast_agent_unclaimed",
            "Load balancers that go on running here though no scheduler names them",
            &gauges.unclaimed,
        );
        registry.add("ballast_bridge_ports", "Ports of the bridge of this host that has most", &of.bridge_ports);
        registry.add(
            "ballast_address_conflicts_defended_total",
            "Others said that an address of a load balancer here is theirs, and were answered",
            &of.conflicts.defended,
        );
        registry.add(
            "ballast_address_conflicts_withdrawn_total",
            "Others said so while no scheduler could be asked, and the load balancer was let go of",
            &of.conflicts.withdrawn,
        );
        of.traffic.add_to(&mut registry);
        Self { registry, gauges, of }
    }

    fn read(&self) {
        self.gauges.connected.set(self.of.uplink.is_open().into());
        self.gauges.aside.set(self.of.ledger.aside());
        self.gauges.unclaimed.set(i64::try_from(self.of.workers.unclaimed().len()).unwrap_or(i64::MAX));
        self.gauges.states.clear();
        for report in self.of.drivers.reports() {
            let driver = Word::new(&report.name);
            let now = match report.state() {
                DriverState::Ready => State::Ready,
                DriverState::Starting => State::Starting,
                DriverState::Failed | DriverState::Unspecified => State::Failed,
            };
            for state in State::ALL {
                let is_so = self.gauges.states.get_or_create_owned(&Is { driver: driver.clone(), state: *state });
                // Of two files that are told by one word the worse state counts.
                is_so.set(is_so.get().max((now == *state).into()));
            }
        }
        self.gauges.resident.clear();
        for (driver, pid) in self.of.drivers.processes() {
            let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
            if let Some(bytes) = ballast_metrics::resident(&status) {
                let bytes = i64::try_from(bytes).unwrap_or(i64::MAX);
                self.gauges.resident.get_or_create(&Of { driver: Word::new(&driver) }).set(bytes);
            }
        }
        self.of.traffic.show();
    }
}

impl Told for Shown {
    fn registry(&self) -> &Registry {
        &self.registry
    }

    fn refresh(&self) -> Awaited<'_, ()> {
        Box::pin(async { self.read() })
    }

    /// An agent without a scheduler serves what it has.
    fn ready(&self) -> Awaited<'_, Result<String, String>> {
        let said = if self.of.uplink.is_open() {
            "a session with a scheduler is open"
        } else {
            "no session with a scheduler; what is deployed here is served"
        };
        Box::pin(async { Ok(said.to_owned()) })
    }
}
