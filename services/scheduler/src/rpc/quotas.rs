//! `lbaas.v1.Quotas`

use ballast_model::{
    fault::Fault,
    quota::{Limit, Resource},
};
use ballast_proto::{
    convert,
    v1::{ListQuotasRequest, ListQuotasResponse, Quota, QuotaRequest, UpdateQuotaRequest, quotas_server},
};
use tonic::{Request, Response, Status};

use super::{
    Api, answer,
    decode::{body, caller},
};

#[tonic::async_trait]
impl quotas_server::Quotas for Api {
    async fn get(&self, request: Request<QuotaRequest>) -> Result<Response<Quota>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let (project_id, limits) = self.0.quota(&caller, &request.project_id).await?;
            Ok(convert::to_quota(&project_id, &limits))
        })
        .await
    }

    async fn get_default(&self, request: Request<QuotaRequest>) -> Result<Response<Quota>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let (project_id, limits) = self.0.default_quota(&caller, &request.project_id)?;
            Ok(convert::to_quota(&project_id, &limits))
        })
        .await
    }

    async fn list(&self, request: Request<ListQuotasRequest>) -> Result<Response<ListQuotasResponse>, Status> {
        answer(async {
            let all = self.0.quotas(&caller(&request)).await?;
            let quotas = all.iter().map(|(project_id, limits)| convert::to_quota(project_id, limits)).collect();
            Ok(ListQuotasResponse { quotas })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateQuotaRequest>) -> Result<Response<Quota>, Status> {
        answer(async {
            let caller = caller(&request);
            // What is wrong with it is no business of who may not.
            self.0.may_limit(&caller)?;
            let quota = body("quota", request.into_inner().quota)?;
            let limits = limits(&quota)?;
            let (project_id, limits) = self.0.update_quota(&caller, &quota.project_id, &limits).await?;
            Ok(convert::to_quota(&project_id, &limits))
        })
        .await
    }

    async fn delete(&self, request: Request<QuotaRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            self.0.delete_quota(&caller, &request.project_id).await
        })
        .await
    }
}

fn limits(quota: &Quota) -> Result<Vec<(Resource, Limit)>, Fault> {
    let sent = Resource::ALL.into_iter().filter_map(|resource| {
        let value = match resource {
            Resource::Network => quota.network,
            Resource::Subnet => quota.subnet,
            Resource::Port => quota.port,
            Resource::Listener => quota.vip,
            Resource::LoadBalancer => quota.pool,
            Resource::Member => quota.member,
            Resource::HealthMonitor => quota.health_monitor,
            Resource::Pool | Resource::L7Policy | Resource::L7Rule => None,
        };
        value.map(|value| (resource, value))
    });
    sent.map(|(resource, value)| Ok((resource, Limit::new(resource, value)?))).collect()
}
