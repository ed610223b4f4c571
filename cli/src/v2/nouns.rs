//! The nouns, one a file: what an object can be given and which columns a list has.

mod certificates;
mod flavors;
mod l7policies;
mod listeners;
mod load_balancers;
mod members;
mod monitors;
mod networks;
mod pools;
mod providers;
mod quotas;
mod secrets;
mod zones;

pub(super) use l7policies::{
    COLLECTION as L7_POLICIES, NOUN as L7_POLICY, RULE_COLLECTION as L7_RULES, RULES as L7_RULE,
};
pub(super) use listeners::{COLLECTION as LISTENERS, NOUN as LISTENER};
pub(super) use load_balancers::{COLLECTION as LOAD_BALANCERS, NOUN as LOAD_BALANCER};
pub(super) use members::{COLLECTION as MEMBERS, NOUN as MEMBER};
pub(super) use monitors::{COLLECTION as MONITORS, NOUN as MONITOR};
pub(super) use pools::{COLLECTION as POOLS, NOUN as POOL};

use super::noun::Noun;

/// In the order of the help.
pub(super) const ALL: &[&Noun] = &[
    &load_balancers::NOUN,
    &listeners::NOUN,
    &pools::NOUN,
    &members::NOUN,
    &monitors::NOUN,
    &l7policies::NOUN,
    &certificates::NOUN,
    &secrets::NOUN,
    &networks::NETWORK,
    &networks::SUBNET,
    &quotas::NOUN,
    &flavors::NOUN,
    &zones::NOUN,
    &providers::NOUN,
];
