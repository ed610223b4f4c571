//! One load balancer: what it is, and of each of its parts how it fares.

use askama::Template;
use ballast_proto::{
    driver::ClientAuthentication,
    v1::Agent,
    v2::{
        HealthMonitor, L7Policy, L7Rule, Listener, ListenerTls, LoadBalancer, LoadBalancerHealth, LoadBalancerSide,
        LoadBalancerSides, Member, Pool, Preview,
    },
};

use super::{
    badge::{Badge, Statuses},
    certificates::{Known, State},
    late::Late,
    parts::{self, Health, Named, name_or_id, path_of, protocol},
    rules,
    time::Moment,
};

/// What is shown of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tab {
    Members,
    Listeners,
    Monitors,
    Traffic,
    Events,
    History,
    /// For admins.
    Config,
    /// What makes it.
    Copy,
}

impl Tab {
    const ALL: [Self; 8] = [
        Self::Members,
        Self::Listeners,
        Self::Monitors,
        Self::Traffic,
        Self::Events,
        Self::History,
        Self::Config,
        Self::Copy,
    ];

    /// As the address has it; empty for the first.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Members => "",
            Self::Listeners => "listeners",
            Self::Monitors => "monitors",
            Self::Traffic => "traffic",
            Self::Events => "events",
            Self::History => "history",
            Self::Config => "config",
            Self::Copy => "copy",
        }
    }

    const fn title(self) -> &'static str {
        match self {
            Self::Members => "Members",
            Self::Listeners => "Listeners and policies",
            Self::Monitors => "Monitors",
            Self::Traffic => "Traffic",
            Self::Events => "Events",
            Self::History => "History",
            Self::Config => "Configuration",
            Self::Copy => "Copy as: CLI",
        }
    }

    pub(crate) fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|tab| tab.name() == name)
    }
}

