//! What is measured of drivers: their calls, what deploys did, and how often a process of one has ended.

use std::time::Duration;

use ballast_metrics::{Counter, Family, Long, Registry, Timing, Word, label, labels};
use ballast_proto::driver::{DeployReply, Effect, Fault};

use super::client::is_broken;

label! {
    /// What a driver is asked.
    pub(super) enum Call {
        Deploy = "deploy",
        Preview = "preview",
        TakeSecrets = "take_secrets",
        Undeploy = "undeploy",
        Observe = "observe",
        Deployed = "deployed",
    }
}

label! {
    /// `broken`: the answer is not the driver's own, and what it has done is not known.
    enum Outcome { Ok = "ok", Fault = "fault", Broken = "broken" }
}

label! {
    /// What a deploy did to what serves.
    enum Did {
        None = "none",
        Runtime = "runtime",
        Reload = "reload",
        Restart = "restart",
        Unknown = "unknown",
        Failed = "failed",
    }
}

label! {
    /// Why a driver needs another process.
    pub(super) enum Reason { Ended = "ended", NotStarted = "not_started", Refused = "refused" }
}

labels! { struct Called { driver: Word, call: Call, outcome: Outcome } }
labels! { struct Deploy { driver: Word, effect: Did } }
labels! { struct Restart { driver: Word, reason: Reason } }

/// Of all drivers of an agent.
#[derive(Debug, Clone, Default)]
pub(crate) struct Metrics {
    calls: Family<Called, Timing<Long>>,
    deploys: Family<Deploy, Counter>,
    restarts: Family<Restart, Counter>,
}

impl Metrics {
    pub(crate) fn add_to(&self, registry: &mut Registry) {
        registry.add("ballast_driver_call_duration_seconds", "Calls of drivers", &self.calls);
        registry.add("ballast_deploys_total", "Deploys, by what they did to what serves", &self.deploys);
        registry.add(
            "ballast_driver_restarts_total",
            "Processes of drivers that have ended by themselves or did not start",
            &self.restarts,
        );
    }

    /// There is a driver of this name: what has not happened to it yet is told as such.
    pub(super) fn known(&self, driver: &str) {
        let driver = Word::new(driver);
        for effect in Did::ALL {
            let _counter = self.deploys.get_or_create(&Deploy { driver: driver.clone(), effect: *effect });
        }
        for reason in Reason::ALL {
            let _counter = self.restarts.get_or_create(&Restart { driver: driver.clone(), reason: *reason });
        }
    }

    pub(super) fn called<T>(&self, driver: &str, call: Call, answer: &Result<T, Fault>, took: Duration) {
        let outcome = match answer {
            Ok(_) => Outcome::Ok,
            Err(fault) if is_broken(fault) => Outcome::Broken,
            Err(_) => Outcome::Fault,
        };
        self.calls.get_or_create(&Called { driver: Word::new(driver), call, outcome }).note(took);
    }

    pub(super) fn deployed(&self, driver: &str, answer: &Result<DeployReply, Fault>) {
        let effect = match answer {
            Ok(reply) if reply.fault.is_none() => match reply.effect() {
                Effect::None => Did::None,
                Effect::Runtime => Did::Runtime,
                Effect::Reload => Did::Reload,
                Effect::Restart => Did::Restart,
                // No driver says that it moves one.
                Effect::Unspecified | Effect::Move => Did::Unknown,
            },
            Ok(_) | Err(_) => Did::Failed,
        };
        self.deploys.get_or_create(&Deploy { driver: Word::new(driver), effect }).inc();
    }

    pub(super) fn restarts(&self, driver: &str, reason: Reason) {
        self.restarts.get_or_create(&Restart { driver: Word::new(driver), reason }).inc();
    }
}

#[cfg(test)]
mod tests {
    use ballast_abi::DriverError;
    use ballast_metrics::Format;

    use super::*;

    #[test]
    fn calls_deploys_and_restarts_are_told_by_what_came_of_them() {
        let (metrics, mut registry) = (Metrics::default(), Registry::default());
        metrics.add_to(&mut registry);
        metrics.known("fault");
        let refused: Fault = DriverError::busy("at work").into();
        let broken = Fault { message: "the driver ended during the call".to_owned(), ..Fault::default() };
        let second = Duration::from_secs(1);
        for answer in [Ok(()), Err(refused.clone()), Err(broken)] {
            metrics.called("fault", Call::Deploy, &answer, second);
        }
        let reply = |effect: Effect| Ok(DeployReply { effect: effect.into(), ..DeployReply::default() });
        let stopped = DeployReply { fault: Some(refused.clone()), ..DeployReply::default() };
        for answer in [reply(Effect::Reload), reply(Effect::Unspecified), Ok(stopped), Err(refused)] {
            metrics.deployed("fault", &answer);
        }
        metrics.restarts("fault", Reason::Ended);
        let text = registry.text(Format::Prometheus);
        for line in [
            "ballast_driver_call_duration_seconds_count{driver=\"fault\",call=\"deploy\",outcome=\"ok\"} 1",
            "ballast_driver_call_duration_seconds_count{driver=\"fault\",call=\"deploy\",outcome=\"fault\"} 1",
            "ballast_driver_call_duration_seconds_count{driver=\"fault\",call=\"deploy\",outcome=\"broken\"} 1",
            "ballast_deploys_total{driver=\"fault\",effect=\"reload\"} 1",
            "ballast_deploys_total{driver=\"fault\",effect=\"unknown\"} 1",
            "ballast_deploys_total{driver=\"fault\",effect=\"failed\"} 2",
            "ballast_deploys_total{driver=\"fault\",effect=\"restart\"} 0",
            "ballast_driver_restarts_total{driver=\"fault\",reason=\"ended\"} 1",
            "ballast_driver_restarts_total{driver=\"fault\",reason=\"refused\"} 0",
        ] {
            assert!(text.contains(&format!("{line}\n")), "{line}: {text}");
        }
    }
}
