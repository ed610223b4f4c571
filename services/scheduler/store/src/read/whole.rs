//! Load balancers, read whole: however many they are, and however many parts each has, in one statement. Of a large one
//! that is [held](crate::read::cache) no more is read than what proves that it is what is stored.

use std::collections::HashMap;

use ballast_model::{
    Uuid,
    fault::Fault,
    ids::{ListenerId, LoadBalancerId, PoolId},
    l7::L7Policy,
    load_balancer::LoadBalancer,
    member::Member,
    pool::Association,
};
use sea_orm::{ConnectionTrait as _, DbBackend, FromQueryResult, QueryResult, Statement};
use serde::de::DeserializeOwned;

use crate::{
    Binding, Tx,
    backend::{fault_of, list_of},
    codec::from_json,
    entity::{association, binding, health_monitor, l7policy, listener, load_balancer, member, pool},
    hot,
    read::cache::Held,
};

/// A load balancer, and where it is.
#[derive(Debug, Clone, PartialEq)]
pub struct Placed {
    pub load_balancer: LoadBalancer,
    /// None: nowhere.
    pub binding: Option<Binding>,
    /// Whether an agent may still answer at an address that it had.
    pub holds: bool,
}

/// The load balancer that a pool is of.
#[derive(Debug, Clone)]
pub(crate) struct Owner {
    pub(crate) id: LoadBalancerId,
    /// As it is stored; none: it is not held.
    pub(crate) held: Option<LoadBalancer>,
}

/// By pool; each pool's are taken once.
type ByPool<T> = HashMap<PoolId, Vec<T>>;

impl Tx {
    /// The load balancers with these ids that there are.
    pub(crate) async fn whole(&self, ids: &[LoadBalancerId]) -> Result<HashMap<LoadBalancerId, Placed>, Fault> {
        let held: HashMap<LoadBalancerId, Held> =
            ids.iter().filter_map(|id| self.desk().held(*id).map(|held| (*id, held))).collect();
        let mut others: Vec<LoadBalancerId> = ids.iter().copied().filter(|id| !held.contains_key(id)).collect();
        let mut found = self.proven(held, &mut others).await?;
        if others.is_empty() {
            return Ok(found);
        }
        for row in self.rows(hot::whole::statement, &others).await? {
            let model = load_balancer::Model::from_query_result(&row, "load_balancer_").map_err(fault_of)?;
            let stamp = model.stamp;
            let load_balancer = put_together(&row, model)?;
            self.desk().found(Held { stamp, load_balancer: load_balancer.clone() });
            found.insert(load_balancer.id, placed(&row, load_balancer)?);
        }
        Ok(found)
    }

    /// What is held and is what is stored; what is not is among the others then.
    async fn proven(
        &self,
        mut held: HashMap<LoadBalancerId, Held>,
        others: &mut Vec<LoadBalancerId>,
    ) -> Result<HashMap<LoadBalancerId, Placed>, Fault> {
        let mut found = HashMap::new();
        if held.is_empty() {
            return Ok(found);
        }
        let ids: Vec<LoadBalancerId> = held.keys().copied().collect();
        for row in self.rows(hot::whole::proof, &ids).await? {
            let proof = Proof::from_query_result(&row, "").map_err(fault_of)?;
            let Some(held) = held.remove(&proof.id.into()) else { continue };
            if proof.stamp == held.stamp {
                found.insert(held.load_balancer.id, placed(&row, held.load_balancer.clone())?);
                self.desk().proven(held);
            } else {
                others.push(held.load_balancer.id);
            }
        }
        Ok(found)
    }

    /// Which load balancers these pools are of.
    pub(crate) async fn owners_of_pools(&self, ids: &[PoolId]) -> Result<HashMap<PoolId, Owner>, Fault> {
        let owner = |row: QueryResult| {
            let pool_id: Uuid = row.try_get("", "pool_id").map_err(fault_of)?;
            let proof = Proof::from_query_result(&row, "").map_err(fault_of)?;
            let held = self.desk().held(proof.id.into()).filter(|held| proof.stamp == held.stamp);
            Ok((pool_id.into(), Owner { id: proof.id.into(), held: held.map(|held| held.load_balancer) }))
        };
        self.rows(hot::whole::proof_of_pools, ids).await?.into_iter().map(owner).collect()
    }

    async fn rows<I: Copy + Into<Uuid>>(
        &self,
        sql: fn(DbBackend) -> &'static str,
        ids: &[I],
    ) -> Result<Vec<QueryResult>, Fault> {
        let backend = self.db().get_database_backend();
        let statement = Statement::from_sql_and_values(backend, sql(backend), [list_of(backend, ids)]);
        self.db().query_all_raw(statement).await.map_err(fault_of)
    }
}

/// What is different after each save.
#[derive(FromQueryResult)]
struct Proof {
    id: Uuid,
    stamp: i64,
}

fn placed(row: &QueryResult, load_balancer: LoadBalancer) -> Result<Placed, Fault> {
    let binding = binding::Model::from_query_result_optional(row, "binding_").map_err(fault_of)?;
    Ok(Placed {
        load_balancer,
        binding: binding.map(binding::Model::into_binding).transpose()?,
        holds: row.try_get("", "holds").map_err(fault_of)?,
    })
}

fn put_together(row: &QueryResult, load_balancer: load_balancer::Model) -> Result<LoadBalancer, Fault> {
    let mut members: ByPool<Member> = ByPool::new();
    for row in array::<member::Model>(row, "members")? {
        members.entry(row.pool_id.into()).or_default().push(row.into_member()?);
    }
    let mut monitors: ByPool<Association> = ByPool::new();
    for (row, monitor) in array::<(association::Model, health_monitor::Model)>(row, "associations")? {
        let (pool_id, monitor) = (row.pool_id.into(), monitor.into_monitor()?);
        monitors.entry(pool_id).or_default().push(Association { monitor, progress: row.into_progress()? });
    }
    let pools = array::<pool::Model>(row, "pools")?.into_iter().map(|row| {
        let members = members.remove(&row.id.into()).unwrap_or_default();
        let monitors = monitors.remove(&row.id.into()).unwrap_or_default();
        row.into_pool(members.into(), monitors.into())
    });
    let pools = pools.collect::<Result<_, _>>()?;
    let mut policies: HashMap<ListenerId, Vec<L7Policy>> = HashMap::new();
    for row in array::<l7policy::Model>(row, "policies")? {
        policies.entry(row.listener_id.into()).or_default().push(row.into_policy()?);
    }
    let listeners = array::<listener::Model>(row, "listeners")?.into_iter().map(|row| {
        let policies = policies.remove(&row.id.into()).unwrap_or_default();
        row.into_listener(policies.into())
    });
    load_balancer.into_load_balancer(listeners.collect::<Result<_, _>>()?, pools)
}

/// Rows of another table, as one value; where there are none it may be null.
fn array<T: DeserializeOwned>(row: &QueryResult, name: &str) -> Result<Vec<T>, Fault> {
    let text: Option<String> = row.try_get("", name).map_err(fault_of)?;
    text.map_or(Ok(Vec::new()), |text| from_json(name, &text))
}
