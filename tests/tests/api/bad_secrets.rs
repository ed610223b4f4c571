//! Every field that names a secret, with whatever can be wrong with what is behind it: the words are Octavia's, for certificates
//! that are kept here and for a real Barbican's.

use ballast_tests::rest::Reply;
use base64::Engine as _;
use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, SerialNumber,
};
use serde_json::{Value, json};

use crate::{
    barbican::{World, until},
    certificates::{ALL, Pem, keep_secrets},
    played::able,
    services::Services,
};

const NOTHING: &str = "http://barbican/v1/secrets/11111111-2222-3333-4444-555555555555";
const NOT_PKCS12: &str = "The PKCS12 bundle is unreadable. Please check the PKCS12 bundle validity. In addition, make sure it does \
                          not require a pass phrase. Error: ";
const NO_CA: &str = "Validation failure: The client authentication CA certificate is invalid. It must be a valid x509 PEM format \
                     certificate. Error: ";
const NO_LIST: &str = "Validation failure: The client authentication certificate revocation list is invalid. It must be a valid \
                       x509 PEM format certificate revocation list. Error: ";
const OTHER_LIST: &str =
    "Validation failure: The CRL specified is not valid for client certificate authority reference supplied.";
const NAMELESS: &str = "No CN or DNSName(s) found in certificate. The certificate is invalid.";

/// What a field names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Names {
    Certificate,
    Ca,
    List,
}

/// Each field of a listener and of a pool.
const FIELDS: [(&str, &str, Names); 7] = [
    ("listener", "default_tls_container_ref", Names::Certificate),
    ("listener", "sni_container_refs", Names::Certificate),
    ("listener", "client_ca_tls_container_ref", Names::Ca),
    ("listener", "client_crl_container_ref", Names::List),
    ("pool", "tls_container_ref", Names::Certificate),
    ("pool", "ca_tls_container_ref", Names::Ca),
    ("pool", "crl_container_ref", Names::List),
];

/// What is fine, and named beside what is tried.
struct Fine {
    certificate: String,
    ca: String,
}

/// A write that names this by this field, and all else that it takes.
fn body(
    load_balancer: &str,
    fine: &Fine,
    (object, field, names): (&str, &str, Names),
    reference: &str,
) -> (String, Value) {
    let mut body = match object {
        "listener" => json!({
            "loadbalancer_id": load_balancer, "protocol": "TERMINATED_HTTPS", "protocol_port": 9443,
            "default_tls_container_ref": fine.certificate,
        }),
        _ => json!({
            "loadbalancer_id": load_balancer, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "tls_enabled": true,
        }),
    };
    if names == Names::List {
        body[if object == "listener" { "client_ca_tls_container_ref" } else { "ca_tls_container_ref" }] =
            json!(fine.ca);
    }
    body[field] = if field == "sni_container_refs" { json!([reference]) } else { json!(reference) };
    (format!("/v2.0/lbaas/{object}s"), json!({ object: body }))
}

fn not_retrieved(reference: &str) -> String {
    format!("Could not retrieve certificate: ['{reference}']")
}

/// `said`: what it begins with.
fn refused(reply: &Reply, said: &str, case: &str) {
    let found = reply.body["faultstring"].as_str().unwrap_or_default();
    assert!(reply.status == 400 && found.starts_with(said), "{case}: {said:?} is not how this begins: {reply}");
}

/// Certificates of every kind, as PEM.
struct Made {
    ca: CertifiedIssuer<'static, KeyPair>,
}

impl Made {
    fn new(name: &str) -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.distinguished_name.push(DnType::CommonName, name);
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        Self { ca: CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap() }
    }

    fn list(&self, until: i32) -> String {
        let list = CertificateRevocationListParams {
            this_update: rcgen::date_time_ymd(2020, 1, 1),
            next_update: rcgen::date_time_ymd(until, 1, 1),
            crl_number: SerialNumber::from(7),
            issuing_distribution_point: None,
            revoked_certs: Vec::new(),
            key_identifier_method: KeyIdMethod::Sha256,
        };
        list.signed_by(&self.ca).unwrap().pem().unwrap()
    }
}

