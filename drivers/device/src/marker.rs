//! What says on the device which load balancer an owner is.

use crate::{Key, Kind, Objects, names};

/// The load balancer's id, and the generation of its last deploy; 0: none was completed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Marker {
    pub id: String,
    pub generation: u64,
}

impl Marker {
    /// As a text: `/ballast/<id>/<generation>`.
    #[must_use]
    pub fn text(&self) -> String {
        format!("{PATH}{}/{}", self.id, self.generation)
    }

    #[must_use]
    pub fn read(text: &str) -> Option<Self> {
        let (id, generation) = text.strip_prefix(PATH)?.split_once('/')?;
        Some(Self { id: id.to_owned(), generation: generation.parse().ok()? })
    }

    pub(crate) fn key<K: Kind>(owner: &str) -> Key<K> {
        Key::top(K::MARKER, names::marker(owner))
    }

    /// All markers of a partition.
    #[must_use]
    pub fn all<K: Kind>(objects: &Objects<K>) -> Vec<Self> {
        let markers = objects.iter().filter(|(key, _)| key.kind == K::MARKER && names::is_marker(&key.name));
        let own = |marker: &Self, key: &Key<K>| *key == Self::key(&names::owner(&marker.id));
        markers.filter_map(|(key, object)| K::marked(object).filter(|marker| own(marker, key))).collect()
    }

    /// The one of this owner.
    #[must_use]
    pub fn of<K: Kind>(owner: &str, objects: &Objects<K>) -> Option<Self> {
        K::marked(objects.get(&Self::key(owner))?)
    }
}

const PATH: &str = "/ballast/";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_marker_is_read_as_it_was_written_and_nothing_else_is() {
        let marker = Marker { id: "4c8ea0f2".into(), generation: 7 };
        assert_eq!(Marker::read(&marker.text()), Some(marker));
        for other in ["", "/health", "/ballast/x", "/ballast/x/y", "/ballast/x/-1"] {
            assert_eq!(Marker::read(other), None, "{other}");
        }
    }
}
