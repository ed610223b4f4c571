//! What a haproxy may do, also one that was broken into.
//!
//! The thread that starts it gives everything up and is of no other use: haproxy inherits that, and no code has to run
//! between fork and exec. What this kernel lacks is a remark of the driver; the rest is given up all the same.

mod capabilities;
mod files;
mod libraries;
mod limits;
mod syscalls;
mod view;

use std::{
    env, io,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use ballast_abi::DriverError;
use ballast_netns::{identity::Identity, namespace};
use caps::Capability;
use nix::{libc, sys::prctl};

use crate::{
    config::{Config, PER_PROJECT},
    failure::{Failure, Step, chain},
    files::Files,
};
use files::{Landlock, add_own};
use landlock::RulesetCreated;
use libraries::Libraries;
use syscalls::Refused;
pub(crate) use view::View;

/// What is given up for every haproxy.
#[derive(Debug)]
pub(crate) struct Fence {
    /// `None`: the operator wants none.
    given_up: Option<GivenUp>,
    /// All run as one user.
    shared: bool,
}

/// Whose haproxies are confined.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// Of one load balancer each.
    One,
    /// Of all of a project each: it enters their namespaces to connect to members, for which it keeps CAP_SYS_ADMIN.
    Project,
}

impl Role {
    /// What it cannot do without.
    const fn keeps(self) -> Option<Capability> {
        match self {
            Self::One => None,
            Self::Project => Some(Capability::CAP_SYS_ADMIN),
        }
    }
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
    role: Role,
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
    pub(crate) fn find(config: &Config, shared: bool, role: Role) -> Result<Self, DriverError> {
        if !config.confine {
            return Ok(Self { given_up: None, shared });
        }
        let refused = namespace::on_own_thread("check-fence", || {
            let refused = Refused::compile(role)?;
            refused.apply().map(|()| refused)
        });
        let given_up = GivenUp {
            role,
            haproxy: config.haproxy.clone(),
            libraries: Libraries::of(&config.haproxy),
            landlock: Landlock::find(),
            refused: refused.map_err(Failure::from)?,
            bounded: capabilities::has(Capability::CAP_SETPCAP),
            limited: capabilities::has(Capability::CAP_SYS_RESOURCE),
        };
        let fence = Self { given_up: Some(given_up), shared };
        if role == Role::One {
            fence.try_out(config, None)?;
        }
        Ok(fence)
    }

