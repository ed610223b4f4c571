//! Three schedulers under load, of which one after the other is killed or stopped for a while: what was acknowledged is there in the
//! end, once, and nothing else had to be done.
//!
//! Who writes has two gateways, and goes from one to the other. What was answered, and what was not, is [history](History): what
//! is stored in the end, and what agents run, is what it allows.

use std::{
    collections::BTreeSet,
    fs,
    os::unix::fs::PermissionsExt as _,
    sync::atomic::{AtomicBool, Ordering},
    thread::sleep,
    time::{Duration, Instant},
};

use ballast_lab::{Signal, in_lab, poll_until, wait_until};
use ballast_tests::{
    history::{Answer, Call, History, Runs, There, run_otherwise},
    postgres_server::PostgresServer,
    rest::{Reply, Rest},
    several::{Several, Shape, gateway_at},
};
use serde_json::{Value, json};

use crate::{Extent, extent};

const SCHEDULERS: usize = 3;
const AGENTS: usize = 3;
const WRITERS: usize = 3;
/// Load balancers that each project may have: so many that a writer meets the limit.
const LIMIT: usize = 12;
/// So that what is left alone is gone soon.
const LIVENESS: (u32, u32, u32) = (500, 4_000, 9_000);
/// The blows of the short form are always the same.
const SEED: u64 = 0x5eed_0fb1_0b5e;
/// How long until all is as desired again, whatever was done before.
const COMES_GOOD: Duration = Duration::from_secs(60);
/// The longest time in which nobody's write was acknowledged, while schedulers are killed. (What is measured is far below.)
const UNAVAILABLE: Duration = Duration::from_secs(5);
const PATH: &str = "/v2/lbaas/loadbalancers";

/// Numbers by chance, the same ones for a seed.
struct Chance(u64);

impl Chance {
    /// Below `end`.
    fn below(&mut self, end: u64) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 % end
    }
}

/// What they were answered, until they are to end.
#[derive(Default)]
struct Writing {
    history: History,
    is_over: AtomicBool,
}

/// A client that has two gateways.
struct Client {
    gateways: [Rest; 2],
    at: usize,
}

impl Client {
    fn new() -> Self {
        Self { gateways: [0, 1].map(|number| Rest::new(&format!("http://{}", gateway_at(number)))), at: 0 }
    }

    /// None: nobody knows what became of it.
    fn call(&mut self, method: &str, path: &str, body: Option<&Value>) -> Option<Reply> {
        let reply = self.gateways[self.at].try_call(method, path, body);
        match reply {
            Some(reply) if ![503, 504].contains(&reply.status) => Some(reply),
            _ => {
                self.at = 1 - self.at;
                None
            }
        }
    }

    /// As often as it takes.
    fn insist(&mut self, method: &str, path: &str, body: Option<&Value>) -> Reply {
        wait_until(COMES_GOOD, path, || self.call(method, path, body))
    }
}

fn balancer(name: &str, project: &str, subnet: &str) -> Value {
    json!({"loadbalancer": {"name": name, "project_id": project, "vip_subnet_id": subnet}})
}

/// A writer's load balancer.
struct Own {
    name: String,
    id: String,
}

/// Makes, changes and deletes load balancers of a project, up to its limit.
fn write(writing: &Writing, writer: usize, subnet: &str) {
    let (mut client, mut chance) = (Client::new(), Chance(SEED + writer as u64));
    let project = format!("project-{writer}");
    let mut mine: Vec<Own> = Vec::new();
    for number in 0.. {
        if writing.is_over.load(Ordering::SeqCst) {
            return;
        }
        match (mine.is_empty(), chance.below(6)) {
            (false, 0..2) => {
                let at = usize::try_from(chance.below(mine.len() as u64)).unwrap();
                delete(&writing.history, &mut client, &mine.swap_remove(at));
            }
            (false, 2) => {
                let at = usize::try_from(chance.below(mine.len() as u64)).unwrap();
                change(&writing.history, &mut client, &mine[at], &format!("value {number}"));
            }
            (_, _) => {
                let name = format!("{project}-{number}");
                mine.extend(make(&writing.history, &mut client, &name, &balancer(&name, &project, subnet)));
            }
        }
        sleep(Duration::from_millis(10 + chance.below(30)));
    }
}

fn make(history: &History, client: &mut Client, name: &str, body: &Value) -> Option<Own> {
    let asked = history.ask(name, Call::Make(String::new()));
    let reply = client.call("POST", PATH, Some(body))?;
    if reply.status == 201 {
        asked.answered(Answer::Done(reply.id()));
        return Some(Own { name: name.to_owned(), id: reply.id() });
    }
    // The limit.
    assert_eq!(reply.status, 403, "POST of {name}: {reply}");
    asked.answered(Answer::Refused);
    None
}

