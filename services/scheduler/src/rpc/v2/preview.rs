//! `LoadBalancers.Preview`: the change itself, by the handler that would make it, on a handle that keeps nothing; then its
//! agent is asked.

use std::sync::{Arc, PoisonError};

use ballast_model::fault::Fault;
use ballast_proto::{
    driver::{Connections, Effect, ObjectFault},
    v2::{
        Preview, PreviewFault, PreviewRequest, health_monitors_server::HealthMonitors, l7_policies_server::L7Policies,
        l7_rules_server::L7Rules, listeners_server::Listeners, load_balancers_server::LoadBalancers,
        members_server::Members, pools_server::Pools, preview_request::Change,
    },
};
use tonic::{Request, Response, Status};

use super::super::{Api, decode::caller};
use crate::app::{Caller, Come};

/// The same request, of the same caller, that is only to be checked.
macro_rules! checked {
    ($caller:expr, $handler:expr, $request:expr) => {{
        let mut message = $request;
        message.validate_only = true;
        ($handler)(asked($caller, message)).await.map(drop)
    }};
}

pub(super) async fn preview(api: &Api, request: Request<PreviewRequest>) -> Result<Response<Preview>, Status> {
    let caller = caller(&request);
    let change = request.into_inner().change.ok_or_else(|| super::super::refuse(Fault::missing_field("change")))?;
    let (app, foresight) = api.0.foreseeing();
    check(&Api(Arc::new(app)), &caller, change).await?;
    let come = foresight.lock().unwrap_or_else(PoisonError::into_inner).take();
    let preview = match come {
        None | Some(Come::Nowhere) => unknown("no agent runs it".to_owned()),
        // Made before the other one is broken, and clients of the other one have to come again.
        Some(Come::Moves) => Preview {
            effect: Effect::Move.into(),
            connections: Connections::Cut.into(),
            steps: vec!["move to another agent, as this one cannot run it".to_owned()],
            ..Preview::default()
        },
        Some(Come::Told { agent_id, desired }) => api.0.ask(agent_id, desired).await.map_or_else(unknown, shown),
    };
    Ok(Response::new(preview))
}

fn unknown(reason: String) -> Preview {
    Preview { reason, ..Preview::default() }
}

fn shown(said: ballast_proto::driver::Preview) -> Preview {
    let fault = |fault: ObjectFault| PreviewFault {
        object_id: fault.object_id,
        message: fault.fault.map(|fault| fault.message).unwrap_or_default(),
    };
    Preview {
        effect: said.effect,
        connections: said.connections,
        steps: said.steps,
        configuration: said.configuration,
        faults: said.faults.into_iter().map(fault).collect(),
        reason: String::new(),
    }
}

fn asked<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}

async fn check(api: &Api, caller: &Caller, change: Change) -> Result<(), Status> {
    match change {
        Change::UpdateLoadBalancer(one) => checked!(caller, |it| LoadBalancers::update(api, it), one),
        Change::CreateListener(one) => checked!(caller, |it| Listeners::create(api, it), one),
        Change::UpdateListener(one) => checked!(caller, |it| Listeners::update(api, it), one),
        Change::DeleteListener(one) => checked!(caller, |it| Listeners::delete(api, it), one),
        Change::CreatePool(one) => checked!(caller, |it| Pools::create(api, it), one),
        Change::UpdatePool(one) => checked!(caller, |it| Pools::update(api, it), one),
        Change::DeletePool(one) => checked!(caller, |it| Pools::delete(api, it), one),
        Change::CreateMember(one) => checked!(caller, |it| Members::create(api, it), one),
        Change::UpdateMember(one) => checked!(caller, |it| Members::update(api, it), one),
        Change::DeleteMember(one) => checked!(caller, |it| Members::delete(api, it), one),
        Change::ReplaceMembers(one) => checked!(caller, |it| Members::replace(api, it), one),
        Change::CreateHealthMonitor(one) => checked!(caller, |it| HealthMonitors::create(api, it), one),
        Change::UpdateHealthMonitor(one) => checked!(caller, |it| HealthMonitors::update(api, it), one),
        Change::DeleteHealthMonitor(one) => checked!(caller, |it| HealthMonitors::delete(api, it), one),
        Change::CreateL7policy(one) => checked!(caller, |it| L7Policies::create(api, it), one),
        Change::UpdateL7policy(one) => checked!(caller, |it| L7Policies::update(api, it), one),
        Change::DeleteL7policy(one) => checked!(caller, |it| L7Policies::delete(api, it), one),
        Change::CreateL7rule(one) => checked!(caller, |it| L7Rules::create(api, it), one),
        Change::UpdateL7rule(one) => checked!(caller, |it| L7Rules::update(api, it), one),
        Change::DeleteL7rule(one) => checked!(caller, |it| L7Rules::delete(api, it), one),
    }
}
