//! What a worker knows of its load balancer, and how requests, answers of drivers and observations change it.
//!
//! Pure: no clock, no chance, no calls. What to do next is decided from it in [`super::plan`].

mod calls;
mod left;
mod remembered;

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::Arc,
};

use ballast_proto::{
    agent::{Election, Outcome, Removed},
    driver::{Fault, ObjectFault},
};
use tokio::time::Instant;

use self::left::Left;
use super::order::{Age, Goal, Order};
use crate::{ledger::Settled, pace::Pace};

/// Whether a driver can be called.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Availability {
    /// It runs, and what it has deployed has been asked for.
    Ready,
    /// It will be ready soon.
    Starting,
    /// There is none of this name, or it failed.
    Missing,
}

/// When something happens, and a number from 0 to 1 by chance.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Moment {
    pub(crate) now: Instant,
    pub(crate) chance: f64,
}

/// Failures in a row, and when to try again.
#[derive(Debug, Clone, Copy, Default, PartialEq)]
pub(super) struct Retry {
    pub(super) failures: u32,
    pub(super) at: Option<Instant>,
}

impl Retry {
    fn after(self, retryable: bool, moment: Moment) -> Self {
        let failures = self.failures.saturating_add(1);
        let pace = if retryable { Pace::RETRY } else { Pace::HOPELESS };
        Self { failures, at: Some(moment.now + pace.wait(failures, moment.chance)) }
    }
}

/// One load balancer's state.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct State {
    pub(super) id: String,
    pub(super) goal: Goal,
    /// The drivers that have it or may, with the generation; nothing: unknown.
    pub(super) held: BTreeMap<String, Option<u64>>,
    pub(super) settled: Option<Settled>,
    /// Of the last attempt at the present order.
    pub(super) fault: Option<Fault>,
    pub(super) retry: Retry,
    /// How often in a row it was lost after a deploy that succeeded.
    losses: u32,
    /// How often in a row what served it said another generation than the one that was deployed.
    drifts: u32,
    /// Since when the driver has said that its device is busy, whatever was asked of it.
    busy_since: Option<Instant>,
    /// The scheduler asked and has had no answer.
    pub(super) owed: bool,
    /// Removals that a later placement has overtaken: they are confirmed as they are.
    pub(super) confirm: BTreeSet<u64>,
    /// What was left when it was last taken off a driver, until a removal is confirmed.
    left: Option<Left>,
    /// The scheduler has said in the session that is open that it is to run here.
    spoken: bool,
    /// Who had it before may answer as well.
    contested: bool,
    /// Of one of two sides: what a scheduler wants, and the highest term that was heard of here.
    election: Option<Election>,
    term: u64,
    busy: bool,
    /// When a driver's call last began or ended: older observations say nothing.
    touched: Option<Instant>,
    /// The ledger does not have this yet.
    unsaved: bool,
}

impl State {
    pub(crate) fn new(id: &str, goal: Goal) -> Self {
        Self {
            id: id.to_owned(),
            goal,
            held: BTreeMap::new(),
            settled: None,
            fault: None,
            retry: Retry::default(),
            losses: 0,
            drifts: 0,
            busy_since: None,
            owed: true,
            confirm: BTreeSet::new(),
            left: None,
            spoken: false,
            contested: false,
            election: None,
            term: 0,
            busy: false,
            touched: None,
            unsaved: true,
        }
    }

    pub(crate) fn goal(&self) -> &Goal {
        &self.goal
    }

    /// Epoch and generation of what its driver runs, be it still the desired one or not. What a former placement
    /// counted is settled first.
    pub(crate) fn running(&self) -> Option<(u64, u64)> {
        let Goal::Run(order) = &self.goal else { return None };
        if !self.confirm.is_empty() {
            return None;
        }
        let settled = self.settled.as_ref().filter(|settled| settled.driver == order.driver)?;
        Some((order.epoch, settled.generation))
    }

    pub(crate) fn is_busy(&self) -> bool {
        self.busy
    }

    pub(crate) fn is_contested(&self) -> bool {
        self.contested
    }

    /// Whether the scheduler has said in the session that is open that it is to run here.
    pub(crate) fn is_spoken_of(&self) -> bool {
        self.spoken
    }

