//! Clients that show certificates.

use std::collections::BTreeMap;

use ballast_abi::{
    ClientAuthentication, InsertHeaders, L7Action, L7CompareType, L7Policy, L7Rule, L7RuleType, ListenerTls, Secret,
};
use ballast_namespace::rehearsal::authority::Authority;

use super::{HTTPS, Secrets, curl, in_tls_world, of, with_tls, write};
use crate::world::World;

const REVOKED: u64 = 7;
/// Whom a client may be: one of the CA's, one that was taken back, another's, or nobody.
const WHO: [&str; 4] = ["good", "revoked", "foreign", "nobody"];

/// The arguments of curl for each.
struct Shown(BTreeMap<&'static str, Vec<String>>);

impl Shown {
    fn new(world: &World<'_>, ca: &Authority) -> Self {
        let foreign = Authority::new("foreign");
        let of = |name: &'static str, (pem, key): (String, String)| {
            let (pem, key) = (write(world, &format!("{name}.pem"), &pem), write(world, &format!("{name}.key"), &key));
            (name, vec!["--cert".to_owned(), pem, "--key".to_owned(), key])
        };
        let all = [
            of("good", ca.issue("good client", &[], 5)),
            of("revoked", ca.issue("revoked client", &[], REVOKED)),
            of("foreign", foreign.issue("good client", &[], 5)),
            ("nobody", Vec::new()),
        ];
        Self(all.into())
    }

    fn ask(&self, world: &World<'_>, who: &str, path: &str) -> Result<String, String> {
        let arguments: Vec<&str> = self.0[who].iter().map(String::as_str).collect();
        curl(world, &format!("{HTTPS}{path}"), &arguments)
    }

    /// Who is answered by a member.
    fn let_in(&self, world: &World<'_>) -> Vec<&'static str> {
        let is_in = |who: &&str| self.ask(world, who, "").is_ok_and(|said| said.ends_with("200 HTTP/1.1"));
        WHO.into_iter().filter(is_in).collect()
    }
}

fn asks(certificate: &Secret, how: ClientAuthentication, ca: &Secret, crl: Option<&Secret>) -> ListenerTls {
    ListenerTls {
        client_authentication: how.into(),
        client_ca: Some(ca.clone()),
        client_crl: crl.cloned(),
        ..of(certificate.clone())
    }
}

fn prepared(world: &World<'_>, secrets: &mut Secrets) -> (Authority, Shown, Secret, Secret, Secret) {
    let ca = Authority::new("clients");
    let shown = Shown::new(world, &ca);
    let certificate = secrets.server("web", 1, &["www.example"]);
    let named = secrets.add("ca", 1, &ca.pem(), "");
    let crl = secrets.add("crl", 1, &ca.revoked(&[REVOKED]), "");
    (ca, shown, certificate, named, crl)
}

#[test]
fn clients_are_let_in_by_their_certificates_and_without_one_where_they_need_none() {
    in_tls_world(|world, mut secrets| {
        let (_, shown, certificate, ca, crl) = prepared(&world, &mut secrets);
        let cases = [
            (ClientAuthentication::None, None, &["good", "revoked", "foreign", "nobody"][..]),
            (ClientAuthentication::Optional, None, &["good", "revoked", "nobody"]),
            (ClientAuthentication::Optional, Some(&crl), &["good", "nobody"]),
            (ClientAuthentication::Mandatory, None, &["good", "revoked"]),
            (ClientAuthentication::Mandatory, Some(&crl), &["good"]),
        ];
        for (generation, (how, crl, expected)) in (1..).zip(cases) {
            secrets.deploy_whole(&world, &with_tls(asks(&certificate, how, &ca, crl)), generation);
            assert_eq!(shown.let_in(&world), expected, "{how:?} with a list: {}", crl.is_some());
        }
        Ok(())
    });
}

#[test]
fn another_list_or_ca_counts_at_once_without_another_process() {
    in_tls_world(|world, mut secrets| {
        let (before, shown, certificate, ca, crl) = prepared(&world, &mut secrets);
        let how = ClientAuthentication::Mandatory;
        secrets.deploy_whole(&world, &with_tls(asks(&certificate, how, &ca, Some(&crl))), 1);
        let pid = world.pid();
        let none = secrets.add("crl", 2, &before.revoked(&[99]), "");
        secrets.deploy_whole(&world, &with_tls(asks(&certificate, how, &ca, Some(&none))), 2);
        assert_eq!(shown.let_in(&world), ["good", "revoked"]);
        let all = secrets.add("crl", 3, &before.revoked(&[5, REVOKED]), "");
        secrets.deploy_whole(&world, &with_tls(asks(&certificate, how, &ca, Some(&all))), 3);
        assert_eq!(shown.let_in(&world), [""; 0]);
        assert_eq!(world.pid(), pid);
        let without = with_tls(asks(&certificate, how, &ca, None));
        secrets.deploy_whole(&world, &without, 4);
        assert_eq!(shown.let_in(&world), ["good", "revoked"]);
        let pid = world.pid();
        let next = Authority::new("next clients");
        let other = secrets.add("ca", 2, &next.pem(), "");
        secrets.deploy_whole(&world, &with_tls(asks(&certificate, how, &other, None)), 5);
        assert_eq!(shown.let_in(&world), [""; 0]);
        let both = secrets.add("ca", 3, &[next.pem(), before.pem()].concat(), "");
        secrets.deploy_whole(&world, &with_tls(asks(&certificate, how, &both, None)), 6);
        assert_eq!(shown.let_in(&world), ["good", "revoked"]);
        assert_eq!(world.pid(), pid);
        Ok(())
    });
}

#[test]
fn members_and_policies_know_who_the_client_is() {
    in_tls_world(|world, mut secrets| {
        let (_, shown, certificate, ca, _) = prepared(&world, &mut secrets);
        let mut asked = with_tls(asks(&certificate, ClientAuthentication::Optional, &ca, None));
        let names = ["Verify", "Has-Cert", "DN", "CN", "SHA1", "Not-Before", "Not-After"];
        let names = names.iter().map(|name| format!("X-SSL-Client-{name}")).chain(["X-SSL-Issuer".to_owned()]);
        asked.listeners[1].insert_headers = Some(InsertHeaders { names: names.collect() });
        secrets.deploy_whole(&world, &asked, 1);
        let good = shown.ask(&world, "good", "headers").unwrap().to_lowercase();
        for expected in [
            "x-ssl-client-verify: 0\n",
            "x-ssl-client-has-cert: 1\n",
            "x-ssl-client-dn: /cn=good client\n",
            "x-ssl-client-cn: good client\n",
            "x-ssl-issuer: /cn=clients\n",
            "x-ssl-client-not-before: 240101000000z\n",
        ] {
            assert!(good.contains(expected), "{expected} is not in {good}");
        }
        let print = good.lines().find_map(|line| line.strip_prefix("x-ssl-client-sha1: ")).unwrap();
        assert_eq!(print.len(), 40, "{print}");
        let nobody = shown.ask(&world, "nobody", "headers").unwrap().to_lowercase();
        assert!(nobody.contains("x-ssl-client-has-cert: 0\n") && !nobody.contains("good client"), "{nobody}");
        let cases = [
            (L7RuleType::SslConnHasCert, "", "True", ["good", "revoked"].as_slice()),
            (L7RuleType::SslVerifyResult, "", "0", &["good", "revoked", "nobody"]),
            (L7RuleType::SslDnField, "CN", "good client", &["good"]),
        ];
        let mut generation = 1;
        for (kind, key, value, refused) in cases {
            for invert in [false, true] {
                generation += 1;
                asked.listeners[1].policies = vec![reject(kind, key, value, invert)];
                secrets.deploy_whole(&world, &asked, generation);
                for who in ["good", "revoked", "nobody"] {
                    let said = shown.ask(&world, who, "").unwrap();
                    let is_refused = said.ends_with("403 HTTP/1.1");
                    assert_eq!(is_refused, refused.contains(&who) != invert, "{kind:?} {invert} {who}: {said}");
                }
            }
        }
        Ok(())
    });
}

fn reject(kind: L7RuleType, key: &str, value: &str, invert: bool) -> L7Policy {
    let rule = L7Rule {
        id: "rule".into(),
        r#type: kind.into(),
        compare_type: L7CompareType::EqualTo.into(),
        key: key.into(),
        value: value.into(),
        invert,
    };
    L7Policy { id: "policy".into(), action: L7Action::Reject.into(), rules: vec![rule], ..L7Policy::default() }
}

/// A client of Python's: what it gets with a certificate, and what it says without one.
const PYTHON: &str = r"
import socket, ssl, sys
ca, cert, key = sys.argv[1:4]
def ask(with_certificate):
    context = ssl.create_default_context(cafile=ca)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    if with_certificate:
        context.load_cert_chain(cert, key)
    try:
        with socket.create_connection(('10.0.0.4', 443), 5) as plain:
            with context.wrap_socket(plain, server_hostname='www.example') as tls:
                tls.sendall(b'GET / HTTP/1.0\r\nHost: www.example\r\n\r\n')
                said = b''
                while more := tls.recv(4096):
                    said += more
                return tls.version() + ' ' + said.split(b'\r\n')[0].decode()
    except ssl.SSLError as error:
        return error.reason
print(ask(True), '|', ask(False))
";

#[test]
fn a_python_client_shows_its_certificate_and_is_told_that_it_needs_one() {
    in_tls_world(|world, mut secrets| {
        let (_, shown, certificate, ca, crl) = prepared(&world, &mut secrets);
        let tls = asks(&certificate, ClientAuthentication::Mandatory, &ca, Some(&crl));
        secrets.deploy_whole(&world, &with_tls(tls), 1);
        let trusted = super::authority(&world).display().to_string();
        let good = &shown.0["good"];
        let said = world.client.output("python3", ["-c", PYTHON, &trusted, &good[1], &good[3]])?;
        assert_eq!(said.trim(), "TLSv1.3 HTTP/1.1 200 OK | TLSV13_ALERT_CERTIFICATE_REQUIRED");
        Ok(())
    });
}
