//! The protobuf surfaces of Ballast.
//!
//! - [`v2`]: `lbaas.v2`, what gateways and other clients call; [`v1`]: `lbaas.v1`, what they called before.
//! - [`agent`]: `lbaas.agent.v1`, between the scheduler and its agents.
//! - [`driver`]: `lbaas.driver.v1`, what crosses the boundary between an agent and a driver.
//!
//! With the feature `driver` alone there are only the messages of [`driver`], without tonic: that is what a vendor's
//! driver builds on. The feature `grpc` adds the services, their descriptors for reflection, and [`status`] and
//! [`convert`], the only places where the model's types and the wire's meet.

/// The generated code refers to its neighbours by their packages' names, so the modules nest as the packages do.
mod lbaas {
    #![allow(
        missing_docs,
        unreachable_pub,
        clippy::all,
        clippy::allow_attributes,
        clippy::allow_attributes_without_reason,
        clippy::large_futures,
        clippy::too_many_lines,
        clippy::unwrap_used,
        reason = "generated: which lints it meets varies with the schema"
    )]
    #[cfg(feature = "grpc")]
    pub mod v1 {
        include!(concat!(env!("OUT_DIR"), "/lbaas.v1.rs"));
    }
    #[cfg(feature = "grpc")]
    pub mod v2 {
        include!(concat!(env!("OUT_DIR"), "/lbaas.v2.rs"));
    }
    #[cfg(feature = "grpc")]
    pub mod agent {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/lbaas.agent.v1.rs"));
        }
    }
    pub mod driver {
        pub mod v1 {
            include!(concat!(env!("OUT_DIR"), "/lbaas.driver.v1.rs"));
        }
    }
}

pub use lbaas::driver::v1 as driver;
#[cfg(feature = "grpc")]
pub use lbaas::{agent::v1 as agent, v1, v2};

#[cfg(feature = "grpc")]
pub mod convert;
mod secrets;
#[cfg(feature = "grpc")]
pub mod status;
#[cfg(feature = "grpc")]
mod wiped;

/// The packages of the API that clients call.
#[cfg(feature = "grpc")]
pub const API_PACKAGES: [&str; 2] = ["lbaas.v1", "lbaas.v2"];

/// The descriptors of every file, for the reflection service.
#[cfg(feature = "grpc")]
pub const DESCRIPTORS: &[u8] = include_bytes!(concat!(env!("OUT_DIR"), "/descriptors.bin"));

/// It is not to be read in a log.
impl std::fmt::Debug for driver::SecretContent {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("SecretContent");
        shown.field("reference", &self.reference).field("digest", &self.digest).finish_non_exhaustive()
    }
}
