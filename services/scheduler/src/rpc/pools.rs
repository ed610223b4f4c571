//! `lbaas.v1.Pools`

use ballast_model::{
    check,
    fault::Fault,
    load_balancer::{LoadBalancer, association_not_found, monitor_not_found, pool_not_found},
    pool::{NewPool, PoolChange},
};
use ballast_proto::{
    convert,
    v1::{
        AssociateRequest, CreatePoolRequest, DeleteRequest, GetPoolAgentResponse, GetRequest, ListPoolsResponse,
        ListRequest, Pool, PoolStats, UpdatePoolRequest, pools_server,
    },
};
use ballast_store::{PoolParts, ShownPool};
use tonic::{Request, Response, Status};

use super::{
    Api,
    decode::{Mask, ReadMask, body, caller, id, next_page_token, query, reference},
    once::{claim, once},
    refuse,
};
use crate::app::{App, Caller};

const MUTABLE: [&str; 4] = ["name", "description", "lb_method", "admin_state_up"];

#[tonic::async_trait]
impl pools_server::Pools for Api {
    async fn create(&self, request: Request<CreatePoolRequest>) -> Result<Response<Pool>, Status> {
        let (caller, request) = (&caller(&request), request.into_inner());
        let pool = body("pool", request.pool).map_err(refuse)?;
        let provider = (!pool.provider.is_empty()).then(|| pool.provider.clone());
        let new = new_pool(&self.0, caller, pool.clone()).map_err(refuse)?;
        let claim = claim(&self.0, caller, &request.request_id, &pool, new.id).map_err(refuse)?;
        let make = self.0.create_pool(caller, new, provider.as_deref(), claim.as_ref());
        let made = once(&self.0, claim.as_ref(), make, |id| self.0.pool(caller, id)).await.map_err(refuse)?;
        encode(&made).map_err(refuse)
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Pool>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, pool_not_found).map_err(refuse)?);
        let shown = self.0.shown_pool(&caller, id).await.map_err(refuse)?;
        Ok(Response::new(shown_pool(&shown, &ReadMask::new(None))))
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListPoolsResponse>, Status> {
        let (caller, mut request) = (caller(&request), request.into_inner());
        let wanted = ReadMask::new(request.read_mask.take());
        let parts = PoolParts {
            project_id: wanted.has("project_id"),
            name: wanted.has("name"),
            description: wanted.has("description"),
            subnet_id: wanted.has("subnet_id"),
            status_description: wanted.has("status_description"),
            provider: wanted.has("provider"),
            vip: wanted.has("vip_id"),
            members: wanted.has("member_ids"),
            monitors: wanted.has("health_monitors"),
        };
        let page = self.0.pools(query(&caller, request).map_err(refuse)?, parts).await.map_err(refuse)?;
        let pools: Vec<Pool> = page.items.iter().map(|shown| shown_pool(shown, &wanted)).collect();
        let next_page_token = next_page_token(page.more, pools.last().map(|pool| pool.id.as_str()));
        Ok(Response::new(ListPoolsResponse { pools, next_page_token }))
    }

    async fn update(&self, request: Request<UpdatePoolRequest>) -> Result<Response<Pool>, Status> {
        let (caller, request) = (caller(&request), request.into_inner());
        let pool = body("pool", request.pool).map_err(refuse)?;
        let id = id(&pool.id, pool_not_found).map_err(refuse)?;
        let change = Mask::new("Pool", request.update_mask, &MUTABLE).and_then(|mask| pool_change(&mask, pool));
        let changed = self.0.update_pool(&caller, id, change.map_err(refuse)?).await.map_err(refuse)?;
        encode(&changed).map_err(refuse)
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, pool_not_found).map_err(refuse)?);
        self.0.delete_pool(&caller, id).await.map(Response::new).map_err(refuse)
    }

    async fn stats(&self, request: Request<GetRequest>) -> Result<Response<PoolStats>, Status> {
        let (caller, id) = (caller(&request), id(&request.get_ref().id, pool_not_found).map_err(refuse)?);
        let statistics = self.0.statistics(&caller, id).await.map_err(refuse)?;
        Ok(Response::new(convert::to_statistics(&statistics)))
    }

    async fn associate_health_monitor(&self, request: Request<AssociateRequest>) -> Result<Response<Pool>, Status> {
        let (caller, request) = (caller(&request), request.into_inner());
        let pool_id = id(&request.pool_id, pool_not_found).map_err(refuse)?;
        let monitor_id = reference("id", &request.health_monitor_id)
            .map_err(|_| monitor_not_found(&request.health_monitor_id))
            .map_err(refuse)?;
        encode(&self.0.associate(&caller, pool_id, monitor_id).await.map_err(refuse)?).map_err(refuse)
    }

    async fn disassociate_health_monitor(&self, request: Request<AssociateRequest>) -> Result<Response<Pool>, Status> {
        let (caller, request) = (caller(&request), request.into_inner());
        let pool_id = id(&request.pool_id, pool_not_found).map_err(refuse)?;
        let monitor_id = id(&request.health_monitor_id, |text| association_not_found(text, pool_id)).map_err(refuse)?;
        encode(&self.0.disassociate(&caller, pool_id, monitor_id).await.map_err(refuse)?).map_err(refuse)
    }

    async fn get_agent(&self, request: Request<GetRequest>) -> Result<Response<GetPoolAgentResponse>, Status> {
        let (caller, id) = (caller(&request), request.get_ref().id.parse().unwrap_or_default());
        let agent = self.0.agent_of_pool(&caller, id).await.map_err(refuse)?;
        let agent = agent.map(|agent| convert::to_agent(&agent, self.0.liveness(&agent)));
        Ok(Response::new(GetPoolAgentResponse { agent }))
    }
}

