//! Requests per second and their 99th percentile through Ballast's load balancer, against haproxy.cfg files written by
//! hand in the same place: a namespace of their own on the same bridge, the same members, the same user.

use std::{fs, net::Ipv4Addr, path::Path, time::Duration};

use ballast_lab::{Lab, require_tool, wait_until};
use serde_json::{Map, Value, json};

use crate::{
    Options, Outcome,
    floor::Floor,
    probe, report,
    samples::Samples,
    stack::{Driver, Plan, Stack, cpu_of},
    topology::{FAST_PORT, Ground, MEMBERS, vip},
};

/// Many short rounds: what else happens on the machine meets all sides alike.
const ROUNDS: usize = 15;
const SECONDS: u32 = 1;
const CONNECTIONS: u32 = 32;
/// The numbers of the addresses, far from those of other benches.
const OWN: usize = 1000;
const PATIENCE: Duration = Duration::from_secs(10);

/// One way through, and what was measured of it.
#[derive(Default)]
struct Side {
    name: &'static str,
    url: String,
    /// The haproxy that is measured.
    pid: u32,
    rate: Samples,
    /// 99th percentile of the time of a request, in milliseconds.
    p99: Samples,
    /// CPU time of that haproxy, in microseconds per request: of all figures the one that others disturb least.
    cpu: Samples,
}

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading(
        "throughput",
        &format!("wrk, {CONNECTIONS} kept-alive connections, {SECONDS} s each, the sides in turn; all share the cores"),
    );
    if !require_tool("wrk", "throughput") {
        return Ok(json!({ "not_run": "wrk is not installed" }));
    }
    let plan = Plan { driver: Driver::HaproxyNs, host: Some(&ground.agent), log_level: "info", database: None };
    let stack = Stack::start(lab, "throughput", &plan)?;
    let mut rest = stack.rest()?;
    let pool_id = stack.make_pool(&mut rest, &MEMBERS.map(|address| (address, FAST_PORT)))?;
    let body = stack.vip(&pool_id, vip(OWN));
    rest.call("POST", "/v2.0/lb/vips", Some(&body))?.expect(201)?;
    let directory = stack.files_of(&pool_id);
    let mut sides = vec![side(ground, "Ballast", vip(OWN), &directory)?];
    let like = fs::metadata(directory.join("run"))?;
    let mut floors = Vec::new();
    for (number, name) in ["by hand, minimal", "by hand, with X-Forwarded-For"].into_iter().enumerate() {
        let mut floor = Floor::start(&ground.agent, number)?;
        let address = vip(OWN + 1 + number);
        let by_hand = lab.dir().join(format!("by-hand-{number}"));
        floor.prepare(&by_hand, configuration(address, number == 1).as_bytes(), &like)?;
        floor.up(address)?;
        sides.push(side(ground, name, address, &by_hand)?);
        floors.push(floor);
    }
    measure(ground, &mut sides, options)?;
    let member = format!("http://{}:{FAST_PORT}/", MEMBERS[0]);
    let (direct, _) = wrk(ground, &member, SECONDS)?;
    for floor in &mut floors {
        floor.down()?;
    }
    Ok(summarise(&sides, direct))
}

/// Waits until it answers. Its haproxy wrote its number into `run/pid` of its directory.
fn side(ground: &Ground, name: &'static str, address: Ipv4Addr, directory: &Path) -> Outcome<Side> {
    let client = probe::namespace(&ground.client)?;
    wait_until(PATIENCE, "an answer", || probe::answers(&client, (address, 80).into()).then_some(()));
    let pid = || fs::read_to_string(directory.join("run/pid")).ok()?.trim().parse().ok();
    let pid = wait_until(PATIENCE, "haproxy's number", pid);
    Ok(Side { name, url: format!("http://{address}/"), pid, ..Side::default() })
}

/// What a person would write who wants nothing but this.
fn configuration(address: Ipv4Addr, forwarded_for: bool) -> String {
    let option = if forwarded_for { "    option forwardfor\n" } else { "" };
    let servers: String = (1..)
        .zip(MEMBERS)
        .map(|(number, member)| format!("    server member-{number} {member}:{FAST_PORT}\n"))
        .collect();
    format!(
        "global\n    nbthread 1\n    maxconn 2000\ndefaults\n    mode http\n    timeout connect 5s\n    \
         timeout client 50s\n    timeout server 50s\n    timeout http-request 10s\n    timeout http-keep-alive 30s\n    \
         timeout queue 30s\nfrontend web\n    bind {address}:80\n{option}    default_backend members\n\
         backend members\n    balance roundrobin\n{servers}"
    )
}

/// Each round asks all sides, and each round begins with another one. The first round warms up.
fn measure(ground: &Ground, sides: &mut [Side], options: &Options) -> Outcome<()> {
    let count = sides.len();
    for round in 0..=options.count(ROUNDS) {
        for turn in 0..count {
            let side = &mut sides[(round + turn) % count];
            let before = cpu_of(side.pid);
            let (rate, p99) = wrk(ground, &side.url, SECONDS)?;
            if round > 0 {
                side.rate.add(rate);
                side.p99.add(p99);
                side.cpu.add((cpu_of(side.pid) - before) / (rate * f64::from(SECONDS)));
            }
        }
    }
    Ok(())
}

/// Requests per second, and the 99th percentile in milliseconds.
fn wrk(ground: &Ground, url: &str, seconds: u32) -> Outcome<(f64, f64)> {
    let mut command = ground.client.command("wrk");
    command.args(["-t1", "--latency", &format!("-c{CONNECTIONS}"), &format!("-d{seconds}s"), url]);
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

/// Round by round, as the two stood side by side; the median of that.
fn ratio(of: &Samples, to: &Samples) -> f64 {
    Samples(of.0.iter().zip(&to.0).map(|(of, to)| of / to).collect()).median()
}

fn summarise(sides: &[Side], direct: f64) -> Value {
    println!("{:<34} {:>12} {:>10} {:>10} {:>14}", "(medians)", "req/s", "best", "p99 ms", "CPU us/request");
    let mut file = Map::new();
    for side in sides {
        let (rate, best) = (side.rate.median(), side.rate.quantile(1.0));
        let (p99, cpu) = (side.p99.median(), side.cpu.median());
        println!("{:<34} {rate:>12.0} {best:>10.0} {p99:>10.2} {cpu:>14.2}", side.name);
        let (rate, p99, cpu) = (side.rate.json(), side.p99.json(), side.cpu.json());
        file.insert(side.name.to_owned(), json!({ "rate": rate, "p99_ms": p99, "cpu_us_per_request": cpu }));
    }
    println!("{:<34} {direct:>12.0}", "a member, directly");
    file.insert("a member, directly".to_owned(), json!(direct));
    let ballast = &sides[0];
    for other in &sides[1..] {
        let rate = ratio(&ballast.rate, &other.rate);
        let p99 = ratio(&ballast.p99, &other.p99);
        let cpu = ratio(&ballast.cpu, &other.cpu);
        println!("\nratios to {}", other.name);
        report::ratio("req/s", rate, "0.97 or more");
        report::ratio("p99", p99, "1");
        report::ratio("CPU per request", cpu, "1");
        let ratios = json!({ "rate": rate, "p99": p99, "cpu_per_request": cpu });
        file.insert(format!("ratios to {}", other.name), ratios);
    }
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
