//! octavia-tempest-plugin, unmodified, against gateway and scheduler with a real Keystone, and a driver that does nothing.
//!
//! Which of its tests must pass is in `tests/tempest/tests.txt`. `make tempest` runs them all; else those are run that are
//! marked there.

use std::{
    collections::BTreeMap,
    fmt::Write as _,
    fs,
    path::{Path, PathBuf},
    process::Command,
};

use ballast_lab::{Lab, Signal, in_lab, not_run, wait_until};
use ballast_tests::{
    PATIENCE,
    keystone::{Keystone, PASSWORD},
    programs, secret,
    site::{Plan, Setting, Site, URL},
};
use serde_json::Value;

const TESTS: &str = include_str!("../../tempest/tests.txt");
/// All that they have in common.
const PACKAGE: &str = "octavia_tempest_plugin.tests.api.v2";
/// What it runs at once: each of its processes makes users and projects of its own.
const PROCESSES: &str = "2";

/// The program, installed by `make deps`.
fn tempest() -> Result<PathBuf, String> {
    let workspace = Path::new(env!("CARGO_MANIFEST_DIR")).parent();
    let program = workspace.map(|workspace| workspace.join(".venv-tempest/bin/tempest"));
    program.filter(|path| path.exists()).ok_or_else(|| "tempest is not installed: run `make deps`".to_owned())
}

/// The names of the tests that must pass: all, or those that are marked.
fn wanted(all: bool) -> Vec<String> {
    let mut names = Vec::new();
    let mut class = "";
    for line in TESTS.lines().filter(|line| !line.starts_with('#')) {
        if let Some(next) = line.strip_prefix('[').and_then(|line| line.strip_suffix(']')) {
            class = next;
            continue;
        }
        let words = line.split_whitespace().filter(|word| all || word.starts_with('+'));
        names.extend(words.map(|word| format!("{PACKAGE}.{class}.test_{}", word.trim_start_matches('+'))));
    }
    names
}

/// A Keystone, and a site whose load balancers are all the driver's that does nothing.
fn start(lab: &Lab, python: PathBuf) -> (Keystone, Site) {
    let keystone = Keystone::start(python, &lab.dir().join("keystone"), 5000, None);
    keystone.user("ballast", &keystone.project("service"), "service");
    keystone.catalogue("load-balancer", URL);
    let file = lab.dir().join("secret");
    secret::write(&file, &format!("{PASSWORD}\n"));
    let settings = [
        ("BALLAST_AUTH__MODE", "keystone".to_owned()),
        ("BALLAST_AUTH__KEYSTONE_URL", keystone.url()),
        ("BALLAST_AUTH__USERNAME", "ballast".to_owned()),
        ("BALLAST_AUTH__PROJECT", "service".to_owned()),
        ("BALLAST_AUTH__PASSWORD_FILE", file.display().to_string()),
        ("BALLAST_NETWORK__PROVIDER", "noop".to_owned()),
        // Its tests name certificates that are nowhere.
        ("BALLAST_SECRETS__UNCHECKED", "true".to_owned()),
        // As Octavia has it: its tests make more in a project than LBaaS v1 lets.
        ("BALLAST_QUOTAS__POOL", "-1".to_owned()),
        ("BALLAST_QUOTAS__VIP", "-1".to_owned()),
        ("BALLAST_QUOTAS__V2_POOL", "-1".to_owned()),
    ];
    let environment: Vec<Setting> = settings.into_iter().map(|(name, value)| ("", name, value)).collect();
    let token = keystone.token("admin", "admin");
    let mut site = Site::start(lab, &Plan { webs: 0, token, environment, ..Plan::default() }).expect("a site");
    // Nothing that it serves is observed, as tempest has it, which expects what was made to be OFFLINE.
    site.add_configuration(
        "[drivers.fault]\nquiet = true\n\
         [drivers.fault.availability_zone_options]\ncompute_zone = \"The zone of the hosts.\"\n\
         management_network = \"Their network.\"\n",
    );
    site.signal_agent(0, Signal::SIGHUP);
    fs::copy(programs::built("libballast_fault_driver.so"), site.agents[0].drivers.join("fault.so")).expect("a driver");
    wait_until(PATIENCE, "the driver that does nothing, with the option", || {
        let path = "/v2/lbaas/providers/fault/availability_zone_capabilities";
        let listed = site.rest.call("GET", path, None).body["availability_zone_capabilities"].clone();
        listed.as_array().is_some_and(|all| !all.is_empty()).then_some(())
    });
    (keystone, site)
}

/// `name:description` of each, as tempest's configuration has it.
fn pairs(listed: &Value) -> String {
    let text = |value: &Value| value.as_str().unwrap_or_default().replace([',', ':'], " ");
    let all = listed.as_array().into_iter().flatten();
    all.map(|one| format!("{}:{}", text(&one["name"]), text(&one["description"]))).collect::<Vec<_>>().join(",")
}

