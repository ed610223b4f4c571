//! Certificates that a CA issues by ACME: a real CA, that asks real haproxies, and a scheduler whose clock jumps.

mod pebble;

use std::{
    process::Command,
    sync::{
        Arc,
        atomic::{AtomicU64, Ordering},
    },
    time::{Duration, SystemTime},
};

use ballast_lab::{Lab, in_lab, require_tool, wait_until};
use ballast_scheduler::Listeners;
use ballast_service::{chance::Chance, clock::Clock, config, sources::Sources};
use ballast_tests::{
    PATIENCE, secret,
    site::{Plan, Setting, Site},
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;
use tokio_util::sync::CancellationToken;

use self::pebble::{DIRECTORY, Pebble};

const CERTIFICATES: &str = "/ballast/v1/certificates";
const LOAD_BALANCERS: &str = "/v2.0/lbaas/loadbalancers";
const LISTENERS: &str = "/v2.0/lbaas/listeners";
const DAY: u64 = 24 * 60 * 60;
/// From the order to what is kept: the CA asks a load balancer that is deployed anew.
const ISSUED_WITHIN: Duration = Duration::from_secs(60);

/// A scheduler in this process, by a clock of its own. Dropped, it ends.
struct Scheduler {
    ahead: Arc<AtomicU64>,
    shutdown: CancellationToken,
    runtime: Option<Runtime>,
}

impl Scheduler {
    /// In the place of the site's own.
    fn take_over(site: &mut Site, lab: &Lab, environment: &[Setting]) -> Self {
        site.scheduler.take().expect("a scheduler").stop().expect("it ends");
        let vars = environment.iter().map(|(_, name, value)| ((*name).to_owned(), value.clone()));
        let settings = config::load_from(Some(&lab.dir().join("ballast.toml")), vars).expect("a configuration");
        let ahead = Arc::<AtomicU64>::default();
        let seconds = Arc::clone(&ahead);
        #[expect(clippy::disallowed_methods, reason = "the clock of a test")]
        let now = move || SystemTime::now() + Duration::from_secs(seconds.load(Ordering::SeqCst));
        let sources = Sources { clock: Clock::from_fn(now), chance: Chance::system() };
        let runtime = Runtime::new().expect("a runtime");
        let shutdown = CancellationToken::new();
        let until = shutdown.clone();
        runtime.spawn(async move {
            let listeners = Listeners::bind(&settings).await.expect("the scheduler's sockets");
            ballast_scheduler::run(settings, sources, listeners, until).await.expect("the scheduler runs");
        });
        site.wait_for_agents(1);
        Self { ahead, shutdown, runtime: Some(runtime) }
    }

    fn jump(&self, seconds: u64) {
        self.ahead.fetch_add(seconds, Ordering::SeqCst);
    }
}

impl Drop for Scheduler {
    fn drop(&mut self) {
        self.shutdown.cancel();
        if let Some(runtime) = self.runtime.take() {
            runtime.shutdown_timeout(Duration::from_secs(5));
        }
    }
}

/// What a scheduler has to know.
fn environment(lab: &Lab, pebble: &Pebble) -> Vec<Setting> {
    let keys = lab.dir().join("secrets.key");
    secret::write(&keys, &ballast_certificates::new_key());
    vec![
        ("", "BALLAST_SECRETS__KEY_FILES", keys.display().to_string()),
        ("", "BALLAST_ACME__DIRECTORY", DIRECTORY.to_owned()),
        ("", "BALLAST_ACME__CA", pebble.ca()),
        ("", "BALLAST_ACME__CONTACT", "ops@example".to_owned()),
        ("", "BALLAST_ACME__TERMS_ACCEPTED", "true".to_owned()),
    ]
}

/// The CA is on the lab's own host, which is plugged in where load balancers are.
fn plug_in() {
    let plugged = Command::new("ip").args(["address", "add", "10.20.0.8/24", "dev", "net"]).status();
    assert!(plugged.expect("ip runs").success());
}

fn is_there(test: &str) -> bool {
    ["haproxy", "pebble", "pebble-challtestsrv", "curl", "openssl"].into_iter().all(|tool| require_tool(tool, test))
}

struct World {
    site: Site,
    scheduler: Scheduler,
    pebble: Pebble,
}

impl World {
    fn build(lab: &Lab, is_ca_there: bool) -> Result<Self, ballast_lab::LabError> {
        let mut pebble = Pebble::prepare(lab.dir());
        if is_ca_there {
            pebble.start();
        }
        let environment = environment(lab, &pebble);
        let plan = Plan { webs: 1, environment: environment.clone(), ..Plan::default() };
        let mut site = Site::start(lab, &plan)?;
        plug_in();
        let scheduler = Scheduler::take_over(&mut site, lab, &environment);
        Ok(Self { site, scheduler, pebble })
    }

    /// A certificate for these domains; its path and its reference.
    fn certificate(&self, domains: &[&str]) -> (String, String) {
        let body = json!({ "certificate": { "name": "web", "acme": { "domains": domains } } });
        let made = self.site.rest.create(CERTIFICATES, &body);
        let reference = made.object()["reference"].as_str().expect("a reference").to_owned();
        (format!("{CERTIFICATES}/{}", made.id()), reference)
    }

    /// A load balancer; its id and its address.
    fn load_balancer(&self) -> (String, String) {
        let body = json!({ "loadbalancer": { "name": "web", "vip_subnet_id": self.site.subnet_id } });
        let made = self.site.rest.create(LOAD_BALANCERS, &body);
        (made.id(), made.object()["vip_address"].as_str().expect("an address").to_owned())
    }

    fn listener(&self, load_balancer: &str, protocol: &str, port: u16, more: &Value) -> String {
        let mut body = json!({ "loadbalancer_id": load_balancer, "protocol": protocol, "protocol_port": port });
        body.as_object_mut().expect("an object").extend(more.as_object().expect("an object").clone());
        self.site.rest.create(LISTENERS, &json!({ "listener": body })).id()
    }

    fn object(&self, path: &str) -> Option<Value> {
        self.site.rest.try_call("GET", path, None).map(|reply| reply.object().clone())
    }

    /// Waits until a certificate is so; the certificate then.
    fn until(&self, path: &str, what: &str, is_so: impl Fn(&Value) -> bool) -> Value {
        wait_until(ISSUED_WITHIN, &format!("{what} of {path}"), || self.object(path).filter(|now| is_so(now)))
    }

    fn until_version(&self, path: &str, version: u64) -> Value {
        self.until(path, &format!("version {version}"), |now| {
            now["version"] == version && now["acme"]["state"] == "VALID"
        })
    }

    /// Waits until all of a load balancer is deployed.
    fn settle(&self, load_balancer: &str) {
        let path = format!("{LOAD_BALANCERS}/{load_balancer}");
        wait_until(PATIENCE, &format!("{path} is ACTIVE"), || {
            (self.object(&path)?["provisioning_status"] == "ACTIVE").then_some(())
        });
    }

    /// SHA-256 of the certificate that is served at port 443, in hex; empty: none is.
    fn served(&self, address: &str) -> String {
        let asked = format!(
            "openssl s_client -connect {address}:443 -servername www.example </dev/null 2>/dev/null | \
             openssl x509 -noout -fingerprint -sha256 2>/dev/null || true"
        );
        let said = self.site.client.output("sh", ["-c", &asked]).unwrap_or_default();
        said.trim().rsplit('=').next().unwrap_or_default().replace(':', "").to_lowercase()
    }

    /// Waits until this version of a certificate is served.
    fn until_served(&self, address: &str, certificate: &Value) {
        wait_until(PATIENCE, "the certificate is served", || {
            (self.served(address) == *certificate["fingerprint"].as_str()?).then_some(())
        });
    }

    /// Waits until the events of a listener say this of a certificate.
    fn until_told(&self, listener: &str, what: &str) {
        let id = listener.rsplit('/').next().unwrap_or_default();
        let url = format!("http://127.0.0.1:9696/ballast/v1/events?since=2026-01-01T00:00:00Z&id={id}");
        wait_until(ISSUED_WITHIN, &format!("an event that says {what:?}"), || {
            let asked = Command::new("curl").args(["-sN", "--max-time", "1", &url]).output().expect("curl runs");
            String::from_utf8_lossy(&asked.stdout).contains(what).then_some(())
        });
    }

    /// The status of an answer to a request at port 80, by a client that is not the CA.
    fn status(&self, address: &str, path: &str) -> String {
        let url = format!("http://{address}{path}");
        let arguments = ["-s", "--max-time", "3", "-o", "/dev/null", "-w", "%{http_code}", &url];
        self.site.client.output("curl", arguments).unwrap_or_else(|_| "none".to_owned())
    }
}

#[test]
fn a_certificate_is_issued_where_a_listener_names_it_and_renews_itself() {
    let test = "a_certificate_is_issued_where_a_listener_names_it_and_renews_itself";
    if !is_there(test) {
        return;
    }
    in_lab(|lab| {
        let world = World::build(lab, true)?;
        let (certificate, reference) = world.certificate(&["www.example", "example.org"]);
        // It waits, and says for what.
        let waits = world.until(&certificate, "what it waits for", |now| !now["acme"]["last_error"].is_null());
        assert_eq!((&waits["acme"]["state"], &waits["version"]), (&json!("PENDING"), &json!(0)), "{waits}");
        assert_eq!(waits["acme"]["last_error"], "no listener names it yet");
        assert_eq!((&waits["validity"], &waits["not_after"]), (&json!("NOT_ISSUED"), &Value::Null), "{waits}");

        let (load_balancer, address) = world.load_balancer();
        for domain in ["www.example", "example.org"] {
            Pebble::set_address(domain, Some(&address));
        }
        // There is nothing at port 80 but what is there for the CA, and the listener says what it waits for.
        let names_it = json!({ "default_tls_container_ref": reference });
        let listener = world.listener(&load_balancer, "TERMINATED_HTTPS", 443, &names_it);
        let listener = format!("{LISTENERS}/{listener}");
        wait_until(PATIENCE, "the listener says that it has no certificate yet", || {
            let now = world.object(&listener)?;
            now["status_description"].as_str().is_some_and(|why| why.contains("not there yet")).then_some(())
        });
        assert_eq!(world.served(&address), "", "nothing is served without a certificate");
        let issued = world.until_version(&certificate, 1);
        assert_eq!(issued["names"], json!(["www.example", "example.org"]), "{issued}");
        assert_eq!((&issued["acme"]["failures"], &issued["acme"]["last_error"]), (&json!(0), &Value::Null), "{issued}");
        world.until_served(&address, &issued);
        world.settle(&load_balancer);
        world.until_told(&listener, "for www.example, example.org is issued");
        wait_until(PATIENCE, "port 80 is closed again", || (world.status(&address, "/") == "none").then_some(()));

        // By now a listener has port 80, which lets nobody in but one network, in which the CA is not.
        world.listener(&load_balancer, "HTTP", 80, &json!({ "allowed_cidrs": ["10.20.0.9/32"] }));
        world.settle(&load_balancer);
        wait_until(PATIENCE, "an answer at port 80", || (world.status(&address, "/") == "503").then_some(()));
        let before = world.pebble.issued();
        world.scheduler.jump(3 * 365 * DAY);
        std::thread::sleep(Duration::from_secs(7));
        assert_eq!(
            (world.object(&certificate).expect("it")["version"].clone(), world.pebble.issued()),
            (json!(1), before)
        );
        // Two thirds of five years.
        world.scheduler.jump(200 * DAY);
        let renewed = world.until_version(&certificate, 2);
        assert_ne!(renewed["fingerprint"], issued["fingerprint"]);
        assert_eq!(renewed["names"], issued["names"]);
        world.until_told(&listener, "for www.example, example.org is renewed");
        world.until_served(&address, &renewed);
        world.settle(&load_balancer);
        assert_eq!(world.status(&address, "/"), "503");
        assert_eq!(world.status(&address, "/.well-known/acme-challenge/x"), "503");
        // It is not renewed again and again, though by this clock it is old.
        std::thread::sleep(Duration::from_secs(7));
        assert_eq!(world.pebble.issued(), before + 1);
        Ok(())
    });
}

#[test]
fn what_fails_is_said_and_tried_again_each_time_later_until_it_does_not() {
    let test = "what_fails_is_said_and_tried_again_each_time_later_until_it_does_not";
    if !is_there(test) {
        return;
    }
    in_lab(|lab| {
        let mut world = World::build(lab, false)?;
        let (load_balancer, address) = world.load_balancer();
        let (certificate, reference) = world.certificate(&["www.example"]);
        // What listens at port 80 sees no requests.
        let tcp = world.listener(&load_balancer, "TCP", 80, &json!({}));
        world.listener(&load_balancer, "PROMETHEUS", 9090, &json!({ "default_tls_container_ref": reference }));
        let named = json!({ "default_tls_container_ref": reference });
        let listener = world.listener(&load_balancer, "TERMINATED_HTTPS", 443, &named);
        let hindered = world.until(&certificate, "what is in the way", |now| {
            now["acme"]["last_error"].as_str().is_some_and(|why| why.contains(&tcp))
        });
        assert_eq!((&hindered["acme"]["state"], &hindered["acme"]["failures"]), (&json!("PENDING"), &json!(0)));
        assert_eq!(world.site.rest.call("DELETE", &format!("{LISTENERS}/{tcp}"), None).status, 204);

        // The CA is away.
        world.scheduler.jump(20);
        let failures = |count: u64| {
            world.until(&certificate, &format!("failure {count}"), |now| now["acme"]["failures"] == count)["acme"]
                .clone()
        };
        let away = failures(1);
        assert_eq!(away["state"], "FAILED");
        assert!(away["last_error"].as_str().expect("why").contains("127.0.0.1:14000"), "{away}");
        world.until_told(&listener, "for www.example is not issued: ");

        // It is there, and does not find the domain.
        world.pebble.start();
        world.scheduler.jump(60);
        std::thread::sleep(Duration::from_secs(7));
        let still = world.object(&certificate).expect("it");
        assert_eq!(still["acme"]["failures"], 1, "it is tried again after five minutes: {still}");
        world.scheduler.jump(8 * 60);
        let failures = |count: u64| {
            world.until(&certificate, &format!("failure {count}"), |now| now["acme"]["failures"] == count)["acme"]
                .clone()
        };
        let unknown = failures(2);
        assert!(unknown["last_error"].as_str().expect("why").starts_with("www.example: "), "{unknown}");
        // Elsewhere somebody else answers.
        Pebble::set_address("www.example", Some("10.20.0.11"));
        world.scheduler.jump(14 * 60);
        let elsewhere = failures(3);
        let why = elsewhere["last_error"].as_str().expect("why");
        assert!(why.starts_with("www.example: ") && why.contains("404"), "{elsewhere}");
        wait_until(PATIENCE, "nothing is answered after a failure", || {
            (world.status(&address, "/") == "none").then_some(())
        });

        // A CA that was made anew knows no account of its former self.
        world.pebble.stop();
        world.pebble.start();
        Pebble::set_address("www.example", Some(&address));
        // Who changes it has it tried at once.
        let again = json!({ "certificate": { "acme": { "domains": ["www.example"] } } });
        assert_eq!(world.site.rest.call("PUT", &certificate, Some(&again)).status, 200);
        let issued = world.until_version(&certificate, 1);
        assert_eq!((&issued["acme"]["failures"], &issued["acme"]["last_error"]), (&json!(0), &Value::Null), "{issued}");
        Ok(())
    });
}
