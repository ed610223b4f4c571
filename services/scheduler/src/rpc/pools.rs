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
    Api, answer,
    decode::{Mask, ReadMask, body, caller, id, next_page_token, query, reference},
    once::{claim, once},
};
use crate::app::{App, Caller};

const MUTABLE: [&str; 4] = ["name", "description", "lb_method", "admin_state_up"];

#[tonic::async_trait]
impl pools_server::Pools for Api {
    async fn create(&self, request: Request<CreatePoolRequest>) -> Result<Response<Pool>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let pool = body("pool", request.pool)?;
            let provider = (!pool.provider.is_empty()).then(|| pool.provider.clone());
            let new = new_pool(&self.0, caller, pool.clone())?;
            let claim = claim(&self.0, caller, &request.request_id, &pool, new.id)?;
            let make = Box::pin(self.0.create_pool(caller, new, provider.as_deref(), claim.as_ref()));
            let made = once(&self.0, claim.as_ref(), make, |id| self.0.pool(caller, id)).await?;
            to_pool(&made)
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<Pool>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, pool_not_found)?);
            let shown = self.0.shown_pool(&caller, id).await?;
            Ok(shown_pool(&shown, &ReadMask::new(None)))
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListPoolsResponse>, Status> {
        answer(async {
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
            let page = self.0.pools(query(&caller, request)?, parts).await?;
            let pools: Vec<Pool> = page.items.iter().map(|shown| shown_pool(shown, &wanted)).collect();
            let next_page_token = next_page_token(page.more, pools.last().map(|pool| pool.id.as_str()));
            Ok(ListPoolsResponse { pools, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdatePoolRequest>) -> Result<Response<Pool>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let pool = body("pool", request.pool)?;
            let id = id(&pool.id, pool_not_found)?;
            let mask = Mask::new::<Pool>(request.update_mask, &MUTABLE)?;
            let changed = self.0.update_pool(&caller, id, pool_change(&mask, pool)?).await?;
            to_pool(&changed)
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, pool_not_found)?);
            self.0.delete_pool(&caller, id).await
        })
        .await
    }

    async fn stats(&self, request: Request<GetRequest>) -> Result<Response<PoolStats>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, pool_not_found)?);
            let statistics = self.0.statistics(&caller, id).await?;
            Ok(convert::to_statistics(&statistics))
        })
        .await
    }

    async fn associate_health_monitor(&self, request: Request<AssociateRequest>) -> Result<Response<Pool>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let pool_id = id(&request.pool_id, pool_not_found)?;
            let monitor_id = reference("id", &request.health_monitor_id)
                .map_err(|_| monitor_not_found(&request.health_monitor_id))?;
            to_pool(&self.0.associate(&caller, pool_id, monitor_id).await?)
        })
        .await
    }

    async fn disassociate_health_monitor(&self, request: Request<AssociateRequest>) -> Result<Response<Pool>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let pool_id = id(&request.pool_id, pool_not_found)?;
            let monitor_id = id(&request.health_monitor_id, |text| association_not_found(text, pool_id))?;
            to_pool(&self.0.disassociate(&caller, pool_id, monitor_id).await?)
        })
        .await
    }

    async fn get_agent(&self, request: Request<GetRequest>) -> Result<Response<GetPoolAgentResponse>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), request.get_ref().id.parse().unwrap_or_default());
            let agent = self.0.agent_of_pool(&caller, id).await?;
            let agent = agent.map(|agent| convert::to_agent(&agent, self.0.liveness(&agent)));
            Ok(GetPoolAgentResponse { agent })
        })
        .await
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
        subnet_id: if wanted.has("subnet_id") {
            pool.subnet_id.map(|id| id.to_string()).unwrap_or_default()
        } else {
            String::new()
        },
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
