//! `lbaas.v1.HealthMonitors`

use ballast_model::{
    fault::Fault,
    health_monitor::{HealthMonitor as Monitor, MonitorChange},
    load_balancer::monitor_not_found,
};
use ballast_proto::{
    convert,
    v1::{
        CreateHealthMonitorRequest, DeleteRequest, GetRequest, HealthMonitor, ListHealthMonitorsResponse, ListRequest,
        UpdateHealthMonitorRequest, health_monitors_server,
    },
};
use tonic::{Request, Response, Status};

use super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token, query},
    once::{claim, once},
};
use crate::app::{App, Caller, MonitorWithPools};

const MUTABLE: [&str; 7] =
    ["delay", "timeout", "max_retries", "http_method", "url_path", "expected_codes", "admin_state_up"];

#[tonic::async_trait]
impl health_monitors_server::HealthMonitors for Api {
    async fn create(&self, request: Request<CreateHealthMonitorRequest>) -> Result<Response<HealthMonitor>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("health_monitor", request.health_monitor)?;
            let monitor = new_monitor(&self.0, caller, sent.clone())?;
            let claim = claim(&self.0, caller, &request.request_id, &sent, monitor.id)?;
            let make = Box::pin(self.0.create_monitor(monitor, claim.as_ref()));
            let made = once(&self.0, claim.as_ref(), make, |id| self.0.monitor(caller, id)).await?;
            Ok(encode(&made))
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<HealthMonitor>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, monitor_not_found)?);
            self.0.monitor(&caller, id).await.map(|found| encode(&found))
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListHealthMonitorsResponse>, Status> {
        answer(async {
            let query = query(&caller(&request), request.into_inner())?;
            let page = self.0.monitors(query).await?;
            let health_monitors: Vec<_> = page.items.iter().map(encode).collect();
            let next_page_token = next_page_token(page.more, health_monitors.last().map(|last| last.id.as_str()));
            Ok(ListHealthMonitorsResponse { health_monitors, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateHealthMonitorRequest>) -> Result<Response<HealthMonitor>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let monitor = body("health_monitor", request.health_monitor)?;
            let id = id(&monitor.id, monitor_not_found)?;
            let mask = Mask::new::<HealthMonitor>(request.update_mask, &MUTABLE)?;
            let changed = self.0.update_monitor(&caller, id, change(&mask, monitor)).await?;
            Ok(encode(&changed))
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, monitor_not_found)?);
            self.0.delete_monitor(&caller, id).await
        })
        .await
    }
}

fn new_monitor(app: &App, caller: &Caller, sent: HealthMonitor) -> Result<Monitor, Fault> {
    let kind = convert::monitor_type(sent.r#type)?;
    let project_id = caller.project_for(&sent.project_id)?;
    let fields = MonitorChange {
        delay: sent.delay,
        timeout: sent.timeout,
        max_retries: sent.max_retries,
        http_method: sent.http_method,
        url_path: sent.url_path,
        expected_codes: sent.expected_codes,
        admin_state_up: sent.admin_state_up,
    };
    Monitor::new(app.new_id(), project_id, kind, fields)
}

/// A masked field that is not set goes back to its default, if it has one.
fn change(mask: &Mask, sent: HealthMonitor) -> MonitorChange {
    let number = |field, value: Option<i32>| mask.pick(field, value.is_some(), value).flatten();
    let text = |field, value: Option<String>, default: &str| {
        let is_set = value.is_some();
        mask.pick(field, is_set, value.unwrap_or_else(|| default.to_owned()))
    };
    MonitorChange {
        delay: number("delay", sent.delay),
        timeout: number("timeout", sent.timeout),
        max_retries: number("max_retries", sent.max_retries),
        http_method: text("http_method", sent.http_method, "GET"),
        url_path: text("url_path", sent.url_path, "/"),
        expected_codes: text("expected_codes", sent.expected_codes, "200"),
        admin_state_up: mask.pick("admin_state_up", sent.admin_state_up.is_some(), sent.admin_state_up.unwrap_or(true)),
    }
}

pub(super) fn encode(found: &MonitorWithPools) -> HealthMonitor {
    convert::to_health_monitor(&found.monitor, &found.pools)
}
