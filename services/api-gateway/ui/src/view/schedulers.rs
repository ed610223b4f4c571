//! Schedulers: which there are, which one leads, and how failover goes.

use askama::Template;
use ballast_proto::v2::{AgentCount, OverviewResponse, Scheduler};

use super::time::Moment;

struct Row {
    id: String,
    address: String,
    version: String,
    started: Option<Moment>,
    heard: Option<Moment>,
    leads: bool,
    answers: bool,
}

#[derive(Template)]
#[template(path = "schedulers.html")]
pub(crate) struct Schedulers {
    rows: Vec<Row>,
    /// Of failover, in sentences.
    course: Vec<String>,
    pause: Option<String>,
}

impl Schedulers {
    pub(crate) fn of(found: &[Scheduler], overview: &OverviewResponse, now: jiff::Timestamp) -> Self {
        let row = |one: &Scheduler| Row {
            id: one.id.clone(),
            address: one.address.clone(),
            version: one.version.clone(),
            started: Moment::maybe(one.started_at.as_ref(), now),
            heard: Moment::maybe(one.heartbeat_at.as_ref(), now),
            leads: one.leads,
            answers: one.answers,
        };
        Self { rows: found.iter().map(row).collect(), course: course(overview), pause: paused(overview) }
    }
}

fn course(overview: &OverviewResponse) -> Vec<String> {
    let Some(course) = overview.failover else { return Vec::new() };
    let moves = |does: bool| if does { "moves to others" } else { "stays where it is" };
    let mut said = vec![
        format!("What Dead agents have {}.", moves(course.enabled)),
        format!("What agents have that are switched off {}.", moves(course.drains)),
    ];
    said.extend(draining(&overview.agents, course.drains));
    said
}

/// Of agents that are switched off and have something: how many are left.
fn draining(agents: &[AgentCount], drains: bool) -> impl Iterator<Item = String> {
    let off = agents.iter().filter(|one| !one.admin_state_up && one.load_balancers > 0);
    let verb = if drains { "is emptied" } else { "is switched off" };
    off.map(move |one| format!("{} {verb}: {} left.", one.host, one.load_balancers))
}

/// That nothing moves, in a sentence.
pub(crate) fn paused(overview: &OverviewResponse) -> Option<String> {
    let course = overview.failover.filter(|course| course.paused)?;
    Some(format!(
        "Failover is paused: {} of {} agents died at once, so the network between them and the scheduler is suspected. What they \
         have stays where it is, and moves when enough of them are heard of again.",
        course.dead, course.of
    ))
}

#[cfg(test)]
mod tests {
    use ballast_proto::v2::FailoverCourse;

    use super::*;

    #[test]
    fn how_failover_goes_is_said_in_sentences() {
        let agent = |host: &str, up, load_balancers| AgentCount {
            host: host.to_owned(),
            admin_state_up: up,
            load_balancers,
            ..AgentCount::default()
        };
        let agents = vec![agent("a", false, 3), agent("b", true, 2), agent("c", false, 0)];
        let course = FailoverCourse { enabled: true, drains: true, paused: true, dead: 2, of: 3 };
        let overview = OverviewResponse { agents, failover: Some(course), ..OverviewResponse::default() };
        let shown = Schedulers::of(&[], &overview, super::super::samples::now());
        assert_eq!(shown.course.last().unwrap(), "a is emptied: 3 left.");
        assert_eq!(shown.course.len(), 3);
        assert!(shown.pause.unwrap().contains("2 of 3 agents died at once"));
        assert_eq!(paused(&OverviewResponse::default()), None);
    }
}
