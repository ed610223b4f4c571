//! A NetScaler ADC, played.

use std::time::Duration;

use ballast_device::{Key, Objects, Reading, fields, names};
use ballast_driver_netscaler_stub::{Adc as Vendor, Kind};
use ballast_rehearsal::{Assumed, PASSWORD, Played, Role, Stage, USER};
use ballast_simulators::{
    Entry,
    netscaler::{Assumptions, Counters, DEFAULT, NetScaler},
};
use serde_json::{Value, json};

pub(crate) struct Adc;

impl Played for Adc {
    type Vendor = Vendor;
    type Device = NetScaler;
    const LOGIN: &'static str = "*/config/login";
    const SAVE: &'static str = "*/config/nsconfig";
    const LOGOUT: &'static str = "*/config/logout";

    const SERVERS: &'static str = "*/config/server";
    /// Busy, exists with another name, in use, and what else a deploy may meet.
    const UNSEEN: &'static [u32] = &[257, 272, 315, 351, 428, 461, 463, 1097, 1304, 1332, 1335, 2128, 2131, 2133, 2170];

    fn assumptions() -> Vec<Assumed<NetScaler>> {
        let usual = Assumptions::default;
        let all = [
            ("seconds", Assumptions { shows_minutes: false, ..usual() }),
            ("no built-in monitors", Assumptions { shows_built_in_monitors: false, ..usual() }),
            ("default monitors", Assumptions { shows_default_monitors: true, ..usual() }),
            ("repeats are refused", Assumptions { repeats_are_fine: false, ..usual() }),
            ("made servers go", Assumptions { made_servers_go: true, ..usual() }),
            ("another spelling", Assumptions { partially_up: "PARTIAL UP", ..usual() }),
        ];
        let assume = |assumptions: Assumptions| move |device: &mut NetScaler| device.assume(assumptions);
        let boxed = |one| Box::new(assume(one)) as Box<dyn Fn(&mut NetScaler)>;
        all.into_iter().map(|(what, one)| (what.to_owned(), boxed(one))).collect()
    }

    fn device() -> NetScaler {
        let mut device = NetScaler::default();
        device.set_credentials(USER, PASSWORD);
        device
    }

    fn set_credentials(device: &mut NetScaler, user: &str, password: &str) {
        device.set_credentials(user, password);
    }

    fn set_session_limits(device: &mut NetScaler, open: usize, idle: Duration) {
        device.set_session_limits(open, idle, 445);
    }

    fn add_partition(device: &mut NetScaler, partition: &str) {
        device.add_partition(partition);
    }

    fn partitions(device: &NetScaler) -> Vec<String> {
        device.partitions()
    }

    fn objects(device: &NetScaler, partition: &str) -> Vec<String> {
        device.objects(partition)
    }

    fn remove(device: &mut NetScaler, partition: &str, path: &str) {
        match path.starts_with("systemfile/") {
            true => device.lose(partition, path),
            false => device.administer(partition, "DELETE", path, &Value::Null),
        }
    }

    fn take(device: &mut NetScaler, partition: &str, address: &str) -> String {
        let taken = json!({"lbvserver": {"name": "old", "servicetype": "HTTP", "ipv46": address, "port": 80}});
        device.administer(partition, "POST", "lbvserver", &taken);
        "lbvserver/old".to_owned()
    }

    fn count(device: &mut NetScaler, (partition, front): (&str, &str), reading: Reading) {
        let Reading { totals, active } = reading;
        let counters = Counters {
            hits: totals.connections,
            requests: totals.connections,
            request_bytes: totals.bytes_in,
            response_bytes: totals.bytes_out,
            current: active,
        };
        device.count(partition, front, counters);
    }

    fn is_saved(device: &NetScaler) -> bool {
        device.is_saved()
    }

    fn runs_like(one: &NetScaler, other: &NetScaler) -> bool {
        one.runs_like(other)
    }

    fn role(path: &str) -> Role {
        match path.split('/').next() {
            Some("lbvserver") => Role::Front,
            Some("server") => Role::Server,
            Some("servicegroup_servicegroupmember_binding") => Role::Member,
            _ => Role::Other,
        }
    }

    fn makes_a_partition(entry: &Entry) -> bool {
        entry.path.ends_with("/nspartition")
    }

    fn saves_home(entry: &Entry) -> bool {
        entry.path.ends_with("/nsconfig") && entry.partition.as_deref() == Some(DEFAULT)
    }

    fn asks_where(entry: &Entry) -> bool {
        entry.method == "GET" && entry.path.starts_with("/nitro/v1/config/nspartition")
    }

    fn of_an_administrator() -> Objects<Kind> {
        let server = fields(json!({"name": "web", "ipaddress": "10.0.0.3"}));
        let group = fields(json!({"servicegroupname": "old", "servicetype": "TCP"}));
        Objects::from([(Key::top(Kind::Server, "web"), server), (Key::top(Kind::Group, "old"), group)])
    }
}

/// What a test asks of the device besides.
pub(crate) trait Inspect {
    /// The only object or binding of this kind.
    fn only(&self, resource: &str) -> String;

    fn field(&self, path: &str, field: &str) -> Value;

    fn administer(&self, method: &str, path: &str, body: &Value);
}

impl Inspect for Stage<Adc> {
    fn only(&self, resource: &str) -> String {
        let objects = self.objects();
        let is_marker = |path: &str| path.rsplit('/').next().is_some_and(names::is_marker);
        let found: Vec<_> =
            objects.iter().filter(|path| path.split('/').next() == Some(resource) && !is_marker(path)).collect();
        assert_eq!(found.len(), 1, "{resource}: {objects:?}");
        found[0].clone()
    }

    fn field(&self, path: &str, field: &str) -> Value {
        let partition = self.partition();
        self.simulator.device().field(&partition, path, field).unwrap_or_default()
    }

    fn administer(&self, method: &str, path: &str, body: &Value) {
        let partition = self.partition();
        self.simulator.device().administer(&partition, method, path, body);
    }
}
