//! One trace from REST to the steps of a driver.

use std::{
    collections::BTreeSet,
    time::{Duration, Instant},
};

use ballast_lab::{in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    collector::{Collector, Told},
    rest::Rest,
    site::{Plan, Setting, Site, URL},
};
use serde_json::json;

const TRACE: &str = "4bf92f3577b34da6a3ce929d0e0e4736";
/// A span of the client, which wants its request followed.
const PARENT: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-01";
const OF_DELETE: &str = "00-5bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b8-01";
const NOT_FOLLOWED: &str = "00-4bf92f3577b34da6a3ce929d0e0e4736-00f067aa0ba902b7-00";

fn traced(endpoint: &std::path::Path, sample: &str) -> Vec<Setting> {
    vec![
        ("", "BALLAST_TRACES__ENDPOINT", format!("unix:{}", endpoint.display())),
        ("", "BALLAST_TRACES__SAMPLE", sample.to_owned()),
    ]
}

/// A span and what is under it, as in `ballast-scheduler consumer settle`, by their beginnings.
fn draw(spans: &[Told], parent: &[u8], depth: usize, into: &mut Vec<String>) {
    for span in spans.iter().filter(|span| span.parent == parent) {
        into.push(format!("{}{} {} {}", "  ".repeat(depth), span.process, span.kind, span.name));
        draw(spans, &span.id, depth + 1, into);
    }
}

fn of_trace(collector: &Collector, trace: &str) -> Vec<Told> {
    collector.spans().into_iter().filter(|span| hex::encode(&span.trace) == trace).collect()
}

/// What a reload of a member's pool comes to on haproxy-ns, from the client's request on.
const TREE: &str = "\
ballast-api-gateway server POST /v2.0/lbaas/pools/{pool_id}/members
  ballast-api-gateway client lbaas.v2.Members/Create
    ballast-scheduler server lbaas.v2.Members/Create
      ballast-scheduler internal transaction
        ballast-scheduler internal commit
        ballast-scheduler producer deliver
          ballast-agent consumer deploy
            ballast-agent client lbaas.driver.v1.Driver/Deploy
              ballast-driver-host server deploy
                ballast-driver-host internal look
                ballast-driver-host internal plan
";

#[test]
fn a_request_is_one_trace_from_rest_to_the_drivers_steps() {
    let test = "a_request_is_one_trace_from_rest_to_the_drivers_steps";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let socket = lab.dir().join("collector.sock");
        let collector = Collector::at(&socket);
        let plan = Plan { environment: traced(&socket, "0"), ..Plan::default() };
        let site = Site::start(lab, &plan)?;
        let pool = site.make_pool("web");
        let address = site.make_vip(&pool).object()["address"].as_str().unwrap_or_default().to_owned();
        site.add_members(&pool);
        site.wait_for_traffic(&address);
        assert_eq!(collector.spans().len(), 0, "nobody wanted anything followed, and none is by chance");
        let path = format!("/v2/lbaas/pools/{pool}/members");
        let member = |last: u8| json!({"member": {"address": format!("10.20.0.{last}"), "protocol_port": 80}});
        // A client that says no is believed as well.
        let said_no = Rest::new(URL).with_header("traceparent", NOT_FOLLOWED);
        assert_eq!(said_no.call("POST", &path, Some(&member(99))).status, 201);
        let client = Rest::new(URL).with_header("traceparent", PARENT);
        assert_eq!(client.call("POST", &path, Some(&member(98))).status, 201);
        let spans = wait_until(PATIENCE, "the whole trace", || {
            let spans = of_trace(&collector, TRACE);
            // Each process tells when its batch is full or a second old.
            let of = |process: &str, count: usize| {
                spans.iter().filter(|span| span.process.ends_with(process)).count() >= count
            };
            (of("-gateway", 2) && of("-scheduler", 7) && of("-agent", 2) && of("-host", 4)).then_some(spans)
        });
        let mut lines = Vec::new();
        draw(&spans, &hex::decode("00f067aa0ba902b7").expect("an id"), 0, &mut lines);
        let drawn = lines.join("\n") + "\n";
        assert_eq!(lines.len(), spans.len(), "all hang together:\n{drawn}{spans:#?}");
        assert!(drawn.starts_with(TREE), "{drawn}");
        let rest: Vec<_> = drawn[TREE.len()..].lines().collect();
        let steps = rest.iter().take_while(|line| line.starts_with("                ballast-driver-host internal "));
        assert!(steps.count() >= 2, "a deploy has steps:\n{drawn}");
        let end = [
            "            ballast-scheduler consumer settle",
            "              ballast-scheduler internal transaction",
            "                ballast-scheduler internal commit",
        ];
        assert_eq!(rest[rest.len() - 3..], end, "{drawn}");
        each_is_within_its_parent(&spans);
        let words: BTreeSet<_> = spans.iter().flat_map(|span| span.attributes.values()).collect();
        assert!(words.iter().all(|word| !word.contains("10.20.0") && !word.contains("web")), "{words:?}");
        let deploy =
            spans.iter().find(|span| span.name == "deploy" && span.process == "ballast-agent").expect("a deploy");
        assert_eq!(deploy.attributes["ballast.driver"], "haproxy-ns");
        let log = site.logged("agent-1");
        assert!(
            log.lines().any(|line| line.contains("deployed") && line.ends_with(&format!("trace_id={TRACE}"))),
            "{log}"
        );
        delete(&collector, &pool);
        drop(site);
        Ok(())
    });
}

