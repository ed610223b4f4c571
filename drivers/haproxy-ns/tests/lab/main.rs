//! The driver in a lab: real links, real haproxy, real requests.

mod host;
mod traffic;
mod world;
