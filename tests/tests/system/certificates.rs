//! A certificate on its way to clients: served, changed while it serves, there again after whatever has ended; and its private key
//! is in the two places that are meant for it, and nowhere else.

use std::{
    collections::BTreeSet,
    fs,
    path::{Path, PathBuf},
};

use ballast_lab::{Lab, LabError, Signal, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE, secret,
    site::{Plan, Site},
};
use serde_json::{Value, json};

pub(crate) const CERTIFICATES: &str = "/ballast/v1/certificates";
pub(crate) const LOAD_BALANCERS: &str = "/v2.0/lbaas/loadbalancers";
const NAME: &str = "www.example";
/// Where the driver has what haproxy reads.
const OF_HAPROXY: &str = "/run/ballast-haproxy-ns";
pub(crate) const SECRETS_KEY: &str = "8a5edab282632443219e051e4ade2d1d5bbc671c781051bf1437897cbdfea0f1";

/// A certificate that signs itself.
pub(crate) struct Pem {
    pub(crate) chain: String,
    key: String,
    /// For a client that believes it.
    file: PathBuf,
}

impl Pem {
    pub(crate) fn new(directory: &Path, name: &str) -> Self {
        let made = rcgen::generate_simple_self_signed([NAME.to_owned()]).expect("a certificate");
        let (chain, file) = (made.cert.pem(), directory.join(format!("{name}.pem")));
        fs::write(&file, &chain).expect("a file for the client");
        Self { chain, key: made.signing_key.serialize_pem(), file }
    }

    pub(crate) fn body(&self) -> Value {
        json!({ "certificate": { "name": "web", "certificate_chain": self.chain, "private_key": self.key } })
    }

    /// A line of the key that nothing else has.
    pub(crate) fn planted(&self) -> &str {
        self.key.lines().find(|line| line.len() > 40 && !line.starts_with('-')).expect("a line of the key")
    }
}

/// A site whose one load balancer ends TLS.
struct Secured {
    site: Site,
    certificate: String,
    load_balancer: String,
    address: String,
    pem: Pem,
}

impl Secured {
    fn start(lab: &Lab, more: Vec<(&'static str, &'static str, String)>) -> Result<Self, LabError> {
        let key_file = lab.dir().join("secrets.key");
        secret::write(&key_file, SECRETS_KEY);
        let mut environment = vec![
            ("", "BALLAST_SECRETS__KEY_FILES", key_file.display().to_string()),
            ("", "BALLAST_LOG__LEVEL", "debug,ballast=trace".to_owned()),
        ];
        environment.extend(more);
        let site = Site::start(lab, &Plan { webs: 1, environment, ..Plan::default() })?;
        let pem = Pem::new(lab.dir(), "first");
        let made = site.rest.create(CERTIFICATES, &pem.body());
        let web = site.webs[0].address();
        let whole = json!({ "loadbalancer": {
            "name": "web", "vip_subnet_id": site.subnet_id,
            "listeners": [{
                "protocol": "TERMINATED_HTTPS", "protocol_port": 443,
                "default_tls_container_ref": made.object()["reference"],
                "default_pool": {
                    "name": "web",
                    "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN",
                    "members": [{ "address": web.ip().to_string(), "protocol_port": web.port() }],
                },
            }],
        } });
        let balancer = site.rest.create(LOAD_BALANCERS, &whole);
        let address = balancer.object()["vip_address"].as_str().unwrap_or_default().to_owned();
        let secured = Self { certificate: made.id(), load_balancer: balancer.id(), address, site, pem };
        secured.wait_until_served(&secured.pem);
        Ok(secured)
    }

    /// What a client gets that believes in this certificate alone.
    fn ask(&self, pem: &Pem) -> Option<String> {
        let (url, resolve) = (format!("https://{NAME}/"), format!("{NAME}:443:{}", self.address));
        let believed = pem.file.display().to_string();
        let asked = ["-sf", "--max-time", "2", "--cacert", &believed, "--resolve", &resolve, &url];
        self.site.client.output("curl", asked).ok().map(|said| said.trim().to_owned())
    }

