//! From what is desired and what is observed to the steps between them, each with its reason. Pure: it knows nothing of
//! kernels and processes. Once the steps are done, planning again gives none (a property test).
//!
//! Steps are in an order that a crash cannot spoil: what is about to be on the host is noted first, and the directory
//! with the notes goes last. In a new namespace haproxy is started before the network is plugged and waited for
//! afterwards, because its start takes longer than everything else; it binds addresses that are not there yet.

use ballast_namespace::{Wanted, l4::seen::Seen as Rules, observe::Observed as Host, plan};

use crate::{
    desired::Desired,
    haproxy::runtime::{self, Change},
    observe::{Observed, Process},
    state::State,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Directories, and a state that says what is about to be on the host; its generation is 0.
    NoteIntent,
    /// What every driver does.
    Host(plan::Step),
    /// What haproxy reads beside its configuration, with what it has read before beside it.
    WriteSecrets,
    WriteConfig,
    /// Let the haproxy of its project serve it, in the place of whatever that has of it.
    Share,
    /// Let the haproxy of its project serve it no more.
    Leave,
    /// Of nothing, or in the place of the process with this pid, which finishes its connections.
    StartHaproxy {
        replacing: Option<i32>,
    },
    /// Put the process with this pid into the load balancer's control group, and set what it may take: a pass may have
    /// ended before that was done.
    Confine(i32),
    /// The same with what was started, which leaves the driver's group.
    ConfineStarted,
    /// Tell these changes to the process with this pid, and take the new configuration for the one that runs. If it
    /// refuses one, it is replaced.
    Tell {
        pid: i32,
        changes: Vec<Change>,
    },
    /// Take members for what they are said to be: in a namespace that is not plugged in each check has failed.
    Believe,
    /// Wait for what was started, and take its configuration for the one that runs.
    AwaitHaproxy,
    /// Of the processes that finish their connections, so many at most.
    EndOldest {
        keep: u32,
    },
    /// haproxy has what was written: nothing else is left.
    KeepSecrets,
    RemoveSecrets,
    /// What the configuration that runs says, in types.
    KeepPage,
    /// The state with its generation.
    NoteDone,
    /// What the process with this pid has counted, before it is ended.
    NoteCounters(i32),
    EndProcesses(Vec<i32>),
    RemoveGroup,
    /// Everything but the state.
    RemoveFiles,
    RemoveDirectory,
}

impl From<plan::Step> for Step {
    fn from(step: plan::Step) -> Self {
        Self::Host(step)
    }
}

pub(crate) type Planned = plan::Planned<Step>;
type Steps = plan::Steps<Step>;

/// The steps that make the host run what is desired.
pub(crate) fn plan(desired: &Desired, observed: &Observed) -> Vec<Planned> {
    let mut steps = Steps::default();
    match desired.wanted() {
        None => {
            remove_all(&mut steps, observed, "there is no VIP");
            if !observed.directory {
                steps.add(Step::NoteIntent, "new");
            }
        }
        Some(wanted) => {
            let moved = observed.interface().is_some_and(|interface| interface != wanted.plug.interface);
            if moved {
                remove_all(&mut steps, observed, "the VIP has another port or network");
                // Notes of what was forwarded stay.
                let rules = Rules::without_table(observed.host.rules.kept.clone());
                let host = Host { rules, ..Host::default() };
                run(&mut steps, desired, wanted, &Observed { directory: true, host, ..Observed::default() });
            } else {
                run(&mut steps, desired, wanted, observed);
            }
        }
    }
    if !steps.0.is_empty() {
        steps.add(Step::NoteDone, "something has changed");
    } else if observed.state.as_ref().is_none_or(|state| !is_noted(desired, state)) {
        steps.add(Step::NoteDone, "another generation");
    }
    steps.0
}

/// Whether a process takes the place of one that serves.
pub(crate) fn replaces(steps: &[Planned]) -> bool {
    steps.iter().any(|planned| matches!(planned.step, Step::StartHaproxy { replacing: Some(_) }))
}

/// Whether a process begins or ends. What it has counted is noted then.
pub(crate) fn is_another_process(steps: &[Planned]) -> bool {
    steps.iter().any(|planned| matches!(planned.step, Step::StartHaproxy { .. } | Step::EndProcesses(_)))
}

/// The steps that take a load balancer off the host.
pub(crate) fn plan_removal(observed: &Observed) -> Vec<Planned> {
    let mut steps = Steps::default();
    remove_all(&mut steps, observed, "undeployed");
    if observed.directory {
        steps.add(Step::RemoveDirectory, "undeployed");
    }
    steps.0
}

