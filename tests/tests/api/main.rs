//! REST and gRPC against the real gateway and scheduler on ports of their own, with an agent that the test plays.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

mod agents;
mod ballast;
mod browser;
mod capabilities;
mod contract_attributes;
mod contract_http;
mod contract_lists;
mod contract_states;
mod contract_tempest;
mod contract_v2;
mod conversations;
mod dashboard;
mod deadlines;
mod events;
mod failover;
mod fuzzing;
mod grpc;
mod invariants;
mod libraries;
mod load;
mod long_lists;
mod moving;
mod networks;
mod neutron_command;
mod odd_texts;
mod openstack_command;
mod operate;
mod played;
mod plugs;
mod policy;
mod policy_v2;
mod quotas;
mod refusals;
mod requests;
mod rest;
mod schedulers;
mod services;
mod tokens;
mod traffic;
mod upgrades;
mod v2;
mod values;
mod vips;
