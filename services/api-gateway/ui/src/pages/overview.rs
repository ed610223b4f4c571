//! The first page.

use std::collections::HashMap;

use ballast_proto::{
    v1::ListRequest as ListOfV1,
    v2::{
        Filter, GetRequest, ListRequest, ListStatsRequest, Listener, LoadBalancer, LoadBalancerHealth,
        LoadBalancerStats, OverviewRequest, OverviewResponse,
    },
};
use futures_util::{StreamExt as _, stream};

use super::{AT_ONCE, Making, Page};
use crate::{
    trouble::Trouble,
    view::{
        attention,
        overview::{Overview, Said, Wish},
        topology::Branch,
    },
};

/// How many load balancers are in the picture.
const SHOWN: usize = 50;
/// How many of each kind of trouble are told.
const NEEDS: u32 = 20;
/// With more agents, their drivers are looked at on their own page.
const AGENTS: usize = 200;
/// How many answers of counters are asked for: each has a thousand.
const LOOKS: usize = 20;

pub(super) async fn make(making: Making<'_>) -> Result<Page, Trouble> {
    let wish = Wish {
        as_table: making.query.get("view") == "table",
        is_unhealthy_only: making.query.get("unhealthy") == "1",
        filter: making.query.get("q").trim().to_owned(),
    };
    let request = making.visitor.caller.request(OverviewRequest { project_id: making.visitor.scope() });
    let mut client = making.dashboard.scheduler.overview();
    let asked = async { Ok::<_, Trouble>(client.get(request).await?.into_inner()) };
    let (overview, stats, worst) = tokio::try_join!(asked, counters(&making), worst_first(&making, &wish))?;
    let health = health(&making, &worst).await?;
    let listeners = listeners(&making, &worst).await?;
    let now = making.now;
    let mut needs: Vec<_> =
        worst.iter().filter_map(|one| attention::of_load_balancer(one, health.get(&one.id), now)).collect();
    needs.extend(needs_of_agents(&making, &overview).await?);
    let branch = |one: &LoadBalancer| Branch::of(one, &listeners, health.get(&one.id), now);
    let said = Said {
        overview: &overview,
        stats: &stats,
        needs: attention::sorted(needs),
        branches: worst.iter().map(branch).collect(),
        may_write: making.visitor.caller.roles().may_write(),
        is_admin: making.visitor.caller.is_admin(),
    };
    let shown = Overview::of(said, wish, now);
    Ok(Page::of("Overview", &shown)?.saying(shown.summary()))
}

async fn counters(making: &Making<'_>) -> Result<Vec<LoadBalancerStats>, Trouble> {
    let (mut all, mut cursor) = (Vec::new(), String::new());
    for _ in 0..LOOKS {
        let request = ListStatsRequest { cursor, project_id: making.visitor.scope(), ..ListStatsRequest::default() };
        let request = making.visitor.caller.request(request);
        let found = making.dashboard.scheduler.overview().list_stats(request).await?.into_inner();
        all.extend(found.stats);
        if !found.more {
            break;
        }
        cursor = found.cursor;
    }
    Ok(all)
}

/// Those that are not well, and others until the picture is full.
async fn worst_first(making: &Making<'_>, wish: &Wish) -> Result<Vec<LoadBalancer>, Trouble> {
    let looks = [
        ("provisioning_status", &["ERROR"][..]),
        ("operating_status", &["ERROR"]),
        ("operating_status", &["DEGRADED"]),
        ("provisioning_status", &["PENDING_CREATE", "PENDING_UPDATE"]),
    ];
    let mut found: Vec<LoadBalancer> = Vec::new();
    for (field, values) in looks {
        let values = values.iter().map(|&value| value.to_owned()).collect();
        let filters = vec![Filter { field: field.to_owned(), values }];
        add(&mut found, list(making, filters, NEEDS).await?);
    }
    if !wish.is_unhealthy_only {
        let most = u32::try_from(SHOWN).unwrap_or(u32::MAX);
        add(&mut found, list(making, Vec::new(), most).await?);
    }
    found.truncate(SHOWN);
    Ok(found)
}

fn add(found: &mut Vec<LoadBalancer>, more: Vec<LoadBalancer>) {
    for one in more {
        if found.iter().all(|known| known.id != one.id) {
            found.push(one);
        }
    }
}

async fn list(making: &Making<'_>, filters: Vec<Filter>, page_size: u32) -> Result<Vec<LoadBalancer>, Trouble> {
    let request = ListRequest { project_id: making.visitor.scope(), filters, page_size, ..ListRequest::default() };
    let request = making.visitor.caller.request(request);
    Ok(making.dashboard.scheduler.load_balancers().list(request).await?.into_inner().load_balancers)
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

async fn needs_of_agents(making: &Making<'_>, overview: &OverviewResponse) -> Result<Vec<attention::Need>, Trouble> {
    if !making.visitor.caller.is_admin() || overview.agents.is_empty() || overview.agents.len() > AGENTS {
        return Ok(Vec::new());
    }
    let request = making.visitor.caller.request(ListOfV1::default());
    let agents = making.dashboard.scheduler.agents().list(request).await?.into_inner().agents;
    Ok(agents.iter().flat_map(|agent| attention::of_agent(agent, making.now)).collect())
}
