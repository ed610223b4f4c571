//! How TLS arrives on a Thunder.

use ballast_abi::{Driver, Protocol};
use ballast_device::{Config, names};
use ballast_driver_a10_stub::Options;
use ballast_rehearsal::{
    Stage,
    samples::{ID, checked},
    secrets::content,
    tls::{everything, terminated},
    writes,
};
use ballast_simulators::{Device, Fault, Kind};
use serde_json::{Value, json};

use crate::thunder::{Inspect, Thunder};

fn file(letter: char, secret: &str) -> String {
    names::object(&names::owner(ID), letter, &content(secret).digest)
}

#[test]
fn all_that_tls_has_is_in_templates_of_the_vendors_words() {
    let stage = Stage::<Thunder>::newest();
    assert_eq!(stage.deploy(&everything("web"), 1), []);
    let port = format!("{}/port/443+https", stage.only("slb/virtual-server"));
    let template = stage.only("slb/template/client-ssl");
    let field = |name: &str| stage.field(&template, name);
    assert_eq!(stage.field(&port, "template-client-ssl"), template.rsplit('/').next().unwrap());
    assert_eq!(
        (stage.field(&port, "support-http2"), field("version"), field("dgversion")),
        (json!(1), json!(34), json!(33))
    );
    assert_eq!(field("client-certificate"), "Require");
    assert_eq!(field("ca-certs").as_array().map(Vec::len), Some(2));
    assert_eq!(field("crl-certs"), json!([{"crl": file('l', "revoked")}]));
    let by_name =
        json!({"server-name": "api.example.org", "server-cert": file('c', "api"), "server-key": file('k', "api")});
    assert_eq!(field("server-name-list"), json!([by_name]));
    let certificate = format!("{template}/certificate/{}", file('c', "web"));
    assert_eq!(stage.field(&certificate, "key"), file('k', "web"));
    assert_eq!(stage.field(&certificate, "chain-cert"), file('i', "web"));
    let http = stage.only("slb/template/http");
    let header = "Strict-Transport-Security: max-age=31536000; includeSubDomains; preload";
    assert_eq!(stage.field(&http, "response-header-insert-list")[0]["response-header-insert"], header);
    assert_eq!(stage.field(&port, "template-http"), http.rsplit('/').next().unwrap());

    let members = stage.only("slb/template/server-ssl");
    assert_eq!(stage.field(&port, "template-server-ssl"), members.rsplit('/').next().unwrap());
    assert_eq!(stage.field(&members, "certificate"), json!({"cert": file('c', "client"), "key": file('k', "client")}));
    assert_eq!((stage.field(&members, "version"), stage.field(&members, "dgversion")), (json!(33), json!(33)));
    let monitor = stage.only("health/monitor");
    assert!(stage.field(&monitor, "method")["https"].is_object(), "a check follows its pool");
}

#[test]
fn ciphers_are_in_their_order_and_those_of_tls_1_3_apart() {
    let stage = Stage::<Thunder>::newest();
    let mut asked = terminated("web");
    let ciphers = "ECDHE-RSA-AES256-GCM-SHA384:TLS_AES_256_GCM_SHA384:ECDHE-ECDSA-CHACHA20-POLY1305";
    asked.listeners[0].tls.as_mut().unwrap().ciphers = ciphers.into();
    assert_eq!(stage.deploy(&asked, 1), []);
    let template = stage.only("slb/template/cipher");
    let of = |name: &str, priority: u8| json!({"cipher-suite": name, "priority": priority});
    let both = json!([of("TLS1_ECDHE_RSA_AES_256_GCM_SHA384", 2), of("TLS1_ECDHE_ECDSA_CHACHA20_POLY1305_SHA256", 1)]);
    assert_eq!(stage.field(&template, "cipher-cfg"), both);
    let newest = json!([{"cipher13-suite": "TLS_AES_256_GCM_SHA384", "priority": 1}]);
    assert_eq!(stage.field(&template, "cipher13-cfg"), newest);
}

