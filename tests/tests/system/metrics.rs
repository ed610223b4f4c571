//! Metrics of the real processes: what they serve is what the document says, what the board draws and the rules ask.

use std::{
    collections::BTreeSet,
    io::Write as _,
    process::{Command, Stdio},
};

use ballast_lab::{Lab, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    metrics::{ADDED, Metrics, asked, documented, family, promtool, queries, rules, served},
    pki::Pki,
    site::{Plan, Site},
};
use serde_json::json;

/// What is served at a place of the lab's own host; none: nobody answers.
fn look(site: &Site, url: &str, options: &[&str]) -> Option<String> {
    let arguments = ["-s", "--max-time", "10"].iter().chain(options).chain([&url]);
    run(site, None, arguments.copied())
}

/// The same, of an agent, on its host.
fn look_at_agent(site: &Site, agent: usize, path: &str) -> Option<String> {
    run(site, Some(agent), ["-s", "--max-time", "10", &format!("http://127.0.0.1:9792{path}")])
}

fn run<'a>(site: &Site, agent: Option<usize>, arguments: impl IntoIterator<Item = &'a str>) -> Option<String> {
    match agent {
        Some(agent) => site.agents[agent].host.output("curl", arguments).ok(),
        None => {
            let output = Command::new("curl").args(arguments).output().ok()?;
            output.status.success().then(|| String::from_utf8_lossy(&output.stdout).into_owned())
        }
    }
}

const SCHEDULER: &str = "http://127.0.0.1:9790";
const GATEWAY: &str = "http://127.0.0.1:9791";

/// One value of a series.
fn value(text: &str, series: &str) -> Option<f64> {
    text.lines().find_map(|line| line.strip_prefix(series)?.trim().parse().ok())
}

/// A load balancer whose members are checked, and that has served; a call that fails; a quota that refuses nothing.
fn use_it(site: &Site) -> String {
    let (pool, address) = site.make_load_balancer("web");
    let monitor = json!({"healthmonitor": {
        "pool_id": pool, "type": "HTTP", "delay": 1, "timeout": 1, "max_retries": 1, "max_retries_down": 1
    }});
    let _monitor = site.rest.create("/v2.0/lbaas/healthmonitors", &monitor);
    // What is asked from here on is asked of one process, which is not about to be replaced.
    site.settle(&pool);
    let _absent = site.rest.call("GET", "/v2.0/lbaas/pools/00000000-0000-0000-0000-000000000000", None);
    for _ in 0..10 {
        assert!(site.ask(&address).is_some());
    }
    pool
}

/// Every name and label in a table is served, and everything that is served stands in one.
fn compare_with_the_document(all: &Metrics) {
    let documented = documented();
    // Told only where there is such a limit.
    let may_be_absent = ["process_virtual_memory_max_bytes"];
    for (name, row) in documented.iter().filter(|(name, _)| !may_be_absent.contains(&name.as_str())) {
        let metric = all.get(name).unwrap_or_else(|| panic!("{name} is documented and not served"));
        assert_eq!((&metric.kind, &metric.labels), (&row.kind, &row.labels), "{name}");
        assert!(metric.series > 0, "{name} has no series");
    }
    let names: BTreeSet<&str> = documented.iter().map(|(name, _)| name.as_str()).collect();
    let unknown: Vec<_> = all.keys().filter(|name| !names.contains(name.as_str())).collect();
    assert!(unknown.is_empty(), "served and not documented: {unknown:?}");
}

fn compare_with_the_queries(all: &Metrics) {
    let recorded: BTreeSet<String> = rules().into_iter().filter(|rule| !rule.is_alert).map(|rule| rule.name).collect();
    for query in queries() {
        let asked = asked(&query.text).unwrap_or_else(|error| panic!("{}: {error}", query.place));
        for (name, labels) in asked.series.iter().filter(|(name, _)| name != "up" && !recorded.contains(name)) {
            let metric = all.get(family(name)).unwrap_or_else(|| panic!("{}: {name} is not served", query.place));
            let has = |label: &String| metric.labels.contains(label) || ADDED.contains(&label.as_str());
            assert!(labels.iter().all(has), "{}: {name} has {:?}", query.place, metric.labels);
        }
    }
}

