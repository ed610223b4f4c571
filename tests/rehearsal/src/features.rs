//! What v1 can ask for can be had, and what is said of it is so.

use std::{cell::Cell, collections::BTreeSet};

use ballast_abi::{
    ClientAuthentication, Driver, ErrorCode, Health, Hsts, LbMethod, ListenerTls, LoadBalancer, Member, MonitorType,
    PersistenceType, PoolTls, Protocol, Vip, features as words,
};
use ballast_device::{Reading, Totals};
use ballast_simulators::{Fault, Kind, Options};
use proptest::{
    prelude::*,
    test_runner::{Config as ProptestConfig, TestRunner},
};

use crate::{
    Played, Role, Stage,
    samples::{ID, any_extreme, checked, load_balancer, member, monitor, persistence},
    secrets, writes,
};

pub fn protocols_methods_persistences_and_monitors_of_every_kind_can_be_had<P: Played>() {
    let stage = Stage::<P>::new();
    let mut generation = 0;
    for protocol in [Protocol::Tcp, Protocol::Http, Protocol::Https] {
        for method in [LbMethod::RoundRobin, LbMethod::LeastConnections, LbMethod::SourceIp] {
            for (kind, kept) in [
                (MonitorType::Ping, None),
                (MonitorType::Tcp, Some(PersistenceType::SourceIp)),
                (MonitorType::Http, Some(PersistenceType::HttpCookie)),
                (MonitorType::Https, Some(PersistenceType::AppCookie)),
            ] {
                let cookie = matches!(kept, Some(PersistenceType::HttpCookie | PersistenceType::AppCookie));
                if cookie && protocol != Protocol::Http {
                    continue;
                }
                let mut asked = load_balancer(protocol);
                asked.pools[0].lb_method = method.into();
                asked.pools[0].monitors = vec![monitor(kind)];
                asked.pools[0].members[0].weight = 256;
                asked.pools[0].session_persistence = kept.map(|kind| persistence(kind, "SID"));
                generation += 1;
                assert_eq!(stage.deploy(&asked, generation), [], "{protocol:?} {method:?} {kind:?} {kept:?}");
                assert_eq!(stage.deployed(), [(ID.to_owned(), generation)]);
                let _ = stage.asked();
                assert_eq!(stage.deploy(&asked, generation), []);
                assert_eq!(writes(&stage.asked()), [""; 0], "{protocol:?} {method:?} {kind:?} {kept:?}");
            }
        }
    }
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}

type Change = (&'static str, fn(&mut LoadBalancer));

/// What a driver for a device may declare, and how it is asked for.
const BEYOND_V1: [Change; 9] = [
    (words::LB_METHOD_SOURCE_IP_PORT, |one| one.pools[0].lb_method = LbMethod::SourceIpPort.into()),
    (words::MONITOR_RISE, |one| one.pools[0].monitors[0].rise = 3),
    (words::MONITOR_TLS_HELLO, |one| one.pools[0].monitors = vec![monitor(MonitorType::TlsHello)]),
    (words::MEMBER_BACKUP, |one| one.pools[0].members[1].backup = true),
    (words::POOL_OTHER_PROTOCOL, |one| one.listeners[0].protocol = Protocol::Tcp.into()),
    (words::PROTOCOL_TERMINATED_HTTPS, terminated),
    (words::LISTENER_HSTS, |one| {
        terminated(one);
        let hsts = Hsts { max_age: 31_536_000, include_subdomains: true, preload: false };
        one.listeners[0].tls.as_mut().unwrap().hsts = Some(hsts);
    }),
    (words::LISTENER_CLIENT_AUTHENTICATION, |one| {
        terminated(one);
        let tls = one.listeners[0].tls.as_mut().unwrap();
        tls.client_authentication = ClientAuthentication::Optional.into();
        tls.client_ca = Some(secrets::named("authorities"));
    }),
    (words::POOL_TLS, |one| one.pools[0].tls = Some(PoolTls::default())),
];

fn terminated(one: &mut LoadBalancer) {
    let tls = ListenerTls { default_certificate: Some(secrets::named("web")), ..ListenerTls::default() };
    (one.listeners[0].protocol, one.listeners[0].tls) = (Protocol::TerminatedHttps.into(), Some(tls));
}

pub fn what_is_declared_beyond_v1_is_made_and_taken_back<P: Played>() {
    let stage = Stage::<P>::newest();
    let declared = stage.driver.capabilities().features;
    let known = words::ALL_V1.into_iter().chain(words::SHAPES).chain(BEYOND_V1.map(|(feature, _)| feature));
    let known: BTreeSet<&str> = known.collect();
    assert_eq!(declared.iter().find(|feature| !known.contains(feature.as_str())), None, "nothing here asks for it");
    let mut generation = 0;
    for (feature, change) in BEYOND_V1.into_iter().filter(|(feature, _)| declared.iter().any(|one| one == feature)) {
        let mut asked = checked();
        change(&mut asked);
        for asked in [&asked, &checked()] {
            generation += 1;
            assert_eq!(stage.deploy(asked, generation), [], "{feature}");
            assert_eq!(stage.deployed(), [(ID.to_owned(), generation)]);
            let _ = stage.asked();
            assert_eq!(stage.deploy(asked, generation), []);
            assert_eq!(writes(&stage.asked()), [""; 0], "{feature}");
        }
    }
    assert!(generation > 0, "it declares nothing");
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}

pub fn a_pool_without_a_vip_is_deployed_and_nothing_listens<P: Played>() {
    let stage = Stage::<P>::new();
    let asked = LoadBalancer { vip: None, listeners: Vec::new(), ..checked() };
    assert_eq!(stage.deploy(&asked, 4), []);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 4)]);
    assert_eq!((stage.count(Role::Front), stage.count(Role::Member)), (0, 2));
    let seen = stage.driver.observe(&[ID.to_owned()]).unwrap();
    assert_eq!(seen[0].statistics.unwrap().total_connections, 0);
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}

