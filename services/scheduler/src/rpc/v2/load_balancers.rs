//! `lbaas.v2.LoadBalancers`

use ballast_model::{
    check,
    counters::Generation,
    fault::{Balancing, Fault},
    labels::{self, Labels},
    load_balancer::{LoadBalancer, load_balancer_not_found},
    member::Member,
    parts::Parts,
    side::Topology,
    status::Progress,
};
use ballast_proto::{
    convert,
    v2::{
        self, CreateLoadBalancerRequest, DeleteLoadBalancerRequest, GetRequest, ListLoadBalancersResponse, ListRequest,
        LoadBalancerHealth, PreviewRequest, Stats, StatusTree, UpdateLoadBalancerRequest, load_balancers_server,
    },
};
use ballast_store::Kind;
use tonic::{Request, Response, Status};

use super::super::{
    Api, answer,
    decode::{Mask, body, caller, id, next_page_token},
    once::{claim, once},
};
use super::{
    apply::optional_id,
    check_etag, etag,
    graph::Planner,
    preview,
    query::{needs_a_look, page, query, the_look, without_a_look},
    sides,
};
use crate::app::{App, Caller, NewLoadBalancer, Seen, Target, WantedAddress, WantedAddresses, Write};

const MUTABLE: [&str; 6] = ["name", "description", "admin_state_up", "tags", "vip_qos_policy_id", "vip_sg_ids"];

#[tonic::async_trait]
impl load_balancers_server::LoadBalancers for Api {
    async fn create(&self, request: Request<CreateLoadBalancerRequest>) -> Result<Response<v2::LoadBalancer>, Status> {
        answer(async {
            let (caller, request) = (&caller(&request), request.into_inner());
            let sent = body("load_balancer", request.load_balancer)?;
            let new = new_load_balancer(&self.0, caller, &sent).await?;
            let id = new.load_balancer.id;
            let claim = claim(&self.0, caller, &request.request_id, &sent, id)?;
            let write = Write { claim: claim.as_ref(), ..Write::new(caller, request.validate_only) };
            let make = Box::pin(self.0.create_load_balancer(write, new));
            let claim = claim.as_ref().filter(|_| !request.validate_only);
            let made = once(&self.0, claim, make, |id| self.0.seen(caller, Target::LoadBalancer(id))).await?;
            Ok(whole(&made))
        })
        .await
    }

    async fn get(&self, request: Request<GetRequest>) -> Result<Response<v2::LoadBalancer>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, load_balancer_not_found)?);
            self.0.seen(&caller, Target::LoadBalancer(id)).await.map(|seen| encode(&seen))
        })
        .await
    }

    async fn list(&self, request: Request<ListRequest>) -> Result<Response<ListLoadBalancersResponse>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let query = query(&caller, request)?;
            let (load_balancers, more) = if needs_a_look(&query) {
                let all = self.0.list_of_v2(Kind::LoadBalancer, &without_a_look(&query)).await?;
                page(&the_look(&query), all.items.iter().map(|(_, seen)| encode(seen)).collect())?
            } else {
                let listed = self.0.list_of_v2(Kind::LoadBalancer, &query).await?;
                (listed.items.iter().map(|(_, seen)| encode(seen)).collect(), listed.more)
            };
            let next_page_token =
                next_page_token(more, load_balancers.last().map(|one: &v2::LoadBalancer| one.id.as_str()));
            Ok(ListLoadBalancersResponse { load_balancers, next_page_token })
        })
        .await
    }

    async fn update(&self, request: Request<UpdateLoadBalancerRequest>) -> Result<Response<v2::LoadBalancer>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let sent = body("load_balancer", request.load_balancer)?;
            let id = id(&sent.id, load_balancer_not_found)?;
            let mask = Mask::new::<v2::LoadBalancer>(request.update_mask, &MUTABLE)?;
            let (sent, mask) = (&sent, &mask);
            let write = Write::new(&caller, request.validate_only);
            let changed = self.0.change_of_v2(write, Target::LoadBalancer(id), |before| {
                check_etag(etag(sent.status.as_ref()), &before.progress, id)?;
                before.change(|target| apply(mask, sent, target))
            });
            Ok(encode(&changed.await?))
        })
        .await
    }

    async fn delete(&self, request: Request<DeleteLoadBalancerRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, request) = (caller(&request), request.into_inner());
            let id = id(&request.id, load_balancer_not_found)?;
            let write = Write::new(&caller, request.validate_only);
            let check = |one: &LoadBalancer| check_etag(&request.etag, &one.progress, id);
            self.0.delete_load_balancer(write, id, request.cascade, check).await
        })
        .await
    }

    async fn preview(&self, request: Request<PreviewRequest>) -> Result<Response<v2::Preview>, Status> {
        preview::preview(self, request).await
    }

    async fn stats(&self, request: Request<GetRequest>) -> Result<Response<Stats>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, load_balancer_not_found)?);
            self.0.stats(&caller, id).await.map(|counted| convert::to_v2_stats(&counted))
        })
        .await
    }

    async fn statuses(&self, request: Request<GetRequest>) -> Result<Response<StatusTree>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, load_balancer_not_found)?);
            let seen = self.0.seen(&caller, Target::LoadBalancer(id)).await?;
            Ok(convert::to_status_tree(&seen.load_balancer, seen.is_run))
        })
        .await
    }

    async fn health(&self, request: Request<GetRequest>) -> Result<Response<LoadBalancerHealth>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, load_balancer_not_found)?);
            let (seen, checked) = self.0.checked(&caller, id).await?;
            // Of another status than is stored by now it is about to be.
            let said = |member: &Member| {
                let checked = checked.get(&member.id).filter(|one| one.status == member.operating_status)?;
                Some((checked.since, checked.answer.clone()))
            };
            Ok(convert::to_load_balancer_health(&seen.load_balancer, seen.is_run, &said))
        })
        .await
    }

    async fn sides(&self, request: Request<GetRequest>) -> Result<Response<v2::LoadBalancerSides>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, load_balancer_not_found)?);
            self.0.sides_shown(&caller, id).await.map(|shown| sides::encode(&shown))
        })
        .await
    }

    async fn failover(&self, request: Request<GetRequest>) -> Result<Response<()>, Status> {
        answer(async {
            let (caller, id) = (caller(&request), id(&request.get_ref().id, load_balancer_not_found)?);
            self.0.fail_over_one(&caller, id).await
        })
        .await
    }
}

