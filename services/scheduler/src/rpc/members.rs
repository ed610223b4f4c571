//! `lbaas.v1.Members`

use ballast_model::{
    check,
    fault::Fault,
    ids::{MemberId, PoolId},
    load_balancer::{LoadBalancer, member_not_found},
    member::{MemberChange, NewMember},
};
use ballast_proto::{
    convert,
    v1::{
        CreateMemberRequest, DeleteRequest, GetRequest, ListMembersResponse, ListRequest, Member, UpdateMemberRequest,
        members_server,
    },
};
use tonic::{Request, Response, Status};

use super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token, query, reference, required},
    once::{claim, once},
};
use crate::app::{App, Caller};

const MUTABLE: [&str; 3] = ["pool_id", "weight", "admin_state_up"];
const DEFAULT_WEIGHT: i32 = 1;

#[tonic::async_trait]
impl members_server::Members for Api {
    async fn create(&self, request: Request<CreateMemberRequest>) -> Result<Response<Member>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let member = body("member", request.member)?;
            let (pool_id, new) = new_member(&self.0, caller, &member)?;
            let id = new.id;
            let claim = claim(&self.0, caller, &request.request_id, &member, id)?;
            let make = Box::pin(async { Ok((id, self.0.create_member(caller, pool_id, new, claim.as_ref()).await?)) });
            let find = |id| async move { Ok((id, self.0.member(caller, id).await?)) };
            let (id, made) = once(&self.0, claim.as_ref(), make, find).await?;
            encode(&made, id)
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Member>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, member_not_found)?);
            let found = self.0.member(&caller, id).await?;
            encode(&found, id)
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListMembersResponse>, Status> {
        answer(async {
            let query = query(&caller(&request), request.into_inner())?;
            let page = self.0.members(query).await?;
            let members = page.items.iter().map(|shown| convert::to_member(shown.pool_id, &shown.member));
            let members: Vec<Member> = members.collect();
            let next_page_token = next_page_token(page.more, members.last().map(|member| member.id.as_str()));
            Ok(ListMembersResponse { members, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateMemberRequest>) -> Result<Response<Member>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let member = body("member", request.member)?;
            let id = id(&member.id, member_not_found)?;
            let mask = Mask::new::<Member>(request.update_mask, &MUTABLE)?;
            let (pool_id, change) = member_change(&mask, &member)?;
            let changed = self.0.update_member(&caller, id, pool_id, change).await?;
            encode(&changed, id)
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, member_not_found)?);
            self.0.delete_member(&caller, id).await
        })
        .await
    }
}

fn new_member(app: &App, caller: &Caller, member: &Member) -> Result<(PoolId, NewMember), Fault> {
    if member.address.is_empty() {
        return Err(Fault::missing_field("address"));
    }
    let new = NewMember {
        id: app.new_id(),
        project_id: caller.project_for(&member.project_id)?,
        address: check::member_address("address", &member.address)?,
        protocol_port: check::port("protocol_port", required("protocol_port", member.protocol_port)?)?,
        weight: check::weight("weight", member.weight.unwrap_or(DEFAULT_WEIGHT))?,
        admin_state_up: member.admin_state_up.unwrap_or(true),
    };
    Ok((reference("pool_id", &member.pool_id)?, new))
}

fn member_change(mask: &Mask, member: &Member) -> Result<(Option<PoolId>, MemberChange), Fault> {
    let new_weight = mask.pick("weight", member.weight.is_some(), member.weight.unwrap_or(DEFAULT_WEIGHT));
    let up = member.admin_state_up;
    let change = MemberChange {
        weight: new_weight.map(|value| check::weight("weight", value)).transpose()?,
        admin_state_up: mask.pick("admin_state_up", up.is_some(), up.unwrap_or(true)),
    };
    let pool_id = mask.pick("pool_id", !member.pool_id.is_empty(), &member.pool_id);
    Ok((pool_id.map(|text| reference("pool_id", text)).transpose()?, change))
}

pub(super) fn encode(load_balancer: &LoadBalancer, id: MemberId) -> Result<Member, Fault> {
    for pool in &load_balancer.pools {
        if let Some(member) = pool.members.iter().find(|member| member.id == id) {
            return Ok(convert::to_member(pool.id, member));
        }
    }
    Err(member_not_found(id))
}
