//! Counters of load balancers and of their listeners.

use std::collections::{BTreeMap, HashMap};

use ballast_model::{
    counters::Epoch,
    fault::Fault,
    ids::{ListenerId, LoadBalancerId, MemberId, PoolId},
    load_balancer::{LoadBalancer, listener_not_found, pool_not_found},
    outcome::Statistics,
    view::v1,
};
use sea_orm::{
    ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, Iterable as _, QueryFilter as _, Set,
    sea_query::{self, OnConflict},
};

use crate::{
    Tx,
    backend::{fault_of, is_among, is_reference},
    codec::number,
    entity::{listener, listener_statistics, statistics},
    parts::{Document, Parts},
    write::pieces::pieces,
};

/// What the agent of a placement has counted of a load balancer.
#[derive(Debug, Clone, Copy)]
pub struct Tally<'a> {
    pub load_balancer: &'a LoadBalancer,
    pub epoch: Epoch,
    pub whole: Statistics,
    /// Of pools and members, those that have counted since it last told.
    pub parts: &'a Parts,
}

impl Tx {
    /// The counters of a load balancer, those of its former agents too; zeros when none were stored.
    ///
    /// # Errors
    /// [`Code::Internal`](ballast_model::fault::Code::Internal): the database failed.
    pub async fn statistics(&self, load_balancer_id: LoadBalancerId) -> Result<Statistics, Fault> {
        let row = statistics::Entity::find_by_id(load_balancer_id.uuid()).one(self.db()).await.map_err(fault_of)?;
        row.map_or(Ok(Statistics::default()), statistics::Model::total)
    }

    /// The counters of a pool of this load balancer, those of its former agents too; zeros when none were stored.
    ///
    /// # Errors
    /// As [`Self::statistics`].
    pub async fn pool_statistics(&self, of: LoadBalancerId, id: PoolId) -> Result<Statistics, Fault> {
        Ok(self.parts_of(of).await?.pool(id))
    }

    /// The same of a member.
    ///
    /// # Errors
    /// As [`Self::statistics`].
    pub async fn member_statistics(&self, of: LoadBalancerId, id: MemberId) -> Result<Statistics, Fault> {
        Ok(self.parts_of(of).await?.member(id))
    }

    async fn parts_of(&self, id: LoadBalancerId) -> Result<Document, Fault> {
        let row = statistics::Entity::find_by_id(id.uuid()).one(self.db()).await.map_err(fault_of)?;
        row.map_or_else(|| Ok(Document::default()), |row| row.document())
    }

    /// Whether each of these says something else than what is stored.
    ///
    /// # Errors
    /// As [`Self::statistics`].
    pub async fn are_news(&self, counted: &[(LoadBalancerId, Epoch, Statistics, &Parts)]) -> Result<Vec<bool>, Fault> {
        let rows = self.statistics_rows(counted.iter().map(|(id, ..)| *id).collect()).await?;
        let is_news = |(id, epoch, whole, parts): &(LoadBalancerId, Epoch, Statistics, &Parts)| {
            let Some(row) = rows.get(id) else { return Ok(*whole != Statistics::default() || !parts.is_empty()) };
            if row.clone().into_statistics()? != *whole {
                return Ok(true);
            }
            Ok(!parts.is_empty() && row.document()?.is_news(*epoch, parts))
        };
        counted.iter().map(is_news).collect()
    }

