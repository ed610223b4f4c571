//! Requests that fail while their load balancer is changed through the API, again and again: by haproxy-ns, which tells
//! its haproxy or puts another one in its place, and by nft-l4. First by changes that take nobody away who serves, then
//! by such that do, where those fail whose member is gone.

use std::{
    fs,
    net::Ipv4Addr,
    sync::atomic::Ordering,
    thread,
    time::{Duration, Instant},
};

use ballast_lab::Lab;
use serde_json::{Value, json};

use crate::{
    Options, Outcome,
    load::{Kind, Load},
    octavia::until_active,
    report,
    rest::Rest,
    samples::Samples,
    stack::{Driver, Plan, Stack},
    topology::{ECHO_PORT, FAST_PORT, Ground, MEMBERS, vip},
};

/// What happens meanwhile, and how often.
const PHASES: [(&str, usize, Change); 3] = [
    ("nothing happens", 100, |_, _| {
        thread::sleep(PAUSE);
        Ok(())
    }),
    ("nobody who serves goes", 200, Site::change),
    ("members go and come", 40, Site::take_or_put),
];
const PAUSE: Duration = Duration::from_millis(50);
/// Of a TCP connection, a fifth of a second at the clients' pace: it is over before the driver ends the oldest of its
/// old haproxies.
const REQUESTS: u32 = 20;
const OWN: usize = 5000;
const SETTLES: Duration = Duration::from_secs(1);

/// A listener, the protocol of it and its pool, the port of its members, and who makes requests.
type Service = (&'static str, u16, u16, [Kind; 2]);

/// The nth of its kind.
type Change = fn(&mut Site, usize) -> Outcome<()>;

const BY_HAPROXY: [Service; 2] = [
    ("HTTP", 80, FAST_PORT, [Kind::HttpKeptAlive, Kind::HttpShort]),
    ("TCP", 81, FAST_PORT, [Kind::Tcp(REQUESTS), Kind::Tcp(1)]),
];
const BY_RULES: [Service; 2] = [
    ("UDP", 80, ECHO_PORT, [Kind::Udp(u32::MAX), Kind::Udp(1)]),
    ("TCP", 81, FAST_PORT, [Kind::Tcp(u32::MAX), Kind::Tcp(1)]),
];

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading("reconfigure", "requests that fail while their load balancer is changed through the API");
    let mut file = json!({});
    // Each at an address of its own: for a minute members know what came from the first.
    for (number, driver, services) in [(OWN, Driver::HaproxyNs, BY_HAPROXY), (OWN + 1, Driver::NftL4, BY_RULES)] {
        let name = driver.name();
        let plan = Plan { driver, host: Some(&ground.agent), log_level: "info", database: None };
        let stack = Stack::start(lab, &format!("reconfigure-{name}"), &plan)?;
        file[name] = with(&stack, ground, options, (name, vip(number), &services)).inspect_err(|_| stack.complain())?;
    }
    Ok(file)
}

fn with(
    stack: &Stack,
    ground: &Ground,
    options: &Options,
    (name, vip, services): (&str, Ipv4Addr, &[Service; 2]),
) -> Outcome<Value> {
    let mut site = Site::make(stack, vip, services)?;
    let mut file = json!({});
    for (what, count, change) in PHASES {
        let count = options.count(count);
        let loads = services.iter().flat_map(|(_, port, _, kinds)| kinds.map(|kind| (*port, kind)));
        let loads: Vec<Load> =
            loads.map(|(port, kind)| Load::start(&ground.client, (vip, port).into(), kind)).collect::<Outcome<_>>()?;
        thread::sleep(SETTLES);
        let (mut took, mut replaced) = (Samples::default(), 0);
        for n in 0..count {
            let (before, begun) = (site.haproxy(stack), Instant::now());
            change(&mut site, n)?;
            took.add(begun.elapsed().as_secs_f64() * 1e3);
            replaced += usize::from(site.haproxy(stack) != before);
        }
        thread::sleep(SETTLES);
        println!("\n{name}: {what} {count} times, {replaced} times by another haproxy");
        report::columns("ms");
        report::row("until ACTIVE", &took);
        println!("{:<34} {:>9} {:>9} {:>9} {:>12}", "", "answered", "stalled", "failed", "slowest ms");
        let loads = loads.into_iter().map(ended).collect::<Outcome<Vec<_>>>()?;
        file[what] = json!({ "changes": count, "by_another_haproxy": replaced, "ms": took.json(), "requests": loads });
    }
    site.remove()?;
    ground.settle()?;
    Ok(file)
}

fn ended(load: Load) -> Outcome<Value> {
    let kind = load.kind.to_string();
    let tally = load.end()?;
    let [answered, stalled, failed] =
        [&tally.answered, &tally.stalled, &tally.failed].map(|count| count.load(Ordering::Relaxed));
    let (slowest, first) = (tally.slowest_ms(), tally.first_failure());
    println!(
        "{kind:<34} {answered:>9} {stalled:>9} {failed:>9} {slowest:>12.1}  {}",
        first.as_deref().unwrap_or_default()
    );
    Ok(json!({ "kind": kind, "answered": answered, "stalled": stalled, "failed": failed, "slowest_ms": slowest,
        "first_failure": first }))
}

/// A load balancer with two listeners that have a pool of both members each.
struct Site {
    rest: Rest,
    id: String,
    parts: [Part; 2],
}

#[derive(Default)]
struct Part {
    protocol: &'static str,
    member_port: u16,
    listener: String,
    pool: String,
    members: [String; 2],
    /// One that is administratively down, when there is one.
    spare: Option<String>,
    /// A policy that no request matches, when there is one.
    policy: Option<String>,
}

