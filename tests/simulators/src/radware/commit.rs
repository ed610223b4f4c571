//! From what is staged to what runs, and from there to flash: both take time, and one buffer serves everybody.
//!
//! An apply takes what is staged when it begins, by whomever. It makes all of it run or nothing; when it has failed, what was
//! staged stays. Its outcome is held until somebody writes "idle".

use std::time::Duration;

use super::{Alteon, Release, checks, configuration::Configuration, error::Refused};
use crate::World;

const IDLE: u8 = 2;
const IN_PROGRESS: u8 = 3;
const COMPLETE: u8 = 4;
const FAILED: u8 = 5;
const WARNED: u8 = 6;
pub(super) const DIFF_IDLE: u8 = 3;
pub(super) const DIFF_COMPLETE: u8 = 5;

/// How long a commit takes: both must be over.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Pace {
    pub time: Duration,
    /// How often it is looked at and found in progress.
    pub looks: usize,
}

/// How one commit ends, whatever the device would say.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Verdict {
    /// Nothing changes; with the lines that tell why.
    Failed(Vec<String>),
    /// It is done; with the lines that warn.
    Warned(Vec<String>),
}

/// An apply or a save.
#[derive(Clone, Debug, Default)]
pub(super) struct Work {
    stage: Stage,
    /// What the table of its outcome says.
    pub(super) lines: Vec<String>,
    pub(super) pace: Pace,
    pub(super) verdict: Option<Verdict>,
}

#[derive(Clone, Debug, Default)]
enum Stage {
    #[default]
    Idle,
    Running {
        until: Duration,
        looks: usize,
        state: u8,
        /// What is taken over at the end.
        taken: Option<Box<Configuration>>,
    },
    Held(u8),
}

impl Work {
    fn start(&mut self, now: Duration, state: u8, taken: Option<Configuration>) {
        let (until, looks) = (now + self.pace.time, self.pace.looks);
        self.stage = Stage::Running { until, looks, state, taken: taken.map(Box::new) };
    }

    pub(super) fn is_running(&self) -> bool {
        matches!(self.stage, Stage::Running { .. })
    }

    pub(super) fn is_idle(&self) -> bool {
        matches!(self.stage, Stage::Idle)
    }

    /// Its state, to somebody who asks.
    pub(super) fn looked_at(&mut self) -> u8 {
        match &mut self.stage {
            Stage::Idle => IDLE,
            Stage::Running { looks, .. } => {
                *looks = looks.saturating_sub(1);
                IN_PROGRESS
            }
            Stage::Held(state) => *state,
        }
    }

    pub(super) fn release(&mut self) -> Result<(), Refused> {
        if self.is_running() {
            return Err(Refused::other("It is in progress"));
        }
        self.stage = Stage::Idle;
        self.lines.clear();
        Ok(())
    }

    /// What is to be taken over, when it is over.
    fn ended(&mut self, now: Option<Duration>) -> Option<(u8, Option<Configuration>)> {
        let Stage::Running { until, looks, state, taken } = &mut self.stage else { return None };
        if now.is_some_and(|now| *looks > 0 || now < *until) {
            return None;
        }
        let ended = (*state, taken.take().map(|taken| *taken));
        self.stage = Stage::Held(ended.0);
        Some(ended)
    }

    fn may_start(&self, needs_idle: bool) -> Result<(), Refused> {
        match self.stage {
            Stage::Running { .. } => Err(Refused::other("It is in progress")),
            Stage::Held(_) if needs_idle => Err(Refused::other("The outcome of the last one has not been read")),
            Stage::Idle | Stage::Held(_) => Ok(()),
        }
    }

    /// Off and on again.
    pub(super) fn forget(&mut self) {
        self.stage = Stage::Idle;
        self.lines.clear();
    }

    fn judge(&mut self, errors: Vec<String>, warnings: Vec<String>) -> u8 {
        let (state, lines) = match self.verdict.take() {
            Some(Verdict::Failed(lines)) => (FAILED, lines),
            Some(Verdict::Warned(lines)) => (WARNED, lines),
            None if !errors.is_empty() => (FAILED, errors),
            None if !warnings.is_empty() => (WARNED, warnings),
            None => (COMPLETE, Vec::new()),
        };
        self.lines = lines;
        state
    }
}

impl Alteon {
    pub(super) fn start_apply(&mut self, needs_idle: bool, world: &World<'_>) -> Result<(), Refused> {
        self.unit.apply.may_start(needs_idle)?;
        if self.unit.save.is_running() {
            return Err(Refused::other("A save is in progress"));
        }
        let mut taken = self.unit.staged.clone();
        taken.drop_empty(&self.schema);
        let (errors, warnings) = checks::check(&taken, &self.schema, &self.assumptions);
        let mut state = self.unit.apply.judge(errors, warnings);
        if self.schema.release == Release::Old && state == WARNED {
            state = COMPLETE;
        }
        self.unit.apply.start(world.now, state, (state != FAILED).then_some(taken));
        self.settle(world.now);
        Ok(())
    }

    pub(super) fn start_save(&mut self, needs_idle: bool, world: &World<'_>) -> Result<(), Refused> {
        self.unit.save.may_start(needs_idle)?;
        if self.unit.apply.is_running() {
            return Err(Refused::other("An apply is in progress"));
        }
        let state = self.unit.save.judge(Vec::new(), Vec::new());
        let taken = (state != FAILED).then(|| self.unit.applied.clone());
        self.unit.save.start(world.now, state, taken);
        self.settle(world.now);
        Ok(())
    }

    /// Ends what has taken its time.
    pub(super) fn settle(&mut self, now: Duration) {
        self.end(Some(now));
    }

    /// Ends what is in progress, however long it was to take.
    pub(super) fn end(&mut self, now: Option<Duration>) {
        if let Some((_, taken)) = self.unit.apply.ended(now) {
            if let Some(taken) = taken {
                self.unit.staged.drop_empty(&self.schema);
                self.unit.applied = taken;
                if self.running_scalar("slbNewCfgSyncAutosync") == 1 {
                    self.synchronise();
                }
            }
            self.unit.refused_writes = self.assumptions.refused_after_apply;
        }
        if let Some((_, Some(taken))) = self.unit.save.ended(now) {
            self.unit.flash = taken;
        }
    }

    /// Everybody's staged changes are gone.
    pub(super) fn revert(&mut self) {
        self.unit.staged = self.unit.applied.clone();
    }

    pub(super) fn revert_apply(&mut self) {
        self.unit.staged = self.unit.flash.clone();
        if self.assumptions.revert_apply_runs {
            self.unit.applied = self.unit.flash.clone();
        }
    }

    /// 1 compares what is staged with what runs, 2 that with flash, 3 forgets the outcome.
    pub(super) fn compare(&mut self, state: i64) {
        self.unit.diff = (state != 3).then(|| self.differences(state == 2));
    }

    fn differences(&self, flash: bool) -> Vec<String> {
        let unit = &self.unit;
        let (new, old) = if flash { (&unit.applied, &unit.flash) } else { (&unit.staged, &unit.applied) };
        let line = |path: String| match (new.has(&path), old.has(&path)) {
            (true, false) => format!("+ {path}"),
            (false, true) => format!("- {path}"),
            _ => format!("* {path}"),
        };
        new.differences(&self.schema, old).into_iter().map(line).collect()
    }

    pub(super) fn difference_text(&self, flash: bool) -> String {
        self.differences(flash).join("\n")
    }
}
