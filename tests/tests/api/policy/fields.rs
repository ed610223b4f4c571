//! Every field that a request can have, and for each that takes an address, a MAC, a port or an id: who may put what
//! there. A new field without a line fails.

use std::collections::BTreeSet;

use ballast_proto::DESCRIPTORS;
use prost::Message as _;
use prost_types::{DescriptorProto, FileDescriptorSet, field_descriptor_proto::Type};
use serde_json::Value;

use super::{
    as_grpc,
    objects::{Whose, World},
};

/// A field, and what is tried: `WHO:WHOSE.VALUE=STATUS`. WHOSE is of the network, pool or monitor; the request is about
/// what is the caller's own, as far as it can be. `-`: it names nobody's.
const TABLE: &str = "
create_pool.tenant_id            alice:own.project=201 alice:foreign.project=400 admin:foreign.project=201
create_pool.subnet_id            alice:own.id=201 alice:foreign.id=404 alice:shared.id=201 admin:foreign.id=201
create_pool.health_monitors      -
create_pool.provider             -
update_pool.health_monitors      -
create_pool_health_monitor.id    alice:own.id=201 alice:foreign.id=404 admin:foreign.id=201
create_pool_health_monitor.tenant_id alice:own.project=201
create_vip.tenant_id             alice:own.project=201 alice:foreign.project=400
create_vip.subnet_id             alice:own.id=201 alice:foreign.id=404 alice:shared.id=201 admin:foreign.id=201
create_vip.pool_id               alice:own.id=201 alice:foreign.id=404
create_vip.address               alice:own.offered=201 alice:own.withheld=201 alice:own.outside=400
create_vip.address               alice:shared.offered=201 alice:shared.withheld=403 admin:shared.withheld=201
create_vip.protocol_port         alice:own.port=201
update_vip.pool_id               alice:own.id=200 alice:foreign.id=404
create_member.tenant_id          alice:own.project=201 alice:foreign.project=400
create_member.pool_id            alice:own.id=201 alice:foreign.id=404
create_member.address            alice:own.anywhere=201
create_member.protocol_port      alice:own.port=201
update_member.pool_id            alice:own.id=200 alice:foreign.id=404
create_health_monitor.tenant_id  alice:own.project=201 alice:foreign.project=400
create_network.tenant_id         alice:own.project=201 alice:foreign.project=400
create_network.provider:physical_network alice:own.text=403 admin:own.text=400
create_network.provider:segmentation_id  alice:own.number=403
create_network.provider:network_type     alice:own.text=403
create_network.shared            -
update_network.shared            -
create_subnet.tenant_id          alice:own.project=201 alice:foreign.project=400
create_subnet.network_id         alice:own.id=201 alice:foreign.id=404 alice:shared.id=404 admin:foreign.id=201
create_subnet.cidr               -
create_subnet.gateway_ip         -
create_subnet.allocation_pools   -
create_subnet.host_routes        -
create_subnet.dns_nameservers    -
update_subnet.gateway_ip         alice:own.gateway=200 alice:foreign.gateway=404 alice:shared.gateway=404
update_subnet.allocation_pools   alice:own.inside=200 alice:foreign.inside=404 alice:shared.inside=404
update_subnet.host_routes        alice:own.inside=200 alice:foreign.inside=404 alice:shared.inside=404
update_subnet.dns_nameservers    alice:own.anywhere=200 alice:foreign.anywhere=404 alice:shared.anywhere=404
create_port.tenant_id            alice:own.project=201 alice:foreign.project=400
create_port.network_id           alice:own.id=201 alice:foreign.id=404 alice:shared.id=201 admin:foreign.id=201
create_port.mac_address          alice:own.mac=201 alice:shared.mac=403 admin:shared.mac=201
create_port.fixed_ips.subnet_id  alice:own.id=201 alice:shared.id=403 admin:shared.id=201
create_port.fixed_ips.ip_address alice:own.offered=201 alice:own.withheld=201 alice:shared.offered=403
create_port.fixed_ips.ip_address alice:shared.withheld=403 admin:shared.withheld=201
create_port.binding:host_id      alice:own.text=403 admin:own.text=201
create_port.device_id            -
create_port.device_owner         -
create_port.security_groups      -
create_port.allowed_address_pairs -
create_port.binding:vnic_type    -
create_port.binding:profile      -
create_port.extra_dhcp_opts      -
update_port.mac_address          alice:own.mac=403 admin:own.mac=200
update_port.fixed_ips.subnet_id  alice:own.id=200 alice:shared.id=403
update_port.fixed_ips.ip_address alice:own.withheld=200 alice:shared.offered=403 alice:shared.withheld=403
update_port.device_id            -
update_port.device_owner         -
update_port.security_groups      -
update_port.allowed_address_pairs -
update_port.binding:profile      -
update_port.extra_dhcp_opts      -
";

