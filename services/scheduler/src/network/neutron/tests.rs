//! Against a recorded server: it answers as a Neutron did, in the order in which it was asked, and anything else that
//! is asked fails the test.

use std::{collections::VecDeque, io::Write as _, path::Path, sync::Arc};

use ballast_model::network::NetworkType;
use serde_json::Value;
use tempfile::NamedTempFile;
use tokio::{
    io::{AsyncRead, AsyncReadExt as _, AsyncWrite, AsyncWriteExt as _},
    net::TcpListener,
    sync::Mutex,
};
use tokio_rustls::{
    TlsAcceptor,
    rustls::{ServerConfig, crypto::ring, pki_types::PrivateKeyDer},
};

use super::*;

const VIP: ListenerId = ListenerId::from_u128(0x11);
const SUBNET: &str = "00000000-0000-0000-0000-000000000900";
const NETWORK: &str = "00000000-0000-0000-0000-000000000800";
const PORT: &str = "00000000-0000-0000-0000-000000000700";

/// Requests as `METHOD path body`, each with its status and body; both bodies may be empty.
type Recorded = VecDeque<(String, u16, String)>;

fn settings(url: &str, token_file: &Path) -> config::Network {
    config::Network { url: url.to_owned(), token_file: token_file.to_owned(), ..config::Network::default() }
}

/// A certificate for localhost that vouches for itself.
struct Issued {
    acceptor: TlsAcceptor,
    pem: NamedTempFile,
}

impl Issued {
    fn new() -> Self {
        let made = rcgen::generate_simple_self_signed(["localhost".to_owned()]).unwrap();
        let mut pem = NamedTempFile::new().unwrap();
        pem.write_all(made.cert.pem().as_bytes()).unwrap();
        let key = PrivateKeyDer::Pkcs8(made.signing_key.serialize_der().into());
        let config = ServerConfig::builder_with_provider(Arc::new(ring::default_provider()));
        let config = config.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
        let config = config.with_single_cert(vec![made.cert.der().clone()], key).unwrap();
        Self { acceptor: Arc::new(config).into(), pem }
    }
}

struct Recording {
    left: Arc<Mutex<Recorded>>,
    unexpected: Arc<Mutex<Vec<String>>>,
    neutron: Neutron,
    _token: NamedTempFile,
}

impl Recording {
    async fn play(recorded: &[(&str, u16, &str)]) -> Self {
        Self::play_over(None, recorded).await
    }

    /// Over TLS, with a certificate.
    async fn play_over(cert: Option<&Issued>, recorded: &[(&str, u16, &str)]) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let port = listener.local_addr().unwrap().port();
        let tls = cert.map(|cert| cert.acceptor.clone());
        let url = if tls.is_some() { format!("https://localhost:{port}/") } else { format!("http://127.0.0.1:{port}") };
        let recorded = recorded.iter().map(|(asked, status, body)| ((*asked).to_owned(), *status, (*body).to_owned()));
        let left = Arc::new(Mutex::new(recorded.collect::<Recorded>()));
        let unexpected = Arc::new(Mutex::new(Vec::new()));
        let (queue, strange) = (Arc::clone(&left), Arc::clone(&unexpected));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                match &tls {
                    None => answer(stream, &queue, &strange).await,
                    Some(tls) => match tls.accept(stream).await {
                        Ok(stream) => answer(stream, &queue, &strange).await,
                        Err(error) => strange.lock().await.push(error.to_string()),
                    },
                }
            }
        });
        let mut token = NamedTempFile::new().unwrap();
        writeln!(token, "secret").unwrap();
        let mut settings = settings(&url, token.path());
        settings.ca = cert.map(|cert| cert.pem.path().to_owned()).unwrap_or_default();
        let neutron = Neutron::new(&settings).unwrap();
        Self { left, unexpected, neutron, _token: token }
    }

    /// Everything was asked, and nothing else.
    async fn done(self) {
        assert_eq!(*self.unexpected.lock().await, [""; 0]);
        assert_eq!(*self.left.lock().await, []);
    }
}

