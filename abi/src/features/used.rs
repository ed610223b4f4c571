//! Where in a load balancer a feature is seen.

use std::{collections::BTreeSet, net::Ipv6Addr};

use ballast_limits::{
    features::{self, header, is_other_protocol, l7_action, l7_rule},
    shapes::Outline,
};

use crate::{
    ClientAuthentication, HealthMonitor, L7Action, L7CompareType, L7Policy, L7RuleType, LbMethod, Listener,
    LoadBalancer, Member, MonitorType, PersistenceType, Pool, Protocol, SessionPersistence,
};

/// The features that a load balancer is seen to use. A value that this version does not know is named by its number,
/// as in `lb_method:7`, so that no driver can have declared it.
#[must_use]
pub fn used_by(load_balancer: &LoadBalancer) -> BTreeSet<String> {
    let mut used = Used(outline(load_balancer).shapes().into_iter().map(str::to_owned).collect());
    let vips = load_balancer.vip.iter().chain(&load_balancer.additional_vips);
    used.mark(features::IPV6, vips.clone().any(|vip| is_ipv6(&vip.address)));
    used.mark(features::VIP_ADDITIONAL, !load_balancer.additional_vips.is_empty());
    used.mark(features::HTTP_ANSWERS, !load_balancer.http_answers.is_empty());
    used.mark(features::TOPOLOGY_ACTIVE_STANDBY, load_balancer.side.is_some());
    used.mark(features::DEPLOY_SILENT, load_balancer.silent);
    for listener in &load_balancer.listeners {
        used.listener(listener, &load_balancer.pools);
    }
    for pool in &load_balancer.pools {
        used.pool(pool);
    }
    used.0
}

fn outline(load_balancer: &LoadBalancer) -> Outline<&str> {
    Outline {
        has_address: load_balancer.vip.is_some(),
        listeners: load_balancer.listeners.iter().map(|listener| listener.default_pool_id.as_str()).collect(),
        pools: load_balancer.pools.iter().map(|pool| pool.id.as_str()).collect(),
    }
}

struct Used(BTreeSet<String>);

impl Used {
    fn mark(&mut self, feature: &str, is_used: bool) {
        if is_used {
            self.0.insert(feature.to_owned());
        }
    }

    fn listener(&mut self, listener: &Listener, pools: &[Pool]) {
        self.0.insert(format!("protocol:{}", protocol(listener.protocol)));
        self.mark(features::LISTENER_TIMEOUTS, listener.timeouts.is_some());
        self.mark(features::LISTENER_ALLOWED_CIDRS, !listener.allowed_cidrs.is_empty());
        let headers = listener.insert_headers.iter().flat_map(|headers| &headers.names);
        self.0.extend(headers.map(|name| header(name)));
        if let Some(tls) = &listener.tls {
            let asked = tls.client_authentication;
            let none = [ClientAuthentication::Unspecified, ClientAuthentication::None].map(i32::from);
            self.mark(features::LISTENER_CLIENT_AUTHENTICATION, !none.contains(&asked));
            self.mark(features::LISTENER_HSTS, tls.hsts.is_some());
        }
        for policy in &listener.policies {
            self.policy(policy);
        }
        let named = listener.policies.iter().map(|policy| &policy.redirect_pool_id).chain([&listener.default_pool_id]);
        let mut behind = named.filter_map(|id| pools.iter().find(|pool| pool.id == *id));
        // What is not known is no other one: it has a word of its own.
        let outer = protocol_name(listener.protocol);
        let is_other = |pool: &Pool| {
            outer.zip(protocol_name(pool.protocol)).is_some_and(|(listener, pool)| is_other_protocol(listener, pool))
        };
        let other = behind.any(is_other);
        self.mark(features::POOL_OTHER_PROTOCOL, other);
    }

