//! What needs attention, worst first, and what to do about it.

use ballast_proto::{
    v1::{Agent, Liveness},
    v2::{Contested, LoadBalancer, LoadBalancerHealth, OperatingStatus, ProvisioningStatus},
};

use super::{
    badge::Tone,
    certificates::{Known, Source},
    parts::{Named, answer_line, is_down, name_or_id, path_of, socket},
    time::{Moment, age},
};

/// How long a change may be under way before somebody should look, in seconds.
const PATIENCE: i64 = 30;

/// Something that needs it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Need {
    /// Unique on the page.
    pub(crate) key: String,
    pub(crate) tone: Tone,
    pub(crate) named: Named,
    pub(crate) what: String,
    pub(crate) since: Option<Moment>,
    pub(crate) todo: String,
    /// The status that is explained.
    pub(crate) explain: &'static str,
}

/// A load balancer that is not as it should be. None: it is.
pub(crate) fn of_load_balancer(
    one: &LoadBalancer,
    health: Option<&LoadBalancerHealth>,
    now: jiff::Timestamp,
) -> Option<Need> {
    let status = one.status.as_ref()?;
    let members = health.map(|health| health.members.as_slice()).unwrap_or_default();
    let down: Vec<_> = members.iter().filter(|member| is_down(member)).collect();
    let since = down.iter().filter_map(|member| member.since.as_ref()).min_by_key(|since| (since.seconds, since.nanos));
    let checked = down.iter().find_map(|member| Some((member, member.answer.as_ref()?)));
    let check = checked.map(|(member, answer)| {
        format!("The check of {} {}.", socket(&member.address, member.protocol_port), answer_line(answer))
    });
    let need = |tone, what: String, since, todo: String, explain| Need {
        key: format!("need-{}", one.id),
        tone,
        named: Named::load_balancer(one),
        what,
        since,
        todo,
        explain,
    };
    let changed = status.updated_at.as_ref().or(status.created_at.as_ref());
    match (status.provisioning(), status.operating()) {
        (ProvisioningStatus::Error, _) => {
            let why = if status.description.is_empty() { "could not be deployed" } else { &status.description };
            let todo = "Change what the reason names. What was deployed before serves on.".to_owned();
            Some(need(Tone::Bad, why.to_owned(), Moment::maybe(changed, now), todo, "ERROR"))
        }
        (_, OperatingStatus::Error) => {
            let what = match down.len() {
                0 => "does not serve".to_owned(),
                some => format!("no member serves: {some} of {} are down", members.len()),
            };
            let todo = check.unwrap_or_else(|| "Look at its members and its agent.".to_owned());
            Some(need(Tone::Bad, what, Moment::maybe(since, now), todo, "ERROR"))
        }
        (_, OperatingStatus::Degraded) => {
            let what = match down.len() {
                0 => "some of it does not serve".to_owned(),
                some => format!("{some} of {} members are down, traffic is served", members.len()),
            };
            let todo = check.unwrap_or_else(|| "Look at its pools and members.".to_owned());
            Some(need(Tone::Warn, what, Moment::maybe(since, now), todo, "DEGRADED"))
        }
        (
            ProvisioningStatus::PendingCreate | ProvisioningStatus::PendingUpdate | ProvisioningStatus::PendingDelete,
            _,
        ) if changed.is_some_and(|changed| age(changed, now) > PATIENCE) => {
            let why = if status.description.is_empty() { "a change takes long" } else { &status.description };
            let todo = "See whether its agent is alive, and another one could take it.".to_owned();
            Some(need(Tone::Warn, why.to_owned(), Moment::maybe(changed, now), todo, "PENDING_UPDATE"))
        }
        _ => None,
    }
}

/// Others say that an address of a load balancer is theirs. `name`: as it is called, empty where that is not known.
pub(crate) fn of_conflict(one: &Contested, name: &str, now: jiff::Timestamp) -> Need {
    let id = &one.load_balancer_id;
    let often = if one.count == 1 { "once".to_owned() } else { format!("{} times", one.count) };
    Need {
        key: format!("need-conflict-{id}"),
        tone: Tone::Warn,
        named: Named { name: name_or_id(name, id), path: Some(format!("{}/events", path_of(id))) },
        what: format!("address conflict, {often} within an hour: {}", one.what),
        since: Moment::maybe(one.last_at.as_ref(), now),
        todo: "Find who has that MAC address on the network of the VIP.".to_owned(),
        explain: "DEAD",
    }
}

/// An agent that is not as it should be, and its drivers.
pub(crate) fn of_agent(agent: &Agent, now: jiff::Timestamp) -> Vec<Need> {
    let named = Named { name: agent.host.clone(), path: Some(format!("/ui/agents/{}", agent.id)) };
    let since = Moment::maybe(agent.heartbeat_at.as_ref(), now);
    let liveness = match agent.liveness() {
        Liveness::Dead => Some((Tone::Bad, "agent is Dead", "DEAD", "Start it or its host again.")),
        Liveness::Suspect => Some((Tone::Warn, "agent is Suspect", "SUSPECT", "See whether its host is reachable.")),
        Liveness::Alive | Liveness::Unspecified => None,
    };
    let liveness = liveness.map(|(tone, what, explain, todo)| {
        let bound = match agent.load_balancers {
            0 => "nothing is bound to it".to_owned(),
            1 => "1 load balancer is bound to it".to_owned(),
            some => format!("{some} load balancers are bound to it"),
        };
        Need {
            key: format!("need-{}", agent.id),
            tone,
            named: named.clone(),
            what: format!("{what}, {bound}"),
            since,
            todo: todo.to_owned(),
            explain,
        }
    });
    let failed = agent.drivers.iter().filter(|driver| driver.state == "FAILED").map(|driver| Need {
        key: format!("need-{}-{}", agent.id, driver.name),
        tone: Tone::Bad,
        named: named.clone(),
        what: format!("driver {} failed: {}", driver.name, driver.reason),
        since: None,
        todo: "Mend what the reason names, and send the agent SIGHUP.".to_owned(),
        explain: "FAILED",
    });
    liveness.into_iter().chain(failed).collect()
}

/// A certificate that somebody is served by and that ends, has ended, or is refused; and one that a CA does not issue. None: it is
/// well, or nobody uses it.
pub(crate) fn of_certificate(one: &Known<'_>, now: jiff::Timestamp) -> Option<Need> {
    let is_ordered = matches!(one.source, Source::Kept(kept) if kept.acme.is_some());
    let state = one.state(now);
    (state.needs_attention() && (one.is_used() || is_ordered)).then(|| Need {
        key: format!("need-secret-{}", one.key()),
        tone: state.badge.tone,
        named: one.named(),
        what: format!("certificate {}", state.why),
        since: None,
        todo: state.todo,
        explain: state.badge.word,
    })
}

/// Worst first, and the same order at each look.
pub(crate) fn sorted(mut needs: Vec<Need>) -> Vec<Need> {
    needs.sort_by(|a, b| (a.tone, &a.named.name, &a.key).cmp(&(b.tone, &b.named.name, &b.key)));
    needs
}
