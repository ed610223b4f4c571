//! How often what is repeated in a request may be repeated: each field of each message that can be sent has its line.

/// For what clients send back as they read it, and nobody looks at.
const IGNORED: usize = 100_000;

/// Message, field, how many.
pub(super) const BOUNDS: &[(&str, &str, usize)] = &[
    ("google.protobuf.FieldMask", "paths", 100),
    ("lbaas.v1.ListRequest", "filters", 30),
    ("lbaas.v1.ListRequest", "sorts", 100),
    ("lbaas.v1.Filter", "values", 2_000),
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
    ("lbaas.v1.Emptying", "staying", IGNORED),
    ("lbaas.v1.Staying", "load_balancer_ids", IGNORED),
    ("lbaas.v1.Agent", "unclaimed_ids", IGNORED),
    ("lbaas.v1.AgentDriver", "network_types", IGNORED),
    ("lbaas.v1.AgentDriver", "physical_networks", IGNORED),
    ("lbaas.v1.AgentDriver", "remarks", IGNORED),
    ("lbaas.v2.ListRequest", "filters", 30),
    ("lbaas.v2.ListRequest", "sorts", 100),
    ("lbaas.v2.ListRequest", "tags", 100),
    ("lbaas.v2.ListRequest", "tags_any", 100),
    ("lbaas.v2.ListRequest", "not_tags", 100),
    ("lbaas.v2.ListRequest", "not_tags_any", 100),
    ("lbaas.v2.Filter", "values", 2_000),
    ("lbaas.v2.WatchRequest", "kinds", 100),
    ("lbaas.v2.WatchRequest", "ids", 1_000),
    ("lbaas.v2.ListStatsRequest", "ids", 1_000),
    // What one load balancer may have of each is the model's to say; of rules it lets through fewer.
    ("lbaas.v2.LoadBalancer", "listeners", 500),
    ("lbaas.v2.LoadBalancer", "pools", 500),
    ("lbaas.v2.Listener", "l7policies", 1_000),
    ("lbaas.v2.L7Policy", "rules", 100),
    ("lbaas.v2.Pool", "members", 10_000),
    ("lbaas.v2.ReplaceMembersRequest", "members", 10_000),
    ("lbaas.v2.ReplaceMembersRequest", "given", 10_000),
    // A tag that is there twice is one.
    ("lbaas.v2.LoadBalancer", "tags", 200),
    ("lbaas.v2.Listener", "tags", 200),
    ("lbaas.v2.Pool", "tags", 200),
    ("lbaas.v2.Member", "tags", 200),
    ("lbaas.v2.HealthMonitor", "tags", 200),
    ("lbaas.v2.L7Policy", "tags", 200),
    ("lbaas.v2.L7Rule", "tags", 200),
    ("lbaas.v2.LoadBalancer", "additional_vips", 100),
    ("lbaas.v2.LoadBalancer", "vip_sg_ids", 100),
    ("lbaas.v2.Listener", "insert_headers", 100),
    ("lbaas.v2.Listener", "allowed_cidrs", 1_000),
    ("lbaas.v2.ListenerTls", "sni_container_refs", 1_000),
    ("lbaas.v2.ListenerTls", "versions", 100),
    ("lbaas.v2.ListenerTls", "alpn_protocols", 100),
    ("lbaas.v2.PoolTls", "versions", 100),
    ("lbaas.v2.PoolTls", "alpn_protocols", 100),
    ("lbaas.v2.Certificate", "names", IGNORED),
    // How many there may be is the model's to say.
    ("lbaas.v2.Acme", "domains", 200),
    ("lbaas.v2.LoadBalancer", "listener_ids", IGNORED),
    ("lbaas.v2.LoadBalancer", "pool_ids", IGNORED),
    ("lbaas.v2.Listener", "l7policy_ids", IGNORED),
    ("lbaas.v2.Pool", "listener_ids", IGNORED),
    ("lbaas.v2.Pool", "member_ids", IGNORED),
    ("lbaas.v2.HealthMonitor", "pool_ids", IGNORED),
    ("lbaas.v2.L7Policy", "rule_ids", IGNORED),
];

/// Of a field that has no line: a test fails for it.
const OTHERS: usize = 10;

pub(super) fn bound(message: &str, field: &str) -> usize {
    let line = BOUNDS.iter().find(|(of, name, _)| (*of, *name) == (message, field));
    line.map_or(OTHERS, |(_, _, bound)| *bound)
}