async fn answer(
    mut stream: impl AsyncRead + AsyncWrite + Unpin,
    queue: &Mutex<Recorded>,
    strange: &Mutex<Vec<String>>,
) {
    let (asked, with_token) = read(&mut stream).await;
    let next = queue.lock().await.pop_front();
    let (status, body) = match next {
        Some((expected, status, body)) if expected == asked && with_token => (status, body),
        other => {
            strange.lock().await.push(format!("{asked} (token: {with_token}) instead of {other:?}"));
            (599, String::new())
        }
    };
    let length = body.len();
    let head = format!("HTTP/1.1 {status} X\r\nconnection: close\r\ncontent-length: {length}\r\n\r\n");
    stream.write_all((head + &body).as_bytes()).await.unwrap();
}

async fn read(stream: &mut (impl AsyncRead + Unpin)) -> (String, bool) {
    let mut bytes = Vec::new();
    let (head, start) = loop {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        bytes.extend_from_slice(&chunk[..count]);
        let text = String::from_utf8_lossy(&bytes).into_owned();
        if let Some(end) = text.find("\r\n\r\n") {
            break (text[..end].to_owned(), end + 4);
        }
        assert!(count > 0, "a request without an end: {text}");
    };
    let header = |name: &str| {
        head.lines().filter_map(|line| line.split_once(": ")).find(|(key, _)| key.eq_ignore_ascii_case(name))
    };
    let length: usize = header("content-length").map_or(0, |(_, value)| value.parse().unwrap());
    while bytes.len() < start + length {
        let mut chunk = [0; 4096];
        let count = stream.read(&mut chunk).await.unwrap();
        assert!(count > 0, "a body without an end");
        bytes.extend_from_slice(&chunk[..count]);
    }
    let line: Vec<&str> = head.lines().next().unwrap_or_default().split(' ').collect();
    // Keys in one order, whatever the sender's is.
    let mut body: Value = serde_json::from_slice(&bytes[start..]).unwrap_or_default();
    body.sort_all_objects();
    let body = if body.is_null() { String::new() } else { format!(" {body}") };
    let with_token = header("x-auth-token").is_some_and(|(_, token)| token == "secret");
    (format!("{} {}{body}", line[0], line[1]), with_token)
}

fn normal(asked: &str) -> String {
    let (head, body) = asked.split_at(asked.find(" {").unwrap());
    let mut body: Value = serde_json::from_str(body).unwrap();
    body.sort_all_objects();
    format!("{head} {body}")
}

const SUBNET_REPLY: &str = r#"{"subnet": {"id": "00000000-0000-0000-0000-000000000900", "tenant_id": "p",
    "name": "s", "network_id": "00000000-0000-0000-0000-000000000800", "ip_version": 4, "cidr": "10.0.0.0/24",
    "gateway_ip": "10.0.0.1", "allocation_pools": [{"start": "10.0.0.2", "end": "10.0.0.254"}],
    "host_routes": [{"destination": "10.9.0.0/16", "nexthop": "10.0.0.7"}], "dns_nameservers": [],
    "enable_dhcp": true, "ipv6_ra_mode": null, "ipv6_address_mode": null}}"#;

fn network_reply(attributes: &str) -> String {
    format!(
        r#"{{"network": {{"id": "{NETWORK}", "tenant_id": "q", "name": "n", "shared": true, "admin_state_up": true,
        "status": "ACTIVE", "subnets": ["{SUBNET}"], "router:external": false{attributes}}}}}"#
    )
}

const VLAN: &str = r#", "provider:network_type": "vlan", "provider:physical_network": "physnet1",
    "provider:segmentation_id": 7"#;

