//! What v1 can ask for can be had, and what is said of it is so.

use ballast_abi::{
    Driver, ErrorCode, Health, LbMethod, LoadBalancer, MonitorType, PersistenceType, Protocol, SessionPersistence, Vip,
};
use ballast_device::{Reading, Totals};
use ballast_simulators::Options;

use crate::{
    Played, Role, Stage,
    samples::{ID, checked, load_balancer, member, monitor},
    writes,
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
                asked.pools[0].session_persistence =
                    kept.map(|kind| SessionPersistence { r#type: kind.into(), cookie_name: "SID".into() });
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

pub fn two_hundred_members_are_deployed_in_one_call<P: Played>() {
    let stage = Stage::<P>::new();
    let mut asked = checked();
    asked.pools[0].members = (1..=200).map(member).collect();
    assert_eq!(stage.deploy(&asked, 1), []);
    assert_eq!(stage.count(Role::Member), 200);
    stage.undeploy();
    assert_eq!(stage.objects(), [""; 0]);
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
