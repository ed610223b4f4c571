//! Agents: the hosts that run load balancers, and the drivers that do it there.

use askama::Template;
use ballast_proto::v1::{self, Agent, AgentDriver};

use super::{badge::Badge, time::Moment};

/// A driver on a host.
struct Driver {
    name: String,
    version: String,
    state: Badge,
    reason: String,
    features: Vec<String>,
    networks: String,
    remarks: Vec<String>,
}

/// An agent.
struct Row {
    id: String,
    host: String,
    badge: Badge,
    is_up: bool,
    heard: Option<Moment>,
    started: Option<Moment>,
    version: String,
    description: String,
    load_balancers: u32,
    drivers: Vec<Driver>,
    emptying: Option<Emptying>,
    unclaimed: u32,
    /// Some of these.
    unclaimed_ids: Vec<String>,
}

/// What becomes of what it has, if it is switched off.
struct Emptying {
    moving: u32,
    staying: Vec<Staying>,
}

/// Those that nobody else can run now.
struct Staying {
    why: String,
    load_balancers: u32,
    ids: Vec<String>,
}

#[derive(Template)]
#[template(path = "agents.html")]
pub(crate) struct Agents {
    rows: Vec<Row>,
}

#[derive(Template)]
#[template(path = "agent.html")]
pub(crate) struct One {
    row: Row,
}

impl Agents {
    pub(crate) fn of(agents: &[Agent], now: jiff::Timestamp) -> Self {
        let mut rows: Vec<_> = agents.iter().map(|agent| row(agent, now)).collect();
        rows.sort_by(|a, b| (a.badge.tone, &a.host).cmp(&(b.badge.tone, &b.host)));
        Self { rows }
    }
}

impl One {
    pub(crate) fn of(agent: &Agent, now: jiff::Timestamp) -> Self {
        Self { row: row(agent, now) }
    }
}

fn row(agent: &Agent, now: jiff::Timestamp) -> Row {
    Row {
        id: agent.id.clone(),
        host: agent.host.clone(),
        badge: Badge::liveness(agent.liveness()),
        is_up: agent.admin_state_up,
        heard: Moment::maybe(agent.heartbeat_at.as_ref(), now),
        started: Moment::maybe(agent.started_at.as_ref(), now),
        version: agent.version.clone(),
        description: agent.description.clone(),
        load_balancers: agent.load_balancers,
        drivers: agent.drivers.iter().map(driver).collect(),
        emptying: agent.emptying.as_ref().map(emptying),
        unclaimed: agent.unclaimed,
        unclaimed_ids: agent.unclaimed_ids.clone(),
    }
}

fn emptying(of: &v1::Emptying) -> Emptying {
    let staying = |one: &v1::Staying| Staying {
        why: one.why.clone(),
        load_balancers: one.load_balancers,
        ids: one.load_balancer_ids.clone(),
    };
    Emptying { moving: of.moving, staying: of.staying.iter().map(staying).collect() }
}

fn driver(one: &AgentDriver) -> Driver {
    let networks = match (one.network_types.is_empty(), one.physical_networks.is_empty()) {
        (true, _) => "it does not say".to_owned(),
        (false, true) => one.network_types.join(", "),
        (false, false) => format!("{} on {}", one.network_types.join(", "), one.physical_networks.join(", ")),
    };
    Driver {
        name: one.name.clone(),
        version: one.version.clone(),
        state: Badge::driver(&one.state),
        reason: one.reason.clone(),
        features: one.features.clone(),
        networks,
        remarks: one.remarks.clone(),
    }
}