fn change(history: &History, client: &mut Client, Own { name, id }: &Own, value: &str) {
    let asked = history.ask(name, Call::Change(value.to_owned()));
    let body = json!({"loadbalancer": {"description": value}});
    if let Some(reply) = client.call("PUT", &format!("{PATH}/{id}"), Some(&body)) {
        assert_eq!(reply.status, 200, "PUT of {name}: {reply}");
        asked.answered(Answer::Done(id.clone()));
    }
}

fn delete(history: &History, client: &mut Client, Own { name, id }: &Own) {
    let asked = history.ask(name, Call::Delete);
    if let Some(reply) = client.call("DELETE", &format!("{PATH}/{id}?cascade=true"), None) {
        assert_eq!(reply.status, 204, "DELETE of {name}: {reply}");
        asked.answered(Answer::Done(id.clone()));
    }
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Blow {
    Kill,
    /// For so many milliseconds.
    Stop(u64),
}

fn strike(several: &mut Several, victim: usize, blow: Blow) {
    match blow {
        Blow::Kill => {
            several.kill_scheduler(victim);
            sleep(Duration::from_millis(1_500));
            several.start_scheduler(victim, &[]);
        }
        Blow::Stop(millis) => {
            several.signal_scheduler(victim, Signal::SIGSTOP);
            sleep(Duration::from_millis(millis));
            several.signal_scheduler(victim, Signal::SIGCONT);
        }
    }
}

fn listed(client: &mut Client) -> Vec<Value> {
    let reply = client.insist("GET", PATH, None);
    assert_eq!(reply.status, 200, "{reply}");
    reply.body["loadbalancers"].as_array().cloned().unwrap_or_default()
}

/// All that is there is deployed, and what was deleted is gone.
fn comes_good(client: &mut Client) -> Vec<Value> {
    wait_until(COMES_GOOD, "all is as desired", || {
        let all = listed(client);
        all.iter().all(|one| one["provisioning_status"] == "ACTIVE").then_some(all)
    })
}

fn text(value: &Value) -> &str {
    value.as_str().unwrap_or_default()
}

/// What is there is what the history allows, and what agents run is that.
fn history_holds(history: &History, several: &Several, all: &[Value]) {
    let there = |one: &Value| There {
        name: text(&one["name"]).to_owned(),
        id: text(&one["id"]).to_owned(),
        value: text(&one["description"]).to_owned(),
    };
    let there: Vec<There> = all.iter().map(there).collect();
    let wrong = history.contradicted_by(&there);
    assert!(wrong.is_empty() && history.acknowledged() > 20, "{wrong:#?}, {} acknowledged", history.acknowledged());
    let runs_otherwise = || {
        let runs = (0..AGENTS).flat_map(|number| {
            let host = format!("agent-{number}");
            several.deployed(number).into_iter().map(move |id| Runs { host: host.clone(), id })
        });
        run_otherwise(&there, &runs.collect::<Vec<_>>())
    };
    // What was deleted may still be about to go.
    let as_it_is = poll_until(COMES_GOOD, || runs_otherwise().is_empty().then_some(()));
    assert!(as_it_is.is_some(), "{:#?}", runs_otherwise());
}

fn rows_hold(server: &PostgresServer, all: &[Value]) {
    let addresses: BTreeSet<&str> = all.iter().map(|one| text(&one["vip_address"])).collect();
    assert_eq!(addresses.len(), all.len(), "an address is there twice");
    for (what, statement) in [
        ("an address twice", "SELECT address FROM fixed_ip GROUP BY subnet_id, address HAVING count(*) > 1"),
        (
            "a binding twice",
            "SELECT load_balancer_id FROM binding WHERE phase = 'BOUND' GROUP BY load_balancer_id HAVING count(*) > 1",
        ),
        (
            "a load balancer on an agent that is gone",
            "SELECT b.load_balancer_id FROM binding b LEFT JOIN agent a ON a.id = b.agent_id \
             WHERE b.phase = 'BOUND' AND (a.id IS NULL OR NOT a.connected)",
        ),
    ] {
        assert_eq!(server.sql("ballast", statement), "", "{what}");
    }
    let bound = server.sql("ballast", "SELECT count(*) FROM binding WHERE phase = 'BOUND'");
    assert_eq!(bound, all.len().to_string(), "each is bound once");
}

/// Each project gets what its limit leaves, and no more.
fn quotas_hold(client: &mut Client, subnet: &str, all: &[Value]) {
    for writer in 0..WRITERS {
        let project = format!("project-{writer}");
        let of_project = all.iter().filter(|one| one["project_id"] == project.as_str()).count();
        assert!(of_project <= LIMIT, "{project} has {of_project}");
        for number in of_project..=LIMIT {
            let body = balancer(&format!("{project}-last-{number}"), &project, subnet);
            let reply = client.insist("POST", PATH, Some(&body));
            let expected = if number < LIMIT { 201 } else { 403 };
            assert_eq!(reply.status, expected, "number {number} of {project}: {reply}");
        }
    }
}

fn prepare(client: &mut Client) -> String {
    let network =
        client.insist("POST", "/v2.0/networks", Some(&json!({"network": {"name": "n", "shared": true}}))).id();
    let subnet = json!({"subnet": {"network_id": network, "ip_version": 4, "cidr": "10.9.0.0/16"}});
    let subnet = client.insist("POST", "/v2.0/subnets", Some(&subnet)).id();
    for writer in 0..WRITERS {
        let quota = json!({"quota": {"pool": LIMIT}});
        let reply = client.insist("PUT", &format!("/v2.0/quotas/project-{writer}"), Some(&quota));
        assert_eq!(reply.status, 200, "{reply}");
    }
    subnet
}

/// Strikes while others write; the longest time in which no write was acknowledged.
fn under_load(several: &mut Several, subnet: &str, writing: &Writing, blows: &[(usize, Blow)]) -> Duration {
    std::thread::scope(|scope| {
        for writer in 0..WRITERS {
            scope.spawn(move || write(writing, writer, subnet));
        }
        let _over = Over(writing);
        sleep(Duration::from_secs(1));
        let begun = Instant::now();
        for (victim, blow) in blows {
            strike(several, *victim, *blow);
            sleep(Duration::from_millis(800));
        }
        writing.history.longest_gap(begun)
    })
}

/// Whoever writes ends with this.
struct Over<'w>(&'w Writing);

