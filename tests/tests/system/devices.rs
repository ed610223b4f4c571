//! Providers of other companies' devices through REST, with a simulated device: the API, the scheduler, the agent and the
//! driver are the real ones, and the device's TLS is verified.

use std::{
    fs,
    io::Write,
    os::unix::fs::{MetadataExt, PermissionsExt},
    path::{Path, PathBuf},
};

use ballast_lab::{Lab, LabError, Process, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, programs,
    site::{Plan, Site},
};
use serde_json::{Value, json};

/// What differs from vendor to vendor.
pub(crate) struct Vendor {
    pub(crate) provider: &'static str,
    pub(crate) driver: &'static str,
    library: &'static str,
    /// Where the device is, beside its agent.
    address: &'static str,
    /// Of an administrator of a new device.
    credentials: &'static str,
    /// Where the device keeps servers.
    servers: &'static str,
    /// The connection limit that a write sets.
    limit: fn(&Value) -> &Value,
    /// The ends of the paths that make a tenant's partition, and save that there is one.
    makes_partitions: [&'static str; 2],
}

impl Vendor {
    fn credentials_file(&self, directory: &Path) -> PathBuf {
        directory.join(format!("{}-credentials", self.provider))
    }

    /// A pool that this provider is to serve.
    pub(crate) fn pool(&self, site: &Site, name: &str) -> Value {
        json!({"pool": {
            "name": name, "protocol": "HTTP", "lb_method": "ROUND_ROBIN", "subnet_id": site.subnet_id,
            "provider": self.provider
        }})
    }
}

pub(crate) const A10: Vendor = Vendor {
    provider: "a10",
    driver: "a10-stub",
    library: "libballast_driver_a10_stub.so",
    address: "127.0.0.1:8443",
    credentials: "admin\na10\n",
    servers: "/slb/server/",
    limit: |body| &body["port"]["conn-limit"],
    makes_partitions: ["/partition", "/write/memory"],
};

pub(crate) const NETSCALER: Vendor = Vendor {
    provider: "netscaler",
    driver: "netscaler-stub",
    library: "libballast_driver_netscaler_stub.so",
    address: "127.0.0.1:8444",
    credentials: "nsroot\nnsroot\n",
    servers: "/config/server/",
    limit: |body| &body["lbvserver"]["sothreshold"],
    makes_partitions: ["/nspartition", "/nsconfig"],
};

/// A device beside the agent, and the agent with a driver for it too. The device lives as long as what is returned.
pub(crate) fn with_device(lab: &Lab, site: &mut Site, vendor: &Vendor) -> Result<Process, LabError> {
    let directory = lab.dir();
    let ca = directory.join(format!("{}-ca.pem", vendor.provider));
    let mut command = site.agents[0].host.command(programs::built("ballast-simulator"));
    command.args([vendor.provider, "--listen", vendor.address, "--ca-file"]).arg(&ca);
    let device = site.agents[0].host.spawn(command)?;
    wait_until(PATIENCE, "the device's certificate", || fs::metadata(&ca).ok().filter(|file| file.len() > 0));
    let credentials = vendor.credentials_file(directory);
    fs::write(&credentials, vendor.credentials).expect("a credentials file");
    fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).expect("its mode");
    configure(&directory.join("ballast.toml"), vendor, (&ca, &credentials));
    site.kill_agent(0);
    let driver = site.agents[0].drivers.join(format!("{}.so", vendor.driver));
    fs::copy(programs::built(vendor.library), driver).expect("a driver");
    site.start_agent(0);
    wait_until(PATIENCE, "an agent with the driver", || {
        let agents = site.rest.look("/v2.0/agents")?;
        let drivers = agents["agents"][0]["configurations"]["device_drivers"].as_array()?;
        // As Neutron spells such names.
        let ready = |name: &str| drivers.iter().any(|one| *one == name.replace('-', "_"));
        (ready("haproxy-ns") && ready(vendor.driver)).then_some(())
    });
    Ok(device)
}

fn configure(file: &Path, vendor: &Vendor, (ca, credentials): (&Path, &Path)) {
    let section = format!(
        "[drivers.{}]\nurl = \"https://{}\"\nca_file = \"{}\"\ncredentials_file = \"{}\"\n",
        vendor.driver,
        vendor.address,
        ca.display(),
        credentials.display()
    );
    let mut file = fs::OpenOptions::new().append(true).open(file).expect("the configuration");
    file.write_all(section.as_bytes()).expect("the configuration is written");
}

/// A lever of the device.
fn device(site: &Site, vendor: &Vendor, method: &str, lever: &str, body: &Value) -> Value {
    let url = format!("https://{}/_simulator/{lever}", vendor.address);
    let body = body.to_string();
    let said =
        site.agents[0].host.output("curl", ["-sfk", "-X", method, "-d", &body, &url]).expect("the device answers");
    serde_json::from_str(&said).expect("JSON")
}

