//! From what is desired and what is observed to the steps between them, each with its reason. Pure: it knows nothing of
//! kernels and processes. Once the steps are done, planning again gives none (a property test).
//!
//! Steps are in an order that a crash cannot spoil: what is about to be on the host is noted first, and the directory
//! with the notes goes last. In a new namespace haproxy is started before the network is plugged and waited for
//! afterwards, because its start takes longer than everything else; it binds addresses that are not there yet.

use std::{collections::BTreeSet, net::IpAddr};

use ballast_netns::{attach::Interface, route::Hop};

use crate::{
    desired::{Desired, Plug},
    haproxy::runtime::{self, Change},
    l4::seen::Seen as Rules,
    observe::{Inside, Namespace, Observed, Process},
    state::State,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// Directories, and a state that says what is about to be on the host; its generation is 0.
    NoteIntent,
    MakeNamespace,
    /// Set the kernel parameters of the namespace that exists.
    Prepare,
    /// Make the rules those that are asked for, and end the flows of who is gone. Before the namespace forwards at all.
    Forward,
    /// Take the rules away, with their flows.
    StopForwarding,
    /// Note what the rules have counted: they go with their namespace.
    KeepCounts,
    /// Take away an inner end that leads nowhere.
    RemoveLink,
    /// Make the pair of links, and plug the outer end.
    MakeLink,
    /// Put the outer end that exists up and where it belongs.
    AttachLink,
    Configure(Changes),
    WriteConfig,
    /// Of nothing, or in the place of the process with this pid, which finishes its connections.
    StartHaproxy {
        replacing: Option<i32>,
    },
    /// Put the process with this pid into the load balancer's control group, and set what it may take.
    Confine(i32),
    /// The same with what was started, which leaves the driver's group.
    ConfineStarted,
    /// Tell these changes to the process with this pid, and take the new configuration for the one that runs. If it
    /// refuses one, it is replaced.
    Tell {
        pid: i32,
        changes: Vec<Change>,
    },
    /// Wait for what was started, and take its configuration for the one that runs.
    AwaitHaproxy,
    /// Say the address to the neighbours.
    Announce,
    /// Of the processes that finish their connections, so many at most.
    EndOldest {
        keep: u32,
    },
    /// What the configuration that runs says, in types.
    KeepPage,
    /// The state with its generation.
    NoteDone,
    /// What the process with this pid has counted, before it is ended.
    NoteCounters(i32),
    EndProcesses(Vec<i32>),
    DropNamespace,
    AwaitLinkGone(Interface),
    /// What was made for the network goes with its last port.
    Release(Interface),
    RemoveGroup,
    /// Everything but the state.
    RemoveFiles,
    RemoveDirectory,
}

/// Inside the namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Changes {
    pub(crate) mac: bool,
    pub(crate) mtu: bool,
    pub(crate) remove_addresses: BTreeSet<(IpAddr, u8)>,
    pub(crate) add_addresses: BTreeSet<(IpAddr, u8)>,
    pub(crate) remove_hops: BTreeSet<Hop>,
    pub(crate) add_hops: BTreeSet<Hop>,
    pub(crate) remove_neighbours: BTreeSet<IpAddr>,
    pub(crate) add_neighbours: BTreeSet<IpAddr>,
    pub(crate) links_up: bool,
}

/// A step and why it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Planned {
    pub(crate) step: Step,
    pub(crate) why: &'static str,
}

#[derive(Default)]
struct Steps(Vec<Planned>);

impl Steps {
    fn add(&mut self, step: Step, why: &'static str) {
        self.0.push(Planned { step, why });
    }
}

