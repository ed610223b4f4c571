//! REST and gRPC against the real gateway and scheduler on ports of their own, with an agent that the test plays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod capabilities;
mod contract_attributes;
mod contract_http;
mod contract_lists;
mod contract_states;
mod contract_tempest;
mod deadlines;
mod events;
mod failover;
mod fuzzing;
mod grpc;
mod invariants;
mod load;
mod long_lists;
mod networks;
mod neutron_command;
mod odd_texts;
mod played;
mod plugs;
mod policy;
mod quotas;
mod refusals;
mod requests;
mod rest;
mod schedulers;
mod services;
mod tokens;
mod upgrades;
mod values;
mod vips;
