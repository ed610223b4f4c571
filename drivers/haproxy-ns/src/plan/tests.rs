mod any;
mod foreseen;
mod planes;
mod projects;
mod rules;
mod secrets;

use std::collections::BTreeSet;

use ballast_abi::{LoadBalancer, Protocol};
use ballast_netns::{
    attach::{Attachment, Interface, Seen, bridge::Bridge},
    identity::Identity,
    link::Link,
};
use proptest::prelude::*;

use any::{some_desired, some_host};
use ballast_namespace::{
    observe::{Inside, Namespace},
    rehearsal::model,
};
use rules::{some_rules, with_datagrams, with_networks};
use secrets::{are_right, done_with, some_secrets, with_secrets};

use super::*;
use crate::{haproxy::runtime::To, page::Page, ping::Echoes, samples};

fn desired(address: &str, generation: u64) -> Desired {
    let mut asked = samples::load_balancer(Protocol::Http);
    asked.vip = Some(samples::vip(address));
    Desired::of(&samples::validated(&asked), samples::page(&asked), generation).unwrap()
}

/// What a host is like once these steps were done: the tests' model of the kernel, of haproxy and of the disk.
fn done(steps: &[Planned], desired: &Desired, before: &Observed) -> Observed {
    let mut host = before.clone();
    let plug = desired.plug.as_ref();
    let mut written = None;
    for planned in steps {
        match &planned.step {
            Step::NoteIntent => {
                host.directory = true;
                let interface = plug.map(|plug| plug.interface.clone());
                let (identity, shared) = (desired.identity, desired.shared.clone());
                host.member = shared.clone().or(host.member);
                let silent = desired.silent || host.state.as_ref().is_some_and(|state| state.silent);
                host.state =
                    Some(State { interface, plug: plug.cloned(), identity, shared, silent, ..State::default() });
            }
            Step::Host(step) => {
                model::step(&mut host.host, step, desired.wanted());
                host.shared &= host.host.inside().is_some();
            }
            Step::Share => {
                assert!(host.host.inside().is_some(), "shared without a namespace");
                assert!(host.process == Process::None, "its own haproxy has its port");
                (host.member, host.shared) = (desired.shared.clone(), true);
            }
            Step::WriteSecrets | Step::KeepSecrets => done_with(&mut host.secrets, &planned.step, desired),
            Step::WriteConfig => {
                written = Some(desired.config.clone());
                host.unsettled = true;
            }
            Step::StartHaproxy { .. } => start(&mut host),
            Step::AwaitHaproxy | Step::Tell { .. } => accepted(&mut host, written.take()),
            Step::KeepPage => host.page = desired.page.clone(),
            Step::Confine(_) | Step::ConfineStarted => (host.unconfined, host.grouped) = (false, true),
            Step::NoteDone => {
                host.directory = true;
                host.state = Some(State {
                    generation: desired.generation,
                    interface: plug.map(|plug| plug.interface.clone()),
                    plug: plug.cloned(),
                    identity: desired.identity,
                    echoes: desired.echoes.clone(),
                    alone: desired.alone,
                    shared: desired.shared.clone(),
                    silent: desired.silent,
                    ..State::default()
                });
            }
            Step::Believe => assert!(host.shared || matches!(host.process, Process::Answering(_)), "nobody to be told"),
            Step::EndOldest { .. } | Step::NoteCounters(_) => {}
            Step::Leave
            | Step::EndProcesses(_)
            | Step::RemoveGroup
            | Step::RemoveFiles
            | Step::RemoveSecrets
            | Step::RemoveDirectory => {
                undone(&mut host, &planned.step);
            }
        }
    }
    host
}

fn accepted(host: &mut Observed, text: Option<String>) {
    // The page of another text is none.
    host.page = host.page.take().filter(|_| host.config == text);
    (host.config, host.unsettled) = (text, false);
}

fn start(host: &mut Observed) {
    host.process = Process::Answering(4711);
    (host.drifted, host.foreign, host.unfenced, host.unconfined, host.grouped) = (false, false, false, false, true);
}

fn undone(host: &mut Observed, step: &Step) {
    match step {
        Step::Leave => (host.member, host.shared) = (None, false),
        Step::EndProcesses(_) => {
            host.process = Process::None;
            (host.drifted, host.foreign, host.unfenced, host.unconfined) = (false, false, false, false);
        }
        Step::RemoveGroup => host.grouped = false,
        Step::RemoveSecrets => host.secrets = crate::secrets::Seen::default(),
        Step::RemoveFiles => {
            (host.config, host.page) = (None, None);
            host.unsettled = false;
        }
        Step::RemoveDirectory => {
            model::forget_notes(&mut host.host);
            (host.state, host.config, host.page) = (None, None, None);
            (host.directory, host.unsettled) = (false, false);
        }
        other => panic!("{other:?} takes nothing away"),
    }
}

