//! How much an agent may say: every text and every repeated field of its messages has a line here.

use ballast_model::told::LONGEST;
use ballast_proto::{
    agent::{DriverReport, Foreseen, agent_message::Message},
    driver::PoolStatistics,
};

/// What bounds a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Bound {
    /// It is kept as one line of at most [`LONGEST`] characters.
    Told,
    /// It is read as an id, and dropped when it is none.
    Id,
    /// Nobody reads it.
    Ignored,
    /// So many bytes; a message with more is dropped, and a Hello refused.
    Length(usize),
    /// So many of them; a message with more is dropped, and a Hello refused.
    Count(usize),
    /// So many bytes; more are not looked at, and the rest of the message counts.
    Content(usize),
}

const DRIVERS: usize = 256;
const FEATURES: usize = 1_000;
/// Of load balancers of one agent, of members and other objects of one load balancer.
const OBJECTS: usize = 100_000;
/// Of a preview: each is kept as one line.
const STEPS: usize = 1_000;
const CONFIGURATION: usize = 1 << 20;
const NAME: usize = 4 * LONGEST;
/// Of what a driver hands over.
const HANDOVER: usize = 1 << 20;

const BOUNDS: [(&str, &str, Bound); 68] = [
    ("Hello", "host", Bound::Told),
    ("Hello", "instance_id", Bound::Length(NAME)),
    ("Hello", "version", Bound::Told),
    ("Hello", "cluster_id", Bound::Length(NAME)),
    ("Hello", "zone", Bound::Told),
    ("Hello", "deployed", Bound::Count(OBJECTS)),
    ("Hello", "drivers", Bound::Count(DRIVERS)),
    ("Hello", "passes", Bound::Count(FEATURES)),
    ("Deployed", "load_balancer_id", Bound::Ignored),
    ("Deployed", "driver", Bound::Ignored),
    ("DriverReport", "name", Bound::Told),
    ("DriverReport", "version", Bound::Told),
    ("DriverReport", "digest", Bound::Ignored),
    ("DriverReport", "reason", Bound::Told),
    ("Capabilities", "features", Bound::Count(FEATURES)),
    ("Capabilities", "network_types", Bound::Count(FEATURES)),
    ("Capabilities", "physical_networks", Bound::Count(FEATURES)),
    ("Capabilities", "remarks", Bound::Count(FEATURES)),
    ("Capabilities", "flavor_options", Bound::Count(FEATURES)),
    ("Capabilities", "availability_zone_options", Bound::Count(FEATURES)),
    ("Capabilities", "namespaces", Bound::Ignored),
    ("AddressConflict", "load_balancer_id", Bound::Id),
    ("AddressConflict", "address", Bound::Id),
    ("AddressConflict", "mac", Bound::Told),
    ("Standing", "load_balancer_id", Bound::Id),
    ("DriverOption", "name", Bound::Told),
    ("DriverOption", "description", Bound::Told),
    ("Heartbeat", "drivers", Bound::Count(DRIVERS)),
    ("Heartbeat", "unclaimed_ids", Bound::Count(OBJECTS)),
    ("Outcome", "load_balancer_id", Bound::Id),
    ("Outcome", "faults", Bound::Count(OBJECTS)),
    ("Outcome", "traceparent", Bound::Id),
    ("ObjectFault", "object_id", Bound::Id),
    ("Fault", "message", Bound::Told),
    ("Fault", "detail", Bound::Ignored),
    ("Fault", "object_id", Bound::Id),
    ("Waiting", "load_balancer_id", Bound::Id),
    ("SecretsWanted", "load_balancer_id", Bound::Id),
    ("SecretsWanted", "secrets", Bound::Count(OBJECTS)),
    ("Secret", "reference", Bound::Length(NAME)),
    ("Secret", "digest", Bound::Length(NAME)),
    ("Removed", "load_balancer_id", Bound::Id),
    ("Removed", "traceparent", Bound::Id),
    ("Removed", "listeners", Bound::Count(OBJECTS)),
    ("Removed", "pools", Bound::Count(OBJECTS)),
    ("Handover", "driver", Bound::Told),
    ("Handover", "content", Bound::Content(HANDOVER)),
    ("Preview", "steps", Bound::Count(STEPS)),
    ("Preview", "configuration", Bound::Length(CONFIGURATION)),
    ("Preview", "faults", Bound::Count(OBJECTS)),
    ("HealthReport", "load_balancers", Bound::Count(OBJECTS)),
    ("HealthReport", "answers", Bound::Count(OBJECTS)),
    ("LoadBalancerHealth", "load_balancer_id", Bound::Id),
    ("LoadBalancerHealth", "members", Bound::Count(OBJECTS)),
    ("LoadBalancerHealth", "listeners", Bound::Count(OBJECTS)),
    ("ListenerHealth", "listener_id", Bound::Id),
    ("MemberHealth", "pool_id", Bound::Ignored),
    ("MemberHealth", "member_id", Bound::Id),
    ("CheckAnswer", "result", Bound::Told),
    ("CheckAnswer", "text", Bound::Told),
    ("StatisticsReport", "load_balancers", Bound::Count(OBJECTS)),
    ("LoadBalancerStatistics", "load_balancer_id", Bound::Id),
    ("LoadBalancerStatistics", "listeners", Bound::Count(OBJECTS)),
    ("LoadBalancerStatistics", "pools", Bound::Count(OBJECTS)),
    ("ListenerStatistics", "listener_id", Bound::Id),
    ("PoolStatistics", "pool_id", Bound::Id),
    ("PoolStatistics", "members", Bound::Count(OBJECTS)),
    ("MemberStatistics", "member_id", Bound::Id),
];

