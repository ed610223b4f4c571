//! `lbaas.v2.Quotas`

use ballast_model::{
    check,
    fault::Fault,
    quota::{Limit, Resource, UNLIMITED},
};
use ballast_proto::{
    convert,
    v2::{ListQuotasRequest, ListQuotasResponse, Quota, QuotaRequest, UpdateQuotaRequest, quotas_server},
};
use ballast_store::OwnLimits;
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{Mask, body, caller},
};

/// The highest limit.
const MOST: i32 = 2_000_000_000;

#[tonic::async_trait]
impl quotas_server::Quotas for Api {
    async fn get(&self, request: Request<QuotaRequest>) -> Result<Response<Quota>, Status> {
        answer(async {
            let (project_id, limits) = self.0.quota(&caller(&request), &request.get_ref().project_id).await?;
            Ok(convert::to_v2_quota(&project_id, &limits))
        })
        .await
    }

    async fn get_default(&self, request: Request<QuotaRequest>) -> Result<Response<Quota>, Status> {
        answer(async {
            let (project_id, limits) = self.0.default_quota_of_v2(&caller(&request), &request.get_ref().project_id)?;
            Ok(convert::to_v2_quota(&project_id, &limits))
        })
        .await
    }

    async fn list(&self, request: Request<ListQuotasRequest>) -> Result<Response<ListQuotasResponse>, Status> {
        answer(async {
            let all = self.0.quotas_of_v2(&caller(&request), &request.get_ref().project_id).await?;
            let quotas = all.iter().map(|(project_id, limits)| convert::to_v2_quota(project_id, limits)).collect();
            Ok(ListQuotasResponse { quotas })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateQuotaRequest>) -> Result<Response<Quota>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let sent = body("quota", request.quota)?;
            let mask = Mask::new::<Quota>(request.update_mask, &Resource::V2.map(Resource::noun))?;
            let (limits, reset) = changes(&sent, &mask)?;
            let (project_id, limits) = self.0.update_quota_of_v2(&caller, &sent.project_id, &limits, &reset).await?;
            Ok(convert::to_v2_quota(&project_id, &limits))
        })
        .await
    }

    async fn delete(&self, request: Request<QuotaRequest>) -> Result<Response<()>, Status> {
        answer(async { self.0.delete_quota_of_v2(&caller(&request), &request.get_ref().project_id).await }).await
    }
}

/// The limits that are set, and what is to have the default again.
fn changes(sent: &Quota, mask: &Mask) -> Result<(OwnLimits, Vec<Resource>), Fault> {
    let (mut limits, mut reset) = (Vec::new(), Vec::new());
    for resource in Resource::V2 {
        let value = value(sent, resource);
        match mask.pick(resource.noun(), value.is_some(), value) {
            Some(Some(value)) => {
                let value = check::range(resource.noun(), value, UNLIMITED, MOST)?;
                limits.push((resource, Limit::new(resource, value)?));
            }
            Some(None) => reset.push(resource),
            None => {}
        }
    }
    Ok((limits, reset))
}

const fn value(sent: &Quota, resource: Resource) -> Option<i32> {
    match resource {
        Resource::LoadBalancer => sent.load_balancer,
        Resource::Listener => sent.listener,
        Resource::Pool => sent.pool,
        Resource::Member => sent.member,
        Resource::HealthMonitor => sent.health_monitor,
        Resource::L7Policy => sent.l7policy,
        Resource::L7Rule => sent.l7rule,
        Resource::Network | Resource::Subnet | Resource::Port => None,
    }
}

#[cfg(test)]
mod tests {
    use ballast_model::fault::Code;
    use prost_types::FieldMask;

    use super::*;

    #[test]
    fn what_the_mask_names_and_is_absent_is_the_default_again() {
        let sent = Quota { pool: Some(3), l7rule: Some(-1), ..Quota::default() };
        let of = |paths: Option<&[&str]>| {
            let mask = paths.map(|paths| FieldMask { paths: paths.iter().map(|path| (*path).to_owned()).collect() });
            let mask = Mask::new::<Quota>(mask, &Resource::V2.map(Resource::noun)).map_err(|fault| fault.code())?;
            changes(&sent, &mask).map_err(|fault| fault.code())
        };
        let limit = |resource, value| (resource, Limit::new(resource, value).unwrap());
        let set = vec![limit(Resource::Pool, 3), limit(Resource::L7Rule, -1)];
        assert_eq!(of(None).unwrap(), (set.clone(), vec![]));
        assert_eq!(of(Some(&["pool", "load_balancer"])).unwrap(), (vec![set[0]], vec![Resource::LoadBalancer]));
        assert_eq!(of(Some(&["project_id"])).unwrap_err(), Code::ImmutableField);
        let mask = Mask::new::<Quota>(None, &[]).map_err(|fault| fault.code()).unwrap();
        let fault = changes(&Quota { load_balancer: Some(-2), ..Quota::default() }, &mask).unwrap_err();
        assert_eq!(fault.field(), Some("load_balancer"));
    }
}
