//! Probes from a balancer's namespace to members that are well, ill, or none.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    fs::File,
    io::{Read as _, Write as _},
    net::{SocketAddr, TcpListener, TcpStream},
    sync::{Arc, mpsc},
    thread,
    time::{Duration, Instant},
};

use ballast_l4::{
    desired::{Protocol, State},
    prober::{Check, Probe, Prober, Reason, Request, Timing, Verdict, Version},
};
use ballast_lab::{Host, wait_until};
use rustls::{ServerConfig, ServerConnection, StreamOwned};

use crate::world::{SOON, VIP, World, in_world, inside, member, service};

const TIMING: Timing = Timing { delay: Duration::from_millis(100), timeout: Duration::from_secs(1), rise: 2, fall: 2 };

fn probe(check: Check, address: &str) -> Probe {
    Probe { check, address: address.parse().unwrap(), timing: TIMING, known: None }
}

fn request(version: Version, code: u16) -> Request {
    let (method, path) = ("GET".to_owned(), "/".to_owned());
    Request { method, path, host: Some("member.example".to_owned()), version, expected: vec![code..=code] }
}

fn namespace(host: &Host) -> File {
    File::open(format!("/proc/{}/ns/net", host.keeper_pid())).unwrap()
}

/// The verdicts, once all of these are known.
fn verdicts<const N: usize>(world: &World<'_>, probes: [(&str, Probe); N]) -> BTreeMap<String, Verdict> {
    let prober = Prober::start(|_| {}).unwrap();
    let probes: BTreeMap<String, Probe> = probes.map(|(key, probe)| (key.to_owned(), probe)).into();
    prober.set("lb", namespace(&world.balancer), probes);
    let found = wait_until(SOON, "all verdicts", || {
        let verdicts = prober.verdicts("lb");
        verdicts.values().all(|verdict| verdict.up.is_some()).then_some(verdicts)
    });
    prober.close();
    found
}

#[track_caller]
fn assert_verdicts(found: &BTreeMap<String, Verdict>, expected: &[(&str, bool, &[Reason])]) {
    for (key, up, reasons) in expected {
        let verdict = &found[*key];
        let last = verdict.last.as_ref().unwrap();
        assert!(verdict.up == Some(*up) && reasons.contains(&last.reason), "{key}: {verdict:?}");
    }
}

#[test]
fn tcp_udp_and_ping_tell_who_is_there() {
    in_world(|world| {
        inside(&world.balancer, || std::fs::write("/proc/sys/net/ipv4/ping_group_range", "0 0"))?;
        let found = verdicts(
            &world,
            [
                ("tcp", probe(Check::Tcp, "10.0.0.11:8080")),
                ("tcp6", probe(Check::Tcp, "[fd00::11]:8080")),
                ("tcp-closed", probe(Check::Tcp, "10.0.0.12:9")),
                ("tcp-nobody", probe(Check::Tcp, "10.0.0.99:9")),
                ("tcp-nowhere", probe(Check::Tcp, "192.0.2.1:9")),
                ("udp", probe(Check::UdpConnect, "10.0.0.13:8080")),
                ("udp-closed", probe(Check::UdpConnect, "10.0.0.14:9")),
                ("ping", probe(Check::Ping, "10.0.0.11:0")),
                ("ping6", probe(Check::Ping, "[fd00::11]:0")),
                ("ping-nobody", probe(Check::Ping, "10.0.0.99:0")),
            ],
        );
        let nobody = [Reason::TimedOut, Reason::Unreachable];
        assert_verdicts(
            &found,
            &[
                ("tcp", true, &[Reason::Passed]),
                ("tcp6", true, &[Reason::Passed]),
                ("tcp-closed", false, &[Reason::Refused]),
                ("tcp-nobody", false, &nobody),
                ("tcp-nowhere", false, &[Reason::Unreachable]),
                ("udp", true, &[Reason::Passed, Reason::Silent]),
                ("udp-closed", false, &[Reason::Refused]),
                ("ping", true, &[Reason::Passed]),
                ("ping6", true, &[Reason::Passed]),
                ("ping-nobody", false, &nobody),
            ],
        );
        Ok(())
    });
}

