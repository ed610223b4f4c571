//! Agents. Their drivers are one column: they are read and written together, and never searched.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ballast_model::{
    agent::{Agent, AgentDriver, DriverOptions, DriverState, Session, Unclaimed},
    fault::Fault,
    plugs::Plugs,
    time::Timestamp,
};
use sea_orm::{NotSet, Set, entity::prelude::*};
use serde::{Deserialize, Serialize};

use crate::codec::{from_json, json, member_of, natural};

#[derive(Clone, Debug, PartialEq, Eq, DeriveEntityModel)]
#[sea_orm(table_name = "agent")]
pub struct Model {
    #[sea_orm(primary_key)]
    pub seq: i64,
    #[sea_orm(unique)]
    pub id: Uuid,
    #[sea_orm(unique)]
    pub host: String,
    pub admin_state_up: bool,
    pub description: Option<String>,
    pub version: String,
    pub created_at: i64,
    pub started_at: i64,
    pub heartbeat_at: i64,
    pub connected: bool,
    pub drivers: String,
    /// With which scheduler it has a session.
    pub scheduler_id: Option<Uuid>,
    /// Which process of the agent has it.
    pub instance: String,
    pub zone: String,
    pub unclaimed: i64,
    /// Of some of these, a line each.
    pub unclaimed_ids: String,
}

#[derive(Copy, Clone, Debug, EnumIter, DeriveRelation)]
pub enum Relation {}

impl ActiveModelBehavior for ActiveModel {}

#[derive(Serialize, Deserialize)]
struct StoredDriver {
    name: String,
    version: String,
    state: String,
    reason: String,
    features: Vec<String>,
    max_load_balancers: u32,
    /// Absent in what earlier versions wrote.
    #[serde(default)]
    max_members: u32,
    #[serde(default)]
    full: bool,
    #[serde(default)]
    network_types: BTreeSet<String>,
    #[serde(default)]
    physical_networks: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    remarks: Vec<String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    flavor_options: BTreeMap<String, String>,
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    availability_zone_options: BTreeMap<String, String>,
}

impl ActiveModel {
    pub(crate) fn of(agent: &Agent) -> Result<Self, Fault> {
        let stored = |driver: &AgentDriver| StoredDriver {
            name: driver.name.clone(),
            version: driver.version.clone(),
            state: driver.state.as_str().to_owned(),
            reason: driver.reason.clone(),
            features: driver.features.iter().cloned().collect(),
            max_load_balancers: driver.max_load_balancers,
            max_members: driver.max_members,
            full: driver.full,
            network_types: driver.plugs.network_types.clone(),
            physical_networks: driver.plugs.physical_networks.clone(),
            remarks: driver.remarks.clone(),
            flavor_options: driver.options.flavor.clone(),
            availability_zone_options: driver.options.availability_zone.clone(),
        };
        Ok(Self {
            seq: NotSet,
            id: Set(agent.id.uuid()),
            host: Set(agent.host.clone()),
            zone: Set(agent.zone.clone()),
            unclaimed: Set(agent.unclaimed.count.into()),
            unclaimed_ids: Set(agent.unclaimed.ids.join("\n")),
            admin_state_up: Set(agent.admin_state_up),
            description: Set(agent.description.clone()),
            version: Set(agent.version.clone()),
            created_at: Set(agent.created_at.0),
            started_at: Set(agent.started_at.0),
            heartbeat_at: Set(agent.heartbeat_at.0),
            connected: Set(agent.connected),
            drivers: Set(json(&agent.drivers.iter().map(stored).collect::<Vec<_>>())?),
            scheduler_id: Set(agent.session.as_ref().map(|session| session.scheduler_id.uuid())),
            instance: Set(agent.session.as_ref().map(|session| session.instance.clone()).unwrap_or_default()),
        })
    }
}

impl Model {
    /// `loads`: how many load balancers are bound to each of its drivers.
    pub(crate) fn into_agent(self, loads: &HashMap<String, u32>) -> Result<Agent, Fault> {
        let drivers: Vec<StoredDriver> = from_json("drivers", &self.drivers)?;
        let driver = |stored: StoredDriver| {
            Ok(AgentDriver {
                state: member_of("drivers", &stored.state, DriverState::parse)?,
                load_balancers: loads.get(&stored.name).copied().unwrap_or(0),
                name: stored.name,
                version: stored.version,
                reason: stored.reason,
                features: stored.features.into_iter().collect(),
                max_load_balancers: stored.max_load_balancers,
                max_members: stored.max_members,
                full: stored.full,
                plugs: Plugs { network_types: stored.network_types, physical_networks: stored.physical_networks },
                remarks: stored.remarks,
                options: DriverOptions {
                    flavor: stored.flavor_options,
                    availability_zone: stored.availability_zone_options,
                },
            })
        };
        Ok(Agent {
            id: self.id.into(),
            host: self.host,
            zone: self.zone,
            unclaimed: Unclaimed {
                count: natural("unclaimed", self.unclaimed)?,
                ids: self.unclaimed_ids.lines().map(str::to_owned).collect(),
            },
            admin_state_up: self.admin_state_up,
            description: self.description,
            version: self.version,
            created_at: Timestamp(self.created_at),
            started_at: Timestamp(self.started_at),
            heartbeat_at: Timestamp(self.heartbeat_at),
            connected: self.connected,
            session: self.scheduler_id.map(|id| Session { scheduler_id: id.into(), instance: self.instance }),
            drivers: drivers.into_iter().map(driver).collect::<Result<_, Fault>>()?,
            load_balancers: loads.values().sum(),
        })
    }
}
