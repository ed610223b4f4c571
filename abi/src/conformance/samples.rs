//! Load balancers to deploy, as the LBaaS v1 API makes them: one pool, one listener, of one id with the load balancer. Those
//! of other [`shapes`] begin as such a one.
//!
//! Each check has addresses and ids of its own, so that what a failed check leaves on a device is not in the way of
//! another. The network has no provider attributes, as one that an agent makes a bridge for.

pub(super) mod secrets;
mod shapes;
mod v2;

use crate::{
    Capabilities, HealthMonitor, LbMethod, Listener, LoadBalancer, Member, MonitorType, Network, Pool, Protocol,
    SessionPersistence, Vip,
    features::{self, SHAPES},
};

/// What all ids begin with.
const MARK: &str = "c0f0";
/// Of the network that all VIPs are in.
pub(super) const NETWORK: &str = "c0f0c0f0-c0f0-4000-8000-000000000000";
/// The address in that network from which the suite speaks to VIPs, and at which its members answer.
pub(super) const HERE: &str = "10.99.0.1";
/// The first of the ports at which they do.
pub(super) const MEMBER_PORT: u16 = 8080;
/// How many of the members of a load balancer answer.
pub(super) const ANSWERING: u16 = 8;

/// Whose load balancers they are: a check's.
#[derive(Clone, Debug)]
pub(super) struct Samples {
    tag: u8,
    protocol: Protocol,
    method: LbMethod,
    members: u32,
    capabilities: Capabilities,
}

/// Whether the suite has made the load balancer of this id.
pub(super) fn is_ours(id: &str) -> bool {
    id.starts_with(MARK)
}

impl Samples {
    /// Made of what the driver declares only; none when that is not enough for any.
    pub(super) fn of(tag: u8, capabilities: &Capabilities) -> Option<Self> {
        let declares = |feature: &str| capabilities.features.iter().any(|declared| declared == feature);
        let protocols = [
            (features::PROTOCOL_HTTP, Protocol::Http),
            (features::PROTOCOL_TCP, Protocol::Tcp),
            (features::PROTOCOL_HTTPS, Protocol::Https),
        ];
        let methods = [
            (features::LB_METHOD_ROUND_ROBIN, LbMethod::RoundRobin),
            (features::LB_METHOD_LEAST_CONNECTIONS, LbMethod::LeastConnections),
            (features::LB_METHOD_SOURCE_IP, LbMethod::SourceIp),
        ];
        let limit = capabilities.max_members;
        Some(Self {
            tag,
            protocol: protocols.into_iter().find(|(feature, _)| declares(feature))?.1,
            method: methods.into_iter().find(|(feature, _)| declares(feature))?.1,
            members: if limit == 0 { 2 } else { limit.min(2) },
            capabilities: capabilities.clone(),
        })
    }

    /// Two members behind a VIP.
    pub(super) fn load_balancer(&self, number: u8) -> LoadBalancer {
        let id = self.id(number);
        let load_balancer = LoadBalancer {
            project_id: "conformance".to_owned(),
            name: format!("conformance {number}"),
            admin_state_up: true,
            vip: Some(self.vip(number)),
            listeners: vec![Listener {
                id: self.object(1, number.into()),
                name: "listener".to_owned(),
                protocol: self.protocol.into(),
                protocol_port: 80,
                connection_limit: -1,
                default_pool_id: id.clone(),
                admin_state_up: true,
                ..Listener::default()
            }],
            pools: vec![Pool {
                id: id.clone(),
                name: "pool".to_owned(),
                protocol: self.protocol.into(),
                lb_method: self.method.into(),
                admin_state_up: true,
                members: (1..=self.members).map(|member| self.member(number, member)).collect(),
                ..Pool::default()
            }],
            id,
            ..LoadBalancer::default()
        };
        finished(load_balancer)
    }

    pub(super) fn id(&self, number: u8) -> String {
        self.object(0, number.into())
    }

    fn object(&self, kind: u16, number: u32) -> String {
        format!("{MARK}{:04x}-{kind:04x}-4000-8000-{number:012}", self.tag)
    }

    pub(super) fn vip(&self, number: u8) -> Vip {
        Vip {
            // Names of links are made of the first eleven characters.
            port_id: format!("{:04x}{number:04x}-{MARK}-4000-8000-000000000000", self.tag),
            address: format!("10.99.{}.{number}", self.tag),
            prefix_length: 16,
            mac: format!("fa:16:3e:99:{:02x}:{number:02x}", self.tag),
            gateway: HERE.to_owned(),
            routes: Vec::new(),
            network: Some(Network { id: NETWORK.to_owned(), ..Network::default() }),
        }
    }

    /// The first members are ones that answer, where the suite is reached from a VIP.
    pub(super) fn member(&self, load_balancer: u8, number: u32) -> Member {
        let [_, _, high, low] = number.to_be_bytes();
        let (address, port) = if number <= ANSWERING.into() {
            (HERE.to_owned(), u32::from(MEMBER_PORT) + number)
        } else {
            (format!("10.98.{high}.{low}"), MEMBER_PORT.into())
        };
        Member {
            id: self.object(2, u32::from(load_balancer) * 100_000 + number),
            address,
            protocol_port: port,
            weight: 1,
            admin_state_up: true,
            ..Member::default()
        }
    }

