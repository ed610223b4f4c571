//! `lbaas.v1.Members`

use ballast_model::{
    Uuid, check,
    fault::Fault,
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
use ballast_store::Kind;
use tonic::{Request, Response, Status};

use super::{
    Api,
    decode::{Mask, body, caller, id, next_page_token, query, reference, required},
    refuse,
};
use crate::app::Caller;

const MUTABLE: [&str; 3] = ["pool_id", "weight", "admin_state_up"];
const MAX_WEIGHT: i32 = 256;
const DEFAULT_WEIGHT: i32 = 1;

#[tonic::async_trait]
impl members_server::Members for Api {
    async fn create(&self, request: Request<CreateMemberRequest>) -> Result<Response<Member>, Status> {
        let caller = caller(&request);
        let new = body("member", request.into_inner().member).and_then(|member| new_member(&caller, &member));
        let (pool_id, new) = new.map_err(refuse)?;
        let id = new.id;
        let made = self.0.create_member(&caller, pool_id, new).await.map_err(refuse)?;
        encode(&made, id).map(Response::new).map_err(refuse)
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Member>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, member_not_found).map_err(refuse)?);
        let found = self.0.member(&caller, id).await.map_err(refuse)?;
        encode(&found, id).map(Response::new).map_err(refuse)
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListMembersResponse>, Status> {
        let query = query(&caller(&request), request.into_inner());
        let page = self.0.list(Kind::Member, query).await.map_err(refuse)?;
        let members = page.found.iter().map(|(found, load_balancer)| encode(load_balancer, found.id));
        let members: Vec<Member> = members.collect::<Result<_, _>>().map_err(refuse)?;
        let next_page_token = next_page_token(page.more, members.last().map(|member| member.id.as_str()));
        Ok(Response::new(ListMembersResponse { members, next_page_token }))
    }

    async fn update(&self, request: Request<UpdateMemberRequest>) -> Result<Response<Member>, Status> {
        let (caller, request) = (caller(&request), request.into_inner());
        let member = body("member", request.member).map_err(refuse)?;
        let id = id(&member.id, member_not_found).map_err(refuse)?;
        let change = Mask::new(request.update_mask, &MUTABLE).and_then(|mask| member_change(&mask, &member));
        let (pool_id, change) = change.map_err(refuse)?;
        let changed = self.0.update_member(&caller, id, pool_id, change).await.map_err(refuse)?;
        encode(&changed, id).map(Response::new).map_err(refuse)
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, member_not_found).map_err(refuse)?);
        self.0.delete_member(&caller, id).await.map(Response::new).map_err(refuse)
    }
}

fn weight(value: i32) -> Result<u16, Fault> {
    check::range("weight", value, 0, MAX_WEIGHT).and_then(|weight| u16::try_from(weight).map_err(Fault::internal))
}

fn new_member(caller: &Caller, member: &Member) -> Result<(Uuid, NewMember), Fault> {
    if member.address.is_empty() {
        return Err(Fault::missing_field("address"));
    }
    let new = NewMember {
        id: Uuid::new_v4(),
        project_id: caller.project_for(&member.project_id)?,
        address: check::address("address", &member.address)?,
        protocol_port: check::port("protocol_port", required("protocol_port", member.protocol_port)?)?,
        weight: weight(member.weight.unwrap_or(DEFAULT_WEIGHT))?,
        admin_state_up: member.admin_state_up.unwrap_or(true),
    };
    Ok((reference("pool_id", &member.pool_id)?, new))
}

fn member_change(mask: &Mask, member: &Member) -> Result<(Option<Uuid>, MemberChange), Fault> {
    let new_weight = mask.pick("weight", member.weight.is_some(), member.weight.unwrap_or(DEFAULT_WEIGHT));
    let up = member.admin_state_up;
    let change = MemberChange {
        weight: new_weight.map(weight).transpose()?,
        admin_state_up: mask.pick("admin_state_up", up.is_some(), up.unwrap_or(true)),
    };
    let pool_id = mask.pick("pool_id", !member.pool_id.is_empty(), &member.pool_id);
    Ok((pool_id.map(|text| reference("pool_id", text)).transpose()?, change))
}

fn encode(load_balancer: &LoadBalancer, id: Uuid) -> Result<Member, Fault> {
    for pool in &load_balancer.pools {
        if let Some(member) = pool.members.iter().find(|member| member.id == id) {
            return Ok(convert::to_member(pool.id, member));
        }
    }
    Err(member_not_found(id))
}
