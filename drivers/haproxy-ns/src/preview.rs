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

/// What a plan would do to the haproxy of a project.
pub(crate) struct OfProject<'a> {
    pub(crate) steps: &'a [Planned],
    pub(crate) desired: &'a Desired,
    pub(crate) observed: &'a Observed,
    /// What it would be told of the load balancer that changes.
    pub(crate) text: String,
    /// That one.
    pub(crate) id: &'a str,
}

impl OfProject<'_> {
    /// How many others it serves.
    fn others(&self) -> usize {
        let shares = self.observed.page.iter().flat_map(|page| &page.shares);
        shares.filter(|shared| shared.id != self.id).count()
    }
}

/// Of a load balancer that shares a haproxy: what happens to that happens to all that it serves.
pub(crate) fn preview_shared(
    own: (&[Planned], &Desired, &Observed),
    of_project: &OfProject<'_>,
    faults: Vec<ObjectFault>,
) -> Preview {
    let (steps, desired, observed) = own;
    let first = preview(steps, desired, observed, faults);
    let then = preview(of_project.steps, of_project.desired, of_project.observed, Vec::new());
    let others = of_project.others();
    let joins = steps.iter().any(|planned| planned.step == Step::Share);
    let replaces = joins && of_project.steps.iter().any(|planned| matches!(planned.step, Step::StartHaproxy { .. }));
    let also = format!("with it {others} other load balancers of the project get another haproxy");
    let theirs = then.steps.iter().filter(|_| joins && !of_project.steps.is_empty()).cloned();
    Preview {
        effect: first.effect().max(if joins { then.effect() } else { Effect::None }).into(),
        connections: first.connections().max(if joins { then.connections() } else { Connections::Kept }).into(),
        steps: first.steps.iter().cloned().chain(theirs).chain((replaces && others > 0).then_some(also)).collect(),
        configuration: of_project.text.clone(),
        faults: first.faults,
    }
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
        | Step::WriteSecrets
        | Step::KeepSecrets
        | Step::RemoveSecrets
        | Step::WriteConfig
        | Step::KeepPage
        | Step::Believe
        | Step::NoteDone
        | Step::NoteCounters(_)
        | Step::AwaitHaproxy
        | Step::Confine(_)
        | Step::ConfineStarted
        | Step::EndOldest { .. }
        | Step::RemoveGroup
        | Step::RemoveFiles
        | Step::RemoveDirectory => Effect::None,
        // What it does to the process is told of that one's own steps.
        Step::Share => Effect::Runtime,
        Step::Leave => Effect::Restart,
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
        Step::StartHaproxy { replacing: Some(_) } | Step::EndProcesses(_) | Step::Leave => Connections::Cut,
        Step::NoteIntent
        | Step::Share
        | Step::WriteSecrets
        | Step::KeepSecrets
        | Step::RemoveSecrets
        | Step::WriteConfig
        | Step::StartHaproxy { replacing: None }
        | Step::Confine(_)
        | Step::ConfineStarted
        | Step::Tell { .. }
        | Step::Believe
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
