//! The library in labs: real namespaces, the real nf_tables, real packets.

mod admission;
mod changes;
mod choice;
mod cost;
mod filters;
mod probes;
mod sctp;
mod shown;
mod wire;
mod world;