pub(super) fn encode(seen: &Seen) -> v2::LoadBalancer {
    convert::to_v2_load_balancer(&seen.load_balancer, seen.is_run)
}

/// With all that is in it.
fn whole(seen: &Seen) -> v2::LoadBalancer {
    let load_balancer = &seen.load_balancer;
    let listeners = load_balancer.listeners.iter();
    let pools = load_balancer.pools.iter();
    v2::LoadBalancer {
        listeners: listeners.map(|one| super::listeners::whole(load_balancer, one, seen.is_run)).collect(),
        pools: pools.map(|one| super::pools::whole(load_balancer, one, seen.is_run)).collect(),
        ..encode(seen)
    }
}

fn apply(mask: &Mask, sent: &v2::LoadBalancer, target: &mut LoadBalancer) -> Result<(), Fault> {
    not_here(sent)?;
    let text = |field: &str, sent: &String, target: &mut String| {
        if let Some(text) = mask.pick(field, !sent.is_empty(), sent) {
            *target = check::text(field, text.clone(), check::MAX_TEXT)?;
        }
        Ok::<_, Fault>(())
    };
    text("name", &sent.name, &mut target.name)?;
    text("description", &sent.description, &mut target.description)?;
    let up = sent.admin_state_up;
    if let Some(up) = mask.pick("admin_state_up", up.is_some(), up.unwrap_or(true)) {
        target.admin_state_up = up;
    }
    if let Some(tags) = mask.pick("tags", !sent.tags.is_empty(), &sent.tags) {
        target.labels.tags = labels::tags(tags.clone())?;
    }
    Ok(())
}

/// What only a Neutron's networks have.
fn not_here(sent: &v2::LoadBalancer) -> Result<(), Fault> {
    for (field, is_sent) in
        [("vip_qos_policy_id", !sent.vip_qos_policy_id.is_empty()), ("vip_sg_ids", !sent.vip_sg_ids.is_empty())]
    {
        if is_sent {
            return Err(Balancing::NotOnThisNetwork { field: field.to_owned() }.into());
        }
    }
    Ok(())
}

async fn new_load_balancer(app: &App, caller: &Caller, sent: &v2::LoadBalancer) -> Result<NewLoadBalancer, Fault> {
    let project_id = project_for(caller, &sent.project_id)?;
    let (provider, provider_alias) = app.provider_of(&sent.provider)?;
    let mut planner = Planner::of_whole(app, &project_id);
    planner.define(&sent.listeners, &sent.pools)?;
    let listeners = sent.listeners.iter().map(|one| planner.listener(one)).collect::<Result<Vec<_>, _>>()?;
    let mut made = LoadBalancer {
        id: planner.new_load_balancer_id(),
        project_id: project_id.clone(),
        name: String::new(),
        description: String::new(),
        provider: provider.name.clone(),
        provider_alias,
        flavor_id: optional_id("flavor_id", &sent.flavor_id)?,
        availability_zone: (!sent.availability_zone.is_empty()).then(|| sent.availability_zone.clone()),
        flavor_data: String::new(),
        topology: Topology::default(),
        http_answers: Vec::new(),
        admin_state_up: true,
        vip: None,
        generation: Generation::FIRST,
        settled: Generation::NONE,
        listeners: Parts::from(listeners),
        pools: Parts::from(planner.into_pools()),
        labels: Labels::default(),
        progress: Progress::created(Generation::FIRST),
    };
    apply(&Mask::all(&MUTABLE), sent, &mut made)?;
    let is_provider_named = !sent.provider.is_empty();
    Ok(NewLoadBalancer { load_balancer: made, is_provider_named, addresses: addresses(sent)? })
}

/// Another's project is forbidden.
fn project_for(caller: &Caller, asked: &str) -> Result<String, Fault> {
    if !asked.is_empty() {
        caller.must_own(asked)?;
    }
    caller.project_for(asked)
}

fn addresses(sent: &v2::LoadBalancer) -> Result<WantedAddresses, Fault> {
    let vip = sent.vip.clone().unwrap_or_default();
    let wanted = |one: &v2::Vip| {
        let address = match one.address.as_str() {
            "" => None,
            text => Some(check::address("address", text)?),
        };
        Ok::<_, Fault>(WantedAddress { subnet_id: optional_id("subnet_id", &one.subnet_id)?, address })
    };
    Ok(WantedAddresses {
        vip: wanted(&vip)?,
        network_id: optional_id("network_id", &vip.network_id)?,
        port_id: optional_id("port_id", &vip.port_id)?,
        additional: sent.additional_vips.iter().map(wanted).collect::<Result<_, _>>()?,
    })
}
