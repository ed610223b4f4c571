//! `ballast status`: how everything is, on one screen, and what needs attention. Over REST, with no more calls than
//! that needs.

mod attention;

use http::Method;
use serde_json::{Value, json};

use crate::{
    api::{Api, rest::Gateway},
    arguments::Connection,
    exit::Exit,
    failure::Failure,
    noun::text,
    output::{self, Format, Print},
    runtime, table,
};
use attention::{Facts, Need};

/// How many load balancers of a kind are looked at; of the others there is a number.
const LOOKED_AT: usize = 10;

struct Status {
    url: String,
    overview: Value,
    /// For admins; null: they are not told.
    schedulers: Value,
    needs: Vec<Need>,
}

/// # Errors
/// When the gateway cannot be asked.
pub(crate) fn run(connection: &Connection, format: &Format) -> Result<Exit, Failure> {
    let status = runtime::block_on(async {
        let target = connection.target().await?;
        let api = Api::new(&target)?;
        let facts = facts(api.gateway()?).await?;
        let needs = attention::needs(&facts);
        Ok(Status { url: target.url, overview: facts.overview, schedulers: facts.schedulers, needs })
    })?;
    output::print(format, &status)?;
    Ok(if status.needs.is_empty() { Exit::Done } else { Exit::NotAsWished })
}

async fn facts(gateway: &Gateway) -> Result<Facts, Failure> {
    let overview = taken(gateway, "/ballast/v1/overview", "overview").await?;
    let mut facts = Facts { overview, ..Facts::default() };
    for (key, status) in
        [("provisioning_status", "ERROR"), ("operating_status", "ERROR"), ("operating_status", "DEGRADED")]
    {
        if facts.overview[key][status].as_u64().unwrap_or_default() == 0 {
            continue;
        }
        let target = format!("/v2.0/lbaas/loadbalancers?{key}={status}&limit={LOOKED_AT}");
        let found = taken(gateway, &target, "loadbalancers").await?;
        for load_balancer in found.as_array().into_iter().flatten() {
            if !facts.load_balancers.iter().any(|known| known["id"] == load_balancer["id"]) {
                facts.load_balancers.push(load_balancer.clone());
            }
        }
    }
    for load_balancer in &facts.load_balancers {
        let id = text(&load_balancer["id"]);
        match taken(gateway, &format!("/v2.0/lbaas/loadbalancers/{id}/health"), "health").await {
            Ok(health) => facts.health.push(health),
            // It was deleted meanwhile.
            Err(Failure::Answer { status: 404, .. }) => {}
            Err(failure) => return Err(failure),
        }
    }
    if facts.overview["agents"].is_array() {
        facts.schedulers = match taken(gateway, "/ballast/v1/schedulers", "schedulers").await {
            Ok(schedulers) => schedulers,
            // A gateway of a release before.
            Err(Failure::Answer { status: 404, .. }) => Value::Null,
            Err(failure) => return Err(failure),
        };
        facts.agents = taken(gateway, "/v2.0/agents", "agents").await?.as_array().cloned().unwrap_or_default();
    }
    Ok(facts)
}

async fn taken(gateway: &Gateway, target: &str, wrapper: &'static str) -> Result<Value, Failure> {
    let mut body = gateway.ask(Method::GET, target, None).await?;
    let inner = body.get_mut(wrapper).map(Value::take);
    inner.ok_or_else(|| gateway.foreign(format!("no '{wrapper}' in its answer")))
}

/// `128: 125 ACTIVE, 3 ERROR`
fn counted(total: Option<u64>, counts: &Value) -> String {
    let counts = counts.as_object().into_iter().flatten();
    let each: Vec<_> = counts.map(|(name, count)| format!("{} {name}", text(count))).collect();
    match (total, each.is_empty()) {
        (Some(total), false) => format!("{total}: {}", each.join(", ")),
        (Some(total), true) => total.to_string(),
        (None, _) => each.join(", "),
    }
}

/// How many agents there are of each liveness.
fn liveness(agents: &[Value]) -> Value {
    let mut counts = serde_json::Map::new();
    for word in ["alive", "suspect", "dead"] {
        let count = agents.iter().filter(|agent| agent["liveness"] == word).count();
        if count > 0 {
            counts.insert(word.to_owned(), count.into());
        }
    }
    counts.into()
}