/// A certificate that signed itself, good until this year, and its key.
fn certificate(names: &[&str], until: i32) -> [String; 2] {
    let mut params = CertificateParams::new(names.iter().map(|name| (*name).to_owned()).collect::<Vec<_>>()).unwrap();
    params.distinguished_name.remove(DnType::CommonName);
    params.distinguished_name.push(DnType::OrganizationName, "o");
    (params.not_before, params.not_after) = (rcgen::date_time_ymd(2020, 1, 1), rcgen::date_time_ymd(until, 1, 1));
    let key = KeyPair::generate().unwrap();
    [params.self_signed(&key).unwrap().pem(), key.serialize_pem()]
}

#[tokio::test]
async fn what_is_kept_here_and_is_not_for_a_field_is_refused_in_octavias_words() {
    let services = Services::with(keep_secrets).await;
    able(&services.channel, "a").await;
    let (one, other) = (Made::new("one"), Made::new("other"));
    let keep = async |kind: &str, chain: &str| {
        let body = json!({ "certificate": { "kind": kind, "certificate_chain": chain } });
        services.create(ALL, body).await.object()["reference"].as_str().unwrap().to_owned()
    };
    let certificate = services.create(ALL, Pem::of("www.example").body("web")).await;
    let certificate = certificate.object()["reference"].as_str().unwrap().to_owned();
    let fine = Fine { certificate: certificate.clone(), ca: keep("CA", &one.ca.pem()).await };
    let (list, others) = (keep("CRL", &one.list(4000)).await, keep("CRL", &other.list(4000)).await);
    let subnet = services.subnet().await;
    let whole = json!({ "loadbalancer": { "vip_subnet_id": subnet } });
    let load_balancer = services.create("/v2.0/lbaas/loadbalancers", whole).await.id();
    for field in FIELDS {
        let (good, wrong): (_, &[(&str, String)]) = match field.2 {
            Names::Certificate => {
                (&certificate, &[(fine.ca.as_str(), not_retrieved(&fine.ca)), (&list, not_retrieved(&list))])
            }
            Names::Ca => (&fine.ca, &[(certificate.as_str(), NO_CA.to_owned()), (&list, NO_CA.to_owned())]),
            Names::List => (
                &list,
                &[
                    (certificate.as_str(), NO_LIST.to_owned()),
                    (&fine.ca, NO_LIST.to_owned()),
                    (&others, OTHER_LIST.to_owned()),
                ],
            ),
        };
        for (reference, said) in wrong.iter().cloned().chain([(NOTHING, not_retrieved(NOTHING))]) {
            let (path, body) = body(&load_balancer, &fine, field, reference);
            for query in ["", "?validate_only=true"] {
                let reply = services.call("POST", &format!("{path}{query}"), Some(body.clone())).await;
                refused(&reply, &said, &format!("{field:?}{query}"));
            }
        }
        let (path, body) = body(&load_balancer, &fine, field, good);
        let made = services.call("POST", &path, Some(body)).await;
        assert_eq!(made.status, 201, "{field:?}: {made}");
        assert_eq!(services.call("DELETE", &format!("{path}/{}", made.id()), None).await.status, 204);
    }
}

