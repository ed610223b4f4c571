//! Reading load balancers whole, what is held of them in memory, and reads that share a statement.

pub(crate) mod batch;
pub(crate) mod cache;
pub(crate) mod whole;
