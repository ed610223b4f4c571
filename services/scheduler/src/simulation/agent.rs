//! An agent that is played: it keeps to the protocol, and has no drivers. What it "runs" is what would answer.

use std::{
    collections::{BTreeMap, BTreeSet},
    mem,
};

use ballast_model::features::SHAPES;
use ballast_proto::{
    agent::{
        AgentMessage, Deployed, Desired, DriverReport, DriverState, Heartbeat, Hello, Outcome, Remove, Removed,
        SchedulerMessage, agent_message, scheduler_message::Message,
    },
    driver::{Capabilities, Fault},
};
use tokio::sync::mpsc::error::TryRecvError;
use tonic::Status;

use super::{
    dice::drawn_for,
    machine::{Down, Machine, Slot, Up},
};

pub(super) const DRIVER: &str = "d";
const HEARTBEAT: u64 = 5_000;
/// How long a scheduler that does not answer is waited for.
const PATIENCE: u64 = 6_000;
/// Until what failed is tried again.
const AGAIN: u64 = 5_000;
const FEATURES: [&str; 4] = ["protocol:TCP", "protocol:HTTP", "lb_method:ROUND_ROBIN", "lb_method:SOURCE_IP"];

/// A load balancer that it runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Runs {
    pub(super) epoch: u64,
    pub(super) generation: u64,
    /// At which it answers; empty: at none.
    pub(super) address: String,
}

/// What it is to do with a load balancer; the newest counts.
#[derive(Debug, Clone, PartialEq, Eq)]
enum Goal {
    Run(Runs),
    Remove(u64),
}

/// Its side of the connection.
#[derive(Default)]
enum Link {
    #[default]
    None,
    Dialling {
        machine: usize,
        number: u64,
        up: Up,
        opened: Slot<Result<Down, Status>>,
        until: u64,
    },
    Open {
        machine: usize,
        number: u64,
        up: Up,
        down: Down,
        heard_at: u64,
    },
}

/// How it fares.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Condition {
    /// Its process runs.
    pub(super) lives: bool,
    /// Its host does: what it had goes on without the agent.
    pub(super) serves: bool,
    /// No packet comes or goes.
    pub(super) cut: bool,
    /// Milliseconds that a heartbeat is late.
    pub(super) late: u64,
    /// Milliseconds that a deploy takes at most.
    pub(super) slow: u64,
    /// No deploy succeeds.
    pub(super) fails: bool,
    /// Its driver is there.
    pub(super) driver: bool,
    /// As an operator wants it.
    pub(super) on: bool,
}

impl Condition {
    pub(super) const WELL: Self =
        Self { lives: true, serves: true, cut: false, late: 0, slow: 300, fails: false, driver: true, on: true };
}

pub(super) struct Agent {
    seed: u64,
    pub(super) host: String,
    /// As the scheduler calls it; empty: they have not met.
    pub(super) id: String,
    instance: u64,
    /// Load balancers that it takes; 0: any number.
    pub(super) most: u32,
    pub(super) condition: Condition,
    link: Link,
    /// Connections that it has lost, and of which the other side has not heard yet: until when.
    ghosts: Vec<(u64, Up, Down)>,
    pub(super) runs: BTreeMap<String, Runs>,
    goals: BTreeMap<String, Goal>,
    /// What is to be done, and when.
    due: BTreeSet<(u64, String)>,
    /// What the snapshot names that is coming.
    named: Option<BTreeSet<String>>,
    next_heartbeat: u64,
    next_dial: u64,
    prefers: usize,
    beats: u64,
    /// When it was last not as an agent should be, or nobody heard of it.
    pub(super) unwell_at: u64,
}

impl Agent {
    pub(super) fn new(seed: u64, number: usize, most: u32) -> Self {
        Self {
            seed,
            host: format!("host-{number}"),
            id: String::new(),
            instance: 1,
            most,
            condition: Condition::WELL,
            link: Link::None,
            ghosts: Vec::new(),
            runs: BTreeMap::new(),
            goals: BTreeMap::new(),
            due: BTreeSet::new(),
            named: None,
            next_heartbeat: 0,
            next_dial: drawn_for(seed, &format!("first dial of {number}"), 3_000),
            prefers: number,
            beats: 0,
            unwell_at: 0,
        }
    }

    /// Whether it has a session with a scheduler that runs.
    pub(super) fn is_connected(&self, machines: &[Option<Machine>]) -> bool {
        match &self.link {
            Link::Open { machine, number, .. } => runs(machines, *machine, *number).is_some_and(|one| !one),
            Link::None | Link::Dialling { .. } => false,
        }
    }

    /// Its process ends; `silently`: the host is gone, and nobody is told.
    pub(super) fn die(&mut self, now: u64, silently: bool) {
        self.condition.lives = false;
        self.condition.serves = !silently;
        self.lose_link(now, if silently { PATIENCE } else { 0 });
    }

