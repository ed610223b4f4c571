//! How often what is repeated in a request may be repeated: each field of each message that can be sent has its line.

/// For what clients send back as they read it, and nobody looks at.
const IGNORED: usize = 100_000;

/// Message, field, how many.
pub(super) const BOUNDS: &[(&str, &str, usize)] = &[
    ("lbaas.v1.ListRequest", "filters", 30),
    ("lbaas.v1.ListRequest", "sorts", 100),
    ("lbaas.v1.Filter", "values", 2_000),
    ("google.protobuf.FieldMask", "paths", 100),
    ("lbaas.v1.WatchRequest", "kinds", 100),
    ("lbaas.v1.Subnet", "allocation_pools", 100),
    ("lbaas.v1.Subnet", "host_routes", 100),
    ("lbaas.v1.Subnet", "dns_nameservers", 100),
    ("lbaas.v1.FixedIps", "fixed_ips", 100),
    ("lbaas.v1.Pool", "member_ids", IGNORED),
    ("lbaas.v1.Pool", "health_monitors", IGNORED),
    ("lbaas.v1.HealthMonitor", "pools", IGNORED),
    ("lbaas.v1.Network", "subnet_ids", IGNORED),
    ("lbaas.v1.Agent", "drivers", IGNORED),
    ("lbaas.v1.AgentDriver", "features", IGNORED),
    ("lbaas.v1.AgentDriver", "network_types", IGNORED),
    ("lbaas.v1.AgentDriver", "physical_networks", IGNORED),
];

/// Of a field that has no line: a test fails for it.
const OTHERS: usize = 10;

pub(super) fn bound(message: &str, field: &str) -> usize {
    let line = BOUNDS.iter().find(|(of, name, _)| (*of, *name) == (message, field));
    line.map_or(OTHERS, |(_, _, bound)| *bound)
}
