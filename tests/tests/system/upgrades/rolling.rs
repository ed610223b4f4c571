//! All parts of a deployment go from the newest release to today's, one after the other, in any order: while requests go through
//! VIPs, and others make, change and delete load balancers at both gateways.
//!
//! The order of one test is drawn from a seed: the first one, or that of `BALLAST_SEED`. A test that fails has said which it was.

use std::{
    collections::BTreeSet,
    sync::atomic::{AtomicBool, Ordering},
    thread,
    time::Duration,
};

use ballast_lab::{Lab, LabError, Signal, WebServer, in_lab, require_tool, wait_until};
use ballast_tests::{
    PATIENCE,
    history::{Answer, Call, History, There},
    postgres_server::PostgresServer,
    programs,
    rest::{Reply, Rest},
    site::{Plan, Service, Setting, Site, URL},
};
use serde_json::{Value, json};

use super::{Clients, drivers_started};

const PATH: &str = "/v2/lbaas/loadbalancers";
/// The second gateway.
const SECOND: &str = "http://127.0.0.1:9698";
const DATABASE: &str = "postgres://postgres@127.0.0.1:5501/ballast";
/// Load balancers with traffic, from the beginning to the end.
const SERVING: usize = 2;
/// What a writer has at most: each has a namespace on a host.
const OWN: usize = 4;
const PAUSE: Duration = Duration::from_millis(150);
/// Where no other seed is asked for.
const SEED: u64 = 3;

/// A process or a file of the release.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Part {
    Scheduler(usize),
    Gateway(usize),
    Agent(usize),
    Driver(usize),
}

/// In the order of docs/deploy.md.
const PARTS: [Part; 8] = [
    Part::Scheduler(0),
    Part::Scheduler(1),
    Part::Gateway(0),
    Part::Gateway(1),
    Part::Agent(0),
    Part::Agent(1),
    Part::Driver(0),
    Part::Driver(1),
];

/// Numbers by chance, the same ones for a seed.
struct Chance(u64);

