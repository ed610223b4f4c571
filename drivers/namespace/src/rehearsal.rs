//! For tests of drivers: load balancers, and a model of a host that does the steps of a plan.

pub mod authority;
pub mod model;
pub mod samples;
