//! What a former agent counted after it had last told of it.
//!
//! When a load balancer moves, what its agent had told by then is kept beside the sum. Once that agent has let go it
//! says where its counters ended, and the difference is added: nothing is lost, and nothing is counted twice.

use std::collections::HashMap;

use ballast_model::{
    Uuid,
    counters::Epoch,
    fault::Fault,
    ids::{ListenerId, LoadBalancerId},
    outcome::Statistics,
};
use sea_orm::{ColumnTrait as _, Condition, EntityTrait as _, NotSet, QueryFilter as _, QuerySelect as _, Set};

use crate::{
    Tally, Tx,
    backend::fault_of,
    codec::{ids, natural, number},
    entity::{former_statistics, listener, listener_statistics, statistics},
    parts::{Document, Parts},
    write::pieces::pieces,
};

/// How the counters of a placement end.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Ending {
    /// Nobody knows: what was told last stands.
    Unknown,
    /// There.
    At { whole: Statistics, listeners: Vec<(ListenerId, Statistics)>, parts: Parts },
    /// Nowhere: they go on in a later placement on the same agent, which tells all of it.
    GoesOn,
}

/// Bytes in and out, connections and errors.
type Sums = [i64; 4];

const fn sums(counted: &Statistics) -> [u64; 4] {
    [counted.bytes_in, counted.bytes_out, counted.total_connections, counted.request_errors]
}

/// What was counted before, now that it is known where a placement's counters end, of which `told` was told.
fn corrected(before: Sums, told: Sums, end: Option<&Statistics>) -> Sums {
    let end = end.map(|end| sums(end).map(number));
    std::array::from_fn(|at| match end {
        Some(end) => before[at].saturating_add(end[at].saturating_sub(told[at]).max(0)),
        None => before[at].saturating_sub(told[at]).max(0),
    })
}

impl former_statistics::Model {
    const fn told(&self) -> Sums {
        [self.bytes_in, self.bytes_out, self.total_connections, self.request_errors]
    }
}

fn row(id: LoadBalancerId, epoch: Epoch, object: Uuid, told: Sums) -> former_statistics::ActiveModel {
    let [bytes_in, bytes_out, total_connections, request_errors] = told;
    former_statistics::ActiveModel {
        seq: NotSet,
        load_balancer_id: Set(id.uuid()),
        epoch: Set(number(epoch)),
        object_id: Set(object),
        bytes_in: Set(bytes_in),
        bytes_out: Set(bytes_out),
        total_connections: Set(total_connections),
        request_errors: Set(request_errors),
    }
}

fn of(id: LoadBalancerId, epoch: Epoch) -> Condition {
    let own = former_statistics::Column::LoadBalancerId.eq(id.uuid());
    Condition::all().add(own).add(former_statistics::Column::Epoch.eq(number(epoch)))
}

impl Tx {
    /// The placement of this epoch ends: what it has told so far.
    pub(crate) async fn note_counted(&self, id: LoadBalancerId, epoch: Epoch) -> Result<(), Fault> {
        let whole = statistics::Entity::find_by_id(id.uuid()).one(self.db()).await.map_err(fault_of)?;
        let whole = whole.map(|told| [told.bytes_in, told.bytes_out, told.total_connections, told.request_errors]);
        let mut rows = vec![row(id, epoch, id.uuid(), whole.unwrap_or_default())];
        for told in self.counted_of_listeners(id).await? {
            let sums = [told.bytes_in, told.bytes_out, told.total_connections, told.request_errors];
            rows.push(row(id, epoch, told.listener_id, sums));
        }
        for piece in pieces(&rows) {
            let insert = former_statistics::Entity::insert_many(piece.to_vec());
            insert.exec_without_returning(self.db()).await.map_err(fault_of)?;
        }
        Ok(())
    }

