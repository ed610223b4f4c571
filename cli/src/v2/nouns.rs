//! The nouns, one a file: what an object can be given and which columns a list has.

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
mod zones;

use super::noun::Noun;

/// In the order of the help.
pub(super) const ALL: &[&Noun] = &[
    &load_balancers::NOUN,
    &listeners::NOUN,
    &pools::NOUN,
    &members::NOUN,
    &monitors::NOUN,
    &l7policies::NOUN,
    &quotas::NOUN,
    &flavors::NOUN,
    &zones::NOUN,
    &providers::NOUN,
];
