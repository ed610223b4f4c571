//! Certificates of other kinds than the usual one: those of CAs, revocation lists, and those that a CA issues by itself.

use rcgen::{
    BasicConstraints, CertificateParams, CertificateRevocationListParams, CertifiedIssuer, DnType, IsCa, KeyIdMethod,
    KeyPair, SerialNumber,
};
use serde_json::{Value, json};

use crate::{
    certificates::{ALL, Pem, keep_secrets, rest_of},
    services::Services,
};

/// A CA, and a list of what it has revoked.
fn authority(name: &str) -> (String, String) {
    let mut params = CertificateParams::new(Vec::new()).unwrap();
    params.distinguished_name.push(DnType::CommonName, name);
    params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
    let list = CertificateRevocationListParams {
        this_update: rcgen::date_time_ymd(2020, 1, 1),
        next_update: rcgen::date_time_ymd(4000, 1, 1),
        crl_number: SerialNumber::from(7),
        issuing_distribution_point: None,
        revoked_certs: Vec::new(),
        key_identifier_method: KeyIdMethod::Sha256,
    };
    (ca.pem(), list.signed_by(&ca).unwrap().pem().unwrap())
}

#[tokio::test]
async fn cas_and_revocation_lists_are_kept_without_a_private_key_and_without_a_key_for_one() {
    let services = Services::start().await;
    let ((ca, list), (other, other_list)) = (authority("one"), authority("other"));
    let body = |kind: &str, chain: &str| json!({ "certificate": { "kind": kind, "certificate_chain": chain } });
    for (kind, first, next, names) in
        [("CA", &ca, &[ca.as_str(), &other].concat(), "CN=one"), ("CRL", &list, &other_list, "CN=one")]
    {
        let made = services.create(ALL, body(kind, first)).await;
        let shown = rest_of(&made.body);
        assert_eq!((&shown["kind"], &shown["subject"], &shown["version"]), (&json!(kind), &json!(names), &json!(1)));
        assert_eq!((&shown["acme"], &shown["validity"]), (&Value::Null, &json!("VALID")), "{shown}");
        let path = format!("{ALL}/{}", made.id());
        let with_key = json!({ "certificate": { "certificate_chain": next, "private_key": Pem::of("a.example").key } });
        let refused = services.call("PUT", &path, Some(with_key)).await;
        assert_eq!(refused.status, 400, "{refused}");
        assert!(refused.body["faultstring"].as_str().unwrap().contains("without a private key"), "{refused}");
        let changed = services.call("PUT", &path, Some(json!({ "certificate": { "certificate_chain": next } }))).await;
        assert_eq!((changed.status, &changed.object()["version"]), (200, &json!(2)), "{changed}");
        assert_eq!(changed.object()["certificate_chain"], next.replace("\r\n", "\n"));
        let kind_fixed = services.call("PUT", &path, Some(json!({ "certificate": { "kind": "CERTIFICATE" } }))).await;
        assert_eq!(kind_fixed.status, 400, "{kind_fixed}");
        let listed = services.get(&format!("{ALL}?kind={kind}")).await;
        assert_eq!(
            (listed["certificates"].as_array().unwrap().len(), &listed["certificates"][0]["id"]),
            (1, &json!(made.id()))
        );
    }
    for (kind, chain, said) in [
        ("CRL", &ca, "send revocation lists alone"),
        ("CA", &list, "send certificates alone"),
        ("CA", &Pem::of("www.example").chain, ""),
    ] {
        let reply = services.call("POST", ALL, Some(body(kind, chain))).await;
        // One that signed itself is its own CA.
        assert_eq!(reply.status, if said.is_empty() { 201 } else { 400 }, "{reply}");
        assert!(said.is_empty() || reply.body["faultstring"].as_str().unwrap().contains(said), "{reply}");
    }
    assert_eq!(services.call("POST", ALL, Some(body("KEY", &ca))).await.status, 400);
}

#[tokio::test]
async fn a_certificate_that_a_ca_issues_is_made_without_one_and_says_how_far_it_is() {
    let acme = |domains: Value| json!({ "certificate": { "name": "web", "acme": { "domains": domains } } });
    let none = Services::with(keep_secrets).await;
    let refused = none.call("POST", ALL, Some(acme(json!(["www.example"])))).await;
    assert_eq!(refused.status, 409, "{refused}");
    assert!(refused.body["faultstring"].as_str().unwrap().contains("acme.directory"), "{refused}");

    let services = Services::with(|settings| {
        keep_secrets(settings);
        // Nobody is there, and nobody is asked before a listener names it.
        settings.acme.directory = "https://127.0.0.1:1/dir".to_owned();
        settings.acme.terms_accepted = true;
    })
    .await;
    let made = services.create(ALL, acme(json!(["WWW.example", "www.example"]))).await;
    let (shown, path) = (rest_of(&made.body).clone(), format!("{ALL}/{}", made.id()));
    let issuing = &shown["acme"];
    assert_eq!((&issuing["domains"], &issuing["state"]), (&json!(["www.example"]), &json!("PENDING")), "{shown}");
    assert_eq!((&shown["version"], &shown["validity"]), (&json!(0), &json!("NOT_ISSUED")), "{shown}");
    assert_eq!((&shown["not_after"], &shown["expires_in_days"]), (&Value::Null, &Value::Null), "{shown}");
    let payload = services.call("GET", &format!("/v1/secrets/{}/payload", made.id()), None).await;
    let said = payload.body["faultstring"].as_str().unwrap_or_default();
    assert!(payload.status == 409 && said.contains("not there yet") && said.contains(&made.id()), "{payload}");
    let pem = Pem::of("www.example");
    for (body, said) in [
        (acme(json!(["*.example"])), "is no name for which"),
        (acme(json!(["10.0.0.1"])), "is no name for which"),
        (acme(json!([])), "Mandatory field missing"),
        (json!({ "certificate": { "acme": { "domains": ["a.example"] }, "kind": "CA" } }), "leave acme out"),
        (
            json!({ "certificate": { "acme": { "domains": ["a.example"] }, "certificate_chain": pem.chain, "private_key": pem.key } }),
            "leave acme out",
        ),
    ] {
        let refused = services.call("POST", ALL, Some(body)).await;
        assert_eq!(refused.status, 400, "{refused}");
        assert!(refused.body["faultstring"].as_str().unwrap().contains(said), "{refused}");
    }
    let brought = json!({ "certificate": { "certificate_chain": pem.chain, "private_key": pem.key } });
    assert_eq!(services.call("PUT", &path, Some(brought)).await.status, 400);
    let changed = services.call("PUT", &path, Some(acme(json!(["b.example"])))).await;
    assert_eq!((changed.status, &changed.object()["acme"]["domains"]), (200, &json!(["b.example"])), "{changed}");
    let usual = services.create(ALL, pem.body("usual")).await;
    let refused = services.call("PUT", &format!("{ALL}/{}", usual.id()), Some(acme(json!(["b.example"])))).await;
    assert_eq!(refused.status, 400, "{refused}");
    assert_eq!(services.call("DELETE", &path, None).await.status, 204);
}
