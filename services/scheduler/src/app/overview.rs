//! How many load balancers there are and how they fare, without reading them for each question.
//!
//! What was read once is kept, and goes on by the log of changes: a load balancer that changed is read again, which the
//! store mostly has in memory. So a question costs the same with ten load balancers and with ten thousand, and none at
//! all where nobody asks. Whether an agent lives is not kept: it is looked at with each question.

mod conflicts;
mod figures;

use std::{
    collections::{BTreeMap, HashMap, HashSet},
    time::Duration,
};

use ballast_model::{
    agent::Liveness,
    fault::{Code, Fault},
    ids::{AgentId, LoadBalancerId},
    operating::{Operating, Traffic},
    outcome::Statistics,
    status::ProvisioningStatus,
    time::Timestamp,
};
use ballast_store::{EventKind, Placed, Position};
use tokio::sync::{Mutex, MutexGuard};

pub(crate) use self::conflicts::CONFLICT;
use self::conflicts::{Conflicts, OF_LATE};
pub use self::{conflicts::Contested, figures::Figures};

use super::{App, Caller, TrafficPoint};
use crate::placement::failover::{Failover, decide};

/// How old an answer may be.
const FRESH: Duration = Duration::from_millis(250);
/// How many load balancers are read at once.
const PART: u64 = 200;
/// How many changes are read at once,
const CHANGES: u64 = 1_000;
/// and how often, before it is faster to read everything.
const BATCHES: usize = 10;

/// What is kept of load balancers. It is empty until somebody asks.
#[derive(Debug, Default)]
pub(super) struct Census(Mutex<Option<Kept>>);

#[derive(Debug)]
struct Kept {
    /// What changed up to here is in it.
    position: Position,
    read_at: Duration,
    lines: HashMap<LoadBalancerId, Line>,
    conflicts: Conflicts,
}

/// One load balancer.
#[derive(Debug)]
struct Line {
    project_id: String,
    provider: String,
    status: ProvisioningStatus,
    made: Timestamp,
    since: Timestamp,
    /// Since when a change of it is waited for.
    pending_since: Option<Timestamp>,
    agent_id: Option<AgentId>,
    run: Fares,
    /// The same, should its agent be Dead.
    not_run: Fares,
}

#[derive(Debug)]
struct Fares {
    whole: Operating,
    members: Operatings,
}

/// How many there are of each status, in the order of [`Operating::ALL`].
pub type Operatings = [u64; Operating::ALL.len()];

/// How many have a status, and which has been as it is for longest.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Oldest {
    pub count: u64,
    pub since: Timestamp,
    pub id: LoadBalancerId,
}

/// An agent, as an overview has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgentSummary {
    pub id: AgentId,
    pub host: String,
    pub liveness: Liveness,
    pub admin_state_up: bool,
    pub load_balancers: u32,
    /// Since it was heard of.
    pub silent_for: Duration,
}

/// What is asked for.
#[derive(Debug, Default)]
pub struct WantedOverview {
    pub project_id: Option<String>,
    /// How many ids.
    pub worst: usize,
    pub with_traffic: bool,
}

/// What there is.
#[derive(Debug, Default)]
pub struct Overview {
    pub position: Position,
    pub at: Timestamp,
    pub load_balancers: u64,
    pub provisioning: Vec<(ProvisioningStatus, Oldest)>,
    pub operating: Operatings,
    pub providers: BTreeMap<String, u64>,
    pub members: Operatings,
    /// Who said of late that addresses of which are theirs.
    pub contested: Vec<Contested>,
    /// For admins.
    pub failover: Option<Course>,
    /// For admins.
    pub agents: Vec<AgentSummary>,
    /// Those first that are not well.
    pub worst: Vec<LoadBalancerId>,
    pub counted: Option<Statistics>,
    /// In ten seconds of late, where that is known of all.
    pub of_late: Option<TrafficPoint>,
}

/// How failover goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Course {
    /// What Dead agents have moves.
    pub enabled: bool,
    /// What agents have that are switched off moves.
    pub drains: bool,
    /// Nothing moves, as so many of so many agents died at once.
    pub paused: Option<(usize, usize)>,
}

/// How badly a load balancer fares: the smallest is the worst.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Rank {
    NotDeployed,
    NotServing,
    Degraded,
    Pending,
    Well,
}

impl Line {
    const fn fares(&self, is_run: bool) -> &Fares {
        if is_run { &self.run } else { &self.not_run }
    }

    const fn rank(&self, is_run: bool) -> Rank {
        use ProvisioningStatus as Status;
        match (self.fares(is_run).whole, self.status) {
            (_, Status::Error) => Rank::NotDeployed,
            (Operating::Error, _) => Rank::NotServing,
            (Operating::Degraded, _) => Rank::Degraded,
            (_, Status::PendingCreate | Status::PendingUpdate) => Rank::Pending,
            (_, Status::PendingDelete | Status::Active) => Rank::Well,
        }
    }
}

