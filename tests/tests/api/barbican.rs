//! Listeners that name secrets of a real Barbican, with a real Keystone: who may, what becomes of rotations, of a Barbican that is
//! away, and of what was asked for when the last listener goes.

use std::{net::TcpListener, path::Path, process::Command, time::Duration};

use ballast_lab::{not_run, poll_until};
use ballast_service::config::AuthMode;
use ballast_store::{Secret, Store};
use ballast_tests::{
    barbican::{Barbican, Tenant},
    keystone::{Keystone, PASSWORD},
    rest::Reply,
    secret,
};
use serde_json::{Value, json};
use tokio::runtime::Runtime;

use crate::{certificates::keep_secrets, played::able, services::Services};

const LISTENERS: &str = "/v2.0/lbaas/listeners";
const PATIENCE: Duration = Duration::from_secs(30);

/// Keystone, Barbican, scheduler, gateway and an agent that deploys whatever it is told. Ann is of the project alpha, ben of beta.
pub(crate) struct World {
    services: Services,
    runtime: Runtime,
    store: Store,
    keystone: Keystone,
    barbican: Barbican,
    user_id: String,
    /// Ann's.
    project: String,
    token: String,
    directory: tempfile::TempDir,
}

fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

impl World {
    /// None: something is not installed, which is said.
    pub(crate) fn start(test: &str) -> Option<Self> {
        let installed = Keystone::installed().and_then(|keystone| Ok((keystone, Barbican::installed()?)));
        let (keystone, barbican) = installed.map_err(|why| not_run(test, &why)).ok()?;
        let directory = tempfile::tempdir().unwrap();
        let keystone = Keystone::start(keystone, &directory.path().join("keystone"), free_port(), None);
        let project = keystone.project("alpha");
        keystone.user("ann", &project, "member");
        keystone.user("ben", &keystone.project("beta"), "member");
        keystone.user("ballast", &keystone.project("service"), "service");
        let barbican = Barbican::start(barbican, &directory.path().join("barbican"), free_port(), &keystone);
        let password_file = directory.path().join("password");
        secret::write(&password_file, &format!("{PASSWORD}\n"));
        let runtime = Runtime::new().unwrap();
        let services = runtime.block_on(Services::with(|settings| {
            keep_secrets(settings);
            let (auth, barbican) = (&mut settings.auth, &mut settings.secrets.barbican);
            (auth.mode, auth.keystone_url) = (AuthMode::Keystone, keystone.url());
            (auth.username, auth.project) = ("ballast".to_owned(), "service".to_owned());
            auth.password_file.clone_from(&password_file);
            barbican.keystone_url = keystone.url();
            (barbican.username, barbican.project) = (auth.username.clone(), auth.project.clone());
            (barbican.password_file, barbican.look_seconds) = (password_file, 1);
            barbican.timeout_ms = 20_000;
        }));
        runtime.block_on(able(&services.channel, "a"));
        let store = runtime.block_on(Store::open(&services.database)).unwrap();
        let (user_id, token) = (keystone.user_id("ballast"), keystone.token("ann", "alpha"));
        Some(Self { services, runtime, store, keystone, barbican, user_id, project, token, directory })
    }

    /// Ann's.
    pub(crate) fn token(&self) -> &str {
        &self.token
    }

    /// The token of another member of Ann's project.
    pub(crate) fn colleague(&self, name: &str) -> String {
        self.keystone.user(name, &self.project, "member");
        self.keystone.token(name, "alpha")
    }

    pub(crate) fn directory(&self) -> &Path {
        self.directory.path()
    }

    pub(crate) fn ann(&self) -> Tenant {
        self.barbican.as_user(&self.token)
    }

    pub(crate) fn call(&self, token: &str, method: &str, path: &str, body: Option<Value>) -> Reply {
        self.runtime.block_on(self.services.call_as(token, method, path, body))
    }

    pub(crate) fn make(&self, token: &str, path: &str, body: Value) -> String {
        let made = self.call(token, "POST", path, Some(body));
        assert_eq!(made.status, 201, "{path}: {made}");
        made.id()
    }

    pub(crate) fn subnet(&self, token: &str) -> String {
        let network = self.make(token, "/v2.0/networks", json!({"network": {"name": "net"}}));
        let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.30.0.0/24"}});
        self.make(token, "/v2.0/subnets", subnet)
    }

