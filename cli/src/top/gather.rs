//! The looks: counters that changed since the last one, and now and then which load balancers there are.

use std::{collections::BTreeMap, time::Duration};

use form_urlencoded::Serializer;
use http::Method;
use serde_json::Value;
use tokio::time::Instant;

use super::rates::{Counters, Row};
use crate::{api::rest::Gateway, failure::Failure, noun::text, v2};

/// Names and statuses are read again this often.
const NAMES: Duration = Duration::from_secs(5);

pub(super) struct Gatherer<'g> {
    pub(super) gateway: &'g Gateway,
    started: Instant,
    cursor: String,
    named: Option<Instant>,
    load_balancers: Vec<Value>,
    /// Those of the look before, and of now.
    counters: BTreeMap<String, (Option<Counters>, Counters)>,
}

impl<'g> Gatherer<'g> {
    pub(super) fn new(gateway: &'g Gateway) -> Self {
        let (cursor, load_balancers, counters) = (String::new(), Vec::new(), BTreeMap::new());
        Self { gateway, started: Instant::now(), cursor, named: None, load_balancers, counters }
    }

    /// What goes through each load balancer, from the last look to now.
    ///
    /// # Errors
    /// When the gateway cannot be asked.
    pub(super) async fn look(&mut self) -> Result<Vec<Row>, Failure> {
        if self.named.is_none_or(|named| named.elapsed() >= NAMES) {
            self.load_balancers = v2::load_balancers(self.gateway).await?;
            self.named = Some(Instant::now());
        }
        let mut new: BTreeMap<String, Counters> = BTreeMap::new();
        loop {
            let query = Serializer::new(String::new()).append_pair("cursor", &self.cursor).finish();
            let query = if self.cursor.is_empty() { String::new() } else { format!("?{query}") };
            let answer = self.gateway.ask(Method::GET, &format!("/ballast/v1/stats{query}"), None).await?;
            let at = self.started.elapsed().as_secs_f64();
            let stats = answer["stats"]
                .as_array()
                .ok_or_else(|| self.gateway.foreign("no 'stats' in its answer".to_owned()))?;
            new.extend(stats.iter().map(|stats| (text(&stats["id"]), Counters::of(stats, at))));
            self.cursor = text(&answer["cursor"]);
            if answer["more"] != true {
                break;
            }
        }
        let at = self.started.elapsed().as_secs_f64();
        // What is not told did not change.
        for (before, now) in self.counters.values_mut() {
            (*before, *now) = (Some(*now), Counters { at, ..*now });
        }
        for (id, counters) in new {
            let before = self.counters.get(&id).and_then(|(before, _)| *before);
            self.counters.insert(id, (before, counters));
        }
        self.counters.retain(|id, _| self.load_balancers.iter().any(|one| one["id"] == *id));
        let row = |one: &Value| {
            let counters = self.counters.get(one["id"].as_str()?)?;
            Some(Row::new(one, counters.0.as_ref(), &counters.1))
        };
        Ok(self.load_balancers.iter().filter_map(row).collect())
    }
}
