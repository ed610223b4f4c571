//! Lists: load balancers and health monitors.

use ballast_proto::{
    v1::ListRequest as ListOfV1,
    v2::{Filter, ListRequest, Sort},
};

use super::{Making, Page};
use crate::{
    trouble::Trouble,
    view::{
        list::{Found, List, STATUSES, Wish},
        monitors::Monitors,
    },
};

/// How many are on a page.
const PAGE: u32 = 50;
/// With more agents, one is named by the address of its own page.
const AGENTS: u32 = 200;

fn wish(making: &Making<'_>) -> Wish {
    let get = |name: &str| making.query.get(name).to_owned();
    Wish {
        status: get("status"),
        // Whose agent runs what is an operator's business alone.
        agent: if making.visitor.caller.is_admin() { get("agent") } else { String::new() },
        filter: get("q").trim().to_owned(),
        sort: get("sort"),
        after: get("after"),
        before: get("before"),
    }
}

/// What is asked for, as the scheduler takes it.
fn request(wish: &Wish, project_id: String) -> Result<ListRequest, Trouble> {
    let mut filters = Vec::new();
    if !wish.status.is_empty() {
        let known = STATUSES.iter().find(|(name, ..)| *name == wish.status);
        let unknown = || Trouble::Faulty(format!("\"{}\" is no status.", wish.status));
        let (_, field, values) = known.ok_or_else(unknown)?;
        filters.push(filter(field, values));
    }
    if !wish.agent.is_empty() {
        filters.push(filter("agent_id", &[&wish.agent]));
    }
    let sorts = wish.sorted().map(|(field, descending)| Sort { field: field.to_owned(), descending });
    let is_back = !wish.before.is_empty();
    Ok(ListRequest {
        project_id,
        filters,
        search: wish.filter.clone(),
        sorts: sorts.into_iter().collect(),
        page_size: PAGE,
        page_token: if is_back { &wish.before } else { &wish.after }.clone(),
        page_reverse: is_back,
        ..ListRequest::default()
    })
}

fn filter(field: &str, values: &[&str]) -> Filter {
    Filter { field: field.to_owned(), values: values.iter().map(|&value| value.to_owned()).collect() }
}

pub(super) async fn load_balancers(making: Making<'_>) -> Result<Page, Trouble> {
    let (wish, visitor) = (wish(&making), making.visitor);
    let request = visitor.caller.request(request(&wish, visitor.scope())?);
    let found = making.dashboard.scheduler.load_balancers().list(request).await?.into_inner();
    let has_projects = visitor.caller.is_admin() && visitor.scope().is_empty();
    let found = Found {
        load_balancers: &found.load_balancers,
        more: !found.next_page_token.is_empty(),
        has_projects,
        may_write: visitor.caller.roles().may_write(),
        agents: agents(&making).await?,
    };
    Page::of("Load balancers", &List::of(&found, wish, making.now))
}

/// Those that can be chosen, for admins, in the order of their hosts.
async fn agents(making: &Making<'_>) -> Result<Vec<(String, String)>, Trouble> {
    if !making.visitor.caller.is_admin() {
        return Ok(Vec::new());
    }
    let request = making.visitor.caller.request(ListOfV1 { page_size: AGENTS, ..ListOfV1::default() });
    let agents = making.dashboard.scheduler.agents().list(request).await?.into_inner().agents;
    let mut named: Vec<_> = agents.into_iter().map(|agent| (agent.id, agent.host)).collect();
    named.sort_by(|one, other| one.1.cmp(&other.1));
    Ok(named)
}

pub(super) async fn monitors(making: Making<'_>) -> Result<Page, Trouble> {
    let visitor = making.visitor;
    let request = ListRequest {
        project_id: visitor.scope(),
        page_size: PAGE,
        page_token: making.query.get("after").to_owned(),
        ..ListRequest::default()
    };
    let found = making.dashboard.scheduler.monitors().list(visitor.caller.request(request)).await?.into_inner();
    let later = found.health_monitors.last().filter(|_| !found.next_page_token.is_empty());
    let later = later.map(|last| last.id.clone());
    Page::of("Health monitors", &Monitors::of(&found.health_monitors, later.as_deref()))
}
