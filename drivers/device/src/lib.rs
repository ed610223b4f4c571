//! What drivers for a vendor's device have in common, whatever the device speaks over HTTP.
//!
//! A vendor is two traits, [`Wire`] (its sessions and replies) and [`Vendor`] (its objects), and [`DeviceDriver`] makes a
//! driver of them. One call is one session, and a deploy is a few passes of: look at the tenant's whole partition, say
//! what it should have ([`Vendor::draw`], pure), compare ([`plan()`], pure), send the difference, and look again until there
//! is no difference. So a second deploy, a repair after a lost reply and a first deploy are the same pass.
//!
//! Nothing may be written before the device itself has said that the session is in the tenant's partition (module
//! [`session`]), nothing that Ballast did not make may be changed, and no password and no private key may reach a log, an error
//! or a file (module [`secrets`]).
//!
//! This crate is linked into drivers, and knows no vendor.

mod appliance;
mod batch;
mod client;
mod config;
mod counters;
mod credentials;
mod desired;
mod driver;
mod execute;
mod failure;
mod foresee;
mod kind;
mod locks;
mod look;
mod looks;
mod marker;
pub mod names;
mod object;
mod partitions;
pub mod plan;
mod report;
mod secrets;
pub mod session;
mod sessions;
mod state;
pub mod tls;
mod unsaved;
mod vendor;
mod weights;

pub use client::{RESERVED, Request, Verdict, encoded};
pub use config::{Config, refuse};
pub use counters::Totals;
pub use credentials::Credentials;
pub use desired::{Desired, DeviceMember, Draft, Present, desired};
pub use driver::DeviceDriver;
pub use failure::Failure;
pub use foresee::foreseen;
pub use kind::Kind;
pub use marker::Marker;
pub use object::{Child, Fields, Key, Objects, fields};
pub use partitions::Partition;
pub use percent_encoding::AsciiSet;
pub use plan::{Step, Wanted, plan};
pub use report::Reading;
pub use secrets::{Facts, Files, Form, Known, Piece, Upload};
pub use session::Session;
pub use state::Listed;
pub use vendor::{Here, Vendor, Wire};