fn each_is_within_its_parent(spans: &[Told]) {
    spans.iter().for_each(|span| assert!(span.from <= span.until && !span.failed, "{span:#?}"));
    let inside = |outer: &Told, inner: &Told| outer.from <= inner.from && inner.until <= outer.until;
    for span in spans.iter().filter(|span| span.kind != "producer" && span.kind != "consumer") {
        // What is only handed on ends before what comes of it.
        let Some(parent) = spans.iter().find(|one| one.id == span.parent) else { continue };
        assert!(inside(parent, span) || parent.name == "transaction", "{parent:#?} {span:#?}");
    }
}

/// What is taken away is followed to its end as well.
fn delete(collector: &Collector, load_balancer: &str) {
    let client = Rest::new(URL).with_header("traceparent", OF_DELETE);
    let path = format!("/v2/lbaas/loadbalancers/{load_balancer}?cascade=true");
    assert_eq!(client.call("DELETE", &path, None).status, 204);
    let spans = wait_until(PATIENCE, "the trace of the removal", || {
        let spans = of_trace(collector, &OF_DELETE[3..35]);
        let names: BTreeSet<_> = spans.iter().map(|span| span.name.as_str()).collect();
        let all =
            ["remove", "undeploy", "lbaas.driver.v1.Driver/Undeploy", "settle"].iter().all(|name| names.contains(name));
        (all && names.iter().any(|name| name.starts_with("DELETE "))).then_some(spans)
    });
    let mut lines = Vec::new();
    draw(&spans, &hex::decode("00f067aa0ba902b8").expect("an id"), 0, &mut lines);
    assert_eq!(lines.len(), spans.len(), "{lines:#?}\n{spans:#?}");
}

#[test]
fn a_collector_that_hangs_costs_spans_and_nothing_else() {
    let test = "a_collector_that_hangs_costs_spans_and_nothing_else";
    if !require_tool("haproxy", test) {
        return;
    }
    in_lab(|lab| {
        let socket = lab.dir().join("collector.sock");
        // It takes connections, and says nothing for ever.
        let hanging = std::os::unix::net::UnixListener::bind(&socket)?;
        let plan = Plan { environment: traced(&socket, "1"), agents: 0, webs: 0, ..Plan::default() };
        let mut site = Site::start(lab, &plan)?;
        let path = "/v2/lbaas/loadbalancers?limit=1";
        let began = Instant::now();
        // Each is three spans of the gateway and of the scheduler; more than wait.
        let asked = (0..).take_while(|_| began.elapsed() < Duration::from_secs(60)).find(|_| {
            (0..200).for_each(|_| drop(site.rest.get(path)));
            dropped(&site) > 0
        });
        assert!(asked.is_some(), "nothing was dropped");
        let slow = Instant::now();
        drop(site.rest.get(path));
        assert!(slow.elapsed() < Duration::from_secs(1), "{:?}", slow.elapsed());
        let ending = Instant::now();
        let ended = site.gateway.as_mut().expect("a gateway").stop()?;
        assert!(ended.success() && ending.elapsed() < Duration::from_secs(10), "{ended} {:?}", ending.elapsed());
        drop((site, hanging));
        Ok(())
    });
}

/// Spans that the gateway dropped.
fn dropped(site: &Site) -> u64 {
    let _ = site;
    let told = Rest::new("http://127.0.0.1:9791").text("/metrics");
    let line = told.lines().find(|line| line.starts_with("ballast_trace_spans_total{outcome=\"dropped\"}"));
    line.and_then(|line| line.rsplit(' ').next()?.parse().ok()).unwrap_or_default()
}
