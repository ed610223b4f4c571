//! Every kind of fault at every single request of a deploy, of a change and of an undeploy.
//!
//! Whatever comes: the device ends as desired, or there is a clear error and the next try succeeds; no write is outside
//! of the tenant's partition; no session stays open.

use std::thread;

use ballast_abi::{Driver, DriverError, LoadBalancer, Member, ObjectFault, PersistenceType};
use ballast_device::{Vendor, Wire};
use ballast_simulators::{Entry, Fault, Kind};

use crate::{
    Played, Stage,
    samples::{ID, another, checked, member, persistence},
    strays, tls,
};

const KINDS: [Kind; 10] = [
    Kind::Delay(20),
    Kind::DropBefore,
    Kind::DropAfter,
    Kind::Html503,
    Kind::Busy,
    Kind::ExpireSession,
    Kind::Fail,
    Kind::Secondary,
    Kind::NoContent,
    Kind::HalfApplied,
];

/// What is done to the device.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Deed {
    Deploy,
    Change,
    Undeploy,
    DeployTls,
    RenewTls,
    UndeployTls,
}

/// Small, with one list: each request of it is met by each kind of fault.
fn first() -> LoadBalancer {
    checked()
}

fn changed() -> LoadBalancer {
    let mut changed = checked();
    changed.pools[0].members = vec![Member { weight: 3, ..member(3) }];
    changed.pools[0].monitors.clear();
    changed.pools[0].session_persistence = Some(persistence(PersistenceType::HttpCookie, ""));
    changed.vip.as_mut().unwrap().address = "192.0.2.11".into();
    changed
}

fn prepared<P: Played>(deed: Deed) -> Stage<P> {
    if [Deed::DeployTls, Deed::RenewTls, Deed::UndeployTls].contains(&deed) {
        return prepared_for_tls(deed);
    }
    let stage = Stage::new();
    // Another load balancer has the same server: it must not lose it.
    let mut other = another("other", "demo");
    other.pools[0].members.truncate(1);
    assert_eq!(stage.deploy(&other, 1), []);
    if deed != Deed::Deploy {
        assert_eq!(stage.deploy(&first(), 1), []);
    }
    let _ = stage.asked();
    stage
}

fn prepared_for_tls<P: Played>(deed: Deed) -> Stage<P> {
    let stage = Stage::newest();
    assert_eq!(stage.deploy(&another("other", "demo"), 1), []);
    if deed != Deed::DeployTls {
        assert_eq!(stage.deploy(&tls::everything("web"), 1), []);
    }
    let _ = stage.asked();
    stage
}

fn done<P: Played>(deed: Deed, stage: &Stage<P>) -> Result<Vec<ObjectFault>, DriverError> {
    match deed {
        Deed::Deploy => stage.driver.deploy(&first(), 1),
        Deed::Change => stage.driver.deploy(&changed(), 2),
        Deed::DeployTls => stage.tried(&tls::everything("web"), 1),
        Deed::RenewTls => stage.tried(&tls::everything("web-renewed"), 2),
        Deed::Undeploy | Deed::UndeployTls => stage.driver.undeploy(ID).map(|()| Vec::new()),
    }
}

/// The device is as an undisturbed deed makes it.
fn is_as_desired<P: Played>(stage: &Stage<P>, after: &P::Device) -> bool {
    stage.is_saved() && P::runs_like(&stage.simulator.device(), after)
}

/// A login whose reply is lost opens a session that nobody can close.
fn login_was_lost<P: Played>(asked: &[Entry], kind: Kind) -> usize {
    let end = P::LOGIN.trim_start_matches('*');
    let lost = asked.iter().any(|entry| entry.path.ends_with(end) && [0, 204].contains(&entry.status));
    usize::from(lost && matches!(kind, Kind::DropAfter | Kind::NoContent))
}