/// A member that answers whatever it is asked with this, over each connection.
fn answer_all(host: &Host, address: &str, answer: impl Fn(TcpStream) + Send + 'static) {
    let address: SocketAddr = address.parse().unwrap();
    let listener = inside(host, || TcpListener::bind(address).unwrap());
    thread::spawn(move || listener.incoming().flatten().for_each(answer));
}

fn say(mut stream: TcpStream, text: &str) {
    let _asked = stream.read(&mut [0; 1024]);
    let _gone = stream.write_all(text.as_bytes());
}

#[test]
fn http_tells_who_answers_as_expected() {
    in_world(|world| {
        answer_all(&world.web, "10.0.0.11:80", |stream| say(stream, "HTTP/1.1 204 No Content\r\n\r\n"));
        answer_all(&world.web, "10.0.0.12:80", |stream| say(stream, "HTTP/1.1 503 Out of Order\r\n\r\n"));
        answer_all(&world.web, "10.0.0.13:80", |stream| say(stream, "220 mail.example\r\n"));
        answer_all(&world.web, "10.0.0.14:80", drop);
        answer_all(&world.web, "10.0.0.15:80", std::mem::forget);
        let http = |address| probe(Check::Http(request(Version::V11, 204)), address);
        let found = verdicts(
            &world,
            [
                ("good", http("10.0.0.11:80")),
                ("bad", http("10.0.0.12:80")),
                ("mail", http("10.0.0.13:80")),
                ("closes", http("10.0.0.14:80")),
                ("hangs", http("10.0.0.15:80")),
            ],
        );
        assert_verdicts(
            &found,
            &[
                ("good", true, &[Reason::Passed]),
                ("bad", false, &[Reason::WrongCode]),
                ("mail", false, &[Reason::NotHttp]),
                ("closes", false, &[Reason::Closed]),
                ("hangs", false, &[Reason::TimedOut]),
            ],
        );
        let bad = found["bad"].last.as_ref().unwrap();
        assert_eq!((bad.code, bad.text.as_str()), (Some(503), "Out of Order"));
        let hangs = found["hangs"].last.as_ref().unwrap();
        assert!((1_000..3_000).contains(&hangs.milliseconds), "{hangs:?}");
        assert!(found["good"].since.is_some());
        Ok(())
    });
}

fn tls() -> Arc<ServerConfig> {
    let made = rcgen::generate_simple_self_signed(vec!["member.example".to_owned()]).unwrap();
    let key = rustls::pki_types::PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let builder = ServerConfig::builder_with_provider(Arc::new(rustls::crypto::ring::default_provider()));
    let builder = builder.with_safe_default_protocol_versions().unwrap().with_no_client_auth();
    Arc::new(builder.with_single_cert(vec![made.cert.der().clone()], key.into()).unwrap())
}

#[test]
fn tls_is_spoken_with_anybody_who_speaks_it() {
    in_world(|world| {
        let config = tls();
        answer_all(&world.web, "10.0.0.11:443", move |stream| {
            let mut stream = StreamOwned::new(ServerConnection::new(Arc::clone(&config)).unwrap(), stream);
            let _asked = stream.read(&mut [0; 1024]);
            let _gone = stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n");
        });
        answer_all(&world.web, "10.0.0.12:443", |stream| say(stream, "HTTP/1.1 400 Bad Request\r\n\r\n"));
        let https = |address, code| probe(Check::Https(request(Version::V10, code)), address);
        let hello = |address, name: Option<&str>| probe(Check::TlsHello { name: name.map(str::to_owned) }, address);
        let found = verdicts(
            &world,
            [
                ("https", https("10.0.0.11:443", 200)),
                ("wrong", https("10.0.0.11:443", 201)),
                ("plain", https("10.0.0.12:443", 200)),
                ("hello", hello("10.0.0.11:443", None)),
                ("named", hello("10.0.0.11:443", Some("other.example"))),
                ("no-hello", hello("10.0.0.12:443", None)),
            ],
        );
        assert_verdicts(
            &found,
            &[
                ("https", true, &[Reason::Passed]),
                ("wrong", false, &[Reason::WrongCode]),
                ("plain", false, &[Reason::NoTls]),
                ("hello", true, &[Reason::Passed]),
                ("named", true, &[Reason::Passed]),
                ("no-hello", false, &[Reason::NoTls]),
            ],
        );
        Ok(())
    });
}