/// What was to be changed on the device, as its journal tells.
pub(crate) fn writes(site: &Site, vendor: &Vendor) -> Vec<Value> {
    let journal = device(site, vendor, "GET", "journal", &Value::Null);
    let entries = journal.as_array().cloned().unwrap_or_default();
    entries.into_iter().filter(|entry| entry["write"] == true).collect()
}

#[test]
fn a_load_balancer_of_provider_a10_is_made_watched_changed_and_removed() {
    is_made_watched_changed_and_removed(&A10, "a_load_balancer_of_provider_a10_is_made_watched_changed_and_removed");
}

#[test]
fn a_load_balancer_of_provider_netscaler_is_made_watched_changed_and_removed() {
    let test = "a_load_balancer_of_provider_netscaler_is_made_watched_changed_and_removed";
    is_made_watched_changed_and_removed(&NETSCALER, test);
}

fn is_made_watched_changed_and_removed(vendor: &Vendor, test: &str) {
    if !require_tool("curl", test) || !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan { webs: 1, ..Plan::default() })?;
        let providers = &site.rest.get("/v2.0/service-providers")["service_providers"];
        let listed = |one: &Value| one["name"] == vendor.provider && one["service_type"] == "LOADBALANCER";
        assert!(providers.as_array().is_some_and(|all| all.iter().any(listed)), "{providers}");
        let refused = site.rest.call("POST", "/v2.0/lb/pools", Some(&vendor.pool(&site, "early")));
        assert_eq!((refused.status, refused.error().0), (404, "NoEligibleBackend"), "{refused}");
        let early = &site.rest.get("/v2.0/lb/pools")["pools"][0];
        site.rest.delete(&format!("/v2.0/lb/pools/{}", early["id"].as_str().unwrap_or_default()));

        let _device = with_device(lab, &mut site, vendor)?;
        let pool_id = site.rest.create("/v2.0/lb/pools", &vendor.pool(&site, "web")).id();
        let member = |n: u8| {
            let member = json!({"member": {
                "pool_id": pool_id, "address": format!("10.20.0.{n}"), "protocol_port": 80, "weight": n
            }});
            format!("/v2.0/lb/members/{}", site.rest.create("/v2.0/lb/members", &member).id())
        };
        let (one, other) = (member(11), member(12));
        let monitor = json!({"health_monitor": {"type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2}});
        let monitor = site.rest.create("/v2.0/lb/health_monitors", &monitor).id();
        let associate = format!("/v2.0/lb/pools/{pool_id}/health_monitors");
        let _ = site.rest.create(&associate, &json!({"health_monitor": {"id": monitor}}));
        let vip = format!("/v2.0/lb/vips/{}", site.make_vip(&pool_id).id());
        let pool = format!("/v2.0/lb/pools/{pool_id}");
        for path in [&pool, &vip, &one, &other] {
            site.wait_for_status(path, "ACTIVE");
        }
        // By a user of its own, though the credentials are root's alone.
        let state = fs::metadata(site.agent_state(0).join("driver-state").join(vendor.driver))?;
        assert!((1_900_065_536..=1_900_066_559).contains(&state.uid()), "{}", state.uid());
        assert_eq!(fs::metadata(vendor.credentials_file(lab.dir()))?.uid(), 0);

        device(&site, vendor, "POST", "health", &json!({"address": "10.20.0.12", "port": 80, "up": false}));
        site.wait_for_status(&other, "INACTIVE");
        site.wait_for_status(&one, "ACTIVE");
        device(&site, vendor, "POST", "health", &json!({"address": "10.20.0.12", "port": 80, "up": true}));
        site.wait_for_status(&other, "ACTIVE");
        let stats = site.rest.get(&format!("{pool}/stats"));
        assert_eq!(stats["stats"]["total_connections"], 0);

        site.rest.update(&vip, &json!({"vip": {"connection_limit": 7}}));
        wait_until(PATIENCE, "the limit on the device", || {
            writes(&site, vendor).iter().any(|entry| *(vendor.limit)(&entry["body"]) == 7).then_some(())
        });
        site.wait_for_status(&vip, "ACTIVE");
        for path in [&vip, &one, &other, &pool] {
            site.rest.delete(path);
        }
        wait_until(PATIENCE, "the last server to go from the device", || {
            let removed = |entry: &&Value| {
                entry["method"] == "DELETE" && entry["path"].as_str().is_some_and(|path| path.contains(vendor.servers))
            };
            (writes(&site, vendor).iter().filter(removed).count() >= 2).then_some(())
        });
        all_in_the_tenants_partition(&site, vendor);
        wait_until(PATIENCE, "the end of all sessions", || {
            (device(&site, vendor, "GET", "sessions", &Value::Null)["sessions"] == 0).then_some(())
        });
        Ok(())
    });
}

/// But for the making of that partition.
fn all_in_the_tenants_partition(site: &Site, vendor: &Vendor) {
    for entry in writes(site, vendor) {
        let path = entry["path"].as_str().unwrap_or_default();
        let makes_it = vendor.makes_partitions.iter().any(|end| path.ends_with(end));
        let inside = entry["partition"].as_str().is_some_and(|partition| partition.starts_with("bl"));
        assert!(inside || makes_it, "{entry}");
    }
}
