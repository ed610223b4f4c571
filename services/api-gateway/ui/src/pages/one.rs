//! One load balancer.

use ballast_proto::{
    v1::GetRequest as GetOfV1,
    v2::{
        GetRequest, ListRevisionsRequest, LoadBalancer, LoadBalancerSides, Member, Pool, PreviewRequest, Stats,
        UpdateLoadBalancerRequest, WatchRequest, preview_request::Change,
    },
};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use prost_types::FieldMask;

use super::{AT_ONCE, Making, Page, events, parts::get};
use crate::{
    trouble::Trouble,
    view::{
        certificates::Known,
        copy::Copy,
        events::{EventsOfOne, Table},
        history::History,
        late::{Late, Span},
        monitors::MonitorsOfOne,
        one::{Config, Head, Listeners, Members, Tab, Whole},
        parts::{name_or_id, socket},
        traffic::{Counted, Traffic},
    },
};

/// How many members' counters are shown.
const MEMBERS: usize = 100;

pub(super) async fn make(mut making: Making<'_>, id: &str, tab: Tab) -> Result<Page, Trouble> {
    let reader = making.reader();
    let one = reader.load_balancer(id).await?;
    let agent = agent(&making, id).await?;
    let roles = making.visitor.caller.roles();
    let sides = sides(&making, &one).await?;
    let head = Head::of(&one, agent.as_ref(), tab, making.now).on(sides.as_ref());
    let head = head.writable(roles.may_write(), roles.is_admin());
    let (title, summary) = (name_or_id(&one.name, &one.id), head.summary());
    let page = match tab {
        Tab::Members => members(&making, head, id).await?,
        Tab::Listeners => listeners(&making, head, id).await?,
        Tab::Monitors => {
            let pools = reader.pools(id).await?;
            let monitors = reader.monitors(&pools).await?;
            Page::of(title.as_str(), &MonitorsOfOne::of(head, &monitors, &pools))?
        }
        Tab::History => {
            let request = ListRevisionsRequest { load_balancer_id: id.to_owned(), limit: 0 };
            let request = making.visitor.caller.request(request);
            let revisions = making.dashboard.scheduler.history().list(request).await?.into_inner().revisions;
            Page::of(title.as_str(), &History::of(head, &revisions))?
        }
        Tab::Config if !roles.is_admin() => return Err(Trouble::NotFound),
        Tab::Config => config(&making, head, id).await?,
        Tab::Copy => {
            let parts = reader.all(id).await?;
            let policies = reader.policies(&parts.listeners).await?;
            Page::of(title.as_str(), &Copy::of(head, &parts, &policies))?
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

/// The agent that it is bound to, for admins.
async fn agent(making: &Making<'_>, id: &str) -> Result<Option<ballast_proto::v1::Agent>, Trouble> {
    if !making.visitor.caller.is_admin() {
        return Ok(None);
    }
    let request = making.visitor.caller.request(GetOfV1 { id: id.to_owned() });
    Ok(making.dashboard.scheduler.pools_of_v1().get_agent(request).await?.into_inner().agent)
}

/// Its two sides, for admins; without a flavor it has none.
async fn sides(making: &Making<'_>, one: &LoadBalancer) -> Result<Option<LoadBalancerSides>, Trouble> {
    if !making.visitor.caller.is_admin() || one.flavor_id.is_empty() {
        return Ok(None);
    }
    let request = making.visitor.caller.request(GetRequest { id: one.id.clone(), ..GetRequest::default() });
    match making.dashboard.scheduler.load_balancers().sides(request).await {
        Ok(sides) => Ok(Some(sides.into_inner())),
        // A scheduler of the release before knows of none.
        Err(status) if status.code() == tonic::Code::Unimplemented => Ok(None),
        Err(status) => Err(status.into()),
    }
}

async fn members(making: &Making<'_>, head: Head, id: &str) -> Result<Page, Trouble> {
    let reader = making.reader();
    let span = Span::named(making.query.get("span"));
    let (stats, traffic) = tokio::try_join!(reader.stats(id), reader.traffic(id, span.asked()))?;
    let late = Late::of(head.here(), &traffic, span, &stats, making.now);
    let pools = reader.pools(id).await?;
    let (members, monitors) = tokio::try_join!(reader.members_of(&pools), reader.monitors(&pools))?;
    let health = reader.health(id).await?;
    let whole = |(pool, members): (_, _)| -> Whole<'_> {
        let (pool, members): (&Pool, &Vec<Member>) = (pool, members);
        (pool, members.as_slice(), monitors.iter().find(|monitor| monitor.id == pool.health_monitor_id))
    };
    let wholes: Vec<Whole<'_>> = pools.iter().zip(&members).map(whole).collect();
    Page::of("", &Members::of((head, late), &wholes, &health, making.now))
}

async fn listeners(making: &Making<'_>, head: Head, id: &str) -> Result<Page, Trouble> {
    let reader = making.reader();
    let (listeners, pools) = tokio::try_join!(reader.listeners(id), reader.pools(id))?;
    let policies = reader.policies(&listeners).await?;
    let with_tls = listeners.iter().find(|listener| listener.tls.is_some());
    let (kept, used, _) = match with_tls {
        Some(listener) => reader.kept_and_used(&listener.project_id).await?,
        None => Default::default(),
    };
    let known = Known::all(&kept, &used);
    Page::of("", &Listeners::of((head, making.now), &listeners, &policies, &pools, &known))
}

/// By a change that changes nothing: what its driver would write for it is what it has written.
async fn config(making: &Making<'_>, head: Head, id: &str) -> Result<Page, Trouble> {
    let unchanged = UpdateLoadBalancerRequest {
        load_balancer: Some(LoadBalancer { id: id.to_owned(), ..LoadBalancer::default() }),
        update_mask: Some(FieldMask::default()),
        validate_only: true,
    };
    let request = PreviewRequest { change: Some(Change::UpdateLoadBalancer(unchanged)) };
    let request = making.visitor.caller.request(request);
    let preview = making.dashboard.scheduler.load_balancers().preview(request).await?.into_inner();
    Page::of("", &Config::of(head, preview))
}

async fn traffic(making: &mut Making<'_>, head: Head, one: &LoadBalancer) -> Result<Page, Trouble> {
    let reader = making.reader();
    let span = Span::named(making.query.get("span"));
    let (whole, of_late) = tokio::try_join!(reader.stats(&one.id), reader.traffic(&one.id, span.asked()))?;
    let late = Late::of(head.here(), &of_late, span, &whole, making.now).with_table(&of_late);
    making.memory.note(making.dashboard.clock.monotonic(), whole);
    let counted = |kind, id: &str, name: String, stats| Counted { kind, id: id.to_owned(), name, stats };
    let mut all = vec![counted("Load balancer", &one.id, name_or_id(&one.name, &one.id), whole)];
    let (listeners, pools) = tokio::try_join!(reader.listeners(&one.id), reader.pools(&one.id))?;
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
    let members: Vec<Member> = reader.members_of(&pools).await?.into_iter().flatten().collect();
    let more = members.len().saturating_sub(MEMBERS);
    let ask = |member: Member| stats_of(making, member);
    let stats = stream::iter(members.into_iter().take(MEMBERS)).map(ask).buffered(AT_ONCE);
    all.extend(stats.try_collect::<Vec<_>>().await?);
    Page::of("", &Traffic::of(head, late, all, more, making.memory))
}

async fn stats_of(making: &Making<'_>, member: Member) -> Result<Counted, Trouble> {
    let request = GetRequest { id: member.id.clone(), parent_id: member.pool_id.clone() };
    let request = making.visitor.caller.request(request);
    let stats: Stats = making.dashboard.scheduler.members().stats(request).await?.into_inner();
    let port = u32::try_from(member.protocol_port.unwrap_or_default()).unwrap_or_default();
    Ok(Counted { kind: "Member", id: member.id, name: socket(&member.address, port), stats })
}
