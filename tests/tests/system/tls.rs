//! TLS between the services, with certificates that `ballast pki` made: who has the right one is let in, and of everyone
//! else the log says why not.

use std::{
    io::{Read as _, Write as _},
    net::TcpStream,
    process::Command,
    time::Instant,
};

use ballast_lab::{Lab, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    pki::Pki,
    secret,
    site::{Plan, Setting, Site},
};

use crate::python;

/// Where the scheduler answers to the agents' hosts, beyond its own machine's loopback.
const ADDRESS: &str = "10.20.0.1";
const SCHEDULER: &str = "ballast-scheduler";
const GATEWAY: &str = "ballast-api-gateway";

/// What a service shows.
fn certificate(service: &'static str, pki: &Pki, name: &str) -> [Setting; 2] {
    [
        (service, "BALLAST_TLS__CERT", pki.file(&format!("{name}.pem"))),
        (service, "BALLAST_TLS__KEY", pki.file(&format!("{name}.key"))),
    ]
}

/// From its next start on a service shows this.
fn show(site: &mut Site, service: &'static str, pki: &Pki, name: &str) {
    for setting in certificate(service, pki, name) {
        site.set(setting);
    }
}

/// A site whose services speak TLS; its agent is still to be started.
fn site(lab: &Lab, webs: u8) -> (Pki, Site) {
    let pki = Pki::init(&lab.dir().join("pki"));
    pki.issue(&format!("scheduler --ip 127.0.0.1 --ip {ADDRESS}"));
    pki.issue("gateway");
    pki.issue("agent --host agent-1");
    pki.issue("client");
    pki.issue("client --project demo");
    let mut environment = vec![
        // Every address of the machine: without TLS it would not start.
        (SCHEDULER, "BALLAST_SCHEDULER__LISTEN", "0.0.0.0:9697".to_owned()),
        (GATEWAY, "BALLAST_GATEWAY__SCHEDULER", "127.0.0.1:9697".to_owned()),
        ("", "BALLAST_AGENT__SCHEDULERS", format!("{ADDRESS}:9697")),
        ("", "BALLAST_TLS__CA", pki.file("ca.pem")),
        ("", "BALLAST_TLS__CRL", pki.file("crl.pem")),
    ];
    environment.extend(certificate(SCHEDULER, &pki, "scheduler"));
    environment.extend(certificate(GATEWAY, &pki, "gateway"));
    environment.extend(certificate("agent-1", &pki, "agent-agent-1"));
    let mut site = Site::start(lab, &Plan { agents: 0, webs, environment, ..Plan::default() }).expect("a site");
    let words = ["address", "add", &format!("{ADDRESS}/24"), "dev", "net"];
    assert!(Command::new("ip").args(words).status().expect("ip starts").success());
    add_agent_host(lab, &mut site, "agent-1", "10.20.0.21/24");
    (pki, site)
}

fn add_agent_host(lab: &Lab, site: &mut Site, name: &str, address: &str) {
    site.add_agent_host(lab, name).expect("a host");
    let host = &site.agents.last().expect("the host").host;
    host.address("br-data", address).expect("an address");
}

fn wait_for_reason(site: &Site, service: &str, words: &[&str]) {
    let is_said = || {
        let log = site.logged(service);
        log.lines().any(|line| words.iter().all(|words| line.contains(words))).then_some(())
    };
    if ballast_lab::poll_until(PATIENCE, is_said).is_none() {
        panic!("{words:?} are not in the log of {service}:\n{}", site.logged(service));
    }
}

