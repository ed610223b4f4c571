//! Load balancers with what LBaaS v2 added, a feature at a time.

use super::{
    HERE, MEMBER_PORT, Samples, finished, persistence,
    secrets::{Kind, named},
};
use crate::{
    ClientAuthentication, Hsts, HttpAnswer, InsertHeaders, L7Action, L7CompareType, L7Policy, L7Rule, L7RuleType,
    LbMethod, Listener, ListenerTls, LoadBalancer, MonitorType, PersistenceType, Pool, PoolTls, Protocol,
    SessionPersistence, Side, Timeouts, Vip, features,
};

/// What changes nothing of who is served, nor of how a request of the suite fares.
const TOGETHER: [&str; 4] = [
    features::LISTENER_TIMEOUTS,
    features::LISTENER_ALLOWED_CIDRS,
    "header:X-Forwarded-For",
    "l7:action:REDIRECT_TO_URL",
];

impl Samples {
    /// One that uses this feature and whatever else it must; `None` for a word that this version does not know.
    pub(super) fn of_v2(&self, feature: &str, number: u8) -> Option<LoadBalancer> {
        let mut one = self.load_balancer(number);
        self.add(&mut one, feature, number).map(|()| one)
    }

    /// The same with what of v2 goes with everything else, as far as it is declared.
    pub(super) fn and_v2(&self, mut one: LoadBalancer, number: u8) -> LoadBalancer {
        for feature in TOGETHER {
            let mut more = one.clone();
            let added = self.add(&mut more, feature, number);
            let same = more.pools.iter().map(|pool| pool.protocol).eq(one.pools.iter().map(|pool| pool.protocol));
            if added.is_some() && same && features::check(&finished(more.clone()), &self.capabilities).is_ok() {
                one = more;
            }
        }
        one
    }

    fn add(&self, one: &mut LoadBalancer, feature: &str, number: u8) -> Option<()> {
        match feature.split(':').collect::<Vec<_>>().as_slice() {
            ["header", name] => self.header(one, name),
            ["l7", "action", action] => self.policy(one, action, "PATH", "STARTS_WITH"),
            ["l7", "rule", kind, comparison] => self.policy(one, "REJECT", kind, comparison),
            ["monitor", _] => self.monitored(one, feature),
            ["member", _] => self.of_members(one, feature),
            ["protocol" | "lb_method" | "persistence" | "pool", _] => of_protocols(one, feature),
            ["http", _] => answering(one, feature),
            ["topology", _] => self.two_sided(one, feature, number),
            ["listener" | "vip", _] => self.of_listeners(one, feature, number),
            _ => None,
        }
    }

    fn header(&self, one: &mut LoadBalancer, name: &str) -> Option<()> {
        features::HEADERS.contains(&features::header(name).as_str()).then_some(())?;
        if name.starts_with("X-SSL-") {
            terminated(one);
        } else {
            of_protocol(one, Protocol::Http, Protocol::Http);
        }
        listener(one)?.insert_headers = Some(InsertHeaders { names: vec![name.to_owned()] });
        Some(())
    }

    fn policy(&self, one: &mut LoadBalancer, action: &str, kind: &str, comparison: &str) -> Option<()> {
        let of_tls = kind.starts_with("SSL_");
        if of_tls {
            terminated(one);
        } else {
            of_protocol(one, Protocol::Http, Protocol::Http);
        }
        let action = L7Action::from_str_name(&format!("L7_ACTION_{action}"))?;
        let rule = L7Rule {
            id: self.object(6, 1),
            r#type: L7RuleType::from_str_name(&format!("L7_RULE_TYPE_{kind}"))?.into(),
            compare_type: L7CompareType::from_str_name(&format!("L7_COMPARE_TYPE_{comparison}"))?.into(),
            key: key(kind).to_owned(),
            value: value(kind).to_owned(),
            invert: false,
        };
        let to = |is: L7Action, what: &str| if action == is { what.to_owned() } else { String::new() };
        let redirects = matches!(action, L7Action::RedirectToUrl | L7Action::RedirectPrefix);
        let first = one.pools.first()?.id.clone();
        listener(one)?.policies = vec![L7Policy {
            id: self.object(5, 1),
            name: "policy".to_owned(),
            action: action.into(),
            redirect_pool_id: to(L7Action::RedirectToPool, &first),
            redirect_url: to(L7Action::RedirectToUrl, "https://www.example.org/gone?from=here"),
            redirect_prefix: to(L7Action::RedirectPrefix, "https://www.example.org"),
            redirect_http_code: if redirects { 302 } else { 0 },
            rules: vec![rule],
        }];
        Some(())
    }

