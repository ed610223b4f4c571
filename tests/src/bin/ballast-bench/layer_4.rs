//! What the kernel adds to a request when it balances, against what a haproxy in TCP mode adds; and what memory a load
//! balancer of nft-l4 takes beside an empty namespace.
//!
//! The kernel's work is done in the name of who sends and who receives, so CPU time is that of all who take part:
//! client, member, and haproxy where there is one. What is added is the difference to the member asked directly in the
//! same round. All are ports of one bridge: an agent's host would add a bridge and a cable to both.

use std::{fs, net::SocketAddr, thread, time::Duration};

use ballast_abi::Protocol;
use ballast_lab::{Lab, require_tool};
use nix::sys::resource::{UsageWho, getrusage};
use serde_json::{Value, json};

use crate::{
    Options, Outcome, asked,
    caller::Caller,
    datagrams::Flows,
    floor::Floor,
    report,
    samples::Samples,
    stack::{Driver, precise_cpu_of},
    throughput::{self, Way},
    topology::{ECHO_PORT, FAST_PORT, Ground, MEMBERS, ON_THE_SEGMENT, vip},
};

const ROUNDS: usize = 15;
/// Of UDP, each with a request under way.
const FLOWS: usize = 32;
const LONG: Duration = Duration::from_secs(1);
/// Compared in memory.
const LOAD_BALANCERS: usize = 200;
const MEMORY_ROUNDS: usize = 5;
/// What has just begun or ended settles.
const SETTLES: Duration = Duration::from_secs(2);
/// The numbers of load balancers, far from those of other benches.
const TCP: usize = 4000;
const UDP: usize = 4001;
const BY_HAND: usize = 4002;
const IDLE: usize = 4100;

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading(
        "layer-4",
        "CPU microseconds per request of client, member and load balancer; a member, nft-l4 and haproxy in turn",
    );
    let mut nft_l4 = Caller::start(lab, &ON_THE_SEGMENT, Driver::NftL4)?;
    let mut floor = Floor::start(&ON_THE_SEGMENT, 0)?;
    let mut file = json!({});
    if require_tool("wrk", "layer-4 of TCP") {
        file["tcp"] = tcp(lab, ground, options, (&mut nft_l4, &mut floor))?;
    }
    file["udp"] = udp(ground, options, &mut nft_l4)?;
    ground.rest()?;
    file["memory"] = memory(ground, options, &mut nft_l4, &mut floor)?;
    Ok(file)
}

/// CPU per request of each side, in rounds.
#[derive(Default)]
struct Cpu {
    direct: Samples,
    nft_l4: Samples,
    haproxy: Samples,
}

impl Cpu {
    fn report(&self, name: &str) {
        report::columns("us per request");
        report::row(&format!("{name}: a member"), &self.direct);
        report::row(&format!("{name}: through nft-l4"), &self.nft_l4);
        if self.haproxy.len() > 0 {
            report::row(&format!("{name}: through haproxy"), &self.haproxy);
        }
    }

    fn json(&self) -> Value {
        json!({ "direct": self.direct.json(), "nft_l4": self.nft_l4.json(), "haproxy": self.haproxy.json() })
    }
}

/// Of what one adds in each round to what the other does.
fn ratios(name: &str, aim: &str, of: impl Fn(f64, f64, f64) -> f64, cpu: &Cpu) -> Value {
    let third = |n: usize| cpu.haproxy.0.get(n).copied().unwrap_or(f64::NAN);
    let rounds = cpu.direct.0.iter().zip(&cpu.nft_l4.0).enumerate();
    let median = Samples(rounds.map(|(n, (direct, nft_l4))| of(*direct, *nft_l4, third(n))).collect()).median();
    let minima = of(cpu.direct.min(), cpu.nft_l4.min(), cpu.haproxy.min());
    report::ratio(&format!("{name}: median"), median, aim);
    report::ratio(&format!("{name}: of minima"), minima, aim);
    json!({ "median": median, "of_minima": minima })
}

fn tcp(lab: &Lab, ground: &Ground, options: &Options, (nft_l4, floor): (&mut Caller, &mut Floor)) -> Outcome<Value> {
    let members = [(MEMBERS[0], FAST_PORT)];
    nft_l4.deploy(asked::load_balancer(TCP, Protocol::Tcp, 80, &members))?;
    let directory = lab.dir().join("layer-4");
    let config = throughput::tcp_configuration(vip(BY_HAND), &MEMBERS[..1]);
    floor.prepare(&directory, config.as_bytes(), &fs::metadata(lab.dir())?)?;
    floor.up(vip(BY_HAND))?;
    let haproxy = fs::read_to_string(directory.join("run/pid"))?.trim().parse()?;
    let member = ground.fast_pid();
    let url = |address, port: u16| format!("http://{address}:{port}/");
    let sides = [(url(MEMBERS[0], FAST_PORT), None), (url(vip(TCP), 80), None), (url(vip(BY_HAND), 80), Some(haproxy))];
    let mut file = json!({});
    for (name, way) in [("kept alive", Way::KeptAlive), ("short", Way::Short)] {
        let mut cpu = Cpu::default();
        for round in 0..=options.count(ROUNDS) {
            for turn in 0..sides.len() {
                let number = (round + turn) % sides.len();
                let (url, haproxy) = &sides[number];
                let used = per_request(ground, url, way, [Some(member), *haproxy])?;
                // The first round warms up.
                if round > 0 {
                    [&mut cpu.direct, &mut cpu.nft_l4, &mut cpu.haproxy][number].add(used);
                }
            }
        }
        cpu.report(name);
        let added = |direct, nft_l4, haproxy| (nft_l4 - direct) / (haproxy - direct);
        let ratios = ratios(&format!("{name}: nft-l4's over haproxy's"), "0.6 or less", added, &cpu);
        file[name] = json!({ "cpu_us_per_request": cpu.json(), "added_over_haproxys": ratios });
    }
    floor.down()?;
    nft_l4.undeploy(&[asked::id(TCP)])?;
    Ok(file)
}

