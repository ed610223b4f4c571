//! A client of NITRO that sends just what a test says.

use std::net::SocketAddr;

use ballast_simulators::{Options, Simulator, netscaler::NetScaler};
use serde_json::{Value, json};

use crate::wire::{self, Answer};

pub(crate) fn simulator() -> Simulator<NetScaler> {
    Simulator::start(NetScaler::default(), Options::default()).unwrap()
}

pub(crate) struct Client {
    address: SocketAddr,
    pub(crate) headers: Vec<(String, String)>,
}

impl Client {
    /// Without a session.
    pub(crate) fn new(simulator: &Simulator<NetScaler>) -> Self {
        Self { address: simulator.address(), headers: Vec::new() }
    }

    /// With a session.
    pub(crate) fn logged_in(simulator: &Simulator<NetScaler>) -> Self {
        let mut client = Self::new(simulator);
        let token = client.login();
        client.headers.push(("Cookie".to_owned(), format!("NITRO_AUTH_TOKEN={token}")));
        client
    }

    /// With a session that has chosen this partition.
    pub(crate) fn inside(simulator: &Simulator<NetScaler>, partition: &str) -> Self {
        let client = Self::logged_in(simulator);
        let body = json!({"nspartition": {"partitionname": partition}});
        assert_eq!(client.post("nspartition?action=Switch", &body), (200, 0));
        client
    }

    pub(crate) fn login(&self) -> String {
        let answer = self.send("POST", "/nitro/v1/config/login", &login("nsroot"));
        answer.body()["sessionid"].as_str().unwrap().to_owned()
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, u64) {
        outcome(&self.send("POST", &format!("/nitro/v1/config/{path}"), body))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> (u16, u64) {
        outcome(&self.send("PUT", &format!("/nitro/v1/config/{path}"), body))
    }

    pub(crate) fn delete(&self, path: &str) -> (u16, u64) {
        outcome(&self.send("DELETE", &format!("/nitro/v1/config/{path}"), &Value::Null))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", &format!("/nitro/v1/{path}"), &Value::Null)
    }

    /// The one object that a read shows.
    pub(crate) fn one(&self, path: &str) -> Value {
        let body = self.get(path).body();
        let kind = path.split(['/', '?']).nth(1).unwrap();
        assert_eq!(body[kind].as_array().map(Vec::len), Some(1), "{path}: {body}");
        body[kind][0].clone()
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        wire::send(self.address, (method, path), &self.headers, body)
    }
}

/// The HTTP status and the vendor's number; zero when there is none.
pub(crate) fn outcome(answer: &Answer) -> (u16, u64) {
    (answer.status, answer.body()["errorcode"].as_u64().unwrap_or(0))
}

pub(crate) fn login(password: &str) -> Value {
    json!({"login": {"username": "nsroot", "password": password}})
}

/// A virtual server `v1` on 192.0.2.10:80 with the group `g1` of one member, `s1` on 10.0.0.1:8080.
pub(crate) fn deploy(client: &Client) {
    let made = [
        ("server", json!({"server": {"name": "s1", "ipaddress": "10.0.0.1"}})),
        ("servicegroup", json!({"servicegroup": {"servicegroupname": "g1", "servicetype": "HTTP"}})),
        ("servicegroup_servicegroupmember_binding", member("s1", 8080)),
        ("lbvserver", json!({"lbvserver": {"name": "v1", "servicetype": "HTTP", "ipv46": "192.0.2.10", "port": 80}})),
        (
            "lbvserver_servicegroup_binding",
            json!({"lbvserver_servicegroup_binding": {"name": "v1", "servicegroupname": "g1"}}),
        ),
    ];
    for (path, body) in made {
        assert_eq!(client.post(path, &body), (201, 0), "{body}");
    }
}

pub(crate) fn member(server: &str, port: u16) -> Value {
    let member = json!({"servicegroupname": "g1", "servername": server, "port": port});
    json!({"servicegroup_servicegroupmember_binding": member})
}
