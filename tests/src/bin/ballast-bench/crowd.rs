//! Many load balancers on one agent, with a real haproxy each: what one costs beside others, and how much they take
//! while nothing happens.

use std::{
    fs,
    sync::atomic::{AtomicUsize, Ordering},
    thread,
    time::{Duration, Instant},
};

use ballast_lab::{Lab, Process};
use serde_json::{Value, json};

use crate::{
    Options, Outcome,
    octavia::until_active,
    report,
    samples::Samples,
    stack::{Driver, Plan, Stack},
    topology::{FAST_PORT, Ground, MEMBERS, WEB_PORT, vip},
};

/// Without `--count`. A bridge of Linux has at most 1,023 ports, of which one leads out of the host.
const LOAD_BALANCERS: usize = 120;
/// Compared in memory with as many haproxies that were started by hand: libraries are shared by all.
const COMPARED: usize = 20;
const CLIENTS: usize = 16;
/// What has just begun settles; then it is watched.
const SETTLES: Duration = Duration::from_secs(10);
const WATCHED: Duration = Duration::from_secs(30);
const PATIENCE: Duration = Duration::from_secs(60);

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    let count = options.crowd.unwrap_or_else(|| options.count(LOAD_BALANCERS)).max(10);
    report::heading(
        "crowd",
        &format!("{count} load balancers with a haproxy and three checked members each, one agent"),
    );
    let plan = Plan { driver: Driver::HaproxyNs, host: Some(&ground.agent), log_level: "info", database: None };
    let stack = Stack::start(lab, "crowd", &plan)?;
    // All namespaces of a machine share a table of neighbours, and without this the members would fill it.
    ground.know_neighbours(&(0..count).map(vip).collect::<Vec<_>>())?;
    let mut rest = stack.rest()?;
    let (mut ids, mut made, mut idle) = (Vec::new(), Samples::default(), Vec::new());
    let mut memory = Value::Null;
    while ids.len() < count {
        let begun = Instant::now();
        let id = rest.create("/v2.0/lbaas/loadbalancers", &one(&stack, ids.len()))?;
        until_active(&mut rest, &id).inspect_err(|_| stack.complain())?;
        made.add(begun.elapsed().as_secs_f64() * 1e3);
        ids.push(id);
        if ids.len() == COMPARED.min(count) {
            memory = compare_memory(lab, ground, &stack, &ids)?;
        }
        if ids.len() == count / 2 || ids.len() == count {
            idle.push(watch(&stack, ids.len()));
        }
    }
    let tenth = count / 10;
    let (first, last) = (of(&made, ..tenth), of(&made, count - tenth..));
    report::columns("ms");
    report::row("create, the first tenth", &first);
    report::row("create, the last tenth", &last);
    report::ratio("create, last over first", last.median() / first.median(), "2 or less");
    let removed = remove_all(&stack, ids, tenth)?;
    Ok(json!({ "load_balancers": count, "first": first.json(), "last": last.json(), "memory_kb": memory,
        "idle": idle, "removed": removed }))
}

fn of<R: std::slice::SliceIndex<[f64], Output = [f64]>>(samples: &Samples, range: R) -> Samples {
    Samples(samples.0[range].to_vec())
}

fn one(stack: &Stack, n: usize) -> Value {
    let at = [(MEMBERS[0], WEB_PORT), (MEMBERS[0], FAST_PORT), (MEMBERS[1], FAST_PORT)];
    let members = at.map(|(address, port)| json!({ "address": address, "protocol_port": port }));
    let monitor = json!({ "type": "HTTP", "delay": 5, "timeout": 4, "max_retries": 3 });
    let pool = json!({ "name": "pool", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members,
        "healthmonitor": monitor });
    let listener = json!({ "protocol": "HTTP", "protocol_port": 80, "default_pool": pool });
    json!({ "loadbalancer": { "name": "one of a crowd", "vip_subnet_id": stack.subnet_id, "vip_address": vip(n),
        "listeners": [listener] } })
}

/// What an agent and its driver take while nothing happens but checks, heartbeats and looks.
fn watch(stack: &Stack, count: usize) -> Value {
    thread::sleep(SETTLES);
    let before = stack.cpu();
    thread::sleep(WATCHED);
    let share = |name: &str| {
        let of = |cpu: &[(&str, f64)]| cpu.iter().find(|(known, _)| *known == name).map_or(f64::NAN, |(_, used)| *used);
        (of(&stack.cpu()) - of(&before)) / WATCHED.as_secs_f64() / 1e4
    };
    let (agent, host) = (share("agent"), share("driver-host"));
    report::ratio(&format!("% of a core, {count} idle"), agent + host, "10 or less for 500");
    json!({ "load_balancers": count, "agent_percent": agent, "driver_host_percent": host })
}