impl Chance {
    const fn of(seed: u64) -> Self {
        Self(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    fn below(&mut self, end: usize) -> usize {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        usize::try_from(self.0 >> 33).unwrap_or_default() % end
    }
}

fn seed() -> u64 {
    let asked = std::env::var_os("BALLAST_SEED").and_then(|seed| seed.to_str()?.parse().ok());
    asked.unwrap_or(SEED)
}

fn shuffled(seed: u64) -> Vec<Part> {
    let (mut parts, mut chance) = (PARTS.to_vec(), Chance::of(seed));
    for last in (1..parts.len()).rev() {
        parts.swap(last, chance.below(last + 1));
    }
    parts
}

/// Two of each, over one PostgreSQL. The first scheduler and gateway are the site's.
struct Pairs {
    site: Site,
    scheduler: Option<Service>,
    gateway: Option<Service>,
    _database: PostgresServer,
}

impl Pairs {
    fn start(lab: &Lab, database: PostgresServer, release: &std::path::Path) -> Result<Self, LabError> {
        let sockets =
            ["scheduler.sock", "scheduler-2.sock"].map(|name| format!("unix:{}", lab.dir().join(name).display()));
        let both = sockets.join(",");
        let environment: Vec<Setting> = vec![
            ("ballast-scheduler", "BALLAST_DATABASE__URL", DATABASE.to_owned()),
            ("ballast-api-gateway", "BALLAST_GATEWAY__SCHEDULER", "unix:/run/ballast/scheduler.sock".to_owned()),
            ("ballast-api-gateway", "BALLAST_GATEWAY__SCHEDULERS", both.clone()),
            ("agent-1", "BALLAST_AGENT__SCHEDULERS", both.clone()),
            ("agent-2", "BALLAST_AGENT__SCHEDULERS", both),
        ];
        let plan = Plan { agents: 2, webs: 2, programs: release.to_path_buf(), environment, ..Plan::default() };
        let site = Site::start(lab, &plan)?;
        let mut pairs = Self { site, scheduler: None, gateway: None, _database: database };
        pairs.start_second_scheduler();
        pairs.start_second_gateway();
        Ok(pairs)
    }

    fn start_second_scheduler(&mut self) {
        let socket = self.site.socket().with_file_name("scheduler-2.sock");
        let settings = [
            ("BALLAST_SCHEDULER__SOCKET", socket.display().to_string()),
            ("BALLAST_SCHEDULER__LISTEN", "127.0.0.1:9699".to_owned()),
            ("BALLAST_METRICS__LISTEN", "off".to_owned()),
        ];
        self.scheduler = Some(self.site.start_beside("ballast-scheduler", "scheduler-2", &settings));
        wait_until(PATIENCE, "the second scheduler's socket", || std::os::unix::net::UnixStream::connect(&socket).ok());
    }

    fn start_second_gateway(&mut self) {
        let settings =
            [("BALLAST_GATEWAY__LISTEN", "127.0.0.1:9698".to_owned()), ("BALLAST_METRICS__LISTEN", "off".to_owned())];
        self.gateway = Some(self.site.start_beside("ballast-api-gateway", "gateway-2", &settings));
        let rest = Rest::new(SECOND);
        wait_until(PATIENCE, "the second gateway", || rest.try_call("GET", "/", None));
    }

    /// One part is ended in order, and the site's programs take its place.
    fn replace(&mut self, part: Part) -> std::io::Result<()> {
        match part {
            Part::Scheduler(0) => {
                self.site.scheduler.take().expect("it runs").stop()?;
                self.site.start_scheduler();
            }
            Part::Scheduler(_) => {
                self.scheduler.take().expect("it runs").stop()?;
                self.start_second_scheduler();
            }
            Part::Gateway(0) => {
                self.site.gateway.take().expect("it runs").stop()?;
                self.site.start_gateway();
            }
            Part::Gateway(_) => {
                self.gateway.take().expect("it runs").stop()?;
                self.start_second_gateway();
            }
            Part::Agent(agent) => {
                self.site.signal_agent(agent, Signal::SIGTERM);
                let ended = self.site.agents[agent].process.take().expect("the agent runs").wait();
                ended.expect("its end");
                self.site.start_agent(agent);
            }
            Part::Driver(agent) => {
                let name = self.site.agents[agent].name.clone();
                let started = drivers_started(&self.site, &name);
                self.site.put_driver(&self.site.agents[agent].drivers);
                let is_new = || (drivers_started(&self.site, &name) > started).then_some(());
                wait_until(PATIENCE, "the driver that was put there", is_new);
            }
        }
        self.site.wait_for_agents(2);
        Ok(())
    }

    /// What is made now serves, is changed, and goes.
    fn makes_changes_and_deletes(&self, name: &str) {
        let made = insist(&self.site.rest, "POST", PATH, Some(&self.balancer(name, &json!({}))));
        assert_eq!(made.status, 201, "{name}: {made}");
        let path = format!("{PATH}/{}", made.id());
        self.site.wait_for_traffic(made.object()["vip_address"].as_str().unwrap_or_default());
        self.is_active(&path);
        let change = json!({"loadbalancer": {"description": name}});
        assert_eq!(insist(&self.site.rest, "PUT", &path, Some(&change)).status, 200, "{name}");
        self.is_active(&path);
        assert_eq!(insist(&self.site.rest, "DELETE", &format!("{path}?cascade=true"), None).status, 204, "{name}");
        wait_until(PATIENCE, &format!("the end of {name}"), || {
            (self.site.rest.try_call("GET", &path, None)?.status == 404).then_some(())
        });
    }

    /// A whole load balancer with the web servers, with this besides.
    fn balancer(&self, name: &str, more: &Value) -> Value {
        let member = |web: &WebServer| {
            let at = web.address();
            json!({"address": at.ip().to_string(), "protocol_port": at.port()})
        };
        let members: Vec<Value> = self.site.webs.iter().map(member).collect();
        let mut one = json!({
            "name": name, "vip_subnet_id": self.site.subnet_id,
            "listeners": [{"name": name, "protocol": "HTTP", "protocol_port": 80, "default_pool": {"name": name}}],
            "pools": [{"name": name, "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": members}]
        });
        for (key, value) in more.as_object().into_iter().flatten() {
            one[key] = value.clone();
        }
        json!({"loadbalancer": one})
    }

    fn is_active(&self, path: &str) {
        wait_until(PATIENCE, &format!("{path} is ACTIVE"), || {
            let reply = self.site.rest.try_call("GET", path, None).filter(|reply| reply.status == 200)?;
            (reply.object()["provisioning_status"] == "ACTIVE").then_some(())
        });
    }

    fn listed(&self) -> Vec<Value> {
        insist(&self.site.rest, "GET", PATH, None).object().as_array().cloned().unwrap_or_default()
    }

    /// The load balancers of which a host has a namespace.
    fn on_host(&self, agent: usize) -> BTreeSet<String> {
        let said = self.site.agents[agent].host.output("ip", ["netns", "list"]).expect("namespaces");
        let names = said.lines().filter_map(|line| line.split_whitespace().next()?.strip_prefix("qlbaas-"));
        names.map(str::to_owned).collect()
    }
}

/// As often as it takes: what is under way when a scheduler ends is answered by 503.
fn insist(rest: &Rest, method: &str, path: &str, body: Option<&Value>) -> Reply {
    wait_until(PATIENCE, &format!("{method} {path}"), || {
        rest.try_call(method, path, body).filter(|reply| reply.status != 503)
    })
}

/// What writers were answered, until they are to end.
#[derive(Default)]
struct Writing {
    history: History,
    is_over: AtomicBool,
}

/// Whoever writes ends with this, also where something fails.
struct Over<'w>(&'w Writing);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

/// Asks one gateway, and the other one where it gets no answer.
struct Writer<'w> {
    writing: &'w Writing,
    gateways: [Rest; 2],
    at: usize,
    /// Names and ids.
    own: Vec<(String, String)>,
}