#[test]
fn what_is_served_is_what_is_documented_drawn_and_alerted_on() {
    let test = "what_is_served_is_what_is_documented_drawn_and_alerted_on";
    if !["haproxy", "curl"].into_iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let site = Site::start(lab, &Plan::default())?;
        let pool = use_it(&site);
        // What drivers count is asked once a second.
        let counted =
            format!("ballast_load_balancer_connections_total{{load_balancer_id=\"{pool}\",project_id=\"demo\"}}");
        wait_until(PATIENCE, "counters of the load balancer", || {
            let text = look_at_agent(&site, 0, "/metrics")?;
            value(&text, &counted).filter(|count| *count >= 10.0)
        });
        // The API says the same, once the agent has reported it.
        wait_until(PATIENCE, "the API's own count", || {
            let stats = site.rest.get(&format!("/v2.0/lbaas/loadbalancers/{pool}/stats"));
            let text = look_at_agent(&site, 0, "/metrics")?;
            (value(&text, &counted) == stats["stats"]["total_connections"].as_f64()).then_some(())
        });
        let up = format!("ballast_load_balancer_members{{load_balancer_id=\"{pool}\",health=\"up\"}}");
        wait_until(PATIENCE, "members that are up", || {
            value(&look_at_agent(&site, 0, "/metrics")?, &up).filter(|count| *count >= 3.0)
        });
        wait_until(PATIENCE, "members as the scheduler has them", || {
            let text = look(&site, &format!("{SCHEDULER}/metrics"), &[])?;
            value(&text, "ballast_members{health=\"up\"}").filter(|count| *count >= 3.0)
        });
        let texts = [
            look(&site, &format!("{SCHEDULER}/metrics"), &[]).unwrap_or_default(),
            look(&site, &format!("{GATEWAY}/metrics"), &[]).unwrap_or_default(),
            look_at_agent(&site, 0, "/metrics").unwrap_or_default(),
        ];
        promtool_takes_it(&texts, test);
        let mut all = Metrics::new();
        for text in &texts {
            for (name, metric) in served(text) {
                let known = all.entry(name).or_insert_with(|| metric.clone());
                known.labels.extend(metric.labels);
                known.series += metric.series;
            }
        }
        compare_with_the_document(&all);
        compare_with_the_queries(&all);
        each_process_says_how_it_is(&site);
        Ok(())
    });
}

/// Prometheus' own tool finds nothing to say of what each process serves.
fn promtool_takes_it(texts: &[String], test: &str) {
    let Some(promtool) = promtool(test) else { return };
    for text in texts {
        let mut command = Command::new(&promtool);
        let command =
            command.args(["check", "metrics"]).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = command.spawn().expect("promtool starts");
        child.stdin.take().expect("its input").write_all(text.as_bytes()).expect("it reads");
        let output = child.wait_with_output().expect("it ends");
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success() && said.is_empty(), "{said}\n{text}");
    }
}

fn each_process_says_how_it_is(site: &Site) {
    for place in [SCHEDULER, GATEWAY] {
        assert_eq!(look(site, &format!("{place}/healthz"), &[]).as_deref(), Some("alive\n"));
        let ready = look(site, &format!("{place}/readyz"), &[]).unwrap_or_default();
        assert!(ready.starts_with("ready: "), "{place}: {ready}");
        let accept = ["-H", "Accept: application/openmetrics-text; version=1.0.0"];
        let open = look(site, &format!("{place}/metrics"), &accept).unwrap_or_default();
        assert!(open.ends_with("# EOF\n"), "{open}");
    }
    assert_eq!(look_at_agent(site, 0, "/readyz").as_deref(), Some("ready: a session with a scheduler is open\n"));
}