    /// Another process, with what its ledger says, or without.
    pub(super) fn begin(&mut self, now: u64, remembers: bool) {
        self.instance += 1;
        (self.condition.lives, self.condition.serves) = (true, true);
        self.due.clear();
        if remembers {
            // What was under way begins anew.
            self.due.extend(self.goals.keys().map(|id| (now + 500, id.clone())));
        } else {
            (self.runs, self.goals) = (BTreeMap::new(), BTreeMap::new());
        }
        self.next_dial = now + 100;
    }

    /// Nothing comes through from now on; the scheduler may hear of it after `until`.
    pub(super) fn be_cut(&mut self, now: u64, until: u64) {
        self.condition.cut = true;
        self.lose_link(now, until);
    }

    fn lose_link(&mut self, now: u64, after: u64) {
        if let Link::Open { up, down, .. } = mem::take(&mut self.link) {
            self.ghosts.push((now + after, up, down));
        }
        self.named = None;
        self.next_dial = self.next_dial.max(now + 200);
    }

    /// What it does at this time.
    pub(super) fn step(&mut self, now: u64, machines: &[Option<Machine>]) {
        self.ghosts.retain_mut(|(until, _, down)| {
            while down.try_recv().is_ok() {}
            *until > now
        });
        if !self.condition.lives {
            return;
        }
        self.work(now);
        if self.condition.cut {
            return;
        }
        match mem::take(&mut self.link) {
            Link::None => self.dial(now, machines),
            Link::Dialling { machine, number, up, opened, until } => {
                self.dialled(now, machines, Link::Dialling { machine, number, up, opened, until });
            }
            Link::Open { machine, number, up, down, heard_at } => {
                self.link = Link::Open { machine, number, up, down, heard_at };
                self.listen(now, machines);
            }
        }
        self.say_heartbeat(now);
    }

    fn dial(&mut self, now: u64, machines: &[Option<Machine>]) {
        if now < self.next_dial {
            return;
        }
        let at = self.prefers % machines.len();
        let Some(machine) = machines.get(at).and_then(Option::as_ref) else { return self.dial_next(now) };
        let deployed = self.runs.iter().map(|(id, runs)| Deployed {
            load_balancer_id: id.clone(),
            driver: DRIVER.to_owned(),
            epoch: runs.epoch,
            generation: runs.generation,
        });
        let hello = Hello {
            host: self.host.clone(),
            instance_id: format!("{} {}", self.host, self.instance),
            version: "1".to_owned(),
            deployed: deployed.collect(),
            drivers: self.drivers(),
            ..Hello::default()
        };
        let (up, opened) = machine.connect(hello);
        self.link = Link::Dialling { machine: at, number: machine.number, up, opened, until: now + PATIENCE };
    }

    fn dial_next(&mut self, now: u64) {
        self.prefers += 1;
        self.next_dial = now + 500 + drawn_for(self.seed, &format!("{} dials at {now}", self.host), 1_500);
    }

    fn dialled(&mut self, now: u64, machines: &[Option<Machine>], link: Link) {
        let Link::Dialling { machine, number, up, opened, until } = link else { return };
        let answer = opened.lock().unwrap().take();
        match answer {
            Some(Ok(down)) => self.link = Link::Open { machine, number, up, down, heard_at: now },
            Some(Err(_)) => self.dial_next(now),
            None if now >= until || runs(machines, machine, number).is_none() => self.dial_next(now),
            None => self.link = Link::Dialling { machine, number, up, opened, until },
        }
    }

    fn listen(&mut self, now: u64, machines: &[Option<Machine>]) {
        loop {
            let Link::Open { machine, number, down, heard_at, .. } = &mut self.link else { return };
            let stopped = runs(machines, *machine, *number);
            let received = if stopped == Some(false) { down.try_recv() } else { Err(TryRecvError::Empty) };
            match received {
                Ok(Ok(SchedulerMessage { message: Some(message) })) => {
                    *heard_at = now;
                    self.told(now, message);
                }
                Ok(Ok(SchedulerMessage { message: None })) => {}
                Ok(Err(_)) | Err(TryRecvError::Disconnected) => {
                    self.link = Link::None;
                    self.named = None;
                    return self.dial_next(now);
                }
                Err(TryRecvError::Empty) => {
                    if stopped.is_none() || stopped == Some(true) && now >= *heard_at + PATIENCE {
                        self.lose_link(now, PATIENCE);
                        self.dial_next(now);
                    } else if stopped == Some(false) {
                        *heard_at = now;
                    }
                    return;
                }
            }
        }
    }

    fn told(&mut self, now: u64, message: Message) {
        match message {
            Message::Welcome(welcome) => {
                self.id = welcome.agent_id;
                self.named = Some(BTreeSet::new());
                self.next_heartbeat = now;
            }
            Message::Desired(desired) => self.desired(now, &desired),
            Message::Remove(Remove { load_balancer_id, epoch, .. }) => self.remove(now, load_balancer_id, epoch),
            Message::SnapshotDone(_) => {
                let named = self.named.take().unwrap_or_default();
                let orphans: Vec<String> = self.runs.keys().filter(|id| !named.contains(*id)).cloned().collect();
                for id in orphans {
                    self.runs.remove(&id);
                    self.goals.remove(&id);
                }
            }
            Message::Drain(_) => {
                self.link = Link::None;
                self.dial_next(now);
            }
            Message::Foresee(_) | Message::Secrets(_) | Message::Schedulers(_) | Message::Heard(_) => {}
        }
    }

