//! How TLS arrives on a NetScaler.

use ballast_device::names;
use ballast_rehearsal::{
    Stage,
    samples::ID,
    secrets::{content, named},
    tls::{everything, terminated},
    writes,
};
use ballast_simulators::{Device, Fault, Kind};
use serde_json::{Value, json};

use crate::adc::{Adc, Inspect};

fn file(letter: char, secret: &str) -> String {
    names::object(&names::owner(ID), letter, &content(secret).digest)
}

/// The only one of these paths that has such an end.
fn one_of(stage: &Stage<Adc>, start: &str, end: &str) -> String {
    let all = stage.objects();
    let found: Vec<&String> = all.iter().filter(|path| path.starts_with(start) && path.ends_with(end)).collect();
    assert_eq!(found.len(), 1, "{start} {end}: {all:?}");
    found[0].clone()
}

#[test]
fn all_that_tls_has_is_bound_in_the_vendors_words() {
    let stage = Stage::<Adc>::newest();
    assert_eq!(stage.deploy(&everything("web"), 1), []);
    let server = stage.only("lbvserver");
    assert_eq!((stage.field(&server, "servicetype"), stage.field(&server, "port")), (json!("SSL"), json!(443)));
    let settings = stage.only("sslvserver");
    let set = |names: &[&str]| names.iter().map(|name| stage.field(&settings, name)).collect::<Vec<Value>>();
    assert_eq!(
        set(&["ssl3", "tls1", "tls11", "tls12", "tls13"]),
        ["DISABLED", "DISABLED", "DISABLED", "ENABLED", "ENABLED"]
    );
    assert_eq!(set(&["snienable", "clientauth", "clientcert"]), ["ENABLED", "ENABLED", "Mandatory"]);
    assert_eq!(
        set(&["hsts", "maxage", "includesubdomains", "preload"]),
        [json!("ENABLED"), json!(31_536_000), json!("YES"), json!("YES")]
    );
    let bindings = "sslvserver_sslcertkey_binding/";
    let all: Vec<String> = stage.objects().into_iter().filter(|path| path.starts_with(bindings)).collect();
    let authorities: Vec<&String> = all.iter().filter(|path| path.ends_with("+ca")).collect();
    assert_eq!((all.len(), authorities.len()), (4, 2), "{all:?}");
    assert_eq!(stage.field(authorities[0], "crlcheck"), "Mandatory");
    let by_name = one_of(&stage, bindings, "+sni");
    assert_eq!(stage.field(&by_name, "snicert"), true);

    let plain: Vec<&String> = all.iter().filter(|path| !path.contains('+')).collect();
    let web = stage.field(plain[0], "certkeyname").as_str().unwrap().to_owned();
    let web = format!("sslcertkey/{web}");
    assert_eq!(
        (stage.field(&web, "cert"), stage.field(&web, "key")),
        (json!(file('f', "web")), json!(file('g', "web")))
    );
    let issuer = format!("sslcertkey/{}", stage.field(&web, "linkcertkeyname").as_str().unwrap());
    assert_eq!(stage.field(&issuer, "key"), Value::Null);
    let list = stage.only("sslcrl");
    assert_eq!(stage.field(&list, "crlpath"), file('l', "revoked"));
    let partition = stage.partition();
    let directory = format!("systemfile/var/partitions/{partition}/netscaler/ssl/");
    assert!(stage.objects().contains(&format!("{directory}{}", file('l', "revoked"))));

    let group = one_of(&stage, "sslservicegroup/", "");
    assert_eq!(
        (stage.field(&group, "serverauth"), stage.field(&group, "tls13")),
        (json!("ENABLED"), json!("DISABLED"))
    );
    let monitor = stage.only("lbmonitor");
    assert_eq!(stage.field(&monitor, "secure"), "YES", "a check follows its pool");
}

#[test]
fn ciphers_are_a_group_in_their_order_and_the_default_ones_are_gone() {
    let stage = Stage::<Adc>::newest();
    let mut asked = terminated("web");
    asked.listeners[0].tls.as_mut().unwrap().ciphers = "TLS_AES_256_GCM_SHA384:ECDHE-RSA-AES128-GCM-SHA256".into();
    assert_eq!(stage.deploy(&asked, 1), []);
    let group = stage.only("sslcipher");
    let bound = stage.only("sslvserver_sslcipher_binding");
    assert!(bound.ends_with(group.trim_start_matches("sslcipher")), "{bound}");
    let inside = group.replace("sslcipher/", "sslcipher_sslciphersuite_binding/");
    for (cipher, priority) in [("TLS1.3-AES256-GCM-SHA384", 1), ("TLS1.2-ECDHE-RSA-AES128-GCM-SHA256", 2)] {
        assert_eq!(stage.field(&format!("{inside}/{cipher}"), "cipherpriority"), priority);
    }
}