fn refusal(kind: &str, message: &str) -> String {
    format!(r#"{{"NeutronError": {{"type": "{kind}", "message": "{message}", "detail": ""}}}}"#)
}

fn wanted(host: Option<&str>) -> WantedPort {
    WantedPort {
        vip_id: VIP,
        project_id: "p".to_owned(),
        network_id: NETWORK.parse().unwrap(),
        subnet_id: SUBNET.parse().unwrap(),
        address: Some("10.0.0.5".parse().unwrap()),
        host: host.map(str::to_owned),
        also: None,
    }
}

#[tokio::test]
async fn a_subnet_is_looked_up_with_its_provider_attributes() {
    let (subnet, network) = (format!("GET /v2.0/subnets/{SUBNET}"), format!("GET /v2.0/networks/{NETWORK}"));
    let reply = network_reply(VLAN);
    let recording = Recording::play(&[(&subnet, 200, SUBNET_REPLY), (&network, 200, &reply)]).await;
    let Subnetwork { network, subnet } = recording.neutron.subnetwork(SUBNET.parse().unwrap()).await.unwrap().unwrap();
    assert_eq!((network.project_id.as_str(), network.shared), ("q", true));
    let attachment = &network.attachment;
    assert_eq!((attachment.network_type, attachment.segmentation_id), (NetworkType::Vlan, 7));
    assert_eq!((subnet.cidr.to_string().as_str(), subnet.host_routes.len()), ("10.0.0.0/24", 1));
    recording.done().await;
}

#[tokio::test]
async fn a_gateway_that_neutron_takes_is_taken_wherever_it_is() {
    let (subnet, network) = (format!("GET /v2.0/subnets/{SUBNET}"), format!("GET /v2.0/networks/{NETWORK}"));
    let with = |cidr: &str, gateway: &str, [start, end]: [&str; 2]| {
        let pools = |start: &str, end: &str| format!(r#""start": "{start}", "end": "{end}""#);
        SUBNET_REPLY
            .replace("10.0.0.0/24", cidr)
            .replace(r#""10.0.0.1""#, gateway)
            .replace(&pools("10.0.0.2", "10.0.0.254"), &pools(start, end))
    };
    let (four, six) = (["10.0.0.1", "10.0.0.254"], ["fd00::1", "fd00::ff"]);
    for (cidr, gateway, pool) in [
        ("10.0.0.0/24", r#""10.99.0.1""#, four),
        ("fd00::/64", r#""fe80::1""#, six),
        ("fd00::/64", r#""fd00::""#, six),
        ("10.0.0.0/24", "null", four),
    ] {
        let (reply, network_reply) = (with(cidr, gateway, pool).replace("10.9.0.0/16", cidr), network_reply(VLAN));
        let reply = reply.replace("10.0.0.7", pool[1]);
        let recording = Recording::play(&[(&subnet, 200, &reply), (&network, 200, &network_reply)]).await;
        let found = recording.neutron.subnetwork(SUBNET.parse().unwrap()).await.unwrap().unwrap().subnet.gateway_ip;
        let found = found.map_or("null".to_owned(), |address| format!("\"{address}\""));
        assert_eq!(found, gateway);
        recording.done().await;
    }
}

#[tokio::test]
async fn a_network_that_shows_no_attributes_has_a_bridge_of_its_own_and_each_type_of_neutron_is_taken() {
    let (subnet, network) = (format!("GET /v2.0/subnets/{SUBNET}"), format!("GET /v2.0/networks/{NETWORK}"));
    let of_type = |name: &str| {
        network_reply(&format!(
            r#", "provider:network_type": "{name}", "provider:physical_network": "physnet1", "provider:segmentation_id": 5"#
        ))
    };
    for (reply, taken) in [
        (network_reply(""), Ok(NetworkType::Own)),
        (of_type("local"), Ok(NetworkType::Own)),
        (of_type("flat"), Ok(NetworkType::Bridge)),
        (of_type("vlan"), Ok(NetworkType::Vlan)),
        (of_type("vxlan"), Ok(NetworkType::Vxlan)),
        (of_type("geneve"), Ok(NetworkType::Geneve)),
        (of_type("gre"), Ok(NetworkType::Gre)),
        (of_type("vendor"), Err(Code::InvalidInput)),
    ] {
        let recording = Recording::play(&[(&subnet, 200, SUBNET_REPLY), (&network, 200, &reply)]).await;
        let found = recording.neutron.subnetwork(SUBNET.parse().unwrap()).await;
        let found = found.map(|found| found.unwrap().network.attachment.network_type).map_err(|fault| fault.code());
        assert_eq!(found, taken);
        recording.done().await;
    }
}

#[tokio::test]
async fn a_port_is_made_bound_and_removed() {
    let device = device_of_host("host-a");
    let create = format!(
        r#"POST /v2.0/ports {{"port": {{"name": "vip-{VIP}", "tenant_id": "p", "network_id": "{NETWORK}",
        "fixed_ips": [{{"subnet_id": "{SUBNET}", "ip_address": "10.0.0.5"}}], "admin_state_up": true,
        "device_owner": "neutron:LOADBALANCER", "device_id": "{device}", "binding:host_id": "host-a"}}}}"#
    );
    let made = format!(
        r#"{{"port": {{"id": "{PORT}", "name": "vip-{VIP}", "mac_address": "FA:16:3E:00:00:01", "status": "DOWN",
        "fixed_ips": [{{"subnet_id": "{SUBNET}", "ip_address": "10.0.0.5"}}]}}}}"#
    );
    let device = device_of_host("host-b");
    let bind = format!(
        r#"PUT /v2.0/ports/{PORT} {{"port": {{"binding:host_id": "host-b", "device_id": "{device}",
        "device_owner": "neutron:LOADBALANCER", "admin_state_up": true}}}}"#
    );
    let find = format!("GET /v2.0/ports?name=vip-{VIP}&fields=id");
    let found = format!(r#"{{"ports": [{{"id": "{PORT}"}}]}}"#);
    let (remove, gone) = (format!("DELETE /v2.0/ports/{PORT}"), refusal("PortNotFound", "gone"));
    let recording = Recording::play(&[
        (&normal(&create), 201, &made),
        (&normal(&bind), 200, &made),
        (&find, 200, &found),
        (&remove, 204, ""),
        (&find, 200, &found),
        (&remove, 404, &gone),
        (&find, 200, r#"{"ports": []}"#),
    ])
    .await;
    let port = recording.neutron.make_port(&wanted(Some("host-a"))).await.unwrap().unwrap();
    assert_eq!((port.id.to_string().as_str(), port.mac.to_string().as_str()), (PORT, "fa:16:3e:00:00:01"));
    recording.neutron.bind_port(port.id, "host-b").await.unwrap();
    for _ in 0..3 {
        recording.neutron.remove_port(VIP).await.unwrap();
    }
    recording.done().await;
}

#[tokio::test]
async fn the_port_of_a_side_may_answer_at_the_vips_address() {
    let create = format!(
        r#"POST /v2.0/ports {{"port": {{"name": "vip-{VIP}", "tenant_id": "p", "network_id": "{NETWORK}",
        "fixed_ips": [{{"subnet_id": "{SUBNET}"}}], "admin_state_up": true,
        "device_owner": "neutron:LOADBALANCER", "allowed_address_pairs": [{{"ip_address": "10.0.0.5"}}]}}}}"#
    );
    let made = format!(
        r#"{{"port": {{"id": "{PORT}", "name": "vip-{VIP}", "mac_address": "FA:16:3E:00:00:01", "status": "DOWN",
        "fixed_ips": [{{"subnet_id": "{SUBNET}", "ip_address": "10.0.0.6"}}]}}}}"#
    );
    let recording = Recording::play(&[(&normal(&create), 201, &made)]).await;
    let wanted = WantedPort { also: Some("10.0.0.5".parse().unwrap()), address: None, ..wanted(None) };
    let port = recording.neutron.make_port(&wanted).await.unwrap().unwrap();
    assert_eq!(port.address.to_string(), "10.0.0.6");
    recording.done().await;
}

