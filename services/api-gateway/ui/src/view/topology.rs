//! Where traffic goes, as a picture and as a table: the picture is the table's second form, and each of its nodes a link
//! with text.

use askama::Template;
use ballast_proto::v2::{Listener, LoadBalancer, LoadBalancerHealth};

use super::{
    badge::{Statuses, Tone},
    parts::{Health, name_or_id, path_of, protocol, socket},
};

/// How many members of one load balancer are shown.
const MEMBERS: usize = 8;
/// Of the picture, in its units.
const ROW: usize = 26;
const GAP: usize = 14;
/// How many characters of a name there is room for.
const ROOM: usize = 24;

/// A load balancer with what is before and behind it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Branch {
    pub(crate) id: String,
    pub(crate) path: String,
    pub(crate) name: String,
    pub(crate) statuses: Statuses,
    /// `10.0.0.100:80 HTTP`
    pub(crate) fronts: Vec<String>,
    pub(crate) members: Vec<Health>,
    /// How many members more there are.
    pub(crate) more: usize,
}

impl Branch {
    pub(crate) fn of(
        one: &LoadBalancer,
        listeners: &[Listener],
        health: Option<&LoadBalancerHealth>,
        now: jiff::Timestamp,
    ) -> Self {
        let address = one.vip.as_ref().map_or("", |vip| vip.address.as_str());
        let own = listeners.iter().filter(|listener| listener.load_balancer_id == one.id);
        let front = |listener: &Listener| {
            let port = u32::try_from(listener.protocol_port.unwrap_or_default()).unwrap_or_default();
            format!("{} {}", socket(address, port), protocol(listener.protocol))
        };
        let mut fronts: Vec<_> = own.map(front).collect();
        if fronts.is_empty() {
            fronts.push(if address.is_empty() { "no address yet".to_owned() } else { address.to_owned() });
        }
        let mut members: Vec<_> = health.into_iter().flat_map(|health| &health.members).collect();
        members.sort_by_key(|member| Health::of(member, now).badge.tone);
        let members: Vec<_> = members.into_iter().map(|member| Health::of(member, now)).collect();
        let more = members.len().saturating_sub(MEMBERS);
        Self {
            id: one.id.clone(),
            path: path_of(&one.id),
            name: name_or_id(&one.name, &one.id),
            statuses: Statuses::of(one.status.as_ref()),
            fronts,
            members: members.into_iter().take(MEMBERS).collect(),
            more,
        }
    }

    pub(crate) fn is_well(&self) -> bool {
        self.statuses.tone() > Tone::Warn && self.members.iter().all(|member| member.badge.tone > Tone::Warn)
    }
}

/// A line from a load balancer to a member.
struct Edge {
    y: usize,
    tone: Tone,
    text: String,
    path: String,
    from: usize,
}

/// A load balancer where it is drawn.
struct Node {
    y: usize,
    tone: Tone,
    name: String,
    full: String,
    path: String,
    fronts: String,
    edges: Vec<Edge>,
}

/// All of it, drawn.
#[derive(Template)]
#[template(path = "topology.svg.html")]
pub(crate) struct Picture {
    height: usize,
    nodes: Vec<Node>,
}

impl Picture {
    pub(crate) fn of(branches: &[Branch]) -> Self {
        let (mut nodes, mut top) = (Vec::new(), GAP);
        for branch in branches {
            let rows = (branch.members.len() + usize::from(branch.more > 0)).max(2);
            let y = top + rows * ROW / 2;
            let mut edges: Vec<Edge> =
                branch.members.iter().enumerate().map(|(row, member)| edge(branch, member, (top, row), y)).collect();
            if branch.more > 0 {
                edges.push(Edge {
                    y: top + branch.members.len() * ROW + ROW / 2,
                    tone: Tone::Idle,
                    text: format!("{} more", branch.more),
                    path: branch.path.clone(),
                    from: y,
                });
            }
            nodes.push(Node {
                y,
                tone: branch.statuses.tone(),
                name: cut(&branch.name),
                full: format!(
                    "{}: {}, {}",
                    branch.name, branch.statuses.operating.word, branch.statuses.provisioning.word
                ),
                path: branch.path.clone(),
                fronts: cut(&branch.fronts.join(", ")),
                edges,
            });
            top += rows * ROW + GAP;
        }
        Self { height: top, nodes }
    }
}

fn edge(branch: &Branch, member: &Health, (top, row): (usize, usize), from: usize) -> Edge {
    Edge {
        y: top + row * ROW + ROW / 2,
        tone: member.badge.tone,
        text: format!("{} {} {}", member.badge.tone.mark(), member.socket, member.badge.word),
        path: branch.path.clone(),
        from,
    }
}

/// What there is room for.
fn cut(text: &str) -> String {
    if text.chars().count() <= ROOM {
        return text.to_owned();
    }
    text.chars().take(ROOM - 1).chain(['…']).collect()
}
