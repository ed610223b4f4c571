//! The first page: totals, what needs attention, where traffic goes.

use askama::Template;
use ballast_proto::v2::{AgentLiveness, OperatingCount, OperatingStatus, OverviewResponse};

use super::{
    attention::Need,
    badge::{Badge, Tone},
    number::{bits_per_second, bytes, grouped},
    schedulers::paused,
    time::{Moment, age},
    topology::{Branch, Picture},
};

/// A number with what it is of, and what it is made of.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Total {
    pub(crate) title: &'static str,
    pub(crate) number: String,
    pub(crate) path: Option<&'static str>,
    pub(crate) parts: Vec<Part>,
}

/// A part of a number.
#[derive(Debug, PartialEq, Eq)]
pub(crate) struct Part {
    pub(crate) tone: Tone,
    pub(crate) text: String,
    pub(crate) path: Option<String>,
}

/// What the page was asked for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub(crate) struct Wish {
    pub(crate) as_table: bool,
    pub(crate) is_unhealthy_only: bool,
    pub(crate) filter: String,
}

#[derive(Template)]
#[template(path = "overview.html")]
pub(crate) struct Overview {
    totals: Vec<Total>,
    needs: Vec<Need>,
    /// How many more there are than are shown.
    more_needs: u64,
    wish: Wish,
    branches: Vec<Branch>,
    picture: Option<Picture>,
    is_empty: bool,
    may_write: bool,
    no_agents: bool,
    pause: Option<String>,
}

/// What the scheduler said.
pub(crate) struct Said<'a> {
    pub(crate) overview: &'a OverviewResponse,
    pub(crate) needs: Vec<Need>,
    pub(crate) branches: Vec<Branch>,
    pub(crate) may_write: bool,
    pub(crate) is_admin: bool,
}

impl Overview {
    pub(crate) fn of(said: Said<'_>, wish: Wish, now: jiff::Timestamp) -> Self {
        let Said { overview, needs, branches, may_write, is_admin } = said;
        let filter = wish.filter.to_lowercase();
        let fits = |branch: &Branch| {
            let texts = std::iter::once(&branch.name).chain(&branch.fronts);
            let mut texts = texts.chain(branch.members.iter().map(|member| &member.socket));
            filter.is_empty() || branch.id == filter || texts.any(|text| text.to_lowercase().contains(&filter))
        };
        let mut branches: Vec<_> = branches.into_iter().filter(fits).collect();
        branches.retain(|branch| !wish.is_unhealthy_only || !branch.is_well());
        let unwell = operating(&overview.operating, OperatingStatus::Error)
            + operating(&overview.operating, OperatingStatus::Degraded);
        // Of load balancers alone it is known how many there are.
        let is_one = |need: &&Need| {
            need.named
                .path
                .as_ref()
                .is_some_and(|path| path.starts_with("/ui/load-balancers/") && !path.ends_with("/events"))
        };
        let shown = u64::try_from(needs.iter().filter(is_one).count()).unwrap_or(u64::MAX);
        Self {
            totals: totals(overview, is_admin, now),
            more_needs: unwell.saturating_sub(shown),
            needs,
            picture: (!wish.as_table && !branches.is_empty()).then(|| Picture::of(&branches)),
            wish,
            branches,
            may_write,
            is_empty: overview.load_balancers == 0,
            no_agents: is_admin && overview.agents.is_empty(),
            pause: paused(overview),
        }
    }

    /// In a sentence, for who does not see.
    pub(crate) fn summary(&self) -> String {
        match self.needs.len() {
            0 => "Nothing needs attention.".to_owned(),
            1 => format!("1 needs attention: {}, {}.", self.needs[0].named.name, self.needs[0].what),
            some => format!("{some} need attention, first {}: {}.", self.needs[0].named.name, self.needs[0].what),
        }
    }

    /// The address of this page with another form of the topology.
    fn as_other(&self) -> String {
        let mut query = form_urlencoded::Serializer::new(String::new());
        query.append_pair("view", if self.wish.as_table { "picture" } else { "table" });
        if self.wish.is_unhealthy_only {
            query.append_pair("unhealthy", "1");
        }
        if !self.wish.filter.is_empty() {
            query.append_pair("q", &self.wish.filter);
        }
        format!("/ui/?{}", query.finish())
    }
}

fn operating(counts: &[OperatingCount], status: OperatingStatus) -> u64 {
    counts.iter().filter(|one| one.status() == status).map(|one| one.count).sum()
}

