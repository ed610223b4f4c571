//! `lbaas.v2.HealthMonitors`

use ballast_model::{
    fault::Fault,
    health_monitor::HealthMonitor,
    ids::{MonitorId, PoolId},
    load_balancer::{monitor_not_found, pool_not_found},
    quota::Resource,
};
use ballast_proto::{
    convert,
    v2::{
        self, CreateHealthMonitorRequest, DeleteRequest, GetRequest, ListHealthMonitorsResponse, ListRequest,
        UpdateHealthMonitorRequest, health_monitors_server,
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
    etag,
    query::{needs_a_look, page, query, the_look, without_a_look},
};
use crate::app::{MonitorWithPools, Seen, Target, Write};

#[tonic::async_trait]
impl health_monitors_server::HealthMonitors for Api {
    async fn create(
        &self,
        request: Request<CreateHealthMonitorRequest>,
    ) -> Result<Response<v2::HealthMonitor>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("health_monitor", request.health_monitor)?;
            let pool_id: PoolId = id(&sent.pool_id, pool_not_found)?;
            let new: &HealthMonitor = &apply::new_monitor(self.0.new_id(), "", &sent)?;
            let id = new.id;
            let claim = claim(&self.0, caller, &request.request_id, &sent, id)?;
            let write = Write {
                claim: claim.as_ref(),
                makes: Some(Resource::HealthMonitor),
                ..Write::new(caller, request.validate_only)
            };
            let make = Box::pin(self.0.change_of_v2(write, Target::Pool(pool_id), |before| {
                let mut own = HealthMonitor { project_id: before.project_id.clone(), ..new.clone() };
                own.labels.created_at = self.0.now();
                before.add_monitor(pool_id, own)
            }));
            let make = async { Ok((id, make.await?)) };
            let find = |id| async move { Ok((id, self.0.seen(caller, Target::Pool(pool_id)).await?)) };
            let claim = claim.as_ref().filter(|_| !request.validate_only);
            let (id, made) = once(&self.0, claim, make, find).await?;
            made_of(&made, pool_id, id)
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<v2::HealthMonitor>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, monitor_not_found)?);
            self.0.monitor_of_v2(&caller, id).await.map(|found| encode(&found))
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListHealthMonitorsResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let query = query(&caller, request)?;
            let look = needs_a_look(&query);
            let asked = if look { without_a_look(&query) } else { query.clone() };
            let listed = self.0.monitors_of_v2(&asked).await?;
            let mut more = listed.more;
            let mut health_monitors: Vec<v2::HealthMonitor> = listed.items.iter().map(encode).collect();
            if look {
                (health_monitors, more) = page(&the_look(&query), health_monitors)?;
            }
            let next_page_token = next_page_token(more, health_monitors.last().map(|one| one.id.as_str()));
            Ok(ListHealthMonitorsResponse { health_monitors, next_page_token })
        })
        .await
    }

    async fn update(
        &self,
        request: Request<UpdateHealthMonitorRequest>,
    ) -> Result<Response<v2::HealthMonitor>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let sent = &body("health_monitor", request.health_monitor)?;
            let id: MonitorId = id(&sent.id, monitor_not_found)?;
            let mask = &Mask::new::<v2::HealthMonitor>(request.update_mask, &apply::MONITOR)?;
            let write = Write { etag: etag(sent.status.as_ref()), ..Write::new(&caller, request.validate_only) };
            let changed =
                self.0.change_monitor(write, id, |target| apply::monitor(&Fields(mask), sent, target)).await?;
            Ok(encode(&changed))
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id: MonitorId = id(&request.id, monitor_not_found)?;
            let write = Write { etag: &request.etag, ..Write::new(&caller, request.validate_only) };
            self.0.delete_monitor_of_v2(write, id).await
        })
        .await
    }
}

fn encode(found: &MonitorWithPools) -> v2::HealthMonitor {
    convert::to_v2_health_monitor(&found.monitor, &found.pools)
}

fn made_of(seen: &Seen, pool_id: PoolId, id: MonitorId) -> Result<v2::HealthMonitor, Fault> {
    let pool = seen.load_balancer.pool(pool_id)?;
    let found = pool.monitors.iter().find(|one| one.monitor.id == id).ok_or_else(|| monitor_not_found(id))?;
    Ok(convert::to_v2_health_monitor(&found.monitor, &[(pool_id, found.progress.clone())]))
}
