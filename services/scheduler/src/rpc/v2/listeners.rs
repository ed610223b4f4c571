//! `lbaas.v2.Listeners`

use ballast_model::{
    fault::Fault,
    ids::{ListenerId, LoadBalancerId},
    listener::Listener,
    load_balancer::{LoadBalancer, listener_not_found, load_balancer_not_found},
    quota::Resource,
};
use ballast_proto::{
    convert,
    v2::{
        self, CreateListenerRequest, DeleteRequest, GetRequest, ListListenersResponse, ListRequest, Stats,
        UpdateListenerRequest, listeners_server,
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
impl listeners_server::Listeners for Api {
    async fn create(&self, request: Request<CreateListenerRequest>) -> Result<Response<v2::Listener>, Status> {
        answer(Box::pin(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("listener", request.listener)?;
            let owner: LoadBalancerId = id(&sent.load_balancer_id, load_balancer_not_found)?;
            // What is in it belongs to its load balancer's project: looked up first.
            let project_id = self.0.seen(caller, Target::LoadBalancer(owner)).await?.load_balancer.project_id.clone();
            let mut planner = Planner::of_one(&self.0, &project_id);
            planner.define(std::slice::from_ref(&sent), &[])?;
            let listener = planner.listener(&sent)?;
            let (id, listener, pools) = (listener.id, &listener, &planner.into_pools());
            let claim = claim(&self.0, caller, &request.request_id, &sent, id)?;
            let write = Write {
                claim: claim.as_ref(),
                makes: Some(Resource::Listener),
                ..Write::new(caller, request.validate_only)
            };
            let make = Box::pin(self.0.change_of_v2(write, Target::LoadBalancer(owner), |before| {
                let with_pools = pools.iter().try_fold(before, |one, pool| one.add_pool(pool.clone(), None))?;
                with_pools.add_listener(listener.clone())
            }));
            let make = async { Ok((id, make.await?)) };
            let find = |id| async move { Ok((id, self.0.seen(caller, Target::Listener(id)).await?)) };
            let claim = claim.as_ref().filter(|_| !request.validate_only);
            let (id, made) = once(&self.0, claim, make, find).await?;
            encode(&made, id)
        }))
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<v2::Listener>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, listener_not_found)?);
            encode(&self.0.seen(&caller, Target::Listener(id)).await?, id)
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListListenersResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let query = query(&caller, request)?;
            let look = needs_a_look(&query);
            let asked = if look { without_a_look(&query) } else { query.clone() };
            let listed = self.0.list_of_v2(Kind::Listener, &asked).await?;
            let found = listed.items.iter().filter_map(|(found, seen)| encode(seen, ListenerId::new(found.id)).ok());
            let (mut listeners, mut more) = (found.collect::<Vec<_>>(), listed.more);
            if look {
                (listeners, more) = page(&the_look(&query), listeners)?;
            }
            let next_page_token = next_page_token(more, listeners.last().map(|one| one.id.as_str()));
            Ok(ListListenersResponse { listeners, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateListenerRequest>) -> Result<Response<v2::Listener>, Status> {
        answer(Box::pin(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let sent = &body("listener", request.listener)?;
            let id: ListenerId = id(&sent.id, listener_not_found)?;
            let mask = &Mask::new::<v2::Listener>(request.update_mask, &apply::LISTENER)?;
            let write = Write::new(&caller, request.validate_only);
            let changed = self.0.change_of_v2(write, Target::Listener(id), |before| {
                before.change_listener(id, |target| {
                    check_etag(etag(sent.status.as_ref()), &target.progress, id)?;
                    apply::listener(&Fields(mask), sent, target)
                })
            });
            encode(&changed.await?, id)
        }))
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id: ListenerId = id(&request.id, listener_not_found)?;
            let write = Write::new(&caller, request.validate_only);
            let removed = self.0.change_of_v2(write, Target::Listener(id), |before| {
                check_etag(&request.etag, &before.listener(id)?.progress, id)?;
                before.remove_listener(id)
            });
            removed.await.map(|_| ())
        })
        .await
    }

    async fn stats(&self, request: Request<GetRequest>) -> Result<Response<Stats>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, listener_not_found)?);
            self.0.listener_stats(&caller, id).await.map(|counted| convert::to_v2_stats(&counted))
        })
        .await
    }
}

fn encode(seen: &Seen, id: ListenerId) -> Result<v2::Listener, Fault> {
    Ok(convert::to_v2_listener(&seen.load_balancer, seen.load_balancer.listener(id)?, seen.is_run))
}

/// With its pool and its policies.
pub(super) fn whole(load_balancer: &LoadBalancer, listener: &Listener, is_run: bool) -> v2::Listener {
    let pool = listener.default_pool_id.and_then(|id| load_balancer.pool(id).ok());
    let policies =
        listener.policies.iter().map(|policy| super::l7policies::whole(load_balancer, listener, policy, is_run));
    v2::Listener {
        default_pool: pool.map(|pool| super::pools::whole(load_balancer, pool, is_run)),
        l7policies: policies.collect(),
        ..convert::to_v2_listener(load_balancer, listener, is_run)
    }
}
