//! A haproxy that the load balancers of a project share.

#![expect(clippy::unwrap_used, reason = "tools of tests: what fails here fails the test")]

mod again;
mod confined;
mod measured;
mod models;

use std::{fs, net::TcpListener, path::PathBuf, thread};

use ballast_abi::{Driver, Effect, ErrorCode, Listener, LoadBalancer, Vip};
use ballast_driver_haproxy_ns::{Config, ProcessModel};
use ballast_lab::wait_until;
use ballast_netns::namespace;
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    tenants::one_user_only,
    world::{self, SOON, World, haproxies, in_world, link_exists, load_balancer, must_reload, vip},
};

pub(crate) fn shared_by_project(world: &World<'_>) -> Config {
    Config { process_model: ProcessModel::PerProject, ..world::config(world.lab) }
}

fn in_shared_world(test: &str, body: impl FnOnce(World<'_>) -> ballast_lab::TestResult) {
    if one_user_only() {
        return ballast_lab::not_run(test, "it needs root");
    }
    in_world(|mut world| {
        let config = shared_by_project(&world);
        world.start_driver(config);
        body(world)
    });
}

/// One of this project, with this number, at 10.0.0.(20 + number).
pub(crate) fn of(project: &str, number: u32) -> LoadBalancer {
    let mut asked = load_balancer();
    let id = |kind: u32| format!("{kind:08}-0000-4000-8000-{number:012}");
    asked.id = id(1);
    asked.project_id = project.into();
    let address = vip(&format!("10.0.0.{}", 20 + number), 24);
    let port_id = format!("{number:011}-1111-4bbb-8ccc-0123456789ab");
    asked.vip = Some(Vip { port_id, mac: format!("fa:16:3e:00:01:{number:02x}"), ..address });
    asked.listeners[0].id = id(2);
    asked.listeners[0].default_pool_id = id(3);
    asked.pools[0].id = id(3);
    asked
}

pub(crate) fn url(number: u32) -> String {
    format!("http://10.0.0.{}/", 20 + number)
}

const BOTH: [&str; 2] = ["web-1", "web-2"];

fn folder(world: &World<'_>, project: &str) -> PathBuf {
    world.lab.dir().join("state/projects:").join(format!("project:{project}"))
}

pub(crate) fn pid(world: &World<'_>, project: &str) -> i32 {
    fs::read_to_string(folder(world, project).join("run/pid")).unwrap().trim().parse().unwrap()
}

fn connections(world: &World<'_>, asked: &LoadBalancer) -> u64 {
    let seen = world.driver.observe(std::slice::from_ref(&asked.id)).unwrap().pop().unwrap();
    let listeners: u64 = seen.listeners.iter().map(|one| one.statistics.as_ref().unwrap().total_connections).sum();
    let all = seen.statistics.unwrap().total_connections;
    assert_eq!(listeners, all, "each has its own");
    all
}

/// By load balancer, in their order.
fn generations(world: &World<'_>) -> Vec<u64> {
    world.driver.deployed().unwrap().iter().map(|one| one.generation).collect()
}

fn assert_nothing_is_left(world: &World<'_>) {
    assert_eq!(haproxies(), [""; 0]);
    for folder in ["state", "netns"] {
        let left: Vec<_> = fs::read_dir(world.lab.dir().join(folder)).unwrap().flatten().collect();
        assert!(left.is_empty(), "{folder}: {left:?}");
    }
    for number in 0..10 {
        assert!(!link_exists(&format!("tap{number:011}")), "a link is left");
    }
}

#[test]
fn two_projects_are_two_haproxies_and_what_goes_leaves_the_others_and_no_trace() {
    in_shared_world("two_projects_are_two_haproxies", |world| {
        let all = [of("one", 1), of("one", 2), of("two", 3), of("two", 4)];
        for asked in &all {
            world.deploy(asked, 7);
        }
        // Each had another one before its second load balancer, which ends by itself.
        wait_until(SOON, "one haproxy a project", || (haproxies().len() == 2).then_some(()));
        for number in 1..=4 {
            assert_eq!(world.answers(&url(number), 4), BOTH);
        }
        assert_eq!(generations(&world), [7, 7, 7, 7]);
        let seen = world.driver.observe(&[])?;
        assert_eq!(seen.iter().map(|one| (one.generation, one.members.len())).collect::<Vec<_>>(), [(7, 2); 4]);
        for (index, asked) in all.iter().enumerate() {
            world.driver.undeploy(&asked.id)?;
            for number in 2 + u32::try_from(index)?..=4 {
                assert_eq!(world.answers(&url(number), 2), BOTH, "{number}");
            }
            assert!(world.get(&url(1 + u32::try_from(index)?)).is_err());
        }
        assert_nothing_is_left(&world);
        world.driver.undeploy(&all[0].id)?;
        Ok(())
    });
}

#[test]
fn what_haproxy_refuses_of_one_is_its_own_fault_and_the_others_change_as_they_like() {
    in_shared_world("what_haproxy_refuses_of_one", |world| {
        let (mut one, mut other) = (of("p", 1), of("p", 2));
        world.deploy(&one, 1);
        world.deploy(&other, 1);
        let before = pid(&world, "p");
        let path = world.lab.dir().join("netns").join(format!("qlbaas-{}", other.id));
        let namespace::Look::Present(file) = namespace::look(&path)? else { panic!("no namespace") };
        let taken = namespace::on_own_thread("listen", || {
            namespace::enter(&file).unwrap();
            TcpListener::bind("10.0.0.22:81").unwrap()
        })?;
        let second = Listener { id: "second".into(), protocol_port: 81, ..other.listeners[0].clone() };
        other.listeners.push(second);
        let refused = world.driver.deploy(&other, 2).unwrap_err();
        assert_eq!((refused.code, refused.object_id.as_str()), (ErrorCode::INTERNAL, "second"), "{}", refused.detail);
        assert_eq!(pid(&world, "p"), before, "what ran is not what runs");
        assert_eq!(generations(&world), [1, 1], "what was deployed before runs");
        must_reload(&mut one, 2);
        world.deploy(&one, 2);
        assert_ne!(pid(&world, "p"), before);
        assert_eq!(generations(&world), [2, 1]);
        // Nobody is there any more, and one of them cannot be started.
        kill(Pid::from_raw(pid(&world, "p")), Signal::SIGKILL)?;
        wait_until(SOON, "its end", || haproxies().is_empty().then_some(()));
        let blocked = namespace::on_own_thread("listen", || {
            namespace::enter(&file).unwrap();
            wait_until(SOON, "its sockets close", || TcpListener::bind("10.0.0.22:80").ok())
        })?;
        world.deploy(&one, 2);
        assert_eq!(world.answers(&url(1), 4), BOTH);
        assert_eq!(generations(&world), [2, 0]);
        let refused = world.driver.deploy(&other, 3).unwrap_err();
        assert_eq!(refused.object_id, other.listeners[0].id, "{}", refused.detail);
        assert_eq!(generations(&world)[0], 2);
        drop((taken, blocked));
        world.deploy(&other, 3);
        assert_eq!(generations(&world), [2, 3]);
        for number in 1..=2 {
            assert_eq!(world.answers(&url(number), 4), BOTH);
        }
        Ok(())
    });
}

#[test]
fn one_that_was_killed_is_started_once_for_all_and_counters_go_on() {
    in_shared_world("one_that_was_killed_is_started_once_for_all", |mut world| {
        let all = [of("p", 1), of("p", 2)];
        for asked in &all {
            world.deploy(asked, 1);
        }
        for (number, requests) in [(1, 3), (2, 5)] {
            world.answers(&url(number), requests);
        }
        assert_eq!(all.each_ref().map(|asked| connections(&world, asked)), [3, 5]);
        for generation in 2..5 {
            let mut changed = all[0].clone();
            must_reload(&mut changed, generation);
            world.deploy(&changed, generation);
            assert_eq!(all.each_ref().map(|asked| connections(&world, asked)), [3, 5], "after a reload");
        }
        assert_eq!(generations(&world), [4, 1]);
        kill(Pid::from_raw(pid(&world, "p")), Signal::SIGKILL)?;
        wait_until(SOON, "it is seen", || (generations(&world) == [0, 0]).then_some(()));
        let mut changed = all[0].clone();
        must_reload(&mut changed, 4);
        world.deploy(&changed, 4);
        let started = pid(&world, "p");
        assert_eq!(generations(&world), [4, 1], "it is started with all of them");
        world.deploy(&all[1], 1);
        assert_eq!(pid(&world, "p"), started);
        assert_eq!(all.each_ref().map(|asked| connections(&world, asked)), [3, 5], "after its end");
        let config = shared_by_project(&world);
        world.start_driver(config);
        assert_eq!(generations(&world), [4, 1]);
        world.deploy(&all[1], 1);
        assert_eq!(pid(&world, "p"), started, "another driver goes on with it");
        assert_eq!(all.each_ref().map(|asked| connections(&world, asked)), [3, 5], "after another driver");
        Ok(())
    });
}

#[test]
fn weights_are_told_and_members_that_come_are_a_reload_of_all_which_is_said_before() {
    in_shared_world("weights_are_told_and_members_that_come_are_a_reload", |world| {
        let (mut asked, other) = (of("p", 1), of("p", 2));
        let gone = asked.pools[0].members.pop().unwrap();
        world.deploy(&asked, 1);
        world.deploy(&other, 1);
        let first = pid(&world, "p");
        asked.pools[0].members[0].weight = 7;
        let said = world.driver.preview(&asked, 2)?;
        assert_eq!(said.effect(), Effect::Runtime, "{:?}", said.steps);
        world.deploy(&asked, 2);
        assert_eq!((pid(&world, "p"), generations(&world)), (first, vec![2, 1]));
        asked.pools[0].members.push(gone);
        let said = world.driver.preview(&asked, 3)?;
        assert_eq!(said.effect(), Effect::Reload, "{:?}", said.steps);
        assert!(said.steps.iter().any(|step| step.contains("with it 1 other")), "{:?}", said.steps);
        assert!(said.configuration.contains(&asked.listeners[0].id), "{}", said.configuration);
        assert!(!said.configuration.contains(&other.listeners[0].id), "{}", said.configuration);
        world.deploy(&asked, 3);
        let second = pid(&world, "p");
        assert_ne!(second, first);
        asked.pools[0].members.pop();
        assert_eq!(world.driver.preview(&asked, 4)?.effect(), Effect::Runtime);
        world.deploy(&asked, 4);
        assert_eq!((pid(&world, "p"), generations(&world)), (second, vec![4, 1]));
        let said = world.driver.preview(&of("p", 3), 1)?;
        assert!(said.steps.iter().any(|step| step.contains("with it 2 other")), "{:?}", said.steps);
        Ok(())
    });
}

#[test]
fn many_at_once_are_few_reloads() {
    const MANY: u32 = 12;
    in_shared_world("many_at_once_are_few_reloads", |world| {
        world.deploy(&of("p", 0), 1);
        let deploy = |number: u32| world.driver.deploy(&of("p", number), 1).map(drop);
        let done: Vec<_> = thread::scope(|scope| {
            let all: Vec<_> = (1..=MANY).map(|number| scope.spawn(move || deploy(number))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for one in done {
            one.unwrap_or_else(|error| panic!("{error}: {}", error.detail));
        }
        for number in 0..=MANY {
            assert_eq!(world.answers(&url(number), 2), BOTH, "{number}");
        }
        let processes = haproxies().len();
        assert!(processes <= 6, "{processes} processes for {MANY} load balancers");
        let undone: Vec<_> = thread::scope(|scope| {
            let undeploy = |number: u32| world.driver.undeploy(&of("p", number).id);
            let all: Vec<_> = (0..=MANY).map(|number| scope.spawn(move || undeploy(number))).collect();
            all.into_iter().map(|one| one.join().unwrap()).collect()
        });
        for one in undone {
            one.unwrap_or_else(|error| panic!("{error}: {}", error.detail));
        }
        assert_nothing_is_left(&world);
        Ok(())
    });
}