    async fn statistics_rows(
        &self,
        ids: Vec<LoadBalancerId>,
    ) -> Result<HashMap<LoadBalancerId, statistics::Model>, Fault> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let among = is_among(self.db().get_database_backend(), "load_balancer_id", &ids);
        let rows = statistics::Entity::find().filter(among).all(self.db()).await.map_err(fault_of)?;
        Ok(rows.into_iter().map(|row| (row.load_balancer_id.into(), row)).collect())
    }

    /// Stores what its agent counted of each load balancer in the place of what it counted before.
    ///
    /// # Errors
    /// [`Code::PoolNotFound`](ballast_model::fault::Code::PoolNotFound): one is gone; or as [`Self::statistics`].
    pub async fn save_statistics(&self, tallies: &[Tally<'_>]) -> Result<(), Fault> {
        let (with, without): (Vec<&Tally<'_>>, Vec<_>) = tallies.iter().partition(|tally| !tally.parts.is_empty());
        let rows = self.statistics_rows(with.iter().map(|tally| tally.load_balancer.id).collect()).await?;
        let with_parts = with.into_iter().map(|tally| {
            let id = tally.load_balancer.id;
            let mut document = rows.get(&id).map_or_else(|| Ok(Document::default()), statistics::Model::document)?;
            document.tell(tally.epoch, tally.parts);
            document.keep(tally.load_balancer);
            let row = statistics::ActiveModel::of(id, tally.whole);
            Ok((id, statistics::ActiveModel { parts: Set(document.text()), ..row }))
        });
        self.replace_statistics(&with_parts.collect::<Result<Vec<_>, Fault>>()?, true).await?;
        let of = |tally: &Tally<'_>| {
            let id = tally.load_balancer.id;
            (id, statistics::ActiveModel::of(id, tally.whole))
        };
        self.replace_statistics(&without.into_iter().map(of).collect::<Vec<_>>(), false).await
    }

    async fn replace_statistics(
        &self,
        rows: &[(LoadBalancerId, statistics::ActiveModel)],
        with_parts: bool,
    ) -> Result<(), Fault> {
        let columns = [
            statistics::Column::RequestErrors,
            statistics::Column::BytesIn,
            statistics::Column::BytesOut,
            statistics::Column::ActiveConnections,
            statistics::Column::TotalConnections,
        ];
        let columns = columns.into_iter().chain(with_parts.then_some(statistics::Column::Parts));
        let replace = OnConflict::column(statistics::Column::LoadBalancerId).update_columns(columns).to_owned();
        for piece in pieces(rows) {
            let rows = piece.iter().map(|(_, row)| row.clone());
            let insert = statistics::Entity::insert_many(rows).on_conflict(replace.clone());
            insert.exec_without_returning(self.db()).await.map_err(|error| match piece {
                [(id, _), ..] if is_reference(&error) => pool_not_found(v1::pool_of(*id)),
                _ => fault_of(error),
            })?;
        }
        Ok(())
    }

    /// Changes what is stored of pools and members, where anything is.
    pub(crate) async fn change_parts(
        &self,
        id: LoadBalancerId,
        change: impl Fn(&mut Document) + Send,
    ) -> Result<(), Fault> {
        let row = statistics::Entity::find_by_id(id.uuid()).one(self.db()).await.map_err(fault_of)?;
        let Some(row) = row else { return Ok(()) };
        let before = row.document()?;
        let mut after = before.clone();
        change(&mut after);
        if after == before {
            return Ok(());
        }
        let id = Set(row.load_balancer_id);
        let row = statistics::ActiveModel { load_balancer_id: id, parts: Set(after.text()), ..Default::default() };
        statistics::Entity::update(row).exec_without_returning(self.db()).await.map(drop).map_err(fault_of)
    }

    /// The load balancer gets another agent, which counts from zero: what was counted so far is added to what it
    /// counts. `former`: the epoch that ends; none: nobody will say where its counters end.
    pub(crate) async fn count_from_zero(
        &self,
        load_balancer_id: LoadBalancerId,
        former: Option<Epoch>,
    ) -> Result<(), Fault> {
        if let Some(former) = former {
            self.note_counted(load_balancer_id, former).await?;
        }
        self.listeners_count_from_zero(load_balancer_id).await?;
        let row = statistics::Entity::find_by_id(load_balancer_id.uuid()).one(self.db()).await.map_err(fault_of)?;
        let Some(row) = row else { return Ok(()) };
        let mut document = row.document()?;
        document.end_placement(former.unwrap_or_else(|| document.epoch()));
        let total = row.total()?;
        let row = statistics::ActiveModel {
            parts: Set(document.text()),
            bytes_in_before: Set(number(total.bytes_in)),
            bytes_out_before: Set(number(total.bytes_out)),
            total_connections_before: Set(number(total.total_connections)),
            request_errors_before: Set(number(total.request_errors)),
            ..statistics::ActiveModel::of(load_balancer_id, Statistics::default())
        };
        statistics::Entity::update(row).exec_without_returning(self.db()).await.map(|_| ()).map_err(fault_of)
    }

    /// The counters of a listener, those of its former agents too; zeros when none were stored.
    ///
    /// # Errors
    /// As [`Self::statistics`].
    pub async fn listener_statistics(&self, id: ListenerId) -> Result<Statistics, Fault> {
        let row = listener_statistics::Entity::find_by_id(id.uuid()).one(self.db()).await.map_err(fault_of)?;
        row.map_or(Ok(Statistics::default()), listener_statistics::Model::total)
    }

    /// What their present agents counted, of those of these listeners that have any counters.
    ///
    /// # Errors
    /// As [`Self::statistics`].
    pub async fn statistics_of_listeners(&self, ids: &[ListenerId]) -> Result<HashMap<ListenerId, Statistics>, Fault> {
        if ids.is_empty() {
            return Ok(HashMap::new());
        }
        let among = is_among(self.db().get_database_backend(), "listener_id", ids);
        let rows = listener_statistics::Entity::find().filter(among).all(self.db()).await.map_err(fault_of)?;
        rows.into_iter().map(|row| Ok((row.listener_id.into(), row.into_statistics()?))).collect()
    }

    /// Stores what its agent counted of each listener in the place of what it counted before.
    ///
    /// # Errors
    /// [`Code::ListenerNotFound`](ballast_model::fault::Code::ListenerNotFound): one is gone; or as
    /// [`Self::statistics`].
    pub async fn save_listener_statistics(&self, counted: &BTreeMap<ListenerId, Statistics>) -> Result<(), Fault> {
        use listener_statistics::Column as C;
        let columns = [C::BytesIn, C::BytesOut, C::ActiveConnections, C::TotalConnections, C::RequestErrors];
        let replace = OnConflict::column(C::ListenerId).update_columns(columns).to_owned();
        let counted: Vec<(&ListenerId, &Statistics)> = counted.iter().collect();
        for piece in pieces(&counted) {
            let rows = piece.iter().map(|(id, statistics)| listener_statistics::ActiveModel::of(**id, **statistics));
            let insert = listener_statistics::Entity::insert_many(rows).on_conflict(replace.clone());
            insert.exec_without_returning(self.db()).await.map_err(|error| match piece {
                [(id, _), ..] if is_reference(&error) => listener_not_found(**id),
                _ => fault_of(error),
            })?;
        }
        Ok(())
    }

    pub(crate) async fn counted_of_listeners(
        &self,
        load_balancer_id: LoadBalancerId,
    ) -> Result<Vec<listener_statistics::Model>, Fault> {
        let own = sea_query::Query::select()
            .column(listener::Column::Id)
            .from(listener::Entity)
            .and_where(listener::Column::LoadBalancerId.eq(load_balancer_id.uuid()))
            .take();
        let among = listener_statistics::Column::ListenerId.in_subquery(own);
        listener_statistics::Entity::find().filter(among).all(self.db()).await.map_err(fault_of)
    }

    /// The same of its listeners.
    async fn listeners_count_from_zero(&self, load_balancer_id: LoadBalancerId) -> Result<(), Fault> {
        use listener_statistics::Column as C;
        let rows = self.counted_of_listeners(load_balancer_id).await?;
        let rows = rows.into_iter().map(listener_statistics::ActiveModel::from_zero);
        let rows: Vec<listener_statistics::ActiveModel> = rows.collect::<Result<_, _>>()?;
        let replace = OnConflict::column(C::ListenerId).update_columns(C::iter().skip(1)).to_owned();
        for piece in pieces(&rows) {
            let insert = listener_statistics::Entity::insert_many(piece.to_vec()).on_conflict(replace.clone());
            insert.exec_without_returning(self.db()).await.map_err(fault_of)?;
        }
        Ok(())
    }
}
