//! Health monitors: all that are seen, or those of one load balancer.

use askama::Template;
use ballast_proto::v2::HealthMonitor;

use super::{
    badge::Statuses,
    one::Head,
    parts::{name_or_id, short},
};
use crate::view::parts;

struct Row {
    id: String,
    name: String,
    /// Below it is where it can be changed and deleted.
    path: Option<String>,
    what: String,
    timeout: i32,
    up_after: i32,
    pools: Vec<String>,
    statuses: Statuses,
    is_up: bool,
}

/// A table of them.
#[derive(Template)]
#[template(path = "monitors_table.html")]
pub(crate) struct Table {
    rows: Vec<Row>,
}

impl Table {
    fn of(monitors: &[HealthMonitor], pool: impl Fn(&str) -> String, path: impl Fn(&str) -> Option<String>) -> Self {
        let row = |one: &HealthMonitor| Row {
            id: one.id.clone(),
            name: name_or_id(&one.name, &one.id),
            path: path(&one.id),
            what: parts::monitor_line(one),
            timeout: one.timeout.unwrap_or_default(),
            up_after: one.max_retries.unwrap_or_default(),
            pools: one.pool_ids.iter().map(|id| pool(id)).collect(),
            statuses: Statuses::of(one.status.as_ref()),
            is_up: one.admin_state_up.unwrap_or(true),
        };
        Self { rows: monitors.iter().map(row).collect() }
    }
}

/// All that are seen.
#[derive(Template)]
#[template(path = "monitors.html")]
pub(crate) struct Monitors {
    table: Table,
    later: Option<String>,
}

impl Monitors {
    /// `later`: the id after which there are more.
    pub(crate) fn of(monitors: &[HealthMonitor], later: Option<&str>) -> Self {
        let table = Table::of(monitors, |id| short(id).to_owned(), |_| None);
        Self { table, later: later.map(|id| format!("/ui/monitors?after={id}")) }
    }
}

/// Those of one load balancer.
#[derive(Template)]
#[template(path = "monitors_of_one.html")]
pub(crate) struct MonitorsOfOne {
    head: Head,
    table: Table,
}

impl MonitorsOfOne {
    pub(crate) fn of(head: Head, monitors: &[HealthMonitor], pools: &[ballast_proto::v2::Pool]) -> Self {
        let names = parts::names(pools);
        let name = |id: &str| names.get(id).cloned().unwrap_or_else(|| short(id).to_owned());
        let edit = |id: &str| head.may_write.then(|| format!("{}/monitors/{id}", head.path()));
        let table = Table::of(monitors, name, edit);
        Self { head, table }
    }
}
