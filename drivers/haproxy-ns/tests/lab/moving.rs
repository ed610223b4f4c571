//! A load balancer that moves to another host, which is here the same one once it was taken away: what it takes along.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    collections::BTreeMap,
    io::{BufRead, BufReader, Read, Write},
    net::{Shutdown, TcpListener, TcpStream},
    thread,
};

use ballast_abi::{Driver, LoadBalancer, PersistenceType, Protocol, SessionPersistence, Statistics, UndeployReply};

use crate::world::{ID, World, in_world, load_balancer, member, must_reload};

const CLIENTS: u8 = 12;

fn sticky(kind: PersistenceType) -> LoadBalancer {
    let mut asked = load_balancer();
    let cookie_name = if kind == PersistenceType::AppCookie { "SID".to_owned() } else { String::new() };
    let persistence = SessionPersistence { r#type: kind.into(), cookie_name, ..SessionPersistence::default() };
    asked.pools[0].session_persistence = Some(persistence);
    asked
}

/// Another generation of it, whose servers haproxy numbers the other way round.
fn turned(asked: &LoadBalancer) -> LoadBalancer {
    let mut turned = asked.clone();
    turned.pools[0].members.reverse();
    turned
}

fn hand_over(world: &World<'_>) -> UndeployReply {
    let left = world.driver.hand_over(ID).unwrap_or_else(|error| panic!("hand_over: {error}: {}", error.detail));
    world.assert_nothing_is_left();
    left
}

fn take_over(world: &World<'_>, asked: &LoadBalancer, generation: u64, handover: &[u8]) {
    let reply = world.driver.take_over(asked, generation, handover);
    assert_eq!(reply.unwrap_or_else(|error| panic!("take_over: {error}: {}", error.detail)).faults, []);
}

/// In an order in which those that take turns would get other members: each member's clients follow one another.
fn grouped(had: &BTreeMap<String, String>) -> Vec<String> {
    let mut clients: Vec<&String> = had.keys().collect();
    clients.sort_by_key(|client| &had[*client]);
    clients.into_iter().cloned().collect()
}

/// The member of each client, asked in this order.
fn members_of(clients: &[String], ask: impl Fn(&str) -> String) -> BTreeMap<String, String> {
    clients.iter().map(|client| (client.clone(), ask(client))).collect()
}

fn both_serve(had: &BTreeMap<String, String>) {
    let mut count = BTreeMap::<&str, usize>::new();
    had.values().for_each(|member| *count.entry(member).or_default() += 1);
    assert!(count.len() == 2 && count.values().all(|clients| *clients >= 4), "{count:?}");
}

fn addresses(world: &World<'_>) -> Vec<String> {
    let addresses: Vec<String> = (0..CLIENTS).map(|number| format!("10.0.0.{}", 100 + number)).collect();
    for address in &addresses {
        world.client.output("ip", ["addr", "add", &format!("{address}/24"), "dev", "eth0"]).unwrap();
    }
    addresses
}

fn from(world: &World<'_>, address: &str) -> String {
    let arguments = ["-sf", "-m", "5", "--interface", address, "http://10.0.0.4/"];
    world.client.output("curl", arguments).unwrap().trim().to_owned()
}

#[test]
fn a_clients_address_has_the_same_member_after_a_reload_a_change_of_members_and_a_move() {
    in_world(|world| {
        let asked = sticky(PersistenceType::SourceIp);
        world.deploy(&asked, 1);
        let clients = addresses(&world);
        let had = members_of(&clients, |client| from(&world, client));
        both_serve(&had);
        // haproxy hands its tables on from five seconds after its first start.
        thread::sleep(std::time::Duration::from_secs(6));
        let mut reloaded = asked.clone();
        must_reload(&mut reloaded, 2);
        let pid = world.pid();
        world.deploy(&reloaded, 2);
        assert_ne!(world.pid(), pid);
        assert_eq!(members_of(&grouped(&had), |client| from(&world, client)), had, "after a reload");
        let mut more = reloaded.clone();
        more.pools[0].members.push(ballast_abi::Member { id: "third".into(), ..member(1) });
        world.deploy(&more, 3);
        assert_eq!(members_of(&grouped(&had), |client| from(&world, client)), had, "with one member more");

        let left = hand_over(&world);
        take_over(&world, &turned(&reloaded), 4, &left.handover);
        assert_eq!(members_of(&grouped(&had), |client| from(&world, client)), had, "after a move");
        // Nobody has asked meanwhile: what was taken over goes on.
        let left = hand_over(&world);
        take_over(&world, &asked, 5, &left.handover);
        let left = hand_over(&world);
        take_over(&world, &turned(&asked), 6, &left.handover);
        assert_eq!(members_of(&grouped(&had), |client| from(&world, client)), had, "after three moves");
        Ok(())
    });
}

#[test]
fn a_client_that_came_before_its_member_was_known_is_sent_back_to_it() {
    in_world(|world| {
        let asked = sticky(PersistenceType::SourceIp);
        world.deploy(&asked, 1);
        let clients = addresses(&world);
        let had = members_of(&clients, |client| from(&world, client));
        let left = hand_over(&world);
        world.deploy(&asked, 2);
        let meanwhile = members_of(&grouped(&had), |client| from(&world, client));
        assert_ne!(meanwhile, had, "they take turns");
        take_over(&world, &asked, 2, &left.handover);
        assert_eq!(members_of(&clients, |client| from(&world, client)), had);
        Ok(())
    });
}

/// Answers each request with its number; who has no cookie gets one.
fn sets_cookies(listener: TcpListener, number: u32) {
    thread::spawn(move || {
        for (count, stream) in listener.incoming().flatten().enumerate() {
            thread::spawn(move || answer(&stream, number, count));
        }
    });
}

fn answer(mut stream: &TcpStream, number: u32, count: usize) {
    let mut lines = BufReader::new(stream).lines().map_while(Result::ok);
    let head: Vec<String> = lines.by_ref().take_while(|line| !line.is_empty()).collect();
    let has = head.iter().any(|line| line.to_ascii_lowercase().starts_with("cookie: sid="));
    let set = if has { String::new() } else { format!("Set-Cookie: SID=a{number}=b\\{count}\r\n") };
    let _gone = stream.write_all(
        format!("HTTP/1.1 200 OK\r\n{set}Connection: close\r\nContent-Length: 1\r\n\r\n{number}").as_bytes(),
    );
}

/// The cookie that was set, and the member.
fn without_cookie(world: &World<'_>) -> (String, String) {
    let shown = world.client.output("curl", ["-si", "-m", "5", "http://10.0.0.4/"]).unwrap();
    let cookie =
        shown.lines().find_map(|line| line.strip_prefix("set-cookie: SID=").or(line.strip_prefix("Set-Cookie: SID=")));
    let cookie = cookie.unwrap_or_else(|| panic!("{shown}")).split(';').next().unwrap().trim().to_owned();
    (cookie, shown.lines().last().unwrap().trim().to_owned())
}

#[test]
fn an_applications_cookie_has_the_same_member_after_a_move() {
    in_world(|mut world| {
        world.servers.clear();
        for number in [1, 2] {
            let host = &world.web[number - 1];
            sets_cookies(world.listen(host, &format!("10.0.0.1{number}:8081")), u32::try_from(number)?);
        }
        let mut asked = sticky(PersistenceType::AppCookie);
        asked.pools[0].members.iter_mut().for_each(|member| member.protocol_port = 8081);
        world.deploy(&asked, 1);
        let had: BTreeMap<String, String> = (0..CLIENTS).map(|_| without_cookie(&world)).collect();
        both_serve(&had);
        let with = |cookie: &str| {
            let cookie = format!("Cookie: SID={cookie}");
            world
                .client
                .output("curl", ["-sf", "-m", "5", "-H", &cookie, "http://10.0.0.4/"])
                .unwrap()
                .trim()
                .to_owned()
        };
        assert_eq!(members_of(&grouped(&had), with), had, "before");
        let left = hand_over(&world);
        take_over(&world, &turned(&asked), 2, &left.handover);
        assert_eq!(members_of(&grouped(&had), with), had, "after a move");
        Ok(())
    });
}

#[test]
fn the_load_balancers_cookie_has_the_same_member_after_a_move_without_anything_taken_along() {
    in_world(|world| {
        let asked = sticky(PersistenceType::HttpCookie);
        world.deploy(&asked, 1);
        let with = |cookie: &str| {
            let cookie = format!("Cookie: SRV={cookie}");
            world
                .client
                .output("curl", ["-sf", "-m", "5", "-H", &cookie, "http://10.0.0.4/"])
                .unwrap()
                .trim()
                .to_owned()
        };
        let clients = [member(1).id, member(2).id];
        let had = members_of(&clients, with);
        assert_eq!(had.values().collect::<Vec<_>>(), ["web-1", "web-2"]);
        let left = hand_over(&world);
        assert!(left.handover.is_empty(), "haproxy keeps nothing of it");
        world.deploy(&turned(&asked), 2);
        for _ in 0..4 {
            assert_eq!(members_of(&clients, with), had);
        }
        Ok(())
    });
}

#[test]
fn whatever_is_handed_over_a_load_balancer_is_deployed() {
    in_world(|world| {
        let asked = sticky(PersistenceType::SourceIp);
        let strange = [
            &b"\xff\x00garbage"[..],
            br#"{"backends":[{"of":"gone","members":["x"],"clients":[["10.0.0.1",0,0]]}]}"#,
            br#"{"listeners":[{"of":"gone","members":["x"],"clients":[["10.0.0.1",0,0]]}],"backends":7}"#,
        ];
        for (handover, generation) in strange.iter().zip(1..) {
            take_over(&world, &asked, generation, handover);
            assert_eq!(world.answers(crate::world::VIP, 1).len(), 1);
            hand_over(&world);
        }
        Ok(())
    });
}

/// Sends so many bytes, and returns how many came back.
fn exchange(world: &World<'_>, bytes: usize) -> usize {
    let mut stream = world.connect("10.0.0.4:80").unwrap();
    let (mut reader, content) = (stream.try_clone().unwrap(), vec![7; bytes]);
    let writer = thread::spawn(move || {
        stream.write_all(&content).unwrap();
        stream.shutdown(Shutdown::Write).unwrap();
    });
    let mut heard = Vec::new();
    reader.read_to_end(&mut heard).unwrap();
    writer.join().unwrap();
    heard.len()
}

/// Sends back each byte twice.
fn doubles(listener: TcpListener) {
    thread::spawn(move || {
        for stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let (mut reader, mut writer) = (&stream, &stream);
                let mut buffer = [0; 4096];
                while let Ok(length @ 1..) = reader.read(&mut buffer) {
                    let twice = [&buffer[..length], &buffer[..length]].concat();
                    if writer.write_all(&twice).is_err() {
                        return;
                    }
                }
            });
        }
    });
}

