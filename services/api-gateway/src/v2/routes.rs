//! The endpoints: one file for each resource, with its attribute map, its paths, and how it is shown.

pub(super) mod amphorae;
pub(super) mod availability_zones;
pub(super) mod flavors;
mod health;
pub(super) mod health_monitors;
pub(super) mod l7policies;
pub(super) mod l7rules;
pub(super) mod listeners;
pub(super) mod load_balancers;
pub(super) mod members;
pub(super) mod neighbours;
pub(super) mod pools;
pub(super) mod profiles;
pub(super) mod providers;
pub(super) mod quotas;
pub(super) mod secrets;
mod stats;
mod statuses;
pub(super) mod versions;
