//! `lbaas.v2.Members`

use ballast_model::{
    fault::Fault,
    ids::{MemberId, PoolId},
    load_balancer::{Batch, member_not_found, pool_not_found},
    member::Member,
    pool::Pool,
    quota::Resource,
};
use ballast_proto::{
    convert,
    v2::{
        self, CreateMemberRequest, DeleteRequest, GetRequest, ListMembersResponse, ListRequest, ReplaceMembersRequest,
        Stats, UpdateMemberRequest, members_server,
    },
};
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token},
    once::{claim, once},
};
use super::{
    apply::{self, Fields},
    check_etag, etag,
    query::{page, query},
};
use crate::app::{Seen, Target, Write};

#[tonic::async_trait]
impl members_server::Members for Api {
    async fn create(&self, request: Request<CreateMemberRequest>) -> Result<Response<v2::Member>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("member", request.member)?;
            let pool_id: PoolId = id(&sent.pool_id, pool_not_found)?;
            let new: &Member = &apply::new_member(self.0.new_id(), "", &sent)?;
            let id = new.id;
            let claim = claim(&self.0, caller, &request.request_id, &sent, id)?;
            let write = Write {
                claim: claim.as_ref(),
                makes: Some(Resource::Member),
                ..Write::new(caller, request.validate_only)
            };
            let make = Box::pin(self.0.change_of_v2(write, Target::Pool(pool_id), |before| {
                let project_id = before.project_id.clone();
                before.insert_member(pool_id, Member { project_id, ..new.clone() })
            }));
            let make = async { Ok((id, make.await?)) };
            let find = |id| async move { Ok((id, self.0.seen(caller, Target::Pool(pool_id)).await?)) };
            let claim = claim.as_ref().filter(|_| !request.validate_only);
            let (id, made) = once(&self.0, claim, make, find).await?;
            encode(&made, pool_id, id)
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<v2::Member>, Status> {
        answer(async {
            let caller = caller(&request);
            let (pool_id, member_id) = ids(&request.get_ref().parent_id, &request.get_ref().id)?;
            encode(&self.0.seen(&caller, Target::Pool(pool_id)).await?, pool_id, member_id)
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListMembersResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let pool_id: PoolId = id(&request.parent_id, pool_not_found)?;
            let query = query(&caller, request)?;
            let seen = self.0.seen(&caller, Target::Pool(pool_id)).await?;
            let pool = seen.load_balancer.pool(pool_id)?;
            let all = pool.members.iter().map(|one| shown(&seen, pool, one)).collect();
            let (members, more) = page(&query, all)?;
            let next_page_token = next_page_token(more, members.last().map(|one: &v2::Member| one.id.as_str()));
            Ok(ListMembersResponse { members, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateMemberRequest>) -> Result<Response<v2::Member>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let sent = &body("member", request.member)?;
            let (pool_id, member_id) = ids(&sent.pool_id, &sent.id)?;
            let mask = &Mask::new::<v2::Member>(request.update_mask, &apply::MEMBER)?;
            let write = Write::new(&caller, request.validate_only);
            let changed = self.0.change_of_v2(write, Target::Pool(pool_id), |before| {
                before.change_member(pool_id, member_id, |target| {
                    check_etag(etag(sent.status.as_ref()), &target.progress, member_id)?;
                    apply::member(&Fields(mask), sent, target)
                })
            });
            encode(&changed.await?, pool_id, member_id)
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let (pool_id, member_id) = ids(&request.parent_id, &request.id)?;
            let write = Write::new(&caller, request.validate_only);
            let removed = self.0.change_of_v2(write, Target::Pool(pool_id), |before| {
                check_etag(&request.etag, &find(before.pool(pool_id)?, member_id)?.progress, member_id)?;
                before.delete_member(pool_id, member_id)
            });
            removed.await.map(|_| ())
        })
        .await
    }

    async fn stats(&self, request: Request<GetRequest>) -> Result<Response<Stats>, Status> {
        answer(async {
            let caller = caller(&request);
            let (pool_id, member_id) = ids(&request.get_ref().parent_id, &request.get_ref().id)?;
            let counted = self.0.member_stats(&caller, pool_id, member_id).await;
            counted.map(|counted| convert::to_v2_stats(&counted))
        })
        .await
    }

    async fn replace(&self, request: Request<ReplaceMembersRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let pool_id: PoolId = id(&request.pool_id, pool_not_found)?;
            let new = |sent: &v2::Member| apply::new_member(self.0.new_id(), "", sent);
            let members = &request.members.iter().map(new).collect::<Result<Vec<_>, _>>()?;
            let (sent, given) = (&request.members, &request.given);
            let apply = |at: usize, member: &mut Member| {
                let empty = v2::Member::default();
                apply::given_of_member(given.get(at), sent.get(at).unwrap_or(&empty), member)
            };
            let write = Write::new(&caller, request.validate_only);
            let replaced = self.0.change_of_v2(write, Target::Pool(pool_id), |before| {
                check_etag(&request.etag, &before.pool(pool_id)?.progress, pool_id)?;
                let project_id = &before.project_id.clone();
                let own = |new: &Member| Member { project_id: project_id.clone(), ..new.clone() };
                let members = members.iter().map(own).collect();
                before.replace_members(pool_id, Batch { members, apply, additive_only: request.additive_only })
            });
            replaced.await.map(|_| ())
        })
        .await
    }
}

fn ids(pool: &str, member: &str) -> Result<(PoolId, MemberId), Fault> {
    Ok((id(pool, pool_not_found)?, id(member, member_not_found)?))
}

fn find(pool: &Pool, id: MemberId) -> Result<&Member, Fault> {
    pool.members.iter().find(|member| member.id == id).ok_or_else(|| member_not_found(id))
}

fn encode(seen: &Seen, pool_id: PoolId, id: MemberId) -> Result<v2::Member, Fault> {
    let pool = seen.load_balancer.pool(pool_id)?;
    Ok(shown(seen, pool, find(pool, id)?))
}

fn shown(seen: &Seen, pool: &Pool, member: &Member) -> v2::Member {
    convert::to_v2_member(&seen.load_balancer, pool, member, seen.is_run)
}