/// What stands above each tab.
#[derive(Template)]
#[template(path = "head.html")]
pub(crate) struct Head {
    pub(crate) id: String,
    name: String,
    description: String,
    statuses: Statuses,
    addresses: Vec<String>,
    facts: Vec<(&'static str, String)>,
    agent: Option<(String, String, Badge)>,
    made: Option<Moment>,
    changed: Option<Moment>,
    tab: Tab,
    tabs: Vec<(&'static str, String, Tab)>,
    /// Who looks may change it.
    pub(crate) may_write: bool,
}

/// Where a side is, and what it says.
fn side(side: &LoadBalancerSide) -> String {
    let mut said = vec![side.host.clone()];
    if !side.zone.is_empty() {
        said.push(format!("zone {}", side.zone));
    }
    said.push(match (side.said_term, side.answers) {
        (0, _) => "has said nothing yet".to_owned(),
        (term, true) => format!("answers since term {term}"),
        (_, false) => "does not answer".to_owned(),
    });
    if side.said_term > 0 {
        said.push(if side.peer_heard { "hears the other side" } else { "does not hear the other side" }.to_owned());
    }
    if !side.fault.is_empty() {
        said.push(format!("failed: {}", side.fault));
    } else if !side.deployed {
        said.push("is not deployed yet".to_owned());
    }
    said.join(", ")
}

impl Head {
    /// `agent`: that it is bound to, for admins.
    pub(crate) fn of(one: &LoadBalancer, agent: Option<&Agent>, tab: Tab, now: jiff::Timestamp) -> Self {
        let path = |tab: Tab| match tab.name() {
            "" => path_of(&one.id),
            name => format!("{}/{name}", path_of(&one.id)),
        };
        let vips = one.vip.iter().chain(&one.additional_vips);
        let status = one.status.as_ref();
        let mut facts = vec![("Provider", one.provider.clone()), ("Project", one.project_id.clone())];
        facts.push(("Admin state", if one.admin_state_up.unwrap_or(true) { "up" } else { "down" }.to_owned()));
        facts.push(("Flavor", one.flavor_id.clone()));
        facts.push(("Availability zone", one.availability_zone.clone()));
        facts.push(("Tags", one.tags.join(", ")));
        facts.push(("Changed by generation", status.map(|status| status.etag.clone()).unwrap_or_default()));
        facts.retain(|(_, value)| !value.is_empty());
        Self {
            id: one.id.clone(),
            name: name_or_id(&one.name, &one.id),
            description: one.description.clone(),
            statuses: Statuses::of(status),
            addresses: vips.map(|vip| vip.address.clone()).filter(|address| !address.is_empty()).collect(),
            facts,
            agent: agent.map(|agent| (agent.id.clone(), agent.host.clone(), Badge::liveness(agent.liveness()))),
            made: status.and_then(|status| Moment::maybe(status.created_at.as_ref(), now)),
            changed: status.and_then(|status| Moment::maybe(status.updated_at.as_ref(), now)),
            tab,
            tabs: Tab::ALL.into_iter().map(|tab| (tab.title(), path(tab), tab)).collect(),
            may_write: false,
        }
    }

    /// With its sides, of one that has a standby or is to have one.
    pub(crate) fn on(mut self, sides: Option<&LoadBalancerSides>) -> Self {
        let Some(sides) = sides.filter(|sides| sides.term > 0) else { return self };
        let active = sides.sides.iter().find(|side| side.active).map(side);
        let standby = sides.sides.iter().find(|side| !side.active).map(side);
        let missing = || "none: no agent can take it".to_owned();
        self.facts.extend([
            ("Active", active.unwrap_or_else(missing)),
            ("Standby", standby.unwrap_or_else(missing)),
            ("Term", sides.term.to_string()),
        ]);
        self
    }

    /// With ways to change it, for who may, and what is an operator's, for admins.
    pub(crate) fn writable(mut self, may_write: bool, is_admin: bool) -> Self {
        self.tabs.retain(|(.., tab)| is_admin || *tab != Tab::Config);
        Self { may_write, ..self }
    }

    /// Where what is shown of it is.
    pub(crate) fn here(&self) -> String {
        let here = self.tabs.iter().find(|(.., tab)| *tab == self.tab);
        here.map_or_else(|| self.path(), |(_, path, _)| path.clone())
    }

    /// Where its forms are.
    pub(crate) fn path(&self) -> String {
        path_of(&self.id)
    }

    pub(crate) fn summary(&self) -> String {
        format!("{}: {}, {}.", self.name, self.statuses.operating.word, self.statuses.provisioning.word)
    }
}

/// A member in its pool.
struct MemberRow {
    id: String,
    name: String,
    socket: String,
    weight: i32,
    is_backup: bool,
    is_up: bool,
    status: Statuses,
    health: Option<Health>,
}

/// A pool with its members.
struct PoolPart {
    id: String,
    name: String,
    how: String,
    statuses: Statuses,
    check: Option<String>,
    /// Empty: it has none.
    monitor_id: String,
    members: Vec<MemberRow>,
}

#[derive(Template)]
#[template(path = "members.html")]
pub(crate) struct Members {
    head: Head,
    late: Late,
    pools: Vec<PoolPart>,
}

/// A pool, its members, and its monitor where it has one.
pub(crate) type Whole<'a> = (&'a Pool, &'a [Member], Option<&'a HealthMonitor>);

impl Members {
    pub(crate) fn of(
        (head, late): (Head, Late),
        pools: &[Whole<'_>],
        health: &LoadBalancerHealth,
        now: jiff::Timestamp,
    ) -> Self {
        let member = |one: &Member| {
            let seen = health.members.iter().find(|member| member.id == one.id);
            let port = u32::try_from(one.protocol_port.unwrap_or_default()).unwrap_or_default();
            MemberRow {
                id: one.id.clone(),
                name: one.name.clone(),
                socket: parts::socket(&one.address, port),
                weight: one.weight.unwrap_or(1),
                is_backup: one.backup,
                is_up: one.admin_state_up.unwrap_or(true),
                status: Statuses::of(one.status.as_ref()),
                health: seen.map(|seen| Health::of(seen, now)),
            }
        };
        let pool = |(pool, members, monitor): &Whole<'_>| {
            let mut members: Vec<_> = members.iter().map(member).collect();
            members.sort_by_key(|member| member.status.tone());
            PoolPart {
                id: pool.id.clone(),
                name: name_or_id(&pool.name, &pool.id),
                how: how(pool),
                statuses: Statuses::of(pool.status.as_ref()),
                check: monitor.map(parts::monitor_line),
                monitor_id: pool.health_monitor_id.clone(),
                members,
            }
        };
        Self { head, late, pools: pools.iter().map(pool).collect() }
    }