    fn policy(&mut self, policy: &L7Policy) {
        self.0.insert(l7_action(&action(policy.action)));
        self.0
            .extend(policy.rules.iter().map(|rule| l7_rule(&rule_type(rule.r#type), &compare_type(rule.compare_type))));
    }

    fn pool(&mut self, pool: &Pool) {
        self.0.insert(format!("protocol:{}", protocol(pool.protocol)));
        self.0.insert(format!("lb_method:{}", lb_method(pool.lb_method)));
        self.mark(features::POOL_TLS, pool.tls.is_some());
        pool.session_persistence.iter().for_each(|persistence| self.persistence(persistence));
        pool.monitors.iter().for_each(|monitor| self.monitor(monitor));
        pool.members.iter().for_each(|member| self.member(member));
    }

    fn persistence(&mut self, persistence: &SessionPersistence) {
        self.0.insert(format!("persistence:{}", persistence_type(persistence.r#type)));
        self.mark(features::PERSISTENCE_TIMEOUT, persistence.persistence_timeout > 0);
        self.mark(features::PERSISTENCE_GRANULARITY, !persistence.persistence_granularity.is_empty());
    }

    fn monitor(&mut self, monitor: &HealthMonitor) {
        self.0.insert(format!("monitor:{}", monitor_type(monitor.r#type)));
        self.mark(features::MONITOR_RISE, monitor.rise > 1);
        self.mark(features::MONITOR_DOMAIN_NAME, !monitor.domain_name.is_empty());
        self.mark(features::MONITOR_HTTP_VERSION, !monitor.http_version.is_empty());
    }

    fn member(&mut self, member: &Member) {
        self.mark(features::MEMBER_BACKUP, member.backup);
        self.mark(features::MEMBER_MONITOR_ADDRESS, !member.monitor_address.is_empty());
        self.mark(features::MEMBER_MONITOR_PORT, member.monitor_port > 0);
        self.mark(features::IPV6, is_ipv6(&member.address) || is_ipv6(&member.monitor_address));
    }
}

/// What is not known, or was not set, by its number.
fn or_number(name: Option<&str>, value: i32) -> String {
    name.map_or_else(|| value.to_string(), str::to_owned)
}

fn protocol(value: i32) -> String {
    or_number(protocol_name(value), value)
}

fn protocol_name(value: i32) -> Option<&'static str> {
    Protocol::try_from(value).ok().and_then(|protocol| match protocol {
        Protocol::Tcp => Some("TCP"),
        Protocol::Http => Some("HTTP"),
        Protocol::Https => Some("HTTPS"),
        Protocol::TerminatedHttps => Some("TERMINATED_HTTPS"),
        Protocol::Udp => Some("UDP"),
        Protocol::Sctp => Some("SCTP"),
        Protocol::Prometheus => Some("PROMETHEUS"),
        Protocol::Proxy => Some("PROXY"),
        Protocol::Proxyv2 => Some("PROXYV2"),
        Protocol::Unspecified => None,
    })
}

fn lb_method(value: i32) -> String {
    let name = LbMethod::try_from(value).ok().and_then(|method| match method {
        LbMethod::RoundRobin => Some("ROUND_ROBIN"),
        LbMethod::LeastConnections => Some("LEAST_CONNECTIONS"),
        LbMethod::SourceIp => Some("SOURCE_IP"),
        LbMethod::SourceIpPort => Some("SOURCE_IP_PORT"),
        LbMethod::Unspecified => None,
    });
    or_number(name, value)
}

fn persistence_type(value: i32) -> String {
    let name = PersistenceType::try_from(value).ok().and_then(|kind| match kind {
        PersistenceType::SourceIp => Some("SOURCE_IP"),
        PersistenceType::HttpCookie => Some("HTTP_COOKIE"),
        PersistenceType::AppCookie => Some("APP_COOKIE"),
        PersistenceType::Unspecified => None,
    });
    or_number(name, value)
}

fn monitor_type(value: i32) -> String {
    let name = MonitorType::try_from(value).ok().and_then(|kind| match kind {
        MonitorType::Ping => Some("PING"),
        MonitorType::Tcp => Some("TCP"),
        MonitorType::Http => Some("HTTP"),
        MonitorType::Https => Some("HTTPS"),
        MonitorType::TlsHello => Some("TLS-HELLO"),
        MonitorType::UdpConnect => Some("UDP-CONNECT"),
        MonitorType::Sctp => Some("SCTP"),
        MonitorType::Unspecified => None,
    });
    or_number(name, value)
}

fn action(value: i32) -> String {
    let name = L7Action::try_from(value).ok().and_then(|action| match action {
        L7Action::Reject => Some("REJECT"),
        L7Action::RedirectToUrl => Some("REDIRECT_TO_URL"),
        L7Action::RedirectToPool => Some("REDIRECT_TO_POOL"),
        L7Action::RedirectPrefix => Some("REDIRECT_PREFIX"),
        L7Action::Unspecified => None,
    });
    or_number(name, value)
}

fn rule_type(value: i32) -> String {
    let name = L7RuleType::try_from(value).ok().and_then(|kind| match kind {
        L7RuleType::HostName => Some("HOST_NAME"),
        L7RuleType::Path => Some("PATH"),
        L7RuleType::FileType => Some("FILE_TYPE"),
        L7RuleType::Header => Some("HEADER"),
        L7RuleType::Cookie => Some("COOKIE"),
        L7RuleType::SslConnHasCert => Some("SSL_CONN_HAS_CERT"),
        L7RuleType::SslVerifyResult => Some("SSL_VERIFY_RESULT"),
        L7RuleType::SslDnField => Some("SSL_DN_FIELD"),
        L7RuleType::Unspecified => None,
    });
    or_number(name, value)
}

fn compare_type(value: i32) -> String {
    let name = L7CompareType::try_from(value).ok().and_then(|kind| match kind {
        L7CompareType::Regex => Some("REGEX"),
        L7CompareType::StartsWith => Some("STARTS_WITH"),
        L7CompareType::EndsWith => Some("ENDS_WITH"),
        L7CompareType::Contains => Some("CONTAINS"),
        L7CompareType::EqualTo => Some("EQUAL_TO"),
        L7CompareType::Unspecified => None,
    });
    or_number(name, value)
}

fn is_ipv6(address: &str) -> bool {
    address.parse::<Ipv6Addr>().is_ok()
}
