//! The protobuf surfaces of Ballast.
//!
//! - [`v1`]: `lbaas.v1`, what gateways and other clients call.
//! - [`agent`]: `lbaas.agent.v1`, between the scheduler and its agents.
//! - [`driver`]: `lbaas.driver.v1`, what crosses the boundary between an agent and a driver.
//!
//! With the feature `driver` alone there are only the messages of [`driver`], without tonic: that is what a vendor's
//! driver builds on. The feature `grpc` adds the services, their descriptors for reflection, and [`status`] and
//! [`convert`], the only places where the model's types and the wire's meet.

/// `lbaas.driver.v1`
pub mod driver {
    #![expect(clippy::all, clippy::pedantic, clippy::allow_attributes, clippy::allow_attributes_without_reason, reason = "generated")]
    #[cfg(feature = "grpc")]
    tonic::include_proto!("lbaas.driver.v1");
    #[cfg(not(feature = "grpc"))]
    include!(concat!(env!("OUT_DIR"), "/lbaas.driver.v1.rs"));
}