#[test]
fn a_process_that_has_lost_the_other_says_so_and_goes_on_telling() {
    let test = "a_process_that_has_lost_the_other_says_so_and_goes_on_telling";
    if !["haproxy", "curl"].into_iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let mut site = Site::start(lab, &Plan::default())?;
        site.scheduler.take().expect("a scheduler").kill()?;
        wait_until(PATIENCE, "an agent that says that it is alone", || {
            let said = look_at_agent(&site, 0, "/readyz")?;
            (said == "ready: no session with a scheduler; what is deployed here is served\n").then_some(())
        });
        wait_until(PATIENCE, "a gateway that is not ready", || {
            let said = look(&site, &format!("{GATEWAY}/readyz"), &[])?;
            said.starts_with("not ready: the scheduler does not answer").then_some(())
        });
        let text = look_at_agent(&site, 0, "/metrics").unwrap_or_default();
        assert_eq!(value(&text, "ballast_agent_connected"), Some(0.0), "{text}");
        site.start_scheduler();
        wait_until(PATIENCE, "an agent that has come back", || {
            let text = look_at_agent(&site, 0, "/metrics")?;
            let is_back = value(&text, "ballast_agent_connected") == Some(1.0);
            (is_back && value(&text, "ballast_agent_reconnects_total") >= Some(1.0)).then_some(())
        });
        Ok(())
    });
}

/// What a client gets at the scheduler's address beyond loopback.
fn over_tls(site: &Site, pki: &Pki, name: Option<&str>) -> Option<String> {
    let ca = pki.file("ca.pem");
    let files = name.map(|name| (pki.file(&format!("{name}.pem")), pki.file(&format!("{name}.key"))));
    let mut options = vec!["--cacert", &ca];
    if let Some((cert, key)) = &files {
        options.extend(["--cert", cert, "--key", key]);
    }
    look(site, "https://10.20.0.1:9790/metrics", &options)
}

fn with_address(lab: &Lab) -> (Pki, Site) {
    let pki = Pki::init(&lab.dir().join("pki"));
    for issued in ["scheduler --ip 10.20.0.1", "metrics", "client", "client --project demo", "gateway"] {
        pki.issue(issued);
    }
    let environment = vec![
        ("ballast-scheduler", "BALLAST_TLS__CA", pki.file("ca.pem")),
        ("ballast-scheduler", "BALLAST_TLS__CERT", pki.file("scheduler.pem")),
        ("ballast-scheduler", "BALLAST_TLS__KEY", pki.file("scheduler.key")),
    ];
    let site = Site::start(lab, &Plan { agents: 0, webs: 0, environment, ..Plan::default() }).expect("a site");
    let words = ["address", "add", "10.20.0.1/24", "dev", "net"];
    assert!(Command::new("ip").args(words).status().expect("ip starts").success());
    (pki, site)
}

#[test]
fn other_machines_read_metrics_with_a_certificate_for_them_and_nobody_else_does() {
    let test = "other_machines_read_metrics_with_a_certificate_for_them_and_nobody_else_does";
    if !["ip", "curl"].into_iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    in_lab(|lab| {
        let (pki, mut site) = with_address(lab);
        site.scheduler.take().expect("a scheduler").stop()?;
        site.set(("ballast-scheduler", "BALLAST_METRICS__LISTEN", "10.20.0.1".to_owned()));
        site.start_scheduler();
        for name in ["metrics", "client"] {
            let text = over_tls(&site, &pki, Some(name)).unwrap_or_default();
            assert!(text.contains("ballast_build_info"), "{name}: {text}");
        }
        for name in [Some("client-demo"), Some("gateway"), None] {
            let text = over_tls(&site, &pki, name).unwrap_or_default();
            assert!(text.contains("spiffe://ballast/metrics") && !text.contains("build_info"), "{name:?}: {text}");
        }
        assert_eq!(look(&site, "http://10.20.0.1:9790/metrics", &[]), None, "plain text");
        Ok(())
    });
}
