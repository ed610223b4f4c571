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
    stack::{Driver, Plan, Stack, precise_cpu_of},
    topology::{FAST_PORT, Ground, MEMBERS, vip},
};

/// Many short rounds: what else happens on the machine meets all sides alike.
const ROUNDS: usize = 15;
/// Of short connections: each leaves a port that waits for a minute, and from some 90,000 on it is ports that are waited for.
const SHORT_ROUNDS: usize = 5;
const SECONDS: u32 = 1;
const CONNECTIONS: u32 = 32;
/// The numbers of the addresses, far from those of other benches.
const OWN: usize = 1000;
const TCP: usize = OWN + 20;
const WITH_POLICIES: usize = OWN + 10;
const PATIENCE: Duration = Duration::from_secs(10);
/// Each has five rules, of which the first four match every request and the last one none.
const POLICIES: usize = 20;

/// How requests are made.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Way {
    KeptAlive,
    /// Each on a connection of its own.
    Short,
}

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
        &format!("wrk, {CONNECTIONS} connections, {SECONDS} s each, the sides in turn; all share the cores"),
    );
    if !require_tool("wrk", "throughput") {
        return Ok(json!({ "not_run": "wrk is not installed" }));
    }
    let plan = Plan { driver: Driver::HaproxyNs, host: Some(&ground.agent), log_level: "info", database: None };
    let stack = Stack::start(lab, "throughput", &plan)?;
    let bench = Bench { lab, ground, options };
    let mut rest = stack.rest()?;
    let pool_id = stack.make_pool(&mut rest, &MEMBERS.map(|address| (address, FAST_PORT)))?;
    let body = stack.vip(&pool_id, vip(OWN));
    rest.call("POST", "/v2.0/lb/vips", Some(&body))?.expect(201)?;
    let files = stack.files_of(&pool_id);
    let minimal = |address| configuration(address, "");
    let forwarded_for = |address| configuration(address, "    option forwardfor\n");
    let both: [ByHand<'_>; 2] = [("by hand, minimal", &minimal), ("by hand, with X-Forwarded-For", &forwarded_for)];
    println!("HTTP, connections are kept");
    let mut file = bench.against(("Ballast", vip(OWN), &files), &both, Way::KeptAlive)?;
    let member = format!("http://{}:{FAST_PORT}/", MEMBERS[0]);
    let direct = wrk(ground, &member, Way::KeptAlive)?.rate;
    println!("{:<34} {direct:>12.0}", "a member, directly");
    file.insert("a member, directly".to_owned(), json!(direct));

    println!("\nHTTP, a connection for each request");
    let short = bench.against(("Ballast", vip(OWN), &files), &both, Way::Short)?;
    file.insert("short".to_owned(), Value::Object(short));

    println!("\nTCP, connections are kept");
    let id = rest.create("/v2.0/lbaas/loadbalancers", &of_tcp(&stack))?;
    let as_tcp = |address| tcp_configuration(address, &MEMBERS);
    let of_tcp = bench.against(("Ballast", vip(TCP), &stack.files_of(&id)), &[("by hand", &as_tcp)], Way::KeptAlive)?;
    file.insert("tcp".to_owned(), Value::Object(of_tcp));

    println!("\n{POLICIES} policies with {} rules, which every request goes through", POLICIES * 5);
    let id = rest.create("/v2.0/lbaas/loadbalancers", &with_policies(&stack))?;
    let refusals = |address| configuration(address, &(0..POLICIES).map(refusal).collect::<String>());
    let ours = ("Ballast, with policies", vip(WITH_POLICIES), stack.files_of(&id));
    let with_policies =
        bench.against((ours.0, ours.1, &ours.2), &[("by hand, with the same", &refusals)], Way::KeptAlive)?;
    file.insert("policies".to_owned(), Value::Object(with_policies));
    Ok(Value::Object(file))
}

/// The name of a side, and its configuration for an address.
type ByHand<'a> = (&'static str, &'a dyn Fn(Ipv4Addr) -> String);

struct Bench<'a> {
    lab: &'a Lab,
    ground: &'a Ground,
    options: &'a Options,
}

