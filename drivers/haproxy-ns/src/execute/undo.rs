//! The steps that take away.

use std::time::Duration;

use ballast_netns::{attach::Interface, link, namespace};

use super::Work;
use crate::{
    failure::{Failure, chain},
    haproxy::process,
    plan::{Planned, Step},
};

/// A namespace that was dropped takes its links along within some 20 ms; after this long they are deleted one by one.
const LINK_GOES_WITHIN: Duration = Duration::from_millis(300);

impl Work<'_> {
    /// Takes away. Each step is tried, whatever became of the others: as little as possible is to be left.
    pub(crate) fn take_away(&mut self, steps: &[Planned]) -> Result<(), Failure> {
        let mut failures = Vec::new();
        for planned in steps {
            // While something is left its notes are needed.
            if planned.step == Step::RemoveDirectory && !failures.is_empty() {
                break;
            }
            failures.extend(self.undo(&planned.step).err());
        }
        Failure::gather(failures)
    }

    pub(super) fn undo(&mut self, step: &Step) -> Result<(), Failure> {
        match step {
            Step::EndProcesses(pids) => self.end_processes(pids),
            Step::DropNamespace => {
                self.announcer.cancel(self.id);
                self.pinger.remove(self.id);
                self.namespace = None;
                Ok(namespace::remove(&self.netns)?)
            }
            Step::AwaitLinkGone(interface) => self.await_link_gone(interface),
            Step::Release(interface) => Ok(interface.release(&mut self.host)?),
            Step::RemoveGroup => {
                // None of its own is in it any more, and somebody else's process does not keep a load balancer here.
                if let Err(error) = self.confinement.remove(self.id) {
                    tracing::warn!(load_balancer = %self.id, "its control group is left: {error}");
                }
                Ok(())
            }
            Step::RemoveFiles => self.files.remove_all_but_state(),
            Step::RemoveDirectory => self.files.remove(),
            Step::NoteIntent
            | Step::MakeNamespace
            | Step::Prepare
            | Step::MakeLink
            | Step::AttachLink
            | Step::Configure(_)
            | Step::WriteConfig
            | Step::StartHaproxy { .. }
            | Step::Confine(_)
            | Step::ChangeServers { .. }
            | Step::AwaitHaproxy
            | Step::KeepPage
            | Step::ConfineStarted
            | Step::Announce
            | Step::NoteDone => Ok(()),
        }
    }

    /// Those that were seen, and those that are found: old processes may still finish their connections.
    fn end_processes(&mut self, seen: &[i32]) -> Result<(), Failure> {
        process::end(seen, self.files, self.id)?;
        // Again until none is found: one that was just starting may have gone to the background meanwhile.
        process::wait_until("no haproxy is left", Duration::from_secs(5), || {
            let pids = process::all(self.files, self.id)?;
            process::end(&pids, self.files, self.id)?;
            Ok(pids.is_empty())
        })
    }

    fn await_link_gone(&mut self, interface: &Interface) -> Result<(), Failure> {
        let host = &mut self.host;
        let gone = process::wait_until("the link is gone", LINK_GOES_WITHIN, || {
            Ok(link::find(host, &interface.outside)?.is_none())
        });
        match (gone, link::find(host, &interface.outside)?) {
            (_, None) => Ok(()),
            (_, Some(left)) => Ok(host.batch(vec![link::delete(left.index, &interface.outside)])?),
        }
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
