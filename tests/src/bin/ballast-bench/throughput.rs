//! Requests per second and their 99th percentile through Ballast's load balancer, against haproxy.cfg files written by
//! hand in the same place: a namespace of their own on the same bridge, the same members, the same user.

use std::{net::Ipv4Addr, process::Command, time::Duration};

use ballast_lab::{Lab, require_tool, wait_until};
use serde_json::{Map, Value, json};

use crate::{
    Options, Outcome,
    floor::Floor,
    probe, report,
    samples::Samples,
    stack::{Driver, Plan, Stack},
    topology::{FAST_PORT, Ground, MEMBERS, vip},
};

const ROUNDS: usize = 5;
const SECONDS: u32 = 3;
const CONNECTIONS: u32 = 32;
/// The numbers of the addresses, far from those of other benches.
const OWN: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(10);

/// One way through, and what was measured of it.
struct Side {
    name: &'static str,
    address: Ipv4Addr,
    rate: Samples,
    /// 99th percentile of the time of a request, in milliseconds.
    p99: Samples,
}

impl Side {
    fn new(name: &'static str, n: usize) -> Self {
        Self { name, address: vip(OWN + n), rate: Samples::default(), p99: Samples::default() }
    }
}

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading(
        "throughput",
        &format!("wrk, {CONNECTIONS} kept-alive connections, {SECONDS} s each, the sides in turn; all share the cores"),
    );
    if !require_tool("wrk", "throughput") {
        return Ok(json!({ "not_run": "wrk is not installed" }));
    }
    let plan = Plan { driver: Driver::HaproxyNs, host: Some(&ground.agent), log_level: "info" };
    let stack = Stack::start(lab, "throughput", &plan)?;
    let mut rest = stack.rest()?;
    let pool_id = stack.make_pool(&mut rest, &MEMBERS.map(|address| (address, FAST_PORT)))?;
    let mut sides = [
        Side::new("Ballast", 0),
        Side::new("by hand, minimal", 1),
        Side::new("by hand, with X-Forwarded-For", 2),
        Side { address: MEMBERS[0], ..Side::new("a member, directly", 3) },
    ];
    rest.call("POST", "/v2.0/lb/vips", Some(&stack.vip(&pool_id, sides[0].address)))?.expect(201)?;
    await_answer(ground, sides[0].address)?;
    let mut floors = Vec::new();
    for (number, side) in sides[1..3].iter().enumerate() {
        let mut floor = Floor::start(&ground.agent, number)?;
        let text = by_hand(side.address, number == 1);
        floor.prepare(&lab.dir().join(format!("by-hand-{number}")), text.as_bytes(), &stack.files_of(&pool_id))?;
        floor.up(side.address)?;
        await_answer(ground, side.address)?;
        floors.push(floor);
    }
    measure(ground, &mut sides, options)?;
    for floor in &mut floors {
        floor.down()?;
    }
    Ok(summarise(&sides))
}

/// What a person would write who wants nothing but this.
fn by_hand(address: Ipv4Addr, forwarded_for: bool) -> String {
    let option = if forwarded_for { "    option forwardfor\n" } else { "" };
    let servers: String = (1..)
        .zip(MEMBERS)
        .map(|(number, member)| format!("    server member-{number} {member}:{FAST_PORT}\n"))
        .collect();
    format!(
        "global\n    nbthread 1\n    maxconn 2000\ndefaults\n    mode http\n    timeout connect 5s\n    \
         timeout client 50s\n    timeout server 50s\nfrontend web\n    bind {address}:80\n{option}    \
         default_backend members\nbackend members\n    balance roundrobin\n{servers}"
    )
}

fn await_answer(ground: &Ground, address: Ipv4Addr) -> Outcome<()> {
    let client = probe::namespace(&ground.client)?;
    wait_until(PATIENCE, "an answer", || probe::answers(&client, (address, 80).into()).then_some(()));
    Ok(())
}

/// Each round asks all sides, and each round begins with another one. The first round warms up.
fn measure(ground: &Ground, sides: &mut [Side], options: &Options) -> Outcome<()> {
    let (rounds, seconds) = if options.quick { (2, 1) } else { (ROUNDS, SECONDS) };
    for round in 0..=rounds {
        for turn in 0..sides.len() {
            let side = &mut sides[(round + turn) % sides.len()];
            let port = if side.address == MEMBERS[0] { FAST_PORT } else { 80 };
            let mut command = ground.client.command("wrk");
            let seconds = if round == 0 { 1 } else { seconds };
            command.args(["-t1", "--latency", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s")]);
            let (rate, p99) = wrk(command.arg(format!("http://{}:{port}/", side.address)))?;
            if round > 0 {
                side.rate.add(rate);
                side.p99.add(p99);
            }
        }
    }
    Ok(())
}

/// Requests per second, and the 99th percentile in milliseconds.
fn wrk(command: &mut Command) -> Outcome<(f64, f64)> {
    let output = command.output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = said.lines().find(|line| line.contains("Socket errors") || line.contains("Non-2xx"));
    if let Some(line) = complained {
        return Err(format!("wrk: {}", line.trim()).into());
    }
    let after = |label: &str| said.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let rate = after("Requests/sec:").and_then(|text| text.parse().ok());
    let p99 = after("99%").and_then(milliseconds);
    rate.zip(p99).ok_or_else(|| format!("wrk said: {said}{}", String::from_utf8_lossy(&output.stderr)).into())
}

/// `740.00us`, `1.25ms` or `2.00s`.
fn milliseconds(text: &str) -> Option<f64> {
    let unit = text.find(|c: char| c.is_ascii_alphabetic())?;
    let (number, unit) = text.split_at(unit);
    let factor = match unit {
        "us" => 1e-3,
        "ms" => 1.0,
        "s" => 1e3,
        _ => return None,
    };
    Some(number.parse::<f64>().ok()? * factor)
}

fn summarise(sides: &[Side]) -> Value {
    println!("{:<34} {:>12} {:>12} {:>14}", "", "req/s median", "req/s best", "p99 ms median");
    let mut file = Map::new();
    for side in sides {
        println!(
            "{:<34} {:>12.0} {:>12.0} {:>14.2}",
            side.name,
            side.rate.median(),
            side.rate.quantile(1.0),
            side.p99.median()
        );
        file.insert(side.name.to_owned(), json!({ "rate": side.rate.json(), "p99_ms": side.p99.json() }));
    }
    for other in &sides[1..3] {
        let value = sides[0].rate.median() / other.rate.median();
        report::ratio(&format!("req/s to {}", other.name), value, "0.97 or more");
        file.insert(format!("ratio to {}", other.name), json!(value));
    }
    let value = sides[0].p99.median() / sides[1].p99.median();
    report::ratio(&format!("p99 to {}", sides[1].name), value, "1");
    Value::Object(file)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn wrks_times_are_read() {
        assert_eq!(milliseconds("740.00us"), Some(0.74));
        assert_eq!(milliseconds("1.25ms"), Some(1.25));
        assert_eq!(milliseconds("2.00s"), Some(2000.0));
        assert_eq!(milliseconds("fast"), None);
    }
}
