//! The first page.

use std::collections::HashMap;

use ballast_proto::{
    v1::ListRequest as ListOfV1,
    v2::{
        Filter, GetRequest, ListRequest, Listener, LoadBalancer, LoadBalancerHealth, OverviewRequest, OverviewResponse,
    },
};
use futures_util::{StreamExt as _, stream};

use super::{AT_ONCE, Making, Page};
use crate::{
    trouble::Trouble,
    view::{
        attention,
        certificates::Known,
        overview::{Overview, Said, Wish},
        topology::Branch,
    },
};

/// How many load balancers are in the picture.
const SHOWN: usize = 50;
/// With more agents, their drivers are looked at on their own page.
const AGENTS: usize = 200;

pub(super) async fn make(making: Making<'_>) -> Result<Page, Trouble> {
    let wish = Wish {
        as_table: making.query.get("view") == "table",
        is_unhealthy_only: making.query.get("unhealthy") == "1",
        filter: making.query.get("q").trim().to_owned(),
    };
    let worst = u32::try_from(SHOWN).unwrap_or(u32::MAX);
    let request = OverviewRequest { project_id: making.visitor.scope(), worst, with_traffic: true };
    let request = making.visitor.caller.request(request);
    let overview = making.dashboard.scheduler.overview().get(request).await?.into_inner();
    let worst = these(&making, &overview.worst_ids).await?;
    let health = health(&making, &worst).await?;
    let listeners = listeners(&making, &worst).await?;
    let now = making.now;
    let mut needs: Vec<_> =
        worst.iter().filter_map(|one| attention::of_load_balancer(one, health.get(&one.id), now)).collect();
    needs.extend(needs_of_agents(&making, &overview).await?);
    let name_of = |id: &str| worst.iter().find(|one| one.id == id).map_or("", |one| one.name.as_str());
    let conflicts = overview.contested.iter().take(SHOWN);
    needs.extend(conflicts.map(|one| attention::of_conflict(one, name_of(&one.load_balancer_id), now)));
    needs.extend(needs_of_certificates(&making).await?);
    let branch = |one: &LoadBalancer| Branch::of(one, &listeners, health.get(&one.id), now);
    let said = Said {
        overview: &overview,
        needs: attention::sorted(needs),
        branches: worst.iter().map(branch).collect(),
        may_write: making.visitor.caller.roles().may_write(),
        is_admin: making.visitor.caller.is_admin(),
    };
    let shown = Overview::of(said, wish, now);
    Ok(Page::of("Overview", &shown)?.saying(shown.summary()))
}

/// Those that are there of these, in their order.
async fn these(making: &Making<'_>, ids: &[String]) -> Result<Vec<LoadBalancer>, Trouble> {
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let filters = vec![Filter { field: "id".to_owned(), values: ids.to_vec() }];
    let request = ListRequest { project_id: making.visitor.scope(), filters, ..ListRequest::default() };
    let request = making.visitor.caller.request(request);
    let mut found = making.dashboard.scheduler.load_balancers().list(request).await?.into_inner().load_balancers;
    found.sort_by_key(|one| ids.iter().position(|id| *id == one.id));
    Ok(found)
}

/// How members fare, by load balancer. One that is gone meanwhile has none.
async fn health(making: &Making<'_>, of: &[LoadBalancer]) -> Result<HashMap<String, LoadBalancerHealth>, Trouble> {
    let ask = |id: String| {
        let mut client = making.dashboard.scheduler.load_balancers();
        let request = making.visitor.caller.request(GetRequest { id: id.clone(), ..GetRequest::default() });
        async move {
            match client.health(request).await.map_err(Trouble::from) {
                Ok(health) => Ok(Some((id, health.into_inner()))),
                Err(Trouble::NotFound) => Ok(None),
                Err(trouble) => Err(trouble),
            }
        }
    };
    let ids: Vec<String> = of.iter().map(|one| one.id.clone()).collect();
    let answers: Vec<_> = stream::iter(ids).map(ask).buffered(AT_ONCE).collect().await;
    answers.into_iter().filter_map(Result::transpose).collect()
}

async fn listeners(making: &Making<'_>, of: &[LoadBalancer]) -> Result<Vec<Listener>, Trouble> {
    if of.is_empty() {
        return Ok(Vec::new());
    }
    let values = of.iter().map(|one| one.id.clone()).collect();
    let filters = vec![Filter { field: "loadbalancer_id".to_owned(), values }];
    let request = making.visitor.caller.request(ListRequest { filters, ..ListRequest::default() });
    Ok(making.dashboard.scheduler.listeners().list(request).await?.into_inner().listeners)
}

/// Those of certificates, the worst.
async fn needs_of_certificates(making: &Making<'_>) -> Result<Vec<attention::Need>, Trouble> {
    let (kept, used, _) = making.reader().kept_and_used(&making.visitor.scope()).await?;
    let all = Known::all(&kept, &used);
    let needs = all.iter().filter_map(|one| attention::of_certificate(one, making.now)).collect();
    let mut needs = attention::sorted(needs);
    needs.truncate(SHOWN);
    Ok(needs)
}

async fn needs_of_agents(making: &Making<'_>, overview: &OverviewResponse) -> Result<Vec<attention::Need>, Trouble> {
    if !making.visitor.caller.is_admin() || overview.agents.is_empty() || overview.agents.len() > AGENTS {
        return Ok(Vec::new());
    }
    let request = making.visitor.caller.request(ListOfV1::default());
    let agents = making.dashboard.scheduler.agents().list(request).await?.into_inner().agents;
    Ok(agents.iter().flat_map(|agent| attention::of_agent(agent, making.now)).collect())
}