#[tokio::test]
async fn what_neutron_refuses_reaches_the_user_in_its_words_and_the_rest_does_not() {
    let create = format!(
        r#"POST /v2.0/ports {{"port": {{"name": "vip-{VIP}", "tenant_id": "p", "network_id": "{NETWORK}",
        "fixed_ips": [{{"subnet_id": "{SUBNET}", "ip_address": "10.0.0.5"}}], "admin_state_up": true,
        "device_owner": "neutron:LOADBALANCER"}}}}"#
    );
    let words = |refusal| Facts::NetworkServiceRefuses { refusal, said: "words".to_owned() };
    let silent = || Facts::Absence(Absence::NetworkService);
    for (status, kind, facts) in [
        (409, "IpAddressInUse", words(NetworkRefusal::AddressInUse)),
        (409, "IpAddressGenerationFailure", words(NetworkRefusal::SubnetFull)),
        (409, "OverQuota", words(NetworkRefusal::OverQuota)),
        (400, "InvalidInput", words(NetworkRefusal::InvalidInput)),
        (404, "NetworkNotFound", words(NetworkRefusal::NetworkNotFound)),
        (401, "Unauthorized", silent()),
        (500, "HTTPInternalServerError", silent()),
    ] {
        let body = refusal(kind, "words");
        let recording = Recording::play(&[(&normal(&create), status, &body)]).await;
        let fault = recording.neutron.make_port(&wanted(None)).await.unwrap_err();
        assert_eq!(fault.facts(), &facts, "{status} {kind}");
        recording.done().await;
    }
    let missing = format!("GET /v2.0/subnets/{SUBNET}");
    let recording = Recording::play(&[(&missing, 404, &refusal("SubnetNotFound", "x"))]).await;
    let fault = recording.neutron.subnetwork(SUBNET.parse().unwrap()).await.unwrap_err();
    assert_eq!(fault, subnet_not_found(SUBNET));
    recording.done().await;
}