impl Fares {
    fn of(placed: &Placed, is_run: bool) -> Self {
        let load_balancer = &placed.load_balancer;
        let traffic = Traffic::new(load_balancer, is_run);
        let mut members = Operatings::default();
        for pool in load_balancer.pools.iter() {
            for member in pool.members.iter() {
                count(&mut members, traffic.member(pool, member), 1);
            }
        }
        Self { whole: traffic.whole(), members }
    }
}

impl From<&Placed> for Line {
    fn from(placed: &Placed) -> Self {
        let load_balancer = &placed.load_balancer;
        Self {
            project_id: load_balancer.project_id.clone(),
            provider: load_balancer.shown_provider().to_owned(),
            status: load_balancer.progress.status,
            made: load_balancer.labels.created_at,
            since: load_balancer.labels.updated_at.unwrap_or(load_balancer.labels.created_at),
            pending_since: load_balancer.oldest_pending(),
            agent_id: placed.binding.as_ref().map(|binding| binding.agent_id),
            run: Fares::of(placed, true),
            not_run: Fares::of(placed, false),
        }
    }
}

fn count(counts: &mut Operatings, status: Operating, more: u64) {
    for (one, count) in Operating::ALL.into_iter().zip(counts) {
        if one == status {
            *count += more;
        }
    }
}

impl Overview {
    fn add(&mut self, id: LoadBalancerId, line: &Line, is_run: bool) {
        let fares = line.fares(is_run);
        self.load_balancers += 1;
        count(&mut self.operating, fares.whole, 1);
        for (counted, more) in self.members.iter_mut().zip(fares.members) {
            *counted += more;
        }
        match self.providers.get_mut(&line.provider) {
            Some(count) => *count += 1,
            None => drop(self.providers.insert(line.provider.clone(), 1)),
        }
        let one = Oldest { count: 1, since: line.since, id };
        match self.provisioning.iter_mut().find(|(status, _)| *status == line.status) {
            Some((_, oldest)) => {
                let elder = if one.since < oldest.since { one } else { *oldest };
                *oldest = Oldest { count: oldest.count + 1, ..elder };
            }
            None => self.provisioning.push((line.status, one)),
        }
    }
}

impl App {
    /// How many load balancers there are of what the caller sees, or of this project, and how they fare.
    ///
    /// # Errors
    /// That the project is another's; or when the store fails.
    pub async fn overview(&self, caller: &Caller, wanted: &WantedOverview) -> Result<Overview, Fault> {
        let project_id = wanted.project_id.as_deref();
        if let Some(project_id) = project_id {
            caller.must_own(project_id)?;
        }
        let mut overview = Overview { at: self.now(), ..Overview::default() };
        if wanted.with_traffic {
            overview.counted = Some(self.sum_stats(caller, project_id).await?);
        }
        let kept = self.current_census().await?;
        let agents = self.fleet.summaries(self.clock.monotonic());
        let living = agents.iter().filter(|agent| agent.liveness != Liveness::Dead).map(|agent| agent.id);
        let living: HashSet<AgentId> = living.collect();
        let mut ranked = Vec::new();
        if let Some(kept) = kept.as_ref() {
            overview.position = kept.position;
            let seen = |one: &Contested| {
                let line = kept.lines.get(&one.load_balancer_id);
                let is_wanted = |of: &str| caller.sees(of) && project_id.is_none_or(|wanted| wanted == of);
                line.is_some_and(|line| is_wanted(&line.project_id))
            };
            overview.contested = kept.conflicts.of_late(overview.at).into_iter().filter(seen).collect();
            for (id, line) in &kept.lines {
                if caller.sees(&line.project_id) && project_id.is_none_or(|wanted| wanted == line.project_id) {
                    let is_run = line.agent_id.is_some_and(|agent| living.contains(&agent));
                    overview.add(*id, line, is_run);
                    ranked.push((line.rank(is_run), line.made, *id));
                }
            }
        }
        drop(kept);
        if wanted.with_traffic {
            overview.of_late = self.traffic_of(ranked.iter().map(|(.., id)| *id), living.into_iter());
        }
        if wanted.worst > 0 {
            ranked.sort_unstable();
            overview.worst = ranked.into_iter().take(wanted.worst).map(|(.., id)| id).collect();
        }
        overview.provisioning.sort_unstable_by_key(|(status, _)| status.as_str());
        overview.agents = if caller.admin { agents } else { Vec::new() };
        overview.failover = caller.admin.then(|| self.course());
        Ok(overview)
    }

