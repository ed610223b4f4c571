//! Saving what a load balancer is made of: rows are compared, and only what differs is written.

use std::collections::HashMap;

use ballast_model::{
    Uuid,
    fault::{Clash, Exists, Fault},
    ids::LoadBalancerId,
    load_balancer,
};
use sea_orm::{
    ActiveModelBehavior, ActiveModelTrait, ActiveValue, ColumnTrait as _, Condition, ConnectionTrait as _, DbErr,
    EntityTrait, IdenStatic as _, Iterable as _, PrimaryKeyToColumn as _, QueryFilter as _, sea_query::OnConflict,
};

use crate::{
    Tx,
    backend::{fault_of, is_among, is_duplicate, is_reference},
    codec::{natural, parsed},
    entity::{association, l7policy, listener, member, pool},
};

/// What finds a row: its id, or both ids of an association.
type Key = (Uuid, Uuid);

/// A row that belongs to a load balancer.
pub(crate) trait Part: ActiveModelTrait + ActiveModelBehavior + PartialEq + Send {
    /// The column of the id by which a row that comes from another load balancer is taken over; none: such never move.
    const MOVES_BY: Option<<Self::Entity as EntityTrait>::Column>;

    /// What finds the row.
    fn key(&self) -> Key;

    fn load_balancer_id(&self) -> Uuid;

    /// The row with this key.
    fn at(key: Key) -> Condition;

    /// The row belongs to this load balancer.
    fn of_load_balancer(id: Uuid) -> Condition;

    /// Why the database refused the row, when that is the caller's affair: a race that the model could not see.
    fn refused(&self, error: &DbErr) -> Option<Fault>;
}

/// The columns of `after` that differ from `before`; none when none does.
pub(crate) fn changes<A: ActiveModelTrait>(before: &A, mut after: A) -> Option<A> {
    let mut differs = false;
    for column in <A::Entity as EntityTrait>::Column::iter() {
        if before.get(column).into_value() == after.get(column).into_value() {
            after.not_set(column);
        } else {
            differs = true;
        }
    }
    differs.then_some(after)
}

/// Items by what they have in common.
pub(crate) fn alike<K: PartialEq, T>(items: impl Iterator<Item = (K, T)>) -> Vec<(K, Vec<T>)> {
    let mut groups: Vec<(K, Vec<T>)> = Vec::new();
    for (key, item) in items {
        match groups.iter_mut().find(|(known, _)| *known == key) {
            Some((_, group)) => group.push(item),
            None => groups.push((key, vec![item])),
        }
    }
    groups
}

impl Tx {
    /// Writes the difference between `before` and `after`. What goes, goes first: its address may be another one's
    /// already.
    pub(crate) async fn save_parts<A: Part>(&self, before: Vec<A>, after: Vec<A>) -> Result<(), Fault> {
        let mut old: HashMap<Key, A> = before.into_iter().map(|row| (row.key(), row)).collect();
        let mut ours = Vec::new();
        let mut new = Vec::new();
        for row in after {
            match old.remove(&row.key()) {
                Some(before) => ours.push((before, row)),
                None => new.push(row),
            }
        }
        for (key, row) in old {
            // A row that is not there any more was taken over by another load balancer in this transaction.
            let gone = A::Entity::delete_many().filter(A::at(key)).filter(A::of_load_balancer(row.load_balancer_id()));
            gone.exec(self.db()).await.map_err(fault_of)?;
        }
        let changed = ours.into_iter().filter_map(|(before, after)| {
            let at = (after.key(), after.load_balancer_id());
            changes(&before, after).map(|changes| (changes, at))
        });
        for (changes, rows) in alike(changed) {
            self.update_parts(changes, &rows).await?;
        }
        for row in new {
            self.put_part(row).await?;
        }
        Ok(())
    }

