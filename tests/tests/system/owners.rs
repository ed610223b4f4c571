//! An address has one owner: whoever lost it, and cannot be told, hears of the next one on the network and lets go.
//!
//! The way to the scheduler is cut by rules of the kernel on the agent's host. The network of the load balancers goes on.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeSet,
    process::Command,
    thread,
    time::{Duration, Instant},
};

use ballast_lab::{Lab, Signal, in_lab, poll_until, require_tool, wait_until};
use ballast_netns::{
    announce::Announcement,
    claims::{Ask, listen},
    link,
    netlink::Netlink,
};
use ballast_tests::{
    PATIENCE,
    pki::Pki,
    site::{Plan, Setting, Site},
};

/// Where the scheduler answers to the agents' hosts.
const ADDRESS: &str = "10.20.0.1";
/// Dead after so long, in milliseconds.
const DEAD: u32 = 3_000;

fn certificate(service: &'static str, pki: &Pki, name: &str) -> [Setting; 2] {
    [
        (service, "BALLAST_TLS__CERT", pki.file(&format!("{name}.pem"))),
        (service, "BALLAST_TLS__KEY", pki.file(&format!("{name}.key"))),
    ]
}

/// What goes to the scheduler, what comes from it, or both.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Way {
    There,
    Back,
    Both,
}

/// Two hosts, and one load balancer on one of them.
struct Story {
    site: Site,
    pool: String,
    address: String,
    /// Who has it, and who is to.
    former: usize,
    next: usize,
}

impl Story {
    fn begin(lab: &Lab) -> Self {
        let pki = Pki::init(&lab.dir().join("pki"));
        pki.issue(&format!("scheduler --ip 127.0.0.1 --ip {ADDRESS}"));
        for name in ["gateway", "agent --host agent-1", "agent --host agent-2"] {
            pki.issue(name);
        }
        let mut environment = vec![
            ("ballast-scheduler", "BALLAST_SCHEDULER__LISTEN", "0.0.0.0:9697".to_owned()),
            ("ballast-api-gateway", "BALLAST_GATEWAY__SCHEDULER", "127.0.0.1:9697".to_owned()),
            ("", "BALLAST_AGENT__SCHEDULERS", format!("{ADDRESS}:9697")),
            ("", "BALLAST_TLS__CA", pki.file("ca.pem")),
        ];
        environment.extend(certificate("ballast-scheduler", &pki, "scheduler"));
        environment.extend(certificate("ballast-api-gateway", &pki, "gateway"));
        environment.extend(certificate("agent-1", &pki, "agent-agent-1"));
        environment.extend(certificate("agent-2", &pki, "agent-agent-2"));
        let liveness = (500, 1_500, DEAD);
        let mut site =
            Site::start(lab, &Plan { agents: 0, webs: 2, environment, liveness, ..Plan::default() }).unwrap();
        let words = ["address", "add", &format!("{ADDRESS}/24"), "dev", "net"];
        assert!(Command::new("ip").args(words).status().unwrap().success());
        for (agent, name) in ["agent-1", "agent-2"].into_iter().enumerate() {
            site.add_agent_host(lab, name).unwrap();
            site.agents[agent].host.address("br-data", &format!("10.20.0.{}/24", 21 + agent)).unwrap();
            site.start_agent(agent);
        }
        site.wait_for_agents(2);
        let (pool, address) = site.make_load_balancer("web");
        let runs = |host: &usize| site.haproxies(*host).len() == 1;
        let former = wait_until(PATIENCE, "one host with the haproxy", || (0..2).find(runs));
        let story = Self { site, pool, address, former, next: 1 - former };
        wait_until(PATIENCE, "a warden", || story.warden(former));
        wait_until(PATIENCE, "a warden that listens", || story.is_watched(former).then_some(()));
        story
    }

