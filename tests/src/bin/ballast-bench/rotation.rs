//! From the PUT of another certificate to the first client that is shown it: by haproxy-ns, which tells its haproxy while it runs.

use std::{
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpStream},
    sync::Arc,
    thread,
    time::{Duration, Instant},
};

use ballast_lab::{Host, Lab};
use nix::sched::{CloneFlags, setns};
use rcgen::CertifiedKey;
use rustls::{ClientConfig, ClientConnection, RootCertStore, Stream, pki_types::ServerName};
use serde_json::{Value, json};

use crate::{
    Failure, Options, Outcome,
    octavia::until_active,
    probe, report,
    rest::Rest,
    samples::Samples,
    stack::{Driver, Plan, Stack},
    topology::{FAST_PORT, Ground, MEMBERS, vip},
};

const ROUNDS: usize = 200;
const OWN: usize = 5_100;
const NAME: &str = "www.example";
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn run(lab: &Lab, ground: &Ground, options: &Options) -> Outcome<Value> {
    report::heading("rotation", "from the PUT of another certificate to a client that is shown it");
    let plan = Plan { driver: Driver::HaproxyNs, host: Some(&ground.agent), log_level: "info", database: None };
    let stack = Stack::start(lab, "rotation", &plan)?;
    let result = with(&stack, ground, options.count(ROUNDS)).inspect_err(|_| stack.complain())?;
    ground.settle()?;
    Ok(result)
}

fn with(stack: &Stack, ground: &Ground, rounds: usize) -> Outcome<Value> {
    let (mut rest, target) = (stack.rest()?, SocketAddr::from((vip(OWN), 443)));
    let first = certificate()?;
    let id = rest.create("/ballast/v1/certificates", &body(&first))?;
    let balancer = json!({ "loadbalancer": {
        "vip_subnet_id": stack.subnet_id, "vip_address": vip(OWN),
        "listeners": [{
            "protocol": "TERMINATED_HTTPS", "protocol_port": 443, "default_tls_container_ref": format!("/v1/containers/{id}"),
            "default_pool": { "name": "web", "protocol": "HTTP", "lb_algorithm": "ROUND_ROBIN", "members": [
                { "address": MEMBERS[0], "protocol_port": FAST_PORT }
            ] },
        }],
    } });
    let balancer = rest.create("/v2.0/lbaas/loadbalancers", &balancer)?;
    until_active(&mut rest, &balancer)?;
    shown(&ground.client, target, &first)?;
    let (mut took, mut settled) = (Samples::default(), Samples::default());
    for _ in 0..rounds {
        let next = certificate()?;
        let (served, active) = rotate(&mut rest, &ground.client, (&id, &balancer, target), &next)?;
        took.add(served.as_secs_f64() * 1e3);
        settled.add(active.as_secs_f64() * 1e3);
    }
    report::columns("ms");
    report::row("until a client is shown it", &took);
    report::row("until ACTIVE", &settled);
    rest.delete(&format!("/v2.0/lbaas/loadbalancers/{balancer}?cascade=true"))?;
    Ok(json!({ "served_ms": took.json(), "active_ms": settled.json() }))
}

/// How long it took until the next one was shown, and until the load balancer was ACTIVE with it.
fn rotate(
    rest: &mut Rest,
    client: &Host,
    (id, balancer, target): (&str, &str, SocketAddr),
    next: &CertifiedKey<rcgen::KeyPair>,
) -> Outcome<(Duration, Duration)> {
    let (namespace, config) = (probe::namespace(client)?, believing(next)?);
    let asking = thread::Builder::new().name("client".to_owned()).spawn(move || -> Result<Instant, Failure> {
        setns(&namespace, CloneFlags::CLONE_NEWNET)?;
        ask_until_shown(target, &config)
    })?;
    let begun = Instant::now();
    rest.call("PUT", &format!("/ballast/v1/certificates/{id}"), Some(&body(next)))?.expect(200)?;
    let shown = asking.join().map_err(|_| "the client panicked")??;
    until_active(rest, balancer)?;
    Ok((shown.duration_since(begun), begun.elapsed()))
}

fn shown(client: &Host, target: SocketAddr, certificate: &CertifiedKey<rcgen::KeyPair>) -> Outcome<()> {
    let (namespace, config) = (probe::namespace(client)?, believing(certificate)?);
    let asking = thread::spawn(move || -> Result<Instant, Failure> {
        setns(&namespace, CloneFlags::CLONE_NEWNET)?;
        ask_until_shown(target, &config)
    });
    asking.join().map_err(|_| "the client panicked")?.map(drop)
}

/// One connection after the other, each with a whole handshake.
fn ask_until_shown(target: SocketAddr, config: &Arc<ClientConfig>) -> Outcome<Instant> {
    let begun = Instant::now();
    loop {
        match ask(target, config) {
            Ok(()) => return Ok(Instant::now()),
            Err(error) if begun.elapsed() > PATIENCE => return Err(error),
            Err(_) => {}
        }
    }
}

fn ask(target: SocketAddr, config: &Arc<ClientConfig>) -> Outcome<()> {
    let mut tcp = TcpStream::connect_timeout(&target, PATIENCE)?;
    tcp.set_read_timeout(Some(PATIENCE))?;
    let mut tls = ClientConnection::new(Arc::clone(config), ServerName::try_from(NAME)?)?;
    let mut stream = Stream::new(&mut tls, &mut tcp);
    stream.write_all(b"GET / HTTP/1.0\r\nhost: www.example\r\n\r\n")?;
    let mut first = [0; 1];
    stream.read_exact(&mut first)?;
    Ok(())
}

fn certificate() -> Outcome<CertifiedKey<rcgen::KeyPair>> {
    Ok(rcgen::generate_simple_self_signed([NAME.to_owned()])?)
}

fn body(certificate: &CertifiedKey<rcgen::KeyPair>) -> Value {
    let (chain, key) = (certificate.cert.pem(), certificate.signing_key.serialize_pem());
    json!({ "certificate": { "name": "web", "certificate_chain": chain, "private_key": key } })
}

/// A client that believes this certificate and no other, and goes on with no session of before.
fn believing(certificate: &CertifiedKey<rcgen::KeyPair>) -> Outcome<Arc<ClientConfig>> {
    let mut roots = RootCertStore::empty();
    roots.add(certificate.cert.der().clone())?;
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let builder = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(Arc::new(builder.with_root_certificates(roots).with_no_client_auth()))
}