/// Texts, numbers and switches of an object itself.
const OF_ITSELF: [&str; 35] = [
    "admin_state_up",
    "connection_limit",
    "cookie_name",
    "delay",
    "description",
    "enable_dhcp",
    "expected_codes",
    "health_monitor",
    "healthmonitor",
    "http_method",
    "ip_version",
    "ipv6_address_mode",
    "ipv6_ra_mode",
    "lb_method",
    "max_retries",
    "member",
    "mtu",
    "name",
    "network",
    "pool",
    "port",
    "protocol",
    "router:external",
    "subnet",
    "timeout",
    "type",
    "url_path",
    "vip",
    "weight",
    "network_type",
    "shared",
    "provider",
    "device_id",
    "device_owner",
    "quota",
];

/// Fields of gRPC that REST has no counterpart of, and why nothing can be done with them.
const OF_GRPC: &str = "
*.id                     the object itself: the policy of its method
*.project_id             tenant_id
*.request_id             of the caller's own creates alone
*.status                 told, never taken
*.status_description     told, never taken
Pool.vip_id              told, never taken
Pool.member_ids          told, never taken
Vip.port_id              told, never taken
Member.status            told, never taken
MonitorStatus.monitor_id told, never taken
MonitorStatus.pool_id    told, never taken
Network.subnet_ids       told, never taken
Agent.host               told, never taken
Agent.version            told, never taken
Agent.zone               told, never taken
Agent.unclaimed          told, never taken
Agent.unclaimed_ids      told, never taken
AgentDriver.name         told, never taken
AgentDriver.version      told, never taken
AgentDriver.state        told, never taken
AgentDriver.reason       told, never taken
AgentDriver.features     told, never taken
AgentDriver.network_types told, never taken
AgentDriver.physical_networks told, never taken
AgentDriver.remarks      told, never taken
Agent.load_balancers     told, never taken
Emptying.moving          told, never taken
Staying.why              told, never taken
Staying.load_balancers   told, never taken
Staying.load_balancer_ids told, never taken
AgentDriver.load_balancers told, never taken
AgentDriver.max_members  told, never taken
";

/// A field, and what is tried.
pub(super) struct Row {
    pub(super) field: &'static str,
    pub(super) tries: Vec<Try>,
}

/// Who puts what of whose there, and the status of the answer.
pub(super) struct Try {
    pub(super) who: &'static str,
    pub(super) whose: Whose,
    pub(super) value: &'static str,
    pub(super) status: u16,
}

pub(super) fn rows() -> impl Iterator<Item = Row> {
    TABLE.lines().filter(|line| !line.is_empty()).map(|line| {
        let mut words = line.split_whitespace();
        let field = words.next().unwrap();
        let one = |word: &'static str| {
            let (who, rest) = word.split_once(':').unwrap();
            let ((whose, value), status) = rest.split_once('=').map(|(a, b)| (a.split_once('.').unwrap(), b)).unwrap();
            let whose = match whose {
                "own" => Whose::Own,
                "foreign" => Whose::Foreign,
                "shared" => Whose::Shared,
                other => panic!("whose is '{other}'?"),
            };
            Try { who, whose, value, status: status.parse().unwrap() }
        };
        Row { field, tries: words.filter(|word| *word != "-").map(one).collect() }
    })
}

