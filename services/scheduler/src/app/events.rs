//! What clients watch: changes as the store has them, each with its object as it is now, as far as the caller sees it.

mod objects;

use std::{
    collections::{HashMap, HashSet},
    time::Duration,
};

use ballast_model::{Uuid, fault::Fault, ids::LoadBalancerId, time::Timestamp};
use ballast_service::config;
use ballast_store::{Change, EventKind, Position, Tx, Why};
use tokio_util::sync::CancellationToken;

pub use self::objects::Object;
use super::{App, Caller};
use crate::metrics::Led;

/// How many changes are told at once.
const BATCH: u64 = 200;
/// The longest time between two upkeeps.
const UPKEEP: Duration = Duration::from_secs(60);
const SHORTEST_UPKEEP: Duration = Duration::from_millis(100);

/// `[events]`
#[derive(Debug, Clone, Copy)]
pub struct EventLimits {
    pub keep: Duration,
    pub count: u64,
    pub poll: Duration,
    pub slow_reader: Duration,
    /// How many a project may have open.
    pub watches: u32,
}

impl EventLimits {
    /// As configured.
    #[must_use]
    pub fn of(settings: &config::Events) -> Self {
        Self {
            keep: Duration::from_secs(settings.keep_seconds.into()),
            count: settings.keep_count.into(),
            poll: Duration::from_millis(settings.poll_interval_ms.into()),
            slow_reader: Duration::from_millis(settings.slow_reader_ms.into()),
            watches: settings.watches_per_project,
        }
    }
}

/// What is watched.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// In the order of a snapshot.
    pub kinds: Vec<EventKind>,
    /// Objects, and load balancers with all that is in them; empty: all.
    pub ids: HashSet<Uuid>,
    /// None: all that the caller sees.
    pub project_id: Option<String>,
}

impl Wanted {
    /// Whether the caller is to be told of a change.
    pub(super) fn has(&self, caller: &Caller, change: &Change) -> bool {
        let own = change.project_id.as_deref().zip(self.project_id.as_deref()).is_none_or(|(of, own)| of == own);
        let owner = change.load_balancer_id.map(LoadBalancerId::uuid);
        self.kinds.contains(&change.kind) && own && self.names(change.id, owner) && concerns(caller, change)
    }

    fn names(&self, id: Uuid, owner: Option<Uuid>) -> bool {
        self.ids.is_empty() || self.ids.contains(&id) || owner.is_some_and(|owner| self.ids.contains(&owner))
    }
}

/// What a view has of objects.
pub trait Shown: Sized + Send {
    /// The load balancer that it is in.
    fn owner(&self) -> Option<LoadBalancerId>;

    /// Those of these objects that are there, and that the caller sees.
    fn load(
        app: &App,
        tx: &Tx,
        caller: &Caller,
        ids: &[(EventKind, Uuid)],
    ) -> impl Future<Output = Result<Objects<Self>, Fault>> + Send;
}

/// A change, and where to go on after it.
pub struct Told<O = Object> {
    pub position: Position,
    pub kind: EventKind,
    pub id: Uuid,
    /// None: it is gone, or not for this caller.
    pub object: Option<O>,
    /// Of each change that it stands for, oldest first.
    pub why: Vec<Why>,
    /// In which it is, or was.
    pub owner: Option<LoadBalancerId>,
}

/// Some changes.
pub struct Batch<O = Object> {
    pub told: Vec<Told<O>>,
    /// Where to go on: changes that are not the caller's lie before it too.
    pub position: Position,
    pub more: bool,
}

/// A part of a snapshot: objects, and the row after which it goes on, if it does.
pub struct SnapshotPage<O = Object> {
    pub objects: Vec<(Uuid, O)>,
    pub next: Option<i64>,
}

pub type Objects<O = Object> = HashMap<(EventKind, Uuid), O>;

impl App {
    /// Where a watch that begins now will go on after its snapshot.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn end_of_events(&self) -> Result<Position, Fault> {
        self.before_last_events(0).await
    }

    /// Where one goes on to be told so many of the last changes again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn before_last_events(&self, back: u64) -> Result<Position, Fault> {
        self.store.read(|tx, _| Box::pin(tx.before_last_events(back))).await
    }

    /// Where one goes on to be told again what has changed since a time, as far back as it is kept.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn before_events_since(&self, since: Timestamp) -> Result<Position, Fault> {
        self.store.read(|tx, _| Box::pin(tx.before_events_since(since))).await
    }

    /// The next of the changes that are wanted, after a position.
    ///
    /// # Errors
    /// [`Code::CursorExpired`](ballast_model::fault::Code::CursorExpired)
    pub async fn events_after<O: Shown>(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        position: Position,
    ) -> Result<Batch<O>, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let found = tx.events_after(position, BATCH).await?;
                let end = found.end;
                let newest = newest_of_each(found.changes, |change| wanted.has(caller, change));
                let ids: Vec<_> = newest.iter().map(|one| (one.kind, one.id)).collect();
                let mut objects = O::load(self, tx, caller, &ids).await?;
                let told = newest.into_iter().map(|Newest { position, kind, id, why, owner }| Told {
                    position,
                    kind,
                    id,
                    object: objects.remove(&(kind, id)),
                    why,
                    owner,
                });
                Ok(Batch { told: told.collect(), position: end, more: found.more })
            })
        });
        read.await
    }

    /// The objects of a kind that are wanted and that the caller sees, after the row of this number.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn snapshot<O: Shown>(
        &self,
        caller: &Caller,
        wanted: &Wanted,
        (kind, after): (EventKind, i64),
    ) -> Result<SnapshotPage<O>, Fault> {
        let read = self.store.read(|tx, _| {
            Box::pin(async move {
                let rows = tx
                    .ids_after(kind, wanted.project_id.clone().or_else(|| caller.scope()).as_deref(), after, BATCH)
                    .await?;
                let more = u64::try_from(rows.len()).is_ok_and(|count| count == BATCH);
                let next = rows.last().filter(|_| more).map(|(seq, _)| *seq);
                let ids: Vec<_> = rows.into_iter().map(|(_, id)| (kind, id)).collect();
                let mut objects = O::load(self, tx, caller, &ids).await?;
                let found = ids.into_iter().filter_map(|key| objects.remove(&key).map(|object| (key.1, object)));
                let found = found.filter(|(id, object)| wanted.names(*id, object.owner().map(LoadBalancerId::uuid)));
                Ok(SnapshotPage { objects: found.collect(), next })
            })
        });
        read.await
    }

    /// Forgets, now and from time to time until `shutdown`, what need not be known any longer.
    pub async fn upkeep(&self, shutdown: CancellationToken) {
        let period = (self.events.keep / 2).clamp(SHORTEST_UPKEEP, UPKEEP);
        let mut ticks = tokio::time::interval(period);
        ticks.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                _ = ticks.tick() => {}
                () = shutdown.cancelled() => return,
            }
            self.metrics.worked(Led::Upkeep);
            let (now, limits) = (self.now(), self.events);
            let forget = self.store.write(|tx, _| {
                Box::pin(async move {
                    tx.trim_events(now, limits.keep, limits.count).await?;
                    tx.forget_requests(now).await
                })
            });
            if let Err(fault) = forget.await {
                tracing::warn!(detail = fault.detail(), "old events and requests were not forgotten: {fault}");
            }
        }
    }
}

