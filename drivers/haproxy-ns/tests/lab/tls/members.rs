//! TLS to members.

use ballast_abi::{Health, MonitorType, PoolTls, Protocol, Secret};
use ballast_lab::{Process, wait_until};
use ballast_namespace::rehearsal::authority::Authority;

use super::{HTTPS, Secrets, curl, in_tls_world, of, with_tls, write};
use crate::world::{SOON, TestResultOf, VIP, World, load_balancer, monitor};

/// A member that speaks TLS and tells what it sees of the other side: NAME ADDRESS CERTIFICATE CA ALPN
const MEMBER: &str = r"
import http.server, ssl, sys
name, address, certificate, ca, alpn = sys.argv[1:6]
class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = 'HTTP/1.1'
    def do_GET(self):
        shown = self.connection.getpeercert()
        shown = dict(pair[0] for pair in shown['subject'])['commonName'] if shown else 'nobody'
        seen = [name, self.connection.version(), str(self.connection.selected_alpn_protocol()), shown,
                str(self.connection.asked_for)]
        body = (' '.join(seen) + '\n').encode()
        self.send_response(200)
        self.send_header('Content-Length', str(len(body)))
        self.end_headers()
        self.wfile.write(body)
    do_OPTIONS = do_GET
    def log_message(self, *_):
        pass
context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate)
context.load_verify_locations(ca)
context.verify_mode = ssl.CERT_OPTIONAL
if alpn:
    context.set_alpn_protocols(alpn.split(','))
class Socket(ssl.SSLSocket):
    asked_for = None
context.sslsocket_class = Socket
def asked(socket, asked_for, _):
    socket.asked_for = asked_for
context.sni_callback = asked
class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True
    def get_request(self):
        plain, client = self.socket.accept()
        return context.wrap_socket(plain, server_side=True, do_handshake_on_connect=False), client
    def handle_error(self, *_):
        pass
server = Server((address, 8443), Handler)
print('listening', flush=True)
server.serve_forever()
";

/// Members 1 and 2 at port 8443, each with a certificate of one of these.
fn members(world: &World<'_>, by: [&Authority; 2], clients: &Authority, alpn: &str) -> TestResultOf<Vec<Process>> {
    let ca = write(world, "of-load-balancers.pem", &clients.pem());
    let script = write(world, "member.py", MEMBER);
    let mut started = Vec::new();
    for (at, authority) in (1_u64..).zip(by) {
        let (pem, key) = authority.issue("member", &["member.example", "www.example"], 20 + at);
        let certificate = write(world, &format!("member-{at}.pem"), &format!("{pem}{key}"));
        let host = &world.web[usize::try_from(at)? - 1];
        let mut command = host.command("python3");
        let address = format!("10.0.0.1{at}");
        command.args([&script, &format!("tls-{at}"), &address, &certificate, &ca, alpn]);
        started.push(host.spawn(command)?);
        wait_until(SOON, "the member listens", || {
            host.output("sh", ["-c", &format!("openssl s_client -connect {address}:8443 </dev/null")]).ok()
        });
    }
    Ok(started)
}

fn asked(tls: PoolTls, kind: Option<MonitorType>) -> ballast_abi::LoadBalancer {
    let mut asked = load_balancer();
    asked.pools[0].tls = Some(tls);
    asked.pools[0].members.iter_mut().for_each(|member| member.protocol_port = 8443);
    asked.pools[0].monitors = kind.into_iter().map(monitor).collect();
    asked
}

/// What members have said, each once.
fn said(world: &World<'_>) -> Vec<String> {
    world.answers(VIP, 4)
}

#[test]
fn members_are_spoken_to_through_tls_and_are_shown_a_certificate() {
    in_tls_world(|world, mut secrets| {
        let (good, clients) = (Authority::new("members"), Authority::new("load balancers"));
        let _members = members(&world, [&good, &good], &clients, "http/1.1")?;
        let plain = PoolTls::default();
        secrets.deploy_whole(&world, &asked(plain.clone(), None), 1);
        assert_eq!(said(&world), ["tls-1 TLSv1.3 None nobody None", "tls-2 TLSv1.3 None nobody None"]);
        let (pem, key) = clients.issue("the load balancer", &[], 3);
        let own = secrets.add("own", 1, &pem, &key);
        let settings = PoolTls {
            client_certificate: Some(own),
            versions: vec!["TLSv1.2".into()],
            ciphers: "ECDHE-ECDSA-AES256-GCM-SHA384".into(),
            alpn_protocols: vec!["http/1.1".into()],
            ca: Some(secrets.add("members", 1, &good.pem(), "")),
            ..plain
        };
        secrets.deploy_whole(&world, &asked(settings.clone(), Some(MonitorType::Http)), 2);
        world.wait_for_answers(
            VIP,
            &["tls-1 TLSv1.2 http/1.1 the load balancer None", "tls-2 TLSv1.2 http/1.1 the load balancer None"],
        );
        // Through TLS on both sides the member is asked for the name that the client has asked for.
        let certificate = secrets.server("web", 1, &["www.example"]);
        let mut both = with_tls(of(certificate));
        both.pools = asked(settings, None).pools;
        secrets.deploy_whole(&world, &both, 3);
        let answer = curl(&world, HTTPS, &[]).unwrap();
        assert!(answer.contains("TLSv1.2 http/1.1 the load balancer www.example\n200 HTTP/1.1"), "{answer}");
        Ok(())
    });
}

