use super::*;
use crate::{
    health_monitor::{HealthMonitor, MonitorChange, MonitorType},
    load_balancer::tests as samples,
    member::NewMember,
    view::v1,
};

/// What members report, and how they weigh: up, down or not known.
fn load_balancer(members: &[(OperatingStatus, u16)], monitored: bool) -> LoadBalancer {
    let base = samples::load_balancer().add_vip(samples::vip(2)).unwrap();
    let pool_id = v1::pool_of(base.id);
    let mut whole = members.iter().enumerate().fold(base, |whole, (at, (_, weight))| {
        let number = u8::try_from(at).unwrap() + 10;
        let new = NewMember {
            id: crate::ids::MemberId::from_u128(number.into()),
            project_id: "p".to_owned(),
            address: [10, 0, 0, number].into(),
            protocol_port: 80,
            weight: *weight,
            admin_state_up: true,
        };
        whole.add_member(pool_id, new).unwrap()
    });
    if monitored {
        let fields =
            MonitorChange { delay: Some(5), timeout: Some(3), max_retries: Some(2), ..MonitorChange::default() };
        let monitor =
            HealthMonitor::new(crate::ids::MonitorId::from_u128(77), "p".to_owned(), MonitorType::Tcp, fields);
        whole = whole.associate(pool_id, monitor.unwrap()).unwrap();
    }
    for (member, (status, _)) in whole.pools[0].members.iter_mut().zip(members) {
        member.operating_status = *status;
    }
    whole.listeners[0].answering = Answering::Yes;
    whole
}

fn of(whole: &LoadBalancer) -> [Operating; 3] {
    let traffic = Traffic::new(whole, true);
    [traffic.whole(), traffic.listener(&whole.listeners[0]), traffic.pool(&whole.pools[0])]
}

/// Each line of the contract's table of what is reported and what is shown.
#[test]
fn what_is_reported_rolls_up_as_octavia_has_it() {
    use Operating::{Degraded, Error, Offline, Online};
    use OperatingStatus::{Offline as Down, Online as Up};
    for (members, monitored, expected) in [
        (vec![(Up, 1), (Up, 1), (Up, 1)], true, [Online, Online, Online]),
        (vec![(Up, 1), (Up, 1), (Down, 1)], true, [Degraded, Online, Degraded]),
        (vec![(Down, 1), (Down, 1)], true, [Error, Online, Error]),
        (vec![(Up, 0), (Up, 1)], true, [Online, Online, Online]),
        (vec![(Up, 0), (Up, 0)], true, [Error, Online, Error]),
        (vec![], true, [Online, Online, Online]),
        (vec![(OperatingStatus::Unknown, 1)], false, [Online, Online, Online]),
    ] {
        assert_eq!(of(&load_balancer(&members, monitored)), expected, "{members:?}");
    }
    let mut full = load_balancer(&[(Up, 1)], true);
    full.listeners[0].answering = Answering::Full;
    assert_eq!(of(&full), [Degraded, Degraded, Online]);
    let mut down = load_balancer(&[(Down, 1)], true);
    down.listeners[0].answering = Answering::Full;
    assert_eq!(of(&down), [Error, Degraded, Error]);
    let mut off = load_balancer(&[(Up, 1)], true);
    off.listeners[0].admin_state_up = false;
    assert_eq!(of(&off), [Offline, Offline, Offline]);
    let mut off = load_balancer(&[(Up, 1)], true);
    off.pools[0].admin_state_up = false;
    assert_eq!(of(&off), [Online, Online, Offline]);
    let mut off = load_balancer(&[(Up, 1)], true);
    off.admin_state_up = false;
    assert_eq!(of(&off), [Offline, Offline, Offline]);
}

#[test]
fn a_member_says_how_it_is_checked() {
    let status = |status, weight, monitored| {
        let whole = load_balancer(&[(status, weight)], monitored);
        Traffic::new(&whole, true).member(&whole.pools[0], &whole.pools[0].members[0])
    };
    assert_eq!(status(OperatingStatus::Online, 1, true), Operating::Online);
    assert_eq!(status(OperatingStatus::Online, 0, true), Operating::Draining);
    assert_eq!(status(OperatingStatus::Offline, 1, true), Operating::Error);
    assert_eq!(status(OperatingStatus::Unknown, 1, true), Operating::Offline);
    assert_eq!(status(OperatingStatus::Unknown, 0, false), Operating::NoMonitor);
}

#[test]
fn nothing_is_online_that_is_not_seen_to_answer_or_whose_agent_is_dead() {
    let mut whole = load_balancer(&[(OperatingStatus::Online, 1)], true);
    let dead = Traffic::new(&whole, false);
    assert_eq!((dead.whole(), dead.listener(&whole.listeners[0])), (Operating::Offline, Operating::Offline));
    whole.listeners[0].answering = Answering::No;
    assert_eq!(of(&whole), [Operating::Offline; 3]);
}
