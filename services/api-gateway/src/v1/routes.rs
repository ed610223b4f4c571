//! The endpoints: one file for each resource, with its attribute map, its paths, and how it is shown. An endpoint
//! decodes, makes one call, and encodes.

pub(crate) mod agents;
pub(super) mod extensions;
pub(super) mod health_monitors;
pub(crate) mod members;
pub(super) mod networks;
pub(super) mod pool_health_monitors;
pub(crate) mod pools;
pub(super) mod ports;
pub(super) mod quotas;
pub(crate) mod service_providers;
pub(super) mod subnets;
pub(super) mod versions;
pub(super) mod vips;
