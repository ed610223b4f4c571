//! What a driver takes when nothing stands before it: to bring up, to change and to take away. Against haproxy alone,
//! in a namespace that is ready, against commands, and against one grace period of the kernel's RCU.

use std::{
    collections::BTreeMap,
    fs,
    time::{Duration, Instant},
};

use ballast_abi::{LoadBalancer, Protocol};
use ballast_lab::{Lab, require_tool};
use rustix::thread::{MembarrierCommand, membarrier};
use serde_json::{Value, json};

use crate::{
    Options, Outcome, asked,
    caller::{Caller, Took},
    datagrams::FirstAnswer,
    floor::Floor,
    probe::Probe,
    report,
    samples::Samples,
    shell,
    stack::Driver,
    throughput,
    topology::{ECHO_PORT, FAST_PORT, Ground, MEMBERS, vip},
};

const PAIRS: usize = 60;
/// Of each side before those that count.
const WARM_UP: usize = 3;
/// It takes three seconds, whatever else the machine does.
const SHELL_RUNS: usize = 5;
const AT_ONCE: usize = 100;
/// How often so many are taken away, and how often one is.
const REMOVALS: (usize, usize) = (5, 20);
const CHANGES: usize = 60;
/// The steps that every way to plug a namespace in has.
const NETWORK: [&str; 4] = ["MakeNamespace", "MakeLink", "Configure", "Announce"];
/// The numbers of load balancers, far from those of other benches.
const OWN: usize = 3000;

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading(
        "driver",
        "milliseconds of drivers alone, loaded and called in a process of their own: no API, no scheduler, no agent",
    );
    let mut bench = Bench {
        lab,
        ground,
        haproxy_ns: Caller::start(lab, &ground.at_the_agent(), Driver::HaproxyNs)?,
        nft_l4: Caller::start(lab, &ground.at_the_agent(), Driver::NftL4)?,
        floor: Floor::start(&ground.at_the_agent(), 0)?,
    };
    let mut file = bench.bring_up(options)?;
    file["changes"] = bench.change(options)?;
    file["removal"] = bench.take_away(options)?;
    Ok(file)
}

struct Bench<'a> {
    lab: &'a Lab,
    ground: &'a Ground,
    haproxy_ns: Caller,
    nft_l4: Caller,
    floor: Floor,
}

/// In milliseconds.
#[derive(Default)]
struct Times {
    haproxy_ns: Samples,
    nft_l4: Samples,
    haproxy_alone: Samples,
    /// The network's part of each driver's.
    haproxy_ns_network: Samples,
    nft_l4_network: Samples,
    grace_period: Samples,
    shell: Samples,
    haproxy_ns_steps: Steps,
    nft_l4_steps: Steps,
}

/// In milliseconds, by their names.
#[derive(Default)]
struct Steps(BTreeMap<String, Samples>);

impl Steps {
    fn add(&mut self, took: &Took) {
        self.0.entry("the call".to_owned()).or_default().add(took.milliseconds);
        for (name, milliseconds) in &took.steps {
            self.0.entry(name.clone()).or_default().add(*milliseconds);
        }
    }

    fn report(&self, what: &str) {
        println!("{what}");
        self.0.iter().for_each(|(name, samples)| report::row(&format!("  {name}"), samples));
    }

    fn json(&self) -> Value {
        self.0.iter().map(|(name, samples)| (name.clone(), samples.json())).collect::<serde_json::Map<_, _>>().into()
    }
}

fn http(n: usize) -> LoadBalancer {
    asked::load_balancer(OWN + n, Protocol::Http, 80, &MEMBERS.map(|address| (address, FAST_PORT)))
}

fn udp(n: usize) -> LoadBalancer {
    asked::load_balancer(OWN + n, Protocol::Udp, 80, &MEMBERS.map(|address| (address, ECHO_PORT)))
}

fn network(took: &Took) -> f64 {
    NETWORK.iter().filter_map(|name| took.steps.get(*name)).sum()
}

fn since(start: Instant) -> f64 {
    start.elapsed().as_secs_f64() * 1e3
}

