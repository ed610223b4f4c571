//! The features that a load balancer uses. Placement compares them with what drivers declare: a feature that a driver
//! does not know must never be silently ignored.

use std::{
    collections::{BTreeSet, HashMap},
    net::IpAddr,
};

use ballast_limits::{features as words, shapes::Outline};
pub use ballast_limits::{
    features::{DEPLOY_SILENT, HTTP_ANSWERS, TOPOLOGY_ACTIVE_STANDBY},
    shapes::SHAPES,
};

use crate::{
    health_monitor::HealthMonitor,
    ids::PoolId,
    l7::{L7Policy, L7Rule},
    listener::{Listener, Protocol, Timeouts},
    load_balancer::LoadBalancer,
    member::Member,
    pool::Pool,
    tls::ClientAuthentication,
};

/// What a driver must know to run this load balancer, as in `protocol:HTTP` or `listeners:many`.
#[must_use]
pub fn used(load_balancer: &LoadBalancer) -> BTreeSet<String> {
    let outline = Outline {
        has_address: load_balancer.vip.is_some(),
        listeners: load_balancer.listeners.iter().map(|listener| listener.default_pool_id).collect(),
        pools: load_balancer.pools.iter().map(|pool| Some(pool.id)).collect(),
    };
    let mut features = Features::default();
    outline.shapes().into_iter().for_each(|shape| features.add(shape));
    if let Some(vip) = &load_balancer.vip {
        features.add_if(vip.addresses().any(|one| one.address.is_ipv6()), words::IPV6);
        features.add_if(!vip.additional.is_empty(), words::VIP_ADDITIONAL);
    }
    let protocols: HashMap<PoolId, Protocol> =
        load_balancer.pools.iter().map(|pool| (pool.id, pool.protocol)).collect();
    for listener in load_balancer.listeners.iter() {
        features.of_listener(listener);
        for protocol in listener.targets().filter_map(|id| protocols.get(&id)) {
            let otherwise = words::is_other_protocol(listener.protocol.as_str(), protocol.as_str());
            features.add_if(otherwise, words::POOL_OTHER_PROTOCOL);
        }
    }
    load_balancer.pools.iter().for_each(|pool| features.of_pool(pool));
    features.add_if(!load_balancer.http_answers.is_empty(), words::HTTP_ANSWERS);
    features.add_if(load_balancer.has_standby(), words::TOPOLOGY_ACTIVE_STANDBY);
    features.used
}

/// Hundreds of objects mostly use the same few features: each is made once.
#[derive(Default)]
struct Features {
    used: BTreeSet<String>,
    /// One that is put together.
    word: String,
}

impl Features {
    fn add(&mut self, feature: &str) {
        if !self.used.contains(feature) {
            self.used.insert(feature.to_owned());
        }
    }

    /// As in `protocol:HTTP`.
    fn add_kind(&mut self, kind: &str, name: &str) {
        let mut word = std::mem::take(&mut self.word);
        word.clear();
        word.extend([kind, ":", name]);
        self.add(&word);
        self.word = word;
    }

    fn add_if(&mut self, used: bool, feature: &str) {
        if used {
            self.add(feature);
        }
    }

    fn of_listener(&mut self, listener: &Listener) {
        self.add_kind("protocol", listener.protocol.as_str());
        self.add_if(listener.timeouts != Timeouts::DEFAULT, words::LISTENER_TIMEOUTS);
        self.add_if(!listener.allowed_cidrs.is_empty(), words::LISTENER_ALLOWED_CIDRS);
        for header in listener.acting_headers().into_iter().flatten() {
            self.add(&words::header(header));
        }
        if let Some(tls) = listener.ending_tls() {
            let authenticates = tls.client_authentication != ClientAuthentication::None;
            self.add_if(authenticates, words::LISTENER_CLIENT_AUTHENTICATION);
            self.add_if(tls.hsts_max_age.is_some(), words::LISTENER_HSTS);
        }
        listener.policies.iter().for_each(|policy| self.of_policy(policy));
    }

    fn of_policy(&mut self, policy: &L7Policy) {
        self.add(&words::l7_action(policy.action.name()));
        policy.rules.iter().for_each(|rule| self.of_rule(rule));
    }

    fn of_rule(&mut self, rule: &L7Rule) {
        self.add(&words::l7_rule(rule.rule_type.as_str(), rule.compare_type.as_str()));
    }

    fn of_pool(&mut self, pool: &Pool) {
        self.add_kind("protocol", pool.protocol.as_str());
        self.add_kind("lb_method", pool.lb_method.as_str());
        if let Some(persistence) = &pool.session_persistence {
            self.add_kind("persistence", persistence.kind());
        }
        self.add_if(pool.memory.timeout.is_some(), words::PERSISTENCE_TIMEOUT);
        self.add_if(pool.memory.granularity.is_some(), words::PERSISTENCE_GRANULARITY);
        self.add_if(pool.tls.as_ref().is_some_and(|tls| tls.enabled), words::POOL_TLS);
        pool.monitors.iter().for_each(|association| self.of_monitor(&association.monitor));
        self.of_members(&pool.members);
    }

    /// Not one by one, as there may be thousands.
    fn of_members(&mut self, members: &[Member]) {
        let is_ipv6 = |member: &Member| matches!(member.address, IpAddr::V6(_));
        self.add_if(members.iter().any(is_ipv6), words::IPV6);
        self.add_if(members.iter().any(|member| member.backup), words::MEMBER_BACKUP);
        self.add_if(members.iter().any(|member| member.monitor_address.is_some()), words::MEMBER_MONITOR_ADDRESS);
        self.add_if(members.iter().any(|member| member.monitor_port.is_some()), words::MEMBER_MONITOR_PORT);
    }

    fn of_monitor(&mut self, monitor: &HealthMonitor) {
        self.add_kind("monitor", monitor.kind.as_str());
        self.add_if(monitor.rise > 1, words::MONITOR_RISE);
        self.add_if(monitor.http_version.is_some(), words::MONITOR_HTTP_VERSION);
        self.add_if(monitor.domain_name.is_some(), words::MONITOR_DOMAIN_NAME);
    }
}