/// CPU microseconds of the client and of these.
fn per_request(ground: &Ground, url: &str, way: Way, others: [Option<u32>; 2]) -> Outcome<f64> {
    let used = || others.iter().flatten().map(|pid| precise_cpu_of(*pid)).sum::<f64>();
    let before = (used(), cpu_used(UsageWho::RUSAGE_CHILDREN)?);
    let said = throughput::wrk(ground, url, way)?;
    let after = (used(), cpu_used(UsageWho::RUSAGE_CHILDREN)?);
    Ok((after.0 - before.0 + after.1 - before.1) / said.requests)
}

/// Microseconds.
fn cpu_used(who: UsageWho) -> Outcome<f64> {
    let usage = getrusage(who)?;
    let of = |time: nix::sys::time::TimeVal| time.tv_sec() as f64 * 1e6 + time.tv_usec() as f64;
    Ok(of(usage.user_time()) + of(usage.system_time()))
}

/// Client and member are threads of this program, which does nothing else meanwhile.
fn udp(ground: &Ground, options: &Options, nft_l4: &mut Caller) -> Outcome<Value> {
    nft_l4.deploy(asked::load_balancer(UDP, Protocol::Udp, 80, &[(MEMBERS[0], ECHO_PORT)]))?;
    let flows = |target: SocketAddr| Flows::open(&ground.client, target, FLOWS);
    let sides = [flows((MEMBERS[0], ECHO_PORT).into())?, flows((vip(UDP), 80).into())?];
    let mut cpu = Cpu::default();
    for round in 0..=options.count(ROUNDS) {
        for turn in 0..sides.len() {
            let number = (round + turn) % sides.len();
            let before = cpu_used(UsageWho::RUSAGE_SELF)?;
            let answered = sides[number].ask(LONG)?;
            let used = (cpu_used(UsageWho::RUSAGE_SELF)? - before) / answered as f64;
            if round > 0 {
                [&mut cpu.direct, &mut cpu.nft_l4][number].add(used);
            }
        }
    }
    nft_l4.undeploy(&[asked::id(UDP)])?;
    cpu.report("UDP");
    let added = |direct: f64, nft_l4: f64, _: f64| (nft_l4 - direct) / direct;
    let ratios = ratios("UDP: nft-l4's over a member's", "0.6 or less", added, &cpu);
    Ok(json!({ "cpu_us_per_request": cpu.json(), "added_over_direct": ratios }))
}

/// Slab that cannot be reclaimed, of load balancers with three members each and of namespaces with a link alone, in
/// turn.
fn memory(ground: &Ground, options: &Options, nft_l4: &mut Caller, floor: &mut Floor) -> Outcome<Value> {
    let count = options.count(LOAD_BALANCERS);
    let ids: Vec<String> = (0..count).map(|n| asked::id(IDLE + n)).collect();
    let members = [(MEMBERS[0], FAST_PORT), (MEMBERS[0], ECHO_PORT), (MEMBERS[1], FAST_PORT)];
    let (mut ours, mut empty) = (Samples::default(), Samples::default());
    for round in 0..=options.count(MEMORY_ROUNDS) {
        let before = settled()?;
        for n in 0..count {
            nft_l4.deploy(asked::load_balancer(IDLE + n, Protocol::Tcp, 80, &members))?;
        }
        let with_ours = settled()?;
        nft_l4.undeploy(&ids)?;
        ground.rest()?;
        let without = settled()?;
        floor.make_empty(count)?;
        let with_empty = settled()?;
        floor.remove_empty(count)?;
        ground.rest()?;
        if round > 0 {
            ours.add((with_ours - before) / count as f64);
            empty.add((with_empty - without) / count as f64);
        }
    }
    report::columns(&format!("kB of slab, of {count} each"));
    report::row("a load balancer of nft-l4", &ours);
    report::row("an empty namespace with a link", &empty);
    let ratio = ours.median() / empty.median();
    report::ratio("memory over that of an empty one", ratio, "1.1 or less");
    Ok(json!({ "count": count, "unit": "kB", "nft_l4": ours.json(), "empty": empty.json(), "ratio_of_medians": ratio }))
}

/// `SUnreclaim` of /proc/meminfo in kB, when what has just begun or ended has settled.
fn settled() -> Outcome<f64> {
    thread::sleep(SETTLES);
    let text = fs::read_to_string("/proc/meminfo")?;
    let line = text.lines().find_map(|line| line.strip_prefix("SUnreclaim:"));
    let number = line.and_then(|line| line.split_whitespace().next()?.parse().ok());
    Ok(number.ok_or("/proc/meminfo does not say SUnreclaim")?)
}