/// Proportional set sizes in kB, of the driver's haproxies and of as many that were started by hand.
fn compare_memory(lab: &Lab, ground: &Ground, stack: &Stack, ids: &[String]) -> Outcome<Value> {
    let by_hand: Vec<Process> = (0..ids.len()).map(|n| by_hand(lab, ground, n)).collect::<Outcome<_>>()?;
    thread::sleep(SETTLES);
    let pid_of = |id: &String| fs::read_to_string(stack.files_of(id).join("run/pid")).unwrap_or_default();
    let ours: Vec<f64> = ids.iter().filter_map(|id| memory_of(pid_of(id).trim().parse().ok()?)).collect();
    let theirs: Vec<f64> = by_hand.iter().filter_map(|process| memory_of(process.pid().cast_unsigned())).collect();
    if ours.len() != ids.len() || theirs.len() != ids.len() {
        return Err("a haproxy is missing".into());
    }
    let (ours, theirs) = (Samples(ours), Samples(theirs));
    report::columns("kB");
    report::row("memory of a haproxy (PSS)", &ours);
    report::row("by hand, minimal", &theirs);
    report::ratio("memory over that by hand", ours.median() / theirs.median(), "1.05 or less");
    Ok(json!({ "ballast": ours.json(), "by_hand": theirs.json() }))
}

fn by_hand(lab: &Lab, ground: &Ground, n: usize) -> Outcome<Process> {
    let path = lab.dir().join(format!("by-hand-{n}"));
    let servers: String = [(MEMBERS[0], WEB_PORT), (MEMBERS[0], FAST_PORT), (MEMBERS[1], FAST_PORT)]
        .map(|(address, port)| format!("    server m{port}-{address} {address}:{port} check inter 5s\n"))
        .concat();
    let socket = path.with_extension("sock");
    let text = format!(
        "global\n    nbthread 1\n    maxconn 2000\n    httpclient.ssl.verify none\n    stats socket {} mode 600 level admin\n\
         defaults\n    mode http\n    timeout connect 5s\n    timeout client 50s\n    timeout server 50s\n\
         frontend web\n    bind 127.0.0.1:{}\n    default_backend pool\nbackend pool\n    option httpchk\n{servers}",
        socket.display(),
        20_000 + n
    );
    fs::write(path.with_extension("cfg"), text)?;
    let mut command = ground.client.command("haproxy");
    command.arg("-db").arg("-f").arg(path.with_extension("cfg"));
    Ok(ground.client.spawn(command)?)
}

/// Proportional set size in kB.
fn memory_of(pid: u32) -> Option<f64> {
    let rollup = fs::read_to_string(format!("/proc/{pid}/smaps_rollup")).ok()?;
    rollup.lines().find_map(|line| line.strip_prefix("Pss:")?.split_whitespace().next()?.parse().ok())
}

/// The first tenth one by one, a tenth at once, and the last one by one.
fn remove_all(stack: &Stack, mut ids: Vec<String>, tenth: usize) -> Outcome<Value> {
    let first = one_by_one(stack, &ids.split_off(ids.len() - tenth))?;
    let together = at_once(stack, &ids.split_off(ids.len() - tenth))?;
    at_once(stack, &ids.split_off(tenth))?;
    let last = one_by_one(stack, &ids)?;
    report::columns("ms");
    report::row("remove, the first tenth", &first);
    report::row("remove, the last tenth", &last);
    report::ratio("remove, last over first", last.median() / first.median(), "2 or less");
    report::ratio(&format!("remove {tenth} at once over one"), together / first.median(), "3 or less for 100");
    Ok(json!({ "first": first.json(), "last": last.json(), "at_once_ms": together }))
}

fn one_by_one(stack: &Stack, ids: &[String]) -> Outcome<Samples> {
    let mut samples = Samples::default();
    for id in ids {
        samples.add(at_once(stack, std::slice::from_ref(id))?);
    }
    Ok(samples)
}

/// Milliseconds until the links of all are gone.
fn at_once(stack: &Stack, ids: &[String]) -> Outcome<f64> {
    let links = stack.links()?;
    let (next, begun) = (AtomicUsize::new(0), Instant::now());
    let client = || -> Outcome<()> {
        let mut rest = stack.rest()?;
        while let Some(id) = ids.get(next.fetch_add(1, Ordering::Relaxed)) {
            rest.delete(&format!("/v2.0/lbaas/loadbalancers/{id}?cascade=true"))?;
        }
        Ok(())
    };
    thread::scope(|scope| {
        let threads: Vec<_> = (0..CLIENTS.min(ids.len())).map(|_| scope.spawn(client)).collect();
        threads.into_iter().try_for_each(|thread| thread.join().unwrap_or_else(|_| Err("a client panicked".into())))
    })?;
    while stack.links()? + ids.len() > links {
        if begun.elapsed() > PATIENCE {
            return Err("a load balancer was not taken away".into());
        }
        // To read the counters of a thousand links takes two milliseconds of a core.
        thread::sleep(Duration::from_millis(if ids.len() > 1 { 10 } else { 1 }));
    }
    Ok(begun.elapsed().as_secs_f64() * 1e3)
}
