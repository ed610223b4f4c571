//! A configuration: partitions, each with its objects by path. The running one and the saved one are two of these.

use std::collections::BTreeMap;

use super::{DEFAULT, validate::Fields};

/// By path, as in `lbvserver/v1` and `servicegroup_servicegroupmember_binding/g1/s1+80`.
pub(crate) type Objects = BTreeMap<String, Fields>;

/// The objects below a path that ends with a slash, with their whole paths.
pub(crate) fn below<'a>(objects: &'a Objects, start: &str) -> impl Iterator<Item = (&'a str, &'a Fields)> + use<'a> {
    let start = start.to_owned();
    let from = objects.range(start.clone()..);
    from.take_while(move |(path, _)| path.starts_with(&start)).map(|(path, fields)| (path.as_str(), fields))
}

/// The same, with what is left of their paths.
pub(crate) fn named<'a>(objects: &'a Objects, start: &str) -> impl Iterator<Item = (&'a str, &'a Fields)> + use<'a> {
    let length = start.len();
    below(objects, start).map(move |(path, fields)| (&path[length..], fields))
}

#[derive(Clone, Debug)]
pub(crate) struct Configuration {
    partitions: BTreeMap<String, Fields>,
    /// Saved objects may be of a partition that the saved list of partitions lacks: it is gone after a reboot.
    objects: BTreeMap<String, Objects>,
}

impl Default for Configuration {
    fn default() -> Self {
        Self { partitions: [(DEFAULT.to_owned(), Fields::new())].into(), objects: BTreeMap::new() }
    }
}

impl Configuration {
    pub(crate) fn partitions(&self) -> impl Iterator<Item = (&str, &Fields)> {
        self.partitions.iter().map(|(name, fields)| (name.as_str(), fields))
    }

    pub(crate) fn partition(&self, name: &str) -> Option<&Fields> {
        self.partitions.get(name)
    }

    pub(crate) fn has(&self, name: &str) -> bool {
        self.partitions.contains_key(name)
    }

    pub(crate) fn put(&mut self, name: &str, fields: Fields) {
        self.partitions.insert(name.to_owned(), fields);
    }

    /// With all that is in it.
    pub(crate) fn remove(&mut self, name: &str) {
        self.partitions.remove(name);
        self.objects.remove(name);
    }

    pub(crate) fn objects(&self, partition: &str) -> Option<&Objects> {
        self.objects.get(partition)
    }

    pub(crate) fn objects_mut(&mut self, partition: &str) -> &mut Objects {
        self.objects.entry(partition.to_owned()).or_default()
    }

    /// Takes over one partition's objects from what runs. With the default one goes the list of partitions.
    pub(crate) fn save(&mut self, running: &Self, name: &str) {
        if name == DEFAULT {
            self.partitions.clone_from(&running.partitions);
        }
        self.objects.insert(name.to_owned(), running.objects(name).cloned().unwrap_or_default());
    }

    /// What a device starts with that finds this.
    pub(crate) fn loaded(&self) -> Self {
        let mut loaded = self.clone();
        loaded.objects.retain(|name, _| self.partitions.contains_key(name));
        loaded
    }

    /// Whether a partition is the same in another one.
    pub(crate) fn agrees(&self, other: &Self, name: &str) -> bool {
        let empty = Objects::new();
        let objects = |of: &Self| of.objects(name).unwrap_or(&empty) == other.objects(name).unwrap_or(&empty);
        objects(self) && (name != DEFAULT || self.partitions == other.partitions)
    }
}
