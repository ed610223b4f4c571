//! An A10 Thunder, played.

use std::time::Duration;

use ballast_device::{Key, Objects, Reading, fields, names};
use ballast_driver_a10_stub::{Kind, Thunder as Vendor};
use ballast_rehearsal::{Assumed, PASSWORD, Played, Role, Stage, USER};
use ballast_simulators::{
    Entry,
    a10::{self, Assumptions, Exclusive, Release},
};
use serde_json::{Value, json};

pub(crate) struct Thunder;

impl Played for Thunder {
    type Vendor = Vendor;
    type Device = a10::A10;
    const LOGIN: &'static str = "*/auth";
    const SAVE: &'static str = "*/write/memory";
    const LOGOUT: &'static str = "*/logoff";

    const SERVERS: &'static str = "*/slb/server";
    /// Exists, in use, bad value, not supported, busy, failed.
    const UNSEEN: &'static [u32] =
        &[1_023_459_339, 33_619_969, 1_023_459_393, 1_023_459_335, 1_023_464_193, 1_023_459_328];

    fn assumptions() -> Vec<Assumed<a10::A10>> {
        let usual = Assumptions::default;
        let mut all = vec![
            ("over the limit is 401".to_owned(), Assumptions { over_limit: 401, ..usual() }),
            ("keys in any case".to_owned(), Assumptions { keys_in_any_case: true, ..usual() }),
            ("used is deleted".to_owned(), Assumptions { deletes_what_is_used: true, ..usual() }),
            ("silent saves".to_owned(), Assumptions { saves_silently: true, ..usual() }),
            ("empty lists".to_owned(), Assumptions { shows_empty_lists: true, ..usual() }),
        ];
        for (exclusive, null_is_the_default) in exclusive_readings() {
            let other = Assumptions { exclusive, null_is_the_default, ..usual() };
            all.push((format!("{exclusive:?}, null is the default: {null_is_the_default}"), other));
            let everything = Assumptions {
                over_limit: 403,
                keys_in_any_case: true,
                deletes_what_is_used: true,
                saves_silently: true,
                shows_empty_lists: true,
                ..other
            };
            all.push((format!("everything with {exclusive:?}, {null_is_the_default}"), everything));
        }
        let assume = |assumptions: Assumptions| move |device: &mut a10::A10| device.assume(assumptions);
        all.into_iter().map(|(what, one)| (what, Box::new(assume(one)) as Box<dyn Fn(&mut a10::A10)>)).collect()
    }

    fn device() -> a10::A10 {
        let mut device = a10::A10::default();
        device.set_credentials(USER, PASSWORD);
        device
    }

    fn newest() -> a10::A10 {
        let mut device = a10::A10::new(Release::Five);
        device.set_credentials(USER, PASSWORD);
        device
    }

    fn set_credentials(device: &mut a10::A10, user: &str, password: &str) {
        device.set_credentials(user, password);
    }

    fn set_session_limits(device: &mut a10::A10, open: usize, idle: Duration) {
        device.set_session_limits(open, idle);
    }

    fn add_partition(device: &mut a10::A10, partition: &str) {
        device.add_partition(partition);
    }

    fn partitions(device: &a10::A10) -> Vec<String> {
        device.partitions()
    }

    fn objects(device: &a10::A10, partition: &str) -> Vec<String> {
        device.objects(partition)
    }

    fn remove(device: &mut a10::A10, partition: &str, path: &str) {
        match path.starts_with("file/") {
            true => device.lose(partition, path),
            false => device.administer(partition, "DELETE", path, &Value::Null),
        }
    }

    fn take(device: &mut a10::A10, partition: &str, address: &str) -> String {
        let taken = json!({"virtual-server": {"name": "old", "ip-address": address}});
        device.administer(partition, "POST", "slb/virtual-server", &taken);
        "slb/virtual-server/old".to_owned()
    }

    fn count(device: &mut a10::A10, (partition, front): (&str, &str), reading: Reading) {
        let Reading { totals, active } = reading;
        let counters = a10::Counters {
            current: active,
            connections: totals.connections,
            forward_bytes: totals.bytes_in,
            reverse_bytes: totals.bytes_out,
        };
        device.count(partition, &format!("{}/80+http", front.rsplit('/').next().unwrap_or_default()), counters);
    }

    fn is_saved(device: &a10::A10) -> bool {
        device.is_saved()
    }

    fn runs_like(one: &a10::A10, other: &a10::A10) -> bool {
        one.runs_like(other)
    }

    fn role(path: &str) -> Role {
        match path.split('/').collect::<Vec<_>>()[..] {
            ["slb", "virtual-server", _] => Role::Front,
            ["slb", "server", _] => Role::Server,
            ["slb", "service-group", _, "member", _] => Role::Member,
            _ => Role::Other,
        }
    }

    fn makes_a_partition(entry: &Entry) -> bool {
        entry.path.ends_with("/partition")
    }

    fn saves_home(entry: &Entry) -> bool {
        let shared = entry.body.as_ref().is_some_and(|body| body["memory"]["partition"] == "shared");
        entry.path.ends_with("/write/memory") && shared
    }

    fn asks_where(entry: &Entry) -> bool {
        (entry.method.as_str(), entry.path.as_str()) == ("GET", "/axapi/v3/active-partition")
    }

    fn of_an_administrator() -> Objects<Kind> {
        let server = fields(json!({"name": "web", "host": "10.0.0.3"}));
        let group = fields(json!({"name": "old", "protocol": "tcp"}));
        Objects::from([(Key::top(Kind::Server, "web"), server), (Key::top(Kind::Group, "old"), group)])
    }
}

/// What can come of setting an attribute that another one excludes, with both readings of null.
pub(crate) fn exclusive_readings() -> Vec<(Exclusive, bool)> {
    let all = [Exclusive::Replaces, Exclusive::Refuses, Exclusive::KeepsBoth];
    all.into_iter().flat_map(|exclusive| [(exclusive, false), (exclusive, true)]).collect()
}

/// What a test asks of the device besides.
pub(crate) trait Inspect {
    /// The only object below this path (not below a child of it).
    fn only(&self, collection: &str) -> String;

    fn field(&self, path: &str, field: &str) -> Value;
}

impl Inspect for Stage<Thunder> {
    fn only(&self, collection: &str) -> String {
        let objects = self.objects();
        let found: Vec<_> = objects
            .iter()
            .filter(|path| path.strip_prefix(collection).is_some_and(|rest| !rest[1..].contains('/')))
            .filter(|path| !path.rsplit('/').next().is_some_and(names::is_marker))
            .collect();
        assert_eq!(found.len(), 1, "{collection}: {objects:?}");
        found[0].clone()
    }

    fn field(&self, path: &str, field: &str) -> Value {
        let partition = self.partition();
        self.simulator.device().field(&partition, path, field).unwrap_or_default()
    }
}
