//! Load balancers and what they are made of.

use std::net::IpAddr;

use ballast_model::{
    health_monitor::HealthMonitor,
    ids::PoolId,
    l7::{L7Action, L7Policy, L7Rule},
    labels::Labels,
    listener::{Listener, Vip},
    load_balancer::LoadBalancer,
    member::Member,
    operating::{Operating, Traffic, of_monitor, of_policy, of_rule},
    pool::{Association, Pool},
    status::{Progress, ProvisioningStatus},
    tls::{ListenerTls, PoolTls},
};

use crate::{
    convert::{
        enums::{to_lb_method, to_monitor_type, to_persistence, to_protocol},
        layer7::{to_action, to_compare_type, to_rule_type},
        timestamp,
        tls::to_client_authentication,
    },
    v2,
};

pub const fn provisioning(status: ProvisioningStatus) -> v2::ProvisioningStatus {
    match status {
        ProvisioningStatus::PendingCreate => v2::ProvisioningStatus::PendingCreate,
        ProvisioningStatus::PendingUpdate => v2::ProvisioningStatus::PendingUpdate,
        ProvisioningStatus::PendingDelete => v2::ProvisioningStatus::PendingDelete,
        ProvisioningStatus::Active => v2::ProvisioningStatus::Active,
        ProvisioningStatus::Error => v2::ProvisioningStatus::Error,
    }
}

pub const fn operating(status: Operating) -> v2::OperatingStatus {
    match status {
        Operating::Online => v2::OperatingStatus::Online,
        Operating::Offline => v2::OperatingStatus::Offline,
        Operating::Degraded => v2::OperatingStatus::Degraded,
        Operating::Error => v2::OperatingStatus::Error,
        Operating::Draining => v2::OperatingStatus::Draining,
        Operating::NoMonitor => v2::OperatingStatus::NoMonitor,
    }
}

fn status(progress: &Progress, how: Operating, labels: &Labels) -> Option<v2::Status> {
    Some(v2::Status {
        provisioning: provisioning(progress.status).into(),
        operating: operating(how).into(),
        description: progress.description.clone().unwrap_or_default(),
        created_at: Some(timestamp(labels.created_at)),
        updated_at: labels.updated_at.map(timestamp),
        etag: progress.changed.to_string(),
    })
}

/// A value of the model that fits into the wire's.
fn int(value: u32) -> Option<i32> {
    Some(i32::try_from(value).unwrap_or(i32::MAX))
}

/// The load balancer with the ids of what is in it. `why` is what else its status says, where there is something.
#[must_use]
pub fn to_v2_load_balancer(load_balancer: &LoadBalancer, is_run: bool) -> v2::LoadBalancer {
    let traffic = Traffic::new(load_balancer, is_run);
    v2::LoadBalancer {
        id: load_balancer.id.to_string(),
        project_id: load_balancer.project_id.clone(),
        name: load_balancer.name.clone(),
        description: load_balancer.description.clone(),
        admin_state_up: Some(load_balancer.admin_state_up),
        tags: load_balancer.labels.tags.clone(),
        provider: load_balancer.shown_provider().to_owned(),
        flavor_id: load_balancer.flavor_id.map(|id| id.to_string()).unwrap_or_default(),
        availability_zone: load_balancer.availability_zone.clone().unwrap_or_default(),
        vip: load_balancer.vip.as_ref().map(to_vip),
        additional_vips: load_balancer.vip.as_ref().map(to_additional).unwrap_or_default(),
        vip_qos_policy_id: String::new(),
        vip_sg_ids: Vec::new(),
        status: status(&load_balancer.progress, traffic.whole(), &load_balancer.labels),
        listener_ids: load_balancer.listeners.iter().map(|one| one.id.to_string()).collect(),
        pool_ids: load_balancer.pools.iter().map(|one| one.id.to_string()).collect(),
        listeners: Vec::new(),
        pools: Vec::new(),
    }
}

fn to_vip(vip: &Vip) -> v2::Vip {
    let known = !vip.network_id.uuid().is_nil();
    v2::Vip {
        subnet_id: vip.subnet_id.to_string(),
        network_id: if known { vip.network_id.to_string() } else { String::new() },
        port_id: vip.port_id.to_string(),
        address: vip.address.to_string(),
    }
}

fn to_additional(vip: &Vip) -> Vec<v2::Vip> {
    let whole = to_vip(vip);
    let one = |one: &ballast_model::listener::Address| v2::Vip {
        subnet_id: one.subnet_id.to_string(),
        address: one.address.to_string(),
        ..whole.clone()
    };
    vip.additional.iter().map(one).collect()
}

