//! What the system tests and benches share: real services as real processes in a lab, and clients of them.
//!
//! A [`site::Site`] is a small deployment: scheduler and gateway, hosts with an agent each, a client host and web
//! servers. Nothing here decides what is right; the tests do.

pub mod barbican;
pub mod collector;
pub mod history;
pub mod keystone;
pub mod letter;
pub mod metrics;
pub mod neutron;
pub mod neutron_server;
pub mod openstack;
pub mod pki;
pub mod played_neutron;
pub mod postgres_server;
pub mod programs;
pub mod rest;
pub mod secret;
pub mod several;
pub mod site;
pub mod switch;

/// How long a test waits for something that takes a moment. Long, because CI's machines are small and shared.
pub const PATIENCE: std::time::Duration = std::time::Duration::from_secs(30);
