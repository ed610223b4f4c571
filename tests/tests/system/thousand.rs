//! A listener with as many certificates as one may have: all of them come through to haproxy, and each is shown by its name.

use std::time::Instant;

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, secret,
    site::{Plan, Site},
};
use serde_json::{Value, json};

use crate::certificates::{CERTIFICATES, LOAD_BALANCERS, SECRETS_KEY};

const MANY: usize = 1_000;

fn name(number: usize) -> String {
    format!("n{number}.example")
}

/// The names and the fingerprint of the certificate that a client is shown who asks for this one.
fn shown(site: &Site, address: &str, name: &str) -> Option<String> {
    let line = format!(
        "openssl s_client -connect {address}:443 -servername {name} </dev/null 2>/dev/null | openssl x509 -noout -fingerprint \
         -ext subjectAltName"
    );
    site.client.output("sh", ["-c", &line]).ok()
}

fn status(site: &Site, id: &str) -> Value {
    site.rest.get(&format!("{LOAD_BALANCERS}/{id}"))["loadbalancer"]["provisioning_status"].clone()
}

#[test]
fn a_listener_with_a_thousand_certificates_shows_each_by_its_name_and_one_more_is_refused() {
    let test = "a_listener_with_a_thousand_certificates_shows_each_by_its_name_and_one_more_is_refused";
    if !["haproxy", "openssl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let key_file = lab.dir().join("secrets.key");
        secret::write(&key_file, SECRETS_KEY);
        let environment = vec![("", "BALLAST_SECRETS__KEY_FILES", key_file.display().to_string())];
        let site = Site::start(lab, &Plan { webs: 1, environment, ..Plan::default() })?;
        let keep = |number: usize| {
            let made = rcgen::generate_simple_self_signed([name(number)]).expect("a certificate");
            let (chain, key) = (made.cert.pem(), made.signing_key.serialize_pem());
            json!({ "certificate": { "name": name(number), "certificate_chain": chain, "private_key": key } })
        };
        let (mut ids, mut references) = (Vec::new(), Vec::new());
        for number in 0..MANY {
            let made = site.rest.create(CERTIFICATES, &keep(number));
            references.push(made.object()["reference"].as_str().unwrap_or_default().to_owned());
            ids.push(made.id());
        }
        let web = site.webs[0].address();
        let whole = |references: &[String]| {
            json!({ "loadbalancer": {
                "name": "web", "vip_subnet_id": site.subnet_id,
                "listeners": [{
                    "protocol": "TERMINATED_HTTPS", "protocol_port": 443, "default_tls_container_ref": references[0],
                    "sni_container_refs": references,
                    "default_pool": {
                        "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                        "members": [{ "address": web.ip().to_string(), "protocol_port": web.port() }],
                    },
                }],
            } })
        };
        // Another text for one of them is another reference.
        let one_more = [references.as_slice(), &[references[0].replace("containers", "secrets")]].concat();
        let refused = site.rest.call("POST", LOAD_BALANCERS, Some(&whole(&one_more)));
        assert!(refused.status == 400 && refused.to_string().contains("1000"), "{refused}");

        let begun = Instant::now();
        let made = site.rest.create(LOAD_BALANCERS, &whole(&references));
        let (id, address) = (made.id(), made.object()["vip_address"].as_str().unwrap_or_default().to_owned());
        wait_until(PATIENCE * 2, "ACTIVE", || (status(&site, &id) == "ACTIVE").then_some(()));
        println!("{MANY} certificates are served after {:?}", begun.elapsed());
        let has =
            |number: usize| shown(&site, &address, &name(number)).is_some_and(|said| said.contains(&name(number)));
        for number in [0, 1, 499, MANY - 1] {
            wait_until(PATIENCE, &format!("the certificate of {}", name(number)), || has(number).then_some(()));
        }

        // Another content of one of them is told to the same haproxy.
        let before = shown(&site, &address, &name(499));
        let begun = Instant::now();
        site.rest.update(&format!("{CERTIFICATES}/{}", ids[499]), &keep(499));
        wait_until(PATIENCE, "the other content", || {
            (has(499) && shown(&site, &address, &name(499)) != before).then_some(())
        });
        println!("another content of one of them is served after {:?}", begun.elapsed());
        wait_until(PATIENCE * 2, "ACTIVE again", || (status(&site, &id) == "ACTIVE").then_some(()));
        site.rest.delete(&format!("{LOAD_BALANCERS}/{id}?cascade=true"));
        Ok(())
    });
}