    /// Whether somebody listens for ARP in its namespace on a host.
    fn is_watched(&self, agent: usize) -> bool {
        let namespace = format!("qlbaas-{}", self.pool);
        let open = self.host(agent).output("ip", ["netns", "exec", &namespace, "cat", "/proc/net/packet"]);
        open.is_ok_and(|open| open.lines().any(|line| line.split_whitespace().nth(3) == Some("0806")))
    }

    fn host(&self, agent: usize) -> &ballast_lab::Host {
        &self.site.agents[agent].host
    }

    fn cut(&self, agent: usize, way: Way) {
        let mut rules = "add table inet cut\n".to_owned();
        for (hook, match_, is) in [("output", "dport", way != Way::Back), ("input", "sport", way != Way::There)] {
            if is {
                rules.push_str(&format!("add chain inet cut {hook} {{ type filter hook {hook} priority 0; }}\n"));
                rules.push_str(&format!("add rule inet cut {hook} tcp {match_} 9697 drop\n"));
            }
        }
        let file = self.site.agent_state(agent).join("cut.nft");
        std::fs::write(&file, rules).unwrap();
        self.host(agent).output("nft", ["-f", file.to_str().unwrap()]).unwrap();
    }

    fn heal(&self, agent: usize) {
        self.host(agent).output("nft", ["delete", "table", "inet", "cut"]).unwrap();
    }

    /// The warden's process on a host.
    fn warden(&self, agent: usize) -> Option<i32> {
        let remains = self.host(agent).remains().unwrap();
        let is_it = |line: &str| line.starts_with("ballast-agent warden");
        remains.processes.iter().find(|process| is_it(&process.command_line)).map(|process| process.pid)
    }

    /// Whether the load balancer answers on a host: its link is up there, with its address.
    fn answers_on(&self, agent: usize) -> bool {
        let namespace = format!("qlbaas-{}", self.pool);
        let shown = self.host(agent).output("ip", ["netns", "exec", &namespace, "ip", "-br", "address"]);
        shown.is_ok_and(|shown| {
            shown.lines().any(|line| line.starts_with("ns-") && line.contains(" UP ") && line.contains(&self.address))
        })
    }

    /// The MAC address of the load balancer's link, as it is on this host.
    fn mac(&self, agent: usize) -> [u8; 6] {
        let namespace = format!("qlbaas-{}", self.pool);
        let shown = self.host(agent).output("ip", ["netns", "exec", &namespace, "ip", "-br", "link"]).unwrap();
        let line = shown.lines().find(|line| line.starts_with("ns-")).unwrap();
        let mac = line.split_whitespace().nth(2).unwrap();
        let bytes: Vec<u8> = mac.split(':').map(|byte| u8::from_str_radix(byte, 16).unwrap()).collect();
        bytes.try_into().unwrap()
    }

    /// Waits until the next one answers, and says how long after that the former one does no more.
    fn moves(&self) -> Duration {
        wait_until(PATIENCE, "the next one answers", || self.answers_on(self.next).then_some(()));
        let begin = Instant::now();
        wait_until(PATIENCE, "the former one lets go", || (!self.answers_on(self.former)).then_some(()));
        begin.elapsed()
    }

    /// Of so many requests none is lost.
    fn serves(&self, requests: usize) {
        for number in 0..requests {
            assert!(self.site.ask(&self.address).is_some(), "request {number} of {requests}");
        }
    }

    /// The former one is there again, and has nothing left.
    fn is_clean(&self) {
        self.site.wait_until_clean(self.former);
        assert!(self.answers_on(self.next));
        self.serves(20);
    }

    fn logged(&self, agent: usize) -> String {
        self.site.logged(&self.site.agents[agent].name)
    }

    /// Somebody on the network says that the address is theirs.
    fn spoof(&self, mac: [u8; 6]) {
        let index = link::require(&mut Netlink::open().unwrap(), "net").unwrap().index;
        let address = self.address.parse().unwrap();
        Announcement::prepare("net", index, mac, address).unwrap().send().unwrap();
    }
}

const STRANGER: [u8; 6] = [0x02, 0, 0, 0, 0x66, 0x66];

