//! `/v2.0/agents`
//!
//! Agents are as Neutron shows its own, so that its client prints them; what Neutron had no place for is in
//! `configurations`.

use axum::{extract::State, http::StatusCode};
use ballast_proto::{
    status::{fault::Code, from_status},
    v1::{Agent, AgentDriver, DeleteAgentRequest, GetRequest, ListRequest, Liveness, Staying, UpdateAgentRequest},
};
use jiff::Timestamp;
use serde::{Serialize, ser::SerializeMap};
use serde_json::json;

use super::pools::POOL;
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        at::At,
        attributes::{Attribute, Attributes, Kind, Resource},
        payload::Payload,
        query::{List, Query, View},
        refusal::Refusal,
        reply::{self, Fields, Keys, Reply, Shown, present},
        table::{Does, Routes},
    },
};

const AGENT_TYPE: &str = "Loadbalancer agent";
const BINARY: &str = "neutron-lbaas-agent";
const TOPIC: &str = "n-lbaas_agent";

pub(crate) const AGENT: Resource = Resource {
    one: "agent",
    many: "agents",
    links: "agents_links",
    attributes: &[
        Attribute::read_only("id", Kind::Uuid),
        Attribute::read_only("agent_type", Kind::Constant(AGENT_TYPE)),
        Attribute::read_only("binary", Kind::Constant(BINARY)),
        Attribute::read_only("topic", Kind::Constant(TOPIC)),
        Attribute::read_only("host", Kind::Text),
        Attribute::read_only("admin_state_up", Kind::Flag).mutable(),
        Attribute::read_only("created_at", Kind::Text).or_null(),
        Attribute::read_only("started_at", Kind::Text).or_null(),
        Attribute::read_only("heartbeat_timestamp", Kind::Text).or_null().called("heartbeat_at"),
        Attribute::read_only("alive", Kind::Flag),
        Attribute::read_only("configurations", Kind::Text).like(|| json!({ "type": "object" })),
        Attribute::read_only("description", Kind::Text).mutable().or_null(),
    ],
};

pub(crate) fn routes() -> Routes {
    const ITEM: &str = "/v2.0/agents/{id}";
    Routes::new()
        .serve("/v2.0/agents", Does::ListWhole(&AGENT), "get_agents", list)
        .serve("/v2.0/agents", Does::Refuse(&AGENT), "create_agent", create)
        .show(ITEM, &AGENT, show)
        .update(ITEM, &AGENT, update)
        .delete(ITEM, &AGENT, delete)
        .serve("/v2.0/agents/{id}/loadbalancer-pools", Does::ListAll(&POOL), "get_loadbalancer-pools", pools)
}

/// Agents make themselves. The map has no `tenant_id`, so every body is refused, as Neutron refuses it.
async fn create(caller: Caller, body: Payload) -> Reply {
    AGENT.post(body.post()?, caller.project())?;
    Err(Refusal::Unrouted)
}

async fn list(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    let mut list = query.list_whole(&AGENT)?;
    let alive = take_alive(&mut list);
    if list.nothing {
        return Ok(reply::many::<Agent>(&AGENT, &[], &list.view));
    }
    let mut agents = gateway.scheduler.agents().list(caller.request(list.request)).await?.into_inner().agents;
    if let Some(alive) = alive {
        agents.retain(|agent| is_alive(agent) == alive);
    }
    Ok(reply::many(&AGENT, &agents, &list.view))
}

async fn show(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let agent = gateway.scheduler.agents().get(caller.request(GetRequest { id })).await;
    let agent = agent.map_err(|status| refused(&caller, status))?.into_inner();
    Ok(reply::one(&AGENT, &agent, &query.fields()))
}

async fn update(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, body: Payload) -> Reply {
    let (attributes, mask) = AGENT.put(body.put()?)?;
    let agent = Agent { id, ..decode(attributes) };
    let request = caller.request(UpdateAgentRequest { agent: Some(agent), update_mask: Some(mask) });
    let changed = gateway.scheduler.agents().update(request).await.map_err(|status| refused(&caller, status))?;
    Ok(reply::one(&AGENT, changed.get_ref(), &Fields::default()))
}

/// `?force=true`: also where it has something.
async fn delete(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>, query: Query) -> Reply {
    let force = match query.last("force") {
        None | Some("false" | "False" | "0") => false,
        Some("true" | "True" | "1") => true,
        Some(other) => return Err(Refusal::invalid("force", &format!("'{other}' is neither true nor false"))),
    };
    let deleted = gateway.scheduler.agents().delete(caller.request(DeleteAgentRequest { id, force })).await;
    deleted.map_err(|status| refused(&caller, status))?;
    Ok(reply::gone())
}

/// Who is no admin is not even told what it is that is not there.
fn refused(caller: &Caller, status: tonic::Status) -> Refusal {
    if caller.is_admin() || from_status(&status).code() != Code::AgentNotFound {
        return status.into();
    }
    let message = "The resource could not be found.".to_owned();
    Refusal::Http { status: StatusCode::NOT_FOUND, kind: "HTTPNotFound", message }
}

/// The pools that an agent hosts, always all of them and whole.
async fn pools(State(gateway): State<Gateway>, caller: Caller, At(id): At<String>) -> Reply {
    let pools = gateway.scheduler.agents().list_pools(caller.request(GetRequest { id })).await?.into_inner().pools;
    Ok(reply::many(&POOL, &pools, &View::default()))
}

fn decode(mut attributes: Attributes) -> Agent {
    Agent {
        admin_state_up: attributes.flag("admin_state_up").unwrap_or_default(),
        description: attributes.text("description"),
        ..Agent::default()
    }
}

