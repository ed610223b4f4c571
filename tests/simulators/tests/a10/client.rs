//! A client of aXAPI that sends just what a test says.

use std::net::SocketAddr;

use ballast_simulators::{Options, Simulator, a10::A10};
use serde_json::{Value, json};

use crate::wire::{self, Answer};

pub(crate) const MISSING: u64 = 1_023_460_352;
pub(crate) const EXISTS: u64 = 1_023_459_339;
pub(crate) const IN_USE: u64 = 33_619_969;
pub(crate) const BAD_VALUE: u64 = 1_023_459_393;

pub(crate) fn simulator() -> Simulator<A10> {
    Simulator::start(A10::default(), Options::default()).unwrap()
}

pub(crate) fn login(password: &str) -> Value {
    json!({"credentials": {"username": "admin", "password": password}})
}

/// The HTTP status and the vendor's number; zero when there is none.
pub(crate) fn outcome(answer: &Answer) -> (u16, u64) {
    let body = answer.body();
    let code = body["response"]["err"]["code"].as_u64().or(body["authorizationschema"]["code"].as_u64());
    (answer.status, code.unwrap_or(0))
}

pub(crate) struct Client {
    address: SocketAddr,
    headers: Vec<(String, String)>,
}

impl Client {
    pub(crate) fn new(simulator: &Simulator<A10>) -> Self {
        Self { address: simulator.address(), headers: Vec::new() }
    }

    pub(crate) fn logged_in(simulator: &Simulator<A10>) -> Self {
        let mut client = Self::new(simulator);
        let answer = client.send("POST", "auth", &login("a10")).body();
        let signature = answer["authresponse"]["signature"].as_str().unwrap();
        client.headers.push(("Authorization".to_owned(), format!("A10 {signature}")));
        client
    }

    pub(crate) fn inside(simulator: &Simulator<A10>, partition: &str) -> Self {
        let client = Self::logged_in(simulator);
        assert_eq!(client.post(&format!("active-partition/{partition}"), &Value::Null), (200, 0));
        client
    }

    pub(crate) fn post(&self, path: &str, body: &Value) -> (u16, u64) {
        outcome(&self.send("POST", path, body))
    }

    /// As a form: the JSON, and a file.
    pub(crate) fn form(&self, path: &str, json: &Value, file: &str) -> (u16, u64) {
        let part = |name: &str, content: &str| {
            format!("--part\r\nContent-Disposition: form-data; name=\"{name}\"; filename=\"x\"\r\n\r\n{content}\r\n")
        };
        let body = format!("{}{}--part--\r\n", part("file", file), part("json", &json.to_string()));
        let kind = "multipart/form-data; boundary=part";
        let path = format!("/axapi/v3/{path}");
        outcome(&wire::send_text(self.address, ("POST", &path), &self.headers, (kind, &body)))
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> (u16, u64) {
        outcome(&self.send("PUT", path, body))
    }

    pub(crate) fn delete(&self, path: &str) -> (u16, u64) {
        outcome(&self.send("DELETE", path, &Value::Null))
    }

    pub(crate) fn get(&self, path: &str) -> Answer {
        self.send("GET", path, &Value::Null)
    }

    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        wire::send(self.address, (method, &format!("/axapi/v3/{path}")), &self.headers, body)
    }

    pub(crate) fn lever(&self, lever: &str, body: &Value) -> u16 {
        wire::send(self.address, ("POST", &format!("/_simulator/{lever}")), &[], body).status
    }
}

/// A monitor `m1`; a server `s1` on 10.0.0.1 in a group `g1` on port 8080, which the monitor checks; a virtual server `v1`
/// with a port 80.
pub(crate) fn deploy(client: &Client) {
    let made = [
        ("health/monitor", json!({"monitor": {"name": "m1"}})),
        ("slb/server", json!({"server": {"name": "s1", "host": "10.0.0.1"}})),
        ("slb/service-group", json!({"service-group": {"name": "g1", "protocol": "tcp", "health-check": "m1"}})),
        ("slb/service-group/g1/member", json!({"member": {"name": "s1", "port": 8080}})),
        ("slb/virtual-server", json!({"virtual-server": {"name": "v1", "ip-address": "192.0.2.10"}})),
        ("slb/virtual-server/v1/port", json!({"port": {"port-number": 80, "protocol": "http", "service-group": "g1"}})),
    ];
    for (path, body) in made {
        assert_eq!(client.post(path, &body), (200, 0), "{body}");
    }
}