/// The steps that make a haproxy that is shared what is desired.
pub(crate) fn plan_project(desired: &Desired, observed: &Observed) -> Vec<Planned> {
    let mut steps = Steps::default();
    if observed.state.as_ref().is_none_or(|state| state.identity != desired.identity) {
        steps.add(Step::NoteIntent, "who it runs as is known after a crash");
    }
    if start(&mut steps, desired, observed, false) {
        steps.add(Step::AwaitHaproxy, "it was started");
        steps.add(Step::ConfineStarted, "it was started");
    } else {
        confine(&mut steps, observed);
    }
    finish(&mut steps, desired, observed);
    if !steps.0.is_empty() || observed.state.as_ref().is_none_or(|state| state.generation != desired.generation) {
        steps.add(Step::NoteDone, "something has changed");
    }
    steps.0
}

/// The steps that end one that nobody shares any more.
pub(crate) fn plan_end(observed: &Observed) -> Vec<Planned> {
    let mut steps = Steps::default();
    let why = "no load balancer of its project is left";
    end_processes(&mut steps, &observed.process, why);
    if observed.grouped {
        steps.add(Step::RemoveGroup, why);
    }
    if observed.directory {
        steps.add(Step::RemoveDirectory, why);
    }
    steps.0
}

fn is_noted(desired: &Desired, state: &State) -> bool {
    state.generation == desired.generation
        && state.identity == desired.identity
        && state.interface == desired.plug.as_ref().map(|plug| plug.interface.clone())
        && state.plug == desired.plug
        && state.echoes == desired.echoes
        && state.alone == desired.alone
        && state.shared == desired.shared
        && state.silent == desired.silent
}

fn remove_all(steps: &mut Steps, observed: &Observed, why: &'static str) {
    if observed.member.is_some() {
        steps.add(Step::Leave, why);
        // One that finishes connections may hold the namespace for long.
        let inside = observed.interface().filter(|_| observed.host.inside().is_some());
        if let Some(interface) = inside {
            steps.add(plan::Step::Unplug(interface), why);
        }
    }
    end_processes(steps, &observed.process, why);
    if observed.grouped {
        steps.add(Step::RemoveGroup, why);
    }
    plan::remove(steps, &observed.host, observed.interface(), why);
    if observed.config.is_some() || observed.unsettled {
        steps.add(Step::RemoveFiles, why);
    }
    if observed.secrets.there {
        steps.add(Step::RemoveSecrets, why);
    }
}

fn run(steps: &mut Steps, desired: &Desired, wanted: Wanted<'_>, observed: &Observed) {
    let plug = wanted.plug;
    if observed.member.is_some() && observed.member != desired.shared {
        steps.add(Step::Leave, "it is served otherwise from now on");
    }
    let noted =
        observed.state.as_ref().is_some_and(|state| {
            state.interface.as_ref() == Some(&plug.interface) && state.identity == desired.identity
        }) && observed.state.as_ref().is_some_and(|state| state.shared == desired.shared);
    let inside = observed.host.inside();
    if inside.is_none() {
        end_processes(steps, &observed.process, "its namespace is gone");
    }
    if !noted || plan::renews(wanted, &observed.host) {
        steps.add(Step::NoteIntent, "what is about to be on the host can be removed after a crash");
    }
    plan::prepare(steps, wanted, &observed.host);
    if desired.alone || desired.shared.is_some() {
        return without_haproxy(steps, desired, wanted, observed);
    }
    if desired.has_secrets() && !observed.secrets.complete {
        steps.add(Step::WriteSecrets, "haproxy reads them when it starts");
    }
    let owed = is_owed(observed);
    let ended = steps.0.iter().any(|planned| matches!(planned.step, Step::EndProcesses(_)));
    // A new namespace lets haproxy bind what is not there yet, so both go on at once. In one that exists, addresses
    // come first: it may be another IP version that it is told to speak.
    let (started, announce) = match inside {
        None => {
            let started = start(steps, desired, observed, ended);
            (started, plan::plug(steps, wanted, &observed.host))
        }
        Some(_) => {
            let announce = plug_in(steps, desired, wanted, observed);
            (start(steps, desired, observed, ended), announce)
        }
    };
    if started {
        steps.add(Step::AwaitHaproxy, "it was started");
    } else {
        confine(steps, observed);
    }
    if (announce || owed) && wanted.announce && !desired.silent {
        steps.add(plan::Step::Announce, "neighbours may know another owner of the address");
    }
    // Last: it takes milliseconds, and clients are served without.
    if started {
        steps.add(Step::ConfineStarted, "it was started");
    }
    finish(steps, desired, observed);
}

