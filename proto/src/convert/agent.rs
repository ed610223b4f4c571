//! Agents and what they report.

use ballast_model::{
    agent::{Agent, AgentDriver, DriverOptions, DriverState, Liveness, REMARKS},
    plugs::Plugs,
    time::Timestamp,
    told::told,
};

use crate::{agent, driver, v1};

/// A time on the wire.
#[must_use]
pub fn timestamp(time: Timestamp) -> prost_types::Timestamp {
    let nanos = time.0.rem_euclid(1_000_000) * 1_000;
    prost_types::Timestamp { seconds: time.0.div_euclid(1_000_000), nanos: i32::try_from(nanos).unwrap_or(0) }
}

/// The agent as clients see it.
#[must_use]
pub fn to_agent(agent: &Agent, liveness: Liveness) -> v1::Agent {
    v1::Agent {
        id: agent.id.to_string(),
        host: agent.host.clone(),
        admin_state_up: agent.admin_state_up,
        liveness: match liveness {
            Liveness::Alive => v1::Liveness::Alive,
            Liveness::Suspect => v1::Liveness::Suspect,
            Liveness::Dead => v1::Liveness::Dead,
        }
        .into(),
        description: agent.description.clone().unwrap_or_default(),
        version: agent.version.clone(),
        created_at: Some(timestamp(agent.created_at)),
        started_at: Some(timestamp(agent.started_at)),
        heartbeat_at: Some(timestamp(agent.heartbeat_at)),
        drivers: agent.drivers.iter().map(to_agent_driver).collect(),
        load_balancers: agent.load_balancers,
        emptying: None,
        zone: agent.zone.clone(),
        unclaimed: agent.unclaimed.count,
        unclaimed_ids: agent.unclaimed.ids.clone(),
    }
}

fn to_agent_driver(driver: &AgentDriver) -> v1::AgentDriver {
    v1::AgentDriver {
        name: driver.name.clone(),
        version: driver.version.clone(),
        state: driver.state.as_str().to_owned(),
        reason: driver.reason.clone(),
        features: driver.features.iter().cloned().collect(),
        network_types: driver.plugs.network_types.iter().cloned().collect(),
        physical_networks: driver.plugs.physical_networks.iter().cloned().collect(),
        remarks: driver.remarks.clone(),
    }
}

/// What an agent reported of a driver. A report without capabilities keeps those of `known`, the last report.
#[must_use]
pub fn from_driver_report(report: &agent::DriverReport, known: Option<&AgentDriver>) -> AgentDriver {
    let state = match agent::DriverState::try_from(report.state) {
        Ok(agent::DriverState::Ready) => DriverState::Ready,
        Ok(agent::DriverState::Starting) => DriverState::Starting,
        Ok(agent::DriverState::Failed | agent::DriverState::Unspecified) | Err(_) => DriverState::Failed,
    };
    let set = |texts: &[String]| texts.iter().map(|text| told(text)).collect();
    let declared = match (&report.capabilities, known) {
        (Some(now), _) => {
            let (network_types, physical_networks) = (set(&now.network_types), set(&now.physical_networks));
            AgentDriver {
                features: set(&now.features),
                max_load_balancers: now.max_load_balancers,
                max_members: now.max_members,
                plugs: Plugs { network_types, physical_networks },
                remarks: now.remarks.iter().take(REMARKS).map(|remark| told(remark)).collect(),
                options: options(now),
                ..AgentDriver::default()
            }
        }
        (None, known) => known.cloned().unwrap_or_default(),
    };
    AgentDriver {
        name: told(&report.name),
        version: told(&report.version),
        state,
        reason: told(&report.reason),
        full: report.full,
        load_balancers: known.map_or(0, |known| known.load_balancers),
        ..declared
    }
}

fn options(capabilities: &driver::Capabilities) -> DriverOptions {
    let of = |options: &[driver::DriverOption]| {
        options.iter().map(|option| (told(&option.name), told(&option.description))).collect()
    };
    DriverOptions {
        flavor: of(&capabilities.flavor_options),
        availability_zone: of(&capabilities.availability_zone_options),
    }
}