/// Whether the host is as it is asked for, looked at without the plan.
fn runs(host: &Observed, desired: &Desired) -> bool {
    let plug = desired.plug.as_ref();
    let noted = host.state.as_ref().is_some_and(|state| {
        *state
            == State {
                generation: desired.generation,
                interface: plug.map(|plug| plug.interface.clone()),
                plug: plug.cloned(),
                identity: desired.identity,
                base: state.base.clone(),
                echoes: desired.echoes.clone(),
                alone: desired.alone,
                ruled: false,
                processes: state.processes.clone(),
                shared: desired.shared.clone(),
                silent: desired.silent,
                bases: state.bases.clone(),
            }
    });
    let whole = desired.wanted().map_or_else(|| model::is_gone(&host.host), |wanted| model::runs(&host.host, wanted));
    let served = plug.is_some() && !desired.alone && desired.shared.is_none();
    let shared = (&host.member, host.shared) == (&desired.shared, desired.shared.is_some());
    let process = match (&host.process, served) {
        (Process::Answering(_), true) => {
            let as_asked = host.config.as_ref() == Some(&desired.config) && host.page == desired.page;
            as_asked && !(host.drifted || host.foreign || host.unfenced || host.unconfined)
        }
        (Process::None, false) => host.config.is_none() && host.page.is_none() && !host.grouped,
        (Process::Answering(_) | Process::Deaf(_) | Process::None, _) => false,
    };
    let secrets = are_right(host.secrets, desired, served);
    noted && whole && process && shared && secrets && host.directory && !host.unsettled
}

/// Whether nothing of it is left, looked at without the plan.
fn is_gone(host: &Observed) -> bool {
    let Observed { state, config, page, process, unsettled, grouped, directory, .. } = host;
    let noted = state.is_some() || config.is_some() || page.is_some() || *unsettled || *directory || host.secrets.there;
    let ruled = host.host.rules.has_table() || host.host.rules.kept.is_some();
    model::is_gone(&host.host) && host.member.is_none() && !noted && !ruled && !grouped && *process == Process::None
}

/// As it is looked at: the host's side is known of what was noted, or of what is wanted.
fn looked_at(host: Observed, desired: Option<&Desired>) -> Observed {
    let noted = host.state.as_ref().is_some_and(|state| state.interface.is_some());
    if noted || desired.is_some_and(|desired| desired.plug.is_some()) {
        return host;
    }
    Observed { host: Host { plugged: Seen::default(), ..host.host }, ..host }
}

fn steps(planned: &[Planned]) -> Vec<&Step> {
    planned.iter().map(|planned| &planned.step).collect()
}

#[test]
fn a_first_deploy_notes_what_it_is_about_to_make_and_announces_last() {
    let planned = plan(&desired("10.0.0.4", 1), &Observed::default());
    let steps = steps(&planned);
    assert_eq!(*steps[0], Step::NoteIntent);
    assert_eq!(*steps[1], Step::Host(plan::Step::MakeNamespace));
    assert_eq!(steps[3], &Step::StartHaproxy { replacing: None });
    let last = [&Step::Host(plan::Step::Announce), &Step::ConfineStarted, &Step::KeepPage, &Step::NoteDone];
    assert_eq!(steps[steps.len() - 4..], last);
}

#[test]
fn one_that_is_silent_is_not_plugged_in_and_its_members_are_believed_before_it_is() {
    let answering = desired("10.0.0.4", 1);
    let silent = Desired { silent: true, ..answering.clone() };
    let planned = plan(&silent, &Observed::default());
    let is_of_the_link = |step: &&Step| {
        matches!(step, Step::Host(plan::Step::MakeLink | plan::Step::Configure(_) | plan::Step::Announce))
    };
    assert_eq!(steps(&planned).into_iter().filter(is_of_the_link).count(), 0);
    assert!(steps(&planned).contains(&&Step::StartHaproxy { replacing: None }));
    let ready = done(&planned, &silent, &Observed::default());
    assert_eq!(plan(&silent, &ready), []);

    let planned = plan(&answering, &ready);
    let all = steps(&planned);
    let at = |wanted: &Step| all.iter().position(|step| *step == wanted).unwrap();
    let last = all.iter().rposition(|step| **step == Step::Believe).unwrap();
    let plugged = at(&Step::Host(plan::Step::MakeLink));
    assert!(at(&Step::Believe) < plugged && plugged < last && last < at(&Step::Host(plan::Step::Announce)), "{all:?}");
    assert!(!all.iter().any(|step| matches!(step, Step::StartHaproxy { .. } | Step::EndProcesses(_))), "{all:?}");
    let answers = done(&planned, &answering, &ready);
    assert_eq!(plan(&answering, &answers), []);
    // A pass that has ended in the middle has told nobody.
    let half = done(&planned[..plugged], &answering, &ready);
    assert!(steps(&plan(&answering, &half)).contains(&&Step::Believe));
    let quiet = plan(&silent, &answers);
    assert!(!steps(&quiet).iter().any(|step| matches!(step, Step::EndProcesses(_) | Step::Host(_))), "{quiet:?}");
}

