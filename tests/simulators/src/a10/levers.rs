//! What a test does to the device, and asks of it, beside its protocol.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    A10, Assumptions, Counters, SHARED,
    path::Path,
    references,
    validate::{self, Fields},
};

impl A10 {
    /// The administrator's name and password.
    pub fn set_credentials(&mut self, username: &str, password: &str) {
        (self.username, self.password) = (username.to_owned(), password.to_owned());
    }

    /// How it behaves where nobody knows.
    pub fn assume(&mut self, assumptions: Assumptions) {
        self.assumptions = assumptions;
    }

    /// How many sessions may be open, and how long one may rest.
    pub fn set_session_limits(&mut self, open: usize, idle: Duration) {
        (self.sessions.limit, self.sessions.idle) = (open, idle);
    }

    /// The names of the partitions, without the shared one.
    #[must_use]
    pub fn partitions(&self) -> Vec<String> {
        self.running.names().filter(|name| *name != SHARED).map(str::to_owned).collect()
    }

    /// The paths of all objects of a partition, as in `slb/server/s1/port/80+tcp`.
    #[must_use]
    pub fn objects(&self, partition: &str) -> Vec<String> {
        self.running.objects(partition).map(|objects| objects.keys().cloned().collect()).unwrap_or_default()
    }

    /// Whether all partitions have the same objects as another device's, defaults filled in; saved or not.
    #[must_use]
    pub fn runs_like(&self, other: &Self) -> bool {
        self.shown() == other.shown()
    }

    /// All objects of all partitions as a read shows them, but for their uuids.
    fn shown(&self) -> BTreeMap<(&str, &str), Fields> {
        let mut shown = BTreeMap::new();
        for name in self.running.names() {
            for (path, fields) in self.running.objects(name).into_iter().flatten() {
                let Some(kind) = self.schema.objects.get(&references::kind_of(path)) else { continue };
                let mut fields = validate::with_defaults(&kind.fields, fields);
                fields.remove("uuid");
                shown.insert((name, path.as_str()), fields);
            }
        }
        shown
    }

    /// A field of an object as it is set; none when it is not.
    #[must_use]
    pub fn field(&self, partition: &str, path: &str, field: &str) -> Option<Value> {
        self.running.objects(partition)?.get(path)?.get(field).cloned()
    }

    /// Whether what runs is what was saved.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.running == self.saved
    }

    /// Puts an object into a partition, as an administrator would.
    ///
    /// # Panics
    /// When the device refuses it.
    pub fn administer(&mut self, partition: &str, method: &str, path: &str, body: &Value) {
        let target = Path::parse(path, &self.schema).expect("a path of this device");
        let done = self.configure(partition, method, &target, body.as_object());
        assert!(done.is_ok(), "{method} {path}: {done:?}");
    }

    /// A file is not on the disk any more, as after a restore: its path as in [`Self::objects`].
    pub fn lose(&mut self, partition: &str, path: &str) {
        for configuration in [&mut self.running, &mut self.saved] {
            configuration.objects_mut(partition).and_then(|objects| objects.remove(path));
        }
    }

    /// Sets the counters of a virtual port: `vport` as in `v1/80+http`.
    pub fn count(&mut self, partition: &str, vport: &str, counters: Counters) {
        self.counters.insert((partition.to_owned(), vport.to_owned()), counters);
    }

    /// A partition that an administrator has made.
    pub fn add_partition(&mut self, name: &str) {
        let id = self.running.free_id();
        self.running.add(name, id);
        self.saved.add(name, id);
    }
}