    /// Changes rows, each of its load balancer, in the same way.
    async fn update_parts<A: Part>(&self, changes: A, rows: &[(Key, Uuid)]) -> Result<(), Fault> {
        let backend = self.db().get_database_backend();
        let update = A::Entity::update_many().set(changes.clone());
        let updates = match A::MOVES_BY {
            Some(id) => {
                let (ids, owners): (Vec<Uuid>, Vec<Uuid>) = rows.iter().map(|((id, _), owner)| (*id, *owner)).unzip();
                let update = update.filter(is_among(backend, id.as_str(), &ids));
                vec![(update.filter(is_among(backend, "load_balancer_id", &owners)), rows.len())]
            }
            None => {
                let one = |(key, owner): &(Key, Uuid)| {
                    (update.clone().filter(A::at(*key)).filter(A::of_load_balancer(*owner)), 1)
                };
                rows.iter().map(one).collect()
            }
        };
        for (update, count) in updates {
            let done = update.exec(self.db()).await.map_err(|error| refusal(&changes, error))?;
            if done.rows_affected != count as u64 {
                return Err(load_balancer_changed(rows.first().map(|(_, owner)| *owner).unwrap_or_default()));
            }
        }
        Ok(())
    }

    /// Inserts a row, or takes it over from another load balancer with its place in lists.
    async fn put_part<A: Part>(&self, row: A) -> Result<(), Fault> {
        let Some(id) = A::MOVES_BY else { return self.insert_part(row).await };
        let is_key = |column| <A::Entity as EntityTrait>::PrimaryKey::from_column(column).is_some();
        let kept = |column: &<A::Entity as EntityTrait>::Column| !is_key(*column) && column.as_str() != id.as_str();
        let columns = <A::Entity as EntityTrait>::Column::iter().filter(kept);
        let insert =
            A::Entity::insert(row.clone()).on_conflict(OnConflict::column(id).update_columns(columns).to_owned());
        let put = insert.exec_without_returning(self.db()).await;
        put.map(|_| ()).map_err(|error| refusal(&row, error))
    }

    /// Those of a new load balancer, in their order. Of one statement for all of them the text would differ with their number,
    /// and so would what the database prepares for it: each statement takes a power of two.
    pub(crate) async fn insert_parts<A: Part>(&self, rows: Vec<A>) -> Result<(), Fault> {
        let mut rest = rows.as_slice();
        while let Some(first) = rest.first() {
            let count = MOST_AT_ONCE.min(1 << rest.len().ilog2());
            let (together, later) = rest.split_at(count);
            let insert = A::Entity::insert_many(together.iter().cloned()).exec_without_returning(self.db()).await;
            // They are the first of their load balancer, and the model has compared them: what is refused is what all name.
            insert.map(|_| ()).map_err(|error| refusal(first, error))?;
            rest = later;
        }
        Ok(())
    }

    pub(crate) async fn insert_part<A: Part>(&self, row: A) -> Result<(), Fault> {
        let insert = A::Entity::insert(row.clone()).exec_without_returning(self.db()).await;
        insert.map(|_| ()).map_err(|error| refusal(&row, error))
    }
}

/// With some twenty columns each, below what a statement of SQLite may bind.
const MOST_AT_ONCE: usize = 256;

fn refusal<A: Part>(row: &A, error: DbErr) -> Fault {
    row.refused(&error).unwrap_or_else(|| fault_of(error))
}

/// Others were faster: the optimistic lock.
pub(crate) fn load_balancer_changed(id: impl Into<LoadBalancerId>) -> Fault {
    Clash::LoadBalancerChanged { load_balancer_id: id.into() }.into()
}

fn value<T: Clone + Default + Into<sea_orm::Value>>(value: &ActiveValue<T>) -> T {
    match value {
        ActiveValue::Set(value) | ActiveValue::Unchanged(value) => value.clone(),
        ActiveValue::NotSet => T::default(),
    }
}

impl Part for pool::ActiveModel {
    const MOVES_BY: Option<pool::Column> = Some(pool::Column::Id);

