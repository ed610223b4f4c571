//! Does what was planned, step by step, and says how long each took. It decides nothing.

mod start;
mod undo;

use std::{fs::File, path::Path, sync::Arc, time::Instant};

use ballast_abi::{Effect, steps::step};
use ballast_failpoint as failpoint;
use ballast_namespace::{execute, l4::knowledge::Knowledge, plan};

use crate::{
    confinement::Confinement,
    counters::Base,
    desired::Desired,
    failure::Failure,
    fence::{Fence, View},
    files::Files,
    haproxy::{blame, listening, process, servers::Members, starter::Starter},
    page::{Page, kept},
    ping::{Pinger, Sockets},
    plan::{Planned, Step},
    secrets::{Folder, SecretsDir, Told},
    seen::Glance,
    state::State,
    validate::Pool,
};

/// What the haproxy of a project is to do for a load balancer.
#[derive(Clone, Copy)]
pub(crate) enum Order<'a> {
    /// Serve it in this namespace, and count on from there.
    Serve {
        namespace: &'a File,
        target: &'a Target<'a>,
        base: &'a Base,
    },
    /// Of its members.
    Tell(&'a [String]),
    Leave,
}

/// What came of an order.
pub(crate) struct Obeyed {
    /// What was counted there of one that leaves.
    pub(crate) left: Option<Base>,
    /// What was done to that haproxy.
    pub(crate) effect: Effect,
}

impl Obeyed {
    pub(crate) const NOTHING: Self = Self { left: None, effect: Effect::None };
}

/// Has the haproxy of its project do something for a load balancer.
pub(crate) type Orders<'a> = Box<dyn Fn(Order<'_>) -> Result<Obeyed, Failure> + 'a>;

/// Everything that steps of one load balancer work with.
pub(crate) struct Work<'a> {
    pub(crate) id: &'a str,
    pub(crate) files: &'a Files,
    /// What every driver's steps work with.
    pub(crate) host: execute::Work<'a>,
    pub(crate) haproxy: &'a Path,
    pub(crate) pinger: &'a Pinger,
    pub(crate) confinement: &'a Confinement,
    pub(crate) fence: &'a Arc<Fence>,
    /// How its process was when it was last asked: all that is left when it dies.
    pub(crate) seen: Option<Glance>,
    /// The state as it is on disk.
    pub(crate) state: State,
    /// Its processes before this pass; `None`: they have to be looked for.
    pub(crate) processes: Option<Vec<i32>>,
    /// Which configuration runs was unknown before this pass.
    pub(crate) unsettled: bool,
    /// Of the haproxy that the steps will start.
    pub(crate) starter: Option<Starter>,
    pub(crate) starting: Option<process::Starting>,
    /// What runs says, as far as it is known.
    pub(crate) running: Option<Page>,
    /// What a haproxy sees of the machine that is shared.
    pub(crate) view: Option<View>,
    pub(crate) order: Orders<'a>,
    /// Where all secrets are, and those that its own haproxy reads.
    pub(crate) secrets_dir: &'a SecretsDir,
    pub(crate) secrets: Folder,
    /// What its orders have done to the haproxy of its project.
    pub(crate) effect: Effect,
}

/// What steps that bring up need besides.
pub(crate) struct Target<'a> {
    pub(crate) desired: &'a Desired,
    /// Of members of what is forwarded.
    pub(crate) knowledge: &'a Knowledge,
    /// Those of what is asked for, by which haproxy's words are understood.
    pub(crate) pools: &'a [Pool],
    /// All listeners, also those that are down or forwarded.
    pub(crate) listeners: &'a [String],
    /// Whether members were up, as far as who asks for it says.
    pub(crate) told: &'a Members<bool>,
    /// What its secrets are, of those that are to be written.
    pub(crate) secrets: &'a Told,
}

impl<'a> Target<'a> {
    /// `None`: there is no VIP.
    pub(crate) fn of_host(&self) -> Option<execute::Target<'a>> {
        Some(execute::Target { wanted: self.desired.wanted()?, knowledge: self.knowledge })
    }
}