    pub(crate) fn load_balancer(&self, token: &str) -> String {
        let subnet = self.subnet(token);
        self.make(token, "/v2.0/lbaas/loadbalancers", json!({"loadbalancer": {"vip_subnet_id": subnet}}))
    }

    pub(crate) fn listen(&self, token: &str, load_balancer: &str, port: u16, more: &Value) -> Reply {
        let mut listener =
            json!({"loadbalancer_id": load_balancer, "protocol": "TERMINATED_HTTPS", "protocol_port": port});
        listener.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        self.call(token, "POST", LISTENERS, Some(json!({"listener": listener})))
    }

    fn listener(&self, id: &str) -> Value {
        self.call(&self.token, "GET", &format!("{LISTENERS}/{id}"), None).object().clone()
    }

    /// What is known of the one secret that there is.
    fn known(&self) -> Option<Secret> {
        let mut known = self.runtime.block_on(self.store.glance(|tx, _| Box::pin(tx.all_secrets()))).unwrap();
        assert!(known.len() < 2, "{known:?}");
        known.pop()
    }

    pub(crate) fn openssl(&self, line: &str) {
        let run = Command::new("openssl").args(line.split_whitespace()).current_dir(self.directory.path()).output();
        let done = run.unwrap();
        assert!(done.status.success(), "openssl {line}: {}", String::from_utf8_lossy(&done.stderr));
    }

    /// A certificate of its own with its key, as secrets.
    fn certificate(&self, name: &str) -> [String; 2] {
        self.openssl(&format!(
            "req -x509 -newkey ec -pkeyopt ec_paramgen_curve:P-256 -nodes -keyout {name}.key -out {name}.pem -days 90 -subj \
             /CN={name}"
        ));
        [".pem", ".key"].map(|ending| self.ann().text(&self.text(&format!("{name}{ending}"))))
    }

    pub(crate) fn text(&self, name: &str) -> String {
        std::fs::read_to_string(Path::new(self.directory.path()).join(name)).unwrap()
    }
}

pub(crate) fn until(what: &str, is_so: impl Fn() -> bool) {
    assert!(poll_until(PATIENCE, || is_so().then_some(())).is_some(), "it never came to: {what}");
}

fn refused(reply: &Reply, reference: &str) {
    let said = reply.body["faultstring"].as_str().unwrap_or_default();
    assert_eq!(
        (reply.status, said),
        (400, format!("Could not retrieve certificate: ['{reference}']").as_str()),
        "{reply}"
    );
}

#[test]
fn a_listener_names_a_secret_of_a_barbican_if_its_owner_may_and_it_is_given_back_with_the_last() {
    let test = "a_listener_names_a_secret_of_a_barbican_if_its_owner_may_and_it_is_given_back_with_the_last";
    let Some(world) = World::start(test) else { return };
    let (ann, token) = (world.ann(), world.token.clone());
    let [leaf, key] = world.certificate("www.example");
    let container = ann.container("certificate", &[("certificate", &leaf), ("private_key", &key)]);
    let named = json!({"default_tls_container_ref": container});

    let ben = world.keystone.token("ben", "beta");
    let of_ben = world.load_balancer(&ben);
    refused(&world.listen(&ben, &of_ben, 443, &named), &container);
    let readers = || [&container, &leaf, &key].map(|reference| ann.readers(reference));
    assert!(readers().iter().all(Vec::is_empty), "who may not read it lets nobody read it");
    assert!(world.known().is_none());

    let load_balancer = world.load_balancer(&token);
    let whole = json!({"listener": {
        "loadbalancer_id": load_balancer, "protocol": "TERMINATED_HTTPS", "protocol_port": 443,
        "default_tls_container_ref": container,
    }});
    let checked = world.call(&token, "POST", &format!("{LISTENERS}?validate_only=true"), Some(whole));
    assert_eq!(checked.status, 200, "{checked}");
    assert!(
        readers().iter().all(Vec::is_empty) && world.known().is_none(),
        "a write that is only checked asks for nothing"
    );

    let [first, second] = [443, 8443].map(|port| {
        let made = world.listen(&token, &load_balancer, port, &named);
        assert_eq!(made.status, 201, "{made}");
        made.id()
    });
    assert!(readers().iter().all(|users| *users == [world.user_id.clone()]), "{:?}", readers());
    assert_eq!(world.known().unwrap().names, ["www.example"]);
    until("its consumer", || ann.consumers(&container) == [format!("loadbalancer://{load_balancer}")]);
    until("what it serves", || world.listener(&first)["provisioning_status"] == "ACTIVE");
    // Not Barbican's: neither a word nor a secret that is not there.
    for nothing in ["abc", "http://barbican/v1/secrets/11111111-2222-3333-4444-555555555555"] {
        refused(&world.listen(&token, &load_balancer, 9443, &json!({"default_tls_container_ref": nothing})), nothing);
    }

    let delete = |path: &str| world.call(&token, "DELETE", path, None).status;
    assert_eq!(delete(&format!("{LISTENERS}/{first}")), 204);
    std::thread::sleep(Duration::from_secs(2));
    assert_eq!((ann.consumers(&container).len(), ann.readers(&key).len()), (1, 1), "another listener names it");
    assert_eq!(delete(&format!("{LISTENERS}/{second}")), 204);
    until("nothing is left in Barbican", || {
        ann.consumers(&container).is_empty() && readers().iter().all(Vec::is_empty)
    });
}