fn tools(test: &str) -> bool {
    ["haproxy", "nft"].iter().all(|tool| require_tool(tool, test))
}

fn is_cut_off(way: Way) {
    in_lab(|lab| {
        let story = Story::begin(lab);
        story.cut(story.former, way);
        let took = story.moves();
        assert!(took < Duration::from_secs(3), "two owners for {took:?}");
        story.serves(20);
        // It asks before it plugs in again, and hears who has it.
        let said = || story.logged(story.former).contains("another host answers at").then_some(());
        wait_until(PATIENCE, "it asks", said);
        assert!(!story.answers_on(story.former));
        story.heal(story.former);
        story.is_clean();
        Ok(())
    });
}

#[test]
fn who_is_cut_off_from_the_scheduler_lets_go_when_another_has_taken_over() {
    let test = "who_is_cut_off_from_the_scheduler_lets_go_when_another_has_taken_over";
    if tools(test) {
        is_cut_off(Way::Both);
    }
}

#[test]
fn who_hears_the_scheduler_and_is_not_heard_lets_go_too() {
    if tools("who_hears_the_scheduler_and_is_not_heard_lets_go_too") {
        is_cut_off(Way::There);
    }
}

#[test]
fn who_does_not_hear_the_scheduler_lets_go_when_another_has_taken_over() {
    if !tools("who_does_not_hear_the_scheduler_lets_go_when_another_has_taken_over") {
        return;
    }
    in_lab(|lab| {
        let story = Story::begin(lab);
        story.cut(story.former, Way::Back);
        // Nothing is acknowledged, so the stream breaks after a while: then it is as any that is cut off.
        let took = story.moves();
        assert!(took < Duration::from_secs(3), "two owners for {took:?}");
        story.heal(story.former);
        story.is_clean();
        Ok(())
    });
}

#[test]
fn an_agent_that_is_killed_alone_hands_over_and_its_warden_lets_go() {
    let test = "an_agent_that_is_killed_alone_hands_over_and_its_warden_lets_go";
    if !tools(test) {
        return;
    }
    in_lab(|lab| {
        let mut story = Story::begin(lab);
        let former = story.former;
        let warden = story.warden(former);
        story.site.kill_agent(former);
        story.serves(5);
        let took = story.moves();
        assert!(took < Duration::from_secs(3), "two owners for {took:?}");
        story.serves(20);
        assert_eq!(story.warden(former), warden, "it outlives the agent");
        story.site.start_agent(former);
        story.is_clean();
        Ok(())
    });
}

#[test]
fn an_agent_that_stands_still_lets_go_too() {
    if !tools("an_agent_that_stands_still_lets_go_too") {
        return;
    }
    in_lab(|lab| {
        let mut story = Story::begin(lab);
        let former = story.former;
        story.site.signal_agent(former, Signal::SIGSTOP);
        let took = story.moves();
        assert!(took < Duration::from_secs(3), "two owners for {took:?}");
        story.serves(20);
        story.site.signal_agent(former, Signal::SIGCONT);
        story.is_clean();
        Ok(())
    });
}

#[test]
fn a_scheduler_that_is_away_takes_nothing_from_anybody() {
    if !tools("a_scheduler_that_is_away_takes_nothing_from_anybody") {
        return;
    }
    in_lab(|lab| {
        let mut story = Story::begin(lab);
        story.site.scheduler.take().unwrap().kill()?;
        thread::sleep(Duration::from_millis(3 * u64::from(DEAD)));
        assert!(story.answers_on(story.former));
        story.serves(10);
        story.site.kill_agent(story.former);
        story.site.start_agent(story.former);
        thread::sleep(Duration::from_secs(3));
        assert!(story.answers_on(story.former), "an agent that starts anew neither");
        story.serves(10);
        Ok(())
    });
}

