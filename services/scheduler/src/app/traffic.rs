//! What load balancers have counted of late: in steps of ten seconds for ten minutes, of a minute for two hours. In memory
//! alone, and of the agents that have a session here: it is for who looks now, and what is longer ago is Prometheus's.
//!
//! Agents tell what was counted since a load balancer was deployed. What it has grown by is taken as if it had come evenly
//! since the agent last told, or, after it was away, since it was last heard. A number of another placement, or one that is
//! smaller than the one before, is where counting begins anew: nothing that was not counted in a step is shown there.
//!
//! There is room for so much. Who has traffic and was looked at longer ago than another gives way to it; who has none takes
//! no more than its last numbers.

mod book;
mod ring;
#[cfg(test)]
mod tests;

use std::{
    collections::{BTreeSet, HashMap},
    mem::size_of,
    sync::{Mutex, MutexGuard, PoisonError},
    time::Duration,
};

use ballast_model::{
    counters::{Epoch, Term},
    fault::Fault,
    ids::{AgentId, LoadBalancerId},
    outcome::Statistics,
    time::Timestamp,
};
use ballast_service::{clock::Clock, config::Settings};

pub use self::ring::TrafficPoint;
use self::ring::{Grown, Ring};
use super::{App, Caller, Owner};

const FINE: u64 = 10_000;
const COARSE: u64 = 60_000;
/// As many as are shown, and those that are not over yet.
type Fine = Ring<FINE, 62>;
type Coarse = Ring<COARSE, 122>;
/// Where nothing was counted for so long there is nothing to keep.
const KEPT: u64 = 2 * 60 * COARSE;
/// Between two looks for what need not be kept.
const SWEEP: u64 = COARSE;
/// How much later than in its interval an agent may tell.
const SLACK: Duration = Duration::from_secs(1);

/// How far back.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Span {
    TenMinutes,
    TwoHours,
}

impl Span {
    /// How long each is, and how many there are.
    const fn steps(self) -> (u64, u64) {
        match self {
            Self::TenMinutes => (FINE, 60),
            Self::TwoHours => (COARSE, 120),
        }
    }
}

/// What was counted of late.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traffic {
    pub step: Duration,
    /// When the first step began.
    pub begin: Timestamp,
    /// One for each step that is over.
    pub points: Vec<TrafficPoint>,
    /// `None`: nothing is known here.
    pub known_since: Option<Timestamp>,
}

/// What an agent told.
#[derive(Debug, Clone, Copy)]
pub struct TrafficReport {
    pub owner: Owner,
    /// Of one with a standby: which of its sides that is.
    pub term: Term,
    pub counted: Statistics,
    /// How old the load balancer is.
    pub age: Duration,
}

/// Keeps it.
#[derive(Debug)]
pub struct Histories {
    /// How long agents are silent between two reports.
    interval: u64,
    /// In bytes.
    room: usize,
    /// Added to the clock, so that steps begin when a minute of the day does.
    offset: Duration,
    began: u64,
    book: Mutex<Book>,
}

#[derive(Debug, Default)]
struct Book {
    known: HashMap<LoadBalancerId, Known>,
    /// Those with a history, by when they were looked at.
    kept: BTreeSet<(u64, LoadBalancerId)>,
    agents: HashMap<AgentId, Presence>,
    swept: u64,
}

/// An agent's sessions here. Times are in milliseconds of the clock.
#[derive(Debug, Default)]
struct Presence {
    open: u32,
    /// When the newest began,
    entered: u64,
    /// and when the agent was heard before; none: never.
    before: Option<u64>,
    heard: u64,
}

/// A load balancer.
#[derive(Debug)]
struct Known {
    agent_id: AgentId,
    epoch: Epoch,
    term: Term,
    counted: Statistics,
    /// The largest that were told in this placement: one that was too small for once makes no leap of the next.
    highest: Grown,
    told: u64,
    /// From when on all is known.
    since: u64,
    /// When it last had traffic,
    busy: u64,
    /// and was looked at.
    looked: u64,
    history: Option<Box<History>>,
}

#[derive(Debug)]
struct History {
    fine: Fine,
    coarse: Coarse,
}

/// With what a table takes beside.
const OF_KNOWN: usize = size_of::<(LoadBalancerId, Known)>() * 3 / 2;
const OF_HISTORY: usize = size_of::<History>() + size_of::<(u64, LoadBalancerId)>() * 2;

impl Histories {
    pub(super) fn of(settings: &Settings, clock: &Clock) -> Self {
        let interval = Duration::from_millis(settings.agents.statistics_interval_ms.into());
        Self::new(settings.history.traffic_mb, interval, clock)
    }

    fn new(room_mb: u32, interval: Duration, clock: &Clock) -> Self {
        let of_minute = |time: u128| u64::try_from(time % u128::from(COARSE)).unwrap_or_default();
        let (wall, now) = (millis_of(clock.now().into()), clock.monotonic());
        let offset = Duration::from_millis(of_minute(wall) + COARSE - of_minute(now.as_millis()));
        Self {
            interval: millis(interval + SLACK),
            room: usize::try_from(room_mb).unwrap_or_default() << 20,
            offset,
            began: millis(now + offset),
            book: Mutex::default(),
        }
    }

    /// A moment of the monotonic clock, as it is kept.
    fn at(&self, now: Duration) -> u64 {
        millis(now + self.offset)
    }

