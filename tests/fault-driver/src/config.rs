//! The section `[drivers.fault]`.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use ballast_abi::DriverError;
use serde::Deserialize;
use serde_json::Value;

use crate::command::{Command, Method};

#[derive(Clone, Debug, Default, Deserialize)]
#[serde(default)]
pub(crate) struct Config {
    /// Declared in the capabilities; absent: all that this version knows.
    pub(crate) features: Option<Vec<String>>,
    pub(crate) max_load_balancers: u32,
    pub(crate) max_members: u32,
    /// Tells nothing of members and listeners, and counts nothing: as a driver without a data plane.
    pub(crate) quiet: bool,
    /// What a flavor, and an availability zone, may say to it: names and descriptions.
    pub(crate) flavor_options: BTreeMap<String, String>,
    pub(crate) availability_zone_options: BTreeMap<String, String>,
    /// What to do at each call of a method, whatever the load balancer: `{ observe = "hang", start = "abort" }`. The
    /// file `calls.json` of the state directory says the same to a driver that runs, and goes before.
    pub(crate) calls: BTreeMap<Method, String>,
    /// For `calls.start`.
    pub(crate) start: Option<String>,
    /// Promises of the contract that are broken.
    pub(crate) faults: BTreeSet<Fault>,
    /// Not `deny_unknown_fields`, because a driver that accepts them is one of the faults.
    #[serde(flatten)]
    unknown: HashMap<String, Value>,
}

/// A promise that the driver breaks.
#[derive(Clone, Copy, Debug, Deserialize, PartialEq, Eq, PartialOrd, Ord)]
#[serde(rename_all = "kebab-case")]
pub(crate) enum Fault {
    /// A key that it does not know is accepted.
    BadConfigAccepted,
    /// ... or is refused with INTERNAL, and not INVALID_CONFIG.
    BadConfigOtherCode,
    /// No two starts declare the same.
    CapabilitiesUnstable,
    /// `new` removes what is deployed.
    StartEmptiesTheDevice,
    /// A second deploy fails: "it exists already".
    DeployNotIdempotent,
    /// A second deploy makes a second one of it, `<id>-2`.
    DeployAgainDoubles,
    /// A deploy of other content is answered and not done.
    ChangeIgnored,
    /// A deploy of a pool without members panics.
    NoMembersPanics,
    /// More than a hundred members are refused though no limit is declared.
    ManyMembersFail,
    /// IPv6 is refused though it is declared.
    Ipv6Fails,
    /// What secrets are nobody has to tell it.
    SecretsUntold,
    /// What is not plain ASCII in a name makes it panic.
    OddNamesPanic,
    /// `admin_state_up = false` is refused.
    AdminDownFails,
    /// It was written when a load balancer was one pool and one listener, declares every shape, and reads `pools[0]`.
    ReadsFirstPool,
    /// Undeploy of what is not deployed fails.
    UndeployOfAbsentFails,
    /// Undeploy answers and leaves it deployed.
    UndeployKeeps,
    /// Undeploy leaves a file in the state directory.
    LeavesFile,
    /// Undeploy leaves a process, `sleep`, in a session of its own.
    LeavesProcess,
    /// Undeploy leaves a Unix socket that listens.
    LeavesSocket,
    /// Deploy writes to the directory above its state directory.
    WritesOutside,
    /// `deployed` says nothing.
    DeployedHides,
    /// `deployed` also says `phantom`.
    DeployedInvents,
    /// `deployed` says a generation that was never deployed.
    DeployedOtherGeneration,
    /// `deployed` is from memory: empty after a restart.
    DeployedFromMemory,
    /// `observe` of what is not deployed answers as if it was.
    ObserveOfAbsentAnswers,
    /// ... or with INTERNAL, and not NOT_FOUND.
    ObserveOfAbsentOtherCode,
    /// `observe` reports a generation that was never deployed.
    ObserveOtherGeneration,
    /// `preview` deploys.
    PreviewDeploys,
    /// `preview` says something else every second time.
    PreviewUnstable,
    /// `preview` says that something would change, whatever is deployed.
    PreviewAlwaysReloads,
    /// `preview` shows a configuration that never is.
    PreviewOtherConfiguration,
    /// A deploy says that it has reloaded, whatever it did.
    EffectAlwaysReload,
    /// A deploy fails for what was handed over by others than itself.
    HandoverTrusted,
    /// An undeploy says that nothing was ever counted.
    HandoverForgetsCounters,
    /// Counters go back, every second time.
    CountersGoBack,
    /// Counters start again with each process.
    CountersFromMemory,
    /// Counters of members go back, every second time.
    MemberCountersGoBack,
    /// It tells counters of a pool that it was not given.
    CountsStrangers,
    /// Two deploys at the same time disturb each other.
    NotThreadSafe,
    /// Each call takes a MiB for good.
    LeaksMemory,
    /// Each call leaves a file open.
    LeaksDescriptors,
    /// Each call leaves a thread.
    LeaksThreads,
    /// Any panic ends the process: the driver has set a panic hook that aborts.
    PanicAborts,
}

impl Config {
    pub(crate) fn has(&self, fault: Fault) -> bool {
        self.faults.contains(&fault)
    }

    pub(crate) fn check(&self) -> Result<(), DriverError> {
        if self.has(Fault::BadConfigAccepted) {
            return Ok(());
        }
        let texts = self.calls.values().chain(&self.start);
        if let Some(text) = texts.into_iter().find(|text| Command::read(text).is_none()) {
            return Err(DriverError::invalid_config(format!("{text:?} is no command")));
        }
        let Some(key) = self.unknown.keys().min() else { return Ok(()) };
        let message = format!("{key}: unknown field");
        if self.has(Fault::BadConfigOtherCode) {
            return Err(DriverError::internal(message));
        }
        Err(DriverError::invalid_config(message))
    }

    /// What the configuration says about every call of a method.
    pub(crate) fn call(&self, method: Method) -> Option<&str> {
        let start = self.start.as_ref().filter(|_| method == Method::Start);
        start.or_else(|| self.calls.get(&method)).map(String::as_str)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(json: &str) -> Config {
        serde_json::from_str(json).unwrap()
    }

    #[test]
    fn an_unknown_key_is_refused_unless_accepting_it_is_the_fault() {
        assert_eq!(config(r#"{"port": 1}"#).check(), Err(DriverError::invalid_config("port: unknown field")));
        assert_eq!(config(r#"{"port": 1, "faults": ["bad-config-accepted"]}"#).check(), Ok(()));
    }

    #[test]
    fn what_is_no_command_is_refused() {
        assert!(config(r#"{"calls": {"observe": "sing"}}"#).check().is_err());
        assert_eq!(config(r#"{"calls": {"observe": "hang"}}"#).call(Method::Observe), Some("hang"));
    }
}