/// What a secret of Barbican's, or a container, is; what is told; and where.
type Case = (&'static str, String, String);

impl World {
    fn text_secret(&self, text: &str) -> String {
        self.ann().text(text)
    }

    fn pair(&self, certificate: &str, key: &str) -> String {
        let (certificate, key) = (self.text_secret(certificate), self.text_secret(key));
        self.ann().container("certificate", &[("certificate", &certificate), ("private_key", &key)])
    }

    fn bad_certificates(&self) -> Vec<Case> {
        let ([good, key], [_, others]) = (certificate(&["www.example"], 4000), certificate(&["other.example"], 4000));
        let [nameless, its_key] = certificate(&[], 4000);
        let [old, its_own] = certificate(&["www.example"], 2021);
        std::fs::write(self.directory().join("both.pem"), format!("{good}{key}")).unwrap();
        self.openssl("pkcs12 -export -in both.pem -passout pass:s3cret -out locked.p12");
        let locked = std::fs::read(self.directory().join("locked.p12")).unwrap();
        let encoded = |bytes: &[u8]| base64::engine::general_purpose::STANDARD.encode(bytes);
        let public = self.text_secret("-----BEGIN PUBLIC KEY-----\nAAAA\n-----END PUBLIC KEY-----\n");
        let private = self.text_secret(&key);
        let rsa = self.ann().container("rsa", &[("public_key", &public), ("private_key", &private)]);
        let retrieved = |case, reference: String| (case, not_retrieved(&reference), reference);
        let cases = [
            retrieved("another kind of container", rsa),
            retrieved("a key that does not fit", self.pair(&good, &others)),
            retrieved("a certificate that is damaged", self.pair(&good.replace("MII", "AAA"), &key)),
            ("no PEM", NOT_PKCS12.to_owned(), self.text_secret("nothing at all")),
            ("a bundle with a passphrase", NOT_PKCS12.to_owned(), self.ann().bytes(&encoded(&locked))),
            ("half a bundle", NOT_PKCS12.to_owned(), self.ann().bytes(&encoded(&locked[..locked.len() / 2]))),
            ("a certificate without its key", NOT_PKCS12.to_owned(), self.text_secret(&good)),
            ("for no name", NAMELESS.to_owned(), self.pair(&nameless, &its_key)),
            ("expired", "Validation failure: The certificate behind ".to_owned(), self.pair(&old, &its_own)),
        ];
        cases.to_vec()
    }

    /// Of CAs or of lists.
    fn bad_texts(&self, said: &str, old: &str) -> Vec<Case> {
        let [good, key] = certificate(&["www.example"], 4000);
        let container = self.pair(&good, &key);
        vec![
            ("a container", not_retrieved(&container), container),
            ("no PEM", said.to_owned(), self.text_secret("nothing at all")),
            ("a key", said.to_owned(), self.text_secret(&key)),
            ("expired", said.to_owned(), self.text_secret(old)),
        ]
    }
}

#[test]
fn what_a_barbican_has_and_cannot_be_used_is_refused_in_octavias_words() {
    let Some(world) = World::start("what_a_barbican_has_and_cannot_be_used_is_refused_in_octavias_words") else {
        return;
    };
    let (one, other) = (Made::new("one"), Made::new("other"));
    let [good, key] = certificate(&["www.example"], 4000);
    let fine = Fine { certificate: world.pair(&good, &key), ca: world.text_secret(&one.ca.pem()) };
    let (list, others) = (world.text_secret(&one.list(4000)), world.text_secret(&other.list(4000)));
    let [mut old, _] = certificate(&["old"], 2021);
    let (certificates, cas) = (world.bad_certificates(), world.bad_texts(NO_CA, &old));
    old = one.list(2021);
    let mut lists = world.bad_texts(NO_LIST, &old);
    lists.push(("of another CA", OTHER_LIST.to_owned(), others));
    let token = world.token();
    let load_balancer = world.load_balancer(token);
    for field in FIELDS {
        let (good, bad) = match field.2 {
            Names::Certificate => (&fine.certificate, &certificates),
            Names::Ca => (&fine.ca, &cas),
            Names::List => (&list, &lists),
        };
        let gone = ("nothing", not_retrieved(NOTHING), NOTHING.to_owned());
        for (case, said, reference) in bad.iter().chain([&gone]) {
            let (path, body) = body(&load_balancer, &fine, field, reference);
            refused(&world.call(token, "POST", &path, Some(body)), said, &format!("{field:?}, {case}"));
        }
        let (path, body) = body(&load_balancer, &fine, field, good);
        let made = world.call(token, "POST", &path, Some(body));
        assert_eq!(made.status, 201, "{field:?}: {made}");
        assert_eq!(world.call(token, "DELETE", &format!("{path}/{}", made.id()), None).status, 204);
    }
}

#[test]
fn intermediates_of_a_container_may_be_pkcs7() {
    let Some(world) = World::start("intermediates_of_a_container_may_be_pkcs7") else { return };
    let authority = Made::new("middle");
    let key = KeyPair::generate().unwrap();
    let leaf = CertificateParams::new(vec!["www.example".to_owned()]).unwrap().signed_by(&key, &authority.ca).unwrap();
    let (ann, token) = (world.ann(), world.token());
    std::fs::write(world.directory().join("middle.pem"), authority.ca.pem()).unwrap();
    world.openssl("crl2pkcs7 -nocrl -certfile middle.pem -out middle.p7b");
    world.openssl("crl2pkcs7 -nocrl -certfile middle.pem -outform DER -out middle.p7");
    let der = std::fs::read(world.directory().join("middle.p7")).unwrap();
    let (leaf, key) = (ann.text(&leaf.pem()), ann.text(&key.serialize_pem()));
    let load_balancer = world.load_balancer(token);
    let bundles =
        [ann.text(&world.text("middle.p7b")), ann.bytes(&base64::engine::general_purpose::STANDARD.encode(der))];
    for (bundle, port) in bundles.iter().zip([443, 8443]) {
        let parts = [("certificate", leaf.as_str()), ("private_key", &key), ("intermediates", bundle)];
        let container = ann.container("certificate", &parts);
        let made = world.listen(token, &load_balancer, port, &json!({ "default_tls_container_ref": container }));
        assert_eq!(made.status, 201, "{made}");
    }
    let damaged = ann.text("-----BEGIN PKCS7-----\nAAAA\n-----END PKCS7-----\n");
    let parts = [("certificate", leaf.as_str()), ("private_key", &key), ("intermediates", &damaged)];
    let container = ann.container("certificate", &parts);
    let reply = world.listen(token, &load_balancer, 9443, &json!({ "default_tls_container_ref": container }));
    refused(&reply, &not_retrieved(&container), "a damaged bundle");
}

#[test]
fn who_names_what_a_barbican_has_is_asked_for_his_right_whichever_way_he_takes() {
    let test = "who_names_what_a_barbican_has_is_asked_for_his_right_whichever_way_he_takes";
    let Some(world) = World::start(test) else { return };
    let (ann, token) = (world.ann(), world.token());
    // Of the same project, and not among those who may read what Ann keeps for herself.
    let cyd = world.colleague("cyd");
    let [chain, key] = certificate(&["www.example"], 4000);
    let container = world.pair(&chain, &key);
    let subnet = world.subnet(token);
    let whole = |name: &str, listeners: Value| {
        json!({"loadbalancer": {
            "name": name, "vip_subnet_id": subnet, "listeners": listeners,
        }})
    };
    let tls = json!({"protocol": "TERMINATED_HTTPS", "protocol_port": 443, "default_tls_container_ref": container});
    let load_balancer = world.make(token, "/v2.0/lbaas/loadbalancers", whole("old", json!([])));
    let with_tls = {
        let mut one = tls.clone();
        one["loadbalancer_id"] = json!(load_balancer);
        json!({"listener": one})
    };
    let listener = world.make(token, "/v2.0/lbaas/listeners", with_tls.clone());
    let revisions = format!("/ballast/v1/loadbalancers/{load_balancer}/revisions");
    let newest = world.call(token, "GET", &revisions, None).body["revisions"][0]["generation"].clone();
    let path = format!("/v2.0/lbaas/listeners/{listener}");
    assert_eq!(world.call(token, "DELETE", &path, None).status, 204);
    let pool = world.make(
        token,
        "/v2.0/lbaas/pools",
        json!({"pool": {
            "loadbalancer_id": load_balancer, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
        }}),
    );
    let all =
        [&container, &ann.part(&container, "certificate"), &ann.part(&container, "private_key")].map(String::clone);
    until("the right to read is taken back", || all.iter().all(|one| ann.readers(one).is_empty()));
    all.iter().for_each(|one| ann.keep_for_oneself(one));
    let back = format!("{revisions}/{newest}/rollback");
    let of_pool = json!({"pool": {"tls_enabled": true, "tls_container_ref": container}});
    let new_pool = json!({"pool": {
        "loadbalancer_id": load_balancer, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "tls_enabled": true,
        "tls_container_ref": container,
    }});
    // Every way by which a reference comes to where it has an effect, and what the one who may is answered.
    let ways = [
        ("POST", "/v2.0/lbaas/loadbalancers", Some(whole("graph", json!([tls]))), 201),
        ("PUT", &format!("/v2.0/lbaas/pools/{pool}"), Some(of_pool), 200),
        ("POST", "/v2.0/lbaas/pools", Some(new_pool), 201),
        ("POST", "/v2.0/lbaas/listeners", Some(with_tls), 201),
        ("PUT", &back, None, 202),
    ];
    for (method, path, body, _) in &ways {
        let reply = world.call(&cyd, method, path, body.clone());
        refused(&reply, &not_retrieved(&container), &format!("{method} {path}"));
    }
    assert!(all.iter().all(|one| ann.readers(one).is_empty()), "who may not lets nobody read it");
    for (method, path, body, status) in ways {
        let reply = world.call(token, method, path, body);
        assert_eq!(reply.status, status, "{method} {path}: {reply}");
    }
    // What changes beside it names nothing new.
    let renamed = json!({"loadbalancer": {"name": "new"}});
    let path = format!("/v2.0/lbaas/loadbalancers/{load_balancer}");
    assert_eq!(world.call(&cyd, "PUT", &path, Some(renamed)).status, 200);
}
