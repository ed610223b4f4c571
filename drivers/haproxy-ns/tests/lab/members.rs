//! What members see, and how they are checked.

use std::{
    io::{self, BufRead, BufReader, Read, Write},
    net::{TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{Driver, Health, HealthMonitor, LbMethod, MonitorType, Protocol};
use ballast_lab::wait_until;

use crate::world::{SOON, VIP, in_world, load_balancer, monitor, must_reload};

/// What the next connection begins with, up to `length` bytes; it is answered as HTTP.
fn first_bytes(listener: TcpListener, length: usize) -> thread::JoinHandle<io::Result<Vec<u8>>> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        stream.set_read_timeout(Some(Duration::from_secs(10)))?;
        let mut seen = vec![0; length];
        stream.read_exact(&mut seen)?;
        stream.write_all(b"HTTP/1.0 200 OK\r\n\r\n")?;
        Ok(seen)
    })
}

#[test]
fn a_member_sees_the_header_of_the_proxy_protocol_behind_http_and_tcp() {
    in_world(|world| {
        let mut generation = 0;
        for listener in [Protocol::Http, Protocol::Tcp] {
            for (pool, expected) in [
                (Protocol::Proxy, b"PROXY TCP4 10.0.0.5 10.0.0.4 ".to_vec()),
                (Protocol::Proxyv2, b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x0c\x0a\0\0\x05\x0a\0\0\x04".to_vec()),
            ] {
                generation += 1;
                let mut asked = load_balancer();
                asked.listeners[0].protocol = listener.into();
                asked.pools[0].protocol = pool.into();
                asked.pools[0].members.truncate(1);
                asked.pools[0].members[0].protocol_port = 8000 + u32::try_from(generation)?;
                let taken = world.listen(&world.web[0], &format!("10.0.0.11:{}", 8000 + generation));
                let seen = first_bytes(taken, expected.len());
                world.deploy(&asked, generation);
                world.status(&[VIP]);
                assert_eq!(seen.join().unwrap()?, expected, "{listener:?} {pool:?}");
            }
        }
        Ok(())
    });
}

/// Sends back whatever comes, on one connection.
fn echo(listener: TcpListener) -> thread::JoinHandle<io::Result<u64>> {
    thread::spawn(move || {
        let (mut stream, _) = listener.accept()?;
        let mut back = stream.try_clone()?;
        io::copy(&mut stream, &mut back)
    })
}

fn is_alive(connection: &mut TcpStream) -> bool {
    let mut back = [0; 4];
    connection.write_all(b"ping").and_then(|()| connection.read_exact(&mut back)).is_ok() && &back == b"ping"
}

#[test]
fn members_come_and_go_without_a_new_process_and_a_connection_to_one_that_went_goes_on() {
    in_world(|world| {
        let mut asked = load_balancer();
        asked.listeners[0].protocol = Protocol::Tcp.into();
        asked.pools[0].protocol = Protocol::Tcp.into();
        asked.pools[0].monitors = vec![monitor(MonitorType::Tcp)];
        let second = asked.pools[0].members.pop().unwrap();
        asked.pools[0].members[0].protocol_port = 9090;
        asked.pools[0].members[0].monitor_port = 8080;
        let echoing = echo(world.listen(&world.web[0], "10.0.0.11:9090"));
        world.deploy(&asked, 1);
        wait_until(SOON, "a member that is up", || (world.health()? == [Health::Up]).then_some(()));
        let pid = world.pid();
        let mut connection = world.connect("10.0.0.4:80")?;
        assert!(is_alive(&mut connection));

        asked.pools[0].members.push(second);
        world.deploy(&asked, 2);
        wait_until(SOON, "both members", || (world.health()? == [Health::Up, Health::Up]).then_some(()));
        asked.pools[0].members.remove(0);
        world.deploy(&asked, 3);
        assert_eq!(world.answers(VIP, 4), ["web-2"], "nobody new is sent to the one that went");
        assert!(is_alive(&mut connection) && world.health() == Some(vec![Health::Up]));
        assert_eq!(world.driver.deployed()?[0].generation, 3, "what is left of it is no drift");

        drop(connection);
        assert_eq!(echoing.join().unwrap()?, 8);
        let mut generation = 3;
        wait_until(SOON, "the end of the one that went", || {
            generation += 1;
            asked.pools[0].members[0].weight = 1 + generation % 2;
            world.deploy(&asked, generation.into());
            (!world.ask_haproxy("show servers state").contains("10.0.0.11")).then_some(())
        });
        assert_eq!(world.pid(), pid, "one process from the first to the last");
        Ok(())
    });
}

#[test]
fn a_member_that_came_to_a_running_process_is_set_as_a_new_process_sets_it() {
    in_world(|world| {
        for (round, kind) in [MonitorType::Http, MonitorType::Tcp, MonitorType::TlsHello].into_iter().enumerate() {
            let generation = 10 * round as u64;
            let mut asked = load_balancer();
            asked.pools[0].monitors = vec![HealthMonitor { rise: 2, max_retries: 3, delay: 7, ..monitor(kind) }];
            asked.pools[0].members[1].monitor_address = "10.0.0.12".to_owned();
            asked.pools[0].members[1].monitor_port = 8080;
            let mut fewer = asked.clone();
            fewer.pools[0].members.truncate(1);
            world.deploy(&fewer, generation + 1);
            let pid = world.pid();
            world.deploy(&asked, generation + 2);
            assert_eq!(
                world.pid() == pid,
                kind != MonitorType::TlsHello,
                "{kind:?}: checks over TLS need a new process"
            );
            let told = world.shape_of_servers();
            must_reload(&mut asked, generation);
            world.deploy(&asked, generation + 3);
            assert_ne!(world.pid(), pid);
            assert_eq!(world.shape_of_servers(), told, "{kind:?}");
        }
        Ok(())
    });
}

#[test]
fn a_backup_is_served_only_while_no_other_member_is() {
    in_world(|mut world| {
        let mut asked = load_balancer();
        asked.pools[0].members[1].backup = true;
        asked.pools[0].monitors = vec![monitor(MonitorType::Tcp)];
        world.deploy(&asked, 1);
        wait_until(SOON, "both are up", || (world.health()? == [Health::Up, Health::Up]).then_some(()));
        assert_eq!(world.answers(VIP, 4), ["web-1"]);
        drop(world.servers[0].take());
        world.wait_for_answers(VIP, &["web-2"]);
        world.servers[0] = Some(world.web[0].web_server("web-1", "10.0.0.11:8080".parse()?)?);
        world.wait_for_answers(VIP, &["web-1"]);
        asked.pools[0].members[1].backup = false;
        world.deploy(&asked, 2);
        world.wait_for_answers(VIP, &["web-1", "web-2"]);
        Ok(())
    });
}

#[test]
fn checks_go_where_they_are_sent_and_so_do_pings() {
    in_world(|mut world| {
        let mut asked = load_balancer();
        asked.pools[0].monitors = vec![monitor(MonitorType::Tcp)];
        asked.pools[0].members[0].monitor_port = 9;
        asked.pools[0].members[1].monitor_address = "10.0.0.11".into();
        world.deploy(&asked, 1);
        drop(world.servers[1].take());
        wait_until(SOON, "the first is down", || (world.health()? == [Health::Down, Health::Up]).then_some(()));
        thread::sleep(Duration::from_secs(3));
        assert_eq!(world.health().unwrap(), [Health::Down, Health::Up]);
        asked.pools[0].monitors = vec![monitor(MonitorType::Ping)];
        asked.pools[0].members[0].monitor_address = "10.0.0.77".into();
        world.deploy(&asked, 2);
        wait_until(SOON, "nobody is there", || (world.health()? == [Health::Down, Health::Up]).then_some(()));
        Ok(())
    });
}

#[test]
fn a_check_has_the_host_and_the_version_that_was_asked_for_and_passes_as_often_as_it_has_to() {
    in_world(|mut world| {
        let mut generation = 0;
        for (version, host, expected) in [
            ("1.1", "www.example.org", vec!["GET / HTTP/1.1", "host: www.example.org"]),
            ("1.1", "", vec!["GET / HTTP/1.1", "host: 10.0.0.4"]),
            ("1.0", "", vec!["GET / HTTP/1.0"]),
        ] {
            generation += 1;
            let port = 8000 + u16::try_from(generation)?;
            let taken = world.listen(&world.web[0], &format!("10.0.0.11:{port}"));
            let mut asked = load_balancer();
            asked.pools[0].members.truncate(1);
            asked.pools[0].members[0].protocol_port = port.into();
            let one = monitor(MonitorType::Http);
            asked.pools[0].monitors =
                vec![HealthMonitor { http_version: version.into(), domain_name: host.into(), ..one }];
            world.deploy(&asked, generation);
            let (stream, _) = taken.accept()?;
            let lines = BufReader::new(stream).lines().map_while(Result::ok).take_while(|line| !line.is_empty());
            let lines: Vec<String> =
                lines.filter(|line| !line.to_ascii_lowercase().starts_with("connection")).collect();
            assert_eq!(lines, expected);
        }
        let mut asked = load_balancer();
        asked.pools[0].monitors = vec![HealthMonitor { rise: 4, ..monitor(MonitorType::Tcp) }];
        drop(world.servers[1].take());
        world.deploy(&asked, 9);
        wait_until(SOON, "one is down", || (world.health()? == [Health::Up, Health::Down]).then_some(()));
        world.servers[1] = Some(world.web[1].web_server("web-2", "10.0.0.12:8080".parse()?)?);
        let back = Instant::now();
        wait_until(SOON, "it is up again", || (world.health()? == [Health::Up, Health::Up]).then_some(()));
        assert!(back.elapsed() > Duration::from_millis(2_500), "{:?}", back.elapsed());
        Ok(())
    });
}

#[test]
fn a_tls_handshake_is_a_check_of_its_own() {
    in_world(|world| {
        let key = world.lab.dir().join("key.pem");
        let certificate = world.lab.dir().join("certificate.pem");
        let (key, certificate) = (key.to_str().unwrap(), certificate.to_str().unwrap());
        let made =
            ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-subj", "/CN=web"];
        world.client.output("openssl", made.into_iter().chain(["-keyout", key, "-out", certificate]))?;
        let mut command = world.web[0].command("openssl");
        command.args(["s_server", "-quiet", "-accept", "8443", "-key", key, "-cert", certificate]);
        let _tls = world.web[0].spawn(command)?;
        let mut asked = load_balancer();
        asked.listeners[0].protocol = Protocol::Https.into();
        asked.pools[0].protocol = Protocol::Https.into();
        asked.pools[0].members[0].protocol_port = 8443;
        asked.pools[0].monitors = vec![monitor(MonitorType::TlsHello)];
        world.deploy(&asked, 1);
        wait_until(SOON, "who speaks TLS is up", || (world.health()? == [Health::Up, Health::Down]).then_some(()));
        Ok(())
    });
}

#[test]
fn a_client_is_spread_by_its_ports_and_a_connection_stays() {
    in_world(|world| {
        let mut asked = load_balancer();
        asked.pools[0].lb_method = LbMethod::SourceIpPort.into();
        world.deploy(&asked, 1);
        assert_eq!(world.answers(VIP, 30), ["web-1", "web-2"]);
        for _ in 0..5 {
            let both = world.client.output("curl", ["-sf", "-m", "5", VIP, VIP, VIP])?;
            let mut names: Vec<&str> = both.lines().collect();
            names.dedup();
            assert_eq!(names.len(), 1, "{both}");
        }
        Ok(())
    });
}