type Options = Vec<(&'static str, String)>;

/// What it is told of the load balancers that are here.
fn load_balancer(site: &Site) -> Options {
    let get = |path: &str, key: &str| site.rest.get(&format!("/v2/lbaas/providers{path}"))[key].clone();
    vec![
        ("test_with_noop", "True".to_owned()),
        ("provider", "fault".to_owned()),
        ("enabled_provider_drivers", pairs(&get("", "providers"))),
        ("expected_flavor_capability", pairs(&get("/fault/flavor_capabilities", "flavor_capabilities"))),
        (
            "expected_availability_zone_capability",
            pairs(&get("/fault/availability_zone_capabilities", "availability_zone_capabilities")),
        ),
        ("RBAC_test_type", "keystone_default_roles".to_owned()),
        ("loadbalancer_topology", "SINGLE".to_owned()),
        ("availability_zone", "az1".to_owned()),
        ("availability_zone2", "az2".to_owned()),
        ("availability_zone3", "az3".to_owned()),
        ("build_interval", "0.1".to_owned()),
        ("build_timeout", "60".to_owned()),
        ("check_interval", "0.1".to_owned()),
        ("check_timeout", "60".to_owned()),
        ("lb_build_interval", "0.1".to_owned()),
        ("lb_build_timeout", "60".to_owned()),
    ]
}

/// The sections of its configuration.
fn sections(directory: &Path, keystone: &Keystone, site: &Site) -> BTreeMap<&'static str, Options> {
    BTreeMap::from([
        ("DEFAULT", vec![("log_dir", directory.display().to_string()), ("log_file", "tempest.log".to_owned())]),
        ("oslo_concurrency", vec![("lock_path", directory.join("locks").display().to_string())]),
        (
            "auth",
            vec![
                ("use_dynamic_credentials", "True".to_owned()),
                ("create_isolated_networks", "False".to_owned()),
                ("tempest_roles", "member".to_owned()),
                ("admin_username", "admin".to_owned()),
                ("admin_password", PASSWORD.to_owned()),
                ("admin_project_name", "admin".to_owned()),
                ("admin_domain_name", "Default".to_owned()),
            ],
        ),
        (
            "identity",
            vec![
                ("uri_v3", keystone.url()),
                ("auth_version", "v3".to_owned()),
                ("v3_endpoint_type", "public".to_owned()),
                ("region", "RegionOne".to_owned()),
            ],
        ),
        ("network", vec![("project_networks_reachable", "True".to_owned())]),
        (
            "service_available",
            ["neutron", "nova", "glance", "cinder", "swift"].map(|name| (name, "False".to_owned())).to_vec(),
        ),
        ("load_balancer", load_balancer(site)),
        ("enforce_scope", vec![("octavia", "True".to_owned())]),
    ])
}

/// Where it is told what is here.
fn configure(directory: &Path, keystone: &Keystone, site: &Site) -> PathBuf {
    let mut text = String::new();
    for (section, options) in sections(directory, keystone, site) {
        writeln!(text, "[{section}]").expect("a text grows");
        for (name, value) in options {
            writeln!(text, "{name} = {value}").expect("a text grows");
        }
    }
    let file = directory.join("tempest.conf");
    fs::write(&file, text).expect("tempest's configuration");
    file
}

/// What came of each test that ran: its name, and `ok`, `FAILED` or `SKIPPED: ..`.
fn outcomes(said: &str) -> BTreeMap<String, String> {
    // `{0} octavia_tempest_plugin...test_x[id-..] [1.234567s] ... ok`
    let line = |line: &str| {
        let (test, outcome) = line.rsplit_once(" ... ")?;
        let name = test.split_whitespace().find(|word| word.starts_with(PACKAGE))?;
        Some((name.split('[').next()?.to_owned(), outcome.to_owned()))
    };
    said.lines().filter_map(line).collect()
}

#[test]
fn what_octavia_passes_of_octavia_tempest_plugin_passes_here() {
    let test = "what_octavia_passes_of_octavia_tempest_plugin_passes_here";
    let (tempest, python) = match (tempest(), Keystone::installed()) {
        (Ok(tempest), Ok(python)) => (tempest, python),
        (Err(why), _) | (_, Err(why)) => return not_run(test, &why),
    };
    let all = std::env::var_os("BALLAST_TEMPEST").is_some_and(|value| value == "all");
    let wanted = wanted(all);
    in_lab(|lab| {
        let (keystone, site) = start(lab, python);
        let directory = lab.dir().join("tempest");
        fs::create_dir(&directory)?;
        let configuration = configure(&directory, &keystone, &site);
        let list = directory.join("wanted.txt");
        // Behind each name there is `[id-..]`.
        fs::write(&list, wanted.iter().map(|name| format!("^{name}\\[\n")).collect::<String>())?;
        let run = |arguments: &[&str]| {
            let mut command = Command::new(&tempest);
            command.args(arguments).current_dir(&directory).env("PYTHONWARNINGS", "ignore");
            command.env("PATH", path_with(&tempest)).output().expect("tempest starts")
        };
        let registry = directory.join("workspaces.yaml").display().to_string();
        let _ = run(&["init", "--workspace-path", &registry, "."]);
        let (configuration, list) = (configuration.display().to_string(), list.display().to_string());
        let output =
            run(&["run", "--config-file", &configuration, "--include-list", &list, "--concurrency", PROCESSES]);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        let outcomes = outcomes(&said);
        let bad = wanted.iter().filter(|name| outcomes.get(*name).map(String::as_str) != Some("ok"));
        let bad: Vec<_> = bad.map(|name| format!("{name}: {:?}", outcomes.get(name))).collect();
        let why = String::from_utf8_lossy(&output.stderr);
        assert!(bad.is_empty(), "{} of {}:\n{}\n{said}\n{why}", bad.len(), wanted.len(), bad.join("\n"));
        drop(site);
        Ok(())
    });
}

/// It looks for the programs beside it by their names alone.
fn path_with(program: &Path) -> std::ffi::OsString {
    let beside = program.parent().map(Path::to_path_buf);
    let path = std::env::var_os("PATH").unwrap_or_default();
    std::env::join_paths(beside.into_iter().chain(std::env::split_paths(&path))).expect("folders without colons")
}
