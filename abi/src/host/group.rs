//! The agent's side of control groups; [`groups`](crate::groups) has the picture.

use std::{io, path::PathBuf};

use crate::groups;

/// The agent's own control group, below which its drivers get theirs.
#[derive(Clone, Debug)]
pub struct OwnGroup(PathBuf);

impl OwnGroup {
    /// # Errors
    /// In words: there is no version 2 of control groups here, or the agent may not make any.
    pub fn find() -> Result<Self, String> {
        let own = groups::of_the_agent().ok_or("version 2 of control groups cannot be seen from here")?;
        groups::try_out(&own).map_err(|error| format!("{}: {error}", own.display()))?;
        Ok(Self(own))
    }

    /// Puts a driver's process into its driver's group.
    ///
    /// # Errors
    /// The kernel does not let the agent make groups.
    pub fn confine(&self, driver: &str, pid: u32) -> io::Result<()> {
        groups::confine(&self.0, driver, pid)
    }

    /// Removes the groups that nobody is in any more.
    pub fn clear(&self) {
        groups::clear(&self.0);
    }
}