/// The listener of a load balancer.
#[must_use]
pub fn to_v2_listener(load_balancer: &LoadBalancer, listener: &Listener, is_run: bool) -> v2::Listener {
    let how = Traffic::new(load_balancer, is_run).listener(listener);
    let timeouts = listener.timeouts;
    v2::Listener {
        id: listener.id.to_string(),
        project_id: listener.project_id.clone(),
        load_balancer_id: load_balancer.id.to_string(),
        name: listener.name.clone(),
        description: listener.description.clone(),
        admin_state_up: Some(listener.admin_state_up),
        tags: listener.labels.tags.clone(),
        protocol: to_protocol(listener.protocol).into(),
        protocol_port: Some(listener.protocol_port.into()),
        connection_limit: Some(listener.connection_limit),
        default_pool_id: listener.default_pool_id.map(|id| id.to_string()).unwrap_or_default(),
        timeout_client_data: int(timeouts.client_data),
        timeout_member_connect: int(timeouts.member_connect),
        timeout_member_data: int(timeouts.member_data),
        timeout_tcp_inspect: int(timeouts.tcp_inspect),
        insert_headers: headers(listener),
        allowed_cidrs: listener.allowed_cidrs.iter().map(ToString::to_string).collect(),
        tls: listener.tls.as_deref().map(to_listener_tls),
        status: status(&listener.progress, how, &listener.labels),
        l7policy_ids: listener.policies.iter().map(|policy| policy.id.to_string()).collect(),
        default_pool: None,
        l7policies: Vec::new(),
    }
}

/// v1's listeners set X-Forwarded-For where they look at requests.
fn headers(listener: &Listener) -> std::collections::HashMap<String, String> {
    let of_v1 = || listener.protocol.is_http().then(|| ("X-Forwarded-For".to_owned(), "true".to_owned()));
    match &listener.insert_headers {
        Some(given) => given.iter().map(|(name, value)| (name.clone(), value.clone())).collect(),
        None => of_v1().into_iter().collect(),
    }
}

fn to_listener_tls(tls: &ListenerTls) -> v2::ListenerTls {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    v2::ListenerTls {
        default_tls_container_ref: text(&tls.default_certificate),
        sni_container_refs: tls.sni_certificates.clone(),
        client_authentication: to_client_authentication(tls.client_authentication).into(),
        client_ca_tls_container_ref: text(&tls.client_ca),
        client_crl_container_ref: text(&tls.client_crl),
        ciphers: text(&tls.ciphers),
        versions: tls.versions.clone(),
        alpn_protocols: tls.alpn_protocols.clone(),
        hsts_max_age: tls.hsts_max_age.map(Into::into),
        hsts_include_subdomains: tls.hsts_include_subdomains,
        hsts_preload: tls.hsts_preload,
    }
}

/// The pool of a load balancer.
#[must_use]
pub fn to_v2_pool(load_balancer: &LoadBalancer, pool: &Pool, is_run: bool) -> v2::Pool {
    let how = Traffic::new(load_balancer, is_run).pool(pool);
    let persistence = pool.session_persistence.as_ref().map(to_persistence);
    v2::Pool {
        id: pool.id.to_string(),
        project_id: pool.project_id.clone(),
        load_balancer_id: load_balancer.id.to_string(),
        listener_id: String::new(),
        name: pool.name.clone(),
        description: pool.description.clone(),
        admin_state_up: Some(pool.admin_state_up),
        tags: pool.labels.tags.clone(),
        protocol: to_protocol(pool.protocol).into(),
        lb_algorithm: to_lb_method(pool.lb_method).into(),
        session_persistence: persistence.map(|sent| v2::SessionPersistence {
            r#type: sent.r#type,
            cookie_name: sent.cookie_name,
            persistence_timeout: pool.memory.timeout.and_then(int),
            persistence_granularity: pool.memory.granularity.clone().unwrap_or_default(),
        }),
        tls: pool.tls.as_deref().map(to_pool_tls),
        status: status(&pool.progress, how, &pool.labels),
        listener_ids: load_balancer.listeners_of(pool.id).map(|listener| listener.id.to_string()).collect(),
        health_monitor_id: pool.monitors.first().map(|one| one.monitor.id.to_string()).unwrap_or_default(),
        member_ids: pool.members.iter().map(|member| member.id.to_string()).collect(),
        members: Vec::new(),
        health_monitor: None,
    }
}

fn to_pool_tls(tls: &PoolTls) -> v2::PoolTls {
    let text = |text: &Option<String>| text.clone().unwrap_or_default();
    v2::PoolTls {
        enabled: tls.enabled,
        tls_container_ref: text(&tls.certificate),
        ca_tls_container_ref: text(&tls.ca),
        crl_container_ref: text(&tls.crl),
        ciphers: text(&tls.ciphers),
        versions: tls.versions.clone(),
        alpn_protocols: tls.alpn_protocols.clone(),
    }
}

