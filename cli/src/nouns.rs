//! The nouns of LBaaS v1 and agents, one a file: where its objects are and which columns a list has.

pub(crate) mod agents;
pub(crate) mod members;
pub(crate) mod monitors;
pub(crate) mod pools;
pub(crate) mod vips;
