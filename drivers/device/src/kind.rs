//! The kinds of objects of a vendor's device. Pure.

use std::{fmt::Debug, net::IpAddr};

use serde::{Serialize, de::DeserializeOwned};
use serde_json::Value;

use crate::{Fields, Key, Marker};

/// A kind of object. Ordered as objects are made: what is named comes before what names it.
pub trait Kind: Copy + Ord + Debug + Serialize + DeserializeOwned + Send + Sync + 'static {
    /// The kinds that are read one by one; children may come with what they are in.
    const READ: &'static [Self];
    /// The kind of the object that says which load balancer its owner is.
    const MARKER: Self;

    /// The kind of the object that one of this kind is in: itself when it is in none.
    fn top(self) -> Self;

    /// It faces clients, and goes before anything else does.
    fn is_front(self) -> bool;

    /// It belongs to an address, and all load balancers of a partition use it.
    fn is_shared(self) -> bool;

    /// Fields that the device does not let anybody change.
    fn fixed(self) -> &'static [&'static str];

    /// Fields that are sent together when one of them differs.
    fn together(self) -> &'static [&'static [&'static str]] {
        &[]
    }

    /// Sets of fields of which the device has one at a time, at whatever depth they are.
    fn exclusive(self) -> &'static [&'static [&'static str]] {
        &[]
    }

    /// Whether a field of the device is as wanted. A wanted `null` is "not set".
    fn is_same(name: &str, wanted: &Value, found: Option<&Value>) -> bool;

    /// The shared objects that this one uses.
    fn uses(key: &Key<Self>, fields: &Fields) -> Vec<Key<Self>>;

    /// The address of a shared object that has one.
    fn address(key: &Key<Self>, fields: &Fields) -> Option<IpAddr>;

    /// The object that keeps what a marker says.
    fn mark(marker: &Marker, name: &str) -> Fields;

    /// What such an object says.
    fn marked(fields: &Fields) -> Option<Marker>;
}

/// The fields that the device does not have together with this one.
fn rivals<K: Kind>(kind: K, name: &str) -> impl Iterator<Item = &'static str> {
    let sets = kind.exclusive().iter().filter(move |set| set.contains(&name));
    sets.flat_map(|set| set.iter().copied()).filter(move |rival| *rival != name)
}

/// The fields in which the device differs from what is wanted.
pub(crate) fn difference<K: Kind>(kind: K, wanted: &Fields, found: &Fields) -> Fields {
    let differs = |name: &str, value: &Value| !K::is_same(name, value, found.get(name));
    let mut changes: Fields = wanted
        .iter()
        .filter(|(name, value)| differs(name, value))
        .map(|(name, value)| (name.clone(), value.clone()))
        .collect();
    for set in kind.together() {
        if set.iter().any(|name| changes.contains_key(*name)) {
            let also = set.iter().filter_map(|name| Some(((*name).to_owned(), wanted.get(*name)?.clone())));
            changes.extend(also.collect::<Fields>());
        }
    }
    without_ends(kind, &changes, found)
}

/// Without the end of a field whose rival gets another value: a device may take such a null for "the default", and have
/// two of what it has one of. What the rival has not replaced is ended by itself, once the device shows it.
fn without_ends<K: Kind>(kind: K, changes: &Fields, found: &Fields) -> Fields {
    let differs = |name: &str, value: &Value| !value.is_null() && !K::is_same(name, value, found.get(name));
    let is_set = |name: &str| changes.get(name).is_some_and(|value| differs(name, value));
    let ends = |name: &str, value: &Value| value.is_null() && rivals(kind, name).any(is_set);
    let left = changes.iter().filter(|(name, value)| !ends(name, value));
    let inside = |(name, value): (&String, &Value)| match (value, found.get(name)) {
        (Value::Object(inner), Some(Value::Object(found))) => {
            (name.clone(), Value::Object(without_ends(kind, inner, found)))
        }
        (other, _) => (name.clone(), other.clone()),
    };
    left.map(inside).collect()
}

/// The end of all that the device shows and that excludes what is to be set: for one that has refused it.
pub(crate) fn ended_first<K: Kind>(kind: K, changes: &Fields, found: &Fields) -> Fields {
    let mut ends = Fields::new();
    for (name, value) in changes.iter().filter(|(_, value)| !value.is_null()) {
        if let (Value::Object(inner), Some(Value::Object(found))) = (value, found.get(name)) {
            let inside = ended_first(kind, inner, found);
            if !inside.is_empty() {
                ends.insert(name.clone(), Value::Object(inside));
            }
        }
        let stands = |rival: &&str| found.get(*rival).is_some_and(|value| !value.is_null());
        ends.extend(rivals(kind, name).filter(stands).map(|rival| (rival.to_owned(), Value::Null)));
    }
    ends
}
