//! What may be desired, and what may be found, by chance.

use super::*;

fn bridge(name: &str, own: bool) -> Attachment {
    Attachment::Bridge(Bridge { name: name.to_owned(), own, uplink: None })
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![(4..8_u8).prop_map(|last| format!("10.0.0.{last}")), (4..8_u8).prop_map(|last| format!("fd00::{last}"))]
}

pub(super) fn some_desired() -> impl Strategy<Value = Desired> {
    let of_kernel = (proptest::option::of(0..3_usize), 0..3_u8);
    (address(), 1..5_u64, any::<(bool, bool, bool, bool)>(), 0..3_u32, of_kernel).prop_map(
        |(address, generation, (vip, echoes, alone, shared), user, (datagrams, networks))| {
            let mut desired = desired(&address, generation);
            if let Some(members) = datagrams.filter(|_| vip) {
                desired = with_datagrams(desired, members);
                desired.alone = alone;
            }
            if vip && networks > 0 {
                desired = with_networks(desired, networks);
            }
            desired = with_secrets(desired, user);
            desired.plug = desired.plug.filter(|_| vip);
            desired.shared = (shared && vip && !desired.alone).then(|| "project:p".to_owned());
            if user > 0 {
                desired.identity = Some(Identity { uid: 1000 + user, gid: 1000 });
                desired
                    .plug
                    .iter_mut()
                    .for_each(|plug| plug.interface = Interface::of_port("other-port", bridge("br0", user > 1)));
            }
            if echoes {
                let (pool, member) = (String::from("p"), String::from("m"));
                let address = "10.0.0.9".parse().unwrap();
                desired.echoes = vec![Echoes {
                    pool,
                    member,
                    address,
                    delay: 1,
                    timeout: 1,
                    max_retries: 1,
                    rise: 2,
                    checked: false,
                    also: Vec::new(),
                }];
            }
            desired
        },
    )
}

fn some_config() -> impl Strategy<Value = Option<(String, Option<Page>)>> {
    proptest::option::of((address(), any::<bool>()).prop_map(|(address, known)| {
        let Desired { config, page, .. } = desired(&address, 1);
        (config, page.filter(|_| known))
    }))
}

fn some_process() -> impl Strategy<Value = Process> {
    prop_oneof![Just(Process::None), Just(Process::Answering(1)), Just(Process::Deaf(vec![1, 2]))]
}

/// Without a namespace there is no table.
fn rules_in(namespace: &Namespace, rules: Rules) -> Rules {
    if matches!(namespace, Namespace::Present(_)) { rules } else { Rules::without_table(rules.kept) }
}

/// Any host, also one that no pass would leave behind.
pub(super) fn some_host() -> impl Strategy<Value = Observed> {
    let interface = Interface::of_port("9f1b7c52-aaaa-4bbb-8ccc-0123456789ab", bridge("brqc0ffee00-11", true));
    let link = |up: bool, master| Link {
        index: 9,
        name: "ns-9f1b7c52-aa".into(),
        mac: Some([2; 6]),
        mtu: if up { 1500 } else { 9000 },
        up,
        master,
        ..Link::default()
    };
    let plugged =
        (proptest::option::of(any::<bool>()), any::<(bool, bool)>()).prop_map(move |(found, (unprepared, own))| {
            let outside = found.map(|attached| link(attached, Some(7)));
            Seen { attached: found == Some(true), outside, unprepared, own }
        });
    let inside =
        (any::<(bool, bool, bool, bool)>(), proptest::option::of(any::<bool>()), proptest::option::of(address()))
            .prop_map(move |((loopback_up, unprepared, unconnected, strangers), found, address)| Inside {
                loopback_up,
                unprepared,
                unconnected,
                link: found.map(|up| link(up, None)),
                addresses: address.into_iter().map(|address| (address.parse().unwrap(), 24)).collect(),
                hops: BTreeSet::new(),
                neighbours: strangers.then(|| "10.0.0.77".parse().unwrap()).into_iter().collect(),
            });
    let namespace = prop_oneof![Just(Namespace::Absent), Just(Namespace::Stale), inside.prop_map(Namespace::Present)];
    let process = some_process();
    let state = proptest::option::of((0..5_u64, any::<bool>())).prop_map(move |found| {
        found.map(|(generation, plugged)| State {
            generation,
            interface: plugged.then(|| interface.clone()),
            ..State::default()
        })
    });
    let flags = (any::<(bool, bool, bool, bool, bool, bool)>(), some_rules(), any::<(bool, bool)>(), some_secrets());
    (namespace, plugged, process, state, some_config(), flags).prop_map(
        |(namespace, plugged, process, state, config, (flags, rules, (member, shared), secrets))| {
            let (unsettled, drifted, foreign, unfenced, unconfined, grouped) = flags;
            let rules = rules_in(&namespace, rules);
            Observed {
                host: Host { namespace, plugged, rules },
                page: config.as_ref().and_then(|(_, page)| page.clone()),
                config: config.map(|(text, _)| text),
                unsettled,
                leaving: Vec::new(),
                drifted: drifted && matches!(process, Process::Answering(_)),
                foreign: foreign && matches!(process, Process::Answering(_)),
                unfenced: unfenced && matches!(process, Process::Answering(_)),
                unconfined: unconfined && matches!(process, Process::Answering(_)),
                grouped,
                process,
                state,
                directory: true,
                member: member.then(|| "project:p".to_owned()),
                shared: shared && member,
                secrets,
            }
        },
    )
}