/// The new files, then the certificate of the template, then what is old goes.
#[test]
fn a_renewed_certificate_is_put_beside_the_old_one_before_that_goes() {
    let stage = Stage::<Thunder>::newest();
    assert_eq!(stage.deploy(&terminated("web"), 1), []);
    let template = stage.only("slb/template/client-ssl");
    let _ = stage.asked();
    assert_eq!(stage.deploy(&terminated("web-renewed"), 2), []);
    let sent = writes(&stage.asked());
    let short: Vec<&str> = sent.iter().map(|one| one.trim_start_matches("POST /axapi/v3/")).collect();
    let certificate = format!("{template}/certificate");
    let gone = format!("DELETE /axapi/v3/{certificate}/{}", file('c', "web"));
    assert_eq!(short[..5], ["file/ssl-cert", "file/ssl-cert", "file/ssl-key", &certificate, &gone], "{short:?}");
    assert_eq!(short[5..8], ["pki/delete"; 3], "{short:?}");
    assert_eq!((short.len(), short[9]), (10, "write/memory"), "{short:?}");
}

#[test]
fn versions_with_a_gap_are_those_above_it_and_that_is_said() {
    let stage = Stage::<Thunder>::newest();
    let mut asked = terminated("web");
    asked.listeners[0].tls.as_mut().unwrap().versions = vec!["TLSv1.3".into(), "TLSv1.1".into(), "TLSv1.2".into()];
    assert_eq!(stage.deploy(&asked, 1), []);
    let template = stage.only("slb/template/client-ssl");
    assert_eq!(stage.field(&template, "dgversion"), 32);
    asked.listeners[0].tls.as_mut().unwrap().versions = vec!["TLSv1.3".into(), "TLSv1.1".into()];
    let faults = stage.deploy(&asked, 2);
    assert_eq!((faults.len(), faults[0].object_id.as_str()), (1, "listener"));
    let why = &faults[0].fault.as_ref().unwrap().message;
    assert_eq!(why, "the device takes TLS versions without a gap: it has TLSv1.3 to TLSv1.3");
    assert_eq!((stage.field(&template, "version"), stage.field(&template, "dgversion")), (json!(34), json!(34)));
}

#[test]
fn tls_to_members_needs_a_listener_that_reads_http() {
    let stage = Stage::<Thunder>::newest();
    let mut asked = everything("web");
    (asked.listeners[0].protocol, asked.listeners[0].tls) = (Protocol::Tcp.into(), None);
    let faults = stage.deploy(&asked, 1);
    let pool = &asked.pools[0].id;
    assert_eq!((faults.len(), &faults[0].object_id), (1, pool), "{faults:?}");
    let port = format!("{}/port/443+tcp", stage.only("slb/virtual-server"));
    assert_eq!(stage.field(&port, "template-server-ssl"), Value::Null);
}

/// Releases before 5.2 have other templates: an operator says so, and nobody is offered it.
#[test]
fn an_older_release_is_offered_for_no_tls_and_what_is_sent_all_the_same_is_a_fault_of_the_listener() {
    let older = Stage::<Thunder>::with(ballast_simulators::Options::default(), |config: &mut Config<Options>| {
        config.options.tls = false;
    });
    let declared = older.driver.capabilities().features;
    let of_tls = ["protocol:TERMINATED_HTTPS", "listener:client_authentication", "listener:hsts", "pool:tls"];
    assert!(!declared.iter().any(|feature| of_tls.contains(&feature.as_str())), "{declared:?}");
    assert_eq!(older.deploy(&checked(), 1), []);
    let stage = Stage::<Thunder>::new();
    let declared = stage.driver.capabilities().features;
    assert!(of_tls.iter().all(|feature| declared.iter().any(|one| one == feature)), "{declared:?}");
    let faults = stage.deploy(&terminated("web"), 1);
    assert!(faults.iter().all(|fault| fault.object_id == "listener") && !faults.is_empty(), "{faults:?}");
    assert!(stage.objects().iter().any(|path| path.contains("/member/")));
}

/// What a device says of a file is passed on, but for what is in it.
#[test]
fn a_file_that_the_device_refuses_is_a_fault_of_what_names_it() {
    let stage = Stage::<Thunder>::newest();
    stage.simulator.faults.add(Fault::new(Kind::Fail).path("*/file/ssl-key").times(1000));
    let faults = stage.deploy(&terminated("web"), 1);
    assert!(faults.iter().all(|fault| fault.object_id == "listener") && !faults.is_empty(), "{faults:?}");
    let detail = &faults[0].fault.as_ref().unwrap().detail;
    assert!(detail.contains("POST file/ssl-key") && detail.contains("Operation failed"), "{detail}");
    stage.simulator.faults.clear();
    assert_eq!(stage.deploy(&terminated("web"), 1), []);
    assert!(stage.is_saved());
    Device::reboot(&mut *stage.simulator.device());
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
}
