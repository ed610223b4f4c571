//! A configuration: partitions, each with its objects by path. The running one and the saved one are two of these.

use std::collections::BTreeMap;

use super::{SHARED, validate::Fields};

/// By path, as in `slb/server/s1/port/80+tcp`.
pub(crate) type Objects = BTreeMap<String, Fields>;

#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct Partition {
    pub(crate) id: u16,
    /// Deleting has two steps: it is unloaded first, and known until it is deleted.
    pub(crate) active: bool,
    objects: Objects,
}

#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Configuration(BTreeMap<String, Partition>);

impl Default for Configuration {
    fn default() -> Self {
        Self([(SHARED.to_owned(), Partition { id: 0, active: true, objects: Objects::new() })].into())
    }
}

impl Configuration {
    pub(crate) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.keys().map(String::as_str)
    }

    pub(crate) fn get(&self, name: &str) -> Option<&Partition> {
        self.0.get(name)
    }

    pub(crate) fn is_active(&self, name: &str) -> bool {
        self.get(name).is_some_and(|partition| partition.active)
    }

    pub(crate) fn add(&mut self, name: &str, id: u16) {
        self.0.entry(name.to_owned()).or_default().id = id;
        self.set_active(name, true);
    }

    pub(crate) fn set_active(&mut self, name: &str, active: bool) {
        if let Some(partition) = self.0.get_mut(name) {
            partition.active = active;
        }
    }

    pub(crate) fn remove(&mut self, name: &str) {
        self.0.remove(name);
    }

    pub(crate) fn has_id(&self, id: u16) -> bool {
        self.0.values().any(|partition| partition.id == id)
    }

    pub(crate) fn free_id(&self) -> u16 {
        (1..=1023).find(|id| !self.has_id(*id)).unwrap_or(0)
    }

    pub(crate) fn objects(&self, partition: &str) -> Option<&Objects> {
        self.get(partition).map(|partition| &partition.objects)
    }

    pub(crate) fn objects_mut(&mut self, partition: &str) -> Option<&mut Objects> {
        self.0.get_mut(partition).map(|partition| &mut partition.objects)
    }

    /// Takes over one partition's objects from what runs. With the shared one goes the list of partitions.
    pub(crate) fn save(&mut self, running: &Self, name: &str) {
        if name == SHARED {
            self.0.retain(|saved, _| running.0.contains_key(saved));
            for (name, partition) in &running.0 {
                self.add(name, partition.id);
                self.set_active(name, partition.active);
            }
        }
        if let (Some(objects), Some(saved)) = (running.objects(name), self.objects_mut(name)) {
            saved.clone_from(objects);
        }
    }
}
