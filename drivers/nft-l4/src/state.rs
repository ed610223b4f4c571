//! `state.json`: what cannot be read off the host about a load balancer. What its rules are made from is in `l4.json`.

use ballast_namespace::{
    failure::Failure,
    files::{self, Files},
    plug::Plug,
};
use ballast_netns::attach::Interface;
use serde::{Deserialize, Serialize};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Of the last deploy that succeeded; 0: none has.
    pub(crate) generation: u64,
    /// `None`: nothing is on the host, because there is no VIP.
    pub(crate) plug: Option<Plug>,
    /// It is made ready and not plugged in. Notes of former releases lack it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) silent: bool,
}

impl State {
    /// `None`: there is none, or it cannot be understood. Both mean "unknown", and the next deploy writes it again.
    pub(crate) fn read(files: &Files) -> Result<Option<Self>, Failure> {
        files::noted(&files.state())
    }

    pub(crate) fn write(&self, files: &Files) -> Result<(), Failure> {
        files::note_in_lines(&files.state(), self)
    }

    /// What was plugged.
    pub(crate) fn interface(&self) -> Option<&Interface> {
        self.plug.as_ref().map(|plug| &plug.interface)
    }
}