    fn key(&self) -> Key {
        (value(&self.id), Uuid::nil())
    }

    fn load_balancer_id(&self) -> Uuid {
        value(&self.load_balancer_id)
    }

    fn at((id, _): Key) -> Condition {
        Condition::all().add(pool::Column::Id.eq(id))
    }

    fn of_load_balancer(id: Uuid) -> Condition {
        Condition::all().add(pool::Column::LoadBalancerId.eq(id))
    }

    fn refused(&self, _: &DbErr) -> Option<Fault> {
        None
    }
}

impl Part for listener::ActiveModel {
    const MOVES_BY: Option<listener::Column> = Some(listener::Column::Id);

    fn key(&self) -> Key {
        (value(&self.id), Uuid::nil())
    }

    fn load_balancer_id(&self) -> Uuid {
        value(&self.load_balancer_id)
    }

    fn at((id, _): Key) -> Condition {
        Condition::all().add(listener::Column::Id.eq(id))
    }

    fn of_load_balancer(id: Uuid) -> Condition {
        Condition::all().add(listener::Column::LoadBalancerId.eq(id))
    }

    fn refused(&self, _: &DbErr) -> Option<Fault> {
        None
    }
}

impl Part for member::ActiveModel {
    const MOVES_BY: Option<member::Column> = Some(member::Column::Id);

    fn key(&self) -> Key {
        (value(&self.id), Uuid::nil())
    }

    fn load_balancer_id(&self) -> Uuid {
        value(&self.load_balancer_id)
    }

    fn at((id, _): Key) -> Condition {
        Condition::all().add(member::Column::Id.eq(id))
    }

    fn of_load_balancer(id: Uuid) -> Condition {
        Condition::all().add(member::Column::LoadBalancerId.eq(id))
    }

    fn refused(&self, error: &DbErr) -> Option<Fault> {
        is_duplicate(error).then(|| {
            let exists = || {
                let address = parsed("address", &value(&self.address))?;
                let port = natural("protocol_port", value(&self.protocol_port))?;
                Ok(Exists::Member { address, port, pool_id: value(&self.pool_id).into() })
            };
            exists().map_or_else(|unreadable: Fault| unreadable, Fault::from).with_detail(error)
        })
    }
}

impl Part for association::ActiveModel {
    const MOVES_BY: Option<association::Column> = None;

    fn key(&self) -> Key {
        (value(&self.pool_id), value(&self.monitor_id))
    }

    fn load_balancer_id(&self) -> Uuid {
        value(&self.load_balancer_id)
    }

    fn at((pool, monitor): Key) -> Condition {
        Condition::all().add(association::Column::PoolId.eq(pool)).add(association::Column::MonitorId.eq(monitor))
    }

    fn of_load_balancer(id: Uuid) -> Condition {
        Condition::all().add(association::Column::LoadBalancerId.eq(id))
    }

    fn refused(&self, error: &DbErr) -> Option<Fault> {
        let (pool, monitor) = self.key();
        if is_duplicate(error) {
            let exists = Exists::Association { monitor_id: monitor.into(), pool_id: pool.into() };
            return Some(Fault::from(exists).with_detail(error));
        }
        is_reference(error).then(|| load_balancer::monitor_not_found(monitor).with_detail(error))
    }
}

impl Part for l7policy::ActiveModel {
    const MOVES_BY: Option<l7policy::Column> = None;

    fn key(&self) -> Key {
        (value(&self.id), Uuid::nil())
    }

    fn load_balancer_id(&self) -> Uuid {
        value(&self.load_balancer_id)
    }

    fn at((id, _): Key) -> Condition {
        Condition::all().add(l7policy::Column::Id.eq(id))
    }

    fn of_load_balancer(id: Uuid) -> Condition {
        Condition::all().add(l7policy::Column::LoadBalancerId.eq(id))
    }

    fn refused(&self, _: &DbErr) -> Option<Fault> {
        None
    }
}