fn within(of: &str, field: &str, length: usize) -> Result<(), String> {
    let line = BOUNDS.iter().find(|line| (line.0, line.1) == (of, field));
    match line.map(|line| line.2) {
        Some(Bound::Count(most) | Bound::Length(most)) if length > most => {
            Err(format!("{of}.{field} is {length} long, and may be {most}"))
        }
        _ => Ok(()),
    }
}

fn drivers(of: &str, drivers: &[DriverReport]) -> Result<(), String> {
    within(of, "drivers", drivers.len())?;
    let mut capabilities = drivers.iter().filter_map(|driver| driver.capabilities.as_ref());
    capabilities.try_for_each(|can| {
        let mut counted = [
            ("features", can.features.len()),
            ("network_types", can.network_types.len()),
            ("physical_networks", can.physical_networks.len()),
            ("remarks", can.remarks.len()),
            ("flavor_options", can.flavor_options.len()),
            ("availability_zone_options", can.availability_zone_options.len()),
        ]
        .into_iter();
        counted.try_for_each(|(field, count)| within("Capabilities", field, count))
    })
}

/// Of a load balancer's counters.
fn counters(of: &str, listeners: usize, pools: &[PoolStatistics]) -> Result<(), String> {
    within(of, "listeners", listeners)?;
    within(of, "pools", pools.len())?;
    let mut members = pools.iter().map(|pool| pool.members.len());
    members.try_for_each(|count| within("PoolStatistics", "members", count))
}

/// # Errors
/// The field that is too long, and its bound.
pub(super) fn check(message: &Message) -> Result<(), String> {
    match message {
        Message::Hello(hello) => {
            within("Hello", "instance_id", hello.instance_id.len())?;
            within("Hello", "cluster_id", hello.cluster_id.len())?;
            within("Hello", "deployed", hello.deployed.len())?;
            within("Hello", "passes", hello.passes.len())?;
            drivers("Hello", &hello.drivers)
        }
        Message::Heartbeat(heartbeat) => {
            within("Heartbeat", "unclaimed_ids", heartbeat.unclaimed_ids.len())?;
            drivers("Heartbeat", &heartbeat.drivers)
        }
        Message::SecretsWanted(wanted) => {
            within("SecretsWanted", "secrets", wanted.secrets.len())?;
            wanted.secrets.iter().try_for_each(|secret| {
                within("Secret", "reference", secret.reference.len())?;
                within("Secret", "digest", secret.digest.len())
            })
        }
        Message::Outcome(outcome) => within("Outcome", "faults", outcome.faults.len()),
        Message::Foreseen(Foreseen { preview, .. }) => preview.as_ref().map_or(Ok(()), |preview| {
            within("Preview", "steps", preview.steps.len())?;
            within("Preview", "configuration", preview.configuration.len())?;
            within("Preview", "faults", preview.faults.len())
        }),
        Message::Health(report) => {
            within("HealthReport", "load_balancers", report.load_balancers.len())?;
            within("HealthReport", "answers", report.answers.len())?;
            report.load_balancers.iter().chain(&report.answers).try_for_each(|one| {
                within("LoadBalancerHealth", "members", one.members.len())?;
                within("LoadBalancerHealth", "listeners", one.listeners.len())
            })
        }
        Message::Statistics(report) => {
            within("StatisticsReport", "load_balancers", report.load_balancers.len())?;
            let mut all = report.load_balancers.iter();
            all.try_for_each(|one| counters("LoadBalancerStatistics", one.listeners.len(), &one.pools))
        }
        Message::Removed(removed) => counters("Removed", removed.listeners.len(), &removed.pools),
        Message::Waiting(_) | Message::AddressConflict(_) | Message::Standing(_) => Ok(()),
    }
}

