//! `state.json`: what cannot be read off the host about a load balancer.

use std::{collections::BTreeMap, fs, os::unix::fs::MetadataExt};

use ballast_namespace::{files, plug::Plug};
use ballast_netns::{attach::Interface, identity::Identity};
use serde::{Deserialize, Serialize};

use crate::{
    counters::{Base, Counted},
    failure::Failure,
    files::Files,
    page::{Page, shared::Shared},
    ping::Echoes,
    validate::Pool,
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
    /// The kernel serves all of it, and there is no haproxy. Notes of former releases lack it, as they ran one.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) alone: bool,
    /// The kernel has rules of it. Notes of former releases lack it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) ruled: bool,
    /// Its processes, also those that finish their connections: to look for them costs a look at every process of the host.
    /// `None`: one has begun or ended since, or a former release has noted it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) processes: Option<Vec<i32>>,
    /// Of a load balancer: the haproxy of its project that serves it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) shared: Option<String>,
    /// It is made ready and not plugged in.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) silent: bool,
    /// Of a haproxy that is shared: what each load balancer has counted.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub(crate) bases: BTreeMap<String, Base>,
}

impl State {
    /// `None`: there is none, or it cannot be understood. Both mean "unknown", and the next deploy writes it again.
    pub(crate) fn read(files: &Files) -> Result<Option<Self>, Failure> {
        files::noted(&files.state())
    }

    pub(crate) fn write(&self, files: &Files) -> Result<(), Failure> {
        files::note_in_lines(&files.state(), self)
    }

    /// Before the process with this pid is replaced or has ended: what it has counted. `running`: what it serves.
    pub(crate) fn ending(&mut self, pid: i32, counted: &Counted, running: Option<&Page>) {
        self.base = self.base.settled(Some(pid)).ending(pid, counted.clone());
        let Some(running) = running else { return };
        for shared in &running.shares {
            let base = self.bases.entry(shared.id.clone()).or_default();
            *base = base.settled(Some(pid)).ending(pid, shared.counted(counted));
        }
    }

    /// Once the process with this pid runs.
    pub(crate) fn settle(&mut self, pid: Option<i32>) {
        self.base = self.base.settled(pid);
        self.bases.values_mut().for_each(|base| *base = base.settled(pid));
    }

    /// For a process that is started now and serves this, and of listeners and pools that there are.
    pub(crate) fn begin(&mut self, page: Option<&Page>, listeners: &[String], pools: &[Pool]) {
        let shares = || page.iter().flat_map(|page| &page.shares);
        let own = pools.iter().map(|pool| (pool.id.as_str(), pool.members.iter().map(|one| one.id.as_str()).collect()));
        let members = shares().flat_map(Shared::members).chain(own).collect();
        self.base.begin(&listeners.iter().map(String::as_str).collect(), &members);
        for shared in shares() {
            let base = self.bases.entry(shared.id.clone()).or_default();
            base.begin(&shared.listeners.iter().map(String::as_str).collect(), &shared.members().collect());
        }
    }
}

/// Which file the notes are. They are replaced by another file at each change, so the same stamp means the same notes.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Stamp([i64; 4], u64);

impl Stamp {
    /// `None`: there are none.
    pub(crate) fn of(files: &Files) -> Option<Self> {
        let found = fs::metadata(files.state()).ok()?;
        Some(Self([found.mtime(), found.mtime_nsec(), found.ctime(), found.ctime_nsec()], found.ino()))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use ballast_netns::attach::{Attachment, bridge::Bridge};
    use serde_json::json;

    use super::*;

    /// As 0.1.0 (without `neighbours`) and 0.2.0 left it, and as they have to find it when they come back.
    #[test]
    fn what_former_releases_noted_is_read_and_noted_again_alike() {
        let interface = json!({"inside": "ns-9f1b7c52-aa", "outside": "tap9f1b7c52-aa",
            "bridge": "brqc0ffee00-11", "own_bridge": true});
        let gateway = json!({"destination": null, "gateway": "10.0.0.1", "onlink": false});
        let plug = json!({"interface": interface, "mac": [2, 0, 0, 0, 0, 9], "address": "10.0.0.4", "prefix_length": 24,
            "hops": [gateway], "neighbours": ["10.0.0.1"]});
        let identity = json!({"uid": 1_900_000_001, "gid": 1_900_000_001});
        let mut noted = serde_json::to_value(State::default()).unwrap();
        for (key, value) in [("generation", json!(7)), ("interface", interface), ("plug", plug), ("identity", identity)]
        {
            noted[key] = value;
        }
        let state: State = serde_json::from_value(noted.clone()).unwrap();
        assert_eq!(serde_json::to_value(&state).unwrap(), noted);
        let plug = state.plug.unwrap();
        assert_eq!(
            plug.interface.attachment,
            Attachment::Bridge(Bridge::of_network("c0ffee00-1111-4222-8333-444444444444"))
        );
        assert_eq!(state.interface, Some(plug.interface));
        noted["plug"].as_object_mut().unwrap().remove("neighbours");
        let of_0_1_0: State = serde_json::from_value(noted).unwrap();
        assert_eq!(of_0_1_0.plug, Some(Plug { neighbours: BTreeSet::new(), ..of_0_1_0.plug.clone().unwrap() }));
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
