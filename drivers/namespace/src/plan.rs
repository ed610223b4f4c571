//! From what is wanted and what is observed to the steps between them, each with its reason. Pure: it knows nothing of
//! kernels. Once the steps are done, planning again gives none: each driver holds that for its own steps with these.

use std::{collections::BTreeSet, net::IpAddr};

use ballast_netns::{attach::Interface, route::Hop};

use crate::{
    Wanted,
    observe::{Inside, Namespace, Observed},
    plug::Plug,
};

#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Step {
    MakeNamespace,
    /// Set the kernel parameters of the namespace that exists.
    Prepare,
    /// Make the rules those that are asked for, and end the flows of who is gone. Before the namespace forwards at
    /// all, and before anybody reaches it.
    Forward,
    /// Take the rules away, with their flows.
    StopForwarding,
    /// Note what the rules have counted: they go with their namespace.
    KeepCounts,
    /// Take away an inner end that leads nowhere.
    RemoveLink,
    /// Make the pair of links, and plug the outer end.
    MakeLink,
    /// Put the outer end that exists up and where it belongs.
    AttachLink,
    /// Ask the network whether somebody else has the addresses; if so, nothing more is done.
    Probe,
    Configure(Changes),
    /// Say the address to the neighbours.
    Announce,
    /// Take the inner end away before its namespace, which somebody may hold for longer than the load balancer is here.
    Unplug(Interface),
    DropNamespace,
    AwaitLinkGone(Interface),
    /// What was made for the network goes with its last port.
    Release(Interface),
}

/// Inside the namespace.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Changes {
    pub mac: bool,
    pub mtu: bool,
    pub remove_addresses: BTreeSet<(IpAddr, u8)>,
    pub add_addresses: BTreeSet<(IpAddr, u8)>,
    pub remove_hops: BTreeSet<Hop>,
    pub add_hops: BTreeSet<Hop>,
    pub remove_neighbours: BTreeSet<IpAddr>,
    pub add_neighbours: BTreeSet<IpAddr>,
    pub links_up: bool,
}

/// A step, a driver's own or one of these, and why it is needed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Planned<S> {
    pub step: S,
    pub why: &'static str,
}

#[derive(Debug)]
pub struct Steps<S>(pub Vec<Planned<S>>);

impl<S> Default for Steps<S> {
    fn default() -> Self {
        Self(Vec::new())
    }
}

impl<S> Steps<S> {
    pub fn add(&mut self, step: impl Into<S>, why: &'static str) {
        self.0.push(Planned { step: step.into(), why });
    }
}

/// All that goes when a load balancer goes. `interface`: what was plugged.
pub fn remove<S: From<Step>>(
    steps: &mut Steps<S>,
    observed: &Observed,
    interface: Option<Interface>,
    why: &'static str,
) {
    if observed.rules.has_table() {
        steps.add(Step::KeepCounts, why);
    }
    if observed.namespace != Namespace::Absent {
        steps.add(Step::DropNamespace, why);
    }
    let Some(interface) = interface else { return };
    if observed.plugged.outside.is_some() || observed.inside().is_some() {
        steps.add(Step::AwaitLinkGone(interface.clone()), why);
    }
    if observed.plugged.own {
        steps.add(Step::Release(interface), why);
    }
}

/// A namespace that does what it is to do, before anything is plugged into it.
pub fn prepare<S: From<Step>>(steps: &mut Steps<S>, wanted: Wanted<'_>, observed: &Observed) {
    let inside = observed.inside();
    if observed.namespace == Namespace::Stale {
        steps.add(Step::DropNamespace, "its name is left over");
    }
    if inside.is_none() {
        steps.add(Step::MakeNamespace, "there is none");
    }
    let unprepared = inside.is_some_and(|inside| inside.unprepared);
    // Without its rules a namespace must not forward: it begins after it has them, and ends before.
    let forwards = wanted.purpose().forwards;
    if unprepared && !forwards {
        steps.add(Step::Prepare, PARAMETERS);
    }
    if wanted.forwarded.is_some_and(|asked| !observed.rules.runs(asked, wanted.service)) {
        steps.add(Step::Forward, "they are not those that are asked for");
    }
    if unprepared && forwards {
        steps.add(Step::Prepare, PARAMETERS);
    }
    if wanted.forwarded.is_none() && observed.rules.is_any() {
        steps.add(Step::StopForwarding, "none are asked for any more");
    }
}