/// Whether the caller may be told that the object changed. Agents are for admins.
fn concerns(caller: &Caller, change: &Change) -> bool {
    match (&change.project_id, change.kind) {
        (_, EventKind::Agent) => caller.admin,
        (Some(project_id), _) => caller.sees(project_id),
        (None, _) => true,
    }
}

/// An object that changed, some times.
#[derive(Debug, PartialEq)]
struct Newest {
    /// Of the last one.
    position: Position,
    kind: EventKind,
    id: Uuid,
    why: Vec<Why>,
    owner: Option<LoadBalancerId>,
}

/// Each object once, in the place of its newest change, with the reasons of all.
fn newest_of_each(changes: Vec<(Position, Change)>, wanted: impl Fn(&Change) -> bool) -> Vec<Newest> {
    let mut whys: HashMap<_, Vec<Why>> = HashMap::new();
    let wanted: Vec<_> = changes.into_iter().filter(|(_, change)| wanted(change)).collect();
    for (_, Change { kind, id, why, .. }) in &wanted {
        whys.entry((*kind, *id)).or_default().push(why.clone());
    }
    let newest_first = wanted.into_iter().rev();
    let mut newest: Vec<_> = newest_first
        .filter_map(|(position, Change { kind, id, load_balancer_id: owner, .. })| {
            whys.remove(&(kind, id)).map(|why| Newest { position, kind, id, why, owner })
        })
        .collect();
    newest.reverse();
    newest
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_object_is_told_once_where_its_newest_change_is() {
        let why = |at| Why { at: Some(Timestamp(at)), cause: None };
        let change = |id, seq| {
            let change = Change { why: why(seq), ..Change::of(EventKind::Pool, Uuid::from_u128(id), None) };
            (Position { transaction_id: 0, seq }, change)
        };
        let newest = newest_of_each(vec![change(1, 1), change(2, 2), change(1, 3), change(9, 4)], |change| {
            change.id != Uuid::from_u128(9)
        });
        let told = |id, seq, whys: &[i64]| Newest {
            position: Position { transaction_id: 0, seq },
            kind: EventKind::Pool,
            id: Uuid::from_u128(id),
            why: whys.iter().copied().map(why).collect(),
            owner: None,
        };
        assert_eq!(newest, [told(2, 2, &[2]), told(1, 3, &[1, 3])]);
    }

    #[test]
    fn what_is_wanted_is_of_its_kinds_its_project_and_its_load_balancers() {
        let admin = Caller { project_id: None, admin: true };
        let (one, other) = (Uuid::from_u128(1), Uuid::from_u128(2));
        let in_one = |kind| Change { load_balancer_id: Some(one.into()), ..Change::of(kind, other, Some("a")) };
        let member = in_one(EventKind::Member);
        let all = Wanted { kinds: vec![EventKind::Member], ..Wanted::default() };
        assert!(all.has(&admin, &member) && !all.has(&admin, &in_one(EventKind::Pool)));
        for (id, has) in [(one, true), (other, true), (Uuid::from_u128(3), false)] {
            assert_eq!(Wanted { ids: [id].into(), ..all.clone() }.has(&admin, &member), has);
        }
        for (project, has) in [("a", true), ("b", false)] {
            assert_eq!(Wanted { project_id: Some(project.to_owned()), ..all.clone() }.has(&admin, &member), has);
        }
    }

    #[test]
    fn agents_are_told_to_admins_and_what_is_shared_to_all() {
        let tenant = Caller { project_id: Some("a".to_owned()), admin: false };
        let change = |kind, project| Change::of(kind, Uuid::nil(), project);
        assert!(!concerns(&tenant, &change(EventKind::Agent, None)));
        assert!(concerns(&tenant, &change(EventKind::Network, None)));
        assert!(concerns(&tenant, &change(EventKind::Pool, Some("a"))));
        assert!(!concerns(&tenant, &change(EventKind::Pool, Some("b"))));
    }
}