fn new_pool(app: &App, caller: &Caller, pool: Pool) -> Result<NewPool, Fault> {
    Ok(NewPool {
        id: app.new_id(),
        project_id: caller.project_for(&pool.project_id)?,
        name: check::text("name", pool.name, check::MAX_TEXT)?,
        description: check::text("description", pool.description, check::MAX_TEXT)?,
        subnet_id: reference("subnet_id", &pool.subnet_id)?,
        protocol: convert::protocol(pool.protocol)?,
        lb_method: convert::lb_method(pool.lb_method)?,
        provider: String::new(),
        admin_state_up: pool.admin_state_up.unwrap_or(true),
    })
}

fn pool_change(mask: &Mask, pool: Pool) -> Result<PoolChange, Fault> {
    let text = |field: &str, value: String| {
        let is_set = !value.is_empty();
        mask.pick(field, is_set, value).map(|value| check::text(field, value, check::MAX_TEXT)).transpose()
    };
    let lb_method = mask.pick("lb_method", pool.lb_method != 0, pool.lb_method);
    let (up, is_set) = (pool.admin_state_up.unwrap_or(true), pool.admin_state_up.is_some());
    Ok(PoolChange {
        name: text("name", pool.name)?,
        description: text("description", pool.description)?,
        lb_method: lb_method.map(convert::lb_method).transpose()?,
        admin_state_up: mask.pick("admin_state_up", is_set, up),
    })
}

/// What is wanted of a pool.
fn shown_pool(shown: &ShownPool, wanted: &ReadMask) -> Pool {
    let pool = &shown.pool;
    let text = |field, text: &str| if wanted.has(field) { text.to_owned() } else { String::new() };
    let monitors = shown.monitors.iter().map(|(id, progress)| convert::to_monitor_status(pool.id, *id, progress));
    let (status, status_description) = convert::to_status(&pool.progress);
    Pool {
        id: pool.id.to_string(),
        project_id: text("project_id", &pool.project_id),
        name: text("name", &pool.name),
        description: text("description", &pool.description),
        subnet_id: if wanted.has("subnet_id") { pool.subnet_id.to_string() } else { String::new() },
        protocol: convert::to_protocol(pool.protocol).into(),
        lb_method: convert::to_lb_method(pool.lb_method).into(),
        provider: shown.provider.clone(),
        admin_state_up: Some(pool.admin_state_up),
        vip_id: shown.vip_id.map(|id| id.to_string()).unwrap_or_default(),
        member_ids: shown.member_ids.iter().map(ToString::to_string).collect(),
        health_monitors: monitors.collect(),
        status,
        status_description: if wanted.has("status_description") { status_description } else { String::new() },
    }
}

pub(super) fn to_pool(load_balancer: &LoadBalancer) -> Result<Pool, Fault> {
    Ok(convert::to_pool(load_balancer, load_balancer.v1_pool()?))
}

fn encode(load_balancer: &LoadBalancer) -> Result<Response<Pool>, Fault> {
    to_pool(load_balancer).map(Response::new)
}
