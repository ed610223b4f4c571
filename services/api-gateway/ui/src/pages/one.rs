//! One load balancer.

use ballast_proto::{
    v1::GetRequest as GetOfV1,
    v2::{
        Filter, GetRequest, HealthMonitor, L7Policy, L7Rule, ListRequest, Listener, LoadBalancer, Member, Pool, Stats,
        WatchRequest,
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::{AT_ONCE, Making, Page, events};
use crate::{
    trouble::Trouble,
    view::{
        events::{EventsOfOne, Table},
        monitors::MonitorsOfOne,
        one::{Head, Listeners, Members, Tab, Whole},
        parts::{name_or_id, socket},
        traffic::{Counted, Traffic},
    },
};

/// How many members' counters are shown.
const MEMBERS: usize = 100;

pub(super) async fn make(mut making: Making<'_>, id: &str, tab: Tab) -> Result<Page, Trouble> {
    let request = making.visitor.caller.request(get(id));
    let one = making.dashboard.scheduler.load_balancers().get(request).await?.into_inner();
    let agent = agent(&making, id).await?;
    let head = Head::of(&one, agent.as_ref(), tab, making.now);
    let (title, summary) = (name_or_id(&one.name, &one.id), head.summary());
    let page = match tab {
        Tab::Members => members(&making, head, id).await?,
        Tab::Listeners => listeners(&making, head, id).await?,
        Tab::Monitors => {
            let pools = pools(&making, id).await?;
            let monitors = monitors(&making, &pools).await?;
            Page::of(title.as_str(), &MonitorsOfOne::of(head, &monitors, &pools))?
        }
        Tab::Traffic => traffic(&mut making, head, &one).await?,
        Tab::Events => {
            let watch = WatchRequest { ids: vec![id.to_owned()], ..WatchRequest::default() };
            let told = events::told(&making, watch).await?;
            Page::of(title.as_str(), &EventsOfOne { head, table: Table::of(&told) })?
        }
    };
    Ok(Page { title, ..page.saying(summary) })
}

fn get(id: &str) -> GetRequest {
    GetRequest { id: id.to_owned(), ..GetRequest::default() }
}

/// Objects whose field is one of these.
fn of_these(field: &str, values: Vec<String>) -> ListRequest {
    let filters = vec![Filter { field: field.to_owned(), values }];
    ListRequest { filters, ..ListRequest::default() }
}

/// The agent that it is bound to, for admins.
async fn agent(making: &Making<'_>, id: &str) -> Result<Option<ballast_proto::v1::Agent>, Trouble> {
    if !making.visitor.caller.is_admin() {
        return Ok(None);
    }
    let request = making.visitor.caller.request(GetOfV1 { id: id.to_owned() });
    Ok(making.dashboard.scheduler.pools_of_v1().get_agent(request).await?.into_inner().agent)
}

async fn pools(making: &Making<'_>, id: &str) -> Result<Vec<Pool>, Trouble> {
    let request = making.visitor.caller.request(of_these("loadbalancer_id", vec![id.to_owned()]));
    Ok(making.dashboard.scheduler.pools().list(request).await?.into_inner().pools)
}

async fn listeners_of(making: &Making<'_>, id: &str) -> Result<Vec<Listener>, Trouble> {
    let request = making.visitor.caller.request(of_these("loadbalancer_id", vec![id.to_owned()]));
    Ok(making.dashboard.scheduler.listeners().list(request).await?.into_inner().listeners)
}

async fn monitors(making: &Making<'_>, pools: &[Pool]) -> Result<Vec<HealthMonitor>, Trouble> {
    let ids: Vec<String> =
        pools.iter().map(|pool| pool.health_monitor_id.clone()).filter(|id| !id.is_empty()).collect();
    if ids.is_empty() {
        return Ok(Vec::new());
    }
    let request = making.visitor.caller.request(of_these("id", ids));
    Ok(making.dashboard.scheduler.monitors().list(request).await?.into_inner().health_monitors)
}

/// The members of each pool.
async fn members_of(making: &Making<'_>, pools: &[Pool]) -> Result<Vec<Vec<Member>>, Trouble> {
    let ask = |id: String| {
        let mut client = making.dashboard.scheduler.members();
        let request = making.visitor.caller.request(ListRequest { parent_id: id, ..ListRequest::default() });
        async move { Ok::<_, Trouble>(client.list(request).await?.into_inner().members) }
    };
    let ids: Vec<String> = pools.iter().map(|pool| pool.id.clone()).collect();
    stream::iter(ids).map(ask).buffered(AT_ONCE).try_collect().await
}

async fn members(making: &Making<'_>, head: Head, id: &str) -> Result<Page, Trouble> {
    let pools = pools(making, id).await?;
    let (members, monitors) = tokio::try_join!(members_of(making, &pools), monitors(making, &pools))?;
    let request = making.visitor.caller.request(get(id));
    let health = making.dashboard.scheduler.load_balancers().health(request).await?.into_inner();
    let whole = |(pool, members): (_, _)| -> Whole<'_> {
        let (pool, members): (&Pool, &Vec<Member>) = (pool, members);
        (pool, members.as_slice(), monitors.iter().find(|monitor| monitor.id == pool.health_monitor_id))
    };
    let wholes: Vec<Whole<'_>> = pools.iter().zip(&members).map(whole).collect();
    Page::of("", &Members::of(head, &wholes, &health, making.now))
}

async fn listeners(making: &Making<'_>, head: Head, id: &str) -> Result<Page, Trouble> {
    let (listeners, pools) = tokio::try_join!(listeners_of(making, id), pools(making, id))?;
    let with_policies: Vec<String> =
        listeners.iter().filter(|one| !one.l7policy_ids.is_empty()).map(|one| one.id.clone()).collect();
    let policies = if with_policies.is_empty() {
        Vec::new()
    } else {
        let request = making.visitor.caller.request(of_these("listener_id", with_policies));
        making.dashboard.scheduler.policies().list(request).await?.into_inner().l7policies
    };
    let mut policies: Vec<(L7Policy, Vec<L7Rule>)> =
        stream::iter(policies).map(|policy| with_rules(making, policy)).buffered(AT_ONCE).try_collect().await?;
    policies.sort_by_key(|(policy, _)| policy.position);
    Page::of("", &Listeners::of(head, &listeners, &policies, &pools))
}

async fn with_rules(making: &Making<'_>, policy: L7Policy) -> Result<(L7Policy, Vec<L7Rule>), Trouble> {
    let request = ListRequest { parent_id: policy.id.clone(), ..ListRequest::default() };
    let request = making.visitor.caller.request(request);
    let rules = making.dashboard.scheduler.rules().list(request).await?.into_inner().rules;
    Ok((policy, rules))
}

async fn traffic(making: &mut Making<'_>, head: Head, one: &LoadBalancer) -> Result<Page, Trouble> {
    let request = making.visitor.caller.request(get(&one.id));
    let whole = making.dashboard.scheduler.load_balancers().stats(request).await?.into_inner();
    making.memory.note(making.dashboard.clock.monotonic(), whole);
    let counted = |kind, id: &str, name: String, stats| Counted { kind, id: id.to_owned(), name, stats };
    let mut all = vec![counted("Load balancer", &one.id, name_or_id(&one.name, &one.id), whole)];
    let (listeners, pools) = tokio::try_join!(listeners_of(making, &one.id), pools(making, &one.id))?;
    for listener in &listeners {
        let request = making.visitor.caller.request(get(&listener.id));
        let stats = making.dashboard.scheduler.listeners().stats(request).await?.into_inner();
        all.push(counted("Listener", &listener.id, name_or_id(&listener.name, &listener.id), stats));
    }
    for pool in &pools {
        let request = making.visitor.caller.request(get(&pool.id));
        let stats = making.dashboard.scheduler.pools().stats(request).await?.into_inner();
        all.push(counted("Pool", &pool.id, name_or_id(&pool.name, &pool.id), stats));
    }
    let members: Vec<Member> = members_of(making, &pools).await?.into_iter().flatten().collect();
    let more = members.len().saturating_sub(MEMBERS);
    let ask = |member: Member| stats_of(making, member);
    let stats = stream::iter(members.into_iter().take(MEMBERS)).map(ask).buffered(AT_ONCE);
    all.extend(stats.try_collect::<Vec<_>>().await?);
    Page::of("", &Traffic::of(head, all, more, making.memory))
}

async fn stats_of(making: &Making<'_>, member: Member) -> Result<Counted, Trouble> {
    let request = GetRequest { id: member.id.clone(), parent_id: member.pool_id.clone() };
    let request = making.visitor.caller.request(request);
    let stats: Stats = making.dashboard.scheduler.members().stats(request).await?.into_inner();
    let port = u32::try_from(member.protocol_port.unwrap_or_default()).unwrap_or_default();
    Ok(Counted { kind: "Member", id: member.id, name: socket(&member.address, port), stats })
}
