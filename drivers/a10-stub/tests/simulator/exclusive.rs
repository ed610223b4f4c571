//! Of fields that exclude each other one is sent and the other left out, whatever the device makes of it.
//!
//! Each pair of the vendor's schema, both ways, on devices of every kind that can be thought of.

#![expect(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::{fs, os::unix::fs::PermissionsExt};

use ballast_abi::{Context, Driver, DriverError, Health, LoadBalancer};
use ballast_device::{
    Child, Config, DeviceDriver, Draft, Failure, Fields, Here, Key, Kind as _, Listed, Objects, Partition, Reading,
    Request, Session, Step, Vendor, fields, names,
};
use ballast_driver_a10_stub::{Axapi, Kind, Thunder};
use ballast_rehearsal::{
    PASSWORD, USER,
    samples::{ID, checked},
};
use ballast_simulators::{
    Options as Simulated, Simulator,
    a10::{A10, Assumptions, Release, Rivals, rivals},
};
use serde::Deserialize;
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::thunder::exclusive_readings;

type Made = Vec<(Key<Kind>, Fields)>;

/// A Thunder on which a load balancer is what the configuration says.
struct Bare;

#[derive(Clone, Debug, Default, Deserialize)]
struct Asked {
    objects: Made,
}

impl Vendor for Bare {
    const NAME: &'static str = "bare";
    const VERSION: &'static str = "0";
    type Wire = Axapi;
    type Kind = Kind;
    type Options = Asked;
    type View = Value;

    fn check(_config: &Config<Asked>) -> Result<(), DriverError> {
        Ok(())
    }

    fn draw(draft: &mut Draft<'_, Self>, _load_balancer: &LoadBalancer) -> Result<(), DriverError> {
        for (key, fields) in draft.options.objects.clone() {
            draft.want(key, ID, Value::Object(fields));
        }
        Ok(())
    }

    fn joins(batch: &[Step<Kind>], step: &Step<Kind>) -> bool {
        Thunder::joins(batch, step)
    }

    fn nests(kind: Kind) -> bool {
        Thunder::nests(kind)
    }

    fn requests(batch: &[Step<Kind>], here: &Here<'_>) -> Result<Vec<Request>, Failure> {
        Thunder::requests(batch, here)
    }

    fn ready(session: &Session<'_, Axapi>) -> Result<(), Failure> {
        Thunder::ready(session)
    }

    fn partitions(session: &Session<'_, Axapi>) -> Result<Vec<Partition>, Failure> {
        Thunder::partitions(session)
    }

    fn make_partition(session: &Session<'_, Axapi>, name: &str, _options: &Asked) -> Result<(), Failure> {
        Thunder::make_partition(session, name, &Default::default())
    }

    fn read(session: &Session<'_, Axapi>, kind: Kind) -> Result<Objects<Kind>, Failure> {
        Thunder::read(session, kind)
    }

    fn view(session: &Session<'_, Axapi>) -> Result<Value, Failure> {
        Thunder::view(session)
    }

    fn reading(session: &Session<'_, Axapi>, view: &Value, owner: &str) -> Result<Reading, Failure> {
        Thunder::reading(session, view, owner)
    }

    fn health(view: &Value, listed: &Listed) -> Option<Health> {
        Thunder::health(view, listed)
    }
}

/// A device, and what a driver needs for it.
struct Place {
    simulator: Simulator<A10>,
    directory: TempDir,
}

impl Place {
    fn new(assumptions: Assumptions) -> Self {
        let directory = tempfile::tempdir().unwrap();
        let credentials = directory.path().join("credentials");
        fs::write(&credentials, format!("{USER}\n{PASSWORD}\n")).unwrap();
        fs::set_permissions(&credentials, fs::Permissions::from_mode(0o600)).unwrap();
        let mut device = A10::default();
        device.set_credentials(USER, PASSWORD);
        device.add_partition("lbaas");
        device.assume(assumptions);
        let monitor = json!({"monitor": {"name": "other"}});
        device.administer("lbaas", "POST", "health/monitor", &monitor);
        Self { simulator: Simulator::start(device, Simulated::default()).unwrap(), directory }
    }