    fn monitored(&self, one: &mut LoadBalancer, feature: &str) -> Option<()> {
        let kind = match feature {
            features::MONITOR_TLS_HELLO => MonitorType::TlsHello,
            features::MONITOR_UDP_CONNECT => MonitorType::UdpConnect,
            features::MONITOR_SCTP => MonitorType::Sctp,
            features::MONITOR_RISE => MonitorType::Tcp,
            features::MONITOR_DOMAIN_NAME | features::MONITOR_HTTP_VERSION => MonitorType::Http,
            _ => return None,
        };
        match kind {
            MonitorType::UdpConnect => of_protocol(one, Protocol::Udp, Protocol::Udp),
            MonitorType::Sctp => of_protocol(one, Protocol::Sctp, Protocol::Sctp),
            _ => {}
        }
        let mut monitor = self.monitor(7, kind);
        match feature {
            features::MONITOR_RISE => monitor.rise = 3,
            features::MONITOR_DOMAIN_NAME => {
                (monitor.http_version, monitor.domain_name) = ("1.1".to_owned(), "www.example.org".to_owned());
            }
            features::MONITOR_HTTP_VERSION => "1.0".clone_into(&mut monitor.http_version),
            _ => {}
        }
        one.pools.first_mut()?.monitors = vec![monitor];
        Some(())
    }

    fn two_sided(&self, one: &mut LoadBalancer, feature: &str, number: u8) -> Option<()> {
        one.side = Some(Side {
            number: 1,
            port_id: format!("{:04x}{number:04x}-c0f1-4000-8000-000000000000", self.tag),
            mac: format!("fa:16:3e:98:{:02x}:{number:02x}", self.tag),
            addresses: vec![format!("10.99.{}.{}", self.tag, number.saturating_add(100))],
            peer_addresses: vec![format!("10.99.{}.{}", self.tag, number.saturating_add(200))],
        });
        (feature == features::TOPOLOGY_ACTIVE_STANDBY).then_some(())
    }

    fn of_members(&self, one: &mut LoadBalancer, feature: &str) -> Option<()> {
        let pool = one.pools.first_mut()?;
        let members = &mut pool.members;
        match feature {
            features::MEMBER_BACKUP => members.iter_mut().rev().take(1).for_each(|member| member.backup = true),
            features::MEMBER_MONITOR_ADDRESS => {
                members.iter_mut().for_each(|member| HERE.clone_into(&mut member.monitor_address));
            }
            features::MEMBER_MONITOR_PORT => {
                members.iter_mut().for_each(|member| member.monitor_port = u32::from(MEMBER_PORT) + 1);
            }
            _ => return None,
        }
        if feature != features::MEMBER_BACKUP {
            pool.monitors = vec![self.monitor(8, MonitorType::Tcp)];
        }
        Some(())
    }

    fn of_listeners(&self, one: &mut LoadBalancer, feature: &str, number: u8) -> Option<()> {
        match feature {
            features::LISTENER_TIMEOUTS => {
                let timeouts =
                    Timeouts { client_data: 30_000, member_connect: 2_000, member_data: 40_000, tcp_inspect: 0 };
                listener(one)?.timeouts = Some(timeouts);
            }
            features::LISTENER_ALLOWED_CIDRS => {
                listener(one)?.allowed_cidrs = vec!["10.0.0.0/8".to_owned(), "192.0.2.1/32".to_owned()];
            }
            features::LISTENER_HSTS => {
                terminated(one);
                let hsts = Hsts { max_age: 31_536_000, include_subdomains: true, preload: false };
                listener(one)?.tls.get_or_insert_default().hsts = Some(hsts);
            }
            features::LISTENER_CLIENT_AUTHENTICATION => {
                terminated(one);
                let tls = listener(one)?.tls.get_or_insert_default();
                tls.client_authentication = ClientAuthentication::Optional.into();
                tls.client_ca = Some(named("ca", Kind::Ca));
            }
            features::VIP_ADDITIONAL => {
                let vip = one.vip.clone()?;
                let address = format!("10.97.{}.{number}", self.tag);
                one.additional_vips = vec![Vip { address, prefix_length: 24, gateway: String::new(), ..vip }];
            }
            _ => return None,
        }
        Some(())
    }
}

