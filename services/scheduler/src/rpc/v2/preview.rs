//! `LoadBalancers.Preview`: the change itself, by the handler that would make it, on a handle that keeps nothing; then its
//! agent is asked.

use std::sync::{Arc, PoisonError};

use ballast_model::{fault::Fault, ids::AgentId};
use ballast_proto::{
    driver::{self, Connections, Effect, ObjectFault},
    v2::{
        Preview, PreviewAgent, PreviewFault, PreviewQuota, PreviewRejection, PreviewRequest,
        health_monitors_server::HealthMonitors, history_server::History, l7_policies_server::L7Policies,
        l7_rules_server::L7Rules, listeners_server::Listeners, load_balancers_server::LoadBalancers,
        members_server::Members, pools_server::Pools, preview_request::Change,
    },
};
use tonic::{Request, Response, Status};

use super::super::{Api, decode::caller};
use crate::app::{Caller, Choice, Come, CountedByQuota, Looked};

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
    let foreseen = std::mem::take(&mut *foresight.lock().unwrap_or_else(PoisonError::into_inner));
    let preview = match foreseen.come {
        None | Some(Come::Nowhere) => unknown("no agent runs it".to_owned()),
        Some(Come::Placed(choice)) => {
            let step =
                if choice.agent_id.is_some() { "place it on an agent" } else { "wait until an agent can run it" };
            with_choice(known((Effect::None, Connections::Kept), step), &choice, &caller)
        }
        // Made before the other one is broken, and clients of the other one have to come again.
        Some(Come::Moves(choice)) => {
            let step = "move to another agent, as this one cannot run it";
            with_choice(known((Effect::Move, Connections::Cut), step), &choice, &caller)
        }
        Some(Come::Removed(from)) => {
            let step = "take it away from its agent";
            Preview { agent: agent(api, from, &caller), ..known((Effect::Restart, Connections::Cut), step) }
        }
        Some(Come::Told { agent_id, desired }) => {
            let said = api.0.ask(agent_id, desired).await.map_or_else(unknown, |said| shown(said, &caller));
            Preview { agent: agent(api, agent_id, &caller), ..said }
        }
    };
    Ok(Response::new(Preview { quotas: foreseen.counted.iter().map(quota).collect(), ..preview }))
}

/// What needs no driver to be known.
fn known((effect, connections): (Effect, Connections), step: &str) -> Preview {
    Preview {
        effect: effect.into(),
        connections: connections.into(),
        steps: vec![step.to_owned()],
        ..Preview::default()
    }
}

/// Hosts are no tenant's business.
fn agent(api: &Api, id: AgentId, caller: &Caller) -> Option<PreviewAgent> {
    caller.admin.then(|| PreviewAgent {
        id: id.to_string(),
        host: api.0.fleet.host_of(id),
        load_balancers: api.0.fleet.load_of(id),
    })
}

fn quota(counted: &CountedByQuota) -> PreviewQuota {
    PreviewQuota { resource: counted.resource.noun().to_owned(), used: counted.used, limit: counted.limit.get() }
}

/// How many of the agents that could run it, and of those that could not, are named.
const NAMED: usize = 20;

/// Where it would be placed, and where it would not.
fn with_choice(preview: Preview, choice: &Choice, caller: &Caller) -> Preview {
    if !caller.admin {
        return preview;
    }
    let of = |one: &Looked| PreviewAgent {
        id: one.agent_id.to_string(),
        host: one.host.clone(),
        load_balancers: one.load_balancers,
    };
    let agent = choice.looked.iter().find(|one| Some(one.agent_id) == choice.agent_id).map(of);
    let (mut others, mut rejected): (Vec<&Looked>, Vec<&Looked>) = choice
        .looked
        .iter()
        .filter(|one| Some(one.agent_id) != choice.agent_id)
        .partition(|one| one.obstacle.is_none());
    others.sort_by(|one, other| (one.load_balancers, &one.host).cmp(&(other.load_balancers, &other.host)));
    rejected.sort_by(|one, other| one.host.cmp(&other.host));
    let more = |all: &[&Looked]| u32::try_from(all.len().saturating_sub(NAMED)).unwrap_or(u32::MAX);
    let rejection = |one: &&Looked| PreviewRejection {
        id: one.agent_id.to_string(),
        host: one.host.clone(),
        reason: one.obstacle.clone().unwrap_or_default(),
    };
    Preview {
        agent,
        more_others: more(&others),
        more_rejected: more(&rejected),
        others: others.into_iter().take(NAMED).map(of).collect(),
        rejected: rejected.iter().take(NAMED).map(rejection).collect(),
        ..preview
    }
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
        ..Preview::default()
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

    #[test]
    fn an_operator_is_told_where_else_it_could_go_and_why_not_within_bounds() {
        let looked = |number: u32, obstacle: Option<&str>| Looked {
            agent_id: AgentId::from_u128(number.into()),
            host: format!("h{number:02}"),
            load_balancers: 60 - number,
            obstacle: obstacle.map(str::to_owned),
        };
        let able = (1..=30).map(|number| looked(number, None));
        let all = able.chain((31..=53).map(|number| looked(number, Some("Dead"))));
        let choice = Choice { agent_id: Some(AgentId::from_u128(7)), looked: all.collect() };
        let caller = |admin| Caller { project_id: Some("p".to_owned()), admin };
        assert_eq!(with_choice(Preview::default(), &choice, &caller(false)), Preview::default());
        let told = with_choice(Preview::default(), &choice, &caller(true));
        let hosts = |agents: &[PreviewAgent]| agents.iter().map(|one| one.host.clone()).collect::<Vec<_>>();
        assert_eq!(told.agent.map(|one| (one.host, one.load_balancers)), Some(("h07".to_owned(), 53)));
        assert_eq!((hosts(&told.others).len(), hosts(&told.others)[0].as_str(), told.more_others), (20, "h30", 9));
        let first = &told.rejected[0];
        assert_eq!((first.host.as_str(), first.reason.as_str()), ("h31", "Dead"));
        assert_eq!((told.rejected.len(), told.more_rejected), (20, 3));
    }
}