/// Before the first client comes members are to be what they are said to be, and again after a check may have failed meanwhile.
fn plug_in(steps: &mut Steps, desired: &Desired, wanted: Wanted<'_>, observed: &Observed) -> bool {
    let was_silent = observed.state.as_ref().is_some_and(|state| state.silent);
    let answers = matches!(observed.process, Process::Answering(_)) || observed.shared;
    let believes = was_silent && answers && !(desired.silent || desired.alone);
    let why = "its checks have failed while it was silent";
    if believes {
        steps.add(Step::Believe, why);
    }
    let announce = plan::plug(steps, wanted, &observed.host);
    if believes {
        steps.add(Step::Believe, why);
    }
    announce
}

fn confine(steps: &mut Steps, observed: &Observed) {
    if let (Process::Answering(pid), true) = (&observed.process, observed.unconfined) {
        steps.add(Step::Confine(*pid), "its control group or its limits differ");
    }
}

fn finish(steps: &mut Steps, desired: &Desired, observed: &Observed) {
    if replaces(&steps.0) {
        steps.add(Step::EndOldest { keep: desired.old_processes }, "one more finishes its connections");
    }
    let written = steps.0.iter().any(|planned| planned.step == Step::WriteSecrets);
    if observed.secrets.more || written {
        steps.add(Step::KeepSecrets, "haproxy has what it is to have");
    }
    if desired.page.is_some() && observed.page != desired.page {
        steps.add(Step::KeepPage, "what runs is to be known without its load balancer");
    }
}

/// A pass has ended before it was done: nobody knows whether it has announced the address.
fn is_owed(observed: &Observed) -> bool {
    observed.state.as_ref().is_some_and(|state| state.generation == 0)
}

/// Its network, and nothing of a haproxy that there was.
fn without_haproxy(steps: &mut Steps, desired: &Desired, wanted: Wanted<'_>, observed: &Observed) {
    let why = if desired.alone { "the kernel serves all of it" } else { "the haproxy of its project serves it" };
    let announce = plug_in(steps, desired, wanted, observed);
    if !steps.0.iter().any(|planned| matches!(planned.step, Step::EndProcesses(_))) {
        end_processes(steps, &observed.process, why);
    }
    if observed.grouped {
        steps.add(Step::RemoveGroup, why);
    }
    if observed.config.is_some() || observed.unsettled {
        steps.add(Step::RemoveFiles, why);
    }
    if observed.secrets.there {
        steps.add(Step::RemoveSecrets, why);
    }
    if desired.shared.is_some() && !(observed.shared && observed.host.inside().is_some()) {
        steps.add(Step::Share, why);
    }
    if (announce || is_owed(observed)) && wanted.announce && !desired.silent {
        steps.add(plan::Step::Announce, "neighbours may know another owner of the address");
    }
}

fn end_processes(steps: &mut Steps, process: &Process, why: &'static str) {
    match process {
        Process::None => {}
        Process::Answering(pid) => {
            steps.add(Step::NoteCounters(*pid), why);
            steps.add(Step::EndProcesses(vec![*pid]), why);
        }
        Process::Deaf(pids) => steps.add(Step::EndProcesses(pids.clone()), why),
    }
}

/// Whether haproxy is started.
fn start(steps: &mut Steps, desired: &Desired, observed: &Observed, ended: bool) -> bool {
    let replacing = match &observed.process {
        Process::Answering(pid) if !ended => Some(*pid),
        Process::Deaf(pids) if !ended => {
            steps.add(Step::EndProcesses(pids.clone()), "haproxy does not answer");
            None
        }
        Process::Answering(_) | Process::Deaf(_) | Process::None => None,
    };
    let why = if replacing.is_none() {
        "haproxy does not run"
    } else if observed.unsettled {
        "nobody knows which configuration runs"
    } else if observed.foreign {
        "haproxy is to run as another user"
    } else if observed.unfenced {
        "haproxy is to be confined otherwise"
    } else if observed.drifted {
        "it is set otherwise than the configuration says"
    } else if observed.config.as_ref() != Some(&desired.config) {
        "the configuration has changed"
    } else {
        return false;
    };
    if let (Some(pid), Some(changes)) = (replacing, changes(desired, observed)) {
        steps.add(Step::WriteConfig, why);
        steps.add(Step::Tell { pid, changes }, "what differs can be told to haproxy while it runs");
        return false;
    }
    steps.add(Step::WriteConfig, why);
    steps.add(Step::StartHaproxy { replacing }, why);
    true
}

/// What a running haproxy can be told instead of being replaced.
fn changes(desired: &Desired, observed: &Observed) -> Option<Vec<Change>> {
    let kept = !(observed.unsettled || observed.drifted || observed.foreign || observed.unfenced);
    let current = observed.page.as_ref().filter(|_| kept)?;
    let changes = runtime::changes(current, desired.page.as_ref()?, &desired.pinged())?;
    // First: one of them may come back.
    Some(observed.leaving.iter().cloned().chain(changes).collect())
}

#[cfg(test)]
mod tests;