impl Work<'_> {
    /// Brings up. The first step that fails ends it; what was done stays, and the next pass observes it.
    pub(crate) fn bring_up(&mut self, steps: &[Planned], target: &Target<'_>) -> Result<(), Failure> {
        if steps.iter().any(|planned| matches!(planned.step, Step::StartHaproxy { .. })) {
            self.starter = Some(Starter::ready(self.fence, self.signals(target))?);
        }
        for planned in steps {
            failpoint::before("bring up", &planned.step);
            let start = Instant::now();
            let result = step(|| failpoint::name(&planned.step), || self.step(&planned.step, target));
            tracing::debug!(
                load_balancer = %self.id,
                microseconds = start.elapsed().as_micros(),
                step = ?planned.step,
                "{}",
                planned.why
            );
            if let Err(failure) = result {
                self.abandon();
                return Err(blame::blaming(failure, &target.desired.config, target.pools));
            }
        }
        failpoint::at("bring up: all steps are done");
        Ok(())
    }

    fn step(&mut self, step: &Step, target: &Target<'_>) -> Result<(), Failure> {
        let desired = target.desired;
        match step {
            Step::NoteIntent => self.note(0, desired),
            Step::NoteDone => {
                self.state.settle(process::current(self.files, self.id));
                if let Some(page) = &desired.page {
                    self.state.base.stay(page.servers());
                }
                self.note(desired.generation, desired)
            }
            Step::Host(plan::Step::DropNamespace) => self.undo(step),
            Step::Host(of_host) => match target.of_host() {
                Some(target) => self.host.step(of_host, target),
                None => self.undo(step),
            },
            Step::Share => {
                let Some(namespace) = &self.host.namespace else { return Ok(()) };
                self.effect = (self.order)(Order::Serve { namespace, target, base: &self.state.base })?.effect;
                Ok(())
            }
            Step::WriteSecrets => self.write_secrets(target),
            Step::KeepSecrets => {
                desired.page.as_ref().map_or(Ok(()), |page| self.secrets.keep(&page.secrets, &page.lists()))
            }
            Step::WriteConfig => self.write_config(desired),
            Step::StartHaproxy { replacing } => self.start(*replacing, target),
            Step::Believe => self.believe(target),
            Step::Tell { pid, changes } => self.tell(*pid, changes, target),
            Step::Confine(pid) => {
                self.confine(&[*pid]);
                Ok(())
            }
            Step::AwaitHaproxy => self.await_haproxy(),
            Step::KeepPage => {
                desired.page.as_ref().map_or(Ok(()), |page| kept::write(self.files, page, &desired.config))
            }
            Step::ConfineStarted => self.confine_started(),
            Step::NoteCounters(pid) => {
                self.note_last(*pid);
                Ok(())
            }
            Step::EndProcesses(pids) => {
                self.note_seen(pids);
                self.undo(step)
            }
            Step::EndOldest { keep } => {
                let pids = process::known(self.processes.as_deref(), self.files, self.id)?;
                process::end_oldest(pids, *keep, self.files, self.id)
            }
            Step::Leave | Step::RemoveGroup | Step::RemoveFiles | Step::RemoveSecrets | Step::RemoveDirectory => {
                self.undo(step)
            }
        }
    }

    fn write_secrets(&self, target: &Target<'_>) -> Result<(), Failure> {
        let lists = target.desired.page.as_ref().map(Page::lists).unwrap_or_default();
        self.secrets_dir.ready()?;
        self.secrets.put(&lists, target.secrets, target.desired.identity)
    }

    fn write_config(&self, desired: &Desired) -> Result<(), Failure> {
        self.files.write_new_config(&desired.config, desired.identity)?;
        match desired.page.as_ref().filter(|page| !page.shares.is_empty()) {
            Some(page) => kept::prepare(self.files, page, &desired.config),
            None => Ok(()),
        }
    }

    fn note(&mut self, generation: u64, desired: &Desired) -> Result<(), Failure> {
        let plug = desired.plug.as_ref();
        self.files.make(desired.identity)?;
        self.state = State {
            generation,
            interface: plug.map(|plug| plug.interface.clone()),
            plug: plug.cloned(),
            identity: desired.identity,
            base: self.state.base.clone(),
            echoes: if generation == 0 { Vec::new() } else { desired.echoes.clone() },
            alone: generation > 0 && desired.alone,
            ruled: desired.forwarded.is_some(),
            processes: None,
            shared: desired.shared.clone(),
            // Until it answers, its checks are known to have failed.
            silent: desired.silent || (generation == 0 && self.state.silent),
            bases: std::mem::take(&mut self.state.bases),
        };
        if generation > 0 {
            let pids = process::known(self.processes.as_deref(), self.files, self.id)?;
            self.state.processes = Some(pids);
        }
        self.state.write(self.files)
    }

    /// The listeners that do not listen, though haproxy runs. After the steps.
    pub(crate) fn silent_listeners(&self, desired: &Desired) -> Result<Vec<String>, Failure> {
        desired.page.as_ref().map_or(Ok(Vec::new()), |page| self.host.inside(|| listening::silent(page)))
    }

    /// Pings what is to be pinged, and tells the haproxy of these files. After the steps, as it needs the namespace and the
    /// address.
    pub(crate) fn ping(&mut self, desired: &Desired, files: &Files) -> Result<(), Failure> {
        if desired.echoes.is_empty() {
            self.pinger.remove(self.id);
            return Ok(());
        }
        let sockets = self.host.inside(|| Sockets::open(&desired.echoes))?;
        self.pinger.set(self.id, files, sockets, &desired.echoes);
        Ok(())
    }
}