impl Bench<'_> {
    /// What is there already, by its name, its address and its files, is measured against these.
    fn against(
        &self,
        (name, address, files): (&'static str, Ipv4Addr, &Path),
        by_hand: &[ByHand<'_>],
        way: Way,
    ) -> Outcome<Map<String, Value>> {
        let Self { lab, ground, options } = *self;
        let mut sides = vec![side(ground, name, address, files)?];
        let like = fs::metadata(files.join("run"))?;
        let mut floors = Vec::new();
        for (number, (name, configuration)) in by_hand.iter().enumerate() {
            let mut floor = Floor::start(&ground.at_the_agent(), number)?;
            let address = vip(OWN + 1 + number);
            let directory = lab.dir().join(format!("by-hand-{number}"));
            floor.prepare(&directory, configuration(address).as_bytes(), &like)?;
            floor.up(address)?;
            sides.push(side(ground, name, address, &directory)?);
            floors.push(floor);
        }
        measure(ground, &mut sides, options, way)?;
        floors.iter_mut().try_for_each(Floor::down)?;
        Ok(summarise(&sides))
    }
}

fn of_tcp(stack: &Stack) -> Value {
    let members = MEMBERS.map(|address| json!({ "address": address, "protocol_port": FAST_PORT }));
    let pool = json!({ "name": "pool", "protocol": "TCP", "lb_algorithm": "ROUND_ROBIN", "members": members });
    let listener = json!({ "protocol": "TCP", "protocol_port": 80, "default_pool": pool });
    json!({ "loadbalancer": {
        "name": "tcp", "vip_subnet_id": stack.subnet_id, "vip_address": vip(TCP), "listeners": [listener]
    } })
}

fn with_policies(stack: &Stack) -> Value {
    let rule =
        |kind: &str, compare: &str, value: &str| json!({ "type": kind, "compare_type": compare, "value": value });
    let policy = |n| {
        let mut not_this = rule("HEADER", "EQUAL_TO", "n");
        (not_this["key"], not_this["invert"]) = (json!("X-Bench"), json!(true));
        let mut no_php = rule("FILE_TYPE", "EQUAL_TO", "php");
        no_php["invert"] = json!(true);
        let (path, host) = (rule("PATH", "STARTS_WITH", "/"), rule("HOST_NAME", "CONTAINS", "10.20."));
        let never = rule("PATH", "ENDS_WITH", &format!(".blocked-{n}"));
        json!({ "action": "REJECT", "rules": [path, host, not_this, no_php, never] })
    };
    let policies: Vec<Value> = (0..POLICIES).map(policy).collect();
    let members = MEMBERS.map(|address| json!({ "address": address, "protocol_port": FAST_PORT }));
    let pool = json!({ "name": "pool", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members });
    let listener = json!({ "protocol": "HTTP", "protocol_port": 80, "default_pool": pool, "l7policies": policies });
    json!({ "loadbalancer": {
        "name": "policies", "vip_subnet_id": stack.subnet_id, "vip_address": vip(WITH_POLICIES), "listeners": [listener]
    } })
}

/// A policy as a person would write it.
fn refusal(n: usize) -> String {
    format!(
        "    http-request deny if {{ path -m beg / }} {{ req.hdr(host) -i -m sub 10.20. }} \
         !{{ req.hdr(X-Bench) -m str n }} !{{ path,field(-1,/),field(2,.,0),field(-1,.) -m str php }} \
         {{ path -m end .blocked-{n} }}\n"
    )
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
pub(crate) fn configuration(address: Ipv4Addr, frontend: &str) -> String {
    let servers: String = (1..)
        .zip(MEMBERS)
        .map(|(number, member)| format!("    server member-{number} {member}:{FAST_PORT}\n"))
        .collect();
    format!(
        "global\n    nbthread 1\n    maxconn 2000\ndefaults\n    mode http\n    timeout connect 5s\n    \
         timeout client 50s\n    timeout server 50s\n    timeout http-request 10s\n    timeout http-keep-alive 30s\n    \
         timeout queue 30s\nfrontend web\n    bind {address}:80\n{frontend}    default_backend members\n\
         backend members\n    balance roundrobin\n{servers}"
    )
}

/// The same without a look into what passes.
pub(crate) fn tcp_configuration(address: Ipv4Addr, members: &[Ipv4Addr]) -> String {
    let servers: String =
        members.iter().map(|member| format!("    server member-{member} {member}:{FAST_PORT}\n")).collect();
    format!(
        "global\n    nbthread 1\n    maxconn 2000\ndefaults\n    mode tcp\n    timeout connect 5s\n    \
         timeout client 50s\n    timeout server 50s\n    timeout queue 30s\nfrontend service\n    \
         bind {address}:80\n    default_backend members\nbackend members\n    balance roundrobin\n{servers}"
    )
}

/// Each round asks all sides, and each round begins with another one. The first round warms up.
fn measure(ground: &Ground, sides: &mut [Side], options: &Options, way: Way) -> Outcome<()> {
    let count = sides.len();
    let rounds = if way == Way::Short { SHORT_ROUNDS } else { ROUNDS };
    for round in 0..=options.count(rounds) {
        for turn in 0..count {
            let side = &mut sides[(round + turn) % count];
            let before = precise_cpu_of(side.pid);
            let said = wrk(ground, &side.url, way)?;
            if round > 0 {
                side.rate.add(said.rate);
                side.p99.add(said.p99);
                side.cpu.add((precise_cpu_of(side.pid) - before) / said.requests);
            }
        }
    }
    Ok(())
}

/// What wrk says of a second.
pub(crate) struct Said {
    pub(crate) requests: f64,
    /// Per second.
    rate: f64,
    /// 99th percentile, in milliseconds.
    p99: f64,
}

pub(crate) fn wrk(ground: &Ground, url: &str, way: Way) -> Outcome<Said> {
    let mut command = ground.client.command("wrk");
    command.args(["-t1", "--latency", &format!("-c{CONNECTIONS}"), &format!("-d{SECONDS}s")]);
    if way == Way::Short {
        command.args(["-H", "Connection: close"]);
    }
    let output = command.arg(url).output()?;
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    let complained = said.lines().find(|line| line.contains("Socket errors") || line.contains("Non-2xx"));
    if let Some(line) = complained {
        return Err(format!("wrk: {}", line.trim()).into());
    }
    let after = |label: &str| said.lines().find_map(|line| line.trim().strip_prefix(label)).map(str::trim);
    let counted = said.lines().find_map(|line| line.trim().split_once(" requests in ")?.0.parse().ok());
    let rate = after("Requests/sec:").and_then(|text| text.parse().ok());
    let p99 = after("99%").and_then(milliseconds);
    match (counted, rate, p99) {
        (Some(requests), Some(rate), Some(p99)) => Ok(Said { requests, rate, p99 }),
        _ => Err(format!("wrk said: {said}{}", String::from_utf8_lossy(&output.stderr)).into()),
    }
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

fn summarise(sides: &[Side]) -> Map<String, Value> {
    println!("{:<34} {:>12} {:>10} {:>10} {:>14}", "(medians)", "req/s", "best", "p99 ms", "CPU us/request");
    let mut file = Map::new();
    for side in sides {
        let (rate, best) = (side.rate.median(), side.rate.quantile(1.0));
        let (p99, cpu) = (side.p99.median(), side.cpu.median());
        println!("{:<34} {rate:>12.0} {best:>10.0} {p99:>10.2} {cpu:>14.2}", side.name);
        let (rate, p99, cpu) = (side.rate.json(), side.p99.json(), side.cpu.json());
        file.insert(side.name.to_owned(), json!({ "rate": rate, "p99_ms": p99, "cpu_us_per_request": cpu }));
    }
    let ballast = &sides[0];
    for other in &sides[1..] {
        let rate = ratio(&ballast.rate, &other.rate);
        let p99 = ratio(&ballast.p99, &other.p99);
        let cpu = ratio(&ballast.cpu, &other.cpu);
        println!("\nratios to {}", other.name);
        report::ratio("req/s", rate, "0.97 or more");
        report::ratio("p99", p99, "1");
        let least = ballast.cpu.min() / other.cpu.min();
        report::ratio("CPU per request", cpu, "1.03 or less");
        report::ratio("CPU per request, minima", least, "1.03 or less");
        let ratios = json!({ "rate": rate, "p99": p99, "cpu_per_request": cpu, "cpu_per_request_minima": least });
        file.insert(format!("ratios to {}", other.name), ratios);
    }
    file
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
