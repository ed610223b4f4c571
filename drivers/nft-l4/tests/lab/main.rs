//! The driver in a lab: real links, real rules, real packets.

mod datagrams;
mod health;
mod lost;
mod moving;
mod network;
mod sctp;
mod silent;
mod streams;
mod tools;
mod world;
