//! `GET /ballast/v1/overview`: how many load balancers there are, and how they fare.

use axum::{extract::State, http::StatusCode};
use ballast_proto::v2::{
    AgentCount, AgentLiveness, Contested, FailoverCourse, OperatingCount, OperatingStatus, OverviewRequest,
    OverviewResponse, ProviderCount, ProvisioningCount, ProvisioningStatus,
};
use serde::{Serialize, Serializer};
use serde_json::{Value, json};

use super::{Time, only};
use crate::{
    Gateway,
    caller::Caller,
    kit::{
        query::Query,
        reply::{self, Reply},
        spelling::spell,
    },
};

pub(super) async fn show(State(gateway): State<Gateway>, caller: Caller, query: Query) -> Reply {
    only(&query, &["project_id"])?;
    let project_id = query.last("project_id").unwrap_or_default().to_owned();
    let request = caller.request(OverviewRequest { project_id, ..OverviewRequest::default() });
    let overview = gateway.scheduler.v2().overview().get(request).await?.into_inner();
    Ok(reply::wrapped(StatusCode::OK, "overview", &Shown::of(&overview, caller.is_admin())))
}

#[derive(Serialize)]
struct Shown<'a> {
    time: Option<Time<'a>>,
    cursor: &'a str,
    load_balancers: u64,
    provisioning_status: Counts<&'a [ProvisioningCount]>,
    operating_status: Counts<&'a [OperatingCount]>,
    providers: Counts<&'a [ProviderCount]>,
    members: Counts<&'a [OperatingCount]>,
    /// The load balancer that has each provisioning status for longest.
    oldest: Vec<Oldest<'a>>,
    /// Of which others said within the last hour that an address is theirs.
    contested: Vec<Conflict<'a>>,
    /// For admins.
    agents: Option<Vec<Agent<'a>>>,
    /// For admins; null: the scheduler is of a release that does not say so.
    failover: Option<Course>,
}

#[derive(Serialize)]
struct Conflict<'a> {
    loadbalancer_id: &'a str,
    count: u64,
    last_at: Option<Time<'a>>,
    what: &'a str,
}

#[derive(Serialize)]
struct Course {
    enabled: bool,
    paused: bool,
    dead: u32,
    of: u32,
    drains: bool,
}

#[derive(Serialize)]
struct Oldest<'a> {
    provisioning_status: Option<&'static str>,
    id: &'a str,
    since: Option<Time<'a>>,
}

#[derive(Serialize)]
struct Agent<'a> {
    id: &'a str,
    host: &'a str,
    liveness: Option<&'static str>,
    admin_state_up: bool,
    load_balancers: u64,
}

/// Numbers by names.
struct Counts<C>(C);

impl Serialize for Counts<&[ProvisioningCount]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(
            self.0.iter().map(|one| (spell::<ProvisioningStatus>(one.status).unwrap_or_default(), one.count)),
        )
    }
}

impl Serialize for Counts<&[OperatingCount]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer
            .collect_map(self.0.iter().map(|one| (spell::<OperatingStatus>(one.status).unwrap_or_default(), one.count)))
    }
}

impl Serialize for Counts<&[ProviderCount]> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|one| (&one.provider, one.count)))
    }
}

impl<'a> Shown<'a> {
    fn of(overview: &'a OverviewResponse, is_admin: bool) -> Self {
        let oldest = |one: &'a ProvisioningCount| Oldest {
            provisioning_status: spell::<ProvisioningStatus>(one.status),
            id: &one.oldest_id,
            since: one.oldest_since.as_ref().map(Time),
        };
        Self {
            time: overview.time.as_ref().map(Time),
            cursor: &overview.cursor,
            load_balancers: overview.load_balancers,
            provisioning_status: Counts(&overview.provisioning),
            operating_status: Counts(&overview.operating),
            providers: Counts(&overview.providers),
            members: Counts(&overview.members),
            oldest: overview.provisioning.iter().map(oldest).collect(),
            contested: overview.contested.iter().map(Conflict::from).collect(),
            failover: overview.failover.filter(|_| is_admin).map(Course::from),
            agents: is_admin.then(|| overview.agents.iter().map(Agent::from).collect()),
        }
    }
}

impl<'a> From<&'a Contested> for Conflict<'a> {
    fn from(one: &'a Contested) -> Self {
        let last_at = one.last_at.as_ref().map(Time);
        Self { loadbalancer_id: &one.load_balancer_id, count: one.count, last_at, what: &one.what }
    }
}

impl From<FailoverCourse> for Course {
    fn from(course: FailoverCourse) -> Self {
        let FailoverCourse { enabled, paused, dead, of, drains } = course;
        Self { enabled, paused, dead, of, drains }
    }
}

impl<'a> From<&'a AgentCount> for Agent<'a> {
    fn from(agent: &'a AgentCount) -> Self {
        Self {
            id: &agent.id,
            host: &agent.host,
            liveness: match agent.liveness() {
                AgentLiveness::Unspecified => None,
                AgentLiveness::Alive => Some("alive"),
                AgentLiveness::Suspect => Some("suspect"),
                AgentLiveness::Dead => Some("dead"),
            },
            admin_state_up: agent.admin_state_up,
            load_balancers: agent.load_balancers,
        }
    }
}

pub(super) fn schema() -> Value {
    let (text, number) = (json!({ "type": "string" }), json!({ "type": "integer", "minimum": 0 }));
    let counts = json!({ "type": "object", "additionalProperties": number });
    let oldest = json!({ "type": "object", "properties": {
        "provisioning_status": text, "id": text, "since": { "type": ["string", "null"] }
    } });
    let agent = json!({ "type": "object", "properties": {
        "id": text, "host": text, "liveness": { "enum": ["alive", "suspect", "dead", null] },
        "admin_state_up": { "type": "boolean" }, "load_balancers": number
    } });
    let flag = json!({ "type": "boolean" });
    let contested = json!({ "type": "object", "properties": {
        "loadbalancer_id": text, "count": number, "last_at": { "type": ["string", "null"] }, "what": text
    } });
    let course = json!({ "type": ["object", "null"], "properties": {
        "enabled": flag, "paused": flag, "dead": number, "of": number, "drains": flag
    } });
    let overview = json!({ "type": "object", "properties": {
        "time": { "type": ["string", "null"] }, "cursor": text, "load_balancers": number, "provisioning_status": counts,
        "operating_status": counts, "providers": counts, "members": counts,
        "oldest": { "type": "array", "items": oldest }, "contested": { "type": "array", "items": contested },
        "agents": { "type": ["array", "null"], "items": agent }, "failover": course
    } });
    json!({ "type": "object", "required": ["overview"], "properties": { "overview": overview } })
}
