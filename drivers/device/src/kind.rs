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
    changes
}
