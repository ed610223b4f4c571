//! The changes that are tried: what there is before, what somebody may break of it, and what is asked for then.

use std::{fs, process::Command};

use ballast_abi::LoadBalancer;
use nix::{
    mount::{MntFlags, umount2},
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    asked::{
        ID, OUTSIDE, at_another_address, at_another_port, datagrams_alone, load_balancer, with_datagrams,
        with_other_members, with_other_timeouts, without_listeners, without_vip,
    },
    place::{Attachment, Place, here},
};

pub(crate) struct Change {
    pub(crate) what: &'static str,
    /// `None`: nothing.
    pub(crate) before: Option<LoadBalancer>,
    /// What somebody does to it.
    pub(crate) broken: Option<fn(&Place)>,
    /// `None`: it is to go.
    pub(crate) after: Option<LoadBalancer>,
}

/// The kind of network on which all changes are tried: it has the most parts.
pub(crate) const OF_ALL: Attachment = Attachment::Vxlan;

/// A bring-up and a teardown.
pub(crate) fn few(place: &Place) -> Vec<Change> {
    let first = first(place);
    vec![change("a bring-up", None, Some(&first)), change("a teardown", Some(&first), None)]
}

/// For this driver and this kind of network.
pub(crate) fn all(place: &Place) -> Vec<Change> {
    let mut changes = few(place);
    let first = first(place);
    let to = |what, after: fn(LoadBalancer) -> LoadBalancer| change(what, Some(&first), Some(&after(first.clone())));
    changes.push(to("another port of the network", at_another_port));
    if place.attachment != OF_ALL {
        return changes;
    }
    changes.extend([
        to("other members", with_other_members),
        to("another address", at_another_address),
        to("no VIP", without_vip),
        to("no listener", without_listeners),
    ]);
    if place.kind.is_haproxy() {
        let http = load_balancer(place.protocol(), place.attachment);
        changes.extend([
            to("other timeouts", with_other_timeouts),
            to("UDP alone", datagrams_alone),
            change("UDP gone", Some(&first), Some(&http)),
        ]);
    }
    changes.extend(mended(place, &first));
    changes
}

/// HTTP and UDP where the driver has both.
fn first(place: &Place) -> LoadBalancer {
    let first = load_balancer(place.protocol(), place.attachment);
    if place.kind.is_haproxy() { with_datagrams(first) } else { first }
}

fn change(what: &'static str, before: Option<&LoadBalancer>, after: Option<&LoadBalancer>) -> Change {
    Change { what, before: before.cloned(), broken: None, after: after.cloned() }
}

/// What was broken, and is asked for again.
fn mended(place: &Place, first: &LoadBalancer) -> Vec<Change> {
    let mend = |what, broken: fn(&Place)| Change { broken: Some(broken), ..change(what, Some(first), Some(first)) };
    let mut changes = vec![
        mend("a link that was taken off its bridge", |_| ip(&["link", "set", OUTSIDE, "nomaster"])),
        mend("a link whose outer end has another name", |_| {
            ip(&["link", "set", OUTSIDE, "down"]);
            ip(&["link", "set", OUTSIDE, "name", "strange"]);
        }),
        mend("kernel parameters that were changed", |place| {
            inside(place, "echo 0 >/proc/sys/net/ipv4/conf/all/forwarding");
        }),
        mend("a namespace that lost its name", |place| {
            umount2(&place.netns(ID), MntFlags::MNT_DETACH).unwrap();
        }),
    ];
    if place.kind.is_haproxy() {
        changes.push(mend("a haproxy that was killed", |place| signal(place, Signal::SIGKILL)));
        changes.push(mend("a haproxy that is stopped", |place| signal(place, Signal::SIGSTOP)));
    }
    if place.kind.is_haproxy() && place.has_groups() {
        changes.push(mend("a haproxy that has left its control group", leave_group));
    }
    changes
}

fn ip(words: &[&str]) {
    here(&[&["ip"], words].concat()).unwrap();
}

fn inside(place: &Place, line: &str) {
    let net = format!("--net={}", place.netns(ID).display());
    assert!(Command::new("nsenter").args([&net, "sh", "-c", line]).status().unwrap().success(), "{line}");
}

fn haproxy(place: &Place) -> i32 {
    let text = fs::read_to_string(place.haproxy().0.join("run/pid")).unwrap();
    text.trim().parse().unwrap()
}

fn signal(place: &Place, signal: Signal) {
    kill(Pid::from_raw(haproxy(place)), signal).unwrap();
}

fn leave_group(place: &Place) {
    let pid = haproxy(place);
    for group in place.groups_of(pid) {
        // Out of `ballast-load-balancers/WHOSE/ID`.
        fs::write(group.ancestors().nth(3).unwrap().join("cgroup.procs"), pid.to_string()).unwrap();
    }
}