impl Writer<'_> {
    /// None: nobody knows what became of it.
    fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        let reply = self.gateways[self.at].try_call(method, path, body).filter(|reply| reply.status != 503);
        if reply.is_none() {
            self.at = 1 - self.at;
        }
        reply
    }

    fn write(mut self, writer: usize, subnet: &str) {
        let mut chance = Chance::of(seed() + 1 + writer as u64);
        for number in 0.. {
            if self.writing.is_over.load(Ordering::SeqCst) {
                return;
            }
            match (self.own.len(), chance.below(4)) {
                (1.., 0) | (OWN.., _) => self.delete(chance.below(OWN)),
                (1.., 1..3) => self.change(chance.below(OWN), &format!("value {number}")),
                _ => self.make(&format!("written-{writer}-{number}"), subnet),
            }
            thread::sleep(PAUSE);
        }
    }

    fn make(&mut self, name: &str, subnet: &str) {
        let writing = self.writing;
        let asked = writing.history.ask(name, Call::Make(String::new()));
        let body = json!({"loadbalancer": {"name": name, "vip_subnet_id": subnet}});
        if let Some(reply) = self.call("POST", PATH, Some(&body)) {
            assert_eq!(reply.status, 201, "POST of {name}: {reply}");
            asked.answered(Answer::Done(reply.id()));
            self.own.push((name.to_owned(), reply.id()));
        }
    }

    fn change(&mut self, which: usize, value: &str) {
        let (name, id) = self.own[which % self.own.len()].clone();
        let writing = self.writing;
        let asked = writing.history.ask(&name, Call::Change(value.to_owned()));
        let body = json!({"loadbalancer": {"description": value}});
        if let Some(reply) = self.call("PUT", &format!("{PATH}/{id}"), Some(&body)) {
            assert_eq!(reply.status, 200, "PUT of {name}: {reply}");
            asked.answered(Answer::Done(id));
        }
    }

    fn delete(&mut self, which: usize) {
        let (name, id) = self.own.swap_remove(which % self.own.len());
        let writing = self.writing;
        let asked = writing.history.ask(&name, Call::Delete);
        if let Some(reply) = self.call("DELETE", &format!("{PATH}/{id}?cascade=true"), None) {
            assert_eq!(reply.status, 204, "DELETE of {name}: {reply}");
            asked.answered(Answer::Done(id));
        }
    }
}

