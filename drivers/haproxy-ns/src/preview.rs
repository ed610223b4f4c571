//! What a plan would do, in words and in two figures: its effect on what serves, and what becomes of connections. Pure.

mod words;

use ballast_abi::{Connections, Effect, ObjectFault, Preview};
use ballast_l4::desired::Protocol;
use ballast_namespace::{plan, preview as of_host};

use crate::{
    desired::Desired,
    haproxy::runtime::Change,
    observe::{Observed, Process},
    plan::{Planned, Step},
};

/// `steps`: what is planned for this; none: nothing is to be done.
pub(crate) fn preview(steps: &[Planned], desired: &Desired, observed: &Observed, faults: Vec<ObjectFault>) -> Preview {
    let fate = steps.iter().map(|planned| fate(&planned.step, desired, observed)).max();
    Preview {
        effect: effect_of(steps).into(),
        connections: fate.unwrap_or(Connections::Kept).into(),
        steps: steps.iter().flat_map(words::of).collect(),
        configuration: if runs_haproxy(desired) { desired.config.clone() } else { String::new() },
        faults,
    }
}

/// What these do to what serves.
pub(crate) fn effect_of(steps: &[Planned]) -> Effect {
    steps.iter().map(|planned| effect(&planned.step)).max().unwrap_or(Effect::None)
}

/// In their order one includes the other: who starts what serves also tells it.
fn effect(step: &Step) -> Effect {
    match step {
        Step::Host(step) => of_host::effect(step),
        // That a process says another generation is a note as well.
        Step::Tell { changes, .. } if changes.iter().all(|change| matches!(change, Change::Generation(_))) => {
            Effect::None
        }
        Step::NoteIntent
        | Step::WriteConfig
        | Step::KeepPage
        | Step::NoteDone
        | Step::NoteCounters(_)
        | Step::AwaitHaproxy
        | Step::Confine(_)
        | Step::ConfineStarted
        | Step::EndOldest { .. }
        | Step::RemoveGroup
        | Step::RemoveFiles
        | Step::RemoveDirectory => Effect::None,
        Step::Tell { .. } => Effect::Runtime,
        Step::StartHaproxy { replacing: Some(_) } => Effect::Reload,
        Step::StartHaproxy { replacing: None } | Step::EndProcesses(_) => Effect::Restart,
    }
}

/// What becomes of the connections that there are.
fn fate(step: &Step, desired: &Desired, observed: &Observed) -> Connections {
    match step {
        Step::Host(plan::Step::Forward) if takes_over(desired, observed) => Connections::Cut,
        Step::Host(step) => of_host::fate(step, desired.service.as_ref(), &observed.host, serves(observed)),
        Step::StartHaproxy { replacing: Some(_) } if desired.old_processes > 0 => Connections::Drained,
        Step::StartHaproxy { replacing: Some(_) } | Step::EndProcesses(_) => Connections::Cut,
        Step::NoteIntent
        | Step::WriteConfig
        | Step::StartHaproxy { replacing: None }
        | Step::Confine(_)
        | Step::ConfineStarted
        | Step::Tell { .. }
        | Step::AwaitHaproxy
        | Step::EndOldest { .. }
        | Step::KeepPage
        | Step::NoteDone
        | Step::NoteCounters(_)
        | Step::RemoveGroup
        | Step::RemoveFiles
        | Step::RemoveDirectory => Connections::Kept,
    }
}

/// Whether the kernel takes over a port that haproxy serves: who is connected there is sent to a member that knows
/// nothing of it.
fn takes_over(desired: &Desired, observed: &Observed) -> bool {
    let asked = desired.forwarded.iter().flat_map(|asked| &asked.listeners);
    let mut taken = asked.filter(|listener| listener.protocol == Protocol::Tcp && listener.is_on());
    let frontends = || observed.page.iter().flat_map(|page| &page.frontends);
    observed.process != Process::None
        && taken.any(|listener| frontends().any(|frontend| frontend.bind.port() == listener.port))
}

const fn runs_haproxy(desired: &Desired) -> bool {
    desired.plug.is_some() && !desired.alone
}

/// Whether there is anybody to be connected to.
fn serves(observed: &Observed) -> bool {
    observed.process != Process::None || observed.host.rules.has_table()
}