#[test]
fn an_init_of_sctp_is_answered_or_not() {
    in_world(|world| {
        crate::sctp::serve(&world.web, 1, "10.0.0.11".parse()?);
        crate::sctp::serve(&world.web, 2, "fd00::12".parse()?);
        let found = verdicts(
            &world,
            [
                ("answers", probe(Check::Sctp, "10.0.0.11:9000")),
                ("six", probe(Check::Sctp, "[fd00::12]:9000")),
                ("nobody", probe(Check::Sctp, "10.0.0.99:9000")),
            ],
        );
        assert_verdicts(
            &found,
            &[
                ("answers", true, &[Reason::Passed]),
                ("six", true, &[Reason::Passed]),
                ("nobody", false, &[Reason::TimedOut, Reason::Unreachable]),
            ],
        );
        Ok(())
    });
}

#[test]
fn a_verdict_that_changes_is_told_and_clients_follow_it() {
    in_world(|mut world| {
        let mut asked = service(Protocol::Tcp, [member(1), member(2)]);
        world.pass(&asked);
        let (tell, told) = mpsc::channel();
        let prober = Prober::start(move |id| tell.send(id.to_owned()).unwrap())?;
        let probes = |port: u16| -> BTreeMap<String, Probe> {
            let of = |number: u8| {
                let port = if number == 1 { port } else { 8080 };
                (number.to_string(), probe(Check::Tcp, &format!("10.0.0.1{number}:{port}")))
            };
            [1, 2].map(of).into()
        };
        prober.set("lb", namespace(&world.balancer), probes(8080));
        for _ in 0..2 {
            assert_eq!(told.recv_timeout(SOON)?, "lb");
        }
        let since = prober.verdicts("lb")["2"].since;
        prober.set("lb", namespace(&world.balancer), probes(9));
        // The first answer may be there already: it refuses.
        assert_ne!(prober.verdicts("lb")["1"].up, Some(true), "another question has no verdict yet");
        assert_eq!(told.recv_timeout(SOON)?, "lb");
        let verdicts = prober.verdicts("lb");
        assert_eq!((verdicts["1"].up, verdicts["2"].since), (Some(false), since));
        for member in &mut asked.listeners[0].members {
            let up = verdicts[&member.id].up == Some(true);
            member.state = if up { State::Up } else { State::Down };
        }
        world.pass(&asked);
        assert_eq!(world.answers(VIP, 4), [(2, 4)].into());
        prober.remove("lb");
        assert!(prober.verdicts("lb").is_empty());
        prober.close();
        Ok(())
    });
}

#[test]
fn datagrams_to_one_host_are_a_second_apart_as_are_its_answers() {
    in_world(|world| {
        let begun = Instant::now();
        let once = Timing { delay: Duration::from_secs(5), fall: 1, ..TIMING };
        let closed = |port: u16| Probe { timing: once, ..probe(Check::UdpConnect, &format!("10.0.0.11:{port}")) };
        let found = verdicts(&world, [("a", closed(9)), ("b", closed(10)), ("c", closed(11))]);
        assert_verdicts(&found, &["a", "b", "c"].map(|key| (key, false, &[Reason::Refused][..])));
        assert!(begun.elapsed() >= Duration::from_secs(2), "{:?}", begun.elapsed());
        Ok(())
    });
}