#[test]
fn a_configuration_that_cannot_work_names_its_key() {
    let why = |url: &str, file: &str| Neutron::new(&settings(url, Path::new(file))).err().unwrap();
    assert!(why("neutron:9696", "/t").contains("network.url"));
    assert!(why("http://neutron:9696", "").contains("network.token_file"));
}

#[tokio::test]
async fn over_tls_it_is_asked_with_the_ca_that_is_named_and_with_no_other() {
    let (own, other) = (Issued::new(), Issued::new());
    let asked = [("GET /v2.0/ports?name=vip-00000000-0000-0000-0000-000000000011&fields=id", 200, r#"{"ports": []}"#)];
    let recording = Recording::play_over(Some(&own), &asked).await;
    recording.neutron.remove_port(VIP).await.unwrap();
    let mut settings = settings(&recording.neutron.url, recording._token.path());
    settings.ca = other.pem.path().to_owned();
    let fault = Neutron::new(&settings).unwrap().remove_port(VIP).await.unwrap_err();
    assert_eq!(fault.code(), Code::Unavailable);
    assert!(fault.detail().unwrap().contains("certificate"), "{:?}", fault.detail());
    assert!(recording.left.lock().await.is_empty());
}

#[tokio::test]
async fn an_answer_of_another_shape_is_a_service_that_does_not_answer() {
    let asked = "GET /v2.0/ports?name=vip-00000000-0000-0000-0000-000000000011&fields=id";
    for body in ["", "[]", "7", "\"ports\"", "{}", r#"{"ports": 7}"#] {
        let recording = Recording::play(&[(asked, 200, body)]).await;
        let fault = recording.neutron.remove_port(VIP).await.unwrap_err();
        assert_eq!(fault.code(), Code::Unavailable, "{body}");
        recording.done().await;
    }
}