/// `3: ctl-1:9697 leads, ctl-2:9697, ctl-3:9697`
fn told(schedulers: &[Value]) -> String {
    let one = |scheduler: &Value| {
        let address = scheduler["address"].as_str().map_or_else(|| text(&scheduler["id"]), str::to_owned);
        if scheduler["leads"] == true { format!("{address} leads") } else { address }
    };
    let each: Vec<_> = schedulers.iter().map(one).collect();
    format!("{}: {}", schedulers.len(), each.join(", "))
}

/// `paused: 2 of 3 agents died at once`; none: it goes on, or is not told of.
fn course(overview: &Value) -> Option<String> {
    let course = &overview["failover"];
    match (course["enabled"].as_bool()?, course["paused"].as_bool()?) {
        (_, true) => Some(format!("paused: {} of {} agents died at once", text(&course["dead"]), text(&course["of"]))),
        (false, false) => Some("off".to_owned()),
        (true, false) => None,
    }
}

/// `agent-2 has 12 left`, of each agent that is switched off and has some.
fn draining(overview: &Value) -> Option<String> {
    let drains = overview["failover"]["drains"] == true;
    let off = |agent: &&Value| agent["admin_state_up"] == false && agent["load_balancers"].as_u64() > Some(0);
    let each: Vec<String> = overview["agents"]
        .as_array()?
        .iter()
        .filter(off)
        .map(|agent| {
            let word = if drains { "left" } else { "and keeps them" };
            format!("{} has {} {word}", text(&agent["host"]), text(&agent["load_balancers"]))
        })
        .collect();
    (!each.is_empty()).then(|| each.join(", "))
}

impl Print for Status {
    fn table(&self, _wide: bool) -> String {
        let overview = &self.overview;
        let total = |values: &Value| values.as_object().map(|counts| counts.values().filter_map(Value::as_u64).sum());
        let mut rows = vec![
            ("gateway", self.url.clone()),
            ("load balancers", counted(overview["load_balancers"].as_u64(), &overview["provisioning_status"])),
            ("traffic", counted(None, &overview["operating_status"])),
            ("members", counted(total(&overview["members"]), &overview["members"])),
        ];
        if let Some(agents) = overview["agents"].as_array() {
            rows.push(("agents", counted(u64::try_from(agents.len()).ok(), &liveness(agents))));
        }
        if let Some(schedulers) = self.schedulers.as_array() {
            rows.push(("schedulers", told(schedulers)));
        }
        rows.extend(course(overview).into_iter().map(|said| ("failover", said)));
        rows.extend(draining(overview).into_iter().map(|said| ("draining", said)));
        let rows: Vec<_> = rows.into_iter().map(|(title, said)| vec![title.to_owned(), said]).collect();
        let mut shown = table::rows(&rows);
        if self.needs.is_empty() {
            shown.push_str("\nNothing needs attention.\n");
            return shown;
        }
        shown.push_str(&format!("\nNeeds attention ({}):\n", self.needs.len()));
        let needs: Vec<_> = self.needs.iter().map(Need::row).collect();
        shown.push_str(&table::table(&["WHAT", "NAME", "STATUS", "WHY", "DO"], &needs));
        shown
    }

    fn value(&self) -> Option<Value> {
        let needs: Vec<_> = self.needs.iter().map(Need::value).collect();
        let mut value = json!({ "url": self.url, "overview": self.overview, "attention": needs });
        if self.schedulers.is_array() {
            value["schedulers"] = self.schedulers.clone();
        }
        Some(value)
    }

    fn names(&self) -> Vec<String> {
        self.needs.iter().map(|need| need.name.clone()).collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pauses_and_drains_have_a_line_each_and_nothing_else_does() {
        let overview = |drains, paused, up| {
            json!({
                "failover": {"enabled": true, "paused": paused, "dead": 2, "of": 3, "drains": drains},
                "agents": [
                    {"host": "a", "admin_state_up": up, "load_balancers": 12},
                    {"host": "b", "admin_state_up": false, "load_balancers": 0},
                ],
            })
        };
        let said = |overview: &Value| (course(overview), draining(overview));
        assert_eq!(said(&overview(true, false, true)), (None, None));
        let both = (Some("paused: 2 of 3 agents died at once".to_owned()), Some("a has 12 left".to_owned()));
        assert_eq!(said(&overview(true, true, false)), both);
        assert_eq!(draining(&overview(false, false, false)).as_deref(), Some("a has 12 and keeps them"));
        // A release before says nothing of it.
        assert_eq!(said(&json!({"agents": null})), (None, None));
    }
}