impl Bench<'_> {
    fn bring_up(&mut self, options: &Options) -> Outcome<Value> {
        let mut times = Times::default();
        for n in 0..WARM_UP + options.count(PAIRS) {
            let one = self.once(n)?;
            if n >= WARM_UP {
                times.haproxy_ns.add(one.haproxy_ns.0);
                times.haproxy_ns_network.add(network(&one.haproxy_ns.1));
                times.haproxy_ns_steps.add(&one.haproxy_ns.1);
                times.nft_l4.add(one.nft_l4.0);
                times.nft_l4_network.add(network(&one.nft_l4.1));
                times.nft_l4_steps.add(&one.nft_l4.1);
                times.haproxy_alone.add(one.haproxy_alone);
                times.grace_period.add(one.grace_period);
            }
        }
        if require_tool("arping", "the same by commands") {
            for _ in 0..options.count(SHELL_RUNS) {
                times.shell.add(self.by_commands()?);
            }
        }
        Ok(times.report(options.steps))
    }

    fn once(&mut self, n: usize) -> Outcome<Once> {
        let (haproxy_ns, config) = self.haproxy_ns(n)?;
        let haproxy_alone = self.haproxy_alone(n, &config)?;
        let nft_l4 = self.nft_l4(n)?;
        let start = Instant::now();
        membarrier(MembarrierCommand::Global)?;
        Ok(Once { haproxy_ns, nft_l4, haproxy_alone, grace_period: since(start) })
    }

    /// By haproxy-ns: until the first 200, and how long the call took; and the files that it made.
    fn haproxy_ns(&mut self, n: usize) -> Outcome<((f64, Took), Config)> {
        let probe = Probe::start(&self.ground.client, (vip(OWN + n), 80).into())?;
        let start = Instant::now();
        self.haproxy_ns.begin(http(n))?;
        let served = probe.wait()?.duration_since(start);
        let took = self.haproxy_ns.deployed()?;
        let files = self.haproxy_ns.files_of(&asked::id(OWN + n));
        let config = (fs::read(files.join("haproxy.cfg"))?, fs::metadata(files.join("run"))?);
        self.haproxy_ns.undeploy(&[asked::id(OWN + n)])?;
        self.ground.settle()?;
        Ok(((milliseconds(served), took), config))
    }

    fn haproxy_alone(&mut self, n: usize, (config, work): &Config) -> Outcome<f64> {
        self.floor.prepare(&self.lab.dir().join("alone"), config, work)?;
        self.floor.ready(vip(OWN + n))?;
        let probe = Probe::start(&self.ground.client, (vip(OWN + n), 80).into())?;
        let start = Instant::now();
        self.floor.begin_haproxy()?;
        let served = probe.wait()?.duration_since(start);
        self.floor.answer()?;
        self.floor.down()?;
        self.ground.settle()?;
        Ok(milliseconds(served))
    }

    /// By nft-l4: until the first datagram is answered, and how long the call took.
    fn nft_l4(&mut self, n: usize) -> Outcome<(f64, Took)> {
        let first = FirstAnswer::start(&self.ground.client, (vip(OWN + n), 80).into())?;
        let start = Instant::now();
        self.nft_l4.begin(udp(n))?;
        let served = first.wait()?.duration_since(start);
        let took = self.nft_l4.deployed()?;
        self.nft_l4.undeploy(&[asked::id(OWN + n)])?;
        self.ground.settle()?;
        Ok((milliseconds(served), took))
    }

    fn by_commands(&self) -> Outcome<f64> {
        let (address, config) = (vip(OWN), self.lab.dir().join("shell.cfg"));
        fs::write(&config, throughput::configuration(address, ""))?;
        let probe = Probe::start(&self.ground.client, (address, 80).into())?;
        let start = Instant::now();
        let mut commands = shell::begin(&self.ground.agent, address, &config)?;
        let served = probe.wait()?.duration_since(start);
        commands.wait()?;
        shell::down(&self.ground.agent, &config)?;
        self.ground.settle()?;
        Ok(milliseconds(served))
    }

    /// A weight, which haproxy and the kernel's rules are told, and a timeout, for which another haproxy is started.
    fn change(&mut self, options: &Options) -> Outcome<Value> {
        let (mut told, mut reloaded, mut rules) = (Steps::default(), Steps::default(), Steps::default());
        self.haproxy_ns.deploy(http(0))?;
        self.nft_l4.deploy(udp(1))?;
        for n in 0..options.count(CHANGES) {
            let number = u32::try_from(n)?;
            // A change that is told, then one that is not, from what was there then.
            let before = if n == 0 { http(0) } else { asked::with_timeout(http(0), 50_000 + number) };
            told.add(&self.haproxy_ns.deploy(asked::with_weight(before, 2 + number % 2))?);
            let next = asked::with_weight(asked::with_timeout(http(0), 50_001 + number), 2 + number % 2);
            reloaded.add(&self.haproxy_ns.deploy(next)?);
            rules.add(&self.nft_l4.deploy(asked::with_weight(udp(1), 2 + number % 2))?);
        }
        self.haproxy_ns.undeploy(&[asked::id(OWN)])?;
        self.nft_l4.undeploy(&[asked::id(OWN + 1)])?;
        self.ground.settle()?;
        let series = [
            ("haproxy-ns: told while it runs", told),
            ("haproxy-ns: another haproxy", reloaded),
            ("nft-l4: other rules", rules),
        ];
        report::columns("ms");
        series.iter().for_each(|(name, steps)| report::row(name, &steps.0["the call"]));
        if options.steps {
            series.iter().for_each(|(name, steps)| steps.report(name));
        }
        let [told, reloaded, _] = series.each_ref().map(|(_, steps)| &steps.0["the call"]);
        let ratios = ratios("told over another haproxy", told, reloaded, "0.025 or less");
        let series: BTreeMap<_, _> = series.iter().map(|(name, steps)| (*name, steps.json())).collect();
        Ok(json!({ "unit": "ms", "series": series, "told_over_reloaded": ratios }))
    }

    fn take_away(&mut self, options: &Options) -> Outcome<Value> {
        let (of_many, of_one) = REMOVALS;
        let count = options.count(AT_ONCE);
        let (mut many, mut one) = (Samples::default(), Samples::default());
        for round in 0..options.count(of_many) {
            (0..count).try_for_each(|n| self.haproxy_ns.deploy(http(n)).map(drop))?;
            let ids: Vec<String> = (0..count).map(|n| asked::id(OWN + n)).collect();
            many.add(self.haproxy_ns.undeploy(&ids)?);
            self.ground.settle()?;
            for n in 0..options.count(of_one) / options.count(of_many) {
                self.haproxy_ns.deploy(http(round + n))?;
                one.add(self.haproxy_ns.undeploy(&[asked::id(OWN + round + n)])?);
                self.ground.settle()?;
            }
        }
        report::columns("ms, until the links of all are gone");
        report::row(&format!("haproxy-ns: undeploy {count} at once"), &many);
        report::row("haproxy-ns: undeploy one", &one);
        let ratios = ratios(&format!("{count} at once over one"), &many, &one, "3 or less for 100");
        Ok(json!({ "unit": "ms", "count": count, "many": many.json(), "one": one.json(), "ratios": ratios }))
    }
}

