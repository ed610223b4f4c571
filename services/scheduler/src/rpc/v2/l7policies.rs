//! `lbaas.v2.L7Policies`

use ballast_model::{
    check,
    fault::{Fault, Routing},
    ids::{L7PolicyId, ListenerId},
    l7::L7Policy,
    listener::Listener,
    load_balancer::{LoadBalancer, listener_not_found, policy_not_found},
    quota::Resource,
};
use ballast_proto::{
    convert,
    v2::{
        self, CreateL7PolicyRequest, DeleteRequest, GetRequest, ListL7PoliciesResponse, ListRequest,
        UpdateL7PolicyRequest, l7_policies_server,
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
impl l7_policies_server::L7Policies for Api {
    async fn create(&self, request: Request<CreateL7PolicyRequest>) -> Result<Response<v2::L7Policy>, Status> {
        answer(Box::pin(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("l7policy", request.l7policy)?;
            let owner: ListenerId = id(&sent.listener_id, listener_not_found)?;
            let project_id = self.0.seen(caller, Target::Listener(owner)).await?.load_balancer.project_id.clone();
            let policy = &Planner::of_one(&self.0, &project_id).policy(&sent)?;
            let (id, position) = (policy.id, position(sent.position)?);
            let claim = claim(&self.0, caller, &request.request_id, &sent, id)?;
            let write = Write {
                claim: claim.as_ref(),
                makes: Some(Resource::L7Policy),
                ..Write::new(caller, request.validate_only)
            };
            let make = Box::pin(self.0.change_of_v2(write, Target::Listener(owner), |before| {
                before.add_policy(owner, policy.clone(), position)
            }));
            let make = async { Ok((id, make.await?)) };
            let find = |id| async move { Ok((id, self.0.seen(caller, Target::Policy(id)).await?)) };
            let claim = claim.as_ref().filter(|_| !request.validate_only);
            let (id, made) = once(&self.0, claim, make, find).await?;
            encode(&made, id)
        }))
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<v2::L7Policy>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, policy_not_found)?);
            encode(&self.0.seen(&caller, Target::Policy(id)).await?, id)
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListL7PoliciesResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let query = query(&caller, request)?;
            let look = needs_a_look(&query);
            let asked = if look { without_a_look(&query) } else { query.clone() };
            let listed = self.0.list_of_v2(Kind::L7Policy, &asked).await?;
            let found = listed.items.iter().filter_map(|(found, seen)| encode(seen, L7PolicyId::new(found.id)).ok());
            let (mut l7policies, mut more) = (found.collect::<Vec<_>>(), listed.more);
            if look {
                (l7policies, more) = page(&the_look(&query), l7policies)?;
            }
            let next_page_token = next_page_token(more, l7policies.last().map(|one| one.id.as_str()));
            Ok(ListL7PoliciesResponse { l7policies, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateL7PolicyRequest>) -> Result<Response<v2::L7Policy>, Status> {
        answer(Box::pin(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let sent = &body("l7policy", request.l7policy)?;
            let id: L7PolicyId = id(&sent.id, policy_not_found)?;
            let mask = &Mask::new::<v2::L7Policy>(request.update_mask, &apply::POLICY)?;
            if mask.is_empty() {
                return Err(Routing::NothingToChange.into());
            }
            let position = match mask.pick("position", sent.position.is_some(), sent.position) {
                Some(given) => position(given)?,
                None => None,
            };
            let write = Write::new(&caller, request.validate_only);
            let changed = self.0.change_of_v2(write, Target::Policy(id), |before| {
                before.change_policy(id, position, |target| {
                    check_etag(etag(sent.status.as_ref()), &target.progress, id)?;
                    target.action = apply::changed_action(&Fields(mask), sent, &target.action)?;
                    apply::policy(&Fields(mask), sent, target)
                })
            });
            encode(&changed.await?, id)
        }))
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id: L7PolicyId = id(&request.id, policy_not_found)?;
            let write = Write::new(&caller, request.validate_only);
            let removed = self.0.change_of_v2(write, Target::Policy(id), |before| {
                check_etag(&request.etag, &before.policy(id)?.1.progress, id)?;
                before.remove_policy(id)
            });
            removed.await.map(|_| ())
        })
        .await
    }
}

/// From 1; none: the last, or where it is.
fn position(given: Option<i32>) -> Result<Option<usize>, Fault> {
    let Some(given) = given else { return Ok(None) };
    let position = check::range("position", given, 1, i32::MAX)?;
    usize::try_from(position).map(Some).map_err(Fault::internal)
}

fn encode(seen: &Seen, id: L7PolicyId) -> Result<v2::L7Policy, Fault> {
    let (listener, policy) = seen.load_balancer.policy(id)?;
    Ok(convert::to_v2_l7policy(listener, policy))
}

/// With its rules and its pool.
pub(super) fn whole(
    load_balancer: &LoadBalancer,
    listener: &Listener,
    policy: &L7Policy,
    is_run: bool,
) -> v2::L7Policy {
    let pool = policy.action.pool_id().and_then(|id| load_balancer.pool(id).ok());
    v2::L7Policy {
        rules: policy.rules.iter().map(|rule| convert::to_v2_l7rule(policy, rule)).collect(),
        redirect_pool: pool.map(|pool| super::pools::whole(load_balancer, pool, is_run)),
        ..convert::to_v2_l7policy(listener, policy)
    }
}