#[test]
fn with_certificates_traffic_flows_and_a_client_in_python_makes_its_round_trip() {
    let test = "with_certificates_traffic_flows_and_a_client_in_python_makes_its_round_trip";
    let Some(python) = python::interpreter(test).filter(|_| require_tool("haproxy", test)) else { return };
    in_lab(|lab| {
        let (pki, mut site) = site(lab, 1);
        site.start_agent(0);
        site.wait_for_agents(1);
        let (pool, address) = site.make_load_balancer("web");
        assert_eq!(site.ask(&address).as_deref(), Some("web-1"));
        let vip = site.rest.get("/v2.0/lb/vips")["vips"][0]["id"].as_str().unwrap_or_default().to_owned();
        site.rest.delete(&format!("/v2.0/lb/vips/{vip}"));
        site.rest.delete(&format!("/v2.0/lb/pools/{pool}"));
        let files = [pki.file("ca.pem"), pki.file("client.pem"), pki.file("client.key")];
        python::round_trip(&python, lab.dir(), "127.0.0.1:9697", &site.subnet_id, &files);
        Ok(())
    });
}

#[test]
fn a_wrong_role_an_expired_and_a_foreign_certificate_are_refused_with_the_reason_in_the_log() {
    let test = "a_wrong_role_an_expired_and_a_foreign_certificate_are_refused_with_the_reason_in_the_log";
    if !require_tool("ip", test) {
        return;
    }
    in_lab(|lab| {
        let (pki, mut site) = site(lab, 0);
        let foreign = Pki::init(&lab.dir().join("foreign"));
        foreign.issue("agent --host agent-1");
        foreign.issue("gateway");
        let expired = pki.copy(&lab.dir().join("expired"));
        expired.issue("agent --host agent-1 --days 0");
        let issued_at = Instant::now();

        // Agents: each of these dials again and again, and none is let in.
        let refused = |site: &mut Site, pki: &Pki, name: &str, reason: &[&str]| {
            show(site, "agent-1", pki, name);
            site.start_agent(0);
            wait_for_reason(site, SCHEDULER, reason);
            site.kill_agent(0);
        };
        refused(&mut site, &foreign, "agent-agent-1", &["refused a connection", "UnknownIssuer"]);
        refused(&mut site, &pki, "gateway", &["refused: a gateway may not open an agent's session"]);
        refused(&mut site, &pki, "client", &["refused: a client may not open an agent's session"]);
        // Its last second must be over.
        wait_until(PATIENCE, "a later second", || (issued_at.elapsed().as_secs() >= 2).then_some(()));
        refused(&mut site, &expired, "agent-agent-1", &["refused a connection", "certificate expired"]);
        add_agent_host(lab, &mut site, "agent-2", "10.20.0.22/24");
        show(&mut site, "agent-2", &pki, "agent-agent-1");
        site.start_agent(1);
        wait_for_reason(&site, SCHEDULER, &["'agent-2'", "the certificate of the agent of 'agent-1'"]);
        site.kill_agent(1);
        assert!(site.rest.get("/v2.0/agents")["agents"].as_array().is_some_and(Vec::is_empty), "an agent was let in");

        // A port that speaks TLS only.
        let mut plain = TcpStream::connect("127.0.0.1:9697")?;
        plain.set_read_timeout(Some(PATIENCE))?;
        plain.write_all(b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")?;
        let mut answer = Vec::new();
        // Reset or closed: either way there is no HTTP/2 in it.
        let _ = plain.read_to_end(&mut answer);
        assert!(!answer.starts_with(&[0, 0]), "it speaks without TLS: {answer:?}");
        wait_for_reason(&site, SCHEDULER, &["refused a connection", "InvalidContentType"]);
        Ok(())
    });
}

#[test]
fn a_gateway_is_refused_by_its_certificate_and_refuses_a_scheduler_by_its() {
    let test = "a_gateway_is_refused_by_its_certificate_and_refuses_a_scheduler_by_its";
    if !require_tool("ip", test) {
        return;
    }
    in_lab(|lab| {
        let (pki, mut site) = site(lab, 0);
        let refused = |site: &mut Site, log: &str, reason: &[&str], status: u16| {
            site.gateway = None;
            site.start_gateway();
            let reply = site.rest.call("GET", "/v2.0/lb/pools", None);
            assert_eq!(reply.status, status, "{reply}: {reason:?}");
            wait_for_reason(site, log, reason);
        };
        // One of another role is no gateway's.
        show(&mut site, GATEWAY, &pki, "agent-agent-1");
        refused(&mut site, SCHEDULER, &["refused: the agent of agent-1 may not call lbaas.v1"], 500);
        // A client's says by itself who calls, whatever the gateway says.
        show(&mut site, GATEWAY, &pki, "client-demo");
        site.gateway = None;
        site.start_gateway();
        let refused_as_member = site.rest.call("GET", "/v2.0/quotas", None);
        assert_eq!((refused_as_member.status, refused_as_member.error().0), (403, "AdminRequired"));

        // The gateway asks of a scheduler what a scheduler asks of it.
        show(&mut site, GATEWAY, &pki, "gateway");
        let foreign = Pki::init(&lab.dir().join("foreign"));
        foreign.issue("scheduler");
        restart_scheduler(&mut site, &foreign, "scheduler");
        refused(&mut site, GATEWAY, &["no connection over TLS", "UnknownIssuer"], 503);
        let other = pki.copy(&lab.dir().join("other"));
        other.issue("scheduler --dns elsewhere.example");
        restart_scheduler(&mut site, &other, "scheduler");
        refused(&mut site, GATEWAY, &["no connection over TLS", "not valid for name"], 503);
        other.issue("rest");
        restart_scheduler(&mut site, &other, "rest");
        refused(&mut site, GATEWAY, &["no connection over TLS", "its certificate names no role"], 503);
        restart_scheduler(&mut site, &pki, "scheduler");
        wait_until(PATIENCE, "an answer of the right scheduler", || {
            (site.rest.try_call("GET", "/v2.0/lb/pools", None)?.status == 200).then_some(())
        });
        Ok(())
    });
}

fn restart_scheduler(site: &mut Site, pki: &Pki, name: &str) {
    show(site, SCHEDULER, pki, name);
    site.scheduler = None;
    site.start_scheduler();
}

#[test]
fn rest_is_served_to_other_machines_over_tls_to_who_has_a_token() {
    let test = "rest_is_served_to_other_machines_over_tls_to_who_has_a_token";
    if !require_tool("curl", test) {
        return;
    }
    in_lab(|lab| {
        let (pki, mut site) = site(lab, 0);
        pki.issue("rest --dns api.example");
        let tokens = lab.dir().join("tokens.toml");
        secret::write(&tokens, "[[token]]\ntoken = \"t\"\nproject_id = \"demo\"\nroles = [\"member\"]\n");
        for (name, value) in [
            ("BALLAST_AUTH__MODE", "token-file".to_owned()),
            ("BALLAST_AUTH__TOKEN_FILE", tokens.display().to_string()),
            ("BALLAST_GATEWAY__TLS_CERT", pki.file("rest.pem")),
            ("BALLAST_GATEWAY__TLS_KEY", pki.file("rest.key")),
            ("BALLAST_GATEWAY__LISTEN", "0.0.0.0:9443".to_owned()),
        ] {
            site.set((GATEWAY, name, value));
        }
        // From another machine.
        let client = site.agents[0].host.clone();
        let ask = |name: &str, ca: &str, token: &str| {
            let to = format!("{name}:443:{ADDRESS}:9443");
            let mut command = client.command("curl");
            command.args(["-s", "--connect-to", &to, "--cacert", ca, "-H", &format!("X-Auth-Token: {token}")]);
            let output = command.arg(format!("https://{name}/v2.0/lb/pools")).output().expect("curl starts");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        site.gateway = None;
        let ca = pki.file("ca.pem");
        site.spawn_gateway();
        let answer = wait_until(PATIENCE, "REST over TLS", || {
            Some(ask("api.example", &ca, "t")).filter(|said| !said.is_empty())
        });
        assert_eq!(answer, "{\"pools\":[]}");
        assert_eq!(ask("api.example", &ca, "other"), "Authentication required");
        assert_eq!(ask("other.example", &ca, "t"), "", "a name that the certificate does not have");
        let foreign = Pki::init(&lab.dir().join("foreign"));
        assert_eq!(ask("api.example", &foreign.file("ca.pem"), "t"), "");
        Ok(())
    });
}

/// The agent's haproxies, by their process ids.
fn haproxies(site: &Site) -> Vec<String> {
    let output = site.agents[0].host.output("pgrep", ["-x", "haproxy"]).unwrap_or_default();
    output.split_whitespace().map(str::to_owned).collect()
}

fn count(site: &Site, service: &str, words: &str) -> usize {
    site.logged(service).matches(words).count()
}

fn wait_for_count(site: &Site, service: &str, words: &str, wanted: usize) {
    if ballast_lab::poll_until(PATIENCE, || (count(site, service, words) >= wanted).then_some(())).is_none() {
        panic!("not {wanted} times '{words}' in the log of {service}:\n{}", site.logged(service));
    }
}

#[test]
fn a_revoked_agent_is_out_within_seconds_and_a_renewed_one_is_back_and_no_load_balancer_notices() {
    let test = "a_revoked_agent_is_out_within_seconds_and_a_renewed_one_is_back_and_no_load_balancer_notices";
    if !(require_tool("haproxy", test) && require_tool("pgrep", test)) {
        return;
    }
    in_lab(|lab| {
        let (pki, mut site) = site(lab, 1);
        site.start_agent(0);
        site.wait_for_agents(1);
        let (pool, address) = site.make_load_balancer("web");
        let before = haproxies(&site);
        assert_eq!(before.len(), 1);
        let issued = pki.issued("agent-agent-1");

        // Renewed in place: nobody is restarted, and no connection ends.
        pki.run("renew agent-agent-1");
        wait_for_count(&site, "agent-1", "the certificates have changed", 1);
        assert_eq!(count(&site, "agent-1", "a session is open"), 1);
        // The one before is taken back: the connection that was made with it ends, and the next shows the new one.
        let started = Instant::now();
        pki.run(&format!("revoke {}", issued[0]));
        wait_for_reason(&site, SCHEDULER, &["a connection of the agent of agent-1 ends", "Revoked"]);
        assert!(started.elapsed().as_secs() < 10, "it took {:?}", started.elapsed());
        wait_for_count(&site, "agent-1", "a session is open", 2);
        assert_eq!(site.ask(&address).as_deref(), Some("web-1"));

        // All of its certificates: it is out, and stays out.
        let started = Instant::now();
        pki.run("revoke agent-agent-1");
        wait_for_reason(&site, SCHEDULER, &["refused a connection", "Revoked"]);
        assert!(started.elapsed().as_secs() < 10, "it took {:?}", started.elapsed());
        assert_eq!(count(&site, "agent-1", "a session is open"), 2);
        assert_eq!(haproxies(&site), before, "a haproxy was started again");
        let change = serde_json::json!({"pool": {"lb_method": "LEAST_CONNECTIONS"}});
        site.rest.update(&format!("/v2.0/lb/pools/{pool}"), &change);
        assert_eq!(site.ask(&address).as_deref(), Some("web-1"));

        // And with another one it is back, and does what was asked for meanwhile.
        pki.run("renew agent-agent-1");
        wait_for_count(&site, "agent-1", "a session is open", 3);
        site.wait_for_status(&format!("/v2.0/lb/pools/{pool}"), "ACTIVE");
        assert_eq!(site.ask(&address).as_deref(), Some("web-1"));
        Ok(())
    });
}

#[test]
fn certificates_and_cas_are_read_again_by_every_process_and_what_cannot_be_read_changes_nothing() {
    let test = "certificates_and_cas_are_read_again_by_every_process_and_what_cannot_be_read_changes_nothing";
    if !(require_tool("curl", test) && require_tool("haproxy", test)) {
        return;
    }
    in_lab(|lab| {
        let (pki, mut site) = site(lab, 0);
        pki.issue("rest --dns localhost");
        site.set((GATEWAY, "BALLAST_GATEWAY__TLS_CERT", pki.file("rest.pem")));
        site.set((GATEWAY, "BALLAST_GATEWAY__TLS_KEY", pki.file("rest.key")));
        site.set((GATEWAY, "BALLAST_GATEWAY__LISTEN", "127.0.0.1:9443".to_owned()));
        site.gateway = None;
        site.spawn_gateway();
        site.start_agent(0);
        wait_for_count(&site, "agent-1", "a session is open", 1);
        let other = Pki::init(&lab.dir().join("other"));
        let served = |ca: &str| {
            let mut command = Command::new("curl");
            command.args(["-s", "-o", "/dev/null", "-w", "%{http_code}", "--cacert", ca]);
            let output = command.arg("https://localhost:9443/v2.0/lb/pools").output().expect("curl starts");
            String::from_utf8_lossy(&output.stdout).into_owned()
        };
        wait_until(PATIENCE, "REST", || (served(&pki.file("ca.pem")) == "200").then_some(()));

        // What is no certificate changes nothing.
        let good = std::fs::read(pki.file("scheduler.pem"))?;
        std::fs::write(pki.file("scheduler.pem"), "half of it")?;
        wait_for_reason(&site, SCHEDULER, &["the certificates stay as they were", "tls.cert"]);
        site.kill_agent(0);
        site.start_agent(0);
        wait_for_count(&site, "agent-1", "a session is open", 2);
        std::fs::write(pki.file("scheduler.pem"), good)?;

        // Another CA takes over: first it is believed beside the old one, then everybody gets a certificate of it.
        other.issue(&format!("scheduler --ip 127.0.0.1 --ip {ADDRESS}"));
        for line in ["gateway", "agent --host agent-1", "rest --dns localhost"] {
            other.issue(line);
        }
        for name in ["ca.pem", "crl.pem"] {
            let both = std::fs::read_to_string(pki.file(name))? + &std::fs::read_to_string(other.file(name))?;
            std::fs::write(pki.file(name), both)?;
        }
        for service in [SCHEDULER, GATEWAY, "agent-1"] {
            wait_for_count(&site, service, "the certificates have changed", 1);
        }
        for name in ["scheduler", "gateway", "agent-agent-1", "rest"] {
            for kind in ["key", "pem"] {
                let file = format!("{name}.{kind}");
                std::fs::copy(other.file(&file), pki.file(&file))?;
            }
        }
        wait_until(PATIENCE, "REST with the new certificate", || {
            (served(&other.file("ca.pem")) == "200").then_some(())
        });
        for service in [SCHEDULER, GATEWAY, "agent-1"] {
            wait_for_count(&site, service, "the certificates have changed", 2);
        }
        // The old CA is believed no more: those who came with its certificates are out, and come back with the new ones.
        for name in ["ca.pem", "crl.pem"] {
            std::fs::copy(other.file(name), pki.file(name))?;
        }
        wait_for_reason(&site, SCHEDULER, &["a connection of a gateway ends"]);
        wait_for_count(&site, "agent-1", "a session is open", 3);
        wait_until(PATIENCE, "REST by the new CA alone", || (served(&other.file("ca.pem")) == "200").then_some(()));
        Ok(())
    });
}

#[test]
fn a_certificate_that_has_ended_is_said_aloud() {
    let directory = tempfile::tempdir().expect("a directory");
    let pki = Pki::init(&directory.path().join("pki"));
    pki.issue("gateway --days 0");
    let log = directory.path().join("log");
    let mut gateway = Command::new(ballast_tests::programs::built("ballast-api-gateway"))
        .env("BALLAST_GATEWAY__LISTEN", "127.0.0.1:0")
        .env("BALLAST_TLS__CA", pki.file("ca.pem"))
        .env("BALLAST_TLS__CERT", pki.file("gateway.pem"))
        .env("BALLAST_TLS__KEY", pki.file("gateway.key"))
        .stderr(std::fs::File::create(&log).expect("a file"))
        .spawn()
        .expect("the gateway starts");
    let said = ballast_lab::poll_until(PATIENCE, || {
        let said = std::fs::read_to_string(&log).ok()?;
        said.contains("gateway.pem").then_some(said)
    });
    gateway.kill().expect("it runs");
    gateway.wait().expect("it ends");
    let said = said.unwrap_or_default();
    assert!(said.contains("ERROR") && said.contains("the certificate has ended"), "{said}");
}
