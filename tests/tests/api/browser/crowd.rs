//! Five thousand load balancers: what the pages of them cost the scheduler, the gateway, and a browser that stays open.

use std::time::{Duration, Instant};

use ballast_model::{
    Uuid,
    agent::{Agent, Unclaimed},
    ids::{AgentId, PoolId},
    listener::{Listener, Protocol},
    load_balancer::LoadBalancer,
    member::NewMember,
    outcome::{Outcome, Statistics},
    pool::{LbMethod, NewPool},
    time::Timestamp,
};
use ballast_store::{Parts, Store, Tally};
use serde_json::{Value, json};

use super::{chromium::Chromium, patient};
use crate::services::Services;

const COUNT: u128 = 5_000;
/// Of so many one is not deployed, and as many more wait for their agent.
const EACH: u128 = 100;
/// What a page has at most, in bytes.
const SIZE: usize = 100 << 10;
/// What a build with assertions, on a machine that does other things as well, may take for a page.
const SLOW: Duration = Duration::from_secs(2);
/// Calls of the scheduler for the overview, however many load balancers there are: one for each that is shown, and a few.
const CALLS: f64 = 60.0;
/// So many times so many patches: a script of a browser has its time.
const PATCHES: (u32, u32) = (10, 100);

/// With a listener, a pool and two members.
fn one(number: u128) -> LoadBalancer {
    let id = |kind: u128| Uuid::from_u128(number << 8 | kind);
    let pool: PoolId = id(1).into();
    let made = LoadBalancer::with_pool(NewPool {
        id: pool,
        project_id: "demo".to_owned(),
        name: format!("shop-{number:05}"),
        description: String::new(),
        subnet_id: Uuid::nil().into(),
        protocol: Protocol::Http,
        lb_method: LbMethod::RoundRobin,
        provider: "haproxy".to_owned(),
        admin_state_up: true,
    });
    let member = |made: LoadBalancer, last: u8| {
        let member = NewMember {
            id: id(u128::from(last)).into(),
            project_id: "demo".to_owned(),
            address: [10, 0, 0, last].into(),
            protocol_port: 80,
            weight: 1,
            admin_state_up: true,
        };
        made.add_member(pool, member).unwrap()
    };
    let mut made = member(member(made, 11), 12);
    let listener = Listener::new(id(2).into(), "demo".to_owned(), Protocol::Http, 80);
    made = made.add_listener(Listener { default_pool_id: Some(pool), ..listener }).unwrap();
    let failed = number.is_multiple_of(EACH).then(|| "no bridge for this network".to_owned());
    let outcome = Outcome { generation: made.generation, fault: failed, cause: None, faults: Vec::new() };
    if number % EACH == 1 { made } else { made.settle(&outcome) }
}

fn agent(id: AgentId) -> Agent {
    Agent {
        id,
        host: "h1".to_owned(),
        zone: String::new(),
        unclaimed: Unclaimed::default(),
        admin_state_up: true,
        description: None,
        version: "1".to_owned(),
        created_at: Timestamp(0),
        started_at: Timestamp(0),
        heartbeat_at: Timestamp(0),
        connected: true,
        session: None,
        drivers: Vec::new(),
        load_balancers: 0,
    }
}

/// The services over a database that has them all already.
async fn filled() -> (Services, String) {
    let directory = tempfile::tempdir().unwrap();
    let url = format!("sqlite://{}/ballast.db", directory.path().display());
    let store = Store::open(&url).await.unwrap();
    let fill = store.write(|tx, _| {
        Box::pin(async move {
            let host = AgentId::from_u128(1);
            tx.insert_agent(&agent(host)).await?;
            let (parts, mut all) = (Parts::default(), Vec::new());
            for number in 1..=COUNT {
                let one = one(number);
                tx.insert_bound(&one, host, "haproxy-ns").await?;
                all.push(one);
            }
            let whole = Statistics { bytes_in: 1_000, total_connections: 7, ..Statistics::default() };
            let tally = |one| Tally { load_balancer: one, epoch: 1.into(), whole, parts: &parts };
            tx.save_statistics(&all.iter().map(tally).collect::<Vec<_>>()).await
        })
    });
    fill.await.unwrap();
    drop(store);
    // Free a moment ago.
    let metrics = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().to_string();
    let adapt = |settings: &mut ballast_service::config::Settings| {
        patient(settings);
        settings.failover.enabled = false;
        settings.database.url = url;
        settings.metrics.listen = metrics.parse().unwrap();
    };
    (Services::in_directory(directory, adapt).await, format!("http://{metrics}/metrics"))
}

/// How many calls the scheduler has answered.
async fn calls(metrics: &str) -> f64 {
    let client = ballast_service::http::plain().unwrap();
    let text = client.get(metrics).send().await.unwrap().text().await.unwrap();
    let counts = text.lines().filter(|line| line.starts_with("ballast_rpc_server_call_duration_seconds_count"));
    counts.filter_map(|line| line.rsplit(' ').next()?.parse::<f64>().ok()).sum()
}

/// A page, and how long the gateway and the scheduler took for it: the shortest of a few times.
async fn page(services: &Services, path: &str) -> (String, Duration) {
    let (mut text, mut took) = (String::new(), Duration::MAX);
    for _ in 0..5 {
        let began = Instant::now();
        let reply = services.raw("GET", path).await;
        assert_eq!(reply.status(), 200, "{path}");
        text = reply.text().await.unwrap();
        took = took.min(began.elapsed());
    }
    (text, took)
}

