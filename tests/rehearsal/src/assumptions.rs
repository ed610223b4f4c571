//! What no real device was seen to do can be one way or the other: a driver depends on none of it.

use ballast_abi::{Driver, LbMethod, LoadBalancer, PersistenceType};
use ballast_simulators::{Device, Fault, Kind};

use crate::{
    Played, Stage,
    samples::{ID, checked, member, persistence},
    strays, writes,
};

/// Other methods, another persistence, other members: what is exclusive, named and counted changes.
fn changes() -> Vec<LoadBalancer> {
    let with = |method: LbMethod, kept: Option<PersistenceType>, members: &[u32]| {
        let mut changed = checked();
        changed.pools[0].lb_method = method.into();
        changed.pools[0].members = members.iter().map(|number| member(*number)).collect();
        changed.pools[0].session_persistence = kept.map(|kind| persistence(kind, ""));
        changed
    };
    let mut slow = with(LbMethod::LeastConnections, Some(PersistenceType::HttpCookie), &[2, 3]);
    slow.pools[0].monitors[0].delay = 60;
    let mut without_monitor = with(LbMethod::SourceIp, None, &[2, 3]);
    without_monitor.pools[0].monitors.clear();
    let last = with(LbMethod::RoundRobin, Some(PersistenceType::SourceIp), &[1]);
    let unequal = |mut changed: LoadBalancer| {
        changed.pools[0].members[0].weight = 5;
        changed
    };
    let least = with(LbMethod::LeastConnections, None, &[1, 2]);
    let round = with(LbMethod::RoundRobin, None, &[1, 2]);
    let weights = vec![unequal(round.clone()), unequal(least.clone()), round.clone(), least, unequal(round)];
    [vec![checked(), slow, without_monitor, last], weights].concat()
}

/// The device after each change, and after the end.
fn played<P: Played>(stage: &Stage<P>, context: &str) -> Vec<P::Device> {
    let mut after = Vec::new();
    for (generation, asked) in (1..).zip(changes()) {
        assert_eq!(stage.deploy(&asked, generation), [], "{context}: generation {generation}");
        assert_eq!(strays::<P>(&stage.asked()), [""; 0], "{context}: generation {generation}");
        assert_eq!(stage.deploy(&asked, generation), [], "{context}: generation {generation}");
        assert_eq!(writes(&stage.asked()), [""; 0], "{context}: generation {generation}");
        assert_eq!(stage.deployed(), [(ID.to_owned(), generation)], "{context}");
        after.push(stage.simulator.device().clone());
    }
    stage.undeploy();
    after.push(stage.simulator.device().clone());
    assert_eq!((stage.objects(), stage.open_sessions()), (Vec::new(), 0), "{context}");
    after
}

pub fn a_device_may_behave_either_way_where_nobody_knows<P: Played>() {
    let usual = played(&Stage::<P>::new(), "as usual");
    for (what, assume) in P::assumptions() {
        let stage = Stage::<P>::new();
        assume(&mut stage.simulator.device());
        let after = played(&stage, &what);
        assert!(after.iter().zip(&usual).all(|(one, other)| P::runs_like(one, other)), "{what}");
    }
}

pub fn errors_are_known_by_their_number_whatever_the_status<P: Played>() {
    let usual = Stage::<P>::new();
    assert_eq!(usual.deploy(&checked(), 1), []);
    for status in [400, 404, 409, 422, 500, 503] {
        let stage = Stage::<P>::new();
        for code in P::UNSEEN {
            assert!(stage.simulator.device().set_status(*code, status), "{code}");
        }
        // Made already, when the driver asks again: it exists.
        stage.simulator.faults.add(Fault::new(Kind::Busy).method("POST").path(P::SERVERS));
        stage.simulator.faults.add(Fault::new(Kind::DropAfter).method("POST").path(P::SERVERS));
        assert_eq!(stage.deploy(&checked(), 1), [], "{status}");
        assert_eq!(stage.simulator.faults.waiting(), 0, "{status}");
        assert!(P::runs_like(&stage.simulator.device(), &usual.simulator.device()), "{status}");
        stage.simulator.faults.add(Fault::new(Kind::Fail).method("POST").path(P::SERVERS).times(1000));
        let mut changed = checked();
        changed.pools[0].members.push(member(3));
        let failed = stage.driver.deploy(&changed, 2);
        assert!(failed.is_err() || failed.is_ok_and(|faults| !faults.is_empty()), "{status}: a failure was not seen");
        stage.simulator.faults.clear();
        assert_eq!(stage.deploy(&changed, 2), [], "{status}");
    }
}
