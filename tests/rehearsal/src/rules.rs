//! What must hold whatever is deployed: tenants apart, nothing rewritten, nothing left open, nothing said that is not so.

use std::time::Duration;

use ballast_abi::{Driver, ErrorCode, LoadBalancer};
use ballast_device::{Vendor, Wire};
use ballast_simulators::{Device, Fault, Kind, Options};

use crate::{
    PASSWORD, Played, Role, Stage, USER,
    samples::{ID, another, checked, member},
    strays, writes,
};

pub(crate) fn with_a_third_member() -> LoadBalancer {
    let mut asked = checked();
    asked.pools[0].members.push(member(3));
    asked
}

pub fn a_second_deploy_writes_nothing<P: Played>() {
    let mut stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert!(!writes(&stage.asked()).is_empty());
    assert_eq!(stage.deploy(&checked(), 1), []);
    stage.restart();
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(writes(&stage.asked()), [""; 0]);
    assert_eq!(stage.open_sessions(), 0);
}

pub fn each_tenant_has_a_partition_and_every_write_is_in_it<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let first = stage.asked();
    assert_eq!(stage.deploy(&another("other", "another project"), 1), []);
    let second = stage.asked();
    assert_eq!(stage.partitions().len(), 2);
    assert_eq!(P::objects(&stage.simulator.device(), <P::Vendor as Vendor>::Wire::HOME), [""; 0]);
    for (asked, project) in [(first, "demo"), (second, "another project")] {
        assert_eq!(strays::<P>(&asked), [""; 0]);
        let partition = ballast_device::names::partition(project);
        // Asked before each write, and answered by the device.
        for (position, entry) in asked.iter().enumerate().filter(|(_, entry)| entry.write) {
            assert!(P::asks_where(&asked[position - 1]), "{entry:?}");
            let inside = entry.partition.as_ref() == Some(&partition);
            assert!(inside || P::makes_a_partition(entry) || P::saves_home(entry), "{entry:?}");
        }
    }
    let mut deployed = stage.deployed();
    deployed.sort();
    assert_eq!(deployed, [(ID.to_owned(), 1), ("other".to_owned(), 1)]);
}

pub fn a_partition_that_cannot_be_selected_is_not_written_around<P: Played>() {
    let stage = Stage::<P>::with(Options::default(), |config| config.create_partitions = false);
    let error = stage.driver.deploy(&checked(), 1).unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::UNAVAILABLE, true));
    assert!(error.detail.contains("does not exist"), "{}", error.detail);
    assert_eq!(writes(&stage.asked()), [""; 0]);
    assert_eq!(stage.open_sessions(), 0);
}

pub fn one_partition_for_all_can_be_configured<P: Played>() {
    let stage = Stage::<P>::with(Options::default(), |config| config.partition = "lbaas".to_owned());
    P::add_partition(&mut stage.simulator.device(), "lbaas");
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(stage.deploy(&another("other", "another project"), 1), []);
    assert_eq!(stage.partition(), "lbaas");
    stage.undeploy();
    stage.driver.undeploy("other").unwrap();
    assert_eq!(stage.objects(), [""; 0]);
}

pub fn a_load_balancer_moves_when_the_configured_partition_changes<P: Played>() {
    let mut stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let before = stage.partition();
    P::add_partition(&mut stage.simulator.device(), "lbaas");
    stage.restart_with(|config| config.partition = "lbaas".to_owned());
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(P::objects(&stage.simulator.device(), &before), [""; 0]);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}

pub fn servers_are_shared_and_go_with_the_last_pool_that_has_them<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(stage.deploy(&another("other", "demo"), 1), []);
    assert_eq!((stage.count(Role::Server), stage.count(Role::Member)), (2, 4));
    stage.undeploy();
    assert_eq!((stage.count(Role::Server), stage.count(Role::Member)), (2, 2));
    stage.driver.undeploy("other").unwrap();
    assert_eq!(stage.objects(), [""; 0]);
}

pub fn a_change_behind_our_back_and_a_reboot_are_seen_and_cured<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let front = stage.front();
    let partition = stage.partition();
    P::remove(&mut stage.simulator.device(), &partition, &front);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 0)]);
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
    Device::reboot(&mut *stage.simulator.device());
    assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
}

