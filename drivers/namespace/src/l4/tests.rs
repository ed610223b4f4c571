use std::collections::HashMap;

use ballast_abi::{LoadBalancer, MonitorType, PersistenceType, Protocol, SessionPersistence};
use ballast_l4::{
    desired::{Persistence, Service, State},
    prober::Verdict,
};

use super::{
    knowledge::{Knowledge, Sources},
    *,
};
use crate::{
    l4::kept::Kept,
    rehearsal::samples::{self, ID},
    validate::{Rules, Validated},
};

fn asked() -> LoadBalancer {
    samples::load_balancer(Protocol::Udp)
}

fn is_forwarded(protocol: Protocol) -> bool {
    matches!(protocol, Protocol::Udp | Protocol::Sctp)
}

fn validate(asked: &LoadBalancer) -> (Validated, Vec<ballast_abi::ObjectFault>) {
    let fits = |listener, pool| listener == pool;
    let rules = Rules { networks: Default::default(), section: "drivers.test", fits, is_forwarded, filters: true };
    let (validated, faults) = crate::validate::validate(asked, &rules, |listener, _, _, _| Ok(Some(listener))).unwrap();
    (validated, faults.into())
}

fn forwarded(asked: &LoadBalancer) -> Forwarded {
    Forwarded::of(&validate(asked).0).unwrap()
}

fn service(asked: &LoadBalancer) -> Service {
    forwarded(asked).service(&Knowledge::default())
}

fn states(service: &Service) -> Vec<State> {
    service.listeners[0].members.iter().map(|member| member.state).collect()
}

#[test]
fn a_listener_of_each_kind_has_its_port_and_who_is_not_forwarded_is_another_ones() {
    let mut all = samples::load_balancer(Protocol::Http);
    for (number, protocol) in [Protocol::Udp, Protocol::Sctp].into_iter().enumerate() {
        let mut other = samples::load_balancer(protocol);
        other.pools[0].id = format!("pool-{number}");
        other.listeners[0].id = format!("listener-{number}");
        other.listeners[0].default_pool_id = other.pools[0].id.clone();
        all.listeners.append(&mut other.listeners);
        all.pools.append(&mut other.pools);
    }
    let (validated, faults) = validate(&all);
    assert_eq!((validated.listeners.len(), faults), (3, vec![]));
    let service = service(&all);
    assert_eq!(service.listeners.iter().map(|one| one.port).collect::<Vec<_>>(), [80, 80]);
    assert_eq!(service.sources.v4, Some([10, 0, 0, 4].into()));
    assert_eq!(Forwarded::of(&validate(&samples::load_balancer(Protocol::Http)).0), None);
    let twice = ballast_abi::Listener { id: "twice".into(), ..all.listeners[1].clone() };
    all.listeners.push(twice);
    let (validated, faults) = validate(&all);
    assert_eq!((validated.listeners.len(), faults.len()), (3, 1));
}

#[test]
fn what_is_down_has_no_flows_and_a_member_that_is_down_gets_no_new_ones() {
    type Change = fn(&mut LoadBalancer);
    let changes: [Change; 4] = [
        |one| one.admin_state_up = false,
        |one| one.listeners[0].admin_state_up = false,
        |one| one.pools[0].admin_state_up = false,
        |one| one.listeners[0].default_pool_id = String::new(),
    ];
    for change in changes {
        let mut asked = asked();
        change(&mut asked);
        let service = service(&asked);
        assert!(service.listeners[0].addresses.is_empty());
        assert!(states(&service).iter().all(|state| *state == State::Down));
    }
    let mut asked = asked();
    asked.pools[0].members[0].admin_state_up = false;
    assert_eq!(states(&service(&asked)), [State::Draining, State::Up]);
}

#[test]
fn clients_are_told_apart_by_the_mask_that_was_asked_for() {
    let persistent = |seconds, mask: &str| {
        let mut asked = asked();
        asked.pools[0].session_persistence = Some(SessionPersistence {
            r#type: PersistenceType::SourceIp.into(),
            persistence_timeout: seconds,
            persistence_granularity: mask.into(),
            ..SessionPersistence::default()
        });
        let faults = validate(&asked).1.len();
        (service(&asked).listeners[0].persistence, faults)
    };
    let is = |seconds, prefix4, prefix6| (Some(Persistence { seconds, prefix4, prefix6 }), 0);
    assert_eq!(persistent(0, ""), is(360, 32, 128));
    assert_eq!(persistent(10, "255.255.255.0"), is(10, 24, 128));
    assert_eq!(persistent(10, "ffff:ffff::"), is(10, 32, 32));
    for bad in ["255.0.255.0", "24", "x"] {
        assert_eq!(persistent(10, bad), (None, 1), "{bad}");
    }
}

