//! What a step would do: to what serves, to connections, and in plain words. Pure.

use ballast_abi::{Connections, Effect};
use ballast_l4::{
    desired::Service,
    layout::Layout,
    mark::{Mark, Whose},
    plan::plan,
};

use crate::{
    l4::seen::Seen as Rules,
    observe::Observed,
    plan::{Changes, Step},
};

#[must_use]
pub const fn effect(step: &Step) -> Effect {
    match step {
        Step::KeepCounts | Step::Probe => Effect::None,
        Step::Forward
        | Step::StopForwarding
        | Step::Prepare
        | Step::Configure(_)
        | Step::RemoveLink
        | Step::MakeLink
        | Step::AttachLink
        | Step::Announce => Effect::Runtime,
        Step::Unplug(_) | Step::MakeNamespace | Step::DropNamespace | Step::AwaitLinkGone(_) | Step::Release(_) => {
            Effect::Restart
        }
    }
}

/// What becomes of the connections that there are. `service`: what the kernel is to forward. `serves`: whether there is
/// anything to be connected to.
#[must_use]
pub fn fate(step: &Step, service: Option<&Service>, observed: &Observed, serves: bool) -> Connections {
    match step {
        Step::DropNamespace if observed.rules.has_table() => Connections::Cut,
        Step::StopForwarding if observed.rules.forwards() => Connections::Cut,
        Step::Forward if ends_flows(service, &observed.rules) => Connections::Cut,
        Step::Configure(changes) if serves && takes_an_address_away(changes) => Connections::Cut,
        Step::MakeNamespace
        | Step::Prepare
        | Step::Forward
        | Step::StopForwarding
        | Step::KeepCounts
        | Step::RemoveLink
        | Step::MakeLink
        | Step::AttachLink
        | Step::Probe
        | Step::Configure(_)
        | Step::Announce
        | Step::Unplug(_)
        | Step::DropNamespace
        | Step::AwaitLinkGone(_)
        | Step::Release(_) => Connections::Kept,
    }
}

fn takes_an_address_away(changes: &Changes) -> bool {
    !changes.remove_addresses.is_subset(&changes.add_addresses)
}

/// Whether somebody who may have flows now is to have none: by the plan of the rules themselves.
fn ends_flows(service: Option<&Service>, rules: &Rules) -> bool {
    let Some(service) = service.filter(|_| rules.has_table()) else { return false };
    let Some(kept) = &rules.kept else { return true };
    let mut numbers = kept.numbers.clone();
    let Ok(layout) = Layout::next(rules.table.running(), service, &mut numbers) else { return false };
    let has_flows = |whose: &Whose| {
        let is_whose = |mark: &Mark| match whose {
            Whose::Listener(number) => mark.listener() == *number,
            Whose::Member(member) => mark == member,
        };
        rules.table.members.as_ref().is_none_or(|members| members.keys().any(is_whose))
    };
    plan(&rules.table, &layout).end.iter().any(has_flows)
}

/// `None`: it is of no interest to whoever asks.
#[must_use]
pub fn words(step: &Step, why: &str) -> Option<String> {
    let what = match step {
        Step::KeepCounts | Step::AwaitLinkGone(_) => return None,
        Step::Configure(changes) => return Some(format!("configure {}", configured(changes))),
        Step::Announce => return Some("announce the addresses to the neighbours".to_owned()),
        Step::MakeNamespace => "make a network namespace",
        Step::Prepare => "set the kernel parameters of the namespace",
        Step::Forward => "change the rules of the kernel: what it forwards, and who may connect",
        Step::StopForwarding => "take the rules of the kernel away",
        Step::RemoveLink | Step::Unplug(_) => "take the link away",
        Step::MakeLink => "make a link and plug it into the network",
        Step::AttachLink => "plug the link into the network",
        Step::Probe => "ask who has the addresses",
        Step::DropNamespace => "remove the network namespace",
        Step::Release(_) => "remove what was made for the network",
    };
    Some(format!("{what}: {why}"))
}

fn configured(changes: &Changes) -> String {
    let Changes {
        mac,
        mtu,
        remove_addresses,
        add_addresses,
        remove_hops,
        add_hops,
        remove_neighbours,
        add_neighbours,
        links_up,
    } = changes;
    let parts = [
        ("the MAC address", *mac),
        ("the MTU", *mtu),
        ("addresses", !(remove_addresses.is_empty() && add_addresses.is_empty())),
        ("routes", !(remove_hops.is_empty() && add_hops.is_empty())),
        ("neighbours", !(remove_neighbours.is_empty() && add_neighbours.is_empty())),
        ("links", *links_up),
    ];
    parts.into_iter().filter_map(|(what, is)| is.then_some(what)).collect::<Vec<_>>().join(", ")
}
