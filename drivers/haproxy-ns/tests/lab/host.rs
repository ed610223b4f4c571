//! What is on the host: made, kept, repaired and removed.

use std::{fs, net::Ipv4Addr, process::Command};

use ballast_abi::{Driver, ErrorCode, LoadBalancer, Network, Vip};
use ballast_driver_haproxy_ns::{Config, UidRange};
use ballast_lab::wait_until;
use nix::{
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::world::{
    self, ID, OUTSIDE, SOON, VIP, haproxies, in_world, link_exists, load_balancer, vip, with_own_names,
};

#[test]
fn a_deploy_serves_at_once_and_an_undeploy_leaves_nothing() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        let headers = world.get("http://10.0.0.4/headers")?.to_lowercase();
        assert!(headers.contains("x-forwarded-for") && headers.contains("10.0.0.5"), "{headers}");
        let deployed = world.driver.deployed()?;
        assert_eq!((deployed[0].load_balancer_id.as_str(), deployed[0].generation), (ID, 1));
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        assert_eq!(world.driver.observe(&[ID.to_owned()]).unwrap_err().code, ErrorCode::NOT_FOUND);
        world.driver.undeploy(ID)?;
        Ok(())
    });
}

#[test]
fn haproxy_is_never_root_and_cannot_gain_privileges() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        let status = fs::read_to_string(format!("/proc/{}/status", world.pid()))?;
        let line = |name: &str| status.lines().find_map(|line| line.strip_prefix(name)).unwrap().trim().to_owned();
        assert_eq!(line("NoNewPrivs:"), "1");
        // In a lab of an unprivileged user there is only one user to be.
        if fs::read_to_string("/proc/self/uid_map")?.contains("4294967295") {
            assert!(line("Uid:").starts_with("1900000000"), "{}", line("Uid:"));
            assert!(line("Gid:").starts_with("1900000000"), "{}", line("Gid:"));
            assert_eq!(line("Groups:"), "");
            assert_eq!(line("CapEff:"), "0000000000000000");
        }
        Ok(())
    });
}

#[test]
fn a_strict_umask_and_users_of_their_own_do_not_keep_haproxy_from_its_files() {
    in_world(|mut world| {
        nix::sys::stat::umask(nix::sys::stat::Mode::from_bits_truncate(0o077));
        world.start_driver(Config { uid_range: UidRange { first: 3000, last: 3001 }, ..world::config(world.lab) });
        world.deploy(&load_balancer(), 1);
        world.deploy(&load_balancer(), 2);
        let mut other = load_balancer();
        (other.id, other.project_id) = ("other".into(), "another".into());
        let port_id = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee".to_owned();
        other.vip = Some(Vip { port_id, mac: "fa:16:3e:00:00:05".into(), ..vip("10.0.0.6", 24) });
        world.deploy(&with_own_names(other), 1);
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        let third = LoadBalancer { id: "third".into(), project_id: "a third".into(), ..load_balancer() };
        if fs::read_to_string("/proc/self/uid_map")?.contains("4294967295") {
            assert_eq!(world.driver.deploy(&third, 1).unwrap_err().code, ErrorCode::UNAVAILABLE);
            let status = fs::read_to_string(format!("/proc/{}/status", world.pid()))?;
            assert!(status.contains("Uid:\t3000\t"), "{status}");
        }
        Ok(())
    });
}

#[test]
fn the_same_again_touches_nothing_also_after_a_restart_of_the_driver() {
    in_world(|mut world| {
        world.deploy(&load_balancer(), 1);
        let pid = world.pid();
        world.deploy(&load_balancer(), 1);
        world.restart_driver();
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        world.deploy(&load_balancer(), 2);
        assert_eq!(world.pid(), pid);
        assert_eq!(world.driver.deployed()?[0].generation, 2);
        Ok(())
    });
}

#[test]
fn a_killed_haproxy_is_reported_and_the_next_deploy_starts_another() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        world.answers(VIP, 3);
        assert_eq!(world.connections(), 3);
        let pid = world.pid();
        kill(Pid::from_raw(pid), Signal::SIGKILL)?;
        wait_until(SOON, "haproxy is seen to be dead", || {
            let error = world.driver.observe(&[ID.to_owned()]).err()?;
            (error.code == ErrorCode::UNAVAILABLE).then_some(())
        });
        assert_eq!(world.driver.deployed()?[0].generation, 0);
        world.deploy(&load_balancer(), 1);
        assert_ne!(world.pid(), pid);
        world.answers(VIP, 1);
        assert_eq!(world.connections(), 4);
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        Ok(())
    });
}

#[test]
fn another_address_is_known_to_neighbours_and_the_old_one_is_gone() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        world.answers(VIP, 1);
        let mut asked = load_balancer();
        asked.vip = Some(vip("10.0.0.6", 24));
        world.deploy(&asked, 2);
        assert_eq!(world.answers("http://10.0.0.6/", 4), ["web-1", "web-2"]);
        assert!(world.client.output("ping", ["-c", "1", "-W", "1", "10.0.0.4"]).is_err());
        Ok(())
    });
}

/// A bridge takes the lowest address of its ports for its own, so that of a link of ours is higher than any NIC's.
#[test]
fn a_bridge_keeps_its_address_whatever_load_balancers_come_and_go() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        let shown = Command::new("ip").args(["-o", "link", "show", OUTSIDE]).output()?;
        let shown = String::from_utf8_lossy(&shown.stdout).into_owned();
        assert!(shown.contains("link/ether fe:16:3e:"), "{shown}");
        Ok(())
    });
}

