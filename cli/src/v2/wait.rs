//! Waiting until what was asked for is what runs.
//!
//! Always for the load balancer: it is ACTIVE when the newest change of any of its objects is deployed, and only then.

use std::time::Duration;

use clap::ArgMatches;
use http::Method;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    ask::{Place, one},
    find::item,
    grammar::{WAIT, WAIT_SECONDS},
};
use crate::{api::rest::Gateway, failure::Failure};

/// Between two questions: the first time, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(50), Duration::from_secs(1));
const LBAAS: &str = "/v2.0/lbaas";

pub(super) struct Waiting {
    seconds: u64,
}

impl Waiting {
    pub(super) fn asked_for(matches: &ArgMatches) -> Option<Self> {
        let asked = matches!(matches.try_get_one::<bool>(WAIT), Ok(Some(true)));
        asked.then(|| Self { seconds: matches.get_one(WAIT_SECONDS).copied().unwrap_or_default() })
    }

    /// Where the load balancer is that an object belongs to.
    pub(super) async fn load_balancer(
        &self,
        gateway: &Gateway,
        place: &Place,
        object: &Value,
    ) -> Result<String, Failure> {
        let mut object = match &place.above {
            None => object.clone(),
            // Members and rules do not say it; what they belong to does.
            Some(above) => one(gateway, above, if above.contains("/pools/") { "pool" } else { "l7policy" }).await?,
        };
        // A monitor says its pool, a policy its listener, and these their load balancer.
        for _ in 0..2 {
            let id = |value: &Value| value.as_str().map(str::to_owned);
            if let Some(id) = id(&object["loadbalancers"][0]["id"]) {
                return Ok(item(&format!("{LBAAS}/loadbalancers"), &id));
            }
            if let Some(id) = object.get("vip_address").and_then(|_| id(&object["id"])) {
                return Ok(item(&format!("{LBAAS}/loadbalancers"), &id));
            }
            let next = match (id(&object["pools"][0]["id"]), id(&object["listener_id"])) {
                (Some(pool), _) => one(gateway, &item(&format!("{LBAAS}/pools"), &pool), "pool").await?,
                (_, Some(listener)) => {
                    one(gateway, &item(&format!("{LBAAS}/listeners"), &listener), "listener").await?
                }
                (None, None) => break,
            };
            object = next;
        }
        Err(gateway.foreign("it does not say of which load balancer this is".to_owned()))
    }

    pub(super) async fn until_active(&self, gateway: &Gateway, target: &str) -> Result<(), Failure> {
        self.until(async || {
            let load_balancer = one(gateway, target, "loadbalancer").await?;
            self.must_not_be_error("load balancer", &load_balancer)?;
            Ok(Some(load_balancer).filter(|load_balancer| load_balancer["provisioning_status"] != "ACTIVE"))
        })
        .await
    }

    pub(super) async fn until_gone(&self, gateway: &Gateway, target: &str) -> Result<(), Failure> {
        self.until(async || match gateway.ask(Method::GET, target, None).await {
            Ok(mut body) => Ok(Some(body["loadbalancer"].take())),
            Err(Failure::Answer { status: 404, .. }) => Ok(None),
            Err(failure) => Err(failure),
        })
        .await
    }

    /// Asks until there is nothing left to wait for.
    async fn until(&self, pending: impl AsyncFn() -> Result<Option<Value>, Failure>) -> Result<(), Failure> {
        let deadline = Instant::now() + Duration::from_secs(self.seconds);
        let (mut pause, longest) = PAUSES;
        loop {
            let Some(object) = pending().await? else { return Ok(()) };
            if Instant::now() >= deadline {
                let text = |key: &str| object[key].as_str().unwrap_or_default().to_owned();
                return Err(Failure::Pending {
                    id: text("id"),
                    status: text("provisioning_status"),
                    seconds: self.seconds,
                });
            }
            sleep(pause).await;
            pause = (pause * 2).min(longest);
        }
    }

    /// It is over, and not well.
    pub(super) fn must_not_be_error(&self, one: &'static str, object: &Value) -> Result<(), Failure> {
        if object["provisioning_status"] != "ERROR" {
            return Ok(());
        }
        let id = object["id"].as_str().unwrap_or_default().to_owned();
        let why = object["status_description"].as_str().unwrap_or("no reason was given");
        Err(Failure::Errored { one, id, why: why.replace(char::is_control, " ") })
    }
}