/// Replaces one after the other while others write, and looks after each.
fn replace_under_load(pairs: &mut Pairs, order: &[Part], clients: &mut [Clients], writing: &Writing) {
    let subnet = pairs.site.subnet_id.clone();
    thread::scope(|scope| {
        for number in 0..2 {
            let gateways = [URL, SECOND].map(Rest::new);
            let writer = Writer { writing, gateways, at: number, own: Vec::new() };
            let subnet = &subnet;
            scope.spawn(move || writer.write(number, subnet));
        }
        let _over = Over(writing);
        for (step, part) in order.iter().enumerate() {
            let before = writing.history.acknowledged();
            tell(&format!("{part:?} is replaced; so far {before} writes were acknowledged"));
            pairs.replace(*part).expect("it ends");
            pairs.makes_changes_and_deletes(&format!("step-{step}"));
            wait_until(PATIENCE, "writes go on", || (writing.history.acknowledged() > before + 4).then_some(()));
            clients.iter_mut().for_each(Clients::none_failed);
        }
    });
}

/// All that was acknowledged is there, ACTIVE, on one host, and nothing else is anywhere.
fn nothing_is_lost(pairs: &Pairs, writing: &Writing) {
    let all = wait_until(PATIENCE * 2, "all is ACTIVE", || {
        let all = pairs.listed();
        all.iter().all(|one| one["provisioning_status"] == "ACTIVE").then_some(all)
    });
    let text = |one: &Value, key: &str| one[key].as_str().unwrap_or_default().to_owned();
    let there = |one: &Value| There { name: text(one, "name"), id: text(one, "id"), value: text(one, "description") };
    let written: Vec<There> = all.iter().map(there).filter(|one| one.name.starts_with("written-")).collect();
    let wrong = writing.history.contradicted_by(&written);
    assert!(wrong.is_empty() && writing.history.acknowledged() > 40, "{wrong:#?}, {}", writing.history.acknowledged());
    let ids: BTreeSet<String> = all.iter().map(|one| text(one, "id")).collect();
    wait_until(PATIENCE, "each on one host, and nothing else", || {
        let hosts = [0, 1].map(|agent| pairs.on_host(agent));
        (hosts[0].is_disjoint(&hosts[1]) && &hosts[0] | &hosts[1] == ids).then_some(())
    });
}

/// What the release did not have: a load balancer with a standby.
fn what_is_new_can_be_used(pairs: &Pairs) {
    let rest = &pairs.site.rest;
    let data = json!({"loadbalancer_topology": "ACTIVE_STANDBY"}).to_string();
    let profile = json!({"flavorprofile": {"name": "two", "provider_name": "haproxy", "flavor_data": data}});
    let profile = rest.create("/v2.0/lbaas/flavorprofiles", &profile).id();
    let flavor = json!({"flavor": {"name": "two", "flavor_profile_id": profile}});
    let flavor = rest.create("/v2.0/lbaas/flavors", &flavor).id();
    let made = rest.create(PATH, &pairs.balancer("two", &json!({"flavor_id": flavor})));
    let path = format!("{PATH}/{}", made.id());
    pairs.site.wait_for_traffic(made.object()["vip_address"].as_str().unwrap_or_default());
    wait_until(PATIENCE, "two sides that hear each other", || {
        let sides = rest.try_call("GET", &format!("/ballast/v1/loadbalancers/{}/sides", made.id()), None)?;
        let heard = |side: &str| sides.body["sides"][side]["peer_heard"] == true;
        (heard("active") && heard("standby")).then_some(())
    });
    let reply = rest.call("DELETE", &format!("{path}?cascade=true"), None);
    assert_eq!(reply.status, 204, "{reply}");
}

