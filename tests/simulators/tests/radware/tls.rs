//! Certificates and keys.

use serde_json::{Value, json};

use crate::client::{Client, assuming, deploy, simulator};

/// A certificate and its key, in PEM.
pub(crate) fn pair() -> (String, String) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["www.example.com".to_owned()]).unwrap();
    params.serial_number = Some(rcgen::SerialNumber::from(vec![0x1a, 0x2b]));
    (params.self_signed(&key).unwrap().pem(), key.serialize_pem())
}

fn import(client: &Client, kind: &str, text: &str) -> u16 {
    client.send_text("PUT", &format!("/sslcertimport?id=c1&renew=1&src=txt&type={kind}"), text).status
}

/// A second service, which terminates TLS.
fn terminate(client: &Client, certificate: &str, mark: &str) {
    for (path, body) in [
        ("SlbNewSslCfgSSLPolTable/p1", json!({"AdminStatus": "1", "Fessl": "1", "FETls10Version": "2"})),
        ("SlbNewCfgEnhVirtServicesTable/v1/2", json!({"VirtPort": "443", "RealPort": "0", "UDPBalance": "3"})),
        ("SlbNewCfgEnhVirtServicesSecondPartTable/v1/2", json!({"SSLpol": "p1", "ServCert": certificate})),
        ("SlbNewCfgEnhVirtServicesFifthPartTable/v1/2", json!({"ServApplicationType": "7", "ServCertGrpMark": mark})),
        ("SlbNewCfgEnhVirtServicesSeventhPartTable/v1/2", json!({"RealGroup": "g1"})),
    ] {
        assert_eq!(client.put(path, &body), 200, "{path}");
    }
}

#[test]
fn a_certificate_and_its_key_are_two_rows_of_which_the_key_is_shown_to_nobody() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let (certificate, key) = pair();
    assert_eq!((import(&client, "key", &key), import(&client, "cert", &certificate)), (200, 200));
    let row = client.row("SlbNewSslCfgCertsTable/c1/3");
    assert_eq!((&row["Serial"], &row["Type"], &row["Generate"]), (&json!("1A2B"), &json!(3), &json!(5)));
    assert_ne!(row["Expiry"], "");
    assert_eq!(client.get("getcert?id=c1&src=txt&type=srvcrt").text, certificate);
    assert_eq!(client.get("getcert?id=c1&src=txt&type=key").status, 405);
    for answer in [client.get("SlbNewSslCfgCertsTable"), client.get("getdiff")] {
        assert!(!answer.text.contains("PRIVATE"), "{}", answer.text);
    }
    assert_eq!(
        (client.delete("SlbNewSslCfgCertsTable/c1/3"), client.delete("SlbNewSslCfgCertsTable/c1/1")),
        (200, 200)
    );
    assert_eq!(client.delete("SlbNewSslCfgCertsTable/c1/2"), 406);
}

#[test]
fn what_is_no_certificate_or_no_key_is_refused() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let (certificate, key) = pair();
    let locked = key.replace("PRIVATE KEY", "ENCRYPTED PRIVATE KEY");
    for (kind, text) in [
        ("cert", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"),
        ("cert", key.as_str()),
        ("key", certificate.as_str()),
        ("key", locked.as_str()),
        ("nothing", certificate.as_str()),
    ] {
        assert_eq!(import(&client, kind, text), 406, "{kind}");
    }
    assert_eq!(import(&client, "key&passphrase=s3cret", &locked), 200);
    assert_eq!(import(&client, "key&renew=0", &locked), 406, "the passphrase counts again");
}

#[test]
fn a_service_that_terminates_tls_needs_policy_certificate_and_key() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let (certificate, key) = pair();
    deploy(&client);
    terminate(&client, "c1", "1");
    assert_eq!(import(&client, "cert", &certificate), 200);
    assert_eq!(client.apply(), 5);
    assert!(client.lines().iter().any(|line| line.contains("key c1")), "{:?}", client.lines());
    assert_eq!((import(&client, "key", &key), client.apply()), (200, 4));
}

#[test]
fn a_group_of_certificates_is_looked_at_one_by_one() {
    let simulator = simulator();
    let client = Client::new(&simulator);
    let (certificate, key) = pair();
    deploy(&client);
    terminate(&client, "cg1", "2");
    assert_eq!(client.apply(), 5);
    assert_eq!((import(&client, "cert", &certificate), import(&client, "key", &key)), (200, 200));
    for body in [json!({"Type": "3"}), json!({"AddCert": "c1"}), json!({"AddCert": "c2"}), json!({"DefaultCert": "c1"})]
    {
        assert_eq!(client.put("SlbNewSslCfgGroupsTable/cg1", &body), 200);
    }
    assert_eq!(client.apply(), 5);
    assert!(client.lines().iter().all(|line| line.contains("c2")), "{:?}", client.lines());
    assert_eq!(client.put("SlbNewSslCfgGroupsTable/cg1", &json!({"RemCert": "c2"})), 200);
    assert_eq!(client.apply(), 4);
    for body in [json!({"RemCert": "c1"}), json!({"AddCert": "c3"}), json!({"AddCert": "c1"}), json!({"RemCert": "c3"})]
    {
        assert_eq!(client.put("SlbNewSslCfgGroupsTable/cg1", &body), 200);
    }
    assert_eq!(client.scalar("agApplyPending"), 3, "they have no order");
}

#[test]
fn a_certificate_may_be_there_at_once() {
    let (certificate, _) = pair();
    for (staged, rows) in [(true, 0), (false, 1)] {
        let simulator = assuming(|assumptions| assumptions.certificates_are_staged = staged);
        let client = Client::new(&simulator);
        assert_eq!(import(&client, "cert", &certificate), 200);
        assert_eq!(client.rows("SlbCurSslCfgCertsTable").len(), rows);
        assert_eq!(client.rows("SlbNewSslCfgCertsTable"), client.rows("SlbNewSslCfgCertsTable/c1"));
        assert_eq!(client.send("PUT", "/", &Value::Null).status, 405);
    }
}
