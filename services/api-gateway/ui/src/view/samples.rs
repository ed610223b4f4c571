//! Messages for tests: one of each, with a text of the test in all that a tenant or an agent says.

mod written;

use ballast_proto::{
    driver::{CheckAnswer, ClientAuthentication, Connections, Effect, LbMethod, MonitorType, Protocol},
    v1::{AgentDriver, Emptying, Liveness, Network, Staying, Subnet},
    v2::{
        Acme, AcmeState, AgentCount, AgentLiveness, Cause, Certificate, Contested, CreateL7PolicyRequest, Event,
        FailoverCourse, HealthMonitor, Kind, L7Policy, L7Rule, Listener, ListenerTls, LoadBalancer, LoadBalancerHealth,
        Member, MemberHealth, OperatingCount, OperatingStatus, Origin, OverviewResponse, Pool, Preview, PreviewAgent,
        PreviewFault, PreviewQuota, PreviewRejection, ProvisioningCount, ProvisioningStatus, Quota, Revision,
        RevisionChange, Scheduler, SecretUser, Settled, Snapshot, Stats, Status, Traffic, TrafficPoint, UsedSecret,
        Validity, Vip, event, preview_request::Change, snapshot::Object,
    },
};
use prost_types::Timestamp;

use super::{
    form::FormPage,
    plan::Plan,
    same::{Same, Within},
    sheet::{Field, Group, Input, Sheet},
};
use crate::session::Form;

pub(super) use self::written::{certificate, form, revisions, secret};

pub(super) const LB: &str = "6a6f4de5-4d2f-4c5a-9d0b-4c7c7d6b8f10";
pub(super) const POOL: &str = "0b7c1a1e-58d9-4f6e-8b52-0d0f8f0c9a11";
const NOW: i64 = 1_796_094_320;

pub(super) fn now() -> jiff::Timestamp {
    jiff::Timestamp::new(NOW, 0).unwrap()
}

pub(super) fn before(seconds: i64) -> Option<Timestamp> {
    Some(Timestamp { seconds: NOW - seconds, nanos: 112_000_000 })
}

pub(super) fn status(provisioning: ProvisioningStatus, operating: OperatingStatus, text: &str) -> Option<Status> {
    Some(Status {
        provisioning: provisioning.into(),
        operating: operating.into(),
        description: text.to_owned(),
        created_at: before(7_200),
        updated_at: before(600),
        etag: "17".to_owned(),
    })
}

pub(super) fn load_balancer(text: &str) -> LoadBalancer {
    LoadBalancer {
        id: LB.to_owned(),
        project_id: text.to_owned(),
        name: text.to_owned(),
        description: text.to_owned(),
        admin_state_up: Some(true),
        tags: vec![text.to_owned()],
        provider: text.to_owned(),
        availability_zone: text.to_owned(),
        vip: Some(Vip { address: "10.0.0.100".to_owned(), ..Vip::default() }),
        status: status(ProvisioningStatus::Error, OperatingStatus::Error, text),
        listener_ids: vec![POOL.to_owned()],
        pool_ids: vec![POOL.to_owned()],
        ..LoadBalancer::default()
    }
}

pub(super) fn listener(text: &str) -> Listener {
    Listener {
        id: POOL.to_owned(),
        load_balancer_id: LB.to_owned(),
        name: text.to_owned(),
        protocol: Protocol::Http.into(),
        protocol_port: Some(80),
        default_pool_id: POOL.to_owned(),
        tls: Some(ListenerTls {
            default_tls_container_ref: format!("/v1/containers/{LB}"),
            sni_container_refs: vec![text.to_owned()],
            client_authentication: ClientAuthentication::Mandatory.into(),
            ..ListenerTls::default()
        }),
        project_id: text.to_owned(),
        insert_headers: [(text.to_owned(), text.to_owned())].into(),
        allowed_cidrs: vec!["10.0.0.0/8".to_owned()],
        status: status(ProvisioningStatus::Active, OperatingStatus::Online, text),
        ..Listener::default()
    }
}

pub(super) fn pool(text: &str) -> Pool {
    Pool {
        id: POOL.to_owned(),
        load_balancer_id: LB.to_owned(),
        name: text.to_owned(),
        protocol: Protocol::Http.into(),
        lb_algorithm: LbMethod::RoundRobin.into(),
        health_monitor_id: LB.to_owned(),
        status: status(ProvisioningStatus::Active, OperatingStatus::Degraded, text),
        ..Pool::default()
    }
}

