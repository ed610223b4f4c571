//! Lists: load balancers and health monitors.

use ballast_proto::v2::{Filter, ListRequest, LoadBalancer, Sort};

use super::{Making, Page};
use crate::{
    trouble::Trouble,
    view::{
        list::{Found, List, STATUSES, Wish, fits},
        monitors::Monitors,
    },
};

/// How many are on a page.
const PAGE: u32 = 50;
/// How many are looked through for a text.
const LOOKED_THROUGH: u32 = 10_000;

fn wish(making: &Making<'_>) -> Wish {
    let get = |name: &str| making.query.get(name).to_owned();
    Wish { status: get("status"), filter: get("q"), sort: get("sort"), after: get("after"), before: get("before") }
}

/// What is asked for, as the scheduler takes it.
fn request(wish: &Wish, project_id: String) -> Result<ListRequest, Trouble> {
    let filters = match wish.status.as_str() {
        "" => Vec::new(),
        status => {
            let known = STATUSES.iter().find(|(name, ..)| *name == status);
            let (_, field, values) = known.ok_or_else(|| Trouble::Faulty(format!("\"{status}\" is no status.")))?;
            let values = values.iter().map(|&value| value.to_owned()).collect();
            vec![Filter { field: (*field).to_owned(), values }]
        }
    };
    let sorts = wish.sorted().map(|(field, descending)| Sort { field: field.to_owned(), descending });
    let is_back = !wish.before.is_empty();
    let marker = if is_back { &wish.before } else { &wish.after };
    Ok(ListRequest {
        project_id,
        filters,
        sorts: sorts.into_iter().collect(),
        page_size: if wish.filter.is_empty() { PAGE } else { LOOKED_THROUGH },
        page_token: if wish.filter.is_empty() { marker.clone() } else { String::new() },
        page_reverse: is_back && wish.filter.is_empty(),
        ..ListRequest::default()
    })
}

pub(super) async fn load_balancers(making: Making<'_>) -> Result<Page, Trouble> {
    let (wish, visitor) = (wish(&making), making.visitor);
    let request = visitor.caller.request(request(&wish, visitor.scope())?);
    let found = making.dashboard.scheduler.load_balancers().list(request).await?.into_inner();
    let has_projects = visitor.caller.is_admin() && visitor.scope().is_empty();
    let more = !found.next_page_token.is_empty();
    let (load_balancers, more, is_cut) = match wish.filter.as_str() {
        "" => (found.load_balancers, more, false),
        text => {
            let (fitting, is_cut) = first(found.load_balancers, text);
            (fitting, false, is_cut || more)
        }
    };
    let may_write = visitor.caller.roles().may_write();
    let found = Found { load_balancers: &load_balancers, more, has_projects, may_write, is_cut };
    Page::of("Load balancers", &List::of(&found, wish, making.now))
}

/// Those that fit a text, as many as a page has, and whether there are more.
fn first(all: Vec<LoadBalancer>, text: &str) -> (Vec<LoadBalancer>, bool) {
    let page = usize::try_from(PAGE).unwrap_or(usize::MAX);
    let mut fitting: Vec<_> = all.into_iter().filter(|one| fits(one, text)).take(page + 1).collect();
    let is_cut = fitting.len() > page;
    fitting.truncate(page);
    (fitting, is_cut)
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
