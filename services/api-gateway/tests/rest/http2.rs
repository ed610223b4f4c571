//! REST over TLS, by HTTP/1.1 and HTTP/2: what bounds a connection of the one bounds a request of the other.

use std::{
    os::unix::fs::PermissionsExt as _,
    sync::Arc,
    time::{Duration, Instant},
};

use h2::{RecvStream, client::SendRequest};
use rustls::{ClientConfig, RootCertStore, crypto::ring, pki_types::ServerName};
use tempfile::TempDir;
use tokio::{
    io::{AsyncReadExt as _, AsyncWriteExt as _},
    net::TcpStream,
    task::JoinHandle,
};
use tokio_rustls::{TlsConnector, client::TlsStream};

use crate::setting::Setting;

/// Longer than all bounds of a test together.
const PATIENCE: Duration = Duration::from_secs(20);
/// A text that does not fit into the window that a client begins with.
const LARGE: &str = "/openapi-v2.json";
/// What a client of HTTP/2 begins with, and a frame of settings with nothing in it.
const PREFACE: &[u8] = b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n\0\0\0\x04\0\0\0\0\0";

/// A gateway that speaks TLS.
struct Secure {
    setting: Setting,
    connector: Arc<ClientConfig>,
    _files: TempDir,
}

/// A connection of HTTP/2.
struct Client {
    send: SendRequest<axum::body::Bytes>,
    connection: JoinHandle<Result<(), h2::Error>>,
    authority: String,
}

impl Secure {
    /// With these bounds in milliseconds: the head of a first request, between two, and of who takes nothing; and so many
    /// connections, or requests, at most.
    async fn start((head, idle, stall): (u32, u32, u32), max: u32) -> Self {
        let files = tempfile::tempdir().unwrap();
        let made = rcgen::generate_simple_self_signed(["127.0.0.1".to_owned()]).unwrap();
        let (cert, key) = (files.path().join("cert.pem"), files.path().join("key.pem"));
        std::fs::write(&cert, made.cert.pem()).unwrap();
        std::fs::write(&key, made.signing_key.serialize_pem()).unwrap();
        std::fs::set_permissions(&key, std::fs::Permissions::from_mode(0o600)).unwrap();
        let setting = Setting::with(|settings| {
            settings.gateway.tls_cert = cert;
            settings.gateway.tls_key = key;
            settings.connections.head_timeout_ms = head;
            settings.connections.idle_timeout_ms = idle;
            settings.connections.stall_timeout_ms = stall;
            settings.connections.max = max;
        });
        let setting = setting.await;
        let mut roots = RootCertStore::empty();
        roots.add(made.cert.der().clone()).unwrap();
        let connector = ClientConfig::builder_with_provider(Arc::new(ring::default_provider()))
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_root_certificates(roots)
            .with_no_client_auth();
        Self { setting, connector: Arc::new(connector), _files: files }
    }

    fn authority(&self) -> String {
        self.setting.url.strip_prefix("http://").unwrap().to_owned()
    }

    /// A connection by which these protocols are offered.
    async fn dial(&self, offered: &[&[u8]]) -> TlsStream<TcpStream> {
        let mut config = ClientConfig::clone(&self.connector);
        config.alpn_protocols = offered.iter().map(|name| name.to_vec()).collect();
        let tcp = TcpStream::connect(self.authority()).await.unwrap();
        let name = ServerName::try_from("127.0.0.1").unwrap();
        TlsConnector::from(Arc::new(config)).connect(name, tcp).await.unwrap()
    }

    async fn client(&self) -> Client {
        let (send, connection) = h2::client::handshake(self.dial(&[b"h2"]).await).await.unwrap();
        Client { send, connection: tokio::spawn(connection), authority: self.authority() }
    }
}