/// This content, or nothing where it is longer than it may be.
pub(super) fn content(of: &str, field: &str, content: Vec<u8>) -> Vec<u8> {
    let is_own = |line: &&(&str, &str, Bound)| (line.0, line.1) == (of, field);
    match BOUNDS.iter().find(is_own).map(|line| line.2) {
        Some(Bound::Content(most)) if content.len() <= most => content,
        _ => {
            tracing::error!("dropped {of}.{field} of this agent: {} bytes are more than it may be", content.len());
            Vec::new()
        }
    }
}

#[cfg(test)]
mod tests {
    use std::collections::{BTreeSet, HashMap};

    use ballast_proto::{
        DESCRIPTORS,
        agent::{
            Deployed, HealthReport, Heartbeat, Hello, ListenerHealth, ListenerStatistics, LoadBalancerHealth,
            LoadBalancerStatistics, Outcome, Removed, SecretsWanted, StatisticsReport,
        },
        driver::{Capabilities, DriverOption, MemberHealth, MemberStatistics, ObjectFault, Preview, Secret},
    };
    use prost::Message as _;
    use prost_types::{
        DescriptorProto, FileDescriptorSet,
        field_descriptor_proto::{Label, Type},
    };

    use super::*;

    /// Every text and every repeated field that an agent can send.
    fn fields() -> BTreeSet<(String, String)> {
        let files = FileDescriptorSet::decode(DESCRIPTORS).unwrap().file;
        let of_file = |file: &prost_types::FileDescriptorProto| {
            let package = file.package().to_owned();
            let named = move |message: DescriptorProto| (format!(".{package}.{}", message.name()), message);
            file.message_type.clone().into_iter().map(named)
        };
        let known: HashMap<String, DescriptorProto> = files.iter().flat_map(of_file).collect();
        let (mut open, mut seen) = (vec![".lbaas.agent.v1.AgentMessage".to_owned()], BTreeSet::new());
        let mut found = BTreeSet::new();
        while let Some(name) = open.pop() {
            if !seen.insert(name.clone()) {
                continue;
            }
            for field in &known[&name].field {
                if field.label() == Label::Repeated || matches!(field.r#type(), Type::String | Type::Bytes) {
                    found.insert((known[&name].name().to_owned(), field.name().to_owned()));
                }
                if field.r#type() == Type::Message {
                    open.push(field.type_name().to_owned());
                }
            }
        }
        found
    }

    #[test]
    fn every_text_and_every_repeated_field_of_an_agents_messages_has_a_bound() {
        let lines = BOUNDS.iter().map(|(of, field, _)| ((*of).to_owned(), (*field).to_owned()));
        assert_eq!(lines.collect::<BTreeSet<_>>(), fields());
    }

    fn preview_with(field: &str, length: usize) -> Message {
        let mut preview = Preview::default();
        match field {
            "steps" => preview.steps = vec![String::new(); length],
            "configuration" => preview.configuration = "x".repeat(length),
            "faults" => preview.faults = vec![ObjectFault::default(); length],
            other => panic!("{other} of a preview has a bound, and nothing here that goes over it"),
        }
        Message::Foreseen(Foreseen { preview: Some(preview), ..Foreseen::default() })
    }

    fn capabilities_with(field: &str, length: usize) -> Message {
        let (mut capabilities, names) = (Capabilities::default(), vec![String::new(); length]);
        let options = vec![DriverOption::default(); length];
        match field {
            "features" => capabilities.features = names,
            "network_types" => capabilities.network_types = names,
            "physical_networks" => capabilities.physical_networks = names,
            "remarks" => capabilities.remarks = names,
            "flavor_options" => capabilities.flavor_options = options,
            "availability_zone_options" => capabilities.availability_zone_options = options,
            other => panic!("{other} of capabilities has a bound, and nothing here that goes over it"),
        }
        let capabilities = Some(capabilities);
        let drivers = vec![DriverReport { capabilities, ..DriverReport::default() }];
        Message::Heartbeat(Heartbeat { drivers, ..Heartbeat::default() })
    }

    fn report_with(of: &str, field: &str, length: usize) -> StatisticsReport {
        let mut one = LoadBalancerStatistics::default();
        match (of, field) {
            ("StatisticsReport", "load_balancers") => {
                return StatisticsReport { load_balancers: vec![one; length] };
            }
            ("LoadBalancerStatistics", "listeners") => one.listeners = vec![ListenerStatistics::default(); length],
            ("LoadBalancerStatistics", "pools") => one.pools = vec![PoolStatistics::default(); length],
            ("PoolStatistics", "members") => {
                let members = vec![MemberStatistics::default(); length];
                one.pools = vec![PoolStatistics { members, ..PoolStatistics::default() }];
            }
            other => panic!("{other:?} has a bound, and nothing here that goes over it"),
        }
        StatisticsReport { load_balancers: vec![one] }
    }

    /// A message with so much of the field.
    fn with(of: &str, field: &str, length: usize) -> Message {
        let text = || "x".repeat(length);
        let reports = || vec![DriverReport::default(); length];
        match (of, field) {
            ("Hello", "instance_id") => Message::Hello(Hello { instance_id: text(), ..Hello::default() }),
            ("Hello", "cluster_id") => Message::Hello(Hello { cluster_id: text(), ..Hello::default() }),
            ("Hello", "deployed") => {
                Message::Hello(Hello { deployed: vec![Deployed::default(); length], ..Hello::default() })
            }
            ("Hello", "passes") => Message::Hello(Hello { passes: vec![String::new(); length], ..Hello::default() }),
            ("Hello", "drivers") => Message::Hello(Hello { drivers: reports(), ..Hello::default() }),
            ("Heartbeat", "drivers") => Message::Heartbeat(Heartbeat { drivers: reports(), ..Heartbeat::default() }),
            ("Heartbeat", "unclaimed_ids") => {
                Message::Heartbeat(Heartbeat { unclaimed_ids: vec![String::new(); length], ..Heartbeat::default() })
            }
            ("Capabilities", field) => capabilities_with(field, length),
            ("Outcome", "faults") => {
                Message::Outcome(Outcome { faults: vec![ObjectFault::default(); length], ..Outcome::default() })
            }
            ("SecretsWanted", "secrets") => Message::SecretsWanted(SecretsWanted {
                secrets: vec![Secret::default(); length],
                ..SecretsWanted::default()
            }),
            ("Secret", field) => {
                let (mut secret, text) = (Secret::default(), text());
                match field {
                    "reference" => secret.reference = text,
                    "digest" => secret.digest = text,
                    other => panic!("{other} of a secret has a bound, and nothing here that goes over it"),
                }
                Message::SecretsWanted(SecretsWanted { secrets: vec![secret], ..SecretsWanted::default() })
            }
            ("Removed", "listeners") => Message::Removed(Removed {
                listeners: vec![ListenerStatistics::default(); length],
                ..Removed::default()
            }),
            ("Removed", "pools") => {
                Message::Removed(Removed { pools: vec![PoolStatistics::default(); length], ..Removed::default() })
            }
            ("Preview", field) => preview_with(field, length),
            ("HealthReport", field) => {
                let (all, mut report) = (vec![LoadBalancerHealth::default(); length], HealthReport::default());
                match field {
                    "load_balancers" => report.load_balancers = all,
                    "answers" => report.answers = all,
                    other => panic!("{other} of a report has a bound, and nothing here that goes over it"),
                }
                Message::Health(report)
            }
            ("LoadBalancerHealth", "members") => {
                let members = vec![MemberHealth::default(); length];
                let load_balancers = vec![LoadBalancerHealth { members, ..LoadBalancerHealth::default() }];
                Message::Health(HealthReport { load_balancers, ..HealthReport::default() })
            }
            ("LoadBalancerHealth", "listeners") => {
                let listeners = vec![ListenerHealth::default(); length];
                let load_balancers = vec![LoadBalancerHealth { listeners, ..LoadBalancerHealth::default() }];
                Message::Health(HealthReport { load_balancers, ..HealthReport::default() })
            }
            (of, field) => Message::Statistics(report_with(of, field, length)),
        }
    }

    #[test]
    fn content_is_dropped_whole_where_it_is_longer_than_it_may_be() {
        assert_eq!(content("Handover", "content", vec![1; HANDOVER]).len(), HANDOVER);
        assert!(content("Handover", "content", vec![1; HANDOVER + 1]).is_empty());
        assert!(content("Handover", "driver", vec![1]).is_empty(), "a field without such a bound");
    }

    #[test]
    fn what_is_longer_than_its_bound_is_named() {
        for (of, field, bound) in BOUNDS {
            let (Bound::Length(most) | Bound::Count(most)) = bound else { continue };
            assert_eq!(check(&with(of, field, most)), Ok(()), "{of}.{field}");
            let said = check(&with(of, field, most + 1)).unwrap_err();
            assert_eq!(said, format!("{of}.{field} is {} long, and may be {most}", most + 1));
        }
    }
}
