//! What a haproxy may do, also one that was broken into.
//!
//! The thread that starts it gives everything up and is of no other use: haproxy inherits that, and no code has to run
//! between fork and exec. What this kernel lacks is a remark of the driver; the rest is given up all the same.

mod capabilities;
mod files;
mod libraries;
mod limits;
mod syscalls;

use std::{
    io,
    path::PathBuf,
    process::{Command, Stdio},
};

use ballast_abi::DriverError;
use ballast_netns::{identity::Identity, namespace};
use caps::Capability;
use nix::{libc, sys::prctl};

use crate::{
    config::Config,
    failure::{Failure, Step, chain},
    files::Files,
};
use files::{Landlock, add_own};
use landlock::RulesetCreated;
use libraries::Libraries;
use syscalls::Refused;

/// What is given up for every haproxy.
#[derive(Debug)]
pub(crate) struct Fence {
    /// `None`: the operator wants none.
    given_up: Option<GivenUp>,
    /// All run as one user.
    shared: bool,
}

/// Whom a haproxy may signal.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Signals {
    ToItself,
    ToItsUser,
}

/// A fence that the calling thread is about to go behind.
pub(crate) struct Gate<'a>(Option<(&'a GivenUp, RulesetCreated)>);

#[derive(Debug)]
struct GivenUp {
    haproxy: PathBuf,
    libraries: Libraries,
    landlock: Landlock,
    /// The error: this kernel takes no filter.
    refused: Result<Refused, String>,
    /// Whether the bounding set can be emptied.
    bounded: bool,
    /// Whether processes of other users can be limited.
    limited: bool,
}

impl Fence {
    /// Finds out what can be given up here, and whether haproxy starts without it.
    ///
    /// # Errors
    /// INVALID_CONFIG when haproxy starts, but not so.
    pub(crate) fn find(config: &Config, shared: bool) -> Result<Self, DriverError> {
        if !config.confine {
            return Ok(Self { given_up: None, shared });
        }
        let refused = namespace::on_own_thread("check-fence", || {
            let refused = Refused::compile()?;
            refused.apply().map(|()| refused)
        });
        let given_up = GivenUp {
            haproxy: config.haproxy.clone(),
            libraries: Libraries::of(&config.haproxy),
            landlock: Landlock::find(),
            refused: refused.map_err(Failure::from)?,
            bounded: capabilities::has(Capability::CAP_SETPCAP),
            limited: capabilities::has(Capability::CAP_SYS_RESOURCE),
        };
        let fence = Self { given_up: Some(given_up), shared };
        fence.try_out(config)?;
        Ok(fence)
    }

    /// What cannot be given up here.
    pub(crate) fn remarks(&self) -> Vec<String> {
        let Some(given_up) = &self.given_up else {
            return vec!["haproxies are not confined, as confine is false".to_owned()];
        };
        let less = |missing| format!("haproxies are confined less than they could be: {missing}");
        given_up.missing().into_iter().map(less).collect()
    }