impl Client {
    /// The status, and the body that is to come.
    async fn ask(&self, path: &str, headers: &[(&str, &str)]) -> Result<(u16, RecvStream), h2::Error> {
        let mut request = axum::http::Request::builder().uri(format!("https://{}{path}", self.authority));
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut send = self.send.clone().ready().await?;
        let (response, _) = send.send_request(request.body(()).unwrap(), true)?;
        let response = response.await?;
        Ok((response.status().as_u16(), response.into_body()))
    }

    async fn get(&self, path: &str) -> (u16, String) {
        let (status, body) = self.ask(path, &[]).await.unwrap();
        (status, whole(body).await.unwrap())
    }

    /// How it ends, and after how long.
    async fn end(self) -> Duration {
        let began = Instant::now();
        drop(self.send);
        let _ = tokio::time::timeout(PATIENCE, self.connection).await.expect("an end");
        began.elapsed()
    }
}

/// Takes all of a body.
async fn whole(mut body: RecvStream) -> Result<String, h2::Error> {
    let mut all = Vec::new();
    while let Some(data) = body.data().await {
        let data = data?;
        body.flow_control().release_capacity(data.len())?;
        all.extend_from_slice(&data);
    }
    Ok(String::from_utf8(all).unwrap())
}

/// Whether a connection is closed within the time that a test has.
async fn is_closed(stream: &mut TlsStream<TcpStream>) -> bool {
    let mut bytes = [0; 4096];
    let read = async { while !matches!(stream.read(&mut bytes).await, Ok(0) | Err(_)) {} };
    tokio::time::timeout(PATIENCE, read).await.is_ok()
}

#[tokio::test]
async fn both_protocols_are_served_over_tls_and_a_client_has_the_one_that_it_knows() {
    let secure = Secure::start((10_000, 60_000, 60_000), 64).await;
    for (offered, agreed) in [
        (&[&b"h2"[..], b"http/1.1"][..], Some(&b"h2"[..])),
        (&[b"http/1.1", b"h2"], Some(b"h2")),
        (&[b"http/1.1"], Some(b"http/1.1")),
        (&[], None),
    ] {
        let mut stream = secure.dial(offered).await;
        assert_eq!(stream.get_ref().1.alpn_protocol(), agreed);
        if agreed != Some(b"h2") {
            let request = format!("GET /v2.0 HTTP/1.1\r\nhost: {}\r\nconnection: close\r\n\r\n", secure.authority());
            stream.write_all(request.as_bytes()).await.unwrap();
            let mut answer = String::new();
            stream.read_to_string(&mut answer).await.unwrap();
            assert!(answer.starts_with("HTTP/1.1 200 ") && answer.contains("https://127.0.0.1"), "{answer}");
        }
    }
    let client = secure.client().await;
    let (status, versions) = client.get("/v2.0").await;
    assert!(status == 200 && versions.contains("https://127.0.0.1"), "{versions}");
    let (status, pools) = client.get("/v2.0/lb/pools.json?limit=2&fields=name").await;
    assert!(status == 200 && pools.contains(&format!("https://{}/v2.0/lb/pools.json?", secure.authority())), "{pools}");
    // A client that names another host than the one that it asks is nobody's.
    assert_eq!(client.ask("/v2.0", &[("host", "evil.example")]).await.unwrap().0, 400);
    assert_eq!(client.send.clone().ready().await.unwrap().current_max_send_streams(), 100);
}

#[tokio::test]
async fn headers_have_a_bound_and_the_connection_goes_on() {
    let secure = Secure::start((10_000, 60_000, 60_000), 64).await;
    let client = secure.client().await;
    let text = "x".repeat(8_000);
    for (count, expected) in [(7, 200), (9, 431)] {
        let headers = vec![("x-odd", text.as_str()); count];
        assert_eq!(client.ask("/", &headers).await.unwrap().0, expected, "{count}");
    }
    assert_eq!(client.get("/").await.0, 200);
}

