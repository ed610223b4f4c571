use std::collections::BTreeSet;

use ballast_abi::{Connections, Effect, LoadBalancer, Protocol};
use ballast_namespace::{
    l4::Forwarded,
    observe::{Inside, Namespace},
    rehearsal::{model, samples},
};
use ballast_netns::{
    attach::{Attachment, Interface, Seen, bridge::Bridge},
    link::Link,
};
use proptest::prelude::*;

use super::*;
use crate::{config::Config, preview::preview, validate::validate};

fn of(asked: &LoadBalancer, generation: u64) -> Desired {
    Desired::of(&validate(asked, &Config::default()).unwrap().0, generation)
}

fn desired(address: &str, generation: u64) -> Desired {
    let mut asked = samples::load_balancer(Protocol::Tcp);
    asked.vip = Some(samples::vip(address));
    of(&asked, generation)
}

/// What a host is like once these steps were done.
fn done(steps: &[Planned<Step>], desired: &Desired, before: &Observed) -> Observed {
    let mut host = before.clone();
    for planned in steps {
        match &planned.step {
            Step::Host(step) => {
                model::step(&mut host.host, step, desired.wanted());
            }
            Step::NoteIntent | Step::NoteDone => {
                let generation = if planned.step == Step::NoteDone { desired.generation } else { 0 };
                host.state = Some(State { generation, plug: desired.plug.clone(), silent: desired.silent });
                host.directory = true;
            }
            Step::RemoveDirectory => {
                model::forget_notes(&mut host.host);
                (host.state, host.directory) = (None, false);
            }
        }
    }
    host
}

/// Whether the host is as it is asked for, looked at without the plan.
fn runs(host: &Observed, desired: &Desired) -> bool {
    let noted = host.state
        == Some(State { generation: desired.generation, plug: desired.plug.clone(), silent: desired.silent });
    noted && desired.wanted().map_or_else(|| model::is_gone(&host.host), |wanted| model::runs(&host.host, wanted))
}

/// Whether nothing of it is left, looked at without the plan.
fn is_gone(host: &Observed) -> bool {
    let rules = &host.host.rules;
    let noted = host.state.is_some() || host.directory || rules.kept.is_some();
    model::is_gone(&host.host) && !noted && !rules.has_table()
}

fn steps(planned: &[Planned<Step>]) -> Vec<&Step> {
    planned.iter().map(|planned| &planned.step).collect()
}

#[test]
fn a_first_deploy_notes_what_it_is_about_to_make_and_its_rules_are_there_before_its_network() {
    let desired = desired("10.0.0.4", 1);
    let planned = plan(&desired, &Observed::default());
    let steps = steps(&planned);
    let first = [plan::Step::MakeNamespace, plan::Step::Forward, plan::Step::MakeLink].map(Step::Host);
    assert_eq!((steps[0], &steps[1..4]), (&Step::NoteIntent, first.each_ref().as_slice()));
    assert_eq!(steps[steps.len() - 2..], [&Step::Host(plan::Step::Announce), &Step::NoteDone]);
}

#[test]
fn another_generation_of_the_same_touches_nothing_and_another_weight_the_rules_only() {
    let mut asked = samples::load_balancer(Protocol::Tcp);
    let first = of(&asked, 1);
    let host = done(&plan(&first, &Observed::default()), &first, &Observed::default());
    assert_eq!(steps(&plan(&of(&asked, 2), &host)), [&Step::NoteDone]);
    asked.pools[0].members[0].weight = 7;
    assert_eq!(steps(&plan(&of(&asked, 2), &host)), [&Step::Host(plan::Step::Forward), &Step::NoteDone]);
}

#[test]
fn what_is_noted_is_what_was_desired() {
    let desired = desired("10.0.0.4", 1);
    let host = done(&plan(&desired, &Observed::default()), &desired, &Observed::default());
    let text = serde_json::to_string(host.state.as_ref().unwrap()).unwrap();
    let state: State = serde_json::from_str(&text).unwrap();
    assert_eq!(Desired::noted(&state, host.host.rules.kept.as_ref()), desired);
}