    /// Begins to confine the calling thread. It can still do all that the rest needs.
    pub(crate) fn approach(&self, signals: Signals) -> Result<Gate<'_>, Failure> {
        prctl::set_no_new_privs().step(|| "give up gaining privileges".to_owned())?;
        let Some(given_up) = &self.given_up else { return Ok(Gate(None)) };
        let rules = given_up.landlock.rules(&given_up.haproxy, &given_up.libraries, signals);
        let rules = rules.map_err(io::Error::other).step(|| what("make rules of Landlock"))?;
        if given_up.bounded {
            capabilities::bound().step(|| what("bound capabilities"))?;
        }
        Ok(Gate(Some((given_up, rules))))
    }

    /// Whom a haproxy may signal. Landlock keeps it from all but itself, also from its predecessor, which it must tell by
    /// itself to finish to be given its stick tables. A user of its own can signal no other load balancer's anyway.
    pub(crate) fn signals(&self, sticky: bool) -> Signals {
        let scopes = self.given_up.as_ref().is_some_and(|given_up| given_up.landlock.scopes);
        if scopes && self.shared && !sticky { Signals::ToItself } else { Signals::ToItsUser }
    }

    /// Whether the process was started as this one starts them. One of a driver without a fence was not.
    pub(crate) fn holds(&self, pid: i32) -> bool {
        let wanted = match &self.given_up {
            // It cannot be seen.
            Some(given_up) if !given_up.bounded => return true,
            given_up => given_up.is_some(),
        };
        capabilities::is_bounded(pid).is_none_or(|is| is == wanted)
    }

    /// Whether the process is limited as [`Self::limit`] leaves it.
    pub(crate) fn has_limited(&self, pid: i32) -> bool {
        self.given_up.as_ref().is_none_or(|given_up| !given_up.limited) || limits::are_set(pid)
    }

    /// What the kernel limits for each process, once it has become what it stays: haproxy sets limits itself when it starts.
    pub(crate) fn limit(&self, pid: i32) -> Result<(), Failure> {
        if self.given_up.as_ref().is_none_or(|given_up| !given_up.limited) {
            return Ok(());
        }
        match limits::set(pid) {
            Err(error) if has_ended(&error) => Ok(()),
            limited => limited.step(|| format!("limit haproxy {pid}")),
        }
    }

    fn try_out(&self, config: &Config) -> Result<(), DriverError> {
        let starts = || -> io::Result<bool> {
            let mut command = Command::new(&config.haproxy);
            command.arg("-v").env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            Ok(command.status()?.success())
        };
        let confined = namespace::on_own_thread("check-haproxy", || {
            self.approach(Signals::ToItsUser)?.enter(None, None)?;
            starts().step(|| format!("run {}", config.haproxy.display()))
        });
        let said = match confined.map_err(Failure::from)? {
            Ok(true) => return Ok(()),
            Ok(false) => "it ends with an error".to_owned(),
            Err(failure) => chain(&failure),
        };
        // Else it is not the fence's fault, and the first deploy says what it is.
        match starts() {
            Ok(true) => Err(DriverError::invalid_config(format!(
                "haproxy: {} does not start confined ({said}): name the program itself and no script, or set confine = false",
                config.haproxy.display()
            ))),
            Ok(false) | Err(_) => Ok(()),
        }
    }
}

impl Gate<'_> {
    /// Confines the calling thread, and what it starts. The one thing that it can still do is to start a process as another
    /// user.
    pub(crate) fn enter(self, of: Option<&Files>, identity: Option<Identity>) -> Result<(), Failure> {
        let Some((given_up, rules)) = self.0 else { return Ok(()) };
        // First: paths are found by who can pass everywhere.
        let rules = match of {
            Some(files) => add_own(rules, files),
            None => Ok(rules),
        };
        let restricted = rules.and_then(RulesetCreated::restrict_self).map_err(io::Error::other);
        restricted.step(|| what("apply rules of Landlock"))?;
        if let Ok(refused) = &given_up.refused {
            refused.apply().map_err(io::Error::other).step(|| what("refuse system calls"))?;
        }
        capabilities::keep_to_change_user(identity.is_some()).step(|| what("give up capabilities"))
    }
}

fn what(step: &str) -> String {
    format!("confine haproxy: {step}")
}

/// Of a process, by what could not be done to it.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

impl GivenUp {
    fn missing(&self) -> Vec<String> {
        let refused = self.refused.as_ref().err().map(|error| format!("this kernel refuses no system calls ({error})"));
        let bounded = (!self.bounded).then(|| "without CAP_SETPCAP the bounding set stays as it is".to_owned());
        let limited = (!self.limited).then(|| "without CAP_SYS_RESOURCE its limits stay those of the agent".to_owned());
        self.landlock.missing().map(str::to_owned).into_iter().chain(refused).chain(bounded).chain(limited).collect()
    }
}

#[cfg(test)]
mod tests;
