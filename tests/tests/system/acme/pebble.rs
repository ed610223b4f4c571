//! Debian's pebble, a CA for tests of ACME, with a DNS server that says where domains are; both on the lab's own host.

use std::{
    fs,
    net::TcpStream,
    path::{Path, PathBuf},
    process::{Child, Command, Stdio},
};

use ballast_lab::wait_until;
use ballast_tests::PATIENCE;
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use serde_json::json;

/// Its directory, as the configuration of a scheduler has it.
pub(super) const DIRECTORY: &str = "https://127.0.0.1:14000/dir";
const DNS: &str = "127.0.0.1:8053";
const DNS_MANAGEMENT: &str = "127.0.0.1:8055";

/// Both. Dropped, they end.
pub(super) struct Pebble {
    directory: PathBuf,
    ca: Option<Child>,
    dns: Child,
}

impl Pebble {
    /// Makes its certificate, and starts the DNS server alone, which knows no domain.
    pub(super) fn prepare(directory: &Path) -> Self {
        let mut params = CertificateParams::new(Vec::new()).expect("parameters");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let ca = CertifiedIssuer::self_signed(params, KeyPair::generate().expect("a key")).expect("a CA");
        let key = KeyPair::generate().expect("a key");
        let own = CertificateParams::new(vec!["127.0.0.1".to_owned()]).expect("parameters");
        let own = own.signed_by(&key, &ca).expect("a certificate");
        let file = |name: &str| directory.join(name);
        let texts = [("pebble-ca.pem", ca.pem()), ("pebble.pem", own.pem()), ("pebble.key", key.serialize_pem())];
        for (name, text) in texts {
            fs::write(file(name), text).expect("a file");
        }
        let settings = json!({ "pebble": {
            "listenAddress": "127.0.0.1:14000", "managementListenAddress": "127.0.0.1:15000",
            "certificate": file("pebble.pem"), "privateKey": file("pebble.key"), "httpPort": 80, "tlsPort": 443
        } });
        fs::write(file("pebble.json"), settings.to_string()).expect("a file");
        let mut dns = Command::new("pebble-challtestsrv");
        dns.args(["-dns01", DNS, "-management", DNS_MANAGEMENT, "-http01", "", "-https01", "", "-tlsalpn01", ""]);
        dns.args(["-defaultIPv4", "", "-defaultIPv6", ""]);
        let dns = logged(&mut dns, &file("pebble-challtestsrv.log"));
        answers(DNS_MANAGEMENT);
        Self { directory: directory.to_owned(), ca: None, dns }
    }

    /// The CA that its directory is believed by.
    pub(super) fn ca(&self) -> String {
        self.directory.join("pebble-ca.pem").display().to_string()
    }

    /// Starts the CA, which knows nothing of a former one.
    pub(super) fn start(&mut self) {
        let mut command = Command::new("pebble");
        command.args(["-strict", "-dnsserver", DNS, "-config"]).arg(self.directory.join("pebble.json"));
        // It asks at once, and refuses one nonce of ten that are good.
        command.envs([("PEBBLE_VA_NOSLEEP", "1"), ("PEBBLE_WFE_NONCEREJECT", "10"), ("PEBBLE_AUTHZREUSE", "0")]);
        self.ca = Some(logged(&mut command, &self.directory.join("pebble.log")));
        answers("127.0.0.1:14000");
    }

    pub(super) fn stop(&mut self) {
        if let Some(mut ca) = self.ca.take() {
            end(&mut ca);
        }
    }

    /// Where a domain is from now on; none: nowhere.
    pub(super) fn set_address(domain: &str, address: Option<&str>) {
        // What is added comes beside what is there.
        let nowhere = ("clear-a", json!({ "host": domain }));
        let there = address.map(|address| ("add-a", json!({ "host": domain, "addresses": [address] })));
        for (path, body) in [Some(nowhere), there].into_iter().flatten() {
            let url = format!("http://{DNS_MANAGEMENT}/{path}");
            let done = Command::new("curl").args(["-sf", "--max-time", "5", "-d", &body.to_string(), &url]).status();
            assert!(done.expect("curl runs").success(), "{path} of {domain}");
        }
    }

    /// How many certificates it has issued.
    pub(super) fn issued(&self) -> usize {
        let log = fs::read_to_string(self.directory.join("pebble.log")).unwrap_or_default();
        log.matches("Issued certificate serial").count()
    }
}

impl Drop for Pebble {
    fn drop(&mut self) {
        self.stop();
        end(&mut self.dns);
    }
}

fn logged(command: &mut Command, log: &Path) -> Child {
    let file = fs::OpenOptions::new().create(true).append(true).open(log).expect("a log file");
    let again = file.try_clone().expect("a log file");
    command.stdin(Stdio::null()).stdout(file).stderr(again).spawn().expect("it starts")
}

fn answers(address: &str) {
    wait_until(PATIENCE, &format!("an answer at {address}"), || TcpStream::connect(address).ok());
}

fn end(child: &mut Child) {
    // It may have ended already.
    let _ = child.kill();
    let _ = child.wait();
}
