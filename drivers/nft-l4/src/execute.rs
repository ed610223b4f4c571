//! Does what was planned, step by step, and says how long each took. It decides nothing.

use std::time::Instant;

use ballast_abi::steps::step as told;
use ballast_failpoint as failpoint;
use ballast_namespace::{
    execute,
    failure::Failure,
    files::{Files, make_directory},
    plan::Planned,
};

use crate::{desired::Desired, plan::Step, state::State};

/// Everything that steps of one load balancer work with.
pub(crate) struct Work<'a> {
    pub(crate) id: &'a str,
    pub(crate) files: &'a Files,
    /// What every driver's steps work with.
    pub(crate) host: execute::Work<'a>,
}

impl Work<'_> {
    /// Brings up. The first step that fails ends it; what was done stays, and the next pass observes it. `target`: `None`
    /// where there is no VIP.
    pub(crate) fn bring_up(
        &mut self,
        steps: &[Planned<Step>],
        desired: &Desired,
        target: Option<execute::Target<'_>>,
    ) -> Result<(), Failure> {
        for Planned { step, why } in steps {
            failpoint::before("bring up", step);
            let start = Instant::now();
            let take = || match (step, target) {
                (Step::NoteIntent, _) => self.note(0, desired),
                (Step::NoteDone, _) => self.note(desired.generation, desired),
                (Step::Host(step), Some(target)) => self.host.step(step, target),
                (Step::Host(_) | Step::RemoveDirectory, _) => self.undo(step),
            };
            let result = told(|| failpoint::name(step), take);
            let microseconds = start.elapsed().as_micros();
            tracing::debug!(load_balancer = %self.id, microseconds, ?step, "{why}");
            result?;
        }
        failpoint::at("bring up: all steps are done");
        Ok(())
    }

    /// Takes away. Each step is tried, whatever became of the others: as little as possible is to be left.
    pub(crate) fn take_away(&mut self, steps: &[Planned<Step>]) -> Result<(), Failure> {
        let mut failures = Vec::new();
        for Planned { step, .. } in steps {
            // While something is left its notes are needed.
            if *step == Step::RemoveDirectory && !failures.is_empty() {
                break;
            }
            failpoint::before("take away", step);
            failures.extend(self.undo(step).err());
        }
        failpoint::at("take away: all steps are done");
        Failure::gather(failures)
    }

    fn undo(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Host(step) => self.host.undo(step),
            Step::RemoveDirectory => self.files.remove(),
            Step::NoteIntent | Step::NoteDone => Ok(()),
        }
    }

    fn note(&mut self, generation: u64, desired: &Desired) -> Result<(), Failure> {
        make_directory(&self.files.directory, 0o700)?;
        failpoint::at("files: the directory is made");
        State { generation, plug: desired.plug.clone(), silent: desired.silent }.write(self.files)
    }
}
