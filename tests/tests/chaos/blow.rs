//! The kill of a driver's process, or of haproxy, at each place of a change; what makes it good, and what is left.

use std::{collections::BTreeMap, fs, time::Duration};

use ballast_lab::{in_lab, poll_until, require_tool};
use nix::{
    sys::signal::{Signal, kill},
    unistd::Pid,
};

use crate::{
    Extent,
    asked::ID,
    census::Census,
    changes::{self, Change},
    driver::Kind,
    extent,
    place::{Attachment, Place},
    steps::Seen,
    victim::{End, Job, Victim},
};

/// What ends at the place.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Blow {
    /// The driver's process.
    Driver,
    /// Every haproxy of the load balancer, and the driver goes on.
    Haproxy,
}

/// What is asked for after the blow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Then {
    /// The same again; and then that it goes.
    Mend,
    /// That it goes, however it is.
    Remove,
}

/// A place is passed by others than the one thread, such as checks, and not every time.
const ATTEMPTS: u32 = 3;
/// What the kernel and the lab's init take to clear up.
const GONE_WITHIN: Duration = Duration::from_secs(10);

/// Makes the change, unharmed or with a blow. False: the place was not passed.
fn make(place: &mut Place, change: &Change, blow: Option<(Blow, &str, usize)>) -> (bool, Vec<String>) {
    if let Some(before) = &change.before {
        let generation = place.next_generation();
        place.driver().deploy(before, generation);
    }
    change.broken.iter().for_each(|break_it| break_it(place));
    let generation = place.next_generation();
    let order = blow.map(|(blow, name, count)| match blow {
        Blow::Driver => format!("kill {count} {name}"),
        Blow::Haproxy => format!("stop {count} {name}"),
    });
    let (driver, id, asked) = (place.kind.name(), ID, change.after.as_ref());
    let job = Job { driver, section: &place.section, state_dir: &place.state_dir, id, generation, asked };
    let victim = Victim::start(&place.folder.join("victim"), &job, &order.unwrap_or_default());
    let end = victim.wait();
    let struck = match (blow, end) {
        (Some((Blow::Driver, ..)), End::Killed) => true,
        (Some((Blow::Haproxy, ..)), End::Stopped) => {
            kill_haproxies(place);
            victim.go_on();
            // It may have failed, and must not hang.
            victim.wait();
            true
        }
        (_, End::Done) => false,
        (blow, end) => panic!("{}: {blow:?}: {end:?}: {}", change.what, victim.said()),
    };
    (struck, victim.passed())
}

fn kill_haproxies(place: &Place) {
    let (folder, whose) = place.haproxy();
    let run = folder.join("run");
    for entry in fs::read_dir("/proc").unwrap().flatten() {
        let Some(pid) = entry.file_name().to_str().and_then(|name| name.parse().ok()) else { continue };
        let command = fs::read(entry.path().join("cmdline")).unwrap_or_default();
        let is_its = fs::read_link(entry.path().join("cwd")).is_ok_and(|directory| directory == run);
        if is_its && String::from_utf8_lossy(&command).contains(&whose) {
            // It may end by itself in this moment.
            let _ = kill(Pid::from_raw(pid), Signal::SIGKILL);
        }
    }
}

/// The pass after it makes it good, and nothing is left in the end.
fn make_good(place: &mut Place, change: &Change, then: Then, what: &str, before: &Census) {
    let generation = place.next_generation();
    let driver = place.driver();
    if let (Then::Mend, Some(after)) = (then, &change.after) {
        driver.try_deploy(after, generation).unwrap_or_else(|error| panic!("{what}: the next pass: {error}"));
        assert_eq!(driver.generation(ID), Some(generation), "{what}: it is not as it was deployed");
        let foreseen = driver.preview(after, generation);
        assert_eq!(foreseen.steps, Vec::<String>::new(), "{what}: something is left to do");
        place.must_serve(after, what);
    }
    driver.undeploy(ID);
    assert_eq!(driver.generation(ID), None, "{what}: it is deployed still");
    // An agent deploys again what is not as it was deployed.
    if let Some(neighbour) = place.neighbour.as_ref().filter(|neighbour| driver.generation(&neighbour.id) == Some(0)) {
        driver.deploy(neighbour, 1);
    }
    let clean = poll_until(GONE_WITHIN, || (place.census() == *before).then_some(()));
    assert!(clean.is_some(), "{what}: something has come or gone: {:#?}", place.census().changes(before));
    place.neighbour.iter().for_each(|neighbour| place.must_serve(neighbour, what));
    place.bystander_answered(what);
}

/// Every place of a change, in the order in which they are passed; the same one twice is twice here.
fn places(passed: Vec<String>) -> Vec<(String, usize)> {
    let mut counts = BTreeMap::<String, usize>::new();
    let numbered = passed.into_iter().map(|name| {
        let count = counts.entry(name.clone()).or_default();
        *count += 1;
        (name, *count)
    });
    numbered.collect()
}