#[tokio::test]
async fn who_says_nothing_or_not_all_of_it_is_closed() {
    let secure = Secure::start((400, 60_000, 60_000), 64).await;
    // A frame of headers that are to go on, of a first request that never comes.
    let half = [PREFACE, b"\0\0\x01\x01\x01\0\0\0\x01\x82"].concat();
    for begun in [&b""[..], &PREFACE[..10], PREFACE, &half] {
        let mut stream = secure.dial(&[b"h2"]).await;
        stream.write_all(begun).await.unwrap();
        assert!(is_closed(&mut stream).await, "still open after {begun:?}");
    }
}

#[tokio::test]
async fn a_connection_without_requests_ends_and_one_with_requests_does_not() {
    let secure = Secure::start((10_000, 600, 60_000), 64).await;
    let client = secure.client().await;
    let began = Instant::now();
    while began.elapsed() < Duration::from_secs(2) {
        assert_eq!(client.get("/").await.0, 200);
        tokio::time::sleep(Duration::from_millis(100)).await;
    }
    // Its handle stays, so it is the gateway that ends it.
    let ended = tokio::time::timeout(PATIENCE, client.connection).await.expect("an end").unwrap();
    assert!(ended.is_ok(), "it is told before: {ended:?}");
}

#[tokio::test]
async fn who_takes_nothing_of_an_answer_loses_the_connection_and_who_takes_it_slowly_does_not() {
    let secure = Secure::start((10_000, 60_000, 1_000), 64).await;
    let slow = secure.client().await;
    let (_, mut body) = slow.ask(LARGE, &[]).await.unwrap();
    let began = Instant::now();
    let mut taken = 0;
    while let Some(data) = body.data().await {
        let data = data.unwrap();
        taken += data.len();
        if began.elapsed() < Duration::from_secs(3) {
            tokio::time::sleep(Duration::from_millis(400)).await;
        }
        body.flow_control().release_capacity(data.len()).unwrap();
    }
    assert!(taken > 100_000 && began.elapsed() > Duration::from_secs(2), "{taken} in {:?}", began.elapsed());
    let stalled = secure.client().await;
    let held = stalled.ask(LARGE, &[]).await.unwrap();
    assert!(stalled.end().await >= Duration::from_millis(800), "it had a second");
    drop(held);
    assert_eq!(slow.get("/").await.0, 200, "it is another connection");
}

#[tokio::test]
async fn one_client_has_no_more_requests_under_way_than_it_may_have_connections() {
    // Of 16 a machine's own have all but the two that are kept for the Unix socket.
    let secure = Secure::start((10_000, 60_000, 60_000), 16).await;
    let client = secure.client().await;
    let mut held = Vec::new();
    let mut statuses = Vec::new();
    for _ in 0..20 {
        let (status, body) = client.ask(LARGE, &[]).await.unwrap();
        statuses.push(status);
        held.push(body);
    }
    assert_eq!(statuses, [vec![200; 14], vec![503; 6]].concat());
    drop(held);
    let again = async {
        while client.get("/").await.0 != 200 {
            tokio::time::sleep(Duration::from_millis(20)).await;
        }
    };
    tokio::time::timeout(PATIENCE, again).await.expect("room again");
}

#[tokio::test]
async fn a_gateway_that_ends_tells_so_and_finishes_what_is_under_way() {
    let secure = Secure::start((10_000, 60_000, 60_000), 64).await;
    let (idle, busy) = (secure.client().await, secure.client().await);
    assert_eq!(idle.get("/").await.0, 200);
    let (status, body) = busy.ask(LARGE, &[]).await.unwrap();
    assert_eq!(status, 200);
    let Secure { setting, _files, .. } = secure;
    let ending = tokio::spawn(setting.end());
    assert!(idle.end().await < Duration::from_secs(5));
    let text = whole(body).await.unwrap();
    assert!(text.ends_with('}') && text.len() > 100_000, "{} bytes", text.len());
    let ended = tokio::time::timeout(Duration::from_secs(5), ending).await.expect("an end");
    assert!(ended.unwrap().is_ok());
}