fn of_protocols(one: &mut LoadBalancer, feature: &str) -> Option<()> {
    match feature {
        features::PROTOCOL_TERMINATED_HTTPS => terminated(one),
        features::PROTOCOL_UDP => of_protocol(one, Protocol::Udp, Protocol::Udp),
        features::PROTOCOL_SCTP => of_protocol(one, Protocol::Sctp, Protocol::Sctp),
        features::PROTOCOL_PROMETHEUS => {
            let listener = listener(one)?;
            listener.protocol = Protocol::Prometheus.into();
            listener.default_pool_id.clear();
        }
        features::PROTOCOL_PROXY => of_protocol(one, Protocol::Tcp, Protocol::Proxy),
        features::PROTOCOL_PROXYV2 => of_protocol(one, Protocol::Tcp, Protocol::Proxyv2),
        features::POOL_OTHER_PROTOCOL => of_protocol(one, Protocol::Tcp, Protocol::Http),
        features::LB_METHOD_SOURCE_IP_PORT => pool(one)?.lb_method = LbMethod::SourceIpPort.into(),
        features::POOL_TLS => pool(one)?.tls = Some(PoolTls::default()),
        features::PERSISTENCE_TIMEOUT | features::PERSISTENCE_GRANULARITY => {
            of_protocol(one, Protocol::Udp, Protocol::Udp);
            let kept = persistence(PersistenceType::SourceIp.into(), "")?;
            pool(one)?.session_persistence = Some(match feature {
                features::PERSISTENCE_TIMEOUT => SessionPersistence { persistence_timeout: 60, ..kept },
                _ => SessionPersistence { persistence_granularity: "255.255.255.0".to_owned(), ..kept },
            });
        }
        _ => return None,
    }
    Some(())
}

/// As a CA asks for that issues a certificate (RFC 8555, 8.3).
fn answering(one: &mut LoadBalancer, feature: &str) -> Option<()> {
    let path = "/.well-known/acme-challenge/evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA".to_owned();
    let content = "evaGxfADs6pSRb2LAv9IZf17Dt3juxGJ-PCt92wr-oA.9jg46WB3rR_AHD-EBXdN7cBkH1WOu0tA3M9fm21mqTI".to_owned();
    one.http_answers = vec![HttpAnswer { path, content }];
    (feature == features::HTTP_ANSWERS).then_some(())
}

fn listener(one: &mut LoadBalancer) -> Option<&mut Listener> {
    one.listeners.first_mut()
}

fn pool(one: &mut LoadBalancer) -> Option<&mut Pool> {
    one.pools.first_mut()
}

fn of_protocol(one: &mut LoadBalancer, listeners: Protocol, pools: Protocol) {
    one.listeners.iter_mut().for_each(|listener| listener.protocol = listeners.into());
    one.pools.iter_mut().for_each(|pool| pool.protocol = pools.into());
}

fn terminated(one: &mut LoadBalancer) {
    of_protocol(one, Protocol::TerminatedHttps, Protocol::Http);
    let tls = ListenerTls { default_certificate: Some(named("certificate", Kind::First)), ..ListenerTls::default() };
    one.listeners.iter_mut().for_each(|listener| listener.tls = Some(tls.clone()));
}

fn key(kind: &str) -> &'static str {
    match kind {
        "HEADER" => "X-Tenant",
        "COOKIE" => "SID",
        "SSL_DN_FIELD" => "CN",
        _ => "",
    }
}

fn value(kind: &str) -> &'static str {
    match kind {
        "SSL_CONN_HAS_CERT" => "True",
        "SSL_VERIFY_RESULT" => "0",
        "PATH" => "/gone",
        _ => "gone",
    }
}