pub fn a_save_that_fails_is_said_and_made_up_for<P: Played>() {
    let mut stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let asked = with_a_third_member();
    stage.simulator.faults.add(Fault::new(Kind::Fail).path(P::SAVE).times(1));
    let faults = stage.deploy(&asked, 2);
    assert_eq!(faults.len(), 1);
    let fault = faults[0].fault.clone().unwrap();
    assert!(fault.retryable && fault.message.contains("could not save"), "{fault:?}");
    assert!(!stage.is_saved());
    stage.restart();
    let _ = stage.asked();
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(writes(&stage.asked()).len(), 1);
    assert!(stage.is_saved());

    stage.simulator.faults.add(Fault::new(Kind::Fail).path(P::SAVE).times(1));
    let error = stage.driver.undeploy(ID).unwrap_err();
    assert!(error.retryable && error.message.contains("could not save"), "{error:?}");
    stage.undeploy();
    assert!(stage.is_saved());
}

pub fn what_is_not_saved_yet_is_saved_before_the_process_ends<P: Played>() {
    let stage = Stage::<P>::new();
    stage.driver.shutdown().unwrap();
    assert_eq!(stage.asked().len(), 0);
    assert_eq!(stage.deploy(&checked(), 1), []);
    stage.simulator.faults.add(Fault::new(Kind::Fail).path(P::SAVE).times(1));
    assert_eq!(stage.deploy(&with_a_third_member(), 2).len(), 1);
    assert!(!stage.is_saved());
    let _ = stage.asked();
    stage.driver.shutdown().unwrap();
    assert!(stage.is_saved());
    let asked = stage.asked();
    assert_eq!((writes(&asked).len(), strays::<P>(&asked), stage.open_sessions()), (1, vec![], 0));
}

pub fn busy_is_waited_for_but_not_for_ever<P: Played>() {
    let stage = Stage::<P>::new();
    stage.simulator.faults.add(Fault::new(Kind::Busy).method("POST").after(3).times(4));
    assert_eq!(stage.deploy(&checked(), 1), []);
    let login = P::LOGIN.trim_start_matches('*');
    stage.simulator.faults.add(Fault::new(Kind::Busy).method("GET").times(1000));
    let error = stage.driver.deploy(&checked(), 2).unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::BUSY, true));
    let logins = stage.asked().iter().filter(|entry| entry.path.ends_with(login)).count();
    assert_eq!(logins, 2, "a busy device is not asked again in a new session");
    assert_eq!(stage.open_sessions(), 0);
}

pub fn a_secondary_is_told_nothing_and_that_is_said<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let before = stage.simulator.device().clone();
    let _ = stage.asked();
    stage.simulator.faults.add(Fault::new(Kind::Secondary).times(1000));
    let error = stage.driver.deploy(&with_a_third_member(), 2).unwrap_err();
    assert_eq!((error.code, error.retryable), (ErrorCode::UNAVAILABLE, true));
    assert!(error.message.contains("takes no changes"), "{error:?}");
    assert!(stage.driver.undeploy(ID).unwrap_err().message.contains("takes no changes"));
    assert!(P::runs_like(&stage.simulator.device(), &before));
    stage.simulator.faults.clear();
    assert_eq!(stage.deploy(&with_a_third_member(), 2), []);
}

pub fn a_session_that_ends_in_the_middle_is_followed_by_one_in_the_same_partition<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let requests = {
        let copy = stage.copy();
        assert_eq!(copy.deploy(&with_a_third_member(), 2), []);
        copy.asked().iter().position(|entry| entry.write).unwrap()
    };
    let _ = stage.asked();
    stage.simulator.faults.add(Fault::new(Kind::ExpireSession).after(requests));
    assert_eq!(stage.deploy(&with_a_third_member(), 2), []);
    let asked = stage.asked();
    assert_eq!(strays::<P>(&asked), [""; 0]);
    assert_eq!(P::objects(&stage.simulator.device(), <P::Vendor as Vendor>::Wire::HOME), [""; 0]);
    let login = P::LOGIN.trim_start_matches('*');
    assert_eq!(asked.iter().filter(|entry| entry.path.ends_with(login)).count(), 2);
}