    fn desired(&mut self, now: u64, desired: &Desired) {
        let Some(load_balancer) = &desired.load_balancer else { return };
        let id = load_balancer.id.clone();
        let address = load_balancer.vip.as_ref().map(|vip| vip.address.clone()).unwrap_or_default();
        let wanted = Runs { epoch: desired.epoch, generation: desired.generation, address };
        self.name(&id);
        let is_older = match self.goals.get(&id) {
            Some(Goal::Run(known)) => (known.epoch, known.generation) > (wanted.epoch, wanted.generation),
            Some(Goal::Remove(epoch)) => *epoch >= wanted.epoch,
            None => false,
        };
        if is_older {
            return;
        }
        self.goals.insert(id.clone(), Goal::Run(wanted));
        self.due_in(now, id);
    }

    /// The snapshot names it.
    fn name(&mut self, id: &str) {
        self.named.iter_mut().for_each(|named| {
            named.insert(id.to_owned());
        });
    }

    fn remove(&mut self, now: u64, id: String, epoch: u64) {
        self.name(&id);
        match self.goals.get(&id) {
            // It is here again by a later placement: the former one is gone.
            Some(Goal::Run(known)) if known.epoch > epoch => self.removed(&id, epoch),
            _ => {
                self.goals.insert(id.clone(), Goal::Remove(epoch));
                self.due_in(now, id);
            }
        }
    }

    fn due_in(&mut self, now: u64, id: String) {
        let takes =
            20 + drawn_for(self.seed, &format!("{} {id} {:?}", self.host, self.goals.get(&id)), self.condition.slow);
        self.due.insert((now + takes, id));
    }

    fn work(&mut self, now: u64) {
        while self.due.first().is_some_and(|(at, _)| *at <= now) {
            let Some((_, id)) = self.due.pop_first() else { return };
            match self.goals.get(&id).cloned() {
                Some(Goal::Run(wanted)) if self.condition.fails || !self.condition.driver => {
                    self.ended(&id, &wanted, true);
                    self.due.insert((now + AGAIN, id));
                }
                Some(Goal::Run(wanted)) => {
                    self.ended(&id, &wanted, false);
                    self.runs.insert(id, wanted);
                }
                Some(Goal::Remove(epoch)) => {
                    self.goals.remove(&id);
                    self.runs.remove(&id);
                    self.removed(&id, epoch);
                }
                None => {}
            }
        }
    }

    fn ended(&self, id: &str, runs: &Runs, fails: bool) {
        let fault = || Fault { code: 1, retryable: true, message: "it fails".to_owned(), ..Fault::default() };
        self.say(agent_message::Message::Outcome(Outcome {
            load_balancer_id: id.to_owned(),
            epoch: runs.epoch,
            generation: runs.generation,
            fault: fails.then(fault),
            ..Outcome::default()
        }));
    }

    fn removed(&self, id: &str, epoch: u64) {
        let load_balancer_id = id.to_owned();
        self.say(agent_message::Message::Removed(Removed { load_balancer_id, epoch, ..Removed::default() }));
    }

    fn say_heartbeat(&mut self, now: u64) {
        if now < self.next_heartbeat || !matches!(self.link, Link::Open { .. }) {
            return;
        }
        self.next_heartbeat = now + HEARTBEAT + self.condition.late;
        self.beats += 1;
        self.say(agent_message::Message::Heartbeat(Heartbeat {
            drivers: self.drivers(),
            number: self.beats,
            ..Heartbeat::default()
        }));
    }

    /// What nobody hears is lost.
    fn say(&self, message: agent_message::Message) {
        if let (Link::Open { up, .. }, false) = (&self.link, self.condition.cut) {
            let _ = up.send(Ok(AgentMessage { message: Some(message) }));
        }
    }

    fn drivers(&self) -> Vec<DriverReport> {
        let state = if self.condition.driver { DriverState::Ready } else { DriverState::Failed };
        let capabilities = Capabilities {
            features: FEATURES.into_iter().chain(SHAPES).map(str::to_owned).collect(),
            max_load_balancers: self.most,
            ..Capabilities::default()
        };
        vec![DriverReport {
            name: DRIVER.to_owned(),
            version: "1".to_owned(),
            state: state.into(),
            digest: "d".to_owned(),
            capabilities: Some(capabilities),
            ..DriverReport::default()
        }]
    }
}

/// Whether that process of a scheduler is stopped; none: it is no more.
fn runs(machines: &[Option<Machine>], at: usize, number: u64) -> Option<bool> {
    let machine = machines.get(at)?.as_ref().filter(|one| one.number == number)?;
    Some(machine.stopped.is_some())
}