fn address() -> impl Strategy<Value = String> {
    prop_oneof![(4..8_u8).prop_map(|last| format!("10.0.0.{last}")), (4..8_u8).prop_map(|last| format!("fd00::{last}"))]
}

fn bridge(name: &str, own: bool) -> Attachment {
    Attachment::Bridge(Bridge { name: name.to_owned(), own, uplink: None })
}

fn some_desired() -> impl Strategy<Value = Desired> {
    let protocol = prop_oneof![Just(Protocol::Tcp), Just(Protocol::Udp), Just(Protocol::Sctp)];
    let flags = any::<(bool, bool, bool)>();
    (address(), 1..5_u64, 0..3_usize, protocol, flags).prop_map(
        |(address, generation, members, protocol, (vip, listener, elsewhere))| {
            let mut asked = samples::load_balancer(protocol);
            asked.vip = vip.then(|| samples::vip(&address));
            asked.pools[0].members.truncate(members);
            if !listener {
                asked.listeners.clear();
            }
            let mut desired = of(&asked, generation);
            if elsewhere && let Some(plug) = &mut desired.plug {
                plug.interface = Interface::of_port("other-port", bridge("br0", false));
            }
            desired
        },
    )
}

/// Rules of some pass, of which the notes may be lost, or the table, or which has not come to its end.
fn some_rules() -> impl Strategy<Value = Rules> {
    proptest::option::of((some_desired(), any::<(bool, bool, bool)>())).prop_map(|found| {
        let Some((desired, (noted, table, settled))) = found else { return Rules::default() };
        let mut host = Host { namespace: Namespace::Present(Inside::default()), ..Host::default() };
        let asked: Option<&Forwarded> = desired.forwarded.as_ref();
        model::forward(&mut host, asked);
        let mut rules = host.rules;
        rules.kept.iter_mut().for_each(|kept| kept.settled = settled);
        if !noted {
            (rules.kept, rules.table.noted) = (None, None);
        }
        if !table {
            rules.table.counters.clear();
        }
        rules
    })
}

/// Any host, also one that no pass would leave behind.
fn some_host() -> impl Strategy<Value = Observed> {
    let link = |up: bool| Link {
        index: 9,
        name: "ns-9f1b7c52-aa".into(),
        mac: Some([2; 6]),
        mtu: if up { 1500 } else { 9000 },
        up,
        ..Link::default()
    };
    let plugged =
        (proptest::option::of(any::<bool>()), any::<(bool, bool)>()).prop_map(move |(found, (unprepared, own))| Seen {
            attached: found == Some(true),
            outside: found.map(link),
            unprepared,
            own,
        });
    let inside =
        (any::<(bool, bool, bool, bool)>(), proptest::option::of(any::<bool>()), proptest::option::of(address()))
            .prop_map(move |((loopback_up, unprepared, unconnected, strangers), found, address)| Inside {
                loopback_up,
                unprepared,
                unconnected: unconnected && address.is_some(),
                link: found.map(link),
                addresses: address.into_iter().map(|address| (address.parse().unwrap(), 24)).collect(),
                hops: BTreeSet::new(),
                neighbours: strangers.then(|| "10.0.0.77".parse().unwrap()).into_iter().collect(),
            });
    let namespace = prop_oneof![Just(Namespace::Absent), Just(Namespace::Stale), inside.prop_map(Namespace::Present)];
    let state = proptest::option::of((some_desired(), 0..5_u64));
    (namespace, plugged, state, some_rules()).prop_map(|(namespace, plugged, state, rules)| {
        let rules = match namespace {
            Namespace::Present(_) => rules,
            Namespace::Absent | Namespace::Stale => Rules::without_table(rules.kept),
        };
        let state = state.map(|(desired, generation)| State { generation, plug: desired.plug, silent: false });
        Observed { host: Host { namespace, plugged, rules }, state, directory: true }
    })
}

