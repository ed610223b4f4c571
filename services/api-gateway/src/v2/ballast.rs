//! `/ballast/v1`: what Octavia has no words for. What changes, as it changes, for those who have no gRPC; all counters, and
//! what one has counted of late; how many load balancers there are and how they fare; what one was; certificates, and
//! which are used; which schedulers there are.

mod causes;
mod certificates;
mod events;
mod history;
mod overview;
mod schedulers;
mod secrets;
mod sides;
mod stats;
pub(crate) mod streams;
mod told;
mod traffic;

use serde::{Serialize, Serializer};

use crate::kit::{
    query::Query,
    refusal::Refusal,
    table::{Does, Routes},
};

pub(super) fn routes() -> Routes {
    const REVISIONS: &str = "/ballast/v1/loadbalancers/{id}/revisions";
    const TRAFFIC: &str = "/ballast/v1/loadbalancers/{id}/traffic";
    const SIDES: &str = "/ballast/v1/loadbalancers/{id}/sides";
    const ROLLBACK: &str = "/ballast/v1/loadbalancers/{loadbalancer_id}/revisions/{id}/rollback";
    Routes::new()
        .serve("/ballast/v1/events", Does::Stream(events::schema), "watch_events", events::stream)
        .serve(REVISIONS, Does::Tell(history::schema), "get_loadbalancer_revisions", history::list)
        .serve(TRAFFIC, Does::Tell(traffic::schema), "get_loadbalancer_traffic", traffic::show)
        .serve(SIDES, Does::Tell(sides::schema), "get_loadbalancer_sides", sides::show)
        .serve(ROLLBACK, Does::Act, "rollback_loadbalancer", history::roll_back)
        .serve("/ballast/v1/overview", Does::Tell(overview::schema), "get_overview", overview::show)
        .serve("/ballast/v1/schedulers", Does::Tell(schedulers::schema), "get_schedulers", schedulers::list)
        .serve("/ballast/v1/secrets", Does::Tell(secrets::schema), "get_secrets", secrets::list)
        .serve("/ballast/v1/secrets/look", Does::Act, "look_at_secrets", secrets::look)
        .serve("/ballast/v1/stats", Does::Tell(stats::schema), "get_stats", stats::list)
        .merge(certificates::routes())
}

/// Refuses a query with other keys than these: a slip of the pen would ask for more than was meant.
fn only(query: &Query, keys: &[&str]) -> Result<(), Refusal> {
    match query.pairs.iter().find(|(name, _)| !keys.contains(&name.as_str())) {
        Some((unknown, _)) => Err(Refusal::faulty(format!("Unknown argument: \"{unknown}\""))),
        None => Ok(()),
    }
}

/// `2026-11-28T03:05:20.123456Z`
struct Time<'a>(&'a prost_types::Timestamp);

impl Serialize for Time<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(&jiff::Timestamp::new(self.0.seconds, self.0.nanos).unwrap_or_default())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_microseconds_and_their_zone() {
        let time = prost_types::Timestamp { seconds: 1_796_094_320, nanos: 123_456_000 };
        assert_eq!(serde_json::to_string(&Time(&time)).unwrap(), "\"2026-12-01T03:05:20.123456Z\"");
    }
}
