//! Devices of other companies, played over real HTTP, so that drivers can be tested without an appliance.
//!
//! A [`Device`] is state and rules without transport; a [`Simulator`] puts it behind a socket and adds what every test
//! needs, whatever the device: a [`Clock`] that the test moves, [`Faults`] at chosen requests, a [`Journal`] of all that
//! was asked, and the [`Health`] of the servers behind it. Tests start one on port 0 and hold it; the program
//! `ballast-simulator` serves one to other processes, with the same levers under `/_simulator/` (module [`control`]).
//!
//! A simulator is no load balancer: no traffic passes through it. What a device would answer is taken from vendors'
//! published schemas, clients and traces; where those say nothing the module that assumes it says so.

pub mod a10;
mod body;
pub mod clock;
pub mod control;
pub mod device;
pub mod faults;
pub mod health;
pub mod http;
pub mod journal;
pub mod netscaler;
pub mod radware;
mod serve;
mod sessions;
pub mod simulator;
pub mod tls;

pub use clock::Clock;
pub use device::{Caller, Device, Refusal, Traffic, World};
pub use faults::{Fault, Faults, Kind};
pub use health::Health;
pub use http::{Reply, Request};
pub use journal::{Entry, Journal};
pub use simulator::{Options, Simulator};
