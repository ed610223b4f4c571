//! The driver in a lab: real links, real haproxy, real requests.

mod crash;
mod host;
mod traffic;
mod world;