#[test]
fn bytes_and_connections_are_what_a_client_counted_over_reloads_restarts_and_a_move() {
    in_world(|mut world| {
        world.servers.clear();
        for number in [1, 2] {
            doubles(world.listen(&world.web[number - 1], &format!("10.0.0.1{number}:8081")));
        }
        let mut asked = load_balancer();
        asked.listeners[0].protocol = Protocol::Tcp.into();
        asked.pools[0].protocol = Protocol::Tcp.into();
        asked.pools[0].members.iter_mut().for_each(|member| member.protocol_port = 8081);
        let (mut sent, mut heard, mut made) = (0, 0, 0_u64);
        let mut traffic = |world: &World<'_>| {
            for bytes in [0, 1, 999, 70_000] {
                heard += u64::try_from(exchange(world, bytes)).unwrap();
                sent += u64::try_from(bytes).unwrap();
                made += 1;
            }
            Statistics { bytes_in: sent, bytes_out: heard, total_connections: made, ..Statistics::default() }
        };
        let counted = |world: &World<'_>, expected: Statistics, what: &str| {
            ballast_lab::wait_until(crate::world::SOON, &format!("{what}: no connection is open"), || {
                (world.observe()?.statistics?.active_connections == 0).then_some(())
            });
            let seen = world.observe().unwrap();
            assert_eq!(seen.statistics, Some(expected), "{what}");
            assert_eq!(seen.listeners[0].statistics, Some(expected), "{what}: of the listener");
        };
        world.deploy(&asked, 1);
        let expected = traffic(&world);
        counted(&world, expected, "at first");
        must_reload(&mut asked, 2);
        world.deploy(&asked, 2);
        counted(&world, expected, "after a reload");
        let expected = traffic(&world);
        counted(&world, expected, "with what came after it");
        world.restart_driver();
        counted(&world, expected, "with another process of the driver");
        nix::sys::signal::kill(nix::unistd::Pid::from_raw(world.pid()), nix::sys::signal::Signal::SIGKILL)?;
        world.deploy(&asked, 3);
        counted(&world, expected, "after haproxy was killed");
        let expected = traffic(&world);
        counted(&world, expected, "with what came after that");
        let left = hand_over(&world);
        assert_eq!(left.statistics, Some(expected), "it is told where they ended");
        assert_eq!(left.listeners[0].statistics, Some(expected));
        Ok(())
    });
}
