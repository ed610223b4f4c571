//! The agent's side of control groups; [`groups`](crate::groups) has the picture.

use std::{io, path::Path, process};

use crate::groups::{
    self,
    given::{self, Look, Settled},
};

/// The agent's own control group, below which its drivers get theirs.
#[derive(Clone, Debug)]
pub struct OwnGroup(Settled);

impl OwnGroup {
    /// Finds it, and leaves it for a group below where it was given to the agent: nobody is in it then, so that it may lend
    /// its controllers. To be called before any driver is started. `states`: the folder of all drivers' state, by which
    /// is known what an older agent's drivers have left running.
    ///
    /// # Errors
    /// In words: there is no version 2 of control groups here, or the agent may not make any.
    pub fn find(states: &Path) -> Result<Self, String> {
        let own = groups::own().ok_or("version 2 of control groups cannot be seen from here")?;
        let failed = |error: io::Error| format!("{}: {error}", own.display());
        let states = states.canonicalize().unwrap_or_else(|_| states.to_owned());
        let (pid, processes) = (process::id(), Path::new("/proc"));
        let look = Look { own: &own, pid, is_given: &given::is_given, processes, states: &states };
        let settled = given::settle(&look).map_err(failed)?;
        groups::try_out(&settled.base).map_err(failed)?;
        Ok(Self(settled))
    }

    /// Who keeps it from lending its controllers: somebody is in it who is no driver's.
    #[must_use]
    pub fn strangers(&self) -> &[String] {
        &self.0.strangers
    }

    /// Puts a driver's process into its driver's group.
    ///
    /// # Errors
    /// The kernel does not let the agent make groups.
    pub fn confine(&self, driver: &str, pid: u32) -> io::Result<()> {
        groups::confine(&self.0.base, driver, pid)
    }

    /// Removes the groups that nobody is in any more, and takes back what the agent's lends, if the agent has left it
    /// itself: whoever starts the next agent starts it there.
    ///
    /// # Errors
    /// Somebody else lends it on.
    pub fn clear(&self) -> io::Result<()> {
        groups::clear(&self.0.base);
        if self.0.moved { given::take_back(&self.0.base) } else { Ok(()) }
    }

    /// Lets this process, which was started to stay, out of the agent's group: that is to be empty once the agent has ended.
    ///
    /// # Errors
    /// The kernel does not let it make groups: it stays where it is.
    pub fn step_aside(name: &str) -> io::Result<()> {
        groups::own().map_or(Ok(()), |own| groups::step_aside(&own, name, process::id()))
    }

    /// What [`Self::clear`] takes back, after an agent that could not: from a process of one of its drivers, or one that
    /// systemd has started for its unit. Nothing while the agent lives.
    ///
    /// # Errors
    /// Somebody else lends it on, or there is no such right.
    pub fn take_back() -> io::Result<()> {
        let Some(own) = groups::own() else { return Ok(()) };
        let base = given::of_the_unit(&own);
        if given::is_given(base) && given::is_left(base) { given::take_back(base) } else { Ok(()) }
    }
}