impl Drop for Over<'_> {
    fn drop(&mut self) {
        self.0.is_over.store(true, Ordering::SeqCst);
    }
}

fn blows(count: usize, mut kind: impl FnMut(&mut Chance) -> Blow) -> Vec<(usize, Blow)> {
    let mut chance = Chance(SEED);
    let victim = |chance: &mut Chance| usize::try_from(chance.below(SCHEDULERS as u64)).unwrap();
    (0..count).map(|_| (victim(&mut chance), kind(&mut chance))).collect()
}

fn survives(test: &str, blows: &[(usize, Blow)], unavailable: Option<Duration>) {
    in_lab(|lab| {
        fs::set_permissions(lab.dir(), fs::Permissions::from_mode(0o711))?;
        let Some(mut server) = PostgresServer::make(test, &lab.dir().join("one"), 5_501) else { return Ok(()) };
        server.start();
        let database = "postgres://postgres@127.0.0.1:5501/ballast".to_owned();
        let shape = Shape { database, schedulers: SCHEDULERS, gateways: 2, liveness: LIVENESS, more: String::new() };
        let mut several = Several::start(lab, &shape);
        (0..AGENTS).for_each(|number| several.start_agent(number, number));
        let mut client = Client::new();
        let subnet = prepare(&mut client);
        let writing = Writing::default();
        let gap = under_load(&mut several, &subnet, &writing, blows);
        tell(&format!("{} blows: no write was acknowledged for {gap:?} at most", blows.len()));
        if let Some(most) = unavailable {
            assert!(gap < most, "no write was acknowledged for {gap:?}");
        }
        let begun = Instant::now();
        let all = comes_good(&mut client);
        tell(&format!("all is as desired after {:?}", begun.elapsed()));
        wait_until(COMES_GOOD, "one leads", || several.leader());
        history_holds(&writing.history, &several, &all);
        rows_hold(&server, &all);
        quotas_hold(&mut client, &subnet, &all);
        Ok(())
    });
}

#[expect(clippy::print_stderr, reason = "what was measured")]
fn tell(what: &str) {
    eprintln!("{what}");
}

#[test]
fn schedulers_that_are_killed_under_load_lose_nothing_and_nobody_waits_for_long() {
    let count = if extent() == Extent::Few { 4 } else { 60 };
    let test = "schedulers_that_are_killed_under_load_lose_nothing_and_nobody_waits_for_long";
    survives(test, &blows(count, |_| Blow::Kill), Some(UNAVAILABLE));
}

#[test]
fn schedulers_that_are_killed_or_stopped_under_load_lose_nothing() {
    let count = if extent() == Extent::Few { 4 } else { 60 };
    let test = "schedulers_that_are_killed_or_stopped_under_load_lose_nothing";
    let kind = |chance: &mut Chance| match chance.below(3) {
        0 => Blow::Kill,
        // Shorter and longer than it takes until the others hold it for gone.
        _ => Blow::Stop(500 + chance.below(9_000)),
    };
    survives(test, &blows(count, kind), None);
}
