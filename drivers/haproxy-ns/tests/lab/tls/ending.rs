//! TLS that ends at a listener.

use std::collections::BTreeSet;

use ballast_abi::{Hsts, InsertHeaders, L7Action, L7CompareType, L7Policy, L7Rule, L7RuleType, ListenerTls, Protocol};
use ballast_driver_haproxy_ns::ProcessModel;
use ballast_lab::require_tool;

use super::{HTTPS, curl, in_tls_world, of, s_client, shown_to, with_tls};
use crate::world::{self, VIP, World};

const OLD: [(&str, &str); 2] = [("-tls1", "TLSv1"), ("-tls1_1", "TLSv1.1")];
const MODERN: [(&str, &str); 2] = [("-tls1_2", "TLSv1.2"), ("-tls1_3", "TLSv1.3")];

/// The versions that OpenSSL's client gets a handshake with, where it would speak any.
fn spoken(world: &World<'_>) -> Vec<&'static str> {
    let tries = OLD.into_iter().chain(MODERN);
    let speaks = |flag: &str| s_client(world, &[flag, "-cipher", "ALL:@SECLEVEL=0", "-servername", "www.example"]);
    tries.filter(|(flag, _)| speaks(flag).is_ok()).map(|(_, version)| version).collect()
}

#[test]
fn tls_ends_at_the_listener_and_members_are_told_of_it_in_plain_http() {
    in_tls_world(|world, mut secrets| {
        let mut asked = with_tls(of(secrets.server("web", 1, &["www.example"])));
        secrets.deploy_whole(&world, &asked, 1);
        let answers: BTreeSet<String> = (0..6).map(|_| curl(&world, HTTPS, &[]).unwrap()).collect();
        assert_eq!(answers, ["web-1\n200 HTTP/1.1", "web-2\n200 HTTP/1.1"].map(str::to_owned).into());
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        let names = ["X-Forwarded-Proto", "X-Forwarded-Port", "X-SSL-Client-Has-Cert"].map(str::to_owned);
        asked.listeners[1].insert_headers = Some(InsertHeaders { names: names.to_vec() });
        secrets.deploy_whole(&world, &asked, 2);
        let url = format!("{HTTPS}headers");
        let lies = ["X-SSL-Client-CN: root", "x-ssl-client-has-cert: 1", "X-Ssl-Client-Verify: 0", "X-Own: mine"];
        let lies: Vec<&str> = lies.iter().flat_map(|lie| ["-H", lie]).collect();
        let headers = curl(&world, &url, &lies).unwrap().to_lowercase();
        for expected in ["x-forwarded-proto: https", "x-forwarded-port: 443", "x-ssl-client-has-cert: 0", "x-own: mine"]
        {
            assert!(headers.contains(expected), "{expected} is not in {headers}");
        }
        for lie in ["x-ssl-client-cn", "x-ssl-client-verify", "has-cert: 1"] {
            assert!(!headers.contains(lie), "a client has told a member {lie}: {headers}");
        }
        Ok(())
    });
}

#[test]
fn versions_and_ciphers_are_those_that_are_asked_for_and_modern_ones_where_none_are() {
    in_tls_world(|world, mut secrets| {
        let certificate = secrets.server("web", 1, &["www.example"]);
        secrets.deploy_whole(&world, &with_tls(of(certificate.clone())), 1);
        assert_eq!(spoken(&world), ["TLSv1.2", "TLSv1.3"]);
        let cases: [(&[&str], &[&str]); 3] = [
            (&["TLSv1.3"], &["TLSv1.3"]),
            (&["TLSv1.2"], &["TLSv1.2"]),
            (&["TLSv1", "TLSv1.1"], &["TLSv1", "TLSv1.1"]),
        ];
        for (generation, (versions, expected)) in (2..).zip(cases) {
            let versions = versions.iter().map(|version| (*version).to_owned()).collect();
            let ciphers = "TLS_AES_128_GCM_SHA256:ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES128-GCM-SHA256".to_owned();
            let tls = ListenerTls { versions, ciphers, ..of(certificate.clone()) };
            secrets.deploy_whole(&world, &with_tls(tls), generation);
            assert_eq!(spoken(&world), expected);
        }
        let versions = ["TLSv1.1", "TLSv1.3"].map(str::to_owned).to_vec();
        let faults = secrets.deploy(&world, &with_tls(ListenerTls { versions, ..of(certificate.clone()) }), 8);
        assert!(faults[0].fault.as_ref().unwrap().message.contains("TLSv1.1 is left out"), "{faults:?}");
        assert_eq!(spoken(&world), ["TLSv1.3"]);
        let ciphers = "TLS_CHACHA20_POLY1305_SHA256:ECDHE-ECDSA-AES256-GCM-SHA384".to_owned();
        secrets.deploy_whole(&world, &with_tls(ListenerTls { ciphers, ..of(certificate) }), 9);
        let gets = |version: &str, flag: &str, cipher: &str| s_client(&world, &[version, flag, cipher]).is_ok();
        assert!(gets("-tls1_2", "-cipher", "ECDHE-ECDSA-AES256-GCM-SHA384"));
        assert!(!gets("-tls1_2", "-cipher", "ECDHE-ECDSA-AES128-GCM-SHA256"));
        assert!(gets("-tls1_3", "-ciphersuites", "TLS_CHACHA20_POLY1305_SHA256"));
        assert!(!gets("-tls1_3", "-ciphersuites", "TLS_AES_128_GCM_SHA256"));
        Ok(())
    });
}

#[test]
fn http_2_is_spoken_where_it_is_asked_for_and_alpn_offers_nothing_else() {
    in_tls_world(|world, mut secrets| {
        let certificate = secrets.server("web", 1, &["www.example"]);
        let agreed = |offered: &str| {
            let said = s_client(&world, &["-alpn", offered, "-servername", "www.example"]).unwrap();
            let line = said.lines().find_map(|line| line.strip_prefix("ALPN protocol: "));
            line.map(str::to_owned)
        };
        let with = |protocols: &[&str]| {
            let alpn_protocols = protocols.iter().map(|name| (*name).to_owned()).collect();
            with_tls(ListenerTls { alpn_protocols, ..of(certificate.clone()) })
        };
        secrets.deploy_whole(&world, &with(&["h2", "http/1.1", "http/1.0"]), 1);
        assert_eq!(agreed("h2,http/1.1").as_deref(), Some("h2"));
        assert_eq!(agreed("http/1.1").as_deref(), Some("http/1.1"));
        assert_eq!(agreed("http/1.0").as_deref(), Some("http/1.0"));
        for _ in 0..4 {
            assert!(curl(&world, HTTPS, &["--http2"]).unwrap().ends_with("\n200 HTTP/2"));
        }
        // Several requests over one connection.
        let several = curl(&world, HTTPS, &["--http2", "--no-progress-meter", "-Z", HTTPS, HTTPS, HTTPS]).unwrap();
        assert_eq!(several.matches("200 HTTP/2").count(), 4, "{several}");
        secrets.deploy_whole(&world, &with(&["http/1.1"]), 2);
        assert_eq!(agreed("h2,http/1.1").as_deref(), Some("http/1.1"));
        assert!(curl(&world, HTTPS, &["--http2"]).unwrap().ends_with("\n200 HTTP/1.1"));
        secrets.deploy_whole(&world, &with(&[]), 3);
        assert_eq!(agreed("h2,http/1.1"), None);
        Ok(())
    });
}

#[test]
fn each_name_has_its_certificate_and_other_names_the_default_or_the_first() {
    in_tls_world(|world, mut secrets| {
        let default = secrets.server("default", 1, &["default.example"]);
        let names = [secrets.server("one", 1, &["one.example"]), secrets.server("two", 1, &["*.two.example"])];
        let tls = ListenerTls { sni_certificates: names.to_vec(), ..of(default) };
        secrets.deploy_whole(&world, &with_tls(tls.clone()), 1);
        for (name, shown) in [
            ("one.example", "one.example"),
            ("www.two.example", "*.two.example"),
            ("default.example", "default.example"),
            ("unknown.example", "default.example"),
        ] {
            assert_eq!(shown_to(&world, name), shown, "{name}");
        }
        assert_eq!(curl(&world, "https://one.example/", &[]).unwrap().rsplit_once('\n').unwrap().1, "200 HTTP/1.1");
        let without = ListenerTls { default_certificate: None, ..tls };
        secrets.deploy_whole(&world, &with_tls(without), 2);
        assert_eq!(shown_to(&world, "unknown.example"), "one.example");
        assert_eq!(shown_to(&world, "www.two.example"), "*.two.example");
        Ok(())
    });
}

#[test]
fn browsers_are_told_of_strict_transport_by_every_answer_also_by_those_of_haproxy_itself() {
    in_tls_world(|world, mut secrets| {
        let hsts = Hsts { max_age: 31_536_000, include_subdomains: true, preload: false };
        let certificate = secrets.server("web", 1, &["www.example"]);
        let mut asked = with_tls(ListenerTls { hsts: Some(hsts), ..of(certificate) });
        let rule = L7Rule {
            id: "rule".into(),
            r#type: L7RuleType::Path.into(),
            compare_type: L7CompareType::StartsWith.into(),
            value: "/refused".into(),
            ..L7Rule::default()
        };
        let action = L7Action::Reject.into();
        asked.listeners[1].policies =
            vec![L7Policy { id: "policy".into(), action, rules: vec![rule], ..L7Policy::default() }];
        secrets.deploy_whole(&world, &asked, 1);
        for (path, status) in [("", "200"), ("refused", "403"), ("unknown", "404")] {
            let said = curl(&world, &format!("{HTTPS}{path}"), &["-i"]).unwrap().to_lowercase();
            assert!(said.contains(&format!("http/1.1 {status}")), "{said}");
            assert!(said.contains("strict-transport-security: max-age=31536000; includesubdomains\r\n"), "{said}");
        }
        assert!(!world.get(&format!("{VIP}headers")).unwrap().to_lowercase().contains("strict"));
        Ok(())
    });
}

#[test]
fn a_handshake_is_taken_up_again_and_metrics_are_told_through_tls() {
    in_tls_world(|world, mut secrets| {
        let certificate = secrets.server("web", 1, &["www.example"]);
        let mut asked = with_tls(of(certificate));
        secrets.deploy_whole(&world, &asked, 1);
        let kept = world.lab.dir().join("session").display().to_string();
        for version in ["-tls1_2", "-tls1_3"] {
            // TLS 1.3 tells its ticket after the handshake, with the first answer.
            let script = format!(
                "(printf 'GET / HTTP/1.0\\r\\n\\r\\n'; sleep 1) | openssl s_client -connect 10.0.0.4:443 {version} -sess_out {kept} \
                 -ign_eof >/dev/null 2>&1; openssl s_client -connect 10.0.0.4:443 {version} -sess_in {kept} </dev/null 2>/dev/null"
            );
            let said = world.client.output("sh", ["-c", &script])?;
            assert!(said.contains("Reused, "), "{version}: {said}");
        }
        if world::process_model() == ProcessModel::PerLoadBalancer {
            asked.listeners[1].protocol = Protocol::Prometheus.into();
            asked.listeners[1].default_pool_id.clear();
            secrets.deploy_whole(&world, &asked, 2);
            let metrics = curl(&world, &format!("{HTTPS}metrics"), &[]).unwrap();
            assert!(metrics.contains("haproxy_process_start_time_seconds"), "{metrics}");
        }
        Ok(())
    });
}

/// sslscan's own judgement: what it finds obsolete or weak is none of the usual settings.
#[test]
fn a_scanner_finds_nothing_obsolete_in_the_usual_settings() {
    if !require_tool("sslscan", "a_scanner_finds_nothing_obsolete_in_the_usual_settings") {
        return;
    }
    in_tls_world(|world, mut secrets| {
        let certificate = secrets.server("web", 1, &["www.example"]);
        secrets.deploy_whole(&world, &with_tls(of(certificate)), 1);
        let scan = ["--no-colour", "--sni-name=www.example", "10.0.0.4:443"];
        let said = world.client.output("sslscan", scan)?;
        for (version, expected) in [
            ("SSLv2", "disabled"),
            ("SSLv3", "disabled"),
            ("TLSv1.0", "disabled"),
            ("TLSv1.1", "disabled"),
            ("TLSv1.2", "enabled"),
            ("TLSv1.3", "enabled"),
        ] {
            let line = said.lines().find(|line| line.starts_with(version)).unwrap_or_default();
            assert!(line.ends_with(expected), "{version}: {line:?}\n{said}");
        }
        let accepted: Vec<&str> =
            said.lines().filter(|line| line.starts_with("Accepted") || line.starts_with("Preferred")).collect();
        assert!(accepted.len() >= 4, "{said}");
        let strong = |line: &&str| line.contains("GCM") || line.contains("CHACHA20");
        assert!(accepted.iter().all(strong), "{accepted:?}");
        assert!(said.contains("not vulnerable to heartbleed") && !said.contains("Compression enabled"), "{said}");
        Ok(())
    });
}