    pub(super) fn monitor(&self, number: u32, kind: MonitorType) -> HealthMonitor {
        let http = matches!(kind, MonitorType::Http | MonitorType::Https);
        let text = |text: &str| if http { text.to_owned() } else { String::new() };
        HealthMonitor {
            id: self.object(3, number),
            r#type: kind.into(),
            delay: 5,
            timeout: 2,
            max_retries: 2,
            http_method: text("GET"),
            url_path: text("/"),
            expected_codes: text("200"),
            admin_state_up: true,
            ..HealthMonitor::default()
        }
    }
}

/// With the features that it uses, as the scheduler computes them.
pub(super) fn finished(mut load_balancer: LoadBalancer) -> LoadBalancer {
    load_balancer.features = features::used_by(&load_balancer).into_iter().collect();
    load_balancer
}

/// A load balancer that uses this feature and whatever else it must; `None` for a word that this version does not know.
pub(super) fn using(feature: &str, samples: &Samples, number: u8) -> Option<LoadBalancer> {
    if SHAPES.contains(&feature) {
        return Some(samples.of_shape(feature, number));
    }
    let mut asked = samples.load_balancer(number);
    let pool = asked.pools.first_mut()?;
    match feature {
        features::PROTOCOL_TCP => pool.protocol = Protocol::Tcp.into(),
        features::PROTOCOL_HTTP => pool.protocol = Protocol::Http.into(),
        features::PROTOCOL_HTTPS => pool.protocol = Protocol::Https.into(),
        features::LB_METHOD_ROUND_ROBIN => pool.lb_method = LbMethod::RoundRobin.into(),
        features::LB_METHOD_LEAST_CONNECTIONS => pool.lb_method = LbMethod::LeastConnections.into(),
        features::LB_METHOD_SOURCE_IP => pool.lb_method = LbMethod::SourceIp.into(),
        features::PERSISTENCE_SOURCE_IP => pool.session_persistence = persistence(1, ""),
        features::PERSISTENCE_HTTP_COOKIE => pool.session_persistence = persistence(2, ""),
        features::PERSISTENCE_APP_COOKIE => pool.session_persistence = persistence(3, "JSESSIONID"),
        features::MONITOR_PING => pool.monitors = vec![samples.monitor(1, MonitorType::Ping)],
        features::MONITOR_TCP => pool.monitors = vec![samples.monitor(2, MonitorType::Tcp)],
        features::MONITOR_HTTP => pool.monitors = vec![samples.monitor(3, MonitorType::Http)],
        features::MONITOR_HTTPS => pool.monitors = vec![samples.monitor(4, MonitorType::Https)],
        features::IPV6 => {
            for (at, member) in (1_u32..).zip(&mut pool.members) {
                member.address = format!("fd00:98::{at}");
            }
            let vip = asked.vip.as_mut()?;
            vip.address = format!("fd00:99::{}:{number}", samples.tag);
            vip.prefix_length = 64;
            vip.gateway = "fd00:99::1".to_owned();
        }
        features::DEPLOY_SILENT => asked.silent = true,
        _ => return samples.of_v2(feature, number).map(finished),
    }
    let protocol = asked.pools.first()?.protocol;
    asked.listeners.iter_mut().for_each(|listener| listener.protocol = protocol);
    Some(finished(asked))
}

fn persistence(kind: i32, cookie_name: &str) -> Option<SessionPersistence> {
    Some(SessionPersistence { r#type: kind, cookie_name: cookie_name.to_owned(), ..SessionPersistence::default() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_feature_has_a_load_balancer_that_uses_it() {
        let samples = Samples::of(9, &features::capabilities(features::all())).unwrap();
        for feature in features::all() {
            let used = using(feature, &samples, 1).unwrap().features;
            assert!(used.iter().any(|used| used == feature), "{feature}: {used:?}");
        }
        assert!(using("tls:1.3", &samples, 1).is_none());
    }

    #[test]
    fn a_driver_that_declares_little_gets_no_more() {
        let little = features::capabilities([features::PROTOCOL_TCP, features::LB_METHOD_SOURCE_IP]);
        let asked = Samples::of(1, &Capabilities { max_members: 1, ..little.clone() }).unwrap().load_balancer(3);
        assert_eq!(features::check(&asked, &little), Ok(()));
        assert_eq!(asked.pools[0].members.len(), 1);
        assert!(Samples::of(1, &features::capabilities([features::IPV6])).is_none());
    }

    #[test]
    fn load_balancers_of_one_check_and_of_two_have_nothing_in_common() {
        let all = features::capabilities(features::ALL_V1);
        let (one, other) = (Samples::of(1, &all).unwrap(), Samples::of(2, &all).unwrap());
        let keys = |samples: &Samples, number| {
            let asked = samples.load_balancer(number);
            let vip = asked.vip.unwrap();
            [asked.id, asked.listeners[0].id.clone(), vip.address, vip.mac, vip.port_id[..11].to_owned()]
        };
        let mut seen: Vec<String> = [keys(&one, 1), keys(&one, 2), keys(&other, 1)].concat();
        seen.sort();
        let before = seen.len();
        seen.dedup();
        assert_eq!(seen.len(), before, "{seen:?}");
    }
}