/// The release's scheduler refuses a database that is newer, and says so; gateways and agents may go back.
fn the_way_back_is_as_documented(pairs: &mut Pairs, release: &std::path::Path, clients: &mut [Clients]) {
    let today = std::mem::replace(&mut pairs.site.programs, release.to_path_buf());
    let mut refused = pairs.site.start_beside(
        "ballast-scheduler",
        "scheduler-of-the-release",
        &[
            ("BALLAST_SCHEDULER__SOCKET", String::new()),
            ("BALLAST_SCHEDULER__LISTEN", "127.0.0.1:9700".to_owned()),
            ("BALLAST_METRICS__LISTEN", "off".to_owned()),
        ],
    );
    let status = wait_until(PATIENCE, "the end of the release's scheduler", || refused.ended());
    let said = pairs.site.logged("scheduler-of-the-release");
    assert!(!status.success() && said.contains("made by a later version"), "{status}: {said}");
    for part in [Part::Gateway(1), Part::Agent(0), Part::Agent(1)] {
        pairs.replace(part).expect("it ends");
        pairs.makes_changes_and_deletes(&format!("back, {part:?}"));
        assert_eq!(insist(&Rest::new(SECOND), "GET", PATH, None).status, 200);
        clients.iter_mut().for_each(Clients::none_failed);
    }
    pairs.site.programs = today;
}

#[expect(clippy::print_stderr, reason = "which step a test that failed was in")]
fn tell(what: &str) {
    eprintln!("{what}");
}

/// Whether there is all that it takes: the release's programs, and a server of PostgreSQL.
fn upgrades(lab: &Lab, test: &str, release: &std::path::Path, order: &[Part]) -> Result<(), LabError> {
    let Some(database) = PostgresServer::running(test, lab, 5_501) else { return Ok(()) };
    let mut pairs = Pairs::start(lab, database, release)?;
    let made: Vec<(String, String)> =
        (0..SERVING).map(|number| pairs.site.make_load_balancer(&format!("serving-{number}"))).collect();
    made.iter().for_each(|(pool, _)| pairs.site.settle(pool));
    let mut clients = Vec::new();
    for (_, address) in &made {
        clients.push(Clients::start(&pairs.site, address, Duration::from_millis(60))?);
    }
    pairs.site.programs = programs::directory();
    let writing = Writing::default();
    replace_under_load(&mut pairs, order, &mut clients, &writing);
    nothing_is_lost(&pairs, &writing);
    what_is_new_can_be_used(&pairs);
    the_way_back_is_as_documented(&mut pairs, release, &mut clients);
    clients.into_iter().try_for_each(Clients::stop)
}

#[test]
fn all_parts_are_upgraded_in_an_order_by_chance_and_no_request_and_no_acknowledged_write_is_lost() {
    let test = "all_parts_are_upgraded_in_an_order_by_chance_and_no_request_and_no_acknowledged_write_is_lost";
    if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    let Some(release) = programs::released(test) else { return };
    in_lab(|lab| {
        let order = shuffled(seed());
        tell(&format!("BALLAST_SEED={}: {order:?}", seed()));
        Ok(upgrades(lab, test, &release, &order)?)
    });
}

#[test]
fn all_parts_are_upgraded_against_the_order_of_the_documents_and_nothing_is_lost() {
    let test = "all_parts_are_upgraded_against_the_order_of_the_documents_and_nothing_is_lost";
    if !["haproxy", "curl"].iter().all(|tool| require_tool(tool, test)) {
        return;
    }
    let Some(release) = programs::released(test) else { return };
    in_lab(|lab| {
        let order: Vec<Part> = PARTS.into_iter().rev().collect();
        Ok(upgrades(lab, test, &release, &order)?)
    });
}