fn verified(secrets: &mut Secrets, version: u32, ca: &str, crl: Option<Secret>) -> PoolTls {
    PoolTls { ca: Some(secrets.add("members", version, ca, "")), crl, ..PoolTls::default() }
}

#[test]
fn a_member_that_is_not_verified_is_down_whatever_checks_it_and_gets_no_request() {
    in_tls_world(|world, mut secrets| {
        let (good, other) = (Authority::new("members"), Authority::new("others"));
        let _members = members(&world, [&good, &other], &good, "")?;
        let mut generation = 0;
        for kind in [MonitorType::Tcp, MonitorType::Http, MonitorType::Https, MonitorType::TlsHello] {
            generation += 1;
            let tls = verified(&mut secrets, generation, &good.pem(), None);
            secrets.deploy_whole(&world, &asked(tls, Some(kind)), u64::from(generation));
            wait_until(SOON, &format!("the other's member is down for {kind:?}"), || {
                (world.health()? == [Health::Up, Health::Down]).then_some(())
            });
            assert_eq!(said(&world), ["tls-1 TLSv1.3 None nobody None"], "{kind:?}");
            generation += 1;
            let both = format!("{}{}", good.pem(), other.pem());
            let tls = verified(&mut secrets, generation, &both, None);
            secrets.deploy_whole(&world, &asked(tls, Some(kind)), u64::from(generation));
            wait_until(SOON, &format!("both members are up for {kind:?}"), || {
                (world.health()? == [Health::Up, Health::Up]).then_some(())
            });
        }
        Ok(())
    });
}

/// Where a certificate is shown to them haproxy takes another CA of members while it runs.
#[test]
fn another_ca_of_members_that_are_shown_a_certificate_counts_without_another_process() {
    in_tls_world(|world, mut secrets| {
        let (good, other) = (Authority::new("members"), Authority::new("others"));
        let _members = members(&world, [&good, &other], &good, "")?;
        let (pem, key) = good.issue("the load balancer", &[], 3);
        let own = secrets.add("own", 1, &pem, &key);
        let with =
            |tls: PoolTls| asked(PoolTls { client_certificate: Some(own.clone()), ..tls }, Some(MonitorType::Tcp));
        let tls = verified(&mut secrets, 1, &good.pem(), None);
        secrets.deploy_whole(&world, &with(tls), 1);
        let pid = world.pid();
        let health = |expected: [Health; 2]| {
            wait_until(SOON, &format!("members are {expected:?}"), || (world.health()? == expected).then_some(()));
        };
        health([Health::Up, Health::Down]);
        let both = verified(&mut secrets, 2, &format!("{}{}", good.pem(), other.pem()), None);
        secrets.deploy_whole(&world, &with(both), 2);
        health([Health::Up, Health::Up]);
        let only = verified(&mut secrets, 3, &other.pem(), None);
        secrets.deploy_whole(&world, &with(only), 3);
        health([Health::Down, Health::Up]);
        assert_eq!(world.pid(), pid);
        Ok(())
    });
}

#[test]
fn a_member_whose_certificate_was_taken_back_is_down() {
    in_tls_world(|world, mut secrets| {
        let good = Authority::new("members");
        let _members = members(&world, [&good, &good], &good, "")?;
        let crl = secrets.add("list", 1, &good.revoked(&[22]), "");
        let tls = verified(&mut secrets, 1, &good.pem(), Some(crl));
        secrets.deploy_whole(&world, &asked(tls, Some(MonitorType::Https)), 1);
        wait_until(SOON, "the member whose certificate was taken back is down", || {
            (world.health()? == [Health::Up, Health::Down]).then_some(())
        });
        assert_eq!(said(&world), ["tls-1 TLSv1.3 None nobody None"]);
        Ok(())
    });
}

#[test]
fn tcp_goes_on_through_tls_and_a_reload_does_not_switch_it_off() {
    in_tls_world(|world, mut secrets| {
        let good = Authority::new("members");
        let _members = members(&world, [&good, &good], &good, "")?;
        let tls = verified(&mut secrets, 1, &good.pem(), None);
        let mut over_tcp = asked(tls, Some(MonitorType::Tcp));
        over_tcp.pools[0].protocol = Protocol::Tcp.into();
        over_tcp.listeners[0].protocol = Protocol::Tcp.into();
        let expected = ["tls-1 TLSv1.3 None nobody None", "tls-2 TLSv1.3 None nobody None"];
        for generation in 1..4 {
            crate::world::must_reload(&mut over_tcp, generation);
            secrets.deploy_whole(&world, &over_tcp, generation);
            world.wait_for_answers(VIP, &expected);
        }
        Ok(())
    });
}
