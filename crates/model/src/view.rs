//! How versions of the API see a load balancer.

pub mod v1;
