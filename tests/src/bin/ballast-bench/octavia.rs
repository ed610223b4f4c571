//! The same of v2: load balancers made alone and whole, listed, and how all of a large one fares.
//!
//! The bars of CPU time are a fortieth of what Octavia's API server and its database take for a create, a fiftieth for a whole one and for a
//! status tree, a sixtieth for the long list, on a machine of this size.

use std::{
    thread,
    time::{Duration, Instant},
};

use serde_json::{Value, json};

use crate::{Outcome, api::Phase, report, rest::Rest, stack::Stack};

/// Of a large load balancer.
const LISTENERS: usize = 100;
/// How many load balancers get a pool each, in turn: large ones, and such that have none.
const CROWDED: usize = 20;
const EMPTY: usize = 200;

const PATIENCE: Duration = Duration::from_secs(30);

const BESIDE_MANY: &str = "v2: a pool beside 100";
const FIRST: &str = "v2: a first pool";
const UNTIL_ACTIVE: &str = "v2: create until ACTIVE";

pub(crate) const MAKE: [Phase; 3] = [
    Phase {
        name: "v2: create load balancer",
        calls: [(1, 300), (16, 2000)],
        bar: Some(28.0 / 40.0),
        call: |context, rest, n| {
            let one = load_balancer(context.stack, n, json!([]));
            rest.call("POST", "/v2.0/lbaas/loadbalancers", Some(&one))?.expect(201)
        },
    },
    Phase {
        name: "v2: create a whole one",
        calls: [(1, 100), (16, 600)],
        bar: Some(100.0 / 50.0),
        call: |context, rest, n| {
            let one = load_balancer(context.stack, n, json!([listener()]));
            rest.call("POST", "/v2.0/lbaas/loadbalancers", Some(&one))?.expect(201)
        },
    },
    Phase {
        name: UNTIL_ACTIVE,
        calls: [(1, 100), (16, 2000)],
        bar: None,
        call: |context, rest, n| {
            let id = rest.create("/v2.0/lbaas/loadbalancers", &load_balancer(context.stack, n, json!([])))?;
            until_active(rest, &id)
        },
    },
];

pub(crate) const USE: [Phase; 6] = [
    Phase {
        name: "v2: one pool gets members",
        calls: [(1, 200), (16, 1000)],
        bar: Some(36.0 / 40.0),
        call: |context, rest, n| {
            let address = format!("10.30.{}.{}", n / 200 % 250, n % 200 + 10);
            let member = json!({ "member": { "address": address, "protocol_port": n / 50_000 + 80 } });
            let path = format!("/v2.0/lbaas/pools/{}/members", context.large.pool);
            rest.call("POST", &path, Some(&member))?.expect(201)
        },
    },
    Phase {
        name: "v2: list 1000",
        calls: [(1, 50), (16, 100)],
        bar: Some(532.0 / 60.0),
        call: |_, rest, _| rest.call("GET", "/v2.0/lbaas/loadbalancers?limit=1000", None)?.expect(200),
    },
    Phase {
        name: "v2: status tree of 100",
        calls: [(1, 50), (16, 100)],
        bar: Some(522.0 / 50.0),
        call: |context, rest, _| {
            rest.call("GET", &format!("/v2.0/lbaas/loadbalancers/{}/status", context.large.id), None)?.expect(200)
        },
    },
    Phase {
        name: "v2: show one",
        calls: [(1, 1000), (16, 2000)],
        bar: Some(13.0 / 40.0),
        call: |context, rest, _| {
            rest.call("GET", &format!("/v2.0/lbaas/loadbalancers/{}", context.large.id), None)?.expect(200)
        },
    },
    Phase {
        name: BESIDE_MANY,
        calls: [(1, 100), (16, 400)],
        bar: None,
        call: |context, rest, n| add_pool(rest, &context.large.crowded, n),
    },
    Phase {
        name: FIRST,
        calls: [(1, 100), (16, 400)],
        bar: None,
        call: |context, rest, n| add_pool(rest, &context.large.empty, n),
    },
];