pub(super) fn member(text: &str) -> Member {
    Member {
        id: LB.to_owned(),
        pool_id: POOL.to_owned(),
        name: text.to_owned(),
        address: "10.0.0.11".to_owned(),
        protocol_port: Some(80),
        weight: Some(0),
        status: status(ProvisioningStatus::Active, OperatingStatus::Error, text),
        ..Member::default()
    }
}

pub(super) fn health(text: &str) -> LoadBalancerHealth {
    let answer = CheckAnswer { result: "L7STS".to_owned(), code: 500, text: text.to_owned(), milliseconds: 2 };
    let one = |operating: OperatingStatus, address: &str| MemberHealth {
        id: LB.to_owned(),
        name: text.to_owned(),
        address: address.to_owned(),
        protocol_port: 80,
        operating: operating.into(),
        since: before(120),
        answer: Some(answer.clone()),
        ..MemberHealth::default()
    };
    let members = vec![one(OperatingStatus::Error, "10.0.0.11"), one(OperatingStatus::Online, "2001:db8::1")];
    LoadBalancerHealth { id: LB.to_owned(), members }
}

pub(super) fn monitor(text: &str) -> HealthMonitor {
    HealthMonitor {
        id: LB.to_owned(),
        name: text.to_owned(),
        r#type: MonitorType::Http.into(),
        delay: Some(5),
        timeout: Some(3),
        max_retries: Some(2),
        url_path: Some(text.to_owned()),
        pool_ids: vec![POOL.to_owned()],
        status: status(ProvisioningStatus::Active, OperatingStatus::Online, ""),
        ..HealthMonitor::default()
    }
}

pub(super) fn policy(text: &str) -> (L7Policy, Vec<L7Rule>) {
    let policy = L7Policy {
        id: LB.to_owned(),
        listener_id: POOL.to_owned(),
        name: text.to_owned(),
        action: ballast_proto::driver::L7Action::RedirectToUrl.into(),
        redirect_url: text.to_owned(),
        position: Some(1),
        ..L7Policy::default()
    };
    let rule = L7Rule {
        id: POOL.to_owned(),
        r#type: ballast_proto::driver::L7RuleType::Header.into(),
        compare_type: ballast_proto::driver::L7CompareType::EqualTo.into(),
        key: text.to_owned(),
        value: text.to_owned(),
        invert: true,
        ..L7Rule::default()
    };
    (policy, vec![rule])
}

pub(super) fn agent(text: &str) -> ballast_proto::v1::Agent {
    ballast_proto::v1::Agent {
        id: LB.to_owned(),
        host: text.to_owned(),
        admin_state_up: true,
        liveness: Liveness::Dead.into(),
        description: text.to_owned(),
        version: text.to_owned(),
        heartbeat_at: before(180),
        drivers: vec![AgentDriver {
            name: text.to_owned(),
            version: text.to_owned(),
            state: "FAILED".to_owned(),
            reason: text.to_owned(),
            features: vec![text.to_owned()],
            network_types: vec![text.to_owned()],
            physical_networks: vec![text.to_owned()],
            remarks: vec![text.to_owned()],
        }],
        load_balancers: 3,
        emptying: Some(Emptying {
            moving: 1,
            staying: vec![Staying {
                why: text.to_owned(),
                load_balancers: 1,
                load_balancer_ids: vec![POOL.to_owned()],
            }],
        }),
        unclaimed: 2,
        unclaimed_ids: vec![text.to_owned()],
        ..ballast_proto::v1::Agent::default()
    }
}

pub(super) fn event(text: &str) -> Event {
    let cause = |origin: Origin, settled| Cause {
        time: before(5),
        origin: origin.into(),
        user: text.to_owned(),
        host: text.to_owned(),
        action: text.to_owned(),
        request_id: text.to_owned(),
        settled,
        ..Cause::default()
    };
    let settled = Settled {
        generation: 17,
        duration: Some(prost_types::Duration { seconds: 0, nanos: 900_000 }),
        effect: Effect::Reload.into(),
        failed: true,
    };
    Event {
        kind: Kind::LoadBalancer.into(),
        id: LB.to_owned(),
        object: Some(event::Object::LoadBalancer(load_balancer(text))),
        causes: vec![cause(Origin::User, None), cause(Origin::Agent, Some(settled))],
        load_balancer_id: LB.to_owned(),
    }
}