fn meet<P: Played>(deed: Deed, kind: Kind, request: usize, (stage, after): (Stage<P>, &P::Device)) {
    let context = format!("{deed:?}, {kind:?} at request {request}");
    stage.simulator.faults.add(Fault::new(kind).after(request));
    let outcome = done(deed, &stage);
    let asked = stage.asked();
    assert_eq!(stage.simulator.faults.waiting(), 0, "{context}: the fault did not strike");
    assert_eq!(strays::<P>(&asked), [""; 0], "{context}");
    assert_eq!(stage.open_sessions(), login_was_lost::<P>(&asked, kind), "{context}: sessions left");
    match outcome {
        Ok(faults) if faults.is_empty() => {
            assert!(is_as_desired(&stage, after), "{context}: success was said, and {:?}", stage.objects());
            return;
        }
        Ok(faults) => {
            assert!(faults.iter().all(|fault| fault.fault.as_ref().is_some_and(|fault| !fault.message.is_empty())));
        }
        Err(error) => assert!(error.retryable && !error.message.is_empty(), "{context}: {error:?}"),
    }
    assert_eq!(done(deed, &stage), Ok(Vec::new()), "{context}: the next try");
    assert!(is_as_desired(&stage, after), "{context}: after the next try {:?}", stage.objects());
    assert_eq!(strays::<P>(&stage.asked()), [""; 0], "{context}");
}

/// Every kind at every request of this deed, on two threads.
fn meet_all<P: Played>(deed: Deed) {
    let before = prepared::<P>(deed);
    let undisturbed = before.copy();
    assert_eq!(done(deed, &undisturbed), Ok(Vec::new()));
    let requests = undisturbed.asked().len();
    assert!(requests > 20, "{deed:?}: {requests} requests");
    let after = undisturbed.simulator.device().clone();
    thread::scope(|scope| {
        for half in 0..2 {
            let (before, after) = (&before, &after);
            scope.spawn(move || {
                for request in (0..requests).filter(|request| request % 2 == half) {
                    for kind in KINDS {
                        meet(deed, kind, request, (before.copy(), after));
                    }
                }
            });
        }
    });
}

/// A lost reply, a refusal and an end of the session: where certificates are sent, named, bound and taken back.
pub fn tls_survives_faults_at_every_write<P: Played>() {
    let kinds = [Kind::DropAfter, Kind::ExpireSession, Kind::Fail];
    for deed in [Deed::DeployTls, Deed::RenewTls, Deed::UndeployTls] {
        let before = prepared::<P>(deed);
        let undisturbed = before.copy();
        assert_eq!(done(deed, &undisturbed), Ok(Vec::new()));
        let asked = undisturbed.asked();
        let writes = asked.iter().enumerate().filter(|(_, entry)| entry.write).map(|(at, _)| at);
        let writes: Vec<usize> = writes.collect();
        assert!(writes.len() > 5, "{deed:?}: {writes:?}");
        let after = undisturbed.simulator.device().clone();
        for request in writes {
            for kind in kinds {
                meet(deed, kind, request, (before.copy(), &after));
            }
        }
    }
}

/// Wherever the session is led astray, between any two writes: it is found out before the next one.
pub fn a_session_that_is_led_astray_writes_nothing_where_it_is<P: Played>() {
    for deed in [Deed::Deploy, Deed::Change, Deed::Undeploy] {
        let before = prepared::<P>(deed);
        let undisturbed = before.copy();
        assert_eq!(done(deed, &undisturbed), Ok(Vec::new()));
        let asked = undisturbed.asked();
        let after = undisturbed.simulator.device().clone();
        let home = <P::Vendor as Vendor>::Wire::HOME;
        let inside = |entry: &Entry| entry.partition.as_deref().is_some_and(|partition| partition != home);
        let questions = asked.iter().enumerate().filter(|(_, entry)| P::asks_where(entry) && inside(entry));
        let questions: Vec<usize> = questions.map(|(position, _)| position).collect();
        assert!(questions.len() > 3, "{deed:?}: {questions:?}");
        for question in questions {
            let stage = before.copy();
            stage.simulator.faults.add(Fault::new(Kind::Astray).after(question));
            let error = done(deed, &stage).unwrap_err();
            assert!(error.retryable && error.detail.contains("nothing was written"), "{error:?}");
            assert_eq!(strays::<P>(&stage.asked()), [""; 0], "{deed:?}, led astray before request {question}");
            assert_eq!(P::objects(&stage.simulator.device(), home), [""; 0]);
            assert_eq!((done(deed, &stage), stage.open_sessions()), (Ok(Vec::new()), 0));
            assert!(is_as_desired(&stage, &after), "{deed:?}, led astray before request {question}");
        }
    }
}

pub fn a_deploy_survives_every_fault_at_every_request<P: Played>() {
    meet_all::<P>(Deed::Deploy);
}

pub fn a_change_survives_every_fault_at_every_request<P: Played>() {
    meet_all::<P>(Deed::Change);
}

pub fn an_undeploy_survives_every_fault_at_every_request<P: Played>() {
    meet_all::<P>(Deed::Undeploy);
}