    /// What can be done with members that are ticked; what ends in dots asks for more.
    const fn acts() -> [(&'static str, &'static str); 5] {
        [
            ("drain", "Drain"),
            ("enable", "Enable"),
            ("disable", "Disable"),
            ("weight", "Weight..."),
            ("remove", "Remove..."),
        ]
    }
}

/// `HTTP, round robin, kept by source ip`
fn how(pool: &Pool) -> String {
    let all = [
        protocol(pool.protocol),
        parts::method(pool.lb_algorithm),
        parts::persistence(pool.session_persistence.as_ref()),
        if pool.tls.as_ref().is_some_and(|tls| tls.enabled) { "TLS to members".to_owned() } else { String::new() },
    ];
    all.into_iter().filter(|part| !part.is_empty()).collect::<Vec<_>>().join(", ")
}

/// A listener with its policies.
struct ListenerPart {
    id: String,
    name: String,
    socket: String,
    statuses: Statuses,
    facts: Vec<(&'static str, String)>,
    secrets: Vec<SecretPart>,
    policies: Vec<PolicyPart>,
}

/// A certificate of a listener, for what it is there.
struct SecretPart {
    role: &'static str,
    named: Named,
    state: Option<State>,
    ends: Option<Moment>,
}

struct PolicyPart {
    id: String,
    position: i32,
    name: String,
    what: String,
    statuses: Statuses,
    rules: Vec<RulePart>,
}

struct RulePart {
    id: String,
    line: String,
}

#[derive(Template)]
#[template(path = "listeners.html")]
pub(crate) struct Listeners {
    head: Head,
    listeners: Vec<ListenerPart>,
}

impl Listeners {
    pub(crate) fn of(
        (head, now): (Head, jiff::Timestamp),
        listeners: &[Listener],
        policies: &[(L7Policy, Vec<L7Rule>)],
        pools: &[Pool],
        known: &[Known<'_>],
    ) -> Self {
        let listener = |one: &Listener| {
            let port = u32::try_from(one.protocol_port.unwrap_or_default()).unwrap_or_default();
            let own = policies.iter().filter(|(policy, _)| policy.listener_id == one.id);
            ListenerPart {
                id: one.id.clone(),
                name: name_or_id(&one.name, &one.id),
                socket: format!("port {port} {}", protocol(one.protocol)),
                statuses: Statuses::of(one.status.as_ref()),
                facts: facts(one, pools),
                secrets: secrets(one, known, now),
                policies: own.map(|(policy, rules)| policy_part(policy, rules, pools)).collect(),
            }
        };
        Self { head, listeners: listeners.iter().map(listener).collect() }
    }
}

/// Its certificates, and what it verifies clients by.
fn secrets(one: &Listener, known: &[Known<'_>], now: jiff::Timestamp) -> Vec<SecretPart> {
    let Some(tls) = &one.tls else { return Vec::new() };
    let by_name = tls.sni_container_refs.iter().map(|reference| ("Certificate for other names", reference));
    let all = std::iter::once(("Certificate", &tls.default_tls_container_ref)).chain(by_name).chain([
        ("CA of clients", &tls.client_ca_tls_container_ref),
        ("Revocation list of clients", &tls.client_crl_container_ref),
    ]);
    let part = |(role, reference): (&'static str, &String)| {
        let found = Known::find(known, reference, &one.project_id);
        SecretPart {
            role,
            named: found.map_or_else(|| Named { name: reference.clone(), path: None }, Known::named),
            state: found.map(|found| found.state(now)),
            ends: found.and_then(|found| found.ends(now)),
        }
    };
    all.filter(|(_, reference)| !reference.is_empty()).map(part).collect()
}

fn facts(one: &Listener, pools: &[Pool]) -> Vec<(&'static str, String)> {
    let names = parts::names(pools);
    let pool = names.get(one.default_pool_id.as_str()).cloned().unwrap_or_else(|| one.default_pool_id.clone());
    let limit = one.connection_limit.filter(|limit| *limit >= 0).map(|limit| limit.to_string()).unwrap_or_default();
    let mut headers: Vec<_> = one.insert_headers.iter().map(|(name, value)| format!("{name}: {value}")).collect();
    headers.sort();
    let tls = one.tls.as_ref();
    let mut facts = vec![
        ("Sends to pool", if pool.is_empty() { "none".to_owned() } else { pool }),
        ("Admin state", if one.admin_state_up.unwrap_or(true) { "up" } else { "down" }.to_owned()),
        ("Connection limit", limit),
        ("Allowed networks", one.allowed_cidrs.join(", ")),
        ("Headers that are added", headers.join(", ")),
        ("Clients show a certificate", tls.map(clients).unwrap_or_default()),
        ("TLS versions", tls.map(|tls| tls.versions.join(", ")).unwrap_or_default()),
    ];
    facts.retain(|(_, value)| !value.is_empty());
    facts
}

/// Empty: they are not asked for one.
fn clients(tls: &ListenerTls) -> String {
    match tls.client_authentication() {
        ClientAuthentication::Optional => "if they have one".to_owned(),
        ClientAuthentication::Mandatory => "or they are refused".to_owned(),
        ClientAuthentication::None | ClientAuthentication::Unspecified => String::new(),
    }
}

fn policy_part(policy: &L7Policy, own: &[L7Rule], pools: &[Pool]) -> PolicyPart {
    let names = parts::names(pools);
    let pool = names.get(policy.redirect_pool_id.as_str()).cloned().unwrap_or_else(|| policy.redirect_pool_id.clone());
    let action = policy.action().as_str_name().strip_prefix("L7_ACTION_").unwrap_or_default().replace('_', " ");
    let to = [pool, policy.redirect_url.clone(), policy.redirect_prefix.clone()];
    let to = to.into_iter().find(|to| !to.is_empty()).map(|to| format!(" {to}")).unwrap_or_default();
    let rule = |rule: &L7Rule| RulePart { id: rule.id.clone(), line: rules::line(rule) };
    PolicyPart {
        id: policy.id.clone(),
        position: policy.position.unwrap_or_default(),
        name: name_or_id(&policy.name, &policy.id),
        what: format!("{}{to}", action.to_lowercase()),
        statuses: Statuses::of(policy.status.as_ref()),
        rules: own.iter().map(rule).collect(),
    }
}

/// What the device was told, in its own words.
#[derive(Template)]
#[template(path = "config.html")]
pub(crate) struct Config {
    head: Head,
    configuration: String,
    /// Why it is not known.
    reason: String,
}

impl Config {
    pub(crate) fn of(head: Head, preview: Preview) -> Self {
        Self { head, configuration: preview.configuration, reason: preview.reason }
    }
}
