//! Pages: what each asks the scheduler for. The same code makes a page when it is loaded and while it is live.

mod agents;
pub(crate) mod certificates;
mod events;
mod list;
mod networks;
mod one;
mod overview;
pub(crate) mod parts;
mod schedulers;

use std::time::Duration;

use askama::Template;
use axum::{
    extract::{Extension, State},
    http::{HeaderMap, Uri},
    response::{Html, IntoResponse as _, Redirect, Response},
};
use ballast_proto::v2::{ListQuotasRequest, PositionRequest, QuotaRequest};

use crate::{
    Asked, Dashboard, live,
    shell::Shell,
    trouble::Trouble,
    view::{
        explain::{Explain, ExplainOne},
        one::Tab,
        quotas::Quotas,
        traffic::Memory,
    },
    visit::Visitor,
};

/// How long the scheduler may take for all that a page asks.
const PATIENCE: Duration = Duration::from_secs(5);
/// How many calls of a page are under way at once.
const AT_ONCE: usize = 16;

/// What a page is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum View {
    Overview,
    LoadBalancers,
    LoadBalancer(String, Tab),
    Certificates,
    Certificate(String),
    /// What is used by a reference, wherever it is kept.
    Secret,
    Monitors,
    Networks,
    Quotas,
    Agents,
    Agent(String),
    Schedulers,
    Events,
    Explain(Option<String>),
}

impl View {
    /// By its path. None: there is no such page.
    pub(crate) fn of(path: &str) -> Option<Self> {
        let below = path.strip_prefix("/ui/")?;
        let parts: Vec<&str> = below.split('/').collect();
        Some(match parts.as_slice() {
            [""] => Self::Overview,
            ["load-balancers"] => Self::LoadBalancers,
            ["load-balancers", id] => Self::LoadBalancer((*id).to_owned(), Tab::Members),
            ["load-balancers", id, tab] if !tab.is_empty() => Self::LoadBalancer((*id).to_owned(), Tab::named(tab)?),
            ["certificates"] => Self::Certificates,
            ["certificates", "secret"] => Self::Secret,
            ["certificates", id] => Self::Certificate((*id).to_owned()),
            ["monitors"] => Self::Monitors,
            ["networks"] => Self::Networks,
            ["quotas"] => Self::Quotas,
            ["agents"] => Self::Agents,
            ["agents", id] => Self::Agent((*id).to_owned()),
            ["schedulers"] => Self::Schedulers,
            ["events"] => Self::Events,
            ["explain"] => Self::Explain(None),
            ["explain", status] => Self::Explain(Some((*status).to_owned())),
            _ => return None,
        })
    }

    /// The load balancer whose changes alone concern it.
    pub(crate) fn load_balancer(&self) -> Option<&str> {
        match self {
            Self::LoadBalancer(id, _) => Some(id),
            _ => None,
        }
    }

    /// How often it is looked at for what makes no events; none: it does not change.
    pub(crate) const fn pace(&self) -> Option<Duration> {
        match self {
            Self::LoadBalancer(_, Tab::Traffic) | Self::Agents | Self::Agent(_) => Some(Duration::from_secs(2)),
            Self::Overview
            | Self::Schedulers
            | Self::Certificate(_)
            | Self::LoadBalancer(_, Tab::Members | Tab::Listeners | Tab::Monitors | Tab::Events | Tab::History) => {
                Some(Duration::from_secs(5))
            }
            Self::Certificates | Self::Secret => Some(Duration::from_secs(10)),
            Self::LoadBalancers | Self::Monitors | Self::Events => Some(Duration::from_secs(30)),
            Self::LoadBalancer(_, Tab::Config | Tab::Copy) | Self::Networks | Self::Quotas | Self::Explain(_) => None,
        }
    }
}

/// A query's keys and values.
#[derive(Debug, Clone, Default)]
pub(crate) struct Query(Vec<(String, String)>);

impl Query {
    pub(crate) fn of(text: &str) -> Self {
        Self(form_urlencoded::parse(text.as_bytes()).into_owned().collect())
    }

    /// Empty: it is not there.
    pub(crate) fn get(&self, name: &str) -> &str {
        self.0.iter().rev().find(|(key, _)| key == name).map_or("", |(_, value)| value)
    }

    /// All of this name.
    pub(crate) fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0.iter().filter(move |(key, _)| key == name).map(|(_, value)| value.as_str())
    }
}

/// What a page is made with.
pub(crate) struct Making<'a> {
    pub(crate) dashboard: &'a Dashboard,
    pub(crate) visitor: &'a Visitor,
    pub(crate) query: Query,
    pub(crate) now: jiff::Timestamp,
    /// What an open page remembers.
    pub(crate) memory: &'a mut Memory,
}

impl<'a> Making<'a> {
    fn reader(&self) -> parts::Reader<'a> {
        parts::Reader { dashboard: self.dashboard, visitor: self.visitor }
    }
}

/// A page without what stands around it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Page {
    pub(crate) title: String,
    /// In a sentence, for who does not see; empty: nothing to say.
    pub(crate) summary: String,
    /// HTML
    pub(crate) main: String,
}

impl Page {
    fn of(title: impl Into<String>, template: &impl Template) -> Result<Self, Trouble> {
        let main = template.render().map_err(|error| {
            tracing::error!(%error, "a page could not be written");
            Trouble::Broken
        })?;
        Ok(Self { title: title.into(), summary: String::new(), main })
    }