#[test]
fn another_generation_of_the_same_is_said_to_haproxy_and_touches_nothing_else() {
    let first = desired("10.0.0.4", 1);
    let host = done(&plan(&first, &Observed::default()), &first, &Observed::default());
    assert_eq!(plan(&first, &host), []);
    let told = Step::Tell { pid: 4711, changes: vec![Change::Generation(2)] };
    assert_eq!(
        steps(&plan(&desired("10.0.0.4", 2), &host)),
        [&Step::WriteConfig, &told, &Step::KeepPage, &Step::NoteDone]
    );
}

#[test]
fn another_address_changes_addresses_replaces_haproxy_and_then_announces() {
    let first = desired("10.0.0.4", 1);
    let host = done(&plan(&first, &Observed::default()), &first, &Observed::default());
    let planned = plan(&desired("10.0.0.5", 2), &host);
    let steps = steps(&planned);
    assert!(
        matches!(steps[1], Step::Host(plan::Step::Configure(changes)) if changes.add_addresses.len() == 1 && changes.remove_addresses.len() == 1)
    );
    assert_eq!((steps[0], steps[3]), (&Step::NoteIntent, &Step::StartHaproxy { replacing: Some(4711) }));
    let ended = Step::EndOldest { keep: u32::MAX };
    let then = [
        &Step::AwaitHaproxy,
        &Step::Host(plan::Step::Announce),
        &Step::ConfineStarted,
        &ended,
        &Step::KeepPage,
        &Step::NoteDone,
    ];
    assert_eq!(steps[4..], then);
}

#[test]
fn another_weight_is_said_to_the_process_that_runs_unless_somebody_has_meddled_with_it() {
    let mut asked = samples::load_balancer(Protocol::Http);
    let weighing = |asked: &LoadBalancer, generation| {
        Desired::of(&samples::validated(asked), samples::page(asked), generation).unwrap()
    };
    let first = weighing(&asked, 1);
    let host = done(&plan(&first, &Observed::default()), &first, &Observed::default());
    asked.pools[0].members[0].weight = 7;
    let second = weighing(&asked, 2);
    let (backend, server) = (asked.pools[0].id.clone(), asked.pools[0].members[0].id.clone());
    let changes = vec![Change::Server { backend, server, to: To::Weight(7) }, Change::Generation(2)];
    let expected = [&Step::WriteConfig, &Step::Tell { pid: 4711, changes }, &Step::KeepPage, &Step::NoteDone];
    assert_eq!(steps(&plan(&second, &host)), expected);
    let unknown = Observed { page: None, ..host.clone() };
    assert_eq!(steps(&plan(&second, &unknown))[1], &Step::StartHaproxy { replacing: Some(4711) });
    let meddled = Observed { drifted: true, ..host };
    assert_eq!(steps(&plan(&second, &meddled))[1], &Step::StartHaproxy { replacing: Some(4711) });
}

/// Also when it is noted already who it is to be: a pass may have ended between the note and the new process.
#[test]
fn a_process_of_another_user_or_without_a_fence_is_replaced_and_not_ended() {
    let first = desired("10.0.0.4", 1);
    let host = done(&plan(&first, &Observed::default()), &first, &Observed::default());
    let own = Desired { identity: Some(Identity { uid: 7, gid: 7 }), ..first.clone() };
    let noted = State { identity: own.identity, ..host.state.clone().unwrap() };
    let unfenced = Observed { unfenced: true, ..host.clone() };
    let hosts = [host.clone(), Observed { state: Some(noted), ..host }].map(|host| Observed { foreign: true, ..host });
    for (desired, host) in [(&own, &hosts[0]), (&own, &hosts[1]), (&first, &unfenced)] {
        let planned = plan(desired, host);
        let steps = steps(&planned);
        assert!(steps.contains(&&Step::StartHaproxy { replacing: Some(4711) }), "{steps:?}");
        assert!(!steps.iter().any(|step| matches!(step, Step::EndProcesses(_))), "{steps:?}");
    }
}

#[test]
fn a_vip_that_goes_away_takes_everything_but_the_state_along() {
    let first = desired("10.0.0.4", 1);
    let host = done(&plan(&first, &Observed::default()), &first, &Observed::default());
    let without = Desired { plug: None, generation: 2, ..first };
    let planned = plan(&without, &host);
    assert!(planned.iter().any(|planned| planned.step == Step::Host(plan::Step::DropNamespace)));
    let host = done(&planned, &without, &host);
    assert_eq!((host.process, host.host.namespace, host.host.plugged), Default::default());
    assert!(host.state.is_some());
}