#[expect(clippy::print_stderr, reason = "what is measured, for who looks")]
async fn pages_are_small_and_soon_there(services: &Services, metrics: &str) {
    let (overview, _) = page(services, "/ui/").await;
    assert!(overview.contains("5,000") && overview.contains("shop-00100") && overview.contains("shop-05000"));
    let before = calls(metrics).await;
    page(services, "/ui/").await;
    let for_one = (calls(metrics).await - before) / 5.0;
    assert!(for_one > 3.0 && for_one <= CALLS, "{for_one} calls for an overview");
    for (path, expected) in [
        ("/ui/", "Needs attention"),
        ("/ui/?view=table", "shop-00100"),
        ("/ui/?unhealthy=1", "shop-05000"),
        ("/ui/load-balancers", "shop-00001"),
        ("/ui/load-balancers?sort=-name", "shop-05000"),
        ("/ui/load-balancers?status=NOT_DEPLOYED", "shop-00100"),
        ("/ui/load-balancers?q=shop-04321", "shop-04321"),
    ] {
        let (text, took) = page(services, path).await;
        eprintln!("{path}: {} KB in {} ms", text.len() >> 10, took.as_millis());
        assert!(text.contains(expected), "{path}");
        assert!(text.len() <= SIZE, "{path} has {} bytes", text.len());
        assert!(took <= SLOW, "{path} took {took:?}");
    }
}

/// What the browser holds once it has thrown away what it can: bytes of its heap, and nodes.
async fn held(page: &Chromium) -> (f64, f64) {
    let number = |of: &Value, key: &str| of[key].as_f64().unwrap_or_default();
    for _ in 0..2 {
        page.devtools("HeapProfiler.collectGarbage", json!({})).await;
    }
    let heap = page.devtools("Runtime.getHeapUsage", json!({})).await;
    let nodes = page.devtools("Memory.getDOMCounters", json!({})).await;
    (number(&heap, "usedSize"), number(&nodes, "nodes"))
}

/// Puts so many patches into the page, by its own script: each moves and removes rows, and has other texts than the one
/// before. The last one is the page as it was.
async fn patch(page: &Chromium) {
    let count = PATCHES.1;
    let script = format!(
        "const done = arguments[arguments.length - 1];
        const first = document.getElementById('main').innerHTML;
        const pages = [...Array(7).keys()].map((moved) => {{
            const made = new DOMParser().parseFromString(window.policy.createHTML('<main>' + first + '</main>'), 'text/html');
            const rows = made.querySelector('tbody');
            for (let row = 0; row < moved; row++) rows.append(rows.firstElementChild);
            if (moved % 3) rows.firstElementChild.remove();
            made.querySelector('.number').textContent = 'THE-NUMBER';
            return made.querySelector('main').innerHTML;
        }});
        const tell = (data) => window.stream.dispatchEvent(new MessageEvent('patch', {{ data }}));
        const next = (number) => {{
            tell(number < {count} ? pages[number % 7].replace('THE-NUMBER', number) : first);
            if (number < {count}) setTimeout(next, 0, number + 1);
            else done(document.querySelector('.number').textContent);
        }};
        next(1);"
    );
    assert_eq!(page.js_async(&script).await, json!("5,000"));
}

#[tokio::test(flavor = "multi_thread")]
async fn five_thousand_load_balancers_are_no_larger_page_than_fifty_and_no_browser_swells() {
    let test = "five_thousand_load_balancers_are_no_larger_page_than_fifty_and_no_browser_swells";
    let (services, metrics) = filled().await;
    pages_are_small_and_soon_there(&services, &metrics).await;
    let Some(page) = Chromium::start(&services, test).await else { return };
    // The page's own stream, held so that patches can be told by it faster than things change.
    let source = "window.policy = trustedTypes.createPolicy('ballast', { createHTML: (text) => text });
        trustedTypes.createPolicy = () => window.policy;
        const Known = window.EventSource;
        window.EventSource = class extends Known { constructor(url) { super(url); window.stream = this; } };";
    page.devtools("Page.addScriptToEvaluateOnNewDocument", json!({ "source": source })).await;
    page.goto("/ui/").await;
    page.is_live().await;
    patch(&page).await;
    let (heap, nodes) = held(&page).await;
    for _ in 0..PATCHES.0 {
        patch(&page).await;
    }
    let (heap_after, nodes_after) = held(&page).await;
    eprintln!("heap {heap} and {heap_after} bytes, nodes {nodes} and {nodes_after}");
    assert!(heap_after <= heap * 1.1, "the heap has grown from {heap} to {heap_after} bytes");
    assert!(nodes_after <= nodes * 1.05, "from {nodes} to {nodes_after} nodes");
    // It is live all the same: what is changed is tried again.
    page.sees("not deployed 50").await;
    let one = Uuid::from_u128(EACH << 8 | 1);
    let renamed = json!({ "loadbalancer": { "name": "renamed" } });
    let path = format!("/v2.0/lbaas/loadbalancers/{one}");
    assert_eq!(services.call("PUT", &path, Some(renamed)).await.status, 200);
    page.sees("not deployed 49").await;
    page.end().await;
}