fn with_members(count: u32) -> LoadBalancer {
    let mut asked = checked();
    let address = |number: u32| format!("10.1.{}.{}", number / 250, number % 250 + 1);
    asked.pools[0].members = (0..count).map(|number| Member { address: address(number), ..member(number) }).collect();
    asked
}

pub fn two_hundred_members_are_deployed_in_one_call<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&with_members(200), 1), []);
    assert_eq!(stage.count(Role::Member), 200);
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
}

/// Nothing that can be asked is refused by the device itself: what it cannot have is known and said before, of the
/// object that asked for it.
pub fn what_the_device_cannot_have_is_said_before_and_all_else_is_made<P: Played>() {
    let stage = Stage::<P>::new();
    let generation = Cell::new(0);
    let config = ProptestConfig { cases: 60, failure_persistence: None, ..ProptestConfig::default() };
    let deployed = TestRunner::new(config).run(&any_extreme(), |asked| {
        generation.set(generation.get() + 1);
        let faults = stage.driver.deploy(&asked, generation.get());
        let faults = faults.map_err(|error| TestCaseError::fail(format!("{error:?}")))?;
        for fault in &faults {
            let code = fault.fault.as_ref().map(|fault| fault.code);
            prop_assert_eq!(code, Some(ErrorCode::UNSUPPORTED.0), "{:?}", fault);
        }
        prop_assert_eq!(stage.deployed(), [(ID.to_owned(), generation.get())]);
        Ok(())
    });
    deployed.unwrap();
}

pub fn a_read_that_is_refused_is_not_told_as_a_change<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    stage.simulator.faults.add(Fault::new(Kind::Fail).method("GET").times(1000));
    let failed = [stage.driver.deploy(&checked(), 2).map(drop), stage.driver.observe(&[ID.to_owned()]).map(drop)];
    for error in failed.map(Result::unwrap_err) {
        assert!(error.retryable && error.code == ErrorCode::UNAVAILABLE, "{error:?}");
        assert_eq!(error.message, "the load balancing device does not say what it has");
    }
    stage.simulator.faults.clear();
    stage.simulator.faults.add(Fault::new(Kind::Fail).path(P::LOGIN).times(1000));
    let error = stage.driver.deploy(&checked(), 2).unwrap_err();
    assert_eq!(error.message, "the load balancing device does not let the driver in");
}

/// By the lists that the device takes, where one by one each object takes a question and a change.
pub fn a_thousand_members_take_a_tenth_of_the_requests<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&with_members(1000), 1), []);
    assert_eq!(stage.count(Role::Member), 1000);
    let (made, requests) = (stage.objects().len(), stage.asked().len());
    assert!(made >= 2000 && requests <= made / 10, "{requests} requests made {made} objects");
    assert_eq!(stage.deploy(&with_members(1000), 1), []);
    assert_eq!(writes(&stage.asked()), [""; 0]);
}

/// What the device does not have of a list is found, and all else of it is made.
pub fn one_of_a_list_that_is_refused_keeps_no_other_away<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let asked = with_members(40);
    let bad = &asked.pools[0].members[17];
    let server = ballast_device::names::server(bad.address.parse().unwrap());
    stage.simulator.faults.add(Fault::new(Kind::Fail).body(&server).times(1000));
    let faults = stage.deploy(&asked, 2);
    let blamed: BTreeSet<&str> = faults.iter().map(|fault| fault.object_id.as_str()).collect();
    assert_eq!(blamed, BTreeSet::from([bad.id.as_str()]), "{faults:?}");
    assert_eq!(stage.count(Role::Member), 39);
    stage.simulator.faults.clear();
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(stage.count(Role::Member), 40);
}

