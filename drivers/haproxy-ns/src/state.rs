//! `state.json`: what cannot be read off the host about a load balancer.

use std::io;

use serde::{Deserialize, Serialize};

use crate::{
    counters::Base,
    desired::Plug,
    failure::{Failure, Step},
    files::{Files, read_optional, write_renamed},
    identity::Identity,
    ping::Echoes,
};

#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct State {
    /// Of the last deploy that succeeded; 0: none has.
    pub(crate) generation: u64,
    /// `None`: nothing is on the host, because there is no VIP.
    pub(crate) interface: Option<Interface>,
    /// All of what was plugged. Notes of former releases lack it.
    #[serde(default)]
    pub(crate) plug: Option<Plug>,
    pub(crate) identity: Option<Identity>,
    #[serde(default)]
    pub(crate) base: Base,
    /// Members that are pinged.
    #[serde(default)]
    pub(crate) echoes: Vec<Echoes>,
}

/// What was plugged, so that it can be unplugged without being asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Interface {
    /// The end in the namespace.
    pub(crate) inside: String,
    /// The end on the bridge.
    pub(crate) outside: String,
    pub(crate) bridge: String,
    /// The bridge is to be removed with its last port.
    pub(crate) own_bridge: bool,
}

impl Interface {
    /// Neutron's names: 14 characters of prefix and port id.
    pub(crate) fn of_port(port: &str, bridge: &str, own_bridge: bool) -> Self {
        let short: String = port.chars().take(11).collect();
        Self { inside: format!("ns-{short}"), outside: format!("tap{short}"), bridge: bridge.to_owned(), own_bridge }
    }
}

impl State {
    /// `None`: there is none, or it cannot be understood. Both mean "unknown", and the next deploy writes it again.
    pub(crate) fn read(files: &Files) -> Result<Option<Self>, Failure> {
        let path = files.state();
        let text = match read_optional(&path) {
            Err(error) if error.kind() == io::ErrorKind::InvalidData => None,
            read => read.step(|| format!("read {}", path.display()))?,
        };
        Ok(text.and_then(|text| serde_json::from_str(&text).ok()))
    }

    pub(crate) fn write(&self, files: &Files) -> Result<(), Failure> {
        let what = || format!("write {}", files.state().display());
        let text = serde_json::to_vec_pretty(self).map_err(io::Error::other).step(what)?;
        write_renamed(&files.state(), &text, 0o600).step(what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn interface_names_are_neutrons_and_short_enough_for_the_kernel() {
        let interface = Interface::of_port("9f1b7c52-aaaa-4bbb-8ccc-0123456789ab", "brq", true);
        assert_eq!((interface.inside.as_str(), interface.outside.as_str()), ("ns-9f1b7c52-aa", "tap9f1b7c52-aa"));
    }

    #[test]
    fn a_state_that_was_cut_off_counts_as_none() {
        let directory = tempfile::tempdir().unwrap();
        let files = Files::of(directory.path(), "one");
        files.make(None).unwrap();
        assert_eq!(State::read(&files).unwrap(), None);
        let state = State { generation: 3, ..State::default() };
        state.write(&files).unwrap();
        assert_eq!(State::read(&files).unwrap(), Some(state));
        std::fs::write(files.state(), "{\"genera").unwrap();
        assert_eq!(State::read(&files).unwrap(), None);
    }
}