    fn saying(self, summary: String) -> Self {
        Self { summary, ..self }
    }
}

/// Makes it, in bounded time.
///
/// # Errors
/// What is shown instead.
pub(crate) async fn make(view: &View, making: Making<'_>) -> Result<Page, Trouble> {
    let made = tokio::time::timeout(PATIENCE, Box::pin(dispatch(view, making))).await;
    made.unwrap_or(Err(Trouble::Away("The scheduler has not answered in time.")))
}

async fn dispatch(view: &View, making: Making<'_>) -> Result<Page, Trouble> {
    match view {
        View::Overview => overview::make(making).await,
        View::LoadBalancers => list::load_balancers(making).await,
        View::LoadBalancer(id, tab) => one::make(making, id, *tab).await,
        View::Certificates => certificates::all(making).await,
        View::Certificate(id) => certificates::one(making, id).await,
        View::Secret => certificates::secret(making).await,
        View::Monitors => list::monitors(making).await,
        View::Networks => networks::make(making).await,
        View::Quotas => quotas(making).await,
        View::Agents => agents::all(making).await,
        View::Agent(id) => agents::one(making, id).await,
        View::Schedulers => schedulers::all(making).await,
        View::Events => events::all(making).await,
        View::Explain(None) => Page::of("Explain", &Explain::all()),
        View::Explain(Some(word)) => {
            let one = ExplainOne::of(word).ok_or(Trouble::NotFound)?;
            Page::of(one.word, &one)
        }
    }
}

async fn quotas(making: Making<'_>) -> Result<Page, Trouble> {
    let (caller, scope) = (&making.visitor.caller, making.visitor.scope());
    let mut client = making.dashboard.scheduler.quotas();
    let found = if caller.is_admin() && scope.is_empty() {
        let request = caller.request(ListQuotasRequest { project_id: String::new() });
        let mut listed = client.list(request).await?.into_inner().quotas;
        let defaults = client.get_default(caller.request(QuotaRequest::default())).await?.into_inner();
        listed.push(ballast_proto::v2::Quota { project_id: "all others".to_owned(), ..defaults });
        listed
    } else {
        vec![client.get(caller.request(QuotaRequest { project_id: scope })).await?.into_inner()]
    };
    Page::of("Quotas", &Quotas::of(&found))
}

/// Where what changes is told from: taken before a page is read, so that nothing falls between the two.
async fn position(dashboard: &Dashboard, visitor: &Visitor) -> Result<String, Trouble> {
    let request = visitor.caller.request(PositionRequest::default());
    Ok(dashboard.scheduler.events().position(request).await?.into_inner().cursor)
}

/// The page of an address.
pub(crate) async fn show(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    let here = uri.path_and_query().map_or("/ui/", |here| here.as_str());
    let action = format!("GET {}", uri.path());
    let visitor = match Visitor::of(&dashboard, &headers, &asked, &action).await {
        Ok(visitor) if visitor.has_to_choose() => return Redirect::to("/ui/projects").into_response(),
        Ok(visitor) => visitor,
        Err(trouble) => return trouble.respond(&dashboard, None, here),
    };
    match whole(&dashboard, &visitor, &uri, here).await {
        Ok(page) => Html(page).into_response(),
        Err(trouble) => trouble.respond(&dashboard, Some(&visitor), here),
    }
}

async fn whole(dashboard: &Dashboard, visitor: &Visitor, uri: &Uri, here: &str) -> Result<String, Trouble> {
    let view = View::of(uri.path()).ok_or(Trouble::NotFound)?;
    let cursor = match view.pace() {
        Some(_) => Some(position(dashboard, visitor).await?),
        None => None,
    };
    let (query, now) = (Query::of(uri.query().unwrap_or_default()), dashboard.now());
    let memory = &mut Memory::default();
    let page = make(&view, Making { dashboard, visitor, query, now, memory }).await?;
    let mut shell = Shell::of(visitor, &page.title, here);
    if let Some(cursor) = cursor {
        shell = shell.live(live::address(here, &cursor, &page.main));
    }
    Ok(shell.around(&page.main))
}

/// Where a browser comes in.
pub(crate) async fn door() -> Redirect {
    Redirect::to("/ui/")
}

/// What is not served.
pub(crate) async fn nowhere(
    State(dashboard): State<Dashboard>,
    Extension(asked): Extension<Asked>,
    headers: HeaderMap,
    uri: Uri,
) -> Response {
    match Visitor::of(&dashboard, &headers, &asked, "GET /ui").await {
        Ok(visitor) => Trouble::NotFound.respond(&dashboard, Some(&visitor), "/ui/"),
        Err(trouble) => trouble.respond(&dashboard, None, uri.path()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_page_of_the_table_is_one_and_nothing_else_is() {
        let pages = crate::ROUTES.iter().filter(|route| route.path.starts_with("/ui/") && route.method == "GET");
        let others = ["ui_projects", "ui_login_form", "ui_static", "ui_live"];
        let is_page = |action: &str| !others.contains(&action) && !action.starts_with("ui_form_");
        for route in pages.filter(|route| is_page(route.action)) {
            assert!(View::of(&route.path.replace(['{', '}'], "")).is_some(), "{}", route.path);
        }
        for path in ["/ui", "/ui/x", "/ui/load-balancers/", "/ui/load-balancers/x/", "/ui/a/b/c/d"] {
            let is_page = View::of(path).is_some();
            assert!(!is_page || path == "/ui/load-balancers/", "{path}");
        }
    }
}
