//! From `POST /v2.0/lb/vips` to the first 200 through the VIP, against the floor.

use std::{
    fs::{self, Metadata},
    path::Path,
    time::{Duration, Instant},
};

use ballast_lab::{Lab, poll_until};
use jiff::Timestamp;
use serde_json::{Value, json};

use crate::{
    Options, Outcome,
    floor::Floor,
    probe::Probe,
    report,
    rest::Rest,
    samples::Samples,
    stack::{Driver, Plan, Stack},
    topology::{Ground, MEMBERS, WEB_PORT, vip},
    trace,
};

const RUNS: usize = 30;
/// Runs of each side before those that count.
const WARM_UP: usize = 3;
const PATIENCE: Duration = Duration::from_secs(10);

/// In milliseconds since the request was sent.
#[derive(Default)]
struct Times {
    reply: Samples,
    begun: Samples,
    done: Samples,
    served: Samples,
    floor: Samples,
}

/// One bring-up by Ballast.
struct Run {
    pool_id: String,
    sent: Timestamp,
    reply: f64,
    served: f64,
    /// The haproxy.cfg that the driver wrote.
    config: Vec<u8>,
    /// Of the directory that haproxy works in.
    work: Metadata,
}

struct Bench<'a> {
    ground: &'a Ground,
    stack: &'a Stack,
    rest: Rest,
    floor: Floor,
}

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading("bring-up", "milliseconds from POST /v2.0/lb/vips to the first 200 through the VIP");
    let log_level = if options.steps { "debug" } else { "info" };
    let plan = Plan { driver: Driver::HaproxyNs, host: Some(&ground.agent), log_level, database: None };
    let stack = Stack::start(lab, "bring-up", &plan)?;
    let mut bench =
        Bench { ground, stack: &stack, rest: stack.rest()?, floor: Floor::start(&ground.at_the_agent(), 0)? };
    let count = options.count(RUNS);
    let pools = bench.make_pools(WARM_UP + count)?;
    let mut times = Times::default();
    let mut runs = Vec::new();
    for (n, pool_id) in pools.into_iter().enumerate() {
        let run = bench.product(n, pool_id)?;
        let floor = bench.floor(n, &run, &lab.dir().join("floor"))?;
        if n >= WARM_UP {
            times.reply.add(run.reply);
            times.served.add(run.served);
            times.floor.add(floor);
            runs.push(run);
        }
    }
    let log = stack.agent_log()?;
    times.explain(&runs, &log);
    Ok(times.report(&log))
}

impl Bench<'_> {
    /// Pools with one member each, known to the driver. Without a VIP there is nothing on the host.
    fn make_pools(&mut self, count: usize) -> Outcome<Vec<String>> {
        let members = [(MEMBERS[0], WEB_PORT)];
        let pools: Vec<_> =
            (0..count).map(|_| self.stack.make_pool(&mut self.rest, &members)).collect::<Outcome<_>>()?;
        for pool_id in &pools {
            self.await_status(&format!("/v2.0/lb/pools/{pool_id}"), "pool")?;
        }
        Ok(pools)
    }

    fn await_status(&mut self, path: &str, wrapper: &str) -> Outcome<()> {
        let active = poll_until(PATIENCE, || {
            self.rest.get(path).is_ok_and(|answer| answer[wrapper]["status"] == "ACTIVE").then_some(())
        });
        Ok(active.ok_or_else(|| format!("{path} does not become ACTIVE"))?)
    }

    /// Brings a VIP up through the API and takes it away again.
    fn product(&mut self, n: usize, pool_id: String) -> Outcome<Run> {
        let address = vip(n);
        let body = self.stack.vip(&pool_id, address);
        let probe = Probe::start(&self.ground.client, (address, 80).into())?;
        let (start, sent) = (Instant::now(), Timestamp::now());
        self.rest.send("POST", "/v2.0/lb/vips", Some(&body))?;
        let reply = self.rest.receive()?;
        let replied = start.elapsed();
        let vip_id = reply.id()?;
        let served = probe.wait()?.duration_since(start);
        let path = format!("/v2.0/lb/vips/{vip_id}");
        self.await_status(&path, "vip")?;
        let files = self.stack.files_of(&pool_id);
        let (config, work) = (fs::read(files.join("haproxy.cfg"))?, fs::metadata(files.join("run"))?);
        self.rest.delete(&path)?;
        self.ground.settle()?;
        let [reply, served] = [replied, served].map(|time| time.as_secs_f64() * 1e3);
        Ok(Run { pool_id, sent, reply, served, config, work })
    }

    /// The same by the floor: milliseconds until the first 200.
    fn floor(&mut self, n: usize, run: &Run, directory: &Path) -> Outcome<f64> {
        self.floor.prepare(directory, &run.config, &run.work)?;
        let probe = Probe::start(&self.ground.client, (vip(n), 80).into())?;
        let start = Instant::now();
        self.floor.begin(vip(n))?;
        let served = probe.wait()?.duration_since(start);
        self.floor.answer()?;
        self.floor.down()?;
        self.ground.settle()?;
        Ok(served.as_secs_f64() * 1e3)
    }
}

impl Times {
    /// Adds what the agent's log says about the deploys. Of each load balancer the one counts that began after the
    /// request was sent; the driver logs it with the time that it took.
    fn explain(&mut self, runs: &[Run], log: &str) {
        let deploys = trace::deploys(log);
        for run in runs {
            let of_run = deploys.get(&run.pool_id).into_iter().flatten();
            let Some(deploy) = of_run.into_iter().find(|deploy| trace::between(run.sent, deploy.done) > 0.0) else {
                continue;
            };
            self.begun.add(trace::between(run.sent, deploy.begun));
            self.done.add(trace::between(run.sent, deploy.done));
        }
    }

    fn report(&self, log: &str) -> Value {
        report::columns("ms");
        report::row("Ballast: first 200", &self.served);
        report::row("floor: first 200", &self.floor);
        let ratios = [("of medians", 0.5), ("of minima", 0.0)]
            .map(|(name, share)| (name, self.served.quantile(share) / self.floor.quantile(share)));
        for (name, value) in ratios {
            report::ratio(&format!("ratio {name}"), value, "1.5 or less");
        }
        println!("\nwhere Ballast's time goes, in milliseconds since the request was sent");
        report::columns("ms");
        report::row("the reply to the POST is there", &self.reply);
        report::row("the driver begins", &self.begun);
        report::row("the driver is done", &self.done);
        report::row("first 200", &self.served);
        let steps = trace::steps(log);
        if !steps.is_empty() {
            println!("\nthe driver's steps");
            report::columns("ms");
            steps.iter().for_each(|(name, samples)| report::row(name, samples));
        }
        json!({
            "unit": "ms", "ballast": self.served.json(), "floor": self.floor.json(),
            "ratio_of_medians": ratios[0].1, "ratio_of_minima": ratios[1].1,
            "reply": self.reply.json(), "driver_begins": self.begun.json(), "driver_done": self.done.json(),
        })
    }
}
