//! REST and gRPC against the real gateway and scheduler on ports of their own, with an agent that the test plays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod grpc;
mod played;
mod refusals;
mod rest;
mod services;
mod vips;
