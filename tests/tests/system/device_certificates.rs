//! A certificate on its way to a device of another company: from the API through scheduler, agent and driver, all of them real, to
//! a simulated device; renewed; and its private key in the agent's folder, on the device and nowhere else.

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, secret,
    site::{Plan, Site},
};
use serde_json::{Value, json};

use crate::{
    certificates::{CERTIFICATES, LOAD_BALANCERS, Pem, SECRETS_KEY, places},
    devices::{A10, NETSCALER, Vendor, with_device, writes},
};

#[test]
fn a_certificate_reaches_an_a10_and_a_renewed_one_takes_its_place() {
    reaches_a_device(&A10, "file/ssl-key", "a_certificate_reaches_an_a10_and_a_renewed_one_takes_its_place");
}

#[test]
fn a_certificate_reaches_a_netscaler_and_a_renewed_one_takes_its_place() {
    reaches_a_device(&NETSCALER, "systemfile", "a_certificate_reaches_a_netscaler_and_a_renewed_one_takes_its_place");
}

/// Files that were sent to the device.
fn sent(site: &Site, vendor: &Vendor, uploads: &str) -> usize {
    let is_one = |entry: &&Value| {
        entry["method"] == "POST"
            && entry["path"].as_str().is_some_and(|path| path.trim_end_matches('/').ends_with(uploads))
    };
    writes(site, vendor).iter().filter(is_one).count()
}

fn is_active(site: &Site, load_balancer: &str) {
    wait_until(PATIENCE, "ACTIVE", || {
        let shown = site.rest.get(&format!("{LOAD_BALANCERS}/{load_balancer}"));
        (shown["loadbalancer"]["provisioning_status"] == "ACTIVE").then_some(())
    });
}

fn reaches_a_device(vendor: &Vendor, uploads: &str, test: &str) {
    if !require_tool("curl", test) || !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let key_file = lab.dir().join("secrets.key");
        secret::write(&key_file, SECRETS_KEY);
        let environment = vec![
            ("", "BALLAST_SECRETS__KEY_FILES", key_file.display().to_string()),
            ("", "BALLAST_LOG__LEVEL", "debug,ballast=trace".to_owned()),
        ];
        let mut site = Site::start(lab, &Plan { environment, ..Plan::default() })?;
        let _device = with_device(lab, &mut site, vendor)?;
        let (first, next) = (Pem::new(lab.dir(), "first"), Pem::new(lab.dir(), "next"));
        let made = site.rest.create(CERTIFICATES, &first.body());
        let whole = json!({ "loadbalancer": {
            "name": "web", "vip_subnet_id": site.subnet_id, "provider": vendor.provider,
            "listeners": [{
                "protocol": "TERMINATED_HTTPS", "protocol_port": 443,
                "default_tls_container_ref": made.object()["reference"],
                "default_pool": {
                    "name": "web",
                    "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                    "members": [{ "address": "10.20.0.11", "protocol_port": 80 }],
                },
            }],
        } });
        let balancer = site.rest.create(LOAD_BALANCERS, &whole).id();
        is_active(&site, &balancer);
        let before = sent(&site, vendor, uploads);
        assert!(before > 0, "{:?}", writes(&site, vendor));

        site.rest.update(&format!("{CERTIFICATES}/{}", made.id()), &next.body());
        wait_until(PATIENCE, "the new key on the device", || (sent(&site, vendor, uploads) > before).then_some(()));
        is_active(&site, &balancer);
        let kept = site.agent_state(0).join("secrets");
        let folders = [lab.dir(), kept.as_path()];
        wait_until(PATIENCE, "the former key to be gone", || {
            places(first.planted(), &folders).is_empty().then_some(())
        });
        let found = places(next.planted(), &folders);
        assert!(found.len() == 1 && found.iter().all(|path| path.starts_with(&kept)), "{found:?}");

        let path = format!("{LOAD_BALANCERS}/{balancer}?cascade=true");
        assert_eq!(site.rest.call("DELETE", &path, None).status, 204);
        wait_until(PATIENCE, "the key to be gone", || places(next.planted(), &folders).is_empty().then_some(()));
        Ok(())
    });
}
