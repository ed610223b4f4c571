//! TLS: where it ends, and where it goes on to members. Clients are OpenSSL's, curl and Python's.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

mod clients;
mod costs;
mod ending;
mod hidden;
mod members;
mod rotation;

use std::{fs, path::PathBuf};

use ballast_abi::{Driver, Listener, ListenerTls, LoadBalancer, ObjectFault, Protocol, Secret, SecretContent};
use ballast_lab::TestResult;
use ballast_namespace::rehearsal::authority::{Authority, secret};

use crate::world::{ID, World, in_world, load_balancer};

pub(crate) const HTTPS: &str = "https://www.example/";

/// What a load balancer names, and what the driver is told of it.
pub(crate) struct Secrets {
    pub(crate) authority: Authority,
    pub(crate) told: Vec<SecretContent>,
    serial: u64,
}

impl Secrets {
    pub(crate) fn new() -> Self {
        Self { authority: Authority::new("authority"), told: Vec::new(), serial: 100 }
    }

    /// A certificate of a server of these names.
    pub(crate) fn server(&mut self, name: &str, version: u32, names: &[&str]) -> Secret {
        self.serial += 1;
        let (pem, key) = self.authority.issue(names[0], names, self.serial);
        self.add(name, version, &pem, &key)
    }

    pub(crate) fn add(&mut self, name: &str, version: u32, pem: &str, private_key: &str) -> Secret {
        let (named, told) = secret(name, version, pem, private_key);
        self.told.retain(|one| one.reference != named.reference);
        self.told.push(told);
        named
    }

    /// As before each deploy of an agent.
    pub(crate) fn deploy(&self, world: &World<'_>, asked: &LoadBalancer, generation: u64) -> Vec<ObjectFault> {
        world.driver.take_secrets(ID, self.told.clone()).unwrap();
        let deployed = world.driver.deploy(asked, generation);
        deployed.unwrap_or_else(|error| panic!("deploy: {error}: {}", error.detail))
    }

    /// The same, and all of it is served.
    pub(crate) fn deploy_whole(&self, world: &World<'_>, asked: &LoadBalancer, generation: u64) {
        assert_eq!(self.deploy(world, asked, generation), []);
    }
}

/// With TLS at port 443 beside HTTP at port 80, for the same members.
pub(crate) fn with_tls(tls: ListenerTls) -> LoadBalancer {
    let mut asked = load_balancer();
    asked.listeners.push(Listener {
        id: "443a1f9e-30c2-4f6e-8d3c-1c5cf1a3f9b4".into(),
        protocol: Protocol::TerminatedHttps.into(),
        protocol_port: 443,
        tls: Some(tls),
        ..asked.listeners[0].clone()
    });
    asked
}

pub(crate) fn of(certificate: Secret) -> ListenerTls {
    ListenerTls { default_certificate: Some(certificate), ..ListenerTls::default() }
}

/// A test with a file in which the authority's certificate is.
pub(crate) fn in_tls_world(body: impl FnOnce(World<'_>, Secrets) -> TestResult) {
    let test = std::thread::current().name().unwrap_or("a test of TLS").to_owned();
    if !["openssl", "python3"].iter().all(|tool| ballast_lab::require_tool(tool, &test)) {
        return;
    }
    in_world(|world| {
        let secrets = Secrets::new();
        fs::write(authority(&world), secrets.authority.pem())?;
        body(world, secrets)
    });
}

fn authority(world: &World<'_>) -> PathBuf {
    world.lab.dir().join("authority.pem")
}

/// What curl says of a request to a name that is the VIP's, with more arguments: the body, then the status and the version
/// of HTTP.
pub(crate) fn curl(world: &World<'_>, url: &str, more: &[&str]) -> Result<String, String> {
    let name = url.split('/').nth(2).unwrap_or_default().split(':').next().unwrap_or_default();
    let (resolve, ca) = (format!("{name}:443:10.0.0.4"), authority(world).display().to_string());
    let usual = [
        "-s",
        "-S",
        "-m",
        "10",
        "--cacert",
        &ca,
        "--resolve",
        &resolve,
        "-w",
        "%{http_code} HTTP/%{http_version}",
        url,
    ];
    let arguments: Vec<&str> = more.iter().copied().chain(usual).collect();
    world.client.output("curl", arguments).map_err(|error| error.to_string())
}

/// What OpenSSL's client says of a handshake with the VIP, with more arguments.
pub(crate) fn s_client(world: &World<'_>, more: &[&str]) -> Result<String, String> {
    let ca = authority(world).display().to_string();
    let usual = ["s_client", "-connect", "10.0.0.4:443", "-CAfile", &ca, "-verify_return_error"];
    let arguments: Vec<&str> = usual.into_iter().chain(more.iter().copied()).collect();
    world.client.output("openssl", arguments).map_err(|error| error.to_string())
}

/// The common name that the VIP shows to who asks for this one.
pub(crate) fn shown_to(world: &World<'_>, name: &str) -> String {
    let said = s_client(world, &["-servername", name]).unwrap();
    let line = said.lines().find(|line| line.starts_with("subject=")).unwrap();
    line.rsplit("CN = ").next().unwrap().trim().to_owned()
}

pub(crate) fn write(world: &World<'_>, name: &str, text: &str) -> String {
    let path = world.lab.dir().join(name);
    fs::write(&path, text).unwrap();
    path.display().to_string()
}