/// And all others are made, of whichever IP version they are.
pub fn a_member_that_is_the_vip_itself_is_a_fault_of_that_member<P: Played>() {
    let stage = Stage::<P>::new();
    for (generation, itself) in (1..).zip(["192.0.2.10", "::ffff:192.0.2.10", "0.0.0.0", "::"]) {
        let mut asked = with_members(3);
        asked.pools[0].members[1].address = itself.into();
        asked.pools[0].members[1].protocol_port = asked.listeners[0].protocol_port;
        asked.pools[0].members[2].address = "2001:db8::12".into();
        let faults = stage.deploy(&asked, generation);
        let blamed: Vec<&str> = faults.iter().map(|fault| fault.object_id.as_str()).collect();
        assert_eq!(blamed, [asked.pools[0].members[1].id.as_str()], "{itself}: {faults:?}");
        assert_eq!(stage.count(Role::Member), 2);
    }
}

pub fn statistics_and_health_are_read_and_counters_never_go_back<P: Played>() {
    let mut stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let (partition, front) = (stage.partition(), stage.front());
    let count = |stage: &Stage<P>, connections| {
        let totals = Totals { bytes_in: 10 * connections, bytes_out: 30 * connections, connections };
        P::count(&mut stage.simulator.device(), (&partition, &front), Reading { totals, active: 2 });
    };
    count(&stage, 7);
    stage.down([10, 0, 0, 2], 8080);
    let seen = stage.driver.observe(&[]).unwrap();
    let statistics = seen[0].statistics.unwrap();
    assert_eq!((statistics.bytes_in, statistics.bytes_out), (70, 210));
    assert_eq!((statistics.active_connections, statistics.total_connections), (2, 7));
    let health: Vec<_> = seen[0].members.iter().map(|one| (one.member_id.as_str(), one.health())).collect();
    assert_eq!(health, [("member-1", Health::Up), ("member-2", Health::Down)]);

    stage.restart();
    count(&stage, 3);
    let total =
        |stage: &Stage<P>| stage.driver.observe(&[ID.to_owned()]).unwrap()[0].statistics.unwrap().total_connections;
    assert_eq!((total(&stage), total(&stage)), (10, 10));
    let error = stage.driver.observe(&["unknown".to_owned()]).unwrap_err();
    assert_eq!(error.code, ErrorCode::NOT_FOUND);
}

pub fn what_the_device_refuses_is_said_of_the_object_and_the_rest_is_made<P: Played>() {
    let stage = Stage::<P>::new();
    assert_eq!(stage.deploy(&checked(), 1), []);
    let partition = stage.partition();
    let taken = P::take(&mut stage.simulator.device(), &partition, "192.0.2.99");
    let mut asked = checked();
    asked.vip = Some(Vip { address: "192.0.2.99".into(), ..Vip::default() });
    asked.pools[0].members.push(member(3));
    let faults = stage.deploy(&asked, 2);
    let objects: Vec<&str> = faults.iter().map(|fault| fault.object_id.as_str()).collect();
    assert!(!objects.is_empty() && objects.iter().all(|id| [ID, "listener"].contains(id)), "{faults:?}");
    assert_eq!(stage.count(Role::Member), 3);
    assert_eq!(stage.deployed(), [(ID.to_owned(), 2)]);
    P::remove(&mut stage.simulator.device(), &partition, &taken);
    assert_eq!(stage.deploy(&asked, 2), []);
    let _ = stage.asked();
    assert_eq!(stage.deploy(&asked, 2), []);
    assert_eq!(writes(&stage.asked()), [""; 0]);
}

pub fn a_device_is_not_asked_each_time_for_what_was_seen_just_now<P: Played>() {
    let stage = Stage::<P>::with(Options::default(), |config| config.observe_interval_ms = 3_600_000);
    assert_eq!(stage.deploy(&checked(), 1), []);
    assert_eq!(stage.driver.observe(&[]).unwrap().len(), 1);
    let _ = stage.asked();
    assert_eq!(stage.driver.observe(&[]).unwrap().len(), 1);
    assert_eq!(stage.asked().len(), 0);
    // What was named is looked for, and a change is seen at once.
    assert_eq!(stage.driver.observe(&[ID.to_owned()]).unwrap().len(), 1);
    assert_ne!(stage.asked().len(), 0);
    stage.undeploy();
    assert_eq!(stage.driver.observe(&[]).unwrap(), []);
}
