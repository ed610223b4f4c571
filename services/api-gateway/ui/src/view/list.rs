//! Load balancers, as a list.

use askama::Template;
use ballast_proto::v2::LoadBalancer;

use super::{
    badge::{Badge, Statuses},
    parts::{Named, short},
    time::Moment,
};

/// What can be asked for, each with what REST filters by.
pub(crate) const STATUSES: [(&str, &str, &[&str]); 9] = [
    ("UNHEALTHY", "operating_status", &["ERROR", "DEGRADED"]),
    ("ONLINE", "operating_status", &["ONLINE"]),
    ("DEGRADED", "operating_status", &["DEGRADED"]),
    ("ERROR", "operating_status", &["ERROR"]),
    ("OFFLINE", "operating_status", &["OFFLINE"]),
    ("DRAINING", "operating_status", &["DRAINING"]),
    ("NO_MONITOR", "operating_status", &["NO_MONITOR"]),
    ("PENDING", "provisioning_status", &["PENDING_CREATE", "PENDING_UPDATE", "PENDING_DELETE"]),
    ("NOT_DEPLOYED", "provisioning_status", &["ERROR"]),
];
/// Columns, by what the scheduler sorts them by.
pub(crate) const SORTS: [(&str, &str); 8] = [
    ("name", "Name"),
    ("operating_status", "Serves"),
    ("provisioning_status", "Deployed"),
    ("vip_address", "Address"),
    ("provider", "Provider"),
    ("created_at", "Made"),
    ("parts", "Parts"),
    ("project_id", "Project"),
];

/// What the page was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) status: String,
    /// An agent's id; for admins.
    pub(crate) agent: String,
    pub(crate) filter: String,
    /// A column, `-` before it: the other way round.
    pub(crate) sort: String,
    /// An id: the page after or before it.
    pub(crate) after: String,
    pub(crate) before: String,
}

impl Wish {
    /// The column and whether it descends. None: as they were made.
    pub(crate) fn sorted(&self) -> Option<(&'static str, bool)> {
        let (name, descends) = self.sort.strip_prefix('-').map_or((self.sort.as_str(), false), |name| (name, true));
        SORTS.iter().find(|(known, _)| *known == name).map(|(known, _)| (*known, descends))
    }

    /// Not all are asked for.
    fn narrows(&self) -> bool {
        [&self.status, &self.agent, &self.filter].into_iter().any(|wish| !wish.is_empty())
    }

    /// The address of this page with something else.
    fn path(&self, changes: &[(&str, &str)]) -> String {
        let own = [("status", &self.status), ("agent", &self.agent), ("q", &self.filter), ("sort", &self.sort)];
        let own = own.iter().map(|(name, value)| (*name, value.as_str()));
        let kept = own.filter(|(name, value)| !value.is_empty() && changes.iter().all(|(changed, _)| changed != name));
        let all = kept.chain(changes.iter().copied().filter(|(_, value)| !value.is_empty()));
        let query = form_urlencoded::Serializer::new(String::new()).extend_pairs(all).finish();
        if query.is_empty() { "/ui/load-balancers".to_owned() } else { format!("/ui/load-balancers?{query}") }
    }
}

/// A load balancer.
struct Row {
    id: String,
    short: String,
    named: Named,
    operating: Badge,
    provisioning: Badge,
    why: String,
    addresses: Vec<String>,
    provider: String,
    project: String,
    parts: String,
    made: Option<Moment>,
}

struct Column {
    title: &'static str,
    path: String,
    /// As `aria-sort` has it.
    sorted: Option<&'static str>,
}

#[derive(Template)]
#[template(path = "list.html")]
pub(crate) struct List {
    wish: Wish,
    columns: Vec<Column>,
    rows: Vec<Row>,
    has_projects: bool,
    may_write: bool,
    earlier: Option<String>,
    later: Option<String>,
    /// What can be asked for: an agent's id and its host; none: it is not for this one to ask.
    agents: Vec<(String, String)>,
}

/// What was found.
pub(crate) struct Found<'a> {
    pub(crate) load_balancers: &'a [LoadBalancer],
    /// There is more beyond what was found, in the direction in which it was looked.
    pub(crate) more: bool,
    pub(crate) has_projects: bool,
    /// Who looks may make one.
    pub(crate) may_write: bool,
    pub(crate) agents: Vec<(String, String)>,
}

impl List {
    pub(crate) fn of(found: &Found<'_>, wish: Wish, now: jiff::Timestamp) -> Self {
        let rows = found.load_balancers.iter().map(|one| row(one, now)).collect();
        let is_back = !wish.before.is_empty();
        let (has_earlier, has_later) = if is_back { (found.more, true) } else { (!wish.after.is_empty(), found.more) };
        let ends = found.load_balancers.first().zip(found.load_balancers.last());
        let path = |key: &str, id: &str| wish.path(&[(key, id)]);
        Self {
            earlier: ends.filter(|_| has_earlier).map(|(first, _)| path("before", &first.id)),
            later: ends.filter(|_| has_later).map(|(_, last)| path("after", &last.id)),
            columns: columns(&wish, found.has_projects),
            rows,
            has_projects: found.has_projects,
            may_write: found.may_write,
            agents: agents(found, &wish),
            wish,
        }
    }

    fn statuses() -> impl Iterator<Item = &'static str> {
        STATUSES.iter().map(|(name, ..)| *name)
    }
}

fn columns(wish: &Wish, has_projects: bool) -> Vec<Column> {
    let sorted = wish.sorted();
    let column = |(name, title): &(&'static str, &'static str)| {
        let own = sorted.filter(|(by, _)| by == name).map(|(_, descends)| descends);
        let next = if own == Some(false) { format!("-{name}") } else { (*name).to_owned() };
        let sorted = own.map(|descends| if descends { "descending" } else { "ascending" });
        Column { title, path: wish.path(&[("sort", &next)]), sorted }
    };
    SORTS.iter().filter(|(name, _)| has_projects || *name != "project_id").map(column).collect()
}

/// With the one that is asked for, though it is not among those that are named.
fn agents(found: &Found<'_>, wish: &Wish) -> Vec<(String, String)> {
    let is_named = wish.agent.is_empty() || found.agents.iter().any(|(id, _)| *id == wish.agent);
    let asked = (!is_named).then(|| (wish.agent.clone(), short(&wish.agent).to_owned()));
    found.agents.iter().cloned().chain(asked).collect()
}

fn row(one: &LoadBalancer, now: jiff::Timestamp) -> Row {
    let vips = one.vip.iter().chain(&one.additional_vips);
    let statuses = Statuses::of(one.status.as_ref());
    let count = |number: usize, noun: &str| match number {
        1 => format!("1 {noun}"),
        number => format!("{number} {noun}s"),
    };
    Row {
        id: one.id.clone(),
        short: short(&one.id).to_owned(),
        named: Named::load_balancer(one),
        operating: statuses.operating,
        provisioning: statuses.provisioning,
        why: statuses.why,
        addresses: vips.map(|vip| vip.address.clone()).filter(|address| !address.is_empty()).collect(),
        provider: one.provider.clone(),
        project: one.project_id.clone(),
        parts: format!("{}, {}", count(one.listener_ids.len(), "listener"), count(one.pool_ids.len(), "pool")),
        made: one.status.as_ref().and_then(|status| Moment::maybe(status.created_at.as_ref(), now)),
    }
}
