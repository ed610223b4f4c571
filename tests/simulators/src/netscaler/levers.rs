//! What a test does to the device, and asks of it, beside its protocol.

use std::{collections::BTreeMap, time::Duration};

use serde_json::Value;

use super::{
    Assumptions, Counters, DEFAULT, NetScaler, Who,
    path::Path,
    validate::{self, Fields},
};
use crate::{Health, Request, World};

impl NetScaler {
    /// The administrator's name and password.
    pub fn set_credentials(&mut self, username: &str, password: &str) {
        (self.username, self.password) = (username.to_owned(), password.to_owned());
    }

    /// How many sessions may be open, how long one may rest unless its login says otherwise, and the error of one too
    /// many: 445 or 446.
    pub fn set_session_limits(&mut self, open: usize, idle: Duration, error: u32) {
        (self.sessions.limit, self.sessions.idle, self.too_many) = (open, idle, error);
    }

    /// How it behaves where nobody knows.
    pub fn assume(&mut self, assumptions: Assumptions) {
        self.assumptions = assumptions;
    }

    /// Whether it is the primary of a pair, which takes changes, or the secondary, which refuses them.
    pub fn set_primary(&mut self, primary: bool) {
        self.primary = primary;
    }

    /// The names of the partitions, without the default one.
    #[must_use]
    pub fn partitions(&self) -> Vec<String> {
        self.running.partitions().map(|(name, _)| name.to_owned()).filter(|name| name != DEFAULT).collect()
    }

    /// The paths of all objects and bindings of a partition, as in `lbvserver/v1` and
    /// `servicegroup_servicegroupmember_binding/g1/s1+80`.
    #[must_use]
    pub fn objects(&self, partition: &str) -> Vec<String> {
        self.running.objects(partition).map(|objects| objects.keys().cloned().collect()).unwrap_or_default()
    }

    /// An attribute of an object as it is set; none when it is not.
    #[must_use]
    pub fn field(&self, partition: &str, path: &str, field: &str) -> Option<Value> {
        self.running.objects(partition)?.get(path)?.get(field).cloned()
    }

    /// Whether all partitions have the same objects as another device's, defaults filled in; saved or not.
    #[must_use]
    pub fn runs_like(&self, other: &Self) -> bool {
        self.shown() == other.shown()
    }

    fn shown(&self) -> BTreeMap<(&str, &str), Fields> {
        let mut shown = BTreeMap::new();
        for (name, fields) in self.running.partitions() {
            shown.insert((name, ""), fields.clone());
            for (path, fields) in self.running.objects(name).into_iter().flatten() {
                let resource = self.schema.resources.get(path.split('/').next().unwrap_or_default());
                let fields = resource.map_or_else(|| fields.clone(), |resource| validate::shown(resource, fields));
                shown.insert((name, path.as_str()), fields);
            }
        }
        shown
    }

    /// Whether what runs is what was saved.
    #[must_use]
    pub fn is_saved(&self) -> bool {
        self.running.partitions().all(|(name, _)| self.running.agrees(&self.saved, name))
    }

    /// A partition that an administrator has made.
    pub fn add_partition(&mut self, name: &str) {
        let fields: Fields = [("partitionname".to_owned(), Value::from(name))].into_iter().collect();
        self.running.put(name, fields.clone());
        self.saved.put(name, fields);
    }

    /// Does in a partition what an administrator would: `method` and `path` as in `POST` and `lbvserver?action=disable`.
    ///
    /// # Panics
    /// When the device refuses it.
    pub fn administer(&mut self, partition: &str, method: &str, path: &str, body: &Value) {
        let (path, query) = path.split_once('?').map_or((path, None), |(path, query)| (path, Some(query.to_owned())));
        let (method, path) = (method.to_owned(), format!("/nitro/v1/config/{path}"));
        let request = Request { method, path, query, body: body.to_string().into_bytes(), ..Request::default() };
        let who = Who { token: None, partition: partition.to_owned() };
        let health = Health::default();
        let world = World { now: Duration::ZERO, health: &health };
        let done = Path::parse(&request).and_then(|path| self.inside(&request, &path, &who, &world));
        assert!(done.is_ok(), "{} {}: {done:?}", request.method, request.path);
    }

    /// A file is not on the disk any more, as after a restore: its path as in [`Self::objects`].
    pub fn lose(&mut self, partition: &str, path: &str) {
        for configuration in [&mut self.running, &mut self.saved] {
            configuration.objects_mut(partition).remove(path);
        }
    }

    /// Sets the counters of a virtual server, or of a member of a group, by its path as in [`Self::objects`]; rates
    /// are the growth since the call before.
    pub fn count(&mut self, partition: &str, path: &str, counters: Counters) {
        let sampled = self.counters.entry((partition.to_owned(), path.to_owned())).or_default();
        *sampled = sampled.then(counters);
    }
}
