//! The scheduler's messages in REST's form, key by key as the gateway writes them: what is printed does not depend on who
//! was asked.

use ballast_proto::{
    driver::{LbMethod, MonitorType, PersistenceType, Protocol},
    v1::{Agent, HealthMonitor, Liveness, Member, MonitorStatus, Pool, Status, Vip},
};
use jiff::Timestamp;
use serde_json::{Value, json};

pub(super) fn pool(pool: &Pool) -> Value {
    let ids: Vec<_> = pool.health_monitors.iter().map(|monitor| &monitor.monitor_id).collect();
    let associations: Vec<_> =
        pool.health_monitors.iter().map(|monitor| association("monitor_id", &monitor.monitor_id, monitor)).collect();
    json!({
        "id": pool.id,
        "tenant_id": pool.project_id,
        "name": pool.name,
        "description": pool.description,
        "subnet_id": pool.subnet_id,
        "protocol": spelled::<Protocol>(pool.protocol, "PROTOCOL_"),
        "lb_method": spelled::<LbMethod>(pool.lb_method, "LB_METHOD_"),
        "provider": present(&pool.provider),
        "vip_id": present(&pool.vip_id),
        "members": pool.member_ids,
        "health_monitors": ids,
        "health_monitors_status": associations,
        "admin_state_up": pool.admin_state_up,
        "status": spelled::<Status>(pool.status, ""),
        "status_description": present(&pool.status_description),
    })
}

pub(super) fn vip(vip: &Vip) -> Value {
    let persistence = vip.session_persistence.as_ref().map(|persistence| {
        let mut shown = json!({ "type": spelled::<PersistenceType>(persistence.r#type, "PERSISTENCE_TYPE_") });
        if !persistence.cookie_name.is_empty() {
            shown["cookie_name"] = persistence.cookie_name.clone().into();
        }
        shown
    });
    json!({
        "id": vip.id,
        "tenant_id": vip.project_id,
        "name": vip.name,
        "description": vip.description,
        "subnet_id": vip.subnet_id,
        "address": present(&vip.address),
        "port_id": present(&vip.port_id),
        "protocol_port": vip.protocol_port,
        "protocol": spelled::<Protocol>(vip.protocol, "PROTOCOL_"),
        "pool_id": vip.pool_id,
        "session_persistence": persistence,
        "connection_limit": vip.connection_limit,
        "admin_state_up": vip.admin_state_up,
        "status": spelled::<Status>(vip.status, ""),
        "status_description": present(&vip.status_description),
    })
}

pub(super) fn member(member: &Member) -> Value {
    json!({
        "id": member.id,
        "tenant_id": member.project_id,
        "pool_id": member.pool_id,
        "address": member.address,
        "protocol_port": member.protocol_port,
        "weight": member.weight,
        "admin_state_up": member.admin_state_up,
        "status": spelled::<Status>(member.status, ""),
        "status_description": present(&member.status_description),
    })
}

pub(super) fn monitor(monitor: &HealthMonitor) -> Value {
    let pools: Vec<_> = monitor.pools.iter().map(|pool| association("pool_id", &pool.pool_id, pool)).collect();
    let mut shown = json!({
        "id": monitor.id,
        "tenant_id": monitor.project_id,
        "type": spelled::<MonitorType>(monitor.r#type, "MONITOR_TYPE_"),
        "delay": monitor.delay,
        "timeout": monitor.timeout,
        "max_retries": monitor.max_retries,
        "admin_state_up": monitor.admin_state_up,
        "pools": pools,
    });
    if matches!(monitor.r#type(), MonitorType::Http | MonitorType::Https) {
        shown["http_method"] = json!(monitor.http_method);
        shown["url_path"] = json!(monitor.url_path);
        shown["expected_codes"] = json!(monitor.expected_codes);
    }
    shown
}

pub(super) fn agent(agent: &Agent) -> Value {
    let ready = agent.drivers.iter().filter(|driver| driver.state == "READY");
    let device_drivers: Vec<_> = ready.map(|driver| driver.name.replace('-', "_")).collect();
    let drivers: Vec<_> = agent
        .drivers
        .iter()
        .map(|driver| {
            json!({
                "name": driver.name,
                "version": driver.version,
                "state": driver.state,
                "reason": present(&driver.reason),
                "network_types": driver.network_types,
                "physical_networks": driver.physical_networks,
                "remarks": driver.remarks,
            })
        })
        .collect();
    json!({
        "id": agent.id,
        "agent_type": "Loadbalancer agent",
        "binary": "neutron-lbaas-agent",
        "topic": "n-lbaas_agent",
        "host": agent.host,
        "admin_state_up": agent.admin_state_up,
        "alive": matches!(agent.liveness(), Liveness::Alive | Liveness::Suspect),
        "description": present(&agent.description),
        "created_at": agent.created_at.as_ref().and_then(time),
        "started_at": agent.started_at.as_ref().and_then(time),
        "heartbeat_timestamp": agent.heartbeat_at.as_ref().and_then(time),
        "configurations": {
            "device_drivers": device_drivers,
            "instances": agent.load_balancers,
            "drivers": drivers,
        },
    })
}

/// An association with the object at its other end.
fn association(key: &str, other: &str, association: &MonitorStatus) -> Value {
    json!({
        key: other,
        "status": spelled::<Status>(association.status, ""),
        "status_description": present(&association.status_description),
    })
}

/// The wire has no null: it is the empty text there.
fn present(text: &str) -> Option<&str> {
    Some(text).filter(|text| !text.is_empty())
}

/// An enumeration whose names on the wire are REST's behind a prefix; nothing for 0 and for what is not known here.
fn spelled<E: Named>(value: i32, prefix: &str) -> Option<&'static str> {
    if value == 0 { None } else { E::name(value)?.strip_prefix(prefix) }
}

trait Named {
    fn name(value: i32) -> Option<&'static str>;
}

macro_rules! named {
    ($($kind:ident),+) => {
        $(impl Named for $kind {
            fn name(value: i32) -> Option<&'static str> {
                Self::try_from(value).ok().map(|value| value.as_str_name())
            }
        })+
    };
}

named!(Protocol, LbMethod, MonitorType, PersistenceType, Status);

/// `2015-01-01 00:00:00.123456`
fn time(time: &prost_types::Timestamp) -> Option<String> {
    let time = Timestamp::new(time.seconds, time.nanos).ok()?;
    Some(time.strftime("%Y-%m-%d %H:%M:%S%.6f").to_string())
}