    /// What is kept, as it is by now. Those who ask at once wait for one who reads.
    async fn current_census(&self) -> Result<MutexGuard<'_, Option<Kept>>, Fault> {
        let mut slot = self.census.0.lock().await;
        let now = self.clock.monotonic();
        let is_whole = match slot.as_mut() {
            Some(kept) if now.saturating_sub(kept.read_at) < FRESH => true,
            Some(kept) => self.follow_census(kept, now).await?,
            None => false,
        };
        if !is_whole {
            *slot = None;
            *slot = Some(self.take_census(now).await?);
        }
        Ok(slot)
    }

    /// Reads what changed. Whether that was all: where it was too much, everything is to be read.
    async fn follow_census(&self, kept: &mut Kept, now: Duration) -> Result<bool, Fault> {
        for _ in 0..BATCHES {
            let position = kept.position;
            let read = self.store.read(|tx, _| {
                Box::pin(async move {
                    let found = tx.events_after(position, CHANGES).await?;
                    let own = found.changes.iter().filter(|(_, change)| change.kind == EventKind::LoadBalancer);
                    let ids: HashSet<LoadBalancerId> = own.map(|(_, change)| change.id.into()).collect();
                    let ids: Vec<LoadBalancerId> = ids.into_iter().collect();
                    let placed = tx.load_many_placed(&ids).await?;
                    Ok((found, ids, placed))
                })
            });
            let (found, ids, placed) = match read.await {
                Err(fault) if fault.code() == Code::CursorExpired => return Ok(false),
                read => read?,
            };
            for id in ids {
                kept.lines.remove(&id);
            }
            kept.lines.extend(placed.iter().map(|placed| (placed.load_balancer.id, Line::from(placed))));
            kept.conflicts.note(&found.changes);
            kept.position = found.end;
            if !found.more {
                kept.read_at = now;
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Reads everything. What changes meanwhile is read again from the log.
    async fn take_census(&self, now: Duration) -> Result<Kept, Fault> {
        let (position, conflicts) = self.conflicts_of_late().await?;
        let mut kept = Kept { position, read_at: now, lines: HashMap::new(), conflicts };
        let mut next = Some(0);
        while let Some(after) = next {
            let read = self.store.read(|tx, _| {
                Box::pin(async move {
                    let rows = tx.ids_after(EventKind::LoadBalancer, None, after, PART).await?;
                    let more = u64::try_from(rows.len()).is_ok_and(|count| count == PART);
                    let next = rows.last().filter(|_| more).map(|(seq, _)| *seq);
                    let ids: Vec<LoadBalancerId> = rows.into_iter().map(|(_, id)| id.into()).collect();
                    Ok((next, tx.load_many_placed(&ids).await?))
                })
            });
            let (rest, placed) = read.await?;
            kept.lines.extend(placed.iter().map(|placed| (placed.load_balancer.id, Line::from(placed))));
            next = rest;
        }
        Ok(kept)
    }

    /// Those that the end of the log has, and where that was.
    async fn conflicts_of_late(&self) -> Result<(Position, Conflicts), Fault> {
        let since = Timestamp(self.now().0.saturating_sub(OF_LATE));
        let most = CHANGES * u64::try_from(BATCHES).unwrap_or(1);
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let mut position = tx.before_events_since(since).await?.max(tx.before_last_events(most).await?);
                let mut conflicts = Conflicts::default();
                for _ in 0..BATCHES {
                    let found = tx.events_after(position, CHANGES).await?;
                    conflicts.note(&found.changes);
                    position = found.end;
                    if !found.more {
                        break;
                    }
                }
                Ok((position, conflicts))
            })
        });
        match read.await {
            Err(fault) if fault.code() == Code::CursorExpired => {
                Ok((self.end_of_events().await?, Conflicts::default()))
            }
            read => read,
        }
    }

    /// As any scheduler sees it, whichever leads.
    fn course(&self) -> Course {
        let decided = decide(&self.fleet.standings(self.clock.monotonic()), self.failover.pause);
        let paused = match decided {
            Failover::Paused { dead, of } if self.failover.enabled => Some((dead, of)),
            Failover::Paused { .. } | Failover::Nothing | Failover::From(_) => None,
        };
        Course { enabled: self.failover.enabled, drains: self.failover.drain, paused }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_counted_is_summed_and_the_oldest_of_a_status_is_named() {
        let line = |since, whole| Line {
            project_id: "p".to_owned(),
            provider: "haproxy".to_owned(),
            status: ProvisioningStatus::PendingUpdate,
            made: Timestamp(0),
            since: Timestamp(since),
            pending_since: None,
            agent_id: None,
            run: Fares { whole, members: [1, 0, 0, 2, 0, 0] },
            not_run: Fares { whole: Operating::Offline, members: [0, 3, 0, 0, 0, 0] },
        };
        let mut overview = Overview::default();
        for (id, since, is_run) in [(1, 7, true), (2, 5, true), (3, 9, false)] {
            overview.add(LoadBalancerId::from_u128(id), &line(since, Operating::Degraded), is_run);
        }
        assert_eq!(overview.load_balancers, 3);
        assert_eq!((overview.operating, overview.members), ([0, 1, 2, 0, 0, 0], [2, 3, 0, 4, 0, 0]));
        let oldest = Oldest { count: 3, since: Timestamp(5), id: LoadBalancerId::from_u128(2) };
        assert_eq!(overview.provisioning, [(ProvisioningStatus::PendingUpdate, oldest)]);
        assert_eq!(overview.providers, [("haproxy".to_owned(), 3)].into());
    }
}
