//! What is noted of each load balancer, and who gives way to whom.

use ballast_model::{
    counters::{Epoch, Term},
    ids::LoadBalancerId,
    outcome::Statistics,
};

use super::{
    Book, Coarse, Fine, Histories, History, KEPT, Known, OF_HISTORY, OF_KNOWN, Owner, Read, Span, TrafficPoint,
    TrafficReport, millis,
    ring::{Grown, small},
};

/// What an agent told, beside what it told before.
struct News {
    /// When what has grown may have begun to grow.
    from: u64,
    now: u64,
    grown: Grown,
    before: Statistics,
}

impl Book {
    pub(super) fn note(&mut self, of: &Histories, told: &TrafficReport, now: u64) {
        let Owner { agent_id, load_balancer_id: id, epoch } = told.owner;
        let Some(known) = self.known.get_mut(&id) else { return self.meet(of, told, now) };
        let term = told.term;
        if (term, epoch) < (known.term, known.epoch) {
            return;
        }
        let from = match self.agents.get(&agent_id) {
            Some(here) if known.told < here.entered => here.before.unwrap_or(here.entered),
            _ => now.saturating_sub(of.interval),
        };
        let from = from.max(known.told).min(now);
        let is_swap = term == known.term.next() && known.term > Term::NONE;
        let grown = if (known.agent_id, known.epoch) == (agent_id, epoch) {
            known.term = term;
            known.grow(&told.counted)
        } else {
            // Between one placement and the next there is nothing that another scheduler knows.
            if epoch != known.epoch.next() && !is_swap {
                (known.since, known.history) = (now, None);
                self.kept.remove(&(known.looked, id));
            }
            (known.agent_id, known.epoch, known.highest) = (agent_id, epoch, Grown::of(&told.counted));
            known.term = term;
            Grown::default()
        };
        let before = std::mem::replace(&mut known.counted, told.counted);
        known.told = now;
        self.record(of, id, &News { from, now, grown, before });
    }

    /// One of which nothing was known. What it has counted is of a time of which nothing is known either, but for one that
    /// was made since this scheduler began.
    fn meet(&mut self, of: &Histories, told: &TrafficReport, now: u64) {
        let Owner { agent_id, load_balancer_id: id, epoch } = told.owner;
        if self.used() + OF_KNOWN > of.room {
            return;
        }
        let made = now.saturating_sub(millis(told.age));
        let is_new = epoch == Epoch::FIRST && made >= of.began;
        let since = if is_new { made } else { now };
        let highest = Grown::of(&told.counted);
        let known = Known {
            agent_id,
            epoch,
            term: told.term,
            counted: told.counted,
            highest,
            told: now,
            since,
            busy: now,
            looked: 0,
            history: None,
        };
        self.known.insert(id, known);
        let grown = if is_new { highest } else { Grown::default() };
        self.record(of, id, &News { from: since, now, grown, before: Statistics::default() });
    }

    /// Keeps what was counted, where there is something to keep and room for it.
    fn record(&mut self, of: &Histories, id: LoadBalancerId, news: &News) {
        let News { from, now, grown, ref before } = *news;
        let used = self.used();
        let Some(known) = self.known.get_mut(&id) else { return };
        let active = (small(before.active_connections), known.active());
        if known.history.is_none() {
            if grown.is_none() && active == (0, 0) {
                return;
            }
            if used + OF_HISTORY > of.room && !self.give_way(id, now) {
                return;
            }
            let Some(known) = self.known.get_mut(&id) else { return };
            self.kept.insert((known.looked, id));
            known.history = Some(Box::new(History { fine: Fine::new(now), coarse: Coarse::new(now) }));
        }
        let Some(known) = self.known.get_mut(&id) else { return };
        if !grown.is_none() || active.1 > 0 {
            known.busy = now;
        }
        if let Some(history) = &mut known.history {
            history.fine.add((from, now), grown, active);
            history.coarse.add((from, now), grown, active);
        }
    }

    /// Whether one that was looked at longer ago has given way to this one; else of this one nothing is known.
    fn give_way(&mut self, id: LoadBalancerId, now: u64) -> bool {
        let looked = self.known.get(&id).map_or(0, |known| known.looked);
        let first = self.kept.first().copied().filter(|(at, _)| *at < looked);
        let loser = first.map_or(id, |(_, id)| id);
        self.kept.remove(&(first.unwrap_or_default().0, loser));
        if let Some(known) = self.known.get_mut(&loser) {
            (known.history, known.since) = (None, now);
        }
        first.is_some()
    }

    pub(super) fn used(&self) -> usize {
        self.known.len() * OF_KNOWN + self.kept.len() * OF_HISTORY
    }

    /// What has had no traffic for longer than is shown need not be kept.
    pub(super) fn sweep(&mut self, now: u64) {
        self.swept = now;
        let Self { known, kept, .. } = self;
        kept.retain(|(_, id)| {
            let Some(known) = known.get_mut(id) else { return false };
            let is_idle = known.active() == 0 && now.saturating_sub(known.busy) > KEPT;
            if is_idle {
                known.history = None;
            }
            !is_idle
        });
    }
}

impl Known {
    pub(super) fn active(&self) -> u32 {
        small(self.counted.active_connections)
    }

    /// What was counted since the last time.
    fn grow(&mut self, now: &Statistics) -> Grown {
        let (before, now) = (Grown::of(&self.counted), Grown::of(now));
        let grown = |before: u64, highest: &mut u64, now: u64| {
            let from = if before < *highest && now >= *highest { *highest } else { before };
            *highest = now.max(*highest);
            now.saturating_sub(from)
        };
        Grown {
            bytes_in: grown(before.bytes_in, &mut self.highest.bytes_in, now.bytes_in),
            bytes_out: grown(before.bytes_out, &mut self.highest.bytes_out, now.bytes_out),
            connections: grown(before.connections, &mut self.highest.connections, now.connections),
        }
    }

    pub(super) fn read(&self, span: Span, until: u64, now: u64) -> Read {
        let (step, count) = span.steps();
        let end = until / step;
        let first = (now / step).saturating_sub(count).max(self.since / step).min(end);
        let point = |at: u64| match (&self.history, span) {
            (Some(history), Span::TenMinutes) => history.fine.at(at, self.active()),
            (Some(history), Span::TwoHours) => history.coarse.at(at, self.active()),
            (None, _) => Some(TrafficPoint::default()),
        };
        let points = (first..end).map(|at| point(at).unwrap_or_default()).collect();
        Read { step, begin: first * step, points, since: self.since, now }
    }
}
