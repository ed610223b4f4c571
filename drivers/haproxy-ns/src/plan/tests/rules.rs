//! The same with what the kernel forwards.

use std::net::IpAddr;

use ballast_abi::Protocol;
use ballast_l4::desired::Filter;
use ballast_namespace::l4::{Forwarded, knowledge::Knowledge};
use ipnet::IpNet;
use proptest::prelude::*;

use super::*;

/// Beside what haproxy serves, so many members behind a listener of UDP on the same port.
pub(super) fn with_datagrams(mut desired: Desired, members: usize) -> Desired {
    let mut asked = samples::load_balancer(Protocol::Udp);
    asked.pools[0].members.truncate(members);
    desired.forwarded = Forwarded::of(&samples::validated(&asked));
    desired.service = desired.forwarded.as_ref().map(|asked| asked.service(&Knowledge::default()));
    desired
}

/// So many networks whose clients may connect to what haproxy serves.
pub(super) fn with_networks(mut desired: Desired, networks: u8) -> Desired {
    let allowed = (0..networks).map(|number| IpNet::from(IpAddr::from([10, number, 0, 0]))).collect();
    let asked = desired.forwarded.get_or_insert_default();
    asked.filters = vec![Filter { port: 80, allowed }];
    desired.service = desired.forwarded.as_ref().map(|asked| asked.service(&Knowledge::default()));
    desired
}

/// Those of some pass, of which the notes may be lost, or the table, or which has not come to its end.
pub(super) fn some_rules() -> impl Strategy<Value = Rules> {
    let parts = any::<(bool, bool, bool)>();
    let asked = (proptest::option::of(0..3_usize), 0..3_u8);
    proptest::option::of((asked, parts, any::<bool>())).prop_map(|found| {
        let Some(((members, networks), (noted, table, settled), torn)) = found else { return Rules::default() };
        let mut host = Host { namespace: Namespace::Present(Inside::default()), ..Host::default() };
        let mut asked = with_networks(desired("10.0.0.4", 1), networks);
        if let Some(members) = members {
            asked = with_datagrams(asked, members);
        }
        model::forward(&mut host, asked.forwarded.as_ref());
        let mut rules = host.rules;
        rules.kept.iter_mut().for_each(|kept| kept.settled = settled);
        if !noted {
            (rules.kept, rules.table.noted) = (None, None);
        }
        if !table {
            rules.table.counters.clear();
        }
        rules.table.torn = torn;
        rules
    })
}

#[test]
fn rules_come_before_the_network_and_a_namespace_that_is_there_forwards_after_them() {
    let desired = with_datagrams(desired("10.0.0.4", 1), 2);
    let planned = plan(&desired, &Observed::default());
    assert_eq!(
        steps(&planned)[..3],
        [&Step::NoteIntent, &Step::Host(plan::Step::MakeNamespace), &Step::Host(plan::Step::Forward)]
    );
    let host = done(&planned, &desired, &Observed::default());
    assert_eq!(plan(&desired, &host), []);
    let mut lost = host.clone();
    lost.host.rules.table.counters.clear();
    if let Namespace::Present(inside) = &mut lost.host.namespace {
        inside.unprepared = true;
    }
    assert_eq!(
        steps(&plan(&desired, &lost)),
        [&Step::Host(plan::Step::Forward), &Step::Host(plan::Step::Prepare), &Step::NoteDone]
    );
    let without = Desired { forwarded: None, service: None, ..desired };
    assert_eq!(steps(&plan(&without, &host)), [&Step::Host(plan::Step::StopForwarding), &Step::NoteDone]);
    let host = done(&plan(&without, &host), &without, &host);
    assert_eq!((plan(&without, &host), host.host.rules.has_table()), (vec![], false));
}