pub fn neither_logs_nor_errors_have_the_password<P: Played>() {
    let stage = Stage::<P>::new();
    P::set_credentials(&mut stage.simulator.device(), USER, "another");
    let error = stage.driver.deploy(&checked(), 1).unwrap_err();
    assert!(error.detail.contains("refuses the login"), "{}", error.detail);
    assert!(!format!("{error:?}").contains(PASSWORD));
    // Another password takes effect at once.
    std::fs::write(stage.directory.path().join("credentials"), format!("{USER}\nanother\n")).unwrap();
    assert_eq!(stage.deploy(&checked(), 1), []);
}

pub fn the_devices_certificate_is_verified<P: Played>() {
    let tls = || Options { tls: true, ..Options::default() };
    let stage = Stage::<P>::with(tls(), |config| (config.plain_http, config.timeout_ms) = (false, 2_000));
    assert_eq!(stage.deploy(&checked(), 1), []);
    let stranger = Stage::<P>::with(tls(), |config| {
        let path = stage.directory.path().join("ca.pem");
        (config.plain_http, config.ca_file) = (false, Some(path));
    });
    let error = stranger.driver.deploy(&checked(), 1).unwrap_err();
    assert_eq!(error.code, ErrorCode::UNAVAILABLE);
    assert!(error.detail.to_lowercase().contains("certificate"), "{}", error.detail);
    assert_eq!(stranger.asked().len(), 0);
}

pub fn sessions_that_a_crash_left_open_do_not_lock_the_driver_out_for_ever<P: Played>() {
    let stage = Stage::<P>::new();
    P::set_session_limits(&mut stage.simulator.device(), 1, Duration::from_secs(600));
    stage.simulator.faults.add(Fault::new(Kind::DropAfter).path(P::LOGIN));
    assert!(stage.driver.deploy(&checked(), 1).is_err());
    stage.simulator.clock.advance(Duration::from_secs(601));
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(stage.open_sessions(), 0);
}

pub fn a_session_that_was_left_open_is_ended_by_the_next_one<P: Played>() {
    let mut stage = Stage::<P>::new();
    for restarted in [false, true] {
        stage.simulator.faults.add(Fault::new(Kind::DropBefore).path(P::LOGOUT).times(3));
        assert_eq!(stage.deploy(&checked(), 1), []);
        assert_eq!(stage.open_sessions(), 1);
        if restarted {
            stage.restart();
        }
        assert_eq!(stage.deployed(), [(ID.to_owned(), 1)]);
        assert_eq!(stage.open_sessions(), 0, "restarted: {restarted}");
    }
}

pub fn no_more_sessions_are_open_than_are_configured<P: Played>() {
    let stage = Stage::<P>::with(Options::default(), |config| config.max_sessions = 2);
    P::set_session_limits(&mut stage.simulator.device(), 2, Duration::from_secs(600));
    std::thread::scope(|scope| {
        for number in 0..6 {
            let stage = &stage;
            scope.spawn(move || {
                let id = format!("lb-{number}");
                let mut asked = another(&id, &format!("project-{number}"));
                asked.pools[0].members.truncate(1);
                assert_eq!(stage.deploy(&asked, 1), []);
            });
        }
    });
    assert_eq!((stage.partitions().len(), stage.open_sessions()), (6, 0));
}

pub fn what_is_gone_is_gone_and_what_was_never_there_is_not_found<P: Played>() {
    let stage = Stage::<P>::new();
    stage.undeploy();
    assert_eq!(stage.driver.observe(&[ID.to_owned()]).unwrap_err().code, ErrorCode::NOT_FOUND);
    assert_eq!(stage.deploy(&checked(), 1), []);
    stage.undeploy();
    stage.undeploy();
    assert_eq!((stage.objects(), stage.deployed(), stage.open_sessions()), (vec![], vec![], 0));
    assert!(stage.is_saved());
    assert_eq!(stage.driver.observe(&[]).unwrap(), []);
}

/// The driver's own directory is lost with its host: the device still knows.
pub fn what_another_host_deployed_is_found_and_can_be_taken_away<P: Played>() {
    let mut stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 3), []);
    let state = stage.directory.path().join("state");
    std::fs::remove_dir_all(&state).unwrap();
    std::fs::create_dir(&state).unwrap();
    stage.restart();
    // Found, but whether it is whole nobody can say.
    assert_eq!(stage.deployed(), [(ID.to_owned(), 0)]);
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}