    /// It is known how the counters of a former placement end. Nothing happens for one that is known already, or of
    /// which a former release has not noted what was told.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn end_counting(&self, id: LoadBalancerId, epoch: Epoch, ending: &Ending) -> Result<(), Fault> {
        let rows = former_statistics::Entity::find().filter(of(id, epoch)).all(self.db()).await.map_err(fault_of)?;
        let told: HashMap<Uuid, Sums> = rows.iter().map(|row| (row.object_id, row.told())).collect();
        let Some(whole) = told.get(&id.uuid()) else { return Ok(()) };
        former_statistics::Entity::delete_many().filter(of(id, epoch)).exec(self.db()).await.map_err(fault_of)?;
        match ending {
            Ending::Unknown => {}
            Ending::At { whole: end, listeners, .. } => {
                self.correct(id, *whole, Some(end)).await?;
                let there = self.listeners_of(id).await?;
                for (listener, end) in listeners.iter().filter(|(listener, _)| there.contains(listener)) {
                    let told = told.get(&listener.uuid()).copied().unwrap_or_default();
                    self.correct_listener(*listener, told, Some(end)).await?;
                }
            }
            Ending::GoesOn => {
                self.correct(id, *whole, None).await?;
                for listener in self.listeners_of(id).await? {
                    let told = told.get(&listener.uuid()).copied().unwrap_or_default();
                    self.correct_listener(listener, told, None).await?;
                }
            }
        }
        let has_sides = self.election(id).await?.is_some();
        let end = |parts: &mut Document| match has_sides {
            true => parts.end_side(epoch, ending),
            false => parts.end_counting(epoch, ending),
        };
        self.change_parts(id, end).await
    }

    /// A side that stands by begins to count.
    pub(crate) async fn begin_counting(&self, id: LoadBalancerId, epoch: Epoch) -> Result<(), Fault> {
        let insert = former_statistics::Entity::insert(row(id, epoch, id.uuid(), [0; 4]));
        insert.exec_without_returning(self.db()).await.map(drop).map_err(fault_of)
    }

    async fn told_in(&self, id: LoadBalancerId, epoch: Epoch) -> Result<HashMap<Uuid, Sums>, Fault> {
        let rows = former_statistics::Entity::find().filter(of(id, epoch)).all(self.db()).await.map_err(fault_of)?;
        Ok(rows.iter().map(|row| (row.object_id, row.told())).collect())
    }

    /// What a side has counted that stands by: it is added to what was counted before. Nothing happens where that is known.
    ///
    /// # Errors
    /// As [`Self::end_counting`].
    pub async fn save_standby_statistics(
        &self,
        tally: &Tally<'_>,
        listeners: &[(ListenerId, Statistics)],
    ) -> Result<(), Fault> {
        let (id, epoch) = (tally.load_balancer.id, tally.epoch);
        let told = self.told_in(id, epoch).await?;
        let Some(known) = told.get(&id.uuid()).copied() else { return Ok(()) };
        let mut after = told.clone();
        let grown = |known: Sums, now: &Statistics| -> Sums {
            let now = sums(now).map(number);
            std::array::from_fn(|at| known[at].max(now[at]))
        };
        after.insert(id.uuid(), grown(known, &tally.whole));
        for (listener, counted) in listeners {
            let known = told.get(&listener.uuid()).copied().unwrap_or_default();
            after.insert(listener.uuid(), grown(known, counted));
        }
        if after != told {
            self.correct(id, known, Some(&tally.whole)).await?;
            for (listener, counted) in listeners {
                let known = told.get(&listener.uuid()).copied().unwrap_or_default();
                self.correct_listener(*listener, known, Some(counted)).await?;
            }
            former_statistics::Entity::delete_many().filter(of(id, epoch)).exec(self.db()).await.map_err(fault_of)?;
            let rows: Vec<_> = after.into_iter().map(|(object, told)| row(id, epoch, object, told)).collect();
            for piece in pieces(&rows) {
                let insert = former_statistics::Entity::insert_many(piece.to_vec());
                insert.exec_without_returning(self.db()).await.map_err(fault_of)?;
            }
        }
        if tally.parts.is_empty() {
            return Ok(());
        }
        self.change_parts(id, |parts| parts.tell_standby(epoch, tally.parts)).await
    }

    /// The side of epoch `to`, which stood by, is the active one, and that of `from` stands by: no sum changes.
    pub(crate) async fn swap_counting(&self, id: LoadBalancerId, from: Epoch, to: Epoch) -> Result<(), Fault> {
        self.count_from_zero(id, Some(from)).await?;
        let told = self.told_in(id, to).await?;
        former_statistics::Entity::delete_many().filter(of(id, to)).exec(self.db()).await.map_err(fault_of)?;
        let counted = |told: Sums| -> Result<Statistics, Fault> {
            Ok(Statistics {
                bytes_in: natural("bytes_in", told[0])?,
                bytes_out: natural("bytes_out", told[1])?,
                total_connections: natural("total_connections", told[2])?,
                request_errors: natural("request_errors", told[3])?,
                active_connections: 0,
            })
        };
        let whole = told.get(&id.uuid()).copied().unwrap_or_default();
        self.correct(id, whole, None).await?;
        let now = statistics::ActiveModel::of(id, counted(whole)?);
        statistics::Entity::update(now).exec_without_returning(self.db()).await.map_err(fault_of)?;
        for listener in self.listeners_of(id).await? {
            let Some(known) = told.get(&listener.uuid()).copied() else { continue };
            self.correct_listener(listener, known, None).await?;
            let now = listener_statistics::ActiveModel::of(listener, counted(known)?);
            listener_statistics::Entity::update(now).exec_without_returning(self.db()).await.map_err(fault_of)?;
        }
        self.change_parts(id, |parts| parts.resume(to)).await
    }

    async fn listeners_of(&self, id: LoadBalancerId) -> Result<Vec<ListenerId>, Fault> {
        let own = listener::Entity::find().select_only().column(listener::Column::Id);
        let own = own.filter(listener::Column::LoadBalancerId.eq(id.uuid())).into_tuple::<Uuid>().all(self.db());
        own.await.map(ids).map_err(fault_of)
    }

    async fn correct(&self, id: LoadBalancerId, told: Sums, end: Option<&Statistics>) -> Result<(), Fault> {
        let row = statistics::Entity::find_by_id(id.uuid()).one(self.db()).await.map_err(fault_of)?;
        let before = row.as_ref().map(|row| {
            [row.bytes_in_before, row.bytes_out_before, row.total_connections_before, row.request_errors_before]
        });
        let [bytes_in, bytes_out, connections, errors] = corrected(before.unwrap_or_default(), told, end);
        // What its present agent has told stays.
        let counted = row.clone().map_or_else(|| Ok(Statistics::default()), statistics::Model::into_statistics)?;
        let after = statistics::ActiveModel {
            bytes_in_before: Set(bytes_in),
            bytes_out_before: Set(bytes_out),
            total_connections_before: Set(connections),
            request_errors_before: Set(errors),
            ..statistics::ActiveModel::of(id, counted)
        };
        let done = match row {
            Some(_) => statistics::Entity::update(after).exec_without_returning(self.db()).await.map(drop),
            None => statistics::Entity::insert(after).exec_without_returning(self.db()).await.map(drop),
        };
        done.map_err(fault_of)
    }

    async fn correct_listener(&self, id: ListenerId, told: Sums, end: Option<&Statistics>) -> Result<(), Fault> {
        let row = listener_statistics::Entity::find_by_id(id.uuid()).one(self.db()).await.map_err(fault_of)?;
        let before = row.as_ref().map(|row| {
            [row.bytes_in_before, row.bytes_out_before, row.total_connections_before, row.request_errors_before]
        });
        let [bytes_in, bytes_out, connections, errors] = corrected(before.unwrap_or_default(), told, end);
        let counted =
            row.clone().map_or_else(|| Ok(Statistics::default()), listener_statistics::Model::into_statistics)?;
        let after = listener_statistics::ActiveModel {
            bytes_in_before: Set(bytes_in),
            bytes_out_before: Set(bytes_out),
            total_connections_before: Set(connections),
            request_errors_before: Set(errors),
            ..listener_statistics::ActiveModel::of(id, counted)
        };
        let done = match row {
            Some(_) => listener_statistics::Entity::update(after).exec_without_returning(self.db()).await.map(drop),
            None => listener_statistics::Entity::insert(after).exec_without_returning(self.db()).await.map(drop),
        };
        done.map_err(fault_of)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_not_told_is_added_and_what_goes_on_is_taken_out() {
        let end = Statistics { bytes_in: 120, total_connections: 7, ..Statistics::default() };
        assert_eq!(corrected([1_000, 5, 10, 0], [100, 0, 7, 0], Some(&end)), [1_020, 5, 10, 0]);
        assert_eq!(corrected([1_000, 5, 10, 0], [200, 0, 0, 0], Some(&end)), [1_000, 5, 17, 0], "never back");
        assert_eq!(corrected([1_000, 5, 10, 0], [100, 5, 11, 0], None), [900, 0, 0, 0]);
        let most = Statistics { bytes_in: u64::MAX, ..Statistics::default() };
        assert_eq!(corrected([i64::MAX, 0, 0, 0], [0; 4], Some(&most))[0], i64::MAX);
    }
}