/// A haproxy.cfg, and the directory that haproxy works in.
type Config = (Vec<u8>, fs::Metadata);

struct Once {
    haproxy_ns: (f64, Took),
    nft_l4: (f64, Took),
    haproxy_alone: f64,
    grace_period: f64,
}

fn milliseconds(time: Duration) -> f64 {
    time.as_secs_f64() * 1e3
}

/// Of the minima and of the medians.
fn ratios(name: &str, of: &Samples, to: &Samples, aim: &str) -> Value {
    let (minima, medians) = (of.min() / to.min(), of.median() / to.median());
    report::ratio(&format!("{name}: minima"), minima, aim);
    report::ratio(&format!("{name}: medians"), medians, aim);
    json!({ "minima": minima, "medians": medians })
}

impl Times {
    fn report(&self, steps: bool) -> Value {
        let rows = [
            ("haproxy-ns: first 200", &self.haproxy_ns),
            ("nft-l4: first answer", &self.nft_l4),
            ("haproxy alone: first 200", &self.haproxy_alone),
            ("haproxy-ns: the network of it", &self.haproxy_ns_network),
            ("nft-l4: the network of it", &self.nft_l4_network),
            ("one grace period of RCU", &self.grace_period),
            ("commands: first 200", &self.shell),
        ];
        report::columns("ms");
        rows.iter().for_each(|(name, samples)| report::row(name, samples));
        if steps {
            self.haproxy_ns_steps.report("haproxy-ns's steps");
            self.nft_l4_steps.report("nft-l4's steps");
        }
        let alone = &self.haproxy_alone;
        let ratios = json!({
            "haproxy_ns_over_haproxy": ratios("haproxy-ns over haproxy", &self.haproxy_ns, alone, "1.25 or less"),
            "nft_l4_over_haproxy": ratios("nft-l4 over haproxy", &self.nft_l4, alone, "0.4 or less"),
            "haproxy_ns_over_commands":
                ratios("haproxy-ns over commands", &self.haproxy_ns, &self.shell, "0.005 or less"),
            "haproxy_ns_network_over_rcu":
                ratios("haproxy-ns's network over RCU", &self.haproxy_ns_network, &self.grace_period, "0.5 or less"),
            "nft_l4_network_over_rcu":
                ratios("nft-l4's network over RCU", &self.nft_l4_network, &self.grace_period, "0.5 or less"),
        });
        let all: BTreeMap<_, _> = rows.iter().map(|(name, samples)| (*name, samples.json())).collect();
        json!({ "unit": "ms", "series": all, "ratios": ratios, "haproxy_ns_steps": self.haproxy_ns_steps.json(),
            "nft_l4_steps": self.nft_l4_steps.json() })
    }
}