#[test]
fn a_secret_that_changes_in_a_barbican_goes_to_who_names_it_and_a_bad_one_does_not() {
    let test = "a_secret_that_changes_in_a_barbican_goes_to_who_names_it_and_a_bad_one_does_not";
    let Some(mut world) = World::start(test) else { return };
    let (ann, token) = (world.ann(), world.token.clone());
    let ([leaf, key], [next, its_key]) = (world.certificate("www.example"), world.certificate("next.example"));
    let container = ann.container("generic", &[("certificate", &leaf), ("private_key", &key)]);
    let load_balancer = world.load_balancer(&token);
    let made = world.listen(&token, &load_balancer, 443, &json!({"default_tls_container_ref": container}));
    assert_eq!(made.status, 201, "{made}");
    let listener = made.id();
    until("it serves", || world.listener(&listener)["provisioning_status"] == "ACTIVE");
    let first = world.known().unwrap();
    assert_eq!((first.version, first.names.as_slice()), (1, ["www.example".to_owned()].as_slice()));

    for secret in [&next, &its_key] {
        ann.let_read(secret, &[&world.user_id]);
    }
    ann.exchange(&container, "certificate", [&leaf, &next]);
    until("the key that does not fit is noticed", || {
        world.known().is_some_and(|known| known.problem.contains("does not fit"))
    });
    let bad = world.known().unwrap();
    assert_eq!((bad.version, &bad.digest), (1, &first.digest), "the old one serves on");
    let shown = world.listener(&listener);
    assert_eq!(shown["provisioning_status"], "ACTIVE", "{shown}");
    assert!(shown.to_string().contains("does not fit"), "it does not say so: {shown}");

    ann.exchange(&container, "private_key", [&key, &its_key]);
    until("the new one", || world.known().is_some_and(|known| known.version == 2 && known.problem.is_empty()));
    assert_eq!(world.known().unwrap().names, ["next.example"]);
    until("it is served", || world.listener(&listener)["provisioning_status"] == "ACTIVE");
    assert!(!world.listener(&listener).to_string().contains("does not fit"));

    world.barbican.stop();
    std::thread::sleep(Duration::from_secs(3));
    let known = world.known().unwrap();
    assert_eq!((known.version, known.problem.as_str()), (2, ""), "who is away says nothing");
    let again = world.listen(&token, &load_balancer, 8443, &json!({"default_tls_container_ref": container}));
    assert_eq!(again.status, 201, "the project uses it already: {again}");
    let renamed =
        world.call(&token, "PUT", &format!("{LISTENERS}/{listener}"), Some(json!({"listener": {"name": "n"}})));
    assert_eq!(renamed.status, 200, "{renamed}");
    let other = container.replace("/containers/", "/secrets/");
    refused(&world.listen(&token, &load_balancer, 9443, &json!({"default_tls_container_ref": other})), &other);

    let path = format!("/v2.0/lbaas/loadbalancers/{load_balancer}?cascade=true");
    assert_eq!(world.call(&token, "DELETE", &path, None).status, 204, "nobody waits for it");
    world.barbican.serve();
    until("it is told that nobody uses it", || ann.consumers(&container).is_empty());
}