/// What is asked after is what the plan would change: nothing right after a deploy, something for whatever was lost.
#[test]
fn what_is_noted_is_what_was_desired() {
    let desired = desired("10.0.0.4", 1);
    let host = done(&plan(&desired, &Observed::default()), &desired, &Observed::default());
    let noted = Desired::noted(host.state.as_ref().unwrap(), host.config.clone(), host.page.clone(), None).unwrap();
    assert_eq!(noted, desired);
    let text = serde_json::to_string(host.state.as_ref().unwrap()).unwrap();
    assert_eq!(serde_json::from_str::<State>(&text).unwrap(), host.state.unwrap());
    let of_a_former_release = State { plug: None, ..serde_json::from_str(&text).unwrap() };
    assert_eq!(Desired::noted(&of_a_former_release, host.config.clone(), host.page, None), None);
    let state = serde_json::from_str(&text).unwrap();
    assert_eq!(Desired::noted(&state, host.config, None, None), None, "without a page nobody knows what the text says");
}

proptest! {
    #[test]
    fn what_forwards_or_keeps_somebody_out_has_its_rules_first(desired in some_desired(), host in some_host()) {
        let mut ruled = host.host.rules.has_table();
        for planned in plan(&desired, &host) {
            match planned.step {
                Step::Host(plan::Step::MakeNamespace | plan::Step::DropNamespace) => ruled = false,
                Step::Host(plan::Step::Forward) => ruled = true,
                Step::Host(plan::Step::Prepare) => {
                    prop_assert!(ruled || !desired.wanted().is_some_and(|wanted| wanted.purpose().forwards));
                }
                Step::Host(plan::Step::Configure(_)) | Step::StartHaproxy { .. } => {
                    prop_assert!(ruled || desired.forwarded.is_none());
                }
                _ => {}
            }
        }
    }

    #[test]
    fn once_the_steps_are_done_the_host_and_its_haproxy_are_as_desired(desired in some_desired(), host in some_host()) {
        let host = looked_at(host, Some(&desired));
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
        let host = looked_at(host, Some(&desired));
        let steps = plan(&desired, &host);
        let (before, rest) = steps.split_at(done_of_it.index(steps.len() + 1));
        let half = done(before, &desired, &host);
        let announces = |steps: &[Planned]| steps.iter().any(|one| one.step == Step::Host(plan::Step::Announce));
        prop_assert!(!announces(rest) || announces(&plan(&desired, &half)), "{half:?}");
        let after = done(&plan(&desired, &half), &desired, &half);
        prop_assert!(runs(&after, &desired), "{after:?}");
        let half = looked_at(half, None);
        let gone = done(&plan_removal(&half), &desired, &half);
        prop_assert!(is_gone(&gone), "{gone:?}");
    }

    #[test]
    fn planning_twice_plans_nothing(desired in some_desired(), host in some_host()) {
        let after = done(&plan(&desired, &host), &desired, &host);
        prop_assert_eq!(plan(&desired, &after), vec![]);
    }

    #[test]
    fn what_the_kernel_serves_alone_has_no_haproxy_and_all_else_has_one(desired in some_desired(), host in some_host()) {
        let after = done(&plan(&desired, &host), &desired, &host);
        let runs = desired.plug.is_some() && !desired.alone && desired.shared.is_none();
        prop_assert_eq!((after.process != Process::None, after.config.is_some()), (runs, runs));
        prop_assert!(!after.unsettled && (runs || !after.grouped));
    }

    #[test]
    fn removing_leaves_nothing_and_twice_removes_nothing(desired in some_desired(), host in some_host()) {
        let host = looked_at(host, None);
        let after = done(&plan_removal(&host), &desired, &host);
        prop_assert!(is_gone(&after), "{after:?}");
        prop_assert_eq!(plan_removal(&after), vec![]);
    }

    #[test]
    fn haproxy_is_never_started_without_a_namespace_or_beside_a_deaf_one(desired in some_desired(), host in some_host()) {
        let (mut namespace, mut deaf) = (host.host.inside().is_some(), matches!(host.process, Process::Deaf(_)));
        for planned in plan(&desired, &host) {
            match planned.step {
                Step::Host(plan::Step::MakeNamespace) => namespace = true,
                Step::Host(plan::Step::DropNamespace) => namespace = false,
                Step::EndProcesses(_) => deaf = false,
                Step::StartHaproxy { .. } => prop_assert!(namespace && !deaf),
                _ => {}
            }
        }
    }
}
