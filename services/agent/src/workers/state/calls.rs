//! How the calls of drivers begin and end.

use std::{sync::Arc, time::Duration};

use ballast_abi::ErrorCode;
use ballast_proto::{
    agent::Outcome,
    driver::{DeployReply, Fault, UndeployReply},
};
use tokio::time::Instant;

use super::{Goal, Left, Moment, Order, Retry, Settled, State, failed, succeeded};

/// How long a device may be busy before that is a failure.
const BUSY: Duration = Duration::from_secs(120);

impl State {
    /// A call of a driver begins.
    pub(crate) fn begin(&mut self, now: Instant) {
        self.busy = true;
        self.touched = Some(now);
    }

    /// A deploy has ended. Returns what the scheduler is to be told: nothing when a newer order has made a failure
    /// meaningless.
    pub(crate) fn deployed(
        &mut self,
        order: &Arc<Order>,
        result: Result<DeployReply, Fault>,
        moment: Moment,
    ) -> Option<Outcome> {
        self.busy = false;
        self.touched = Some(moment.now);
        let (current, told_apart) = match &self.goal {
            Goal::Run(goal) => (goal == order, goal.told_apart(order)),
            Goal::Gone { .. } => (false, false),
        };
        match result {
            Ok(DeployReply { faults, effect, .. }) => {
                self.held.insert(order.driver.clone(), Some(order.generation));
                let settled = Settled { driver: order.driver.clone(), generation: order.generation, faults };
                self.busy_since = None;
                if !order.load_balancer.silent && std::mem::take(&mut self.was_silent) {
                    self.silent_until = Some(moment.now);
                }
                if current {
                    self.fault = None;
                    self.retry = if settled.is_hopeful() { self.retry.after(true, moment) } else { Retry::default() };
                    self.owed = false;
                }
                let outcome = told_apart.then(|| Outcome { effect, ..succeeded(order, settled.faults.clone()) });
                self.settled = told_apart.then_some(settled);
                self.unsaved = true;
                outcome
            }
            Err(fault) => {
                self.held.insert(order.driver.clone(), None);
                if !current {
                    return None;
                }
                self.retry = self.retry.after(fault.retryable, moment);
                self.owed = false;
                self.fault = Some(fault.clone());
                Some(failed(order, fault))
            }
        }
    }

    /// A deploy was cut short by the end of its driver's process: nobody knows how it ended. Returns whether that is no
    /// failure yet: only a driver that ends each time it is asked for this has failed.
    pub(crate) fn interrupted(&mut self, order: &Arc<Order>, moment: Moment) -> bool {
        if !self.is_current(order) || self.retry.failures > 0 {
            return false;
        }
        self.try_again(order, moment);
        true
    }

    /// The device was too busy for a deploy. Returns whether that is no failure yet: it is when it lasts.
    pub(crate) fn waits(&mut self, order: &Arc<Order>, fault: &Fault, moment: Moment) -> bool {
        if !self.is_current(order) || ErrorCode(fault.code) != ErrorCode::BUSY || !fault.retryable {
            return false;
        }
        let since = *self.busy_since.get_or_insert(moment.now);
        if moment.now.saturating_duration_since(since) >= BUSY {
            return false;
        }
        self.try_again(order, moment);
        true
    }

    fn is_current(&self, order: &Arc<Order>) -> bool {
        matches!(&self.goal, Goal::Run(goal) if goal == order)
    }

    /// A deploy has ended without a result: it is tried again, and the scheduler is told nothing.
    fn try_again(&mut self, order: &Order, moment: Moment) {
        self.busy = false;
        self.touched = Some(moment.now);
        self.held.insert(order.driver.clone(), None);
        self.retry = self.retry.after(true, moment);
    }

    /// An undeploy has ended.
    pub(crate) fn undeployed(&mut self, driver: &str, result: Result<UndeployReply, Fault>, moment: Moment) {
        self.busy = false;
        self.touched = Some(moment.now);
        match result {
            Ok(reply) => {
                if matches!(self.goal, Goal::Gone { .. }) || !self.confirm.is_empty() {
                    self.left = Left::of(driver, reply).or(self.left.take());
                }
                self.held.remove(driver);
                self.settled = self.settled.take().filter(|settled| settled.driver != driver);
                if matches!(self.goal, Goal::Gone { .. }) {
                    self.retry = Retry::default();
                }
                self.unsaved = true;
            }
            Err(fault) => self.retry = self.retry.after(fault.retryable, moment),
        }
    }
}
