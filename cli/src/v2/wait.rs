//! Waiting until what was asked for is what runs.
//!
//! Always for the load balancer: it is ACTIVE when the newest change of any of its objects is deployed, and only then.

use std::time::Duration;

use clap::ArgMatches;
use http::Method;
use indicatif::ProgressBar;
use serde_json::Value;
use tokio::time::{Instant, sleep};

use super::{
    ask::{Place, one},
    find::item,
    grammar::{WAIT, WAIT_SECONDS},
};
use crate::{api::rest::Gateway, failure::Failure};

/// A year: later instants may not exist.
const LONGEST: u64 = 365 * 24 * 3600;
/// What `--wait` stands for where no time is said.
pub(super) const WITHOUT_TIME: u64 = u64::MAX;
/// Between two questions: the first time, and the longest.
const PAUSES: (Duration, Duration) = (Duration::from_millis(10), Duration::from_secs(1));
const LBAAS: &str = "/v2.0/lbaas";

pub(super) struct Waiting {
    seconds: u64,
    what: String,
}

/// A time, as `30s`, `5m` or `1h`; a number alone is of seconds.
///
/// # Errors
/// When it is none.
pub(super) fn seconds(text: &str) -> Result<u64, String> {
    let (number, unit) = match text.strip_suffix(['s', 'm', 'h']) {
        Some(number) => (number, text.chars().last()),
        None => (text, None),
    };
    let factor = match unit {
        Some('h') => 3600,
        Some('m') => 60,
        _ => 1,
    };
    let number = number.parse::<u64>().ok().and_then(|number| number.checked_mul(factor));
    number.ok_or_else(|| "write a time as 30s, 5m or 1h".to_owned())
}

impl Waiting {
    pub(super) fn seconds(&self) -> u64 {
        self.seconds.min(LONGEST)
    }

    /// For so many seconds; `what` is shown meanwhile.
    pub(super) const fn new(seconds: u64, what: String) -> Self {
        Self { seconds, what }
    }

    pub(super) fn is_asked_for(matches: &ArgMatches) -> bool {
        matches!(matches.try_get_one::<u64>(WAIT), Ok(Some(_)))
    }

    pub(super) fn asked_for(matches: &ArgMatches) -> Option<Self> {
        let asked = matches.try_get_one::<u64>(WAIT).ok().flatten()?;
        let seconds = if *asked == WITHOUT_TIME { matches.get_one(WAIT_SECONDS).copied()? } else { *asked };
        Some(Self::new(seconds, "the load balancer to be as asked".to_owned()))
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
        let deadline = Instant::now() + Duration::from_secs(self.seconds());
        let (mut pause, longest) = PAUSES;
        let spinner = spinner(&self.what);
        loop {
            let Some(object) = pending().await? else {
                spinner.finish_and_clear();
                return Ok(());
            };
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

/// Where the load balancer is that an object belongs to.
///
/// # Errors
/// When the gateway fails, or does not say it.
pub(super) async fn load_balancer(gateway: &Gateway, place: &Place, object: &Value) -> Result<String, Failure> {
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
            (_, Some(listener)) => one(gateway, &item(&format!("{LBAAS}/listeners"), &listener), "listener").await?,
            (None, None) => break,
        };
        object = next;
    }
    Err(gateway.foreign("it does not say of which load balancer this is".to_owned()))
}

/// Turns on stderr while something is waited for, on a terminal alone.
pub(super) fn spinner(what: &str) -> ProgressBar {
    let spinner = ProgressBar::new_spinner().with_message(format!("waiting for {what}"));
    spinner.enable_steady_tick(Duration::from_millis(100));
    spinner
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times_have_units() {
        for (text, expected) in
            [("30s", Some(30)), ("5m", Some(300)), ("1h", Some(3600)), ("7", Some(7)), ("0", Some(0))]
        {
            assert_eq!(seconds(text).ok(), expected, "{text}");
        }
        for text in ["", "s", "-1", "1d", "1.5s", "99999999999999999999h", "9999999999999999999h"] {
            assert!(seconds(text).is_err(), "{text}");
        }
    }
}