    fn wait_until_served(&self, pem: &Pem) {
        let said = wait_until(PATIENCE, "an answer over TLS", || self.ask(pem));
        assert_eq!(said, "web-1");
    }

    fn rotate(&self, directory: &Path, name: &str) -> Pem {
        let next = Pem::new(directory, name);
        self.site.rest.update(&format!("{CERTIFICATES}/{}", self.certificate), &next.body());
        self.wait_until_served(&next);
        wait_until(PATIENCE, "ACTIVE", || (self.status() == "ACTIVE").then_some(()));
        next
    }

    /// Where haproxy's are, seen from here: the driver has mounted that on its own host.
    fn of_haproxy(&self) -> PathBuf {
        let agent = self.site.agents[0].process.as_ref().map(ballast_lab::Process::pid);
        let pid = agent.or_else(|| self.site.haproxies(0).first().copied()).expect("something runs there");
        PathBuf::from(format!("/proc/{pid}/root{OF_HAPROXY}"))
    }

    /// As after a reboot. Other sites of this machine have folders of their own there.
    fn forget_of_haproxy(&self) -> std::io::Result<()> {
        let is_its = |path: &PathBuf| path.components().any(|part| part.as_os_str() == self.load_balancer.as_str());
        files(&self.of_haproxy()).into_iter().filter(is_its).try_for_each(fs::remove_file)
    }

    fn status(&self) -> String {
        let shown = self.site.rest.get(&format!("{LOAD_BALANCERS}/{}", self.load_balancer));
        shown["loadbalancer"]["provisioning_status"].as_str().unwrap_or_default().to_owned()
    }
}

/// Every file below a folder.
fn files(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = fs::read_dir(folder) else { return Vec::new() };
    let below = entries.flatten().map(|entry| entry.path()).flat_map(|path| match path.symlink_metadata() {
        Ok(found) if found.is_dir() => files(&path),
        Ok(found) if found.is_file() => vec![path],
        _ => Vec::new(),
    });
    below.collect()
}

/// What every process that this one sees was started with.
fn arguments() -> Vec<PathBuf> {
    let processes = fs::read_dir("/proc").expect("processes").flatten().map(|entry| entry.path());
    let is_one = |path: &PathBuf| path.file_name().is_some_and(|name| name.as_encoded_bytes()[0].is_ascii_digit());
    processes.filter(is_one).flat_map(|path| [path.join("cmdline"), path.join("environ")]).collect()
}

/// The files that have this text.
pub(crate) fn places(text: &str, folders: &[&Path]) -> BTreeSet<PathBuf> {
    let looked_at = folders.iter().flat_map(|folder| files(folder)).chain(arguments());
    let has = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap_or_default();
        bytes.windows(text.len()).any(|window| window == text.as_bytes())
    };
    looked_at.filter(has).collect()
}

/// The key of what is served is where haproxy reads it, and in `kept`; that of what was served before is nowhere.
fn is_in_its_places_alone(secured: &Secured, lab: &Lab, kept: &Path, [served, former]: [&Pem; 2]) {
    let of_haproxy = secured.of_haproxy();
    let folders = [lab.dir(), of_haproxy.as_path(), kept];
    wait_until(PATIENCE, "the former key to be gone", || places(former.planted(), &folders).is_empty().then_some(()));
    let found = places(served.planted(), &folders);
    let (agents, others): (BTreeSet<_>, BTreeSet<_>) = found.into_iter().partition(|path| path.starts_with(kept));
    assert_eq!(agents.len(), 1, "{agents:?}");
    assert!(!others.is_empty() && others.iter().all(|path| path.starts_with(&of_haproxy)), "{others:?}");
    // The test is not blind: what everybody may know is in many places.
    let known = served.chain.lines().nth(1).expect("a line of the certificate");
    assert!(places(known, &folders).len() > 2);
    assert!(secured.site.logged("ballast-scheduler").contains("certificate"));
}