#[test]
fn who_says_that_an_address_is_theirs_while_the_agent_is_confirmed_is_answered_and_told_of() {
    let test = "who_says_that_an_address_is_theirs_while_the_agent_is_confirmed_is_answered_and_told_of";
    if !tools(test) {
        return;
    }
    in_lab(|lab| {
        let story = Story::begin(lab);
        story.spoof(STRANGER);
        let said = || story.site.logged("ballast-scheduler").contains("02:00:00:00:66:66 says that").then_some(());
        wait_until(PATIENCE, "the scheduler is told", said);
        // The client believes the stranger until the address is announced again.
        wait_until(Duration::from_secs(5), "traffic again", || story.site.ask(&story.address));
        assert!(story.answers_on(story.former));
        story.serves(10);
        Ok(())
    });
}

/// What remains of a host that was switched off: nothing that runs, and its disk.
fn switch_off(story: &mut Story, agent: usize) {
    story.site.kill_agent(agent);
    let warden = story.warden(agent);
    for pid in story.site.haproxies(agent).into_iter().chain(warden) {
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    }
    let listed = story.host(agent).output("ip", ["netns", "list"]).unwrap();
    for name in listed.lines().filter_map(|line| line.split_whitespace().next()) {
        story.host(agent).output("ip", ["netns", "delete", name]).unwrap();
    }
    let gone = || story.site.haproxies(agent).is_empty().then_some(());
    wait_until(PATIENCE, "nothing runs there", gone);
}

#[test]
fn a_host_that_boots_without_a_scheduler_asks_before_it_answers_and_takes_over_when_nobody_does() {
    let test = "a_host_that_boots_without_a_scheduler_asks_before_it_answers_and_takes_over_when_nobody_does";
    if !tools(test) {
        return;
    }
    in_lab(|lab| {
        let mut story = Story::begin(lab);
        let (former, next) = (story.former, story.next);
        switch_off(&mut story, former);
        wait_until(PATIENCE, "the next one answers", || story.answers_on(next).then_some(()));
        story.cut(former, Way::Both);
        story.site.start_agent(former);
        let said = || story.logged(former).contains("another host answers at").then_some(());
        wait_until(PATIENCE, "it asks", said);
        for _ in 0..20 {
            assert!(!story.answers_on(former));
            assert!(story.site.ask(&story.address).is_some());
        }
        // Nobody has it any more, and nobody can say whose it is.
        story.site.scheduler.take().unwrap().kill()?;
        switch_off(&mut story, next);
        wait_until(PATIENCE, "it takes over by itself", || story.answers_on(former).then_some(()));
        story.site.wait_for_traffic(&story.address);
        story.heal(former);
        Ok(())
    });
}

/// Once the former one has let go, its switch or router may have forgotten where the address is: it is said again.
#[test]
fn the_next_one_is_heard_every_five_seconds_until_the_former_one_has_confirmed_and_once_more_then() {
    let test = "the_next_one_is_heard_every_five_seconds_until_the_former_one_has_confirmed_and_once_more_then";
    if !tools(test) {
        return;
    }
    in_lab(|lab| {
        let mut story = Story::begin(lab);
        let (former, next) = (story.former, story.next);
        switch_off(&mut story, former);
        wait_until(PATIENCE, "the next one answers", || story.answers_on(next).then_some(()));
        // What it asks its members is none.
        let addresses = BTreeSet::from([story.address.parse()?]);
        let ears = listen("net", story.mac(next), &addresses, Ask::Owners)?;
        let hear = |time: Duration| poll_until(time, || ears.iter().find_map(|ear| ear.hear().ok().flatten()));
        // Those of its beginning are over.
        thread::sleep(Duration::from_secs(2));
        while ears.iter().any(|ear| ear.hear().is_ok()) {}
        for _ in 0..2 {
            assert!(hear(Duration::from_secs(8)).is_some(), "it is not announced again");
        }
        story.site.start_agent(former);
        story.site.wait_until_clean(former);
        thread::sleep(Duration::from_secs(3));
        while ears.iter().any(|ear| ear.hear().is_ok()) {}
        assert!(hear(Duration::from_secs(8)).is_none(), "nobody contests it any more");
        Ok(())
    });
}