    /// The scheduler says that it is to run here. What failed because nobody had is tried again.
    pub(crate) fn spoken_of(&mut self, contested: bool) {
        self.contested = contested;
        if !std::mem::replace(&mut self.spoken, true) && self.fault.is_some() {
            self.retry = Retry::default();
        }
    }

    /// Which of its two sides a scheduler wants to answer. One of the past is none.
    pub(crate) fn elect(&mut self, election: Option<Election>) {
        let Some(asked) = election else { return };
        if self.election.as_ref().is_none_or(|known| asked.key != known.key || asked.term > known.term) {
            self.election = Some(asked);
            self.unsaved = true;
        }
    }

    pub(crate) fn election(&self) -> Option<&Election> {
        self.election.as_ref()
    }

    /// The highest term that was heard of here.
    pub(crate) fn term(&self) -> u64 {
        self.term
    }

    /// The warden has heard of this term. Whether it is news.
    pub(crate) fn hears_of(&mut self, term: u64) -> bool {
        let is_news = term > self.term;
        self.term = self.term.max(term);
        self.unsaved |= is_news;
        is_news
    }

    pub(crate) fn spoken_of_no_more(&mut self) {
        self.spoken = false;
    }

    pub(crate) fn settled(&self) -> Option<&Settled> {
        self.settled.as_ref()
    }

    /// The scheduler desires this.
    pub(crate) fn desire(&mut self, order: Order) -> Age {
        let age = self.goal.weigh(&order);
        match age {
            Age::Newer => self.replace(order),
            Age::Again => self.owed = true,
            Age::Older => {
                // whoever asks within the same placement is answered with what is newer than he asked for
                self.owed |= matches!(&self.goal, Goal::Run(current) if current.epoch == order.epoch);
            }
        }
        age
    }

    fn replace(&mut self, order: Order) {
        let told_apart = match &self.goal {
            Goal::Run(current) => current.told_apart(&order),
            Goal::Gone { cluster, .. } => *cluster == order.cluster,
        };
        if !told_apart {
            self.settled = None;
        }
        if let Goal::Gone { epochs, .. } = &mut self.goal {
            self.confirm.append(epochs);
        }
        self.goal = Goal::Run(Arc::new(order));
        self.begin_anew();
    }

    /// It is to be removed; `epoch`: of the removal that waits to be confirmed, if one does.
    pub(crate) fn remove(&mut self, cluster: &str, epoch: Option<u64>) -> Age {
        match &mut self.goal {
            Goal::Run(order) if order.cluster == cluster && epoch.is_some_and(|epoch| epoch < order.epoch) => {
                self.confirm.extend(epoch);
                Age::Older
            }
            Goal::Run(order) => {
                let driver = order.driver.clone();
                self.held.entry(driver).or_insert(None);
                self.goal = Goal::Gone { cluster: cluster.to_owned(), epochs: epoch.into_iter().collect() };
                self.begin_anew();
                Age::Newer
            }
            Goal::Gone { epochs, .. } => {
                epochs.extend(epoch);
                self.unsaved = true;
                Age::Again
            }
        }
    }

    fn begin_anew(&mut self) {
        self.fault = None;
        self.retry = Retry::default();
        (self.losses, self.drifts) = (0, 0);
        self.owed = true;
        self.unsaved = true;
    }

    /// A driver may have it.
    pub(crate) fn suspect(&mut self, driver: &str) {
        self.held.entry(driver.to_owned()).or_insert(None);
    }

    pub(crate) fn answered(&mut self) {
        self.owed = false;
    }

    /// What the scheduler is told of the removal of this epoch. What is left belongs to the last of several.
    pub(crate) fn removed(&mut self, epoch: u64) -> Removed {
        self.confirm.remove(&epoch);
        let last = match &self.goal {
            Goal::Run(_) => self.confirm.is_empty(),
            Goal::Gone { epochs, .. } => epochs.last() == Some(&epoch),
        };
        let goes_on = match &self.goal {
            Goal::Run(order) => self.settled.as_ref().is_some_and(|settled| settled.driver == order.driver),
            Goal::Gone { .. } => false,
        };
        match (last, self.left.is_some()) {
            (true, true) => Left::told(self.left.take(), self.id.clone(), epoch),
            // What it counted went on in the later one, which tells it.
            (false, true) => Removed { kept: true, ..Left::told(None, self.id.clone(), epoch) },
            (_, false) => Removed { kept: goes_on, ..Left::told(None, self.id.clone(), epoch) },
        }
    }