const PARAMETERS: &str = "kernel parameters differ";

/// Its link, addresses and routes. Whether the address is to be announced.
pub fn plug<S: From<Step>>(steps: &mut Steps<S>, wanted: Wanted<'_>, observed: &Observed) -> bool {
    let plug = wanted.plug;
    let none = Inside::default();
    let inside = observed.inside().unwrap_or(&none);
    let link = inside.link.as_ref();
    let lost = link.is_some_and(|link| plug.interface.is_lost(link));
    let whole = link.is_some() && observed.plugged.outside.is_some() && !lost;
    let attach = if !whole {
        if link.is_some() {
            steps.add(Step::RemoveLink, "it leads nowhere");
        }
        steps.add(Step::MakeLink, "there is none");
        None
    } else if observed.plugged.unprepared {
        Some("its network is not ready, or the host speaks IPv6 there")
    } else if !observed.plugged.attached {
        Some("it is down or plugged into nothing")
    } else {
        None
    };
    if let Some(why) = attach {
        steps.add(Step::AttachLink, why);
    }
    let answers = whole && link.is_some_and(|link| link.up);
    let probe = wanted.probe && !answers;
    let (changes, renewed) = changes(plug, inside, whole, probe);
    if probe {
        steps.add(Step::Probe, "nobody has said of late that it still is to answer here");
    }
    if changes != Changes::default() {
        steps.add(Step::Configure(changes), "addresses, routes, neighbours or links differ");
    }
    renewed || attach.is_some()
}

/// Whether the address comes anew with what [`plug`] plans, so that it is to be announced. That is noted before: a pass may end
/// in between, and the next one finds everything in its place.
#[must_use]
pub fn renews(wanted: Wanted<'_>, observed: &Observed) -> bool {
    plug(&mut Steps::<Step>::default(), wanted, observed)
}

/// `whole`: its link is there, and leads somewhere. `probe`: it has lost its addresses by then. With it whether the address
/// comes anew.
fn changes(plug: &Plug, inside: &Inside, whole: bool, probe: bool) -> (Changes, bool) {
    let link = inside.link.as_ref();
    let wanted = plug.addresses();
    let seen = inside.addresses.iter().filter(|address| whole && plug.concerns(address));
    let addresses: BTreeSet<(IpAddr, u8)> = seen.copied().collect();
    let hops = if whole { inside.hops.clone() } else { BTreeSet::new() };
    let neighbours = if whole { inside.neighbours.clone() } else { BTreeSet::new() };
    // The kernel makes the way to the neighbours when it gets the address.
    let again = whole && (inside.unconnected || probe);
    let changes = Changes {
        mac: whole && link.is_some_and(|link| link.mac != Some(plug.mac)),
        mtu: whole && link.is_some_and(|link| link.mtu != plug.mtu),
        add_addresses: wanted.iter().filter(|address| again || !addresses.contains(address)).copied().collect(),
        remove_addresses: addresses.into_iter().filter(|address| again || !wanted.contains(address)).collect(),
        // Taking an address or a link away takes its routes and neighbours along, so all are set again then.
        add_hops: plug.hops.difference(&hops).cloned().collect(),
        remove_hops: hops.difference(&plug.hops).cloned().collect(),
        add_neighbours: plug.neighbours.difference(&neighbours).copied().collect(),
        remove_neighbours: neighbours.difference(&plug.neighbours).copied().collect(),
        links_up: !whole || !inside.loopback_up || !link.is_some_and(|link| link.up),
    };
    let renewed = changes.mac || !changes.add_addresses.is_empty() || changes.links_up;
    let changes = match renewed {
        true => Changes { add_hops: plug.hops.clone(), add_neighbours: plug.neighbours.clone(), ..changes },
        false => changes,
    };
    (changes, renewed)
}
