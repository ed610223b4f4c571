//! From what is desired and what is observed to the steps between them, each with its reason. Pure. Once the steps are done,
//! the host runs what is desired, and planning again gives none (property tests).
//!
//! Steps are in an order that a crash cannot spoil: what is about to be on the host is noted first, and the directory
//! with the notes goes last.

use ballast_namespace::{
    Wanted,
    l4::seen::Seen as Rules,
    observe::Observed as Host,
    plan::{self, Planned, Steps},
};

use crate::{desired::Desired, state::State};

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    /// The directory, and a state that says what is about to be on the host; its generation is 0.
    NoteIntent,
    /// What every driver does.
    Host(plan::Step),
    /// The state with its generation.
    NoteDone,
    RemoveDirectory,
}

impl Step {
    /// `None`: it is no step of the namespace.
    pub(crate) const fn of_host(&self) -> Option<&plan::Step> {
        match self {
            Self::Host(step) => Some(step),
            Self::NoteIntent | Self::NoteDone | Self::RemoveDirectory => None,
        }
    }
}

impl From<plan::Step> for Step {
    fn from(step: plan::Step) -> Self {
        Self::Host(step)
    }
}

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Observed {
    pub(crate) host: Host,
    pub(crate) state: Option<State>,
    /// The directory exists.
    pub(crate) directory: bool,
}

/// The steps that make the host run what is desired.
pub(crate) fn plan(desired: &Desired, observed: &Observed) -> Vec<Planned<Step>> {
    let mut steps = Steps::default();
    match desired.wanted() {
        None => {
            remove(&mut steps, observed, "there is no VIP");
            if !observed.directory {
                steps.add(Step::NoteIntent, "new");
            }
        }
        Some(wanted) => {
            let moved = interface(observed).is_some_and(|interface| interface != wanted.plug.interface);
            if moved {
                remove(&mut steps, observed, "the VIP has another port or network");
                // Notes of what was forwarded stay.
                let rules = Rules::without_table(observed.host.rules.kept.clone());
                run(&mut steps, wanted, &Observed { host: Host { rules, ..Host::default() }, ..Observed::default() });
            } else {
                run(&mut steps, wanted, observed);
            }
        }
    }
    let noted = State { generation: desired.generation, plug: desired.plug.clone(), silent: desired.silent };
    if !steps.0.is_empty() {
        steps.add(Step::NoteDone, "something has changed");
    } else if observed.state.as_ref() != Some(&noted) {
        steps.add(Step::NoteDone, "another generation");
    }
    steps.0
}

/// The steps that take a load balancer off the host.
pub(crate) fn plan_removal(observed: &Observed) -> Vec<Planned<Step>> {
    let mut steps = Steps::default();
    remove(&mut steps, observed, "undeployed");
    if observed.directory {
        steps.add(Step::RemoveDirectory, "undeployed");
    }
    steps.0
}

fn interface(observed: &Observed) -> Option<ballast_netns::attach::Interface> {
    observed.host.interface(observed.state.as_ref().and_then(State::interface))
}

fn remove(steps: &mut Steps<Step>, observed: &Observed, why: &'static str) {
    plan::remove(steps, &observed.host, interface(observed), why);
}

fn run(steps: &mut Steps<Step>, wanted: Wanted<'_>, observed: &Observed) {
    let noted = observed.state.as_ref().and_then(State::interface) == Some(&wanted.plug.interface);
    if !noted || plan::renews(wanted, &observed.host) {
        steps.add(Step::NoteIntent, "what is about to be on the host can be removed after a crash");
    }
    plan::prepare(steps, wanted, &observed.host);
    let announce = plan::plug(steps, wanted, &observed.host);
    // A pass has ended before it was done: nobody knows whether it has announced the address.
    let owed = observed.state.as_ref().is_some_and(|state| state.generation == 0);
    if (announce || owed) && wanted.announce && !wanted.silent {
        steps.add(plan::Step::Announce, "neighbours may know another owner of the address");
    }
}

#[cfg(test)]
mod tests;
