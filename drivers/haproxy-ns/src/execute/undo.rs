//! The steps that take away.

use std::time::Duration;

use ballast_failpoint as failpoint;
use ballast_namespace::plan;

use super::{Order, Work};
use crate::{
    failure::{Failure, chain},
    haproxy::process,
    plan::{Planned, Step},
};

impl Work<'_> {
    /// Takes away. Each step is tried, whatever became of the others: as little as possible is to be left.
    pub(crate) fn take_away(&mut self, steps: &[Planned]) -> Result<(), Failure> {
        let mut failures = Vec::new();
        for planned in steps {
            // While something is left its notes are needed.
            if planned.step == Step::RemoveDirectory && !failures.is_empty() {
                break;
            }
            failpoint::before("take away", &planned.step);
            failures.extend(self.undo(&planned.step).err());
        }
        failpoint::at("take away: all steps are done");
        Failure::gather(failures)
    }

    pub(super) fn undo(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::Leave => self.leave(),
            Step::EndProcesses(pids) => self.end_processes(pids),
            Step::Host(of_host) => {
                if *of_host == plan::Step::DropNamespace {
                    self.pinger.remove(self.id);
                }
                self.host.undo(of_host)
            }
            Step::RemoveGroup => {
                // None of its own is in it any more, and somebody else's process does not keep a load balancer here.
                if let Err(error) = self.confinement.remove(self.id) {
                    tracing::warn!(load_balancer = %self.id, "its control group is left: {error}");
                }
                Ok(())
            }
            Step::RemoveFiles => self.files.remove_all_but_state(),
            Step::RemoveSecrets => self.secrets.remove(),
            Step::RemoveDirectory => self.files.remove(),
            Step::NoteIntent
            | Step::Share
            | Step::WriteSecrets
            | Step::KeepSecrets
            | Step::WriteConfig
            | Step::StartHaproxy { .. }
            | Step::Confine(_)
            | Step::Tell { .. }
            | Step::Believe
            | Step::AwaitHaproxy
            | Step::KeepPage
            | Step::ConfineStarted
            | Step::EndOldest { .. }
            | Step::NoteCounters(_)
            | Step::NoteDone => Ok(()),
        }
    }

    /// What it has counted is noted before anybody forgets it there.
    fn leave(&mut self) -> Result<(), Failure> {
        if let Some(base) = (self.order)(Order::Leave)?.left {
            self.state.base = base.settled(None);
            self.state.shared = None;
            self.state.write(self.files)?;
        }
        Ok(())
    }

    /// Those that were seen, and those that are found: old processes may still finish their connections.
    fn end_processes(&mut self, seen: &[i32]) -> Result<(), Failure> {
        process::end(seen, self.files, self.id)?;
        failpoint::at("end processes: those that were seen have ended");
        // Again until none is found: one that was just starting may have gone to the background meanwhile.
        process::wait_until("no haproxy is left", Duration::from_secs(5), || {
            let pids = process::known(self.processes.as_deref(), self.files, self.id)?;
            process::end(&pids, self.files, self.id)?;
            Ok(pids.is_empty())
        })
    }

    /// After a step of bringing up has failed: a haproxy that was started for it must not go on without its network.
    pub(super) fn abandon(&mut self) {
        let Some(starting) = self.starting.take() else { return };
        // Its configuration stays unsettled, so the next pass starts it again.
        if let Err(failure) = starting.finish() {
            tracing::warn!(load_balancer = %self.id, "{}", chain(&failure));
        }
    }
}