#[test]
fn only_pools_that_are_forwarded_are_checked_by_datagrams() {
    let faults = |protocol, kind| {
        let mut asked = samples::load_balancer(protocol);
        asked.pools[0].monitors = vec![samples::monitor(kind)];
        validate(&asked).1.len()
    };
    for kind in [MonitorType::UdpConnect, MonitorType::Sctp] {
        assert_eq!((faults(Protocol::Udp, kind), faults(Protocol::Sctp, kind), faults(Protocol::Tcp, kind)), (0, 0, 1));
    }
    for kind in [MonitorType::Ping, MonitorType::Tcp, MonitorType::Http, MonitorType::Https, MonitorType::TlsHello] {
        assert_eq!(faults(Protocol::Udp, kind), 0);
    }
}

/// How the first member begins in a pool that is checked.
fn begins(kept: &Kept, verdict: Option<Option<bool>>, told: Option<Option<bool>>) -> State {
    let mut asked = asked();
    asked.pools[0].monitors = vec![samples::monitor(MonitorType::UdpConnect)];
    let asked = forwarded(&asked);
    let verdicts =
        verdict.map(|up| (asked.probes[0].name(), Verdict { up, ..Verdict::default() })).into_iter().collect();
    let told: Option<HashMap<Key, bool>> = told.map(|up| up.map(|up| (asked.probes[0].of(), up)).into_iter().collect());
    let knowledge =
        Knowledge::of(&asked, &Sources { kept, verdicts: &verdicts, told: told.as_ref() }, Default::default());
    states(&asked.service(&knowledge))[0]
}

#[test]
fn one_of_which_nothing_is_known_waits_and_one_that_is_served_goes_on() {
    let nothing = Kept::default();
    assert_eq!(begins(&nothing, None, None), State::Up, "nobody says what is known");
    assert_eq!(begins(&nothing, None, Some(None)), State::Draining);
    assert_eq!(begins(&nothing, None, Some(Some(true))), State::Up);
    assert_eq!(begins(&nothing, None, Some(Some(false))), State::Down);
    let mut kept = Kept::default();
    kept.note_asked(Some(&forwarded(&asked())), &Knowledge::default());
    assert_eq!(begins(&kept, None, Some(None)), State::Up, "it was served when nobody checked");
    assert_eq!(begins(&kept, Some(Some(false)), Some(None)), State::Up, "that was another check");
    let mut checked = asked();
    checked.pools[0].monitors = vec![samples::monitor(MonitorType::UdpConnect)];
    let up = [((ID.to_owned(), samples::member(1).id), Some(false))].into();
    kept.note_asked(Some(&forwarded(&checked)), &Knowledge { up, ..Knowledge::default() });
    assert_eq!(begins(&kept, None, Some(Some(true))), State::Down, "what was seen here is later");
    assert_eq!(begins(&kept, Some(Some(true)), Some(None)), State::Up);
    assert_eq!(begins(&kept, Some(None), Some(None)), State::Draining);
}

#[test]
fn notes_are_read_as_they_were_written() {
    let directory = tempfile::tempdir().unwrap();
    let files = crate::files::Files::of(directory.path(), "one");
    std::fs::create_dir(&files.directory).unwrap();
    assert_eq!(Kept::read(&files).unwrap(), None);
    let mut kept = Kept::default();
    kept.note_asked(Some(&forwarded(&asked())), &Knowledge::default());
    kept.note_counts(&[("l1m1n".to_owned(), ballast_l4::table::Count { packets: 3, bytes: 300 })].into());
    kept.write(&files).unwrap();
    assert_eq!(Kept::read(&files).unwrap(), Some(kept));
    std::fs::write(files.forwarded(), "{\"numb").unwrap();
    assert_eq!(Kept::read(&files).unwrap(), None);
}

