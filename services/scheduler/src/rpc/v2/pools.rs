//! `lbaas.v2.Pools`

use ballast_model::{
    fault::{Balancing, Fault},
    ids::{ListenerId, LoadBalancerId, PoolId},
    load_balancer::{LoadBalancer, listener_not_found, load_balancer_not_found, pool_not_found},
    pool::Pool,
    quota::Resource,
};
use ballast_proto::{
    convert,
    v2::{
        self, CreatePoolRequest, DeleteRequest, GetRequest, ListPoolsResponse, ListRequest, Stats, UpdatePoolRequest,
        pools_server,
    },
};
use ballast_store::Kind;
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token},
    once::{claim, once},
};
use super::{
    apply::{self, Fields},
    check_etag, etag,
    graph::Planner,
    query::{needs_a_look, page, query, the_look, without_a_look},
};
use crate::app::{Seen, Target, Write};

#[tonic::async_trait]
impl pools_server::Pools for Api {
    async fn create(&self, request: Request<CreatePoolRequest>) -> Result<Response<v2::Pool>, Status> {
        answer(Box::pin(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("pool", request.pool)?;
            let (target, listener_id) = owner(&sent)?;
            let project_id = self.0.seen(caller, target).await?.load_balancer.project_id.clone();
            let pool = &Planner::of_one(&self.0, &project_id).pool(&sent)?;
            let id = pool.id;
            let claim = claim(&self.0, caller, &request.request_id, &sent, id)?;
            let write = Write {
                claim: claim.as_ref(),
                makes: Some(Resource::Pool),
                ..Write::new(caller, request.validate_only)
            };
            let make =
                Box::pin(self.0.change_of_v2(write, target, |before| before.add_pool(pool.clone(), listener_id)));
            let make = async { Ok((id, make.await?)) };
            let find = |id| async move { Ok((id, self.0.seen(caller, Target::Pool(id)).await?)) };
            let claim = claim.as_ref().filter(|_| !request.validate_only);
            let (id, made) = once(&self.0, claim, make, find).await?;
            encode(&made, id)
        }))
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<v2::Pool>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, pool_not_found)?);
            encode(&self.0.seen(&caller, Target::Pool(id)).await?, id)
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListPoolsResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let query = query(&caller, request)?;
            let look = needs_a_look(&query);
            let asked = if look { without_a_look(&query) } else { query.clone() };
            let listed = self.0.list_of_v2(Kind::Pool, &asked).await?;
            let found = listed.items.iter().filter_map(|(found, seen)| encode(seen, PoolId::new(found.id)).ok());
            let (mut pools, mut more) = (found.collect::<Vec<_>>(), listed.more);
            if look {
                (pools, more) = page(&the_look(&query), pools)?;
            }
            let next_page_token = next_page_token(more, pools.last().map(|one| one.id.as_str()));
            Ok(ListPoolsResponse { pools, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdatePoolRequest>) -> Result<Response<v2::Pool>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let sent = &body("pool", request.pool)?;
            let id: PoolId = id(&sent.id, pool_not_found)?;
            let mask = &Mask::new::<v2::Pool>(request.update_mask, &apply::POOL)?;
            let write = Write::new(&caller, request.validate_only);
            let changed = Box::pin(self.0.change_of_v2(write, Target::Pool(id), |before| {
                before.change_pool(id, |target| {
                    check_etag(etag(sent.status.as_ref()), &target.progress, id)?;
                    apply::pool(&Fields(mask), sent, target)
                })
            }));
            encode(&changed.await?, id)
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id: PoolId = id(&request.id, pool_not_found)?;
            let write = Write::new(&caller, request.validate_only);
            let removed = self.0.change_of_v2(write, Target::Pool(id), |before| {
                check_etag(&request.etag, &before.pool(id)?.progress, id)?;
                before.remove_pool(id)
            });
            removed.await.map(|_| ())
        })
        .await
    }

    async fn stats(&self, request: Request<GetRequest>) -> Result<Response<Stats>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, pool_not_found)?);
            self.0.pool_stats(&caller, id).await.map(|counted| convert::to_v2_stats(&counted))
        })
        .await
    }
}

/// What the pool is made in, and the listener whose default pool it becomes.
fn owner(sent: &v2::Pool) -> Result<(Target, Option<ListenerId>), Fault> {
    if !sent.listener_id.is_empty() {
        let listener_id: ListenerId = id(&sent.listener_id, listener_not_found)?;
        return Ok((Target::Listener(listener_id), Some(listener_id)));
    }
    if sent.load_balancer_id.is_empty() {
        return Err(Balancing::PoolOfNothing.into());
    }
    let owner: LoadBalancerId = id(&sent.load_balancer_id, load_balancer_not_found)?;
    Ok((Target::LoadBalancer(owner), None))
}

fn encode(seen: &Seen, id: PoolId) -> Result<v2::Pool, Fault> {
    Ok(convert::to_v2_pool(&seen.load_balancer, seen.load_balancer.pool(id)?, seen.is_run))
}

/// With its members and its monitor.
pub(super) fn whole(load_balancer: &LoadBalancer, pool: &Pool, is_run: bool) -> v2::Pool {
    let members = pool.members.iter().map(|member| convert::to_v2_member(load_balancer, pool, member, is_run));
    let monitor = pool.monitors.first();
    v2::Pool {
        members: members.collect(),
        health_monitor: monitor
            .map(|one| convert::to_v2_health_monitor(&one.monitor, &[(pool.id, one.progress.clone())])),
        ..convert::to_v2_pool(load_balancer, pool, is_run)
    }
}
