//! `ballast` where a deployment is closed to who has no certificate: over REST with TLS, over gRPC, and by the socket.

use std::{fs, process::Output};

use ballast_lab::{Lab, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    pki::Pki,
    programs,
    site::{Plan, Site},
};
use serde_json::{Value, json};

const SCHEDULER: &str = "ballast-scheduler";
const GATEWAY: &str = "ballast-api-gateway";
/// Where REST is served over TLS.
const REST: &str = "https://127.0.0.1:9443";
const NOUNS: &[&str] = &["v1 pools", "v1 vips", "v1 members", "v1 monitors", "agents"];

fn ballast(environment: &[(&str, &str)], arguments: &[&str]) -> Output {
    let mut command = std::process::Command::new(programs::built("ballast"));
    command.args(arguments).envs(environment.iter().copied());
    command.output().expect("ballast starts")
}

fn answer(environment: &[(&str, &str)], arguments: &[&str]) -> String {
    let output = ballast(environment, arguments);
    assert!(output.status.success(), "{environment:?} {arguments:?}: {output:?}");
    String::from_utf8(output.stdout).expect("text")
}

fn refusal(environment: &[(&str, &str)], status: i32) -> String {
    let output = ballast(environment, &["v1", "pools", "list"]);
    let said = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!((output.status.code(), said.lines().count()), (Some(status), 1), "{environment:?}: {said}");
    said
}

/// One object at least of each kind, with every key that may be null set once, and one driver that is refused.
fn fill(site: &mut Site) {
    fs::write(site.agents[0].drivers.join("broken.so"), "this is no library").expect("a file");
    site.start_agent(0);
    site.wait_for_agents(1);
    let (pool, _) = site.make_load_balancer("web");
    let vip = site.rest.get("/v2.0/lb/vips")["vips"][0]["id"].as_str().expect("an id").to_owned();
    let persistence = json!({"vip": {"session_persistence": {"type": "APP_COOKIE", "cookie_name": "sid"}}});
    site.rest.update(&format!("/v2.0/lb/vips/{vip}"), &persistence);
    for kind in ["HTTP", "TCP"] {
        let monitor = json!({"health_monitor": {"type": kind, "delay": 1, "timeout": 1, "max_retries": 1}});
        let monitor = site.rest.create("/v2.0/lb/health_monitors", &monitor).id();
        let path = format!("/v2.0/lb/pools/{pool}/health_monitors");
        let _ = site.rest.create(&path, &json!({"health_monitor": {"id": monitor}}));
    }
    // In ERROR, with a reason: nobody has this driver.
    let other = json!({"pool": {"name": "other", "protocol": "TCP", "lb_method": "SOURCE_IP", "provider": "a10",
        "subnet_id": site.subnet_id}});
    let _ = site.rest.call("POST", "/v2.0/lb/pools", Some(&other));
    for path in ["pools", "vips"] {
        let objects = site.rest.get(&format!("/v2.0/lb/{path}"))[path].clone();
        for object in objects.as_array().into_iter().flatten().filter(|object| object["name"] != "other") {
            site.wait_for_status(&format!("/v2.0/lb/{path}/{}", object["id"].as_str().unwrap_or_default()), "ACTIVE");
        }
    }
}

fn site(lab: &Lab) -> (Pki, Site) {
    let pki = Pki::init(&lab.dir().join("pki"));
    for line in ["scheduler", "gateway", "rest", "agent --host agent-1", "client", "client --project demo"] {
        pki.issue(line);
    }
    let environment = vec![
        (SCHEDULER, "BALLAST_TLS__CA", pki.file("ca.pem")),
        (SCHEDULER, "BALLAST_TLS__CERT", pki.file("scheduler.pem")),
        (SCHEDULER, "BALLAST_TLS__KEY", pki.file("scheduler.key")),
    ];
    let mut site = Site::start(lab, &Plan { agents: 0, webs: 1, environment, ..Plan::default() }).expect("a site");
    site.add_agent_host(lab, "agent-1").expect("a host");
    (pki, site)
}

/// From now on callers are asked who they are, and REST speaks TLS only.
fn close(lab: &Lab, site: &mut Site, pki: &Pki) {
    let tokens = lab.dir().join("tokens.toml");
    let text = "[[token]]\ntoken = \"boss\"\nroles = [\"admin\"]\n\
                [[token]]\ntoken = \"guest\"\nproject_id = \"elsewhere\"\nroles = [\"reader\"]\n";
    ballast_tests::secret::write(&tokens, text);
    for service in [SCHEDULER, GATEWAY] {
        site.set((service, "BALLAST_AUTH__MODE", "token-file".to_owned()));
        site.set((service, "BALLAST_AUTH__TOKEN_FILE", tokens.display().to_string()));
    }
    site.set((GATEWAY, "BALLAST_GATEWAY__TLS_CERT", pki.file("rest.pem")));
    site.set((GATEWAY, "BALLAST_GATEWAY__TLS_KEY", pki.file("rest.key")));
    site.set((GATEWAY, "BALLAST_GATEWAY__LISTEN", "0.0.0.0:9443".to_owned()));
    site.scheduler = None;
    site.start_scheduler();
    site.gateway = None;
    site.spawn_gateway();
    wait_until(PATIENCE, "the agent's return, seen over TLS", || {
        let output = ballast(
            &[("BALLAST_URL", REST), ("BALLAST_CACERT", &pki.file("ca.pem")), ("BALLAST_TOKEN", "boss")],
            &["agents", "list"],
        );
        String::from_utf8_lossy(&output.stdout).contains("yes").then_some(())
    });
}