#[test]
fn another_port_of_the_vip_moves_the_load_balancer_to_another_link() {
    in_world(|world| {
        world.deploy(&load_balancer(), 1);
        let mut asked = load_balancer();
        let port_id = "aaaaaaaa-bbbb-4ccc-8ddd-eeeeeeeeeeee".to_owned();
        asked.vip = Some(Vip { port_id, mac: "fa:16:3e:00:00:05".into(), ..vip("10.0.0.4", 24) });
        world.deploy(&asked, 2);
        assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"]);
        assert!(!link_exists(OUTSIDE));
        assert_eq!(haproxies().len(), 1);
        Ok(())
    });
}

#[test]
fn without_a_vip_there_is_a_load_balancer_and_nothing_on_the_host() {
    in_world(|world| {
        let mut asked = load_balancer();
        asked.vip = None;
        world.deploy(&asked, 1);
        assert_eq!(world.driver.deployed()?[0].generation, 1);
        assert!(world.observe().is_some());
        world.deploy(&load_balancer(), 2);
        world.answers(VIP, 1);
        world.deploy(&asked, 3);
        assert_eq!(world.driver.deployed()?[0].generation, 3);
        assert!(!link_exists(OUTSIDE) && haproxies().is_empty());
        world.driver.undeploy(ID)?;
        world.assert_nothing_is_left();
        Ok(())
    });
}

#[test]
fn a_network_without_attributes_gets_a_bridge_that_goes_with_its_last_port() {
    in_world(|world| {
        let mut asked = load_balancer();
        let network = Network { id: "c0ffee00-1111-4222-8333-444444444444".into(), ..Network::default() };
        asked.vip.as_mut().unwrap().network = Some(network);
        world.deploy(&asked, 1);
        assert!(link_exists("brqc0ffee00-11"));
        let mut other = asked.clone();
        other.id = "other".into();
        other.vip.as_mut().unwrap().port_id = "bbbbbbbb-bbbb-4ccc-8ddd-eeeeeeeeeeee".into();
        world.deploy(&other, 1);
        world.driver.undeploy(ID)?;
        assert!(link_exists("brqc0ffee00-11"));
        world.driver.undeploy("other")?;
        assert!(!link_exists("brqc0ffee00-11"));
        world.assert_nothing_is_left();
        Ok(())
    });
}

/// Breaks one thing at a time, as a crash or a clumsy operator would.
#[test]
fn whatever_was_lost_or_half_made_the_next_pass_finishes_or_removes() {
    in_world(|world| {
        let netns = world.lab.dir().join("netns").join(format!("qlbaas-{ID}"));
        let delete_link = |name: &str| Command::new("ip").args(["link", "delete", name]).status();
        let breakages: [(&str, &dyn Fn()); 7] = [
            ("the state is lost", &|| fs::remove_file(world.directory().join("state.json")).unwrap()),
            ("the state is cut off", &|| fs::write(world.directory().join("state.json"), "{\"gen").unwrap()),
            ("the link is gone", &|| assert!(delete_link(OUTSIDE).unwrap().success())),
            ("the socket is gone", &|| fs::remove_file(world.process_directory().join("run/stats.sock")).unwrap()),
            ("the namespace lost its name", &|| {
                umount2(&netns, MntFlags::MNT_DETACH).unwrap();
            }),
            ("a configuration was left half-way", &|| {
                let folder = world.process_directory();
                fs::copy(folder.join("haproxy.cfg"), folder.join("haproxy.cfg.new")).unwrap();
            }),
            ("the configuration is gone", &|| {
                fs::remove_file(world.process_directory().join("haproxy.cfg")).unwrap();
            }),
        ];
        for (generation, (what, break_it)) in (1_u64..).zip(breakages) {
            world.deploy(&load_balancer(), generation);
            break_it();
            world.deploy(&load_balancer(), generation);
            assert_eq!(world.answers(VIP, 4), ["web-1", "web-2"], "deploy after: {what}");
            assert_eq!(world.driver.deployed()?[0].generation, generation, "{what}");
            assert_eq!(haproxies().len(), 1, "{what}");
            break_it();
            world.driver.undeploy(ID)?;
            world.assert_nothing_is_left();
        }
        Ok(())
    });
}

#[test]
fn many_threads_deploy_and_undeploy_at_once() {
    in_world(|world| {
        std::thread::scope(|scope| {
            for number in 0..6_u8 {
                let driver = &world.driver;
                scope.spawn(move || {
                    let mut asked = load_balancer();
                    asked.id = format!("lb-{number}");
                    let port_id = format!("{number}{number}{number}{number}0000-aaaa");
                    let address = Ipv4Addr::new(10, 0, 0, 40 + number).to_string();
                    let mac = format!("fa:16:3e:00:01:0{number}");
                    asked.vip = Some(Vip { port_id, mac, ..vip(&address, 24) });
                    let asked = with_own_names(asked);
                    driver.deploy(&asked, 1).unwrap();
                    driver.deploy(&asked, 2).unwrap();
                });
            }
        });
        assert_eq!(world.driver.deployed()?.len(), 6);
        assert_eq!(world.answers("http://10.0.0.45/", 4), ["web-1", "web-2"]);
        std::thread::scope(|scope| {
            for number in 0..6_u8 {
                let driver = &world.driver;
                scope.spawn(move || driver.undeploy(&format!("lb-{number}")).unwrap());
            }
        });
        world.assert_nothing_is_left();
        Ok(())
    });
}
