//! What a host is like once steps were done: a model of the kernel, of what is plugged and of the notes of the rules. A step
//! that cannot be done where it comes fails the test.

use ballast_l4::layout::Layout;
use ballast_netns::link::Link;

use crate::{
    Wanted,
    l4::{Forwarded, knowledge::Knowledge, seen::Seen as Rules},
    observe::{Inside, Namespace, Observed},
    plan::{Changes, Step},
    plug::Plug,
};

/// # Panics
/// The step cannot be done now.
pub fn step(host: &mut Observed, step: &Step, wanted: Option<Wanted<'_>>) {
    let plug = wanted.map(|wanted| wanted.plug);
    match step {
        Step::MakeNamespace => {
            assert!(host.inside().is_none(), "made over one that is there");
            host.namespace = Namespace::Present(Inside::default());
            host.rules = Rules::without_table(host.rules.kept.take());
        }
        Step::Prepare => inside(host, |inside| inside.unprepared = false),
        Step::Forward => forward(host, wanted.and_then(|wanted| wanted.forwarded)),
        Step::StopForwarding => forward(host, None),
        Step::KeepCounts => assert!(host.rules.has_table(), "there is nothing that has counted"),
        Step::RemoveLink => inside(host, |inside| inside.link = None),
        Step::MakeLink => make_link(host, plug),
        Step::AttachLink => attach(host),
        Step::Probe => inside(host, |inside| {
            let link = inside.link.as_mut().expect("probed without a link");
            assert!(!link.up, "probed while it answers");
            inside.addresses.clear();
        }),
        Step::Configure(changes) => configure(host, plug, changes),
        Step::Announce => {}
        Step::Unplug(_) => inside(host, |inside| inside.link = None),
        Step::DropNamespace => {
            host.namespace = Namespace::Absent;
            host.rules = Rules::without_table(host.rules.kept.take());
        }
        Step::AwaitLinkGone(_) => (host.plugged.outside, host.plugged.attached) = (None, false),
        Step::Release(_) => (host.plugged.own, host.plugged.unprepared) = (false, false),
    }
}

fn inside(host: &mut Observed, change: impl FnOnce(&mut Inside)) {
    match &mut host.namespace {
        Namespace::Present(inside) => change(inside),
        Namespace::Absent | Namespace::Stale => panic!("a step in a namespace that is not there"),
    }
}

fn make_link(host: &mut Observed, plug: Option<&Plug>) {
    attach(host);
    let (mac, mtu) = (plug.map(|plug| plug.mac), plug.map_or(0, |plug| plug.mtu));
    let name = plug.map(|plug| plug.interface.inside.clone()).unwrap_or_default();
    inside(host, |inside| {
        assert!(inside.link.is_none(), "made over one that is there");
        inside.link = Some(Link { index: 2, name, mac, mtu, ..Link::default() });
        inside.addresses.clear();
        inside.hops.clear();
        inside.neighbours.clear();
    });
}

fn attach(host: &mut Observed) {
    let outside = Some(Link { index: 9, up: true, master: Some(7), mtu: 1500, ..Link::default() });
    host.plugged = ballast_netns::attach::Seen { outside, attached: true, unprepared: false, own: true };
}

fn configure(host: &mut Observed, plug: Option<&Plug>, changes: &Changes) {
    inside(host, |inside| {
        inside.addresses.retain(|address| !changes.remove_addresses.contains(address));
        inside.unconnected &= changes.add_addresses.is_empty();
        inside.addresses.extend(&changes.add_addresses);
        inside.hops.retain(|hop| !changes.remove_hops.contains(hop));
        inside.hops.extend(changes.add_hops.iter().cloned());
        inside.neighbours.retain(|address| !changes.remove_neighbours.contains(address));
        inside.neighbours.extend(&changes.add_neighbours);
        inside.loopback_up |= changes.links_up;
        let (Some(link), Some(plug)) = (inside.link.as_mut(), plug) else { panic!("configured without a link") };
        link.up |= changes.links_up;
        if changes.mac {
            link.mac = Some(plug.mac);
        }
        if changes.mtu {
            link.mtu = plug.mtu;
        }
    });
}

/// The notes of the rules went with their directory. Nothing else did.
pub fn forget_notes(host: &mut Observed) {
    let counters = std::mem::take(&mut host.rules.table.counters);
    host.rules = Rules::without_table(None);
    host.rules.table.counters = counters;
}

/// Whether the host's part is as it is asked for, looked at without a plan.
#[must_use]
pub fn runs(host: &Observed, wanted: Wanted<'_>) -> bool {
    let Some(inside) = host.inside() else { return false };
    let plug = wanted.plug;
    let link = inside.link.as_ref().is_some_and(|link| link.up && link.mac == Some(plug.mac) && link.mtu == plug.mtu);
    let ready = !inside.unprepared && !inside.unconnected && inside.loopback_up;
    let ways =
        (&inside.addresses, &inside.hops, &inside.neighbours) == (&plug.addresses(), &plug.hops, &plug.neighbours);
    let forwards = match wanted.forwarded {
        Some(asked) => host.rules.runs(asked, wanted.service),
        None => !host.rules.has_table(),
    };
    link && ready && ways && host.plugged.attached && !host.plugged.unprepared && forwards
}

/// Whether nothing is left on the host.
#[must_use]
pub fn is_gone(host: &Observed) -> bool {
    host.namespace == Namespace::Absent && host.plugged.outside.is_none() && !host.plugged.own
}

/// Makes the rules those that are asked for; `None`: takes them away.
///
/// # Panics
/// There is no namespace, or more is asked for than can be numbered.
pub fn forward(host: &mut Observed, asked: Option<&Forwarded>) {
    assert!(host.inside().is_some(), "forwarded without a namespace");
    let mut kept = host.rules.kept.take().unwrap_or_default();
    let service = asked.map(|asked| asked.service(&Knowledge::default())).unwrap_or_default();
    let next = |running: Option<&Layout>, numbers: &mut _| match Layout::next(running, &service, numbers) {
        Ok(layout) => layout,
        Err(error) => panic!("{error}"),
    };
    let mut layout = next(host.rules.table.running(), &mut kept.numbers);
    for mark in kept.numbers.retired().collect::<Vec<_>>() {
        kept.numbers.release(mark, &Default::default());
        layout = next(Some(&layout), &mut kept.numbers);
    }
    kept.layout = asked.is_some().then(|| layout.clone());
    kept.note_asked(asked, &Knowledge::default());
    kept.settled = true;
    host.rules = Rules::without_table(Some(kept));
    if asked.is_some() {
        host.rules.table.counters.insert(layout.marker().to_string(), Default::default());
    }
}
