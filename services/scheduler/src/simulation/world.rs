//! Schedulers, agents and tenants, and the time that goes on for all of them.

use std::collections::BTreeMap;

use super::{
    agent::Agent,
    dice::Dice,
    machine::{Machine, Site},
    tenants::Tenants,
};
use crate::app::Caller;

/// Milliseconds from one look to the next.
const STEP: u64 = 50;
const SECOND: u64 = 1_000;
/// Later than this a heartbeat makes an agent Suspect.
const LATE: u64 = 6_000;

pub(super) struct World {
    pub(super) site: Site,
    pub(super) dice: Dice,
    pub(super) now: u64,
    /// None: it was killed, and is not there again.
    pub(super) machines: Vec<Option<Machine>>,
    /// How many there ever were.
    ever: u64,
    /// When what is stopped goes on, and what was killed is there again.
    pub(super) resumes: BTreeMap<usize, u64>,
    pub(super) agents: Vec<Agent>,
    pub(super) tenants: Tenants,
    /// Whether an operator has it switched on, by its host, as was acknowledged.
    switched: BTreeMap<String, bool>,
    /// Where load balancers were when it was last looked.
    pub(super) owners: BTreeMap<String, String>,
    /// How often one went from one agent to another.
    pub(super) moves: u64,
    /// What went wrong, in its order.
    pub(super) struck: Vec<String>,
    loud: bool,
}

/// What is done now and then.
type Deed<'a> = &'a mut dyn FnMut(&mut World);

impl World {
    pub(super) fn new(site: Site, schedulers: usize, agents: Vec<Agent>, tenants: Tenants, loud: bool) -> Self {
        let mut world = Self {
            dice: Dice::new(site.seed, "world"),
            now: 0,
            machines: Vec::new(),
            ever: 0,
            resumes: BTreeMap::new(),
            agents,
            tenants,
            switched: BTreeMap::new(),
            owners: BTreeMap::new(),
            moves: 0,
            struck: Vec::new(),
            site,
            loud,
        };
        for _ in 0..schedulers {
            let machine = world.another();
            world.machines.push(Some(machine));
        }
        world
    }

    fn another(&mut self) -> Machine {
        self.ever += 1;
        Machine::start(&self.site, self.ever, self.now)
    }

    pub(super) fn log(&self, what: &str) {
        if self.loud {
            eprintln!("{:>8.2} {what}", self.now as f64 / 1e3);
        }
    }

    /// The run has failed.
    pub(super) fn fail(&self, why: &str) -> ! {
        let (seed, now) = (self.site.seed, self.now as f64 / 1e3);
        panic!("after {now} s: {why}\nBALLAST_SEED={seed} has it again")
    }

    /// What happens from now on does not depend on what came of what happened before.
    pub(super) fn begin_round(&mut self, round: u64) {
        self.dice = Dice::new(self.site.seed, &format!("world in round {round}"));
        self.tenants.begin_round(round);
        *self.site.round.lock().unwrap() = (round, self.now);
        self.log(&format!("round {round}"));
    }

    /// A scheduler that runs.
    pub(super) fn machine(&self) -> Option<&Machine> {
        self.machines.iter().flatten().find(|one| one.stopped.is_none())
    }

    /// All goes on a little.
    pub(super) fn step(&mut self) {
        self.now += STEP;
        let now = self.now;
        let due: Vec<usize> = self.resumes.iter().filter(|(_, at)| **at <= now).map(|(at, _)| *at).collect();
        for at in due {
            self.resume(at);
        }
        for machine in self.machines.iter_mut().flatten().filter(|one| one.stopped.is_none()) {
            machine.go_on(now);
        }
        for agent in &mut self.agents {
            agent.step(now, &self.machines);
            let condition = &agent.condition;
            let is_well =
                condition.lives && !condition.cut && condition.late < LATE && condition.driver && condition.on;
            if !is_well || !agent.is_connected(&self.machines) {
                agent.unwell_at = now;
            }
        }
        if let Err(why) = self.tenants.listen(&self.machines) {
            self.fail(&why);
        }
        if now.is_multiple_of(SECOND) {
            self.switch();
            self.look();
        }
    }

    /// What is stopped goes on, and what was killed is there again.
    pub(super) fn resume(&mut self, at: usize) {
        self.resumes.remove(&at);
        let now = self.now;
        match &mut self.machines[at] {
            Some(machine) => machine.go_on(now),
            None => self.machines[at] = Some(self.another()),
        }
        self.log(&format!("scheduler {at} goes on"));
    }

    /// Until then, with what is done each so many milliseconds at most.
    pub(super) fn run_until(&mut self, end: u64, mut each: Option<(u64, Deed<'_>)>) {
        let mut next = self.now;
        while self.now < end {
            self.step();
            if let Some((most, each)) = &mut each
                && self.now >= next
            {
                each(self);
                next = self.now + self.dice.between(STEP, *most);
            }
        }
    }

    /// Operators say to a scheduler which agents are to be on.
    fn switch(&mut self) {
        let Some(machine) = self.machines.iter().flatten().find(|one| one.stopped.is_none()) else { return };
        let operator = Caller { project_id: None, admin: true };
        for agent in self.agents.iter().filter(|agent| !agent.id.is_empty()) {
            let switched = self.switched.entry(agent.host.clone()).or_insert(true);
            let (Ok(id), on) = (agent.id.parse(), agent.condition.on) else { continue };
            if *switched != on && machine.ask(machine.app.update_agent(&operator, id, Some(on), None)).is_ok() {
                *switched = on;
            }
        }
    }
}
