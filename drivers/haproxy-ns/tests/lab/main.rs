//! The driver in a lab: real links, real haproxy, real requests.

mod addresses;
mod confined;
mod crash;
pub(crate) mod datagrams;
mod filters;
mod first_check;
mod foreseen;
mod groups;
mod hang;
mod host;
mod listeners;
mod lost;
mod members;
mod moving;
mod neighbours;
mod networks;
mod planes;
mod policies;
mod projects;
mod refused;
mod routes;
mod shared;
mod sides;
mod silent;
mod slow;
mod switch;
mod tenants;
mod tls;
mod traffic;
mod world;

use std::{env, path::PathBuf};

use ballast_driver_haproxy_ns::Config;

/// Another version of it where `BALLAST_TEST_HAPROXY` names one.
fn haproxy() -> PathBuf {
    env::var_os("BALLAST_TEST_HAPROXY").map_or_else(|| Config::default().haproxy, PathBuf::from)
}