    /// The same load balancer, made of these objects now.
    fn deploy(&self, objects: Made, generation: u64, context: &str) {
        let config = Config {
            url: self.simulator.url(),
            plain_http: true,
            credentials_file: self.directory.path().join("credentials"),
            partition: "lbaas".to_owned(),
            options: Asked { objects },
            ..Config::default()
        };
        let state_dir = self.directory.path().to_owned();
        let driver = DeviceDriver::<Bare>::new(Context { agent_id: "agent-1".into(), config, state_dir }).unwrap();
        assert_eq!(driver.deploy(&checked(), generation), Ok(Vec::new()), "{context}");
        let _ = self.simulator.journal.take();
        assert_eq!(driver.deploy(&checked(), generation), Ok(Vec::new()), "{context}, again");
        assert!(self.simulator.journal.writes().is_empty(), "{context}: {:?}", self.simulator.journal.writes());
    }
}

fn name() -> String {
    names::object(&names::owner(ID), 'x', "")
}

/// The key of the object that has these fields, the objects that it needs, and what it needs to be at all.
fn template(rivals: &Rivals) -> (Key<Kind>, Made, Value) {
    let name = name();
    let top = |kind| Key::top(kind, &name);
    let child = |kind, of: Kind, with: Value| {
        let port = json!({"port-number": 80, "protocol": "tcp"});
        (Key::child(kind, &name, Child::at("tcp", 80_u16)), vec![(top(of), fields(with))], port)
    };
    let server = json!({"name": name, "host": "10.0.0.1"});
    let address = json!({"name": name, "ip-address": "192.0.2.10"});
    match rivals.object.as_str() {
        "health/monitor" => (top(Kind::Monitor), vec![], json!({"name": name})),
        "slb/template/persist/cookie" => (top(Kind::Cookie), vec![], json!({"name": name})),
        "slb/template/persist/source-ip" => (top(Kind::SourceIp), vec![], json!({"name": name})),
        "slb/server" => (top(Kind::Server), vec![], server),
        "slb/server/port" => child(Kind::ServerPort, Kind::Server, server),
        "slb/service-group" => (top(Kind::Group), vec![], json!({"name": name, "protocol": "tcp"})),
        "slb/virtual-server" => (top(Kind::VirtualServer), vec![], json!({"name": name})),
        "slb/virtual-server/port" => child(Kind::VirtualPort, Kind::VirtualServer, address),
        other => panic!("{other} is new: say what it needs"),
    }
}

/// The objects, with the first of the two set and the second one not.
fn with(rivals: &Rivals, (set, value): &(String, Value), unset: &str) -> Made {
    let (key, mut objects, mut object) = template(rivals);
    let mut place = &mut object;
    for inside in &rivals.inside {
        place = &mut place[inside.as_str()];
    }
    place[set.as_str()] = value.clone();
    place[unset] = Value::Null;
    objects.push((key, fields(object)));
    objects
}

#[test]
fn the_driver_knows_every_pair_of_the_schema_and_no_other() {
    let pairs: Vec<(Kind, String, String)> = rivals(Release::Five)
        .into_iter()
        .map(|pair| {
            let kind = template(&pair).0.kind;
            let [(one, _), (other, _)] = pair.fields;
            (kind, one, other)
        })
        .collect();
    assert!(pairs.len() > 20, "{pairs:?}");
    let known = |kind: Kind, one: &str, other: &str| {
        kind.exclusive().iter().any(|set| set.contains(&one) && set.contains(&other))
    };
    for (kind, one, other) in &pairs {
        assert!(known(*kind, one, other), "{kind:?}: {one} and {other} exclude each other");
    }
    let kinds = pairs.iter().map(|(kind, ..)| *kind);
    for kind in kinds.collect::<std::collections::BTreeSet<_>>() {
        for name in kind.exclusive().iter().copied().flatten() {
            assert!(pairs.iter().any(|(of, one, _)| (*of, one.as_str()) == (kind, name)), "{kind:?}: {name}");
        }
    }
}

#[test]
fn what_excludes_another_takes_its_place_on_every_device() {
    for (exclusive, null_is_the_default) in exclusive_readings() {
        for pair in rivals(Release::Four) {
            let [one, other] = &pair.fields;
            let context =
                format!("{exclusive:?}, null is the default: {null_is_the_default}, {} to {other:?}: {pair:?}", one.0);
            let place = Place::new(Assumptions { exclusive, null_is_the_default, ..Assumptions::default() });
            place.deploy(with(&pair, one, &other.0), 1, &context);
            place.deploy(with(&pair, other, &one.0), 2, &context);
        }
    }
}