    fn lock(&self) -> MutexGuard<'_, Book> {
        self.book.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// A session of an agent begins.
    pub fn enter(&self, agent_id: AgentId, now: Duration) {
        let (now, mut book) = (self.at(now), self.lock());
        let here = book.agents.entry(agent_id).or_default();
        here.before = (here.entered > 0).then_some(here.heard);
        (here.entered, here.heard) = (now, now);
        here.open += 1;
    }

    /// An agent was heard in a session.
    pub fn hear(&self, agent_id: AgentId, now: Duration) {
        let (now, mut book) = (self.at(now), self.lock());
        if let Some(here) = book.agents.get_mut(&agent_id) {
            here.heard = now;
        }
    }

    /// A session ends.
    pub fn leave(&self, agent_id: AgentId) {
        if let Some(here) = self.lock().agents.get_mut(&agent_id) {
            here.open = here.open.saturating_sub(1);
        }
    }

    pub fn forget_agent(&self, agent_id: AgentId) {
        self.lock().agents.remove(&agent_id);
    }

    /// The load balancer is gone.
    pub fn forget(&self, id: LoadBalancerId) {
        let mut book = self.lock();
        if let Some(known) = book.known.remove(&id) {
            book.kept.remove(&(known.looked, id));
        }
    }

    /// What an agent has told that has a session here, of what it has.
    pub fn note(&self, told: &[TrafficReport], now: Duration) {
        let (now, mut book) = (self.at(now), self.lock());
        if now.saturating_sub(book.swept) >= SWEEP {
            book.sweep(now);
        }
        for told in told {
            book.note(self, told, now);
        }
    }

    /// What is known of a load balancer that this agent has by now. `None`: nothing is known here. It counts as looked at.
    fn read(&self, owner: &Owner, span: Span, now: Duration) -> Option<Read> {
        let (now, mut book) = (self.at(now), self.lock());
        let Book { known, kept, agents, .. } = &mut *book;
        let known = known.get_mut(&owner.load_balancer_id)?;
        let until = match agents.get(&owner.agent_id) {
            Some(here) if here.open > 0 => now.saturating_sub(self.interval),
            Some(here) if known.epoch == owner.epoch => here.heard.saturating_sub(self.interval),
            _ => known.told,
        };
        if kept.remove(&(known.looked, owner.load_balancer_id)) {
            kept.insert((now, owner.load_balancer_id));
        }
        known.looked = now;
        Some(known.read(span, until, now))
    }

    /// What all of these had in the last ten seconds of which all is told.
    fn sum(&self, ids: impl Iterator<Item = LoadBalancerId>, now: Duration) -> Option<TrafficPoint> {
        let (now, book) = (self.at(now), self.lock());
        let step = (now.checked_sub(self.interval)? / FINE).checked_sub(1)?;
        if step * FINE < self.began {
            return None;
        }
        let mut sum = TrafficPoint::default();
        for known in ids.filter_map(|id| book.known.get(&id)) {
            let of = known.history.as_ref().and_then(|history| history.fine.at(step, known.active()));
            let of = of.unwrap_or_default();
            sum.bytes_in = sum.bytes_in.saturating_add(of.bytes_in);
            sum.bytes_out = sum.bytes_out.saturating_add(of.bytes_out);
            sum.new_connections = sum.new_connections.saturating_add(of.new_connections);
            sum.active_connections = sum.active_connections.saturating_add(of.active_connections);
        }
        Some(sum)
    }

    /// Whether all of these agents have a session here.
    fn are_here(&self, mut agents: impl Iterator<Item = AgentId>) -> bool {
        let book = self.lock();
        agents.all(|id| book.agents.get(&id).is_some_and(|here| here.open > 0))
    }
}

/// What is known, by the clock of histories.
struct Read {
    step: u64,
    begin: u64,
    points: Vec<TrafficPoint>,
    since: u64,
    now: u64,
}

impl App {
    /// What a load balancer has counted of late.
    ///
    /// # Errors
    /// That it is not there, or another project's; or when the store fails.
    pub async fn traffic(&self, caller: &Caller, id: LoadBalancerId, span: Span) -> Result<Traffic, Fault> {
        let owner = self.owner_of(caller, id).await?;
        let read = owner.and_then(|owner| self.histories.read(&owner, span, self.clock.monotonic()));
        let Some(Read { step, begin, points, since, now }) = read else {
            let step = Duration::from_millis(span.steps().0);
            return Ok(Traffic { step, begin: self.now(), points: Vec::new(), known_since: None });
        };
        // To the second: the clocks are read one after the other.
        let wall = self.now().0.saturating_add(500_000);
        let moment = |at: u64| {
            let ago = i64::try_from(now.saturating_sub(at)).unwrap_or(i64::MAX).saturating_mul(1_000);
            let micros = wall.saturating_sub(ago);
            Timestamp(micros - micros.rem_euclid(1_000_000))
        };
        let step = Duration::from_millis(step);
        Ok(Traffic { step, begin: moment(begin), points, known_since: Some(moment(since)) })
    }

    /// What all of these have counted in the last ten seconds of which it is known; none: agents that may have some of them
    /// are not here.
    pub(super) fn traffic_of(
        &self,
        ids: impl Iterator<Item = LoadBalancerId>,
        agents: impl Iterator<Item = AgentId>,
    ) -> Option<TrafficPoint> {
        if !self.histories.are_here(agents) {
            return None;
        }
        self.histories.sum(ids, self.clock.monotonic())
    }
}

fn millis(time: Duration) -> u64 {
    u64::try_from(time.as_millis()).unwrap_or(u64::MAX)
}

fn millis_of(time: Timestamp) -> u128 {
    u128::try_from(time.0 / 1_000).unwrap_or_default()
}