/// Each blow at each place of these changes. Returns what was passed.
fn strike_all(place: &mut Place, changes: &[Change], seen: &mut Seen) {
    let (before, mut blows) = (place.census(), 0);
    for change in changes {
        let (_, passed) = make(place, change, None);
        make_good(place, change, Then::Mend, change.what, &before);
        seen.note(&passed);
        for (number, (name, count)) in places(passed).iter().enumerate() {
            for (blow, then) in kinds(place.kind, number) {
                // To go is asked for already.
                if change.after.is_none() && then == Then::Remove && extent() == Extent::All {
                    continue;
                }
                strike(place, change, (blow, name, *count), then, &before);
                blows += 1;
            }
        }
    }
    let answered = place.bystander_answered("in the end");
    assert!(answered > blows, "{answered} requests beside {blows} blows");
}

/// All, or one of them at each place.
fn kinds(kind: Kind, number: usize) -> Vec<(Blow, Then)> {
    let all_kinds = [(Blow::Driver, Then::Mend), (Blow::Driver, Then::Remove), (Blow::Haproxy, Then::Mend)];
    let of_driver = all_kinds.into_iter().filter(|(blow, _)| kind.is_haproxy() || *blow == Blow::Driver);
    if extent() == Extent::All { of_driver.collect() } else { of_driver.cycle().skip(number).take(1).collect() }
}

fn strike(place: &mut Place, change: &Change, blow: (Blow, &str, usize), then: Then, before: &Census) {
    let what = format!("{}, {:?} killed at {:?} for the time {}, {then:?}", change.what, blow.0, blow.1, blow.2);
    let mut shorter = true;
    for _ in 0..ATTEMPTS {
        let (struck, passed) = make(place, change, Some(blow));
        make_good(place, change, then, &what, before);
        if struck {
            return;
        }
        // One way to the same end may have more of the same places than another, as where something had been counted.
        let times = passed.iter().filter(|name| *name == blow.1).count();
        shorter &= (1..blow.2).contains(&times);
    }
    assert!(shorter, "{what}: it was not passed");
}

fn is_wide() -> bool {
    extent() >= Extent::Wide
}

/// Few changes on a bridge; or all, on a network of the most parts.
fn usual() -> Attachment {
    if is_wide() { changes::OF_ALL } else { Attachment::Bridge }
}

fn every_place(kind: Kind, attachment: Attachment) {
    in_lab(|lab| {
        let (mut place, mut seen) = (Place::new(lab, kind, attachment)?, Seen::default());
        if kind == Kind::PerProject {
            // The first and the last of its project, and then one beside another.
            let few = changes::few(&place);
            strike_all(&mut place, &few, &mut seen);
            place.add_neighbour();
        }
        let changes = if is_wide() { changes::all(&place) } else { changes::few(&place) };
        strike_all(&mut place, &changes, &mut seen);
        if attachment == changes::OF_ALL && is_wide() {
            seen.must_have_every_step(kind, place.has_groups());
        }
        Ok(())
    });
}

#[test]
fn whatever_is_killed_at_whichever_step_of_haproxy_ns_the_next_pass_makes_it_good() {
    let test = "whatever_is_killed_at_whichever_step_of_haproxy_ns_the_next_pass_makes_it_good";
    if require_tool("haproxy", test) {
        every_place(Kind::HaproxyNs, usual());
    }
}

#[test]
#[ignore = "minutes: make chaos"]
fn whatever_is_killed_at_whichever_step_of_a_haproxy_that_is_shared_the_next_pass_makes_it_good() {
    let test = "whatever_is_killed_at_whichever_step_of_a_haproxy_that_is_shared_the_next_pass_makes_it_good";
    if require_tool("haproxy", test) {
        every_place(Kind::PerProject, usual());
    }
}

#[test]
fn whatever_is_killed_at_whichever_step_of_nft_l4_the_next_pass_makes_it_good() {
    every_place(Kind::NftL4, usual());
}

#[test]
#[ignore = "minutes: make chaos"]
fn a_bridge_of_the_host_is_as_it_was_whenever_the_driver_is_killed() {
    let test = "a_bridge_of_the_host_is_as_it_was_whenever_the_driver_is_killed";
    if require_tool("haproxy", test) {
        every_place(Kind::HaproxyNs, Attachment::Bridge);
    }
}

#[test]
#[ignore = "minutes: make chaos"]
fn an_interface_of_the_host_is_as_it_was_whenever_the_driver_is_killed() {
    every_place(Kind::NftL4, Attachment::Macvlan);
}

#[test]
#[ignore = "minutes: make chaos"]
fn open_vswitch_has_the_ports_that_are_asked_for_whenever_the_driver_is_killed() {
    let test = "open_vswitch_has_the_ports_that_are_asked_for_whenever_the_driver_is_killed";
    if ["ovs-vswitchd", "ovsdb-server", "ovs-vsctl", "ethtool"].iter().all(|tool| require_tool(tool, test)) {
        every_place(Kind::NftL4, Attachment::Ovs);
    }
}
