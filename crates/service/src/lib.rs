//! What every Ballast process needs, and nothing of what any one of them does: configuration, telemetry, the clock,
//! shutdown, and setting up gRPC servers and clients.

pub mod address;
#[cfg(feature = "auth")]
pub mod auth;
pub mod background;
#[cfg(feature = "auth")]
pub mod caller;
pub mod chance;
pub mod clock;
pub mod config;
pub mod edge;
pub mod folder;
pub mod grpc;
#[cfg(feature = "http")]
pub mod http;
mod list;
mod manual;
pub mod metrics;
pub mod process;
pub mod rate;
pub mod schedulers;
pub mod secret;
pub mod shutdown;
pub mod sources;
pub mod streams;
pub mod supervisor;
pub mod telemetry;
pub mod tls;
pub mod traces;
