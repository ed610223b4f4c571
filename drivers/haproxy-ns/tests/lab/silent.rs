//! A move in order, seen from its two ends: what is made ready and does not answer, and what finishes before it goes.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

use std::{
    io::{ErrorKind, Read, Write},
    net::{SocketAddr, TcpListener, TcpStream},
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{Driver, Health, KnownHealth, LoadBalancer, MemberHealth, MonitorType, Vip};
use ballast_driver_haproxy_ns::ProcessModel;
use ballast_lab::wait_until;
use ballast_netns::namespace;

use crate::world::{
    ID, OUTSIDE, SOON, World, haproxies, in_world, link_exists, load_balancer, monitor, must_reload, process_model, vip,
};

/// Its members are checked each second, and one that fails is down; they are known to be up.
fn checked() -> LoadBalancer {
    let mut asked = load_balancer();
    asked.pools[0].monitors = vec![monitor(MonitorType::Http)];
    asked.pools[0].monitors[0].expected_codes = "200".to_owned();
    asked.pools[0].monitors[0].http_method = "GET".to_owned();
    let up = |id: &String| MemberHealth {
        pool_id: ID.to_owned(),
        member_id: id.clone(),
        health: Health::Up.into(),
        ..MemberHealth::default()
    };
    let members = asked.pools[0].members.iter().map(|member| up(&member.id)).collect();
    asked.known_health = Some(KnownHealth { members });
    asked
}

fn silent(asked: &LoadBalancer) -> LoadBalancer {
    LoadBalancer { silent: true, ..asked.clone() }
}

/// Nobody on the network says that the address is theirs.
fn is_nobodys(world: &World<'_>, url: &str, address: &str) {
    assert!(world.client.output("curl", ["-s", "-m", "2", url]).is_err(), "somebody answers");
    let said = world.client.output("ip", ["neigh", "show", address]).unwrap();
    assert!(!said.contains("lladdr"), "{said}");
}

const URLS: [(&str, &str); 2] = [("http://10.0.0.4/", "10.0.0.4"), ("http://[fd00::4]/", "fd00::4")];

#[test]
fn what_is_silent_is_nobody_on_the_network_and_serves_from_the_first_packet_on_when_it_is_to_answer() {
    in_world(|mut world| {
        let mut asked = checked();
        asked.additional_vips = vec![Vip { address: "fd00::4".to_owned(), prefix_length: 64, ..vip("", 0) }];
        for generation in 1..=2 {
            world.client.output("ip", ["neigh", "flush", "dev", "eth0"])?;
            world.deploy(&silent(&asked), generation);
            assert!(!link_exists(OUTSIDE));
            assert_eq!(haproxies().len(), 1, "it runs");
            URLS.iter().for_each(|(url, address)| is_nobodys(&world, url, address));
            let down = || world.ask_haproxy("show servers state").contains(" 0 0 1 1 ").then_some(());
            wait_until(SOON, "checks fail, as nobody is reached from there", down);
            world.deploy(&silent(&asked), generation);
            let deployed = world.driver.deployed()?;
            assert_eq!(deployed.iter().map(|one| one.generation).collect::<Vec<_>>(), [generation], "nothing is lost");
            world.restart_driver();
            assert_eq!(world.driver.deployed()?[0].generation, generation, "nor for another process of the driver");
            let pid = world.pid();

            let begin = Instant::now();
            world.deploy(&asked, generation);
            let took = begin.elapsed();
            for (url, _) in URLS.repeat(20) {
                world.client.output("curl", ["-sf", "-m", "1", url]).unwrap();
            }
            assert_eq!(world.pid(), pid, "it is the same haproxy");
            println!("to let it answer took {took:?}");
            assert!(took < Duration::from_millis(500), "{took:?}");
            assert_eq!(world.driver.deployed()?[0].generation, generation);
            let up = || world.health().filter(|all| all.iter().all(|one| *one == Health::Up)).map(drop);
            wait_until(SOON, "members are checked", up);
            // One that answers is not silenced.
            world.deploy(&silent(&asked), generation);
            world.get(URLS[0].0).unwrap();
            world.driver.undeploy(ID)?;
            world.assert_nothing_is_left();
        }
        Ok(())
    });
}

#[test]
fn what_changed_or_crashed_while_it_was_silent_is_made_good_when_it_is_to_answer() {
    in_world(|world| {
        let asked = checked();
        world.deploy(&silent(&asked), 1);
        let mut other = asked.clone();
        must_reload(&mut other, 1);
        thread::sleep(Duration::from_millis(1_500));
        world.deploy(&other, 2);
        for _ in 0..10 {
            world.client.output("curl", ["-sf", "-m", "1", "http://10.0.0.4/"]).unwrap();
        }
        world.driver.undeploy(ID)?;

        world.deploy(&silent(&asked), 3);
        world.observe();
        thread::sleep(Duration::from_millis(1_500));
        world.observe();
        crate::world::kill(&world);
        world.deploy(&asked, 3);
        for _ in 0..10 {
            world.client.output("curl", ["-sf", "-m", "1", "http://10.0.0.4/"]).unwrap();
        }
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

/// Answers what it is asked after so long.
fn slow(listener: TcpListener, pause: Duration) {
    thread::spawn(move || {
        for mut stream in listener.incoming().flatten() {
            thread::spawn(move || {
                let mut some = [0; 1024];
                while stream.read(&mut some).is_ok_and(|length| length > 0) {
                    let is_slow = some.windows(5).any(|part| part == b"/slow");
                    thread::sleep(if is_slow { pause } else { Duration::ZERO });
                    let _ = stream.write_all(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK");
                }
            });
        }
    });
}

fn ask(mut connection: &TcpStream, path: &str) {
    connection.write_all(format!("GET {path} HTTP/1.1\r\nHost: a\r\n\r\n").as_bytes()).unwrap();
}

fn answer(mut connection: &TcpStream) -> String {
    let mut text = [0; 1024];
    let length = connection.read(&mut text).unwrap();
    String::from_utf8_lossy(&text[..length]).into_owned()
}

/// How an attempt to connect ends that is given this long.
fn attempt(world: &World<'_>, patience: Duration) -> ErrorKind {
    let address: SocketAddr = "10.0.0.4:80".parse().unwrap();
    let file = std::fs::File::open(format!("/proc/{}/ns/net", world.client.keeper_pid())).unwrap();
    let ended = namespace::on_own_thread("connect", || {
        namespace::enter(&file).unwrap();
        TcpStream::connect_timeout(&address, patience)
    });
    ended.unwrap().unwrap_err().kind()
}

/// One member that is slow where it is asked to be, in the place of the web servers.
fn with_slow_member(world: &mut World<'_>) -> LoadBalancer {
    world.servers[0] = None;
    slow(world.listen(&world.web[0], "10.0.0.11:8080"), Duration::from_millis(1_500));
    let mut asked = load_balancer();
    asked.pools[0].members.truncate(1);
    asked
}

#[test]
fn who_finishes_lets_nobody_in_cuts_nothing_off_and_ends_with_the_last_request() {
    in_world(|mut world| {
        let asked = with_slow_member(&mut world);
        world.deploy(&asked, 1);
        let idle = world.connect("10.0.0.4:80")?;
        ask(&idle, "/");
        assert!(answer(&idle).contains("200 OK"));
        let kept = world.connect("10.0.0.4:80")?;
        let busy = world.connect("10.0.0.4:80")?;
        ask(&busy, "/slow");
        thread::sleep(Duration::from_millis(100));
        let is_shared = process_model() == ProcessModel::PerProject;
        let within = Duration::from_secs(10);

        let begin = Instant::now();
        let took = thread::scope(|scope| {
            let finishing = scope.spawn(|| {
                world.driver.finish(ID, within);
                begin.elapsed()
            });
            thread::sleep(Duration::from_millis(200));
            assert_eq!(attempt(&world, Duration::from_millis(500)), ErrorKind::TimedOut, "he is to ask again");
            ask(&kept, "/");
            assert!(answer(&kept).to_lowercase().contains("connection: close"), "who goes on is told");
            assert!(answer(&busy).contains("200 OK"), "what is under way is answered");
            let took = finishing.join().unwrap();
            if !is_shared {
                let mut text = [0; 16];
                assert_eq!((&idle).read(&mut text).unwrap(), 0, "what is idle is closed");
            }
            took
        });
        println!("the last request took 1.5 s, and to finish {took:?}");
        assert!(took >= Duration::from_millis(1_000), "{took:?}");
        assert!(took < Duration::from_millis(3_500), "{took:?}");
        assert_eq!(attempt(&world, Duration::from_millis(300)), ErrorKind::TimedOut, "nobody is refused afterwards");
        let left = world.driver.hand_over(ID)?;
        assert_eq!(left.statistics.unwrap().total_connections, 3);
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn what_lasts_longer_is_cut_off_and_one_that_is_to_serve_after_all_lets_everybody_in_again() {
    in_world(|mut world| {
        let asked = with_slow_member(&mut world);
        world.deploy(&asked, 1);
        let busy = world.connect("10.0.0.4:80")?;
        ask(&busy, "/slow");
        thread::sleep(Duration::from_millis(100));
        let begin = Instant::now();
        world.driver.finish(ID, Duration::from_millis(300));
        let took = begin.elapsed();
        assert!(took >= Duration::from_millis(290) && took < Duration::from_millis(1_000), "{took:?}");
        assert_eq!(attempt(&world, Duration::from_millis(300)), ErrorKind::TimedOut);
        // As if it had been placed here again before it was taken away.
        world.deploy(&asked, 2);
        world.get("http://10.0.0.4/").unwrap();
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        world.driver.finish(ID, Duration::from_secs(1));
        world.assert_nothing_is_left();
        Ok(())
    });
}