/// Gone with the listener, though its load balancer stays.
fn is_nowhere_once_it_is_gone(secured: &Secured, lab: &Lab, kept: &Path, served: &Pem) {
    let shown = secured.site.rest.get(&format!("{LOAD_BALANCERS}/{}", secured.load_balancer));
    let listener = shown["loadbalancer"]["listeners"][0]["id"].as_str().expect("its listener").to_owned();
    assert_eq!(secured.site.rest.call("DELETE", &format!("/v2.0/lbaas/listeners/{listener}"), None).status, 204);
    let of_haproxy = secured.of_haproxy();
    let folders = [lab.dir(), of_haproxy.as_path(), kept];
    wait_until(PATIENCE, "the key to be gone", || places(served.planted(), &folders).is_empty().then_some(()));
}

#[test]
fn a_private_key_is_where_haproxy_reads_it_and_in_the_agents_folder_and_nowhere_else() {
    let test = "a_private_key_is_where_haproxy_reads_it_and_in_the_agents_folder_and_nowhere_else";
    if !require_tool("haproxy", test) || !require_tool("curl", test) {
        return;
    }
    in_lab(|lab| {
        let mut secured = Secured::start(lab, Vec::new())?;
        let kept = secured.site.agent_state(0).join("secrets");
        let before = secured.site.haproxies(0);
        let next = secured.rotate(lab.dir(), "next");
        assert_eq!(secured.ask(&secured.pem), None, "the former one is still served");
        assert_eq!(secured.site.haproxies(0), before, "haproxy was not told, but started anew");
        is_in_its_places_alone(&secured, lab, &kept, [&next, &secured.pem]);

        // Without a scheduler, and with nothing left in memory.
        secured.site.scheduler.as_mut().expect("it runs").stop()?;
        secured.site.kill_agent(0);
        secured.forget_of_haproxy()?;
        for pid in before {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).expect("it ran");
        }
        secured.site.start_agent(0);
        secured.wait_until_served(&next);
        secured.site.start_scheduler();
        secured.site.wait_for_agents(1);
        is_nowhere_once_it_is_gone(&secured, lab, &kept, &next);
        Ok(())
    });
}

#[test]
fn in_memory_alone_a_private_key_is_on_no_disk_and_waits_for_the_scheduler_after_a_reboot() {
    let test = "in_memory_alone_a_private_key_is_on_no_disk_and_waits_for_the_scheduler_after_a_reboot";
    if !require_tool("haproxy", test) || !require_tool("curl", test) {
        return;
    }
    in_lab(|lab| {
        let memory = tempfile::tempdir_in("/dev/shm")?;
        let kept = memory.path().join("secrets");
        let more = vec![
            ("", "BALLAST_AGENT__SECRETS_ON_DISK", "false".to_owned()),
            ("", "BALLAST_AGENT__SECRETS_TMPFS", kept.display().to_string()),
        ];
        let mut secured = Secured::start(lab, more)?;
        let next = secured.rotate(lab.dir(), "next");
        is_in_its_places_alone(&secured, lab, &kept, [&next, &secured.pem]);

        secured.site.scheduler.as_mut().expect("it runs").stop()?;
        let before = secured.site.haproxies(0);
        secured.site.kill_agent(0);
        fs::remove_dir_all(&kept)?;
        secured.forget_of_haproxy()?;
        for pid in before {
            nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).expect("it ran");
        }
        secured.site.start_agent(0);
        wait_until(PATIENCE, "what it waits for, in the log", || {
            secured.site.logged("agent-1").contains("have not come from the scheduler").then_some(())
        });
        assert_eq!(secured.ask(&next), None);
        secured.site.start_scheduler();
        secured.wait_until_served(&next);
        is_nowhere_once_it_is_gone(&secured, lab, &kept, &next);
        Ok(())
    });
}