#[test]
fn a_flow_lives_as_long_as_the_more_patient_side_waits_in_whole_seconds() {
    let idle = |timeouts: Option<(u32, u32)>, can, usual| {
        let mut asked = asked();
        asked.listeners[0].timeouts = timeouts.map(|(client_data, member_data)| ballast_abi::Timeouts {
            client_data,
            member_data,
            member_connect: 5_000,
            tcp_inspect: 0,
        });
        let mut forwarded = forwarded(&asked);
        forwarded.settle_idle(can, |_| usual);
        forwarded.service(&Knowledge::default()).listeners[0].idle
    };
    for (client, member, seconds) in [(3_000, 2_000, 3), (1, 1, 1), (2_001, 500, 3), (50_000, 90_000, 90)] {
        assert_eq!(idle(Some((client, member)), true, Some(7)), Some(seconds));
        assert_eq!(idle(Some((client, member)), false, Some(7)), None);
    }
    assert_eq!((idle(None, true, None), idle(None, true, Some(7)), idle(None, false, Some(7))), (None, Some(7), None));
    // The API's 0 is what is usual.
    assert_eq!(idle(Some((0, 1_000)), true, None), Some(50));
}

/// Whoever is not checked is up, wherever it is.
#[test]
fn members_of_pools_without_a_listener_are_told_as_well() {
    let mut asked = asked();
    let mut idle = asked.pools[0].clone();
    idle.id = "idle".into();
    idle.members[1].admin_state_up = false;
    asked.pools[0].monitors = vec![samples::monitor(MonitorType::UdpConnect)];
    asked.pools.push(idle);
    let forwarded = forwarded(&asked);
    assert_eq!(forwarded.unchecked, [("idle".to_owned(), samples::member(1).id)]);
    assert!(forwarded.probes.iter().all(|probe| probe.pool == ID) && forwarded.probes.len() == 2);
    asked.pools[1].monitors = asked.pools[0].monitors.clone();
    let checked = Forwarded::of(&validate(&asked).0).unwrap();
    assert_eq!((checked.unchecked.len(), checked.probes.len()), (0, 3));
}

/// Whether the listener is up or not, and nothing else is followed or checked for it.
#[test]
fn who_may_connect_to_what_others_serve_is_asked_of_the_kernel() {
    let mut asked = samples::load_balancer(Protocol::Http);
    asked.listeners[0].allowed_cidrs = vec!["10.0.0.0/8".into(), "10.1.0.0/16".into()];
    for up in [true, false] {
        asked.listeners[0].admin_state_up = up;
        let forwarded = forwarded(&asked);
        assert!(!forwarded.forwards() && forwarded.probes.is_empty() && forwarded.unchecked.is_empty());
        assert_eq!(forwarded.filters.iter().map(|one| (one.port, one.allowed.len())).collect::<Vec<_>>(), [(80, 2)]);
        assert_eq!(forwarded.service(&Knowledge::default()).filters, forwarded.filters);
    }
    // One that can be read by nobody lets nobody in, and is no empty list.
    asked.listeners[0].allowed_cidrs = vec!["x".into()];
    assert_eq!(forwarded(&asked).filters[0].allowed.len(), 1);
    let mut datagrams = self::asked();
    datagrams.listeners[0].allowed_cidrs = vec!["10.0.0.0/8".into()];
    assert_eq!((forwarded(&datagrams).filters.len(), forwarded(&datagrams).listeners[0].allowed.len()), (0, 1));
}

#[test]
fn a_table_with_other_rules_than_it_was_left_with_is_torn() {
    let mut kept = Kept::default();
    assert!(!kept.is_torn(0), "nobody knows how many a former release has left");
    kept.note_rules(Some(3));
    assert!(!kept.is_torn(3) && kept.is_torn(0) && kept.is_torn(4));
}

#[test]
fn notes_of_a_release_that_knew_no_idle_times_are_read() {
    let mut noted = serde_json::to_value(forwarded(&asked())).unwrap();
    assert!(noted["listeners"][0].as_object_mut().unwrap().remove("idle").is_some());
    assert!(noted.as_object_mut().unwrap().remove("unchecked").is_some());
    let read = serde_json::from_value::<Forwarded>(noted).unwrap();
    assert_eq!((read.listeners, read.unchecked), (forwarded(&asked()).listeners, vec![]));
}
