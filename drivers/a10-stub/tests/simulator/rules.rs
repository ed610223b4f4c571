//! What must hold whatever is deployed: tenants apart, nothing rewritten, nothing of others touched, nothing left open.

use std::time::Duration;

use ballast_abi::{Driver, ErrorCode, LoadBalancer, Pool};
use ballast_simulators::{Fault, Kind, Options, a10};
use serde_json::{Value, json};

use crate::stage::{ID, PASSWORD, Stage, load_balancer, member, strays, writes};

fn other(id: &str, project: &str) -> LoadBalancer {
    let mut other = load_balancer();
    other.pools = vec![Pool { id: id.to_owned(), ..other.pools[0].clone() }];
    other.listeners[0].default_pool_id = id.to_owned();
    other.vip.as_mut().unwrap().address = "192.0.2.20".into();
    LoadBalancer { id: id.to_owned(), project_id: project.to_owned(), ..other }
}

#[test]
fn a_second_deploy_writes_nothing() {
    let mut stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    let first = stage.asked();
    assert!(!writes(&first).is_empty());
    stage.deploy(&load_balancer(), 1);
    stage.restart();
    stage.deploy(&load_balancer(), 1);
    assert_eq!(writes(&stage.asked()), [""; 0]);
    assert_eq!(stage.open_sessions(), 0);
}

#[test]
fn each_tenant_has_a_partition_and_every_write_is_in_it() {
    let stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    stage.deploy(&other("other", "another project"), 1);
    let asked = stage.asked();
    assert_eq!(strays(&asked), [""; 0]);
    assert_eq!(stage.simulator.device().partitions().len(), 2);
    assert_eq!(stage.simulator.device().objects(a10::SHARED), [""; 0]);
    // Asked before each write, and answered by the device.
    for (position, entry) in asked.iter().enumerate().filter(|(_, entry)| entry.write) {
        let before = &asked[position - 1];
        assert_eq!((before.method.as_str(), before.path.as_str()), ("GET", "/axapi/v3/active-partition"), "{entry:?}");
    }
    let mut deployed = stage.deployed();
    deployed.sort();
    assert_eq!(deployed, [(ID.to_owned(), 1), ("other".to_owned(), 1)]);
}

#[test]
fn a_partition_that_cannot_be_selected_is_not_written_around() {
    let stage = Stage::with(Options::default(), |config| config.create_partitions = false);
    let error = stage.driver.deploy(&load_balancer(), 1).unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::UNAVAILABLE, true));
    assert!(error.detail.contains("does not exist"), "{}", error.detail);
    assert_eq!(writes(&stage.asked()), [""; 0]);
    assert_eq!(stage.open_sessions(), 0);
}

#[test]
fn one_partition_for_all_can_be_configured() {
    let stage = Stage::with(Options::default(), |config| config.partition = "lbaas".to_owned());
    stage.simulator.device().add_partition("lbaas");
    stage.deploy(&load_balancer(), 1);
    stage.deploy(&other("other", "another project"), 1);
    assert_eq!(stage.partition(), "lbaas");
    stage.undeploy();
    stage.driver.undeploy("other").unwrap();
    assert_eq!(stage.objects(), [""; 0]);
}

#[test]
fn servers_are_shared_and_go_with_the_last_pool_that_has_them() {
    let stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    stage.deploy(&other("other", "demo"), 1);
    let servers = |stage: &Stage| {
        stage.objects().iter().filter(|path| path.matches('/').count() == 2 && path.starts_with("slb/server/")).count()
    };
    assert_eq!(servers(&stage), 2);
    stage.undeploy();
    assert_eq!(servers(&stage), 2);
    assert_eq!(stage.objects().iter().filter(|path| path.contains("/member/")).count(), 2);
    stage.driver.undeploy("other").unwrap();
    assert_eq!(stage.objects(), [""; 0]);
}

#[test]
fn what_an_administrator_has_made_is_used_and_left_as_it_is() {
    let stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    let partition = stage.partition();
    let make = |path: &str, body: Value| stage.simulator.device().administer(&partition, "POST", path, &body);
    make("slb/server", json!({"server": {"name": "old", "host": "10.0.0.3", "weight": 9}}));
    make("slb/service-group", json!({"service-group": {"name": "old", "protocol": "tcp"}}));
    make("slb/service-group/old/member", json!({"member": {"name": "old", "port": 1}}));
    make("health/monitor", json!({"monitor": {"name": "old"}}));
    let mut asked = load_balancer();
    asked.pools[0].members.push(member(3));
    assert_eq!(stage.deploy(&asked, 2), []);
    assert!(stage.objects().iter().any(|path| path.ends_with("/member/old+8080")), "{:?}", stage.objects());
    stage.undeploy();
    assert_eq!(stage.field("slb/server/old", "weight"), 9);
    let left = stage.objects();
    let kept = ["health/monitor/old", "slb/server/old", "slb/server/old/port/1+tcp", "slb/service-group/old"];
    assert!(kept.iter().all(|path| left.iter().any(|left| left == path)), "{left:?}");
    assert!(!left.iter().any(|path| path.contains("/bl_")), "{left:?}");
}

