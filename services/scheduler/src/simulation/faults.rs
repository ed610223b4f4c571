//! What goes wrong, by chance.

use super::{agent::Condition, world::World};

/// Something that happens.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Fault {
    /// An agent's process ends, and its host goes on.
    Kill,
    /// An agent's host is gone.
    PowerOff,
    /// What is dead comes back with what it knew.
    Return,
    /// The same, as a host that was installed anew.
    ReturnEmpty,
    /// An agent's process is another one at once.
    Restart,
    /// No packet comes through to an agent or from it.
    Cut,
    Heal,
    Slow,
    Late,
    FailDeploys,
    LoseDriver,
    /// An operator takes an agent out, or puts it in again.
    Switch,
    /// All of this agent is well again.
    Recover,
    /// Many agents die at once.
    Storm,
    StopScheduler,
    KillScheduler,
}

/// How often each happens, of all.
const FAULTS: [(Fault, u64); 16] = [
    (Fault::Kill, 10),
    (Fault::PowerOff, 8),
    (Fault::Return, 16),
    (Fault::ReturnEmpty, 4),
    (Fault::Restart, 6),
    (Fault::Cut, 10),
    (Fault::Heal, 12),
    (Fault::Slow, 6),
    (Fault::Late, 6),
    (Fault::FailDeploys, 5),
    (Fault::LoseDriver, 5),
    (Fault::Switch, 6),
    (Fault::Recover, 12),
    (Fault::Storm, 2),
    (Fault::StopScheduler, 5),
    (Fault::KillScheduler, 4),
];

impl World {
    /// Something goes wrong, or well again.
    pub(super) fn strike(&mut self) {
        let all: u64 = FAULTS.iter().map(|(_, often)| often).sum();
        let mut drawn = self.dice.below(all);
        let chosen = FAULTS.into_iter().find(|(_, often)| match drawn.checked_sub(*often) {
            Some(rest) => {
                drawn = rest;
                false
            }
            None => true,
        });
        let (Some((fault, _)), Some(victim)) = (chosen, self.dice.index(self.agents.len())) else { return };
        self.log(&format!("{fault:?} of {victim}"));
        self.struck.push(format!("{fault:?} of {victim}"));
        self.inflict(fault, victim);
    }

    fn inflict(&mut self, fault: Fault, victim: usize) {
        let (now, until) = (self.now, if self.dice.percent(50) { 6_000 } else { 120_000 });
        let amount = self.dice.between(2_000, 14_000);
        let Some(agent) = self.agents.get_mut(victim) else { return };
        match fault {
            Fault::Kill | Fault::PowerOff if agent.condition.lives => agent.die(now, fault == Fault::PowerOff),
            Fault::Return | Fault::ReturnEmpty if !agent.condition.lives => agent.begin(now, fault == Fault::Return),
            Fault::Restart if agent.condition.lives => {
                agent.die(now, false);
                agent.begin(now, true);
            }
            Fault::Cut if agent.condition.lives => agent.be_cut(now, until),
            Fault::Heal => agent.condition.cut = false,
            Fault::Slow => agent.condition.slow = amount,
            Fault::Late => agent.condition.late = amount,
            Fault::FailDeploys => agent.condition.fails = true,
            Fault::LoseDriver => agent.condition.driver = false,
            Fault::Switch => agent.condition.on = !agent.condition.on,
            Fault::Recover => self.recover(victim),
            Fault::Storm => {
                let percent = self.dice.between(30, 90);
                self.storm(percent);
            }
            Fault::StopScheduler => self.stop_scheduler(),
            Fault::KillScheduler => self.kill_scheduler(),
            Fault::Kill | Fault::PowerOff | Fault::Return | Fault::ReturnEmpty | Fault::Restart | Fault::Cut => {}
        }
    }

    /// It is well from now on.
    pub(super) fn recover(&mut self, victim: usize) {
        let Some(agent) = self.agents.get_mut(victim) else { return };
        if !agent.condition.lives {
            agent.begin(self.now, true);
        }
        agent.condition = Condition::WELL;
    }

    /// So many of a hundred die at once; those that did.
    pub(super) fn storm(&mut self, percent: u64) -> Vec<usize> {
        let living: Vec<usize> = (0..self.agents.len()).filter(|at| self.agents[*at].condition.lives).collect();
        let struck: Vec<usize> = living.into_iter().filter(|_| self.dice.percent(percent)).collect();
        for at in &struck {
            self.agents[*at].die(self.now, true);
        }
        struck
    }

    /// A process is stopped somewhere in what it does, for some time.
    fn stop_scheduler(&mut self) {
        let (Some(at), after) = (self.dice.index(self.machines.len()), self.dice.below(40)) else { return };
        let (now, lasts) = (self.now, self.dice.between(500, 40_000));
        if let Some(machine) = self.machines[at].as_mut().filter(|one| one.stopped.is_none()) {
            machine.stop(now, after);
            self.resumes.insert(at, now + lasts);
        }
    }

    /// A process is killed, and another one started some time later.
    fn kill_scheduler(&mut self) {
        let Some(at) = self.dice.index(self.machines.len()) else { return };
        let (now, after) = (self.now, self.dice.below(40));
        let Some(mut machine) = self.machines[at].take() else { return };
        if machine.stopped.is_none() {
            machine.stop(now, after);
        }
        self.resumes.insert(at, now + self.dice.between(1_000, 15_000));
    }
}
