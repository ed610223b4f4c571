//! The whole of Ballast, in a lab: real processes, real namespaces, real haproxy, real clients.

mod blamed;
mod command;
mod connections;
mod devices;
mod failover;
mod fairness;
mod faults;
mod files;
mod first_check;
mod health;
mod kernel;
mod keystone;
mod moving;
mod networks;
mod neutron;
mod placement;
mod python;
mod refusals;
mod secrets;
mod survival;
mod tempest;
mod tls;
mod tokens;
mod upgrades;
mod walkthrough;
mod walkthrough_grpc;