fn add_pool(rest: &mut Rest, load_balancers: &[String], n: usize) -> Outcome<()> {
    let id = &load_balancers[n % load_balancers.len()];
    let pool = json!({ "pool": { "loadbalancer_id": id, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN" } });
    rest.call("POST", "/v2.0/lbaas/pools", Some(&pool))?.expect(201)
}

/// Asks until it is, as fast as it is answered.
pub(crate) fn until_active(rest: &mut Rest, id: &str) -> Outcome<()> {
    let begun = Instant::now();
    loop {
        let shown = rest.get(&format!("/v2.0/lbaas/loadbalancers/{id}"))?;
        match shown["loadbalancer"]["provisioning_status"].as_str() {
            Some("ACTIVE") => return Ok(()),
            Some("ERROR") => return Err(format!("{shown}").into()),
            _ if begun.elapsed() > PATIENCE => return Err(format!("{id} does not become ACTIVE").into()),
            _ => thread::sleep(Duration::from_millis(1)),
        }
    }
}

/// What a pool costs beside a hundred listeners and pools, by what the first one costs.
pub(crate) fn compare(calls: &mut Vec<Value>) {
    for clients in [1, 16] {
        let cpu = |name: &str| {
            let call = calls.iter().find(|call| call["call"] == name && call["clients"] == clients);
            call.and_then(|call| call["cpu_ms"].as_f64()).unwrap_or(f64::NAN)
        };
        let ratio = cpu(BESIDE_MANY) / cpu(FIRST);
        report::ratio(&format!("CPU of a pool beside 100 to a first one, {clients} clients"), ratio, "1.3 or less");
        calls.push(json!({ "call": "ratio of a pool beside 100", "clients": clients, "cpu": ratio }));
    }
}

/// A load balancer with many listeners and pools, and others that get more.
#[derive(Debug, Default)]
pub(crate) struct Large {
    id: String,
    /// The one that gets members.
    pool: String,
    crowded: Vec<String>,
    empty: Vec<String>,
}

impl Large {
    pub(crate) fn make(stack: &Stack, rest: &mut Rest) -> Outcome<Self> {
        let mut make =
            |listeners| rest.create("/v2.0/lbaas/loadbalancers", &load_balancer(stack, 0, Value::Array(listeners)));
        let id = make(many())?;
        let crowded = (0..CROWDED).map(|_| make(many())).collect::<Outcome<_>>()?;
        let empty = (0..EMPTY).map(|_| make(Vec::new())).collect::<Outcome<_>>()?;
        let pool = json!({ "pool": { "loadbalancer_id": id, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN" } });
        let pool = rest.create("/v2.0/lbaas/pools", &pool)?;
        Ok(Self { id, pool, crowded, empty })
    }
}

/// Listeners with a pool each.
fn many() -> Vec<Value> {
    let one = |n| {
        let pool = json!({ "name": format!("pool-{n}"), "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN" });
        json!({ "protocol": "HTTP", "protocol_port": 1000 + n, "default_pool": pool })
    };
    (0..LISTENERS).map(one).collect()
}

pub(crate) fn load_balancer(stack: &Stack, n: usize, listeners: Value) -> Value {
    let mut one = json!({ "name": format!("lb-{n}"), "vip_subnet_id": stack.subnet_id });
    if listeners.as_array().is_some_and(|listeners| !listeners.is_empty()) {
        one["listeners"] = listeners;
    }
    json!({ "loadbalancer": one })
}

/// With a pool of ten members that are checked.
fn listener() -> Value {
    let members: Vec<Value> =
        (10..20).map(|last| json!({ "address": format!("10.20.0.{last}"), "protocol_port": 80 })).collect();
    let monitor = json!({ "type": "HTTP", "delay": 5, "timeout": 3, "max_retries": 2 });
    let pool = json!({ "name": "pool", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members,
        "healthmonitor": monitor });
    json!({ "protocol": "HTTP", "protocol_port": 80, "default_pool": pool })
}
