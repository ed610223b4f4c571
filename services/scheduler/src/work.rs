//! All that a scheduler does by itself, beside the calls: in one table, so that nothing is done by several by mistake.

use std::sync::Arc;

use ballast_service::background::Background;
use tokio_util::sync::CancellationToken;

use crate::app::{App, Task};

/// Of several schedulers of one database.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Who {
    /// Each: it is about its own memory, its own sessions, or its own life.
    Each,
    /// The one that leads.
    Leader,
}

/// One kind of it.
pub struct Work {
    pub name: &'static str,
    pub who: Who,
    /// When.
    pub period: &'static str,
    pub what: &'static str,
    task: Task,
}

/// A line of the table: when it is done, and what it is.
type Line = (&'static str, &'static str);

impl Work {
    const fn each(name: &'static str, (period, what): Line, task: Task) -> Self {
        Self { name, who: Who::Each, period, what, task }
    }

    const fn of_leader(name: &'static str, (period, what): Line, task: Task) -> Self {
        Self { name, who: Who::Leader, period, what, task }
    }
}

/// All of it.
pub const WORK: [Work; 16] = [
    Work::of_leader(
        "upkeep",
        ("half of events.keep_seconds, a minute at most", "old events and requests are forgotten"),
        |app, shutdown| Box::pin(app.upkeep(shutdown)),
    ),
    Work::of_leader("failover", ("1 s", "load balancers of Dead agents move"), |app, shutdown| {
        Box::pin(app.keep_failing_over(shutdown))
    }),
    Work::of_leader("draining", ("1 s", "load balancers of agents that are switched off move"), |app, shutdown| {
        Box::pin(app.keep_draining(shutdown))
    }),
    Work::of_leader(
        "placing",
        ("5 s, and when an agent may have become able", "what is placed nowhere is placed"),
        |app, shutdown| Box::pin(app.keep_placing(shutdown)),
    ),
    Work::of_leader("sweeping", ("5 s", "ports that nobody needs are removed at a Neutron"), |app, shutdown| {
        Box::pin(app.keep_sweeping(shutdown))
    }),
    Work::of_leader("issuing", ("5 s", "certificates are issued and renewed by ACME"), |app, shutdown| {
        Box::pin(app.keep_issuing(shutdown))
    }),
    Work::of_leader("warning", ("10 minutes", "the ends of certificates are told of in events"), |app, shutdown| {
        Box::pin(app.keep_warning(shutdown))
    }),
    Work::of_leader(
        "looking",
        ("secrets.barbican.look_seconds", "secrets of a Barbican are looked at"),
        |app, shutdown| Box::pin(app.keep_looking(shutdown)),
    ),
    Work::each(
        "heartbeat",
        ("a quarter of agents.suspect_after_ms", "it says that it lives, and which of its agents do"),
        |app, shutdown| Box::pin(app.keep_heartbeat(shutdown)),
    ),
    Work::each("peers", ("1 s", "who lives and who leads is looked at"), |app, shutdown| {
        Box::pin(app.keep_refreshing_peers(shutdown))
    }),
    Work::each("notifications", ("when others say so", "what others changed is read"), |app, shutdown| {
        Box::pin(app.keep_listening(shutdown))
    }),
    Work::each("running", ("0.5 s", "it notices when it stood still"), |app, shutdown| {
        Box::pin(app.fleet.keep_running(shutdown))
    }),
    Work::each("bindings", ("when they changed", "where load balancers are is read"), |app, shutdown| {
        Box::pin(app.keep_refreshing_bindings(shutdown))
    }),
    Work::each(
        "plugging",
        ("when one of its agents says so", "a Neutron is told where ports are plugged in"),
        |app, shutdown| Box::pin(app.keep_plugging(shutdown)),
    ),
    Work::each("following", ("when something changed", "those who watch are told"), |app, shutdown| {
        Box::pin(app.keep_following(shutdown))
    }),
    Work::each("ends", ("10 minutes", "the ends of certificates are counted for its metrics"), |app, shutdown| {
        Box::pin(app.keep_counting_ends(shutdown))
    }),
];

/// Starts all of it.
pub(crate) fn start(app: &Arc<App>, shutdown: &CancellationToken) -> Background {
    let mut background = Background::default();
    for Work { name, who, task, .. } in WORK {
        let (app, shutdown) = (Arc::clone(app), shutdown.clone());
        match who {
            Who::Each => background.start(name, async move { task(&app, shutdown).await }),
            Who::Leader => background.start(name, async move { app.while_leading(task, shutdown).await }),
        }
    }
    background
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn each_work_has_a_name_of_its_own_and_what_one_is_enough_for_is_counted() {
        let names: BTreeSet<&str> = WORK.iter().map(|work| work.name).collect();
        assert_eq!(names.len(), WORK.len());
        let led: BTreeSet<&str> = WORK.iter().filter(|work| work.who == Who::Leader).map(|work| work.name).collect();
        let counted: BTreeSet<&str> = crate::metrics::Led::ALL.iter().map(|one| one.as_str()).collect();
        assert_eq!(led, counted);
    }
}