impl Site {
    fn make(stack: &Stack, vip: Ipv4Addr, services: &[Service; 2]) -> Outcome<Self> {
        let mut rest = stack.rest()?;
        let one = json!({ "loadbalancer": { "vip_subnet_id": stack.subnet_id, "vip_address": vip } });
        let id = rest.create("/v2.0/lbaas/loadbalancers", &one)?;
        let mut site = Self { rest, id, parts: Default::default() };
        site.settled()?;
        for (number, (protocol, port, member_port, _)) in services.iter().enumerate() {
            let pool = json!({ "protocol": protocol, "lb_algorithm": "ROUND_ROBIN", "loadbalancer_id": site.id });
            let pool = site.create("pools", "pool", &pool)?;
            let listener = json!({ "protocol": protocol, "protocol_port": port, "default_pool_id": pool,
                "loadbalancer_id": site.id });
            let listener = site.create("listeners", "listener", &listener)?;
            site.parts[number] = Part { protocol, member_port: *member_port, listener, pool, ..Part::default() };
            for member in 0..MEMBERS.len() {
                site.parts[number].members[member] = site.put_member(number, member)?;
            }
        }
        Ok(site)
    }

    /// The number of the haproxy that serves, where one does.
    fn haproxy(&self, stack: &Stack) -> Option<String> {
        fs::read_to_string(stack.files_of(&self.id).join("run/pid")).ok()
    }

    fn settled(&mut self) -> Outcome<()> {
        until_active(&mut self.rest, &self.id)
    }

    fn create(&mut self, path: &str, wrapper: &str, object: &Value) -> Outcome<String> {
        let id = self.rest.create(&format!("/v2.0/lbaas/{path}"), &json!({ wrapper: object }))?;
        self.settled()?;
        Ok(id)
    }

    fn update(&mut self, path: &str, wrapper: &str, object: &Value) -> Outcome<()> {
        self.rest.call("PUT", &format!("/v2.0/lbaas/{path}"), Some(&json!({ wrapper: object })))?.expect(200)?;
        self.settled()
    }

    fn delete(&mut self, path: &str) -> Outcome<()> {
        self.rest.delete(&format!("/v2.0/lbaas/{path}"))?;
        self.settled()
    }

    fn put_member(&mut self, part: usize, member: usize) -> Outcome<String> {
        let Part { pool, member_port, .. } = &self.parts[part];
        let path = format!("pools/{pool}/members");
        let member = json!({ "address": MEMBERS[member], "protocol_port": member_port });
        self.create(&path, "member", &member)
    }

    /// The nth change: of one part, then of the other, each time another kind.
    fn change(&mut self, n: usize) -> Outcome<()> {
        let (number, round) = (n % 2, n / 12);
        let Part { protocol, listener, pool, members, .. } = &self.parts[number];
        let (listener, pool) = (format!("listeners/{listener}"), format!("pools/{pool}"));
        match n / 2 % 6 {
            0 => {
                let member = format!("{pool}/members/{}", members[0]);
                self.update(&member, "member", &json!({ "weight": 2 + round % 3 }))
            }
            1 => self.update(&listener, "listener", &json!({ "timeout_client_data": 50_001 + round })),
            2 => {
                let algorithm = if round % 2 == 0 { "LEAST_CONNECTIONS" } else { "ROUND_ROBIN" };
                self.update(&pool, "pool", &json!({ "lb_algorithm": algorithm }))
            }
            3 => self.update(&listener, "listener", &json!({ "connection_limit": 1000 + round })),
            4 => self.spare(number),
            _ if *protocol == "HTTP" => self.policy(number),
            _ => self.update(&listener, "listener", &json!({ "timeout_member_data": 50_001 + round })),
        }
    }

    /// A member comes or goes that is administratively down.
    fn spare(&mut self, number: usize) -> Outcome<()> {
        let Part { pool, member_port, .. } = &self.parts[number];
        let path = format!("pools/{pool}/members");
        let member = json!({ "address": MEMBERS[0], "protocol_port": member_port + 100, "admin_state_up": false });
        match self.parts[number].spare.take() {
            Some(spare) => self.delete(&format!("{path}/{spare}"))?,
            None => self.parts[number].spare = Some(self.create(&path, "member", &member)?),
        }
        Ok(())
    }

    /// A policy comes or goes; one without a rule does nothing.
    fn policy(&mut self, number: usize) -> Outcome<()> {
        let rule = json!({ "type": "PATH", "compare_type": "STARTS_WITH", "value": "/nobody-asks-for-this" });
        let policy = json!({ "action": "REJECT", "listener_id": self.parts[number].listener, "rules": [rule] });
        match self.parts[number].policy.take() {
            Some(policy) => self.delete(&format!("l7policies/{policy}"))?,
            None => self.parts[number].policy = Some(self.create("l7policies", "l7policy", &policy)?),
        }
        Ok(())
    }

    /// The second member of a part is taken away, and put back.
    fn take_or_put(&mut self, n: usize) -> Outcome<()> {
        let number = n / 2 % 2;
        if n % 2 == 1 {
            self.parts[number].members[1] = self.put_member(number, 1)?;
            return Ok(());
        }
        let Part { pool, members, .. } = &self.parts[number];
        let path = format!("pools/{pool}/members/{}", members[1]);
        self.delete(&path)
    }

    fn remove(mut self) -> Outcome<()> {
        self.rest.delete(&format!("/v2.0/lbaas/loadbalancers/{}?cascade=true", self.id))
    }
}
