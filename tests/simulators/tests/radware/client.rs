//! A client of Alteon's REST API that sends just what a test says.

use std::net::SocketAddr;

use ballast_simulators::{
    Options, Simulator,
    radware::{Alteon, Assumptions},
};
use serde_json::{Value, json};

use crate::wire::{self, Answer};

/// `admin:admin`.
pub(crate) const GOOD: &str = "Basic YWRtaW46YWRtaW4=";
/// `admin:wrong`.
pub(crate) const BAD: &str = "Basic YWRtaW46d3Jvbmc=";

pub(crate) fn simulator() -> Simulator<Alteon> {
    Simulator::start(Alteon::default(), Options::default()).unwrap()
}

pub(crate) fn assuming(change: impl FnOnce(&mut Assumptions)) -> Simulator<Alteon> {
    let simulator = simulator();
    let mut assumptions = simulator.device().assumptions();
    change(&mut assumptions);
    simulator.device().assume(assumptions);
    simulator
}

pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) authorization: Option<&'static str>,
}

impl Client {
    pub(crate) fn new(simulator: &Simulator<Alteon>) -> Self {
        Self { address: simulator.address(), authorization: Some(GOOD) }
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let text = if body.is_null() { String::new() } else { body.to_string() };
        self.send_text(method, path, &text)
    }

    pub(crate) fn send_text(&self, method: &str, path: &str, body: &str) -> Answer {
        let authorization = self.authorization.map(|value| ("Authorization".to_owned(), value.to_owned()));
        let headers: Vec<(String, String)> = authorization.into_iter().collect();
        wire::send_text(self.address, (method, &format!("/config{path}")), &headers, ("application/json", body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> u16 {
        self.send("PUT", &format!("/{path}"), body).status
    }

    pub(crate) fn delete(&self, path: &str) -> u16 {
        self.send("DELETE", &format!("/{path}"), &Value::Null).status
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", &format!("/{path}"), &Value::Null)
    }

    /// The rows of a table, or of what is below a path.
    pub(crate) fn rows(&self, path: &str) -> Vec<Value> {
        let answer = self.get(path);
        let table = path.split(['/', '?']).next().unwrap();
        let body = answer.body();
        body[table].as_array().unwrap_or_else(|| panic!("{path}: {}", answer.text)).clone()
    }

    /// The only one.
    pub(crate) fn row(&self, path: &str) -> Value {
        let mut rows = self.rows(path);
        assert_eq!(rows.len(), 1, "{path}: {rows:?}");
        rows.remove(0)
    }

    pub(crate) fn scalar(&self, name: &str) -> i64 {
        self.get(&format!("?prop={name}")).body()[name].as_i64().unwrap()
    }

    /// Writes a scalar of the device.
    pub(crate) fn set(&self, name: &str, number: i64) -> u16 {
        self.put("", &json!({ name: number.to_string() }))
    }

    /// Applies as the vendor's client does: its state at the end.
    pub(crate) fn apply(&self) -> i64 {
        assert_eq!((self.set("agApplyConfig", 2), self.set("agApplyConfig", 1)), (200, 200));
        self.scalar("agApplyConfig")
    }

    pub(crate) fn save(&self) -> i64 {
        assert_eq!((self.set("agSaveConfig", 2), self.set("agSaveConfig", 1)), (200, 200));
        self.scalar("agSaveConfig")
    }

    /// What the last apply says.
    pub(crate) fn lines(&self) -> Vec<String> {
        let rows = self.rows("AgApplyTable");
        rows.iter().map(|row| row["StringVal"].as_str().unwrap().to_owned()).collect()
    }
}

/// A virtual server `v1` on 192.0.2.10:80 with the group `g1` of two members, `s1` and `s2` on port 8080, staged.
pub(crate) fn deploy(client: &Client) {
    let made = [
        (
            "SlbNewAdvhcHttpTable/hc1",
            json!({"Interval": "5", "Timeout": "3", "Path": "/healthz", "ResponseCode": "200"}),
        ),
        ("SlbNewCfgEnhRealServerTable/s1", json!({"IpAddr": "10.0.0.1", "State": "2"})),
        ("SlbNewCfgEnhRealServPortTable/s1/1", json!({"RealPort": "8080"})),
        ("SlbNewCfgEnhRealServerTable/s2", json!({"IpAddr": "10.0.0.2", "State": "2"})),
        ("SlbNewCfgEnhRealServPortTable/s2/1", json!({"RealPort": "8080"})),
        ("SlbNewCfgEnhGroupTable/g1", json!({"Metric": "1", "HealthID": "hc1"})),
        ("SlbNewCfgEnhGroupTable/g1", json!({"AddServer": "s1"})),
        ("SlbNewCfgEnhGroupTable/g1", json!({"AddServer": "s2"})),
        ("SlbNewCfgEnhVirtServerTable/v1", json!({"VirtServerIpAddress": "192.0.2.10", "VirtServerState": "2"})),
        ("SlbNewCfgEnhVirtServicesTable/v1/1", json!({"VirtPort": "80", "RealPort": "0", "UDPBalance": "3"})),
        ("SlbNewCfgEnhVirtServicesFifthPartTable/v1/1", json!({"ServApplicationType": "6"})),
        ("SlbNewCfgEnhVirtServicesSeventhPartTable/v1/1", json!({"RealGroup": "g1"})),
    ];
    for (path, body) in made {
        assert_eq!(client.put(path, &body), 200, "{path}: {body}");
    }
}
