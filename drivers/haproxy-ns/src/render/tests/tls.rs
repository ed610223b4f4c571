//! TLS: each configuration is given to haproxy with certificates to read.

use ballast_abi::{
    ClientAuthentication, Hsts, InsertHeaders, L7Action, L7CompareType, L7RuleType, Listener, ListenerTls,
    LoadBalancer, MonitorType, PoolTls, Protocol, Secret,
};
use ballast_namespace::rehearsal::authority::Authority;

use super::*;
use crate::secrets::Kind;

fn secret(name: &str) -> Secret {
    Secret { reference: format!("https://barbican.example/v1/containers/{name}"), digest: "ab".repeat(32) }
}

fn asked(change: impl FnOnce(&mut LoadBalancer)) -> LoadBalancer {
    let mut asked = samples::load_balancer(Protocol::TerminatedHttps);
    asked.pools[0].protocol = Protocol::Http.into();
    let default_certificate = Some(secret("default"));
    asked.listeners[0].tls = Some(ListenerTls { default_certificate, ..ListenerTls::default() });
    change(&mut asked);
    asked
}

fn tls(asked: &mut LoadBalancer) -> &mut ListenerTls {
    asked.listeners[0].tls.get_or_insert_default()
}

/// With files of these names, which haproxy reads.
fn check_tls(name: &str, load_balancer: &LoadBalancer) -> String {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().to_str().unwrap();
    let page = Page::of(&samples::validated(load_balancer), &samples::config(), true, path);
    let authority = Authority::new("authority");
    let (certificate, key) = authority.issue("www.example", &["www.example"], 1);
    for secret in &page.secrets {
        let text = match secret.kind {
            Kind::Certificate => format!("{certificate}{key}"),
            Kind::Ca => authority.pem(),
            Kind::Crl => authority.revoked(&[7]),
        };
        fs::write(secret.path(), text).unwrap();
    }
    for (name, text) in page.lists() {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let text = render(&page).unwrap();
    accepted(name, &load_balancer.id, &text);
    let shown = text.replace(path, "SECRETS");
    insta::assert_snapshot!(name, shown);
    shown
}

#[test]
fn a_listener_at_which_tls_ends_is_accepted_by_haproxy() {
    check_tls("tls-plain", &asked(|_| {}));
    let all = asked(|one| {
        one.additional_vips = vec![ballast_abi::Vip { address: "10.0.1.4".into(), ..samples::vip("10.0.1.4") }];
        let tls = tls(one);
        tls.sni_certificates = vec![secret("one"), secret("default"), secret("two")];
        tls.client_authentication = ClientAuthentication::Mandatory.into();
        (tls.client_ca, tls.client_crl) = (Some(secret("ca")), Some(secret("crl")));
        tls.ciphers = "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES256-GCM-SHA384".into();
        tls.versions = vec!["TLSv1.3".into(), "TLSv1.2".into(), "TLSv1.1".into()];
        tls.alpn_protocols = vec!["h2".into(), "http/1.1".into(), "http/1.0".into()];
        tls.hsts = Some(Hsts { max_age: 31_536_000, include_subdomains: true, preload: true });
        let names = ["X-Forwarded-Proto", "X-SSL-Client-Verify", "X-SSL-Client-DN", "X-SSL-Issuer"];
        let names = names.map(str::to_owned).to_vec();
        one.listeners[0].insert_headers = Some(InsertHeaders { names });
        let policy = |id: &str, kind, value: &str| {
            let mut policy = samples::policy(id, L7Action::Reject, kind, L7CompareType::EqualTo);
            policy.rules[0].value = value.to_owned();
            if kind == L7RuleType::SslDnField {
                policy.rules[0].key = "CN".to_owned();
            }
            policy
        };
        one.listeners[0].policies = vec![
            policy("has", L7RuleType::SslConnHasCert, "True"),
            policy("verified", L7RuleType::SslVerifyResult, "0"),
            policy("named", L7RuleType::SslDnField, "somebody else"),
        ];
    });
    check_tls("tls-all", &all);
}

#[test]
fn tls_to_members_is_accepted_by_haproxy_and_their_checks_follow_it() {
    for kind in [MonitorType::Http, MonitorType::Tcp, MonitorType::TlsHello] {
        let asked = asked(|one| {
            let pool = &mut one.pools[0];
            pool.monitors = vec![samples::monitor(kind)];
            pool.tls = Some(PoolTls {
                client_certificate: Some(secret("own")),
                ca: Some(secret("ca")),
                crl: Some(secret("crl")),
                alpn_protocols: vec!["h2".into(), "http/1.1".into()],
                ..PoolTls::default()
            });
        });
        let name = format!("tls-members-{}", kind.as_str_name().trim_start_matches("MONITOR_TYPE_").to_lowercase());
        let text = check_tls(&name, &asked);
        assert!(kind == MonitorType::Tcp || text.contains("connect ssl"), "{text}");
    }
    check_tls("tls-members-unverified", &asked(|one| one.pools[0].tls = Some(PoolTls::default())));
}

#[test]
fn a_pool_of_proxyv2_is_told_of_the_clients_tls_by_listeners_that_end_it_alone() {
    let text = check_tls(
        "tls-proxyv2",
        &asked(|one| {
            one.pools[0].protocol = Protocol::Proxyv2.into();
            let plain = Listener {
                id: "plain".into(),
                protocol: Protocol::Http.into(),
                protocol_port: 81,
                tls: None,
                ..one.listeners[0].clone()
            };
            one.listeners.push(plain);
        }),
    );
    assert_eq!(text.matches("send-proxy-v2-ssl-cn").count(), 2, "{text}");
    assert!(text.lines().any(|line| line.contains("server ") && line.ends_with("send-proxy-v2")), "{text}");
}

#[test]
fn metrics_are_told_through_tls_where_they_have_a_certificate() {
    let of_metrics = asked(|one| {
        one.listeners[0].protocol = Protocol::Prometheus.into();
        one.listeners[0].default_pool_id.clear();
    });
    let text = check_tls("tls-metrics", &of_metrics);
    assert!(text.contains("ssl crt-list SECRETS/") && text.contains("prometheus-exporter"), "{text}");
}
