//! How many objects a project may have.

use askama::Template;
use ballast_proto::v2::Quota;

/// A project's limits, in the order of the columns.
struct Row {
    project: String,
    limits: [String; 7],
}

#[derive(Template)]
#[template(path = "quotas.html")]
pub(crate) struct Quotas {
    rows: Vec<Row>,
    columns: [&'static str; 7],
}

impl Quotas {
    pub(crate) fn of(quotas: &[Quota]) -> Self {
        let columns = ["Load balancers", "Listeners", "Pools", "Members", "Monitors", "L7 policies", "L7 rules"];
        Self { rows: quotas.iter().map(row).collect(), columns }
    }
}

fn row(one: &Quota) -> Row {
    let limits = [one.load_balancer, one.listener, one.pool, one.member, one.health_monitor, one.l7policy, one.l7rule];
    let shown = |limit: Option<i32>| match limit {
        Some(limit) if limit >= 0 => limit.to_string(),
        _ => "any number".to_owned(),
    };
    Row { project: one.project_id.clone(), limits: limits.map(shown) }
}
