//! What a worker does next: a pure function of its state, of the drivers' availability and of the time.
//!
//! Asking twice gives the same answer. Nothing is called here.

use std::sync::Arc;

use ballast_abi::DriverError;
use ballast_proto::{agent::Outcome, driver::Fault};
use tokio::time::Instant;

use super::{
    order::{Goal, Order},
    state::{Availability, State, failed},
};

/// One step of a worker.
#[derive(Debug, Clone, PartialEq)]
pub(crate) enum Step {
    /// Tell the scheduler that the removal of this epoch is done: a later placement has taken its place.
    Confirm(u64),
    /// Tell the scheduler how the present order has ended, without a call.
    Answer(Outcome),
    Deploy(Arc<Order>),
    /// Take it off this driver.
    Undeploy(String),
    /// Nothing to do until then, or until something changes.
    Wait(Option<Instant>),
    /// No driver has it, and none is to.
    Finished,
}

impl Step {
    /// The driver that is called.
    pub(crate) fn driver(&self) -> Option<&str> {
        match self {
            Self::Deploy(order) => Some(&order.driver),
            Self::Undeploy(driver) => Some(driver),
            Self::Confirm(_) | Self::Answer(_) | Self::Wait(_) | Self::Finished => None,
        }
    }
}

/// The next step.
pub(crate) fn next(state: &State, availability: &dyn Fn(&str) -> Availability, now: Instant) -> Step {
    if let Some(epoch) = state.confirm.first() {
        return Step::Confirm(*epoch);
    }
    match &state.goal {
        Goal::Run(order) => run(state, order, availability, now),
        Goal::Gone { .. } if state.held.is_empty() => Step::Finished,
        Goal::Gone { .. } => undeploy(state, None, availability, now),
    }
}

fn run(state: &State, order: &Arc<Order>, availability: &dyn Fn(&str) -> Availability, now: Instant) -> Step {
    let outcome = state.outcome(order);
    let held = state.held.get(&order.driver) == Some(&Some(order.generation));
    let satisfied = held && state.settled_for(order).is_some_and(|settled| !settled.is_hopeful());
    if satisfied {
        return match outcome {
            Some(outcome) if state.owed => Step::Answer(outcome),
            _ => undeploy(state, Some(&order.driver), availability, now),
        };
    }
    match availability(&order.driver) {
        Availability::Starting => Step::Wait(None),
        Availability::Missing if state.owed => {
            Step::Answer(outcome.unwrap_or_else(|| failed(order, no_driver(&order.driver))))
        }
        Availability::Missing => Step::Wait(None),
        Availability::Ready => match (state.retry.at.filter(|at| now < *at), outcome) {
            (Some(_), Some(outcome)) if state.owed => Step::Answer(outcome),
            (Some(at), _) => Step::Wait(Some(at)),
            (None, _) => Step::Deploy(Arc::clone(order)),
        },
    }
}

/// Takes it off the first driver that can be called and is not the one to stay.
fn undeploy(state: &State, stays: Option<&str>, availability: &dyn Fn(&str) -> Availability, now: Instant) -> Step {
    let mut others = state.held.keys().filter(|driver| stays != Some(driver.as_str()));
    match others.find(|driver| availability(driver) == Availability::Ready) {
        None => Step::Wait(None),
        Some(driver) => match state.retry.at.filter(|at| now < *at) {
            Some(at) => Step::Wait(Some(at)),
            None => Step::Undeploy(driver.clone()),
        },
    }
}

/// The fault of a load balancer whose driver does not run here.
pub(super) fn no_driver(driver: &str) -> Fault {
    DriverError::unavailable("the agent's driver is not available")
        .with_detail(format!(
            "driver {driver} does not run on this agent: see the agent's log, or put it into drivers_dir"
        ))
        .into()
}