fn totals(overview: &OverviewResponse, is_admin: bool, now: jiff::Timestamp) -> Vec<Total> {
    let number = |number: u64| grouped(number);
    let parts = |counts: &[OperatingCount]| -> Vec<Part> {
        let part = |one: &OperatingCount| {
            let badge = Badge::operating(one.status());
            Part { tone: badge.tone, text: format!("{} {}", badge.word, grouped(one.count)), path: None }
        };
        counts.iter().map(part).collect()
    };
    let linked = |mut part: Part| {
        let status = part.text.split(' ').next().unwrap_or_default();
        part.path = Some(format!("/ui/load-balancers?status={status}"));
        part
    };
    let members: u64 = overview.members.iter().map(|one| one.count).sum();
    let mut totals = vec![
        Total {
            title: "Load balancers",
            number: number(overview.load_balancers),
            path: Some("/ui/load-balancers"),
            parts: parts(&overview.operating).into_iter().map(linked).collect(),
        },
        traffic(overview),
        Total { title: "Members", number: number(members), path: None, parts: parts(&overview.members) },
        under_way(overview, now),
    ];
    if is_admin {
        totals.push(agents(overview));
    }
    totals
}

/// How long what is told of late took, in seconds.
const OF_LATE: u64 = 10;

/// What goes through now, where it is known; and what did so far.
fn traffic(overview: &OverviewResponse) -> Total {
    let so_far = overview.stats.unwrap_or_default();
    let part = |text: String| Part { tone: Tone::Idle, text, path: None };
    let connections = grouped(so_far.active_connections);
    let Some(now) = overview.of_late else {
        let parts = vec![
            part(format!("{} so far", grouped(so_far.total_connections))),
            part(format!("{} in", bytes(so_far.bytes_in))),
            part(format!("{} out", bytes(so_far.bytes_out))),
        ];
        return Total { title: "Connections now", number: connections, path: None, parts };
    };
    let parts = vec![
        part(format!("{} in", bits_per_second(now.bytes_in, OF_LATE))),
        part(format!("{} out", bits_per_second(now.bytes_out, OF_LATE))),
        part(format!("{connections} connections")),
        part(format!("{} new in {OF_LATE} s", grouped(now.new_connections))),
        part(format!("{} so far", grouped(so_far.total_connections))),
    ];
    let number = bits_per_second(now.bytes_in.saturating_add(now.bytes_out), OF_LATE);
    Total { title: "Traffic now", number, path: None, parts }
}

fn under_way(overview: &OverviewResponse, now: jiff::Timestamp) -> Total {
    let pending = || {
        let all = overview.provisioning.iter();
        all.filter(|one| Badge::provisioning(one.status()).tone == Tone::Busy)
    };
    let count: u64 = pending().map(|one| one.count).sum();
    let oldest =
        pending().filter_map(|one| Some((one.oldest_since.as_ref()?, one))).min_by_key(|(since, _)| since.seconds);
    let mut parts: Vec<_> = oldest
        .and_then(|(since, one)| {
            let tone = if age(since, now) > 30 { Tone::Warn } else { Tone::Busy };
            let text = format!("oldest: {}", Moment::of(since, now)?.ago);
            Some(Part { tone, text, path: Some(super::parts::path_of(&one.oldest_id)) })
        })
        .into_iter()
        .collect();
    let failed = overview.provisioning.iter().filter(|one| Badge::provisioning(one.status()).tone == Tone::Bad);
    parts.extend(failed.map(|one| Part {
        tone: Tone::Bad,
        text: format!("not deployed {}", grouped(one.count)),
        path: Some("/ui/load-balancers?status=NOT_DEPLOYED".to_owned()),
    }));
    Total { title: "Changes under way", number: grouped(count), path: None, parts }
}

fn agents(overview: &OverviewResponse) -> Total {
    let of = |liveness: AgentLiveness| overview.agents.iter().filter(|one| one.liveness() == liveness).count();
    let parts = [AgentLiveness::Alive, AgentLiveness::Suspect, AgentLiveness::Dead].into_iter().filter_map(|one| {
        let badge = Badge::of_agent(one);
        let text = format!("{} {}", badge.word, of(one));
        (of(one) > 0).then_some(Part { tone: badge.tone, text, path: None })
    });
    Total {
        title: "Agents",
        number: overview.agents.len().to_string(),
        path: Some("/ui/agents"),
        parts: parts.collect(),
    }
}