/// The fields of a body, those of objects in it by both names.
fn fields(document: &Value, schema: &Value, prefix: &str, found: &mut BTreeSet<String>) {
    let schema = match schema["$ref"].as_str() {
        Some(reference) => document.pointer(reference.trim_start_matches('#')).unwrap(),
        None => schema,
    };
    let schema = if schema["oneOf"].is_array() { &schema["oneOf"][0] } else { schema };
    let schema = if schema["items"].is_object() { &schema["items"] } else { schema };
    match schema["properties"].as_object().filter(|properties| !properties.is_empty()) {
        Some(properties) => {
            for (name, property) in properties {
                let name = if prefix.is_empty() { name.clone() } else { format!("{prefix}.{name}") };
                fields(document, property, &name, found);
            }
        }
        None => drop(found.insert(prefix.to_owned())),
    }
}

pub(super) fn leaf(field: &str) -> &str {
    field.rsplit('.').next().unwrap_or(field)
}

#[tokio::test]
async fn every_field_of_every_request_has_its_rule() {
    let world = World::make().await;
    let document = world.services.get("/openapi.json").await;
    let mut asked = BTreeSet::new();
    for methods in document["paths"].as_object().unwrap().values() {
        for operation in methods.as_object().unwrap().values().filter(|operation| operation["requestBody"].is_object())
        {
            let schema = &operation["requestBody"]["content"]["application/json"]["schema"];
            let mut found = BTreeSet::new();
            fields(&document, schema, "", &mut found);
            // Without the wrapper.
            let inner = found.iter().filter_map(|field| Some(field.split_once('.')?.1));
            asked.extend(inner.map(|field| format!("{}.{field}", operation["operationId"].as_str().unwrap())));
        }
    }
    assert!(asked.len() > 90, "{}", asked.len());
    let known: BTreeSet<String> = rows().map(|row| row.field.to_owned()).collect();
    let of_itself = |field: &&String| OF_ITSELF.contains(&leaf(field));
    let unknown: Vec<_> = asked.difference(&known).filter(|field| !of_itself(field)).collect();
    assert!(unknown.is_empty(), "say in the table who may put what into {unknown:?}");
    let gone: Vec<_> = known.difference(&asked).collect();
    assert!(gone.is_empty(), "{gone:?} are no fields of a request");
}

#[test]
fn every_field_of_grpc_is_one_of_rests_or_says_why_not() {
    let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
    let ours: Vec<DescriptorProto> =
        files.into_iter().filter(|file| file.package() == "lbaas.v1").flat_map(|file| file.message_type).collect();
    let named = |name: &str| ours.iter().find(|message| message.name() == name);
    let mut open: Vec<&DescriptorProto> =
        ["Pool", "Vip", "Member", "HealthMonitor", "Network", "Subnet", "Port", "Quota", "Agent"]
            .map(|name| named(name).unwrap())
            .into();
    let (mut seen, mut unknown) = (BTreeSet::new(), Vec::new());
    let rest: BTreeSet<&str> = rows().map(|row| as_grpc::named(leaf(row.field))).collect();
    while let Some(message) = open.pop() {
        if !seen.insert(message.name().to_owned()) {
            continue;
        }
        for field in &message.field {
            if let Some(inner) = named(leaf(field.type_name())) {
                open.push(inner);
            }
            if !matches!(field.r#type(), Type::String | Type::Int32 | Type::Uint32) {
                continue;
            }
            let as_in_rest = match field.name() {
                "health_monitor_id" => "id",
                "start" | "end" => "allocation_pools",
                "destination" | "next_hop" => "host_routes",
                other => other,
            };
            let told = OF_GRPC.lines().filter_map(|line| line.split_whitespace().next());
            let (own, any) = (format!("{}.{}", message.name(), field.name()), format!("*.{}", field.name()));
            if !rest.contains(as_in_rest)
                && !OF_ITSELF.contains(&field.name())
                && !told.into_iter().any(|known| known == own || known == any)
            {
                unknown.push(own);
            }
        }
    }
    assert!(seen.len() > 10, "{seen:?}");
    assert!(unknown.is_empty(), "say in the tables who may put what into {unknown:?}");
}