pub(super) fn stats() -> Stats {
    Stats {
        bytes_in: 12_440_000,
        bytes_out: 9,
        active_connections: 214,
        total_connections: 3_204_117,
        request_errors: 1,
    }
}

/// Known for an hour.
pub(super) fn traffic() -> Traffic {
    let point = |number| TrafficPoint {
        bytes_in: 1_000_000 * number,
        bytes_out: number,
        new_connections: number,
        active_connections: 214,
    };
    let points = vec![point(1), point(2), point(3)];
    Traffic { known_since: before(3_600), step_seconds: 10, begin: before(36), points }
}

pub(super) fn overview(text: &str) -> OverviewResponse {
    let operating = |status: OperatingStatus, count| OperatingCount { status: status.into(), count };
    let of_late = traffic().points[0];
    OverviewResponse {
        load_balancers: 128,
        provisioning: vec![ProvisioningCount {
            status: ProvisioningStatus::PendingUpdate.into(),
            count: 3,
            oldest_id: LB.to_owned(),
            oldest_since: before(61),
        }],
        operating: vec![operating(OperatingStatus::Online, 125), operating(OperatingStatus::Error, 3)],
        members: vec![operating(OperatingStatus::Online, 1_019), operating(OperatingStatus::Error, 5)],
        agents: vec![AgentCount {
            id: LB.to_owned(),
            host: text.to_owned(),
            liveness: AgentLiveness::Dead.into(),
            admin_state_up: true,
            load_balancers: 3,
        }],
        stats: Some(stats()),
        of_late: Some(of_late),
        failover: Some(FailoverCourse { enabled: true, paused: true, dead: 2, of: 3, drains: true }),
        contested: vec![contested(text)],
        ..OverviewResponse::default()
    }
}

pub(super) fn contested(text: &str) -> Contested {
    Contested { load_balancer_id: LB.to_owned(), count: 2, last_at: before(90), what: text.to_owned() }
}

pub(super) fn scheduler(text: &str) -> Scheduler {
    Scheduler {
        id: POOL.to_owned(),
        address: text.to_owned(),
        version: text.to_owned(),
        heartbeat_at: before(1),
        leads: true,
        answers: true,
        started_at: before(3_600),
    }
}

pub(super) fn network(text: &str) -> (Network, Subnet) {
    let network = Network {
        id: LB.to_owned(),
        project_id: text.to_owned(),
        name: text.to_owned(),
        network_type: text.to_owned(),
        physical_network: text.to_owned(),
        mtu: 1_500,
        ..Network::default()
    };
    let subnet = Subnet {
        id: POOL.to_owned(),
        name: text.to_owned(),
        network_id: LB.to_owned(),
        cidr: "10.0.0.0/24".to_owned(),
        gateway_ip: Some("10.0.0.1".to_owned()),
        ..Subnet::default()
    };
    (network, subnet)
}

pub(super) fn quota(text: &str) -> Quota {
    Quota { project_id: text.to_owned(), load_balancer: Some(10), pool: Some(-1), ..Quota::default() }
}

pub(super) fn preview(text: &str) -> Preview {
    let agent = |load_balancers| PreviewAgent { id: LB.to_owned(), host: text.to_owned(), load_balancers };
    let quota = |resource: &str, used, limit| PreviewQuota { resource: resource.to_owned(), used, limit };
    Preview {
        effect: Effect::Reload.into(),
        connections: Connections::Drained.into(),
        steps: vec![text.to_owned()],
        configuration: text.to_owned(),
        faults: vec![PreviewFault { object_id: LB.to_owned(), message: text.to_owned() }],
        reason: text.to_owned(),
        agent: Some(agent(38)),
        others: vec![agent(41), agent(44)],
        rejected: vec![PreviewRejection { id: LB.to_owned(), host: text.to_owned(), reason: text.to_owned() }],
        more_others: 7,
        more_rejected: 0,
        quotas: vec![quota("load_balancer", 3, 10), quota("member", 12, -1)],
    }
}