/// The member of a pool.
#[must_use]
pub fn to_v2_member(load_balancer: &LoadBalancer, pool: &Pool, member: &Member, is_run: bool) -> v2::Member {
    let how = Traffic::new(load_balancer, is_run).member(pool, member);
    v2::Member {
        id: member.id.to_string(),
        project_id: member.project_id.clone(),
        pool_id: pool.id.to_string(),
        name: member.name.clone(),
        admin_state_up: Some(member.admin_state_up),
        tags: member.labels.tags.clone(),
        address: as_written(Some(member.address), member.written.as_ref()),
        protocol_port: Some(member.protocol_port.into()),
        weight: Some(member.weight.into()),
        backup: member.backup,
        subnet_id: member.subnet_id.map(|id| id.to_string()).unwrap_or_default(),
        monitor_address: as_written(member.monitor_address, member.monitor_written.as_ref()),
        monitor_port: member.monitor_port.unwrap_or_default().into(),
        status: status(&member.progress, how, &member.labels),
    }
}

/// An address in the form in which it was given.
fn as_written(address: Option<IpAddr>, written: Option<&String>) -> String {
    written.cloned().or_else(|| address.map(|address| address.to_string())).unwrap_or_default()
}

/// A monitor, and the pools that have it. Its status is that of the association which was made first.
#[must_use]
pub fn to_v2_health_monitor(monitor: &HealthMonitor, pools: &[(PoolId, Progress)]) -> v2::HealthMonitor {
    let progress = pools.first().map(|(_, progress)| progress.clone());
    let association = progress.map(|progress| Association { monitor: monitor.clone(), progress });
    let http = |text: &String| monitor.kind.is_http().then(|| text.clone());
    v2::HealthMonitor {
        id: monitor.id.to_string(),
        project_id: monitor.project_id.clone(),
        pool_id: pools.first().map(|(id, _)| id.to_string()).unwrap_or_default(),
        name: monitor.name.clone(),
        admin_state_up: Some(monitor.admin_state_up),
        tags: monitor.labels.tags.clone(),
        r#type: to_monitor_type(monitor.kind).into(),
        delay: int(monitor.delay),
        timeout: int(monitor.timeout),
        max_retries: int(monitor.rise),
        max_retries_down: int(monitor.max_retries),
        http_method: http(&monitor.http_method),
        url_path: http(&monitor.url_path),
        expected_codes: http(&monitor.expected_codes),
        http_version: monitor.http_version.map(|version| version.as_str().to_owned()).unwrap_or_default(),
        domain_name: monitor.domain_name.clone().unwrap_or_default(),
        status: association
            .map_or_else(|| unused(&monitor.labels), |one| status(&one.progress, of_monitor(&one), &monitor.labels)),
        pool_ids: pools.iter().map(|(id, _)| id.to_string()).collect(),
    }
}

/// Of what no pool has: v1 makes monitors that wait for one.
fn unused(labels: &Labels) -> Option<v2::Status> {
    let progress = Progress {
        status: ProvisioningStatus::Active,
        description: None,
        changed: ballast_model::counters::Generation::NONE,
    };
    status(&progress, Operating::Offline, labels)
}

/// A policy of a listener, with the ids of its rules.
#[must_use]
pub fn to_v2_l7policy(listener: &Listener, policy: &L7Policy) -> v2::L7Policy {
    let (redirect_url, redirect_prefix) = match &policy.action {
        L7Action::RedirectToUrl { url, .. } => (url.clone(), String::new()),
        L7Action::RedirectPrefix { prefix, .. } => (String::new(), prefix.clone()),
        L7Action::Reject | L7Action::RedirectToPool(_) => (String::new(), String::new()),
    };
    let place = listener.policies.iter().position(|one| one.id == policy.id).unwrap_or_default();
    v2::L7Policy {
        id: policy.id.to_string(),
        project_id: policy.project_id.clone(),
        listener_id: listener.id.to_string(),
        name: policy.name.clone(),
        description: policy.description.clone(),
        admin_state_up: Some(policy.admin_state_up),
        tags: policy.labels.tags.clone(),
        action: to_action(&policy.action).into(),
        redirect_pool_id: policy.action.pool_id().map(|id| id.to_string()).unwrap_or_default(),
        redirect_url,
        redirect_prefix,
        redirect_http_code: policy.action.http_code().map(Into::into),
        position: i32::try_from(place + 1).ok(),
        status: status(&policy.progress, of_policy(policy), &policy.labels),
        rule_ids: policy.rules.iter().map(|rule| rule.id.to_string()).collect(),
        rules: Vec::new(),
        redirect_pool: None,
    }
}

/// A rule of a policy.
#[must_use]
pub fn to_v2_l7rule(policy: &L7Policy, rule: &L7Rule) -> v2::L7Rule {
    v2::L7Rule {
        id: rule.id.to_string(),
        project_id: rule.project_id.clone(),
        l7policy_id: policy.id.to_string(),
        admin_state_up: Some(rule.admin_state_up),
        tags: rule.labels.tags.clone(),
        r#type: to_rule_type(rule.rule_type).into(),
        compare_type: to_compare_type(rule.compare_type).into(),
        key: rule.key.clone().unwrap_or_default(),
        value: rule.value.clone(),
        invert: rule.invert,
        status: status(&rule.progress, of_rule(rule), &rule.labels),
    }
}
