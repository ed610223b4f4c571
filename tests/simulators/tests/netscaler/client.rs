//! A client of NITRO that sends just what a test says.

use std::{
    io::{Read, Write},
    net::{SocketAddr, TcpStream},
};

use ballast_simulators::{Options, Simulator, netscaler::NetScaler};
use serde_json::{Value, json};

pub(crate) fn simulator() -> Simulator<NetScaler> {
    Simulator::start(NetScaler::default(), Options::default()).unwrap()
}

pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) head: String,
    pub(crate) text: String,
}

impl Answer {
    /// Null when it is no JSON.
    pub(crate) fn body(&self) -> Value {
        serde_json::from_str(&self.text).unwrap_or_default()
    }

    /// The HTTP status and the vendor's number; zero when there is none.
    pub(crate) fn outcome(&self) -> (u16, u64) {
        (self.status, self.body()["errorcode"].as_u64().unwrap_or(0))
    }
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
        self.send("POST", &format!("/nitro/v1/config/{path}"), body).outcome()
    }

    pub(crate) fn put(&self, path: &str, body: &Value) -> (u16, u64) {
        self.send("PUT", &format!("/nitro/v1/config/{path}"), body).outcome()
    }

    pub(crate) fn delete(&self, path: &str) -> (u16, u64) {
        self.send("DELETE", &format!("/nitro/v1/config/{path}"), &Value::Null).outcome()
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

    /// An empty answer when the connection ended without one.
    pub(crate) fn send(&self, method: &str, path: &str, body: &Value) -> Answer {
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let mut request = format!("{method} {path} HTTP/1.1\r\nHost: device\r\nConnection: close\r\n");
        for (name, value) in &self.headers {
            request += &format!("{name}: {value}\r\n");
        }
        request += &format!("Content-Type: application/json\r\nContent-Length: {}\r\n\r\n{body}", body.len());
        let mut stream = TcpStream::connect(self.address).unwrap();
        stream.write_all(request.as_bytes()).unwrap();
        let mut reply = String::new();
        stream.read_to_string(&mut reply).unwrap_or(0);
        let (head, text) = reply.split_once("\r\n\r\n").unwrap_or_default();
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        Answer { status, head: head.to_owned(), text: text.to_owned() }
    }
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