/// As it is looked at: the host's side is known of what was noted, or of what is wanted. `plug`: that.
fn looked_at(host: Observed, plug: Option<&ballast_namespace::plug::Plug>) -> Observed {
    if host.state.as_ref().and_then(State::interface).is_some() || plug.is_some() {
        return host;
    }
    Observed { host: Host { plugged: Seen::default(), ..host.host }, ..host }
}

proptest! {
    #[test]
    fn once_the_steps_are_done_the_host_runs_what_is_desired_and_nothing_is_left_to_do(
        desired in some_desired(),
        host in some_host(),
    ) {
        let host = looked_at(host, desired.plug.as_ref());
        let after = done(&plan(&desired, &host), &desired, &host);
        prop_assert!(runs(&after, &desired), "{after:?}");
        prop_assert_eq!(plan(&desired, &after), vec![]);
    }

    /// A pass that ended before any of its steps is nothing that the next one cannot take up.
    #[test]
    fn a_pass_that_ends_before_any_step_is_taken_up_by_the_next(
        desired in some_desired(),
        host in some_host(),
        done_of_it in any::<prop::sample::Index>(),
    ) {
        let host = looked_at(host, desired.plug.as_ref());
        let steps = plan(&desired, &host);
        let (before, rest) = steps.split_at(done_of_it.index(steps.len() + 1));
        let half = done(before, &desired, &host);
        let announces = |steps: &[Planned<Step>]| steps.iter().any(|one| one.step == Step::Host(plan::Step::Announce));
        prop_assert!(!announces(rest) || announces(&plan(&desired, &half)), "{half:?}");
        let after = done(&plan(&desired, &half), &desired, &half);
        prop_assert!(runs(&after, &desired), "{after:?}");
        let half = looked_at(half, None);
        let gone = done(&plan_removal(&half), &desired, &half);
        prop_assert!(is_gone(&gone), "{gone:?}");
    }

    #[test]
    fn what_is_foreseen_is_what_becomes_of_the_namespace(desired in some_desired(), host in some_host()) {
        let host = looked_at(host, desired.plug.as_ref());
        let steps = plan(&desired, &host);
        let foreseen = preview(&steps, &desired, &host, Vec::new());
        let after = done(&steps, &desired, &host);
        let (before, now) = (host.host.namespace != Namespace::Absent, after.host.namespace != Namespace::Absent);
        match foreseen.effect() {
            Effect::None => prop_assert_eq!(&host.host, &after.host),
            Effect::Runtime => prop_assert_eq!(before, now),
            effect => prop_assert_eq!(effect, Effect::Restart),
        }
        let (served, serves) = (host.host.rules.has_table(), after.host.rules.has_table());
        match foreseen.connections() {
            Connections::Kept => prop_assert!(!served || serves),
            connections => prop_assert_eq!((connections, served), (Connections::Cut, true)),
        }
        prop_assert_eq!(foreseen.steps.is_empty(), steps.is_empty());
        let again = preview(&plan(&desired, &after), &desired, &after, Vec::new());
        prop_assert_eq!((again.effect(), again.connections(), again.steps.len()), (Effect::None, Connections::Kept, 0));
    }

    #[test]
    fn removing_leaves_nothing_and_twice_removes_nothing(desired in some_desired(), host in some_host()) {
        let host = looked_at(host, None);
        let after = done(&plan_removal(&host), &desired, &host);
        prop_assert!(is_gone(&after), "{after:?}");
        prop_assert_eq!(plan_removal(&after), vec![]);
    }

    #[test]
    fn what_forwards_has_its_rules(desired in some_desired(), host in some_host()) {
        let mut ruled = host.host.rules.has_table();
        for planned in plan(&desired, &host) {
            match planned.step {
                Step::Host(plan::Step::MakeNamespace | plan::Step::DropNamespace) => ruled = false,
                Step::Host(plan::Step::Forward) => ruled = true,
                Step::Host(plan::Step::Prepare | plan::Step::Configure(_)) if desired.forwarded.is_some() => {
                    prop_assert!(ruled);
                }
                _ => {}
            }
        }
    }
}