#[test]
fn a_change_behind_our_back_and_a_reboot_are_seen_and_cured() {
    let stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    let (partition, server) = (stage.partition(), stage.only("slb/virtual-server"));
    stage.simulator.device().administer(&partition, "DELETE", &server, &Value::Null);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 0)]);
    stage.deploy(&load_balancer(), 1);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
    ballast_simulators::Device::reboot(&mut *stage.simulator.device());
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
}

#[test]
fn a_save_that_fails_is_said_and_made_up_for() {
    let mut stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    let mut asked = load_balancer();
    asked.pools[0].members.push(member(3));
    stage.simulator.faults.add(Fault::new(Kind::Fail).path("*/write/memory").times(1));
    let faults = stage.deploy(&asked, 2);
    assert_eq!(faults.len(), 1);
    let fault = faults[0].fault.clone().unwrap();
    assert!(fault.retryable && fault.message.contains("could not save"), "{fault:?}");
    assert!(!stage.simulator.device().is_saved());
    stage.restart();
    stage.asked();
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(writes(&stage.asked()), ["POST /axapi/v3/write/memory"]);
    assert!(stage.simulator.device().is_saved());

    stage.simulator.faults.add(Fault::new(Kind::Fail).path("*/write/memory").times(1));
    let error = stage.driver.undeploy(ID).unwrap_err();
    assert!(error.retryable && error.message.contains("could not save"), "{error:?}");
    stage.undeploy();
    assert!(stage.simulator.device().is_saved());
}

#[test]
fn busy_is_waited_for_but_not_for_ever() {
    let stage = Stage::new();
    stage.simulator.faults.add(Fault::new(Kind::Busy).method("POST").after(3).times(4));
    assert_eq!(stage.deploy(&load_balancer(), 1), []);
    stage.simulator.faults.add(Fault::new(Kind::Busy).path("*/slb/server").times(1000));
    let error = stage.driver.deploy(&load_balancer(), 2).unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::BUSY, true));
    assert_eq!(stage.open_sessions(), 0);
}

#[test]
fn a_session_that_ends_in_the_middle_is_followed_by_one_in_the_same_partition() {
    let stage = Stage::new();
    stage.deploy(&load_balancer(), 1);
    stage.simulator.faults.add(Fault::new(Kind::ExpireSession).method("POST").path("*/member"));
    let mut asked = load_balancer();
    asked.pools[0].members.push(member(3));
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(strays(&stage.asked()), [""; 0]);
    assert_eq!(stage.simulator.device().objects(a10::SHARED), [""; 0]);
}

#[test]
fn neither_logs_nor_errors_have_the_password() {
    let stage = Stage::new();
    stage.simulator.device().set_credentials("ballast", "another");
    let error = stage.driver.deploy(&load_balancer(), 1).unwrap_err();
    assert!(error.detail.contains("Incorrect user name or password"), "{}", error.detail);
    assert!(!format!("{error:?}").contains(PASSWORD));
    // Another password takes effect at once.
    std::fs::write(stage.directory.path().join("credentials"), "ballast\nanother\n").unwrap();
    assert_eq!(stage.deploy(&load_balancer(), 1), []);
}

#[test]
fn the_devices_certificate_is_verified() {
    let tls = || Options { tls: true, ..Options::default() };
    let stage = Stage::with(tls(), |config| (config.plain_http, config.timeout_ms) = (false, 2_000));
    assert_eq!(stage.deploy(&load_balancer(), 1), []);
    let stranger = Stage::with(tls(), |config| {
        let path = stage.directory.path().join("ca.pem");
        (config.plain_http, config.ca_file) = (false, Some(path));
    });
    let error = stranger.driver.deploy(&load_balancer(), 1).unwrap_err();
    assert_eq!(error.code, ErrorCode::UNAVAILABLE);
    assert!(error.detail.to_lowercase().contains("certificate"), "{}", error.detail);
    assert_eq!(stranger.asked().len(), 0);
}

#[test]
fn sessions_that_a_crash_left_open_do_not_lock_the_driver_out_for_ever() {
    let stage = Stage::new();
    stage.simulator.device().set_session_limits(1, Duration::from_secs(600));
    stage.simulator.faults.add(Fault::new(Kind::DropAfter).path("*/auth"));
    assert!(stage.driver.deploy(&load_balancer(), 1).is_err());
    stage.simulator.clock.advance(Duration::from_secs(601));
    assert_eq!(stage.deploy(&load_balancer(), 1), []);
    assert_eq!(stage.open_sessions(), 0);
}
