//! The whole of Ballast, in a lab: real processes, real namespaces, real haproxy, real clients.

mod a10;
mod failover;
mod fairness;
mod faults;
mod networks;
mod placement;
mod python;
mod refusals;
mod survival;
mod walkthrough;
mod walkthrough_grpc;
