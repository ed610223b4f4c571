//! A Neutron that is played: a flat network on `physnet1` with one subnet, and the ports of load balancers. It can be away.
//!
//! It has what a scheduler asks for, and checks nothing: how a real one answers is what the tests with a real one are for.

use std::{
    collections::BTreeMap,
    io::{BufRead as _, BufReader, Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, Mutex, MutexGuard, PoisonError},
    thread,
    time::Duration,
};

use serde_json::{Value, json};

/// The id of its only subnet.
pub const SUBNET: &str = "00000000-0000-4000-8000-000000000900";
const NETWORK: &str = "00000000-0000-4000-8000-000000000800";
/// The first address that it gives away.
const FIRST: usize = 100;

/// Whether it is there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Presence {
    #[default]
    There,
    /// Connections are closed without an answer.
    Gone,
    /// Connections are taken, and nothing comes.
    Silent,
}

#[derive(Debug, Default)]
struct State {
    presence: Presence,
    /// By their ids.
    ports: BTreeMap<String, Value>,
    made: usize,
}

/// It serves as long as the process runs.
#[derive(Debug, Clone)]
pub struct PlayedNeutron {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl PlayedNeutron {
    /// # Panics
    /// When it cannot listen on loopback.
    #[must_use]
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").expect("a port of loopback");
        let address = listener.local_addr().expect("an address");
        let state = Arc::<Mutex<State>>::default();
        let served = Arc::clone(&state);
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let state = Arc::clone(&served);
                thread::spawn(move || serve(stream, &state));
            }
        });
        Self { address, state }
    }

    /// For `network.url`.
    #[must_use]
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// From now on.
    pub fn be(&self, presence: Presence) {
        locked(&self.state).presence = presence;
    }

    /// How many ports there are.
    #[must_use]
    pub fn ports(&self) -> usize {
        locked(&self.state).ports.len()
    }
}

fn locked(state: &Mutex<State>) -> MutexGuard<'_, State> {
    state.lock().unwrap_or_else(PoisonError::into_inner)
}

/// One request. Who waits for nothing is let go after a while.
fn serve(mut stream: TcpStream, state: &Mutex<State>) {
    let presence = locked(state).presence;
    match presence {
        Presence::Gone => return,
        Presence::Silent => return thread::sleep(Duration::from_secs(60)),
        Presence::There => {}
    }
    let Some((method, path, body)) = read(&stream) else { return };
    let (status, body) = locked(state).answer(&method, &path, body);
    let body = if body.is_null() { String::new() } else { body.to_string() };
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {}\r\n\r\n", body.len());
    // Who asked may have gone.
    let _ = stream.write_all((head + &body).as_bytes());
}

fn read(stream: &TcpStream) -> Option<(String, String, Value)> {
    let mut reader = BufReader::new(stream);
    let mut line = String::new();
    reader.read_line(&mut line).ok()?;
    let mut words = line.split(' ').map(str::to_owned);
    let (method, path) = (words.next()?, words.next()?);
    let mut length = 0;
    loop {
        let mut line = String::new();
        reader.read_line(&mut line).ok()?;
        let Some((name, value)) = line.trim_end().split_once(':') else { break };
        if name.eq_ignore_ascii_case("content-length") {
            length = value.trim().parse().ok()?;
        }
    }
    let mut body = vec![0; length];
    reader.read_exact(&mut body).ok()?;
    Some((method, path, serde_json::from_slice(&body).unwrap_or_default()))
}

impl State {
    fn answer(&mut self, method: &str, path: &str, body: Value) -> (u16, Value) {
        let (path, query) = path.split_once('?').unwrap_or((path, ""));
        let path = path.trim_start_matches("/v2.0/");
        let id = path.rsplit('/').next().unwrap_or_default();
        match (method, path.split('/').next().unwrap_or_default()) {
            ("GET", "subnets") if id == SUBNET => (200, json!({"subnet": subnet()})),
            ("GET", "subnets") => (200, json!({"subnets": [subnet()]})),
            ("GET", "networks") => (200, json!({"network": network()})),
            ("GET", "ports") => {
                let name = query.split('&').find_map(|one| one.strip_prefix("name="));
                let ports = self.ports.values().filter(|port| name.is_none_or(|name| port["name"] == name));
                (200, json!({"ports": ports.collect::<Vec<_>>()}))
            }
            ("POST", "ports") => (201, json!({"port": self.make(body)})),
            ("PUT", "ports") => self.change(id, &body),
            ("DELETE", "ports") if self.ports.remove(id).is_some() => (204, Value::Null),
            _ => (404, json!({"NeutronError": {"type": "PortNotFound", "message": path, "detail": ""}})),
        }
    }

    fn make(&mut self, mut body: Value) -> Value {
        let (number, mut port) = (self.made, body["port"].take());
        self.made += 1;
        // Links have their names of the first eleven characters.
        port["id"] = json!(format!("{number:08x}-0000-4000-8000-000000007000"));
        port["mac_address"] = json!(format!("fa:16:3e:00:{:02x}:{:02x}", number >> 8, number & 0xff));
        if port["fixed_ips"][0]["ip_address"].is_null() {
            port["fixed_ips"][0]["ip_address"] = json!(format!("10.20.0.{}", FIRST + number % 100));
        }
        self.ports.insert(port["id"].as_str().unwrap_or_default().to_owned(), port.clone());
        port
    }

    fn change(&mut self, id: &str, body: &Value) -> (u16, Value) {
        let Some(port) = self.ports.get_mut(id) else {
            return (404, json!({"NeutronError": {"type": "PortNotFound", "message": id, "detail": ""}}));
        };
        for (key, value) in body["port"].as_object().into_iter().flatten() {
            port[key] = value.clone();
        }
        (200, json!({"port": port}))
    }
}

fn network() -> Value {
    json!({
        "id": NETWORK, "tenant_id": "demo", "name": "n", "shared": true, "admin_state_up": true, "subnets": [SUBNET],
        "provider:network_type": "flat", "provider:physical_network": "physnet1"
    })
}

fn subnet() -> Value {
    json!({
        "id": SUBNET, "tenant_id": "demo", "name": "s", "network_id": NETWORK, "ip_version": 4, "cidr": "10.20.0.0/24",
        "gateway_ip": null, "enable_dhcp": false, "host_routes": [], "dns_nameservers": [],
        "allocation_pools": [{"start": "10.20.0.100", "end": "10.20.0.199"}]
    })
}