/// What a noun lists, without what changes from call to call.
fn listed(environment: &[(&str, &str)], noun: &str) -> Value {
    let words: Vec<&str> = noun.split(' ').chain(["list", "--json"]).collect();
    let mut objects: Value = serde_json::from_str(&answer(environment, &words)).expect("JSON");
    for object in objects.as_array_mut().into_iter().flatten() {
        if object.get("heartbeat_timestamp").is_some() {
            assert!(object["heartbeat_timestamp"].is_string(), "{object}");
            object["heartbeat_timestamp"] = Value::Null;
        }
    }
    objects
}

#[test]
fn the_command_says_the_same_over_rest_with_tls_over_grpc_and_by_the_socket() {
    let test = "the_command_says_the_same_over_rest_with_tls_over_grpc_and_by_the_socket";
    if !(require_tool("haproxy", test) && require_tool("curl", test)) {
        return;
    }
    in_lab(|lab| {
        let (pki, mut site) = site(lab);
        fill(&mut site);
        close(lab, &mut site, &pki);
        let (ca, cert, key) = (&*pki.file("ca.pem"), &*pki.file("client.pem"), &*pki.file("client.key"));
        let socket = format!("unix:{}", site.socket().display());
        let scheduler = "grpcs://localhost:9697";
        let ways: &[&[(&str, &str)]] = &[
            &[("BALLAST_URL", scheduler), ("BALLAST_CACERT", ca), ("BALLAST_CERT", cert), ("BALLAST_KEY", key)],
            &[("BALLAST_URL", scheduler), ("BALLAST_CACERT", ca), ("BALLAST_TOKEN", "boss")],
            &[("BALLAST_URL", &socket)],
        ];
        let rest = &[("BALLAST_URL", REST), ("BALLAST_CACERT", ca), ("BALLAST_TOKEN", "boss")];
        for noun in NOUNS {
            // Monitors' associations and members settle after their pool.
            let expected = wait_until(PATIENCE, &format!("all {noun} settled"), || {
                Some(listed(rest, noun)).filter(|objects| !objects.to_string().contains("PENDING"))
            });
            assert!(expected.as_array().is_some_and(|objects| !objects.is_empty()), "no {noun}");
            for way in ways {
                assert_eq!(listed(way, noun), expected, "{noun} by {way:?}");
            }
        }
        let pool = answer(ways[0], &["v1", "pools", "show", "web"]);
        assert!(pool.contains("ROUND_ROBIN"), "{pool}");
        let agent = answer(ways[2], &["agents", "show", "agent-1"]);
        assert!(agent.contains("broken.so") && agent.contains("FAILED"), "{agent}");
        // As options, too.
        let line = ["--url", scheduler, "--cacert", ca, "--cert", cert, "--key", key, "v1", "vips", "list"];
        assert!(answer(&[], &line).contains("ACTIVE"));
        // A member's certificate and a reader's token show what they may see.
        let (cert, key) = (&*pki.file("client-demo.pem"), &*pki.file("client-demo.key"));
        let member = [("BALLAST_URL", scheduler), ("BALLAST_CACERT", ca), ("BALLAST_CERT", cert), ("BALLAST_KEY", key)];
        assert!(answer(&member, &["v1", "pools", "list"]).contains("web"));
        for url in [REST, scheduler] {
            let guest = [("BALLAST_URL", url), ("BALLAST_CACERT", ca), ("BALLAST_TOKEN", "guest")];
            assert_eq!(answer(&guest, &["v1", "pools", "list"]), "No pools.\n", "{url}");
        }
        refusals(lab, &pki);
        Ok(())
    });
}

fn refusals(lab: &Lab, pki: &Pki) {
    let (ca, scheduler) = (&*pki.file("ca.pem"), "grpcs://localhost:9697");
    let (cert, key) = (&*pki.file("client.pem"), &*pki.file("client.key"));
    let foreign = Pki::init(&lab.dir().join("foreign")).file("ca.pem");
    for (environment, words) in [
        (&[("BALLAST_URL", REST), ("BALLAST_CACERT", ca)][..], "asks who calls"),
        (&[("BALLAST_URL", scheduler), ("BALLAST_CACERT", ca)], "asks who calls"),
        (&[("BALLAST_URL", REST), ("BALLAST_CACERT", &foreign)], "UnknownIssuer"),
        (&[("BALLAST_URL", scheduler), ("BALLAST_CACERT", &foreign)], "UnknownIssuer"),
        (&[("BALLAST_URL", "https://127.0.0.2:9443"), ("BALLAST_CACERT", ca)], "not valid for name"),
        // The gateway's REST is no scheduler, and a token must not go there.
        (&[("BALLAST_URL", "grpcs://localhost:9443"), ("BALLAST_CACERT", ca)], "no answer from"),
        (&[("BALLAST_URL", scheduler), ("BALLAST_CACERT", ca), ("BALLAST_CERT", cert)], "give both"),
        (&[("BALLAST_URL", "http://127.0.0.1:9443"), ("BALLAST_CACERT", ca)], "https://"),
        (&[("BALLAST_URL", scheduler), ("BALLAST_CACERT", key)], "--cacert"),
        (&[("BALLAST_URL", scheduler), ("BALLAST_CACERT", "/nonexistent")], "--cacert = \"/nonexistent\""),
        (&[("BALLAST_URL", "unix:/nonexistent")], "no answer from unix:/nonexistent"),
        (&[("BALLAST_URL", "http://127.0.0.1:9443")], "no answer from"),
    ] {
        // What speaks no TLS is named wrongly.
        let said = refusal(environment, if words == "https://" { 2 } else { 1 });
        assert!(said.contains(words), "{environment:?}: {said}");
    }
}