/// The steps that make the host run what is desired.
pub(crate) fn plan(desired: &Desired, observed: &Observed) -> Vec<Planned> {
    let mut steps = Steps::default();
    match &desired.plug {
        None => {
            remove_all(&mut steps, observed, "there is no VIP");
            if !observed.directory {
                steps.add(Step::NoteIntent, "new");
            }
        }
        Some(plug) => {
            let moved = observed.interface().is_some_and(|interface| interface != plug.interface);
            if moved {
                remove_all(&mut steps, observed, "the VIP has another port or network");
                // Notes of what was forwarded stay.
                let rules = Rules::without_table(observed.rules.kept.clone());
                let rest = Observed { directory: true, rules, ..Observed::default() };
                run(&mut steps, desired, plug, &rest);
            } else {
                run(&mut steps, desired, plug, observed);
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

fn is_noted(desired: &Desired, state: &State) -> bool {
    state.generation == desired.generation
        && state.identity == desired.identity
        && state.interface == desired.plug.as_ref().map(|plug| plug.interface.clone())
        && state.plug == desired.plug
        && state.echoes == desired.echoes
}

fn remove_all(steps: &mut Steps, observed: &Observed, why: &'static str) {
    end_processes(steps, &observed.process, why);
    if observed.grouped {
        steps.add(Step::RemoveGroup, why);
    }
    if observed.rules.has_table() {
        steps.add(Step::KeepCounts, why);
    }
    if observed.namespace != Namespace::Absent {
        steps.add(Step::DropNamespace, why);
    }
    if let Some(interface) = observed.interface() {
        if observed.plugged.outside.is_some() || matches!(observed.namespace, Namespace::Present(_)) {
            steps.add(Step::AwaitLinkGone(interface.clone()), why);
        }
        if observed.plugged.own {
            steps.add(Step::Release(interface), why);
        }
    }
    if observed.config.is_some() || observed.unsettled {
        steps.add(Step::RemoveFiles, why);
    }
}

fn run(steps: &mut Steps, desired: &Desired, plug: &Plug, observed: &Observed) {
    let noted = observed
        .state
        .as_ref()
        .is_some_and(|state| state.interface.as_ref() == Some(&plug.interface) && state.identity == desired.identity);
    let inside = match &observed.namespace {
        Namespace::Present(inside) => Some(inside),
        Namespace::Absent | Namespace::Stale => None,
    };
    if inside.is_none() {
        end_processes(steps, &observed.process, "its namespace is gone");
    }
    if !noted {
        steps.add(Step::NoteIntent, "what is about to be on the host can be removed after a crash");
    }
    if observed.namespace == Namespace::Stale {
        steps.add(Step::DropNamespace, "its name is left over");
    }
    if inside.is_none() {
        steps.add(Step::MakeNamespace, "there is none");
    }
    // Without its rules a namespace must not forward.
    if desired.forwarded.as_ref().is_some_and(|asked| !observed.rules.runs(asked, desired.service.as_ref())) {
        steps.add(Step::Forward, "what is forwarded has changed");
    }
    if inside.is_some_and(|inside| inside.unprepared) {
        steps.add(Step::Prepare, "kernel parameters differ");
    }
    if desired.forwarded.is_none() && observed.rules.is_any() {
        steps.add(Step::StopForwarding, "nothing is forwarded any more");
    }
    let ended = steps.0.iter().any(|planned| matches!(planned.step, Step::EndProcesses(_)));
    // A new namespace lets haproxy bind what is not there yet, so both go on at once. In one that exists, addresses
    // come first: it may be another IP version that it is told to speak.
    let (started, announce) = match inside {
        None => {
            let started = start(steps, desired, observed, ended);
            (started, network(steps, plug, observed, inside))
        }
        Some(_) => {
            let announce = network(steps, plug, observed, inside);
            (start(steps, desired, observed, ended), announce)
        }
    };
    if started {
        steps.add(Step::AwaitHaproxy, "it was started");
    } else if let (Process::Answering(pid), true) = (&observed.process, observed.unconfined) {
        steps.add(Step::Confine(*pid), "its control group differs");
    }
    if announce && desired.announce {
        steps.add(Step::Announce, "neighbours may know another owner of the address");
    }
    // Last: it takes milliseconds, and clients are served without.
    if started {
        steps.add(Step::ConfineStarted, "it was started");
    }
    if replaces(&steps.0) {
        steps.add(Step::EndOldest { keep: desired.old_processes }, "one more finishes its connections");
    }
    if desired.page.is_some() && observed.page != desired.page {
        steps.add(Step::KeepPage, "what runs is to be known without its load balancer");
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
    let current = observed.page.as_ref().filter(|_| !observed.unsettled && !observed.drifted && !observed.foreign)?;
    let changes = runtime::changes(current, desired.page.as_ref()?, &desired.pinged())?;
    // First: one of them may come back.
    Some(observed.leaving.iter().cloned().chain(changes).collect())
}

/// Whether the address is to be announced.
fn network(steps: &mut Steps, plug: &Plug, observed: &Observed, inside: Option<&Inside>) -> bool {
    let link = inside.and_then(|inside| inside.link.as_ref());
    let none = Inside::default();
    let inside = inside.unwrap_or(&none);
    let lost = link.is_some_and(|link| plug.interface.is_lost(link));
    let whole = link.is_some() && observed.plugged.outside.is_some() && !lost;
    if !whole {
        if link.is_some() {
            steps.add(Step::RemoveLink, "it leads nowhere");
        }
        steps.add(Step::MakeLink, "there is none");
    } else if observed.plugged.unprepared {
        steps.add(Step::AttachLink, "its network is not ready, or the host speaks IPv6 there");
    } else if !observed.plugged.attached {
        steps.add(Step::AttachLink, "it is down or plugged into nothing");
    }
    let wanted = plug.addresses();
    let addresses = if whole { inside.addresses.clone() } else { BTreeSet::new() };
    let hops = if whole { inside.hops.clone() } else { BTreeSet::new() };
    let neighbours = if whole { inside.neighbours.clone() } else { BTreeSet::new() };
    // The kernel makes the way to the neighbours when it gets the address.
    let again = whole && inside.unconnected;
    let changes = Changes {
        mac: whole && link.is_some_and(|link| link.mac != Some(plug.mac)),
        mtu: whole && link.is_some_and(|link| link.mtu != plug.mtu),
        add_addresses: wanted.iter().filter(|address| again || !addresses.contains(address)).copied().collect(),
        remove_addresses: addresses.into_iter().filter(|address| again || !wanted.contains(address)).collect(),
        // Taking an address or a link away takes its routes and neighbours along, so all are set again then.
        add_hops: plug.hops.difference(&hops).cloned().collect(),
        remove_hops: hops.difference(&plug.hops).cloned().collect(),
        add_neighbours: plug.neighbours.difference(&neighbours).copied().collect(),
        remove_neighbours: neighbours.difference(&plug.neighbours).copied().collect(),
        links_up: !whole || !inside.loopback_up || !link.is_some_and(|link| link.up),
    };
    let renewed = changes.mac || !changes.add_addresses.is_empty() || changes.links_up;
    let changes = match renewed {
        true => Changes { add_hops: plug.hops.clone(), add_neighbours: plug.neighbours.clone(), ..changes },
        false => changes,
    };
    if changes != Changes::default() {
        steps.add(Step::Configure(changes), "addresses, routes, neighbours or links differ");
    }
    renewed || steps.0.iter().any(|planned| planned.step == Step::AttachLink)
}

#[cfg(test)]
mod tests;
