//! The whole of Ballast, in a lab: real processes, real namespaces, real haproxy, real clients.

mod fairness;
mod placement;
mod refusals;
mod survival;
mod walkthrough;