/// The device takes the new files while it serves, and nothing is bound again.
#[test]
fn a_renewed_certificate_is_an_update_where_it_is() {
    let stage = Stage::<Adc>::newest();
    assert_eq!(stage.deploy(&terminated("web"), 1), []);
    let _ = stage.asked();
    assert_eq!(stage.deploy(&terminated("web-renewed"), 2), []);
    let asked = stage.asked();
    let sent: Vec<(&str, &str, Option<&str>)> = asked
        .iter()
        .filter(|entry| entry.write)
        .map(|entry| (entry.method.as_str(), entry.path.rsplit("config/").next().unwrap(), entry.query.as_deref()))
        .collect();
    assert_eq!(sent[0], ("POST", "systemfile", None));
    assert_eq!(sent[1], ("POST", "systemfile", None));
    assert_eq!(sent[2], ("POST", "sslcertkey", Some("action=update")));
    assert!(
        sent[3..5].iter().all(|(method, path, _)| *method == "DELETE" && path.starts_with("systemfile/")),
        "{sent:?}"
    );
    assert_eq!((sent.len(), sent[5].1, sent[6].1), (7, "servicegroup", "nsconfig"), "{sent:?}");
    let update = &asked.iter().find(|entry| entry.query.as_deref() == Some("action=update")).unwrap().body;
    let body = &update.as_ref().unwrap()["sslcertkey"];
    let expected = (json!(file('f', "web-renewed")), json!(file('g', "web-renewed")), json!(true));
    assert_eq!((body["cert"].clone(), body["key"].clone(), body["nodomaincheck"].clone()), expected);
}

#[test]
fn one_certificate_for_each_common_name_and_the_first_is_used() {
    let stage = Stage::<Adc>::newest();
    let mut asked = terminated("web");
    asked.listeners[0].tls.as_mut().unwrap().sni_certificates = vec![named("api"), named("api-too")];
    let faults = stage.deploy(&asked, 1);
    assert_eq!((faults.len(), faults[0].object_id.as_str()), (1, "listener"), "{faults:?}");
    let why = &faults[0].fault.as_ref().unwrap().message;
    assert_eq!(why, "the device has one certificate for api.example.org: the first is used");
    let by_name = one_of(&stage, "sslvserver_sslcertkey_binding/", "+sni");
    let certificate = stage.field(&by_name, "certkeyname").as_str().unwrap().to_owned();
    assert_eq!(stage.field(&format!("sslcertkey/{certificate}"), "cert"), file('f', "api"));
}

#[test]
fn who_speaks_nothing_but_http_2_is_told_that_the_device_does_not() {
    let stage = Stage::<Adc>::newest();
    let mut asked = terminated("web");
    asked.listeners[0].tls.as_mut().unwrap().alpn_protocols = vec!["h2".into()];
    let faults = stage.deploy(&asked, 1);
    let said = faults.iter().map(|one| one.fault.as_ref().unwrap().message.as_str()).collect::<Vec<_>>();
    assert_eq!(said, ["the device speaks HTTP/1.1 with clients"]);
    assert_eq!(stage.only("lbvserver").split('/').count(), 2, "it listens all the same");
}

#[test]
fn a_file_that_the_device_refuses_is_a_fault_of_what_names_it() {
    let stage = Stage::<Adc>::newest();
    stage.simulator.faults.add(Fault::new(Kind::Fail).path("*/systemfile").method("POST").times(1000));
    let faults = stage.deploy(&terminated("web"), 1);
    assert!(faults.iter().all(|fault| fault.object_id == "listener") && !faults.is_empty(), "{faults:?}");
    let detail = &faults[0].fault.as_ref().unwrap().detail;
    assert!(detail.contains("POST config/systemfile"), "{detail}");
    stage.simulator.faults.clear();
    assert_eq!(stage.deploy(&terminated("web"), 1), []);
    Device::reboot(&mut *stage.simulator.device());
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
    let _ = stage.asked();
    assert_eq!(stage.deploy(&terminated("web"), 1), []);
    assert_eq!(writes(&stage.asked()), [""; 0]);
}
