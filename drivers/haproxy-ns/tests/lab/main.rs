//! The driver in a lab: real links, real haproxy, real requests.

mod crash;
mod first_check;
mod groups;
mod hang;
mod host;
mod lost;
mod neighbours;
mod routes;
mod slow;
mod tenants;
mod traffic;
mod world;
