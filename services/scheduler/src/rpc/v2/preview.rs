//! `LoadBalancers.Preview`: the change itself, by the handler that would make it, on a handle that keeps nothing; then its
//! agent is asked.

use std::sync::{Arc, PoisonError};

use ballast_model::{fault::Fault, ids::AgentId};
use ballast_proto::{
    driver::{self, Connections, Effect, ObjectFault},
    v2::{
        Preview, PreviewAgent, PreviewFault, PreviewRequest, health_monitors_server::HealthMonitors,
        history_server::History, l7_policies_server::L7Policies, l7_rules_server::L7Rules, listeners_server::Listeners,
        load_balancers_server::LoadBalancers, members_server::Members, pools_server::Pools, preview_request::Change,
    },
};
use tonic::{Request, Response, Status};

use super::super::{Api, decode::caller};
use crate::app::{Caller, Come};

/// The same request, of the same caller, that is only to be checked.
macro_rules! checked {
    ($api:expr, $caller:expr, $handler:path, $request:expr) => {{
        let mut message = $request;
        message.validate_only = true;
        $handler($api, asked($caller, message)).await.map(drop)
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
        Some(Come::Placed(to)) => {
            let step = if to.is_some() { "place it on an agent" } else { "wait until an agent can run it" };
            known(api, to.filter(|_| caller.admin), (Effect::None, Connections::Kept), step)
        }
        // Made before the other one is broken, and clients of the other one have to come again.
        Some(Come::Moves(to)) => {
            let step = "move to another agent, as this one cannot run it";
            known(api, to.filter(|_| caller.admin), (Effect::Move, Connections::Cut), step)
        }
        Some(Come::Removed(from)) => {
            let step = "take it away from its agent";
            known(api, Some(from).filter(|_| caller.admin), (Effect::Restart, Connections::Cut), step)
        }
        Some(Come::Told { agent_id, desired }) => {
            let said = api.0.ask(agent_id, desired).await.map_or_else(unknown, |said| shown(said, &caller));
            Preview { agent: agent(api, Some(agent_id).filter(|_| caller.admin)), ..said }
        }
    };
    Ok(Response::new(preview))
}

/// What needs no driver to be known.
fn known(api: &Api, on: Option<AgentId>, (effect, connections): (Effect, Connections), step: &str) -> Preview {
    Preview {
        effect: effect.into(),
        connections: connections.into(),
        steps: vec![step.to_owned()],
        agent: agent(api, on),
        ..Preview::default()
    }
}

/// Hosts are no tenant's business.
fn agent(api: &Api, id: Option<AgentId>) -> Option<PreviewAgent> {
    id.map(|id| PreviewAgent { id: id.to_string(), host: api.0.fleet.host_of(id) })
}

fn unknown(reason: String) -> Preview {
    Preview { reason, ..Preview::default() }
}

/// A configuration names files of a host, which are no tenant's business.
fn shown(said: driver::Preview, caller: &Caller) -> Preview {
    let fault = |fault: ObjectFault| PreviewFault {
        object_id: fault.object_id,
        message: fault.fault.map(|fault| fault.message).unwrap_or_default(),
    };
    Preview {
        effect: said.effect,
        connections: said.connections,
        steps: said.steps,
        configuration: if caller.admin { said.configuration } else { String::new() },
        faults: said.faults.into_iter().map(fault).collect(),
        reason: String::new(),
        agent: None,
    }
}

fn asked<T>(caller: &Caller, message: T) -> Request<T> {
    let mut request = Request::new(message);
    request.extensions_mut().insert(caller.clone());
    request
}

async fn check(api: &Api, caller: &Caller, change: Change) -> Result<(), Status> {
    match change {
        Change::CreateLoadBalancer(one) => checked!(api, caller, LoadBalancers::create, one),
        Change::DeleteLoadBalancer(one) => checked!(api, caller, LoadBalancers::delete, one),
        Change::RollBack(one) => checked!(api, caller, History::roll_back, one),
        Change::UpdateLoadBalancer(one) => checked!(api, caller, LoadBalancers::update, one),
        Change::CreateListener(one) => checked!(api, caller, Listeners::create, one),
        Change::UpdateListener(one) => checked!(api, caller, Listeners::update, one),
        Change::DeleteListener(one) => checked!(api, caller, Listeners::delete, one),
        Change::CreatePool(one) => checked!(api, caller, Pools::create, one),
        Change::UpdatePool(one) => checked!(api, caller, Pools::update, one),
        Change::DeletePool(one) => checked!(api, caller, Pools::delete, one),
        Change::CreateMember(one) => checked!(api, caller, Members::create, one),
        Change::UpdateMember(one) => checked!(api, caller, Members::update, one),
        Change::DeleteMember(one) => checked!(api, caller, Members::delete, one),
        Change::ReplaceMembers(one) => checked!(api, caller, Members::replace, one),
        Change::CreateHealthMonitor(one) => checked!(api, caller, HealthMonitors::create, one),
        Change::UpdateHealthMonitor(one) => checked!(api, caller, HealthMonitors::update, one),
        Change::DeleteHealthMonitor(one) => checked!(api, caller, HealthMonitors::delete, one),
        Change::CreateL7policy(one) => checked!(api, caller, L7Policies::create, one),
        Change::UpdateL7policy(one) => checked!(api, caller, L7Policies::update, one),
        Change::DeleteL7policy(one) => checked!(api, caller, L7Policies::delete, one),
        Change::CreateL7rule(one) => checked!(api, caller, L7Rules::create, one),
        Change::UpdateL7rule(one) => checked!(api, caller, L7Rules::update, one),
        Change::DeleteL7rule(one) => checked!(api, caller, L7Rules::delete, one),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_an_operator_is_shown_a_configuration() {
        let said = || driver::Preview { configuration: "global".to_owned(), ..driver::Preview::default() };
        for (admin, expected) in [(true, "global"), (false, "")] {
            let caller = Caller { project_id: Some("p".to_owned()), admin };
            assert_eq!(shown(said(), &caller).configuration, expected);
        }
    }
}
