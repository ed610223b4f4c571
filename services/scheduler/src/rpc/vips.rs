//! `lbaas.v1.Vips`

use ballast_model::{
    check,
    fault::Fault,
    ids::{ListenerId, PoolId},
    listener::VipChange,
    load_balancer::{LoadBalancer, vip_not_found},
    pool::SessionPersistence,
};
use ballast_proto::{
    convert, driver,
    v1::{
        CreateVipRequest, DeleteRequest, GetRequest, ListRequest, ListVipsResponse, UpdateVipRequest, Vip, vips_server,
    },
};
use ballast_store::Kind;
use tonic::{Request, Response, Status};

use super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token, query, reference, required},
    once::{claim, once},
};
use crate::app::{App, Caller, WantedVip};

const MUTABLE: [&str; 6] =
    ["name", "description", "pool_id", "session_persistence", "connection_limit", "admin_state_up"];
const UNLIMITED: i32 = -1;

#[tonic::async_trait]
impl vips_server::Vips for Api {
    async fn create(&self, request: Request<CreateVipRequest>) -> Result<Response<Vip>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let vip = body("vip", request.vip)?;
            let wanted = wanted_vip(&self.0, caller, vip.clone())?;
            let id = wanted.id;
            let claim = claim(&self.0, caller, &request.request_id, &vip, id)?;
            let make = Box::pin(async { Ok((id, self.0.create_vip(caller, wanted, claim.as_ref()).await?)) });
            let find = |id| async move { Ok((id, self.0.vip(caller, id).await?)) };
            let (id, made) = once(&self.0, claim.as_ref(), make, find).await?;
            encode(&made, id)
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Vip>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, vip_not_found)?);
            let found = self.0.vip(&caller, id).await?;
            encode(&found, id)
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListVipsResponse>, Status> {
        answer(async {
            let query = query(&caller(&request), request.into_inner())?;
            let page = self.0.list(Kind::Listener, query).await?;
            let vips = page.found.iter().map(|(found, load_balancer)| encode(load_balancer, found.id.into()));
            let vips: Vec<Vip> = vips.collect::<Result<_, _>>()?;
            let next_page_token = next_page_token(page.more, vips.last().map(|vip| vip.id.as_str()));
            Ok(ListVipsResponse { vips, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateVipRequest>) -> Result<Response<Vip>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let vip = body("vip", request.vip)?;
            let id = id(&vip.id, vip_not_found)?;
            let mask = Mask::new::<Vip>(request.update_mask, &MUTABLE)?;
            let (pool_id, change) = vip_change(&mask, vip)?;
            let changed = self.0.update_vip(&caller, id, pool_id, change).await?;
            encode(&changed, id)
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, vip_not_found)?);
            self.0.delete_vip(&caller, id).await
        })
        .await
    }
}

fn wanted_vip(app: &App, caller: &Caller, vip: Vip) -> Result<WantedVip, Fault> {
    let address = (!vip.address.is_empty()).then(|| check::address("address", &vip.address)).transpose()?;
    Ok(WantedVip {
        id: app.new_id(),
        port_id: app.new_id(),
        project_id: caller.project_for(&vip.project_id)?,
        name: check::text("name", vip.name, check::MAX_TEXT)?,
        description: check::text("description", vip.description, check::MAX_TEXT)?,
        subnet_id: reference("subnet_id", &vip.subnet_id)?,
        address,
        protocol: convert::protocol(vip.protocol)?,
        protocol_port: check::port("protocol_port", required("protocol_port", vip.protocol_port)?)?,
        pool_id: reference("pool_id", &vip.pool_id)?,
        session_persistence: persistence(vip.session_persistence.as_ref())?,
        connection_limit: vip.connection_limit.unwrap_or(UNLIMITED),
        admin_state_up: vip.admin_state_up.unwrap_or(true),
    })
}

fn persistence(sent: Option<&driver::SessionPersistence>) -> Result<Option<SessionPersistence>, Fault> {
    sent.map(convert::persistence).transpose().map(Option::flatten)
}

fn vip_change(mask: &Mask, vip: Vip) -> Result<(Option<PoolId>, VipChange), Fault> {
    let text = |field: &str, value: String| {
        let is_set = !value.is_empty();
        mask.pick(field, is_set, value).map(|value| check::text(field, value, check::MAX_TEXT)).transpose()
    };
    let pool_id = mask.pick("pool_id", !vip.pool_id.is_empty(), &vip.pool_id);
    let has_persistence = vip.session_persistence.is_some();
    let session_persistence = mask.pick("session_persistence", has_persistence, vip.session_persistence.as_ref());
    let (up, up_is_set) = (vip.admin_state_up.unwrap_or(true), vip.admin_state_up.is_some());
    let (limit, limit_is_set) = (vip.connection_limit.unwrap_or(UNLIMITED), vip.connection_limit.is_some());
    let change = VipChange {
        name: text("name", vip.name)?,
        description: text("description", vip.description)?,
        session_persistence: session_persistence.map(persistence).transpose()?,
        connection_limit: mask.pick("connection_limit", limit_is_set, limit),
        admin_state_up: mask.pick("admin_state_up", up_is_set, up),
    };
    Ok((pool_id.map(|text| reference("pool_id", text)).transpose()?, change))
}

pub(super) fn encode(load_balancer: &LoadBalancer, id: ListenerId) -> Result<Vip, Fault> {
    let listener = load_balancer.listeners.iter().find(|listener| listener.id == id);
    listener.map(|listener| convert::to_vip(load_balancer, listener)).ok_or_else(|| vip_not_found(id))
}