    /// The same for haproxies of projects. They keep a capability that only what is given up beside makes harmless.
    ///
    /// # Errors
    /// INVALID_CONFIG when something of it cannot be.
    pub(crate) fn of_projects(config: &Config, shared: bool, state_dir: &Path) -> Result<Self, DriverError> {
        let refuse = |why: &str| DriverError::invalid_config(format!("process_model: {PER_PROJECT} {why}"));
        let fence = Self::find(config, shared, Role::Project)?;
        let Some(given_up) = &fence.given_up else { return Err(refuse("needs confine = true")) };
        if shared {
            return Err(refuse("needs a user for each project, and uid_range is not mapped here"));
        }
        if let Err(error) = &given_up.refused {
            return Err(refuse(&format!("needs a filter of system calls, which this kernel does not take ({error})")));
        }
        if !given_up.bounded {
            return Err(refuse("needs CAP_SETPCAP, to give up all capabilities but one"));
        }
        if !enters_namespaces(&config.haproxy) {
            return Err(refuse("needs a haproxy that is built with USE_NS: haproxy -vv shows +NS"));
        }
        let (folder, log) = (Some(state_dir.to_owned()), config.log.clone());
        let view = View { at: state_dir.to_owned(), folder, secrets: None, log, namespaces: Vec::new() };
        fence.try_out(config, Some(&view))?;
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
            capabilities::bound(given_up.role.keeps()).step(|| what("bound capabilities"))?;
        }
        Ok(Gate(Some((given_up, rules))))
    }

    /// Whom a haproxy may signal. Landlock keeps it from all but itself, also from its predecessor, which it must tell by
    /// itself to finish to be given its stick tables. A user of its own can signal no other load balancer's anyway.
    pub(crate) fn signals(&self, sticky: bool) -> Signals {
        let scopes = self.given_up.as_ref().is_some_and(|given_up| given_up.landlock.scopes);
        if scopes && self.shared && !sticky { Signals::ToItself } else { Signals::ToItsUser }
    }

    /// Whether a process was started as this one starts them, by what it can get at all, as the kernel's bits of capabilities
    /// (`None`: it has ended). One of a driver without a fence was not.
    pub(crate) fn holds(&self, bounding: Option<u64>) -> bool {
        let role = match &self.given_up {
            // It cannot be seen.
            Some(given_up) if !given_up.bounded => return true,
            given_up => given_up.as_ref().map(|given_up| given_up.role),
        };
        bounding.is_none_or(|set| match role {
            None => !(capabilities::is_only(set, None) || capabilities::is_only(set, Role::Project.keeps())),
            Some(role) => capabilities::is_only(set, role.keeps()),
        })
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

    fn try_out(&self, config: &Config, view: Option<&View>) -> Result<(), DriverError> {
        let starts = || -> io::Result<bool> {
            let mut command = Command::new(&config.haproxy);
            command.arg("-v").env_clear().stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
            Ok(command.status()?.success())
        };
        let confined = namespace::on_own_thread("check-haproxy", || {
            self.approach(Signals::ToItsUser)?.enter(None, None, view)?;
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
    /// user. `of`: whose it is, with the folder of what it reads secretly.
    pub(crate) fn enter(
        self,
        of: Option<(&Files, &Path)>,
        identity: Option<Identity>,
        view: Option<&View>,
    ) -> Result<(), Failure> {
        let Some((given_up, rules)) = self.0 else { return Ok(()) };
        if let Some(view) = view {
            view.enter(&given_up.shown()).step(|| what("see nothing of the machine that it does not need"))?;
            if let Some((files, _)) = of {
                env::set_current_dir(files.run()).step(|| format!("work in {}", files.run().display()))?;
            }
        }
        // First: paths are found by who can pass everywhere.
        let rules = match of {
            Some((files, secrets)) => add_own(rules, files, secrets, view.map(|_| Path::new(view::NAMES))),
            None => Ok(rules),
        };
        let restricted = rules.and_then(RulesetCreated::restrict_self).map_err(io::Error::other);
        restricted.step(|| what("apply rules of Landlock"))?;
        if let Ok(refused) = &given_up.refused {
            refused.apply().map_err(io::Error::other).step(|| what("refuse system calls"))?;
        }
        capabilities::keep_to_change_user(identity.is_some(), given_up.role.keeps())
            .step(|| what("give up capabilities"))
    }
}

fn what(step: &str) -> String {
    format!("confine haproxy: {step}")
}

/// Of a process, by what could not be done to it.
fn has_ended(error: &io::Error) -> bool {
    error.kind() == io::ErrorKind::NotFound || error.raw_os_error() == Some(libc::ESRCH)
}

/// Whether it knows the words `namespace NAME`.
fn enters_namespaces(haproxy: &Path) -> bool {
    let mut command = Command::new(haproxy);
    let said = command.arg("-vv").env_clear().stdin(Stdio::null()).stderr(Stdio::null()).output();
    said.is_ok_and(|said| String::from_utf8_lossy(&said.stdout).split_whitespace().any(|word| word == "+NS"))
}

impl GivenUp {
    /// What of the machine it finds by its path.
    fn shown(&self) -> Vec<PathBuf> {
        let own = [self.haproxy.clone(), "/dev/null".into()];
        let libraries = self.libraries.files.iter().chain(&self.libraries.loaders).cloned();
        files::OF_THE_MACHINE.iter().map(PathBuf::from).chain(libraries).chain(own).collect()
    }

    fn missing(&self) -> Vec<String> {
        let refused = self.refused.as_ref().err().map(|error| format!("this kernel refuses no system calls ({error})"));
        let bounded = (!self.bounded).then(|| "without CAP_SETPCAP the bounding set stays as it is".to_owned());
        let limited = (!self.limited).then(|| "without CAP_SYS_RESOURCE its limits stay those of the agent".to_owned());
        self.landlock.missing().map(str::to_owned).into_iter().chain(refused).chain(bounded).chain(limited).collect()
    }
}

#[cfg(test)]
mod tests;
