//! A haproxy that load balancers share: whatever is there, it becomes what it is to be, and ends without a trace.

use super::*;

fn of_project(desired: Desired) -> Desired {
    Desired { plug: None, shared: None, alone: false, forwarded: None, service: None, ..desired }
}

proptest! {
    #[test]
    fn one_that_is_shared_becomes_what_it_is_to_be_and_ends_without_a_trace(
        desired in some_desired(),
        host in some_host(),
        done_of_it in any::<prop::sample::Index>(),
    ) {
        let (desired, host) = (of_project(desired), Observed { host: Host::default(), ..host });
        let planned = plan_project(&desired, &host);
        let half = done(&planned[..done_of_it.index(planned.len() + 1)], &desired, &host);
        for begun in [host, half] {
            let after = done(&plan_project(&desired, &begun), &desired, &begun);
            prop_assert_eq!(plan_project(&desired, &after), vec![]);
            prop_assert!(matches!(after.process, Process::Answering(_)), "{after:?}");
            prop_assert_eq!((&after.config, &after.page), (&Some(desired.config.clone()), &desired.page));
            prop_assert!(!(after.unsettled || after.foreign || after.unfenced || after.unconfined), "{after:?}");
            let gone = done(&plan_end(&after), &desired, &after);
            prop_assert!(gone.process == Process::None && !gone.directory && !gone.grouped, "{gone:?}");
            prop_assert_eq!(plan_end(&gone), vec![]);
        }
    }
}

#[test]
fn who_is_shared_has_no_haproxy_of_its_own_and_says_its_address_when_it_is_served() {
    let shared = Desired { shared: Some("project:p".to_owned()), ..desired("10.0.0.4", 1) };
    let planned = plan(&shared, &Observed::default());
    let steps = steps(&planned);
    let last = [&Step::Share, &Step::Host(plan::Step::Announce), &Step::NoteDone];
    assert_eq!(steps[steps.len() - 3..], last);
    let host = done(&planned, &shared, &Observed::default());
    assert_eq!(plan(&shared, &host), []);
    let own = desired("10.0.0.4", 2);
    let planned = plan(&own, &host);
    assert_eq!(planned[0].step, Step::Leave, "or two would have its port");
    let host = done(&planned, &own, &host);
    assert_eq!((plan(&own, &host), host.member.clone()), (vec![], None));
    let planned = plan(&shared, &host);
    let at = |step: fn(&Step) -> bool| planned.iter().position(|planned| step(&planned.step)).unwrap();
    assert!(at(|step| matches!(step, Step::EndProcesses(_))) < at(|step| *step == Step::Share));
}