    /// A driver, asked at `asked`, said that it has this generation (0: dead or unknown), or (nothing) that it has not
    /// got this load balancer. Returns whether something that ran has been lost.
    pub(crate) fn observed(&mut self, driver: &str, generation: Option<u64>, asked: Instant, moment: Moment) -> bool {
        if self.busy || self.touched.is_some_and(|touched| touched >= asked) {
            return false;
        }
        match generation {
            Some(generation) => self.held.insert(driver.to_owned(), Some(generation)),
            None => self.held.remove(driver),
        };
        let Goal::Run(order) = &self.goal else { return false };
        let Some(settled) = self.settled_for(order).filter(|settled| settled.driver == driver) else { return false };
        if generation == Some(settled.generation) {
            self.losses = 0;
            // an attempt to deploy it once more failed, and was not needed: the scheduler is told better
            self.owed |= self.fault.take().is_some();
            return false;
        }
        let wait = if self.losses == 0 { None } else { Some(Pace::RETRY.wait(self.losses, moment.chance)) };
        self.retry = Retry { failures: 0, at: wait.map(|wait| moment.now + wait) };
        self.losses = self.losses.saturating_add(1);
        self.settled = None;
        self.unsaved = true;
        true
    }

    /// What serves it for a driver, seen at `asked`, says that it is this generation. Returns whether it is another one than
    /// was deployed: then it is deployed again, each time later if that does not help.
    pub(crate) fn reported(&mut self, driver: &str, generation: u64, asked: Instant, moment: Moment) -> bool {
        if self.busy || self.touched.is_some_and(|touched| touched >= asked) {
            return false;
        }
        let Goal::Run(order) = &self.goal else { return false };
        let Some(settled) = self.settled_for(order).filter(|settled| settled.driver == driver) else { return false };
        if generation == settled.generation {
            self.drifts = 0;
            return false;
        }
        let wait = if self.drifts == 0 { None } else { Some(Pace::RETRY.wait(self.drifts, moment.chance)) };
        self.retry = Retry { failures: 0, at: wait.map(|wait| moment.now + wait) };
        self.drifts = self.drifts.saturating_add(1);
        self.held.insert(driver.to_owned(), None);
        self.settled = None;
        self.unsaved = true;
        true
    }

    /// This driver has started (again): what it called hopeless may have become possible, and an object that it could not
    /// have, as another file of it may declare more.
    pub(crate) fn driver_started(&mut self, driver: &str, moment: Moment) {
        if self.settled.as_ref().is_some_and(|settled| settled.driver == driver && !settled.faults.is_empty())
            && let Some(held) = self.held.get_mut(driver)
        {
            *held = None;
        }
        let soon = moment.now + Pace::RETRY.wait(self.retry.failures, moment.chance);
        self.retry.at = self.retry.at.map(|at| at.min(soon));
    }

    /// The last deploy that succeeded, if it was of this order.
    pub(super) fn settled_for(&self, order: &Order) -> Option<&Settled> {
        self.settled.as_ref().filter(|settled| settled.driver == order.driver && settled.generation == order.generation)
    }

    /// How the present order has ended so far.
    pub(super) fn outcome(&self, order: &Order) -> Option<Outcome> {
        match &self.fault {
            Some(fault) => Some(failed(order, fault.clone())),
            None => self.settled_for(order).map(|settled| succeeded(order, settled.faults.clone())),
        }
    }
}

fn succeeded(order: &Order, faults: Vec<ObjectFault>) -> Outcome {
    Outcome {
        load_balancer_id: order.id().to_owned(),
        epoch: order.epoch,
        generation: order.generation,
        faults,
        ..Outcome::default()
    }
}

pub(super) fn failed(order: &Order, fault: Fault) -> Outcome {
    Outcome { fault: Some(fault), ..succeeded(order, Vec::new()) }
}