/// Neutron's boolean is about the age of the last heartbeat alone, and so is not a field of the scheduler's.
fn is_alive(agent: &Agent) -> bool {
    matches!(agent.liveness(), Liveness::Alive | Liveness::Suspect)
}

/// Takes the filter on `alive` out of the request. As in Neutron, the first value counts.
fn take_alive(list: &mut List<ListRequest>) -> Option<bool> {
    let index = list.request.filters.iter().position(|filter| filter.field == "alive")?;
    let filter = list.request.filters.remove(index);
    filter.values.first().map(|value| value == "true")
}

impl Shown for Agent {
    fn id(&self) -> &str {
        &self.id
    }

    fn show<M: SerializeMap>(&self, keys: &mut Keys<'_, M>) -> Result<(), M::Error> {
        keys.put("id", &self.id)?;
        keys.put("agent_type", AGENT_TYPE)?;
        keys.put("binary", BINARY)?;
        keys.put("topic", TOPIC)?;
        keys.put("host", &self.host)?;
        keys.put("admin_state_up", &self.admin_state_up)?;
        keys.put("alive", &is_alive(self))?;
        keys.put("description", &present(&self.description))?;
        keys.make("created_at", || self.created_at.as_ref().and_then(time))?;
        keys.make("started_at", || self.started_at.as_ref().and_then(time))?;
        keys.make("heartbeat_timestamp", || self.heartbeat_at.as_ref().and_then(time))?;
        keys.make("configurations", || Configurations::from(self))
    }
}

/// `2015-01-01 00:00:00.123456`
fn time(time: &prost_types::Timestamp) -> Option<String> {
    let time = Timestamp::new(time.seconds, time.nanos).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}

#[derive(Serialize)]
struct Configurations<'a> {
    /// Drivers that are ready, as Neutron spells such names.
    device_drivers: Vec<String>,
    instances: u32,
    /// Where its host is; absent: it does not say.
    #[serde(skip_serializing_if = "Option::is_none")]
    zone: Option<&'a str>,
    drivers: Vec<DriverShown<'a>>,
    /// Of one that is switched off and was asked for by itself.
    #[serde(skip_serializing_if = "Option::is_none")]
    emptying: Option<EmptyingShown<'a>>,
    /// Absent: there are none.
    #[serde(skip_serializing_if = "Option::is_none")]
    unclaimed: Option<UnclaimedShown<'a>>,
}

/// What it goes on running though no scheduler knows it.
#[derive(Serialize)]
struct UnclaimedShown<'a> {
    load_balancers: u32,
    /// Some of them.
    load_balancer_ids: &'a [String],
}

/// What becomes of what an agent has that is switched off.
#[derive(Serialize)]
struct EmptyingShown<'a> {
    /// How many another agent makes ready now.
    moving: u32,
    staying: Vec<StayingShown<'a>>,
}

/// Those that nobody else can run now.
#[derive(Serialize)]
struct StayingShown<'a> {
    why: &'a str,
    load_balancers: u32,
    /// Some of them.
    load_balancer_ids: &'a [String],
}

fn staying(one: &Staying) -> StayingShown<'_> {
    StayingShown { why: &one.why, load_balancers: one.load_balancers, load_balancer_ids: &one.load_balancer_ids }
}

/// A driver, with why it failed when it did, the networks that it can plug into, if it told, and what its host lacks.
#[derive(Serialize)]
struct DriverShown<'a> {
    name: &'a str,
    version: &'a str,
    state: &'a str,
    reason: Option<&'a str>,
    network_types: &'a [String],
    physical_networks: &'a [String],
    remarks: &'a [String],
}

impl<'a> From<&'a Agent> for Configurations<'a> {
    fn from(agent: &'a Agent) -> Self {
        let ready = agent.drivers.iter().filter(|driver| driver.state == "READY");
        let shown = |driver: &'a AgentDriver| DriverShown {
            name: &driver.name,
            version: &driver.version,
            state: &driver.state,
            reason: present(&driver.reason),
            network_types: &driver.network_types,
            physical_networks: &driver.physical_networks,
            remarks: &driver.remarks,
        };
        Self {
            device_drivers: ready.map(|driver| driver.name.replace('-', "_")).collect(),
            instances: agent.load_balancers,
            zone: present(&agent.zone),
            drivers: agent.drivers.iter().map(shown).collect(),
            emptying: agent
                .emptying
                .as_ref()
                .map(|one| EmptyingShown { moving: one.moving, staying: one.staying.iter().map(staying).collect() }),
            unclaimed: (agent.unclaimed > 0)
                .then_some(UnclaimedShown { load_balancers: agent.unclaimed, load_balancer_ids: &agent.unclaimed_ids }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_are_shown_in_utc_with_microseconds() {
        let shown = time(&prost_types::Timestamp { seconds: 1_420_070_400, nanos: 123_456_789 });
        assert_eq!(shown.as_deref(), Some("2015-01-01 00:00:00.123456"));
        let whole = time(&prost_types::Timestamp { seconds: 0, nanos: 0 });
        assert_eq!(whole.as_deref(), Some("1970-01-01 00:00:00.000000"));
        assert_eq!(time(&prost_types::Timestamp { seconds: i64::MAX, nanos: 0 }), None);
    }

    #[test]
    fn a_suspect_agent_is_alive_for_neutron() {
        for (liveness, alive) in [
            (Liveness::Alive, true),
            (Liveness::Suspect, true),
            (Liveness::Dead, false),
            (Liveness::Unspecified, false),
        ] {
            assert_eq!(is_alive(&Agent { liveness: liveness.into(), ..Agent::default() }), alive);
        }
    }
}
