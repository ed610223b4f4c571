//! REST and gRPC against the real gateway and scheduler on ports of their own, with an agent that the test plays.

mod agents;
mod grpc;
mod played;
mod refusals;
mod rest;
mod services;
mod vips;
