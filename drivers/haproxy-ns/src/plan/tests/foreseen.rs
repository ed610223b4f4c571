//! What is told of a plan beforehand is what it does, in the tests' model of a host.

use ballast_abi::{Connections, Effect};
use proptest::prelude::*;

use super::*;
use crate::preview::preview;

/// The process whose clients there are.
fn serves(process: &Process) -> Option<i32> {
    match process {
        Process::Answering(pid) => Some(*pid),
        Process::None | Process::Deaf(_) => None,
    }
}

fn is_any(process: &Process) -> bool {
    *process != Process::None
}

proptest! {
    #[test]
    fn what_is_foreseen_is_what_becomes_of_the_process(desired in some_desired(), host in some_host()) {
        let desired = Desired { old_processes: 1, ..desired };
        // What becomes of the haproxy of a project is told of that one.
        let host = Observed { member: None, shared: false, ..host };
        let steps = plan(&desired, &host);
        let foreseen = preview(&steps, &desired, &host, Vec::new());
        let after = done(&steps, &desired, &host);
        let (old, new) = (serves(&host.process), serves(&after.process));
        match foreseen.effect() {
            Effect::None | Effect::Runtime => prop_assert_eq!(&host.process, &after.process),
            Effect::Reload => prop_assert!(old.is_some() && new.is_some() && old != new),
            Effect::Restart => prop_assert!(old != new || !is_any(&after.process)),
            Effect::Unspecified | Effect::Move => prop_assert!(false, "{:?}", foreseen),
        }
        let ends = steps.iter().any(|planned| matches!(planned.step, Step::EndProcesses(_)));
        match foreseen.connections() {
            Connections::Kept => prop_assert!(!ends && (old == new || !is_any(&host.process))),
            Connections::Drained => prop_assert!(!ends && foreseen.effect() == Effect::Reload),
            Connections::Cut => prop_assert!(is_any(&host.process) || host.host.rules.has_table()),
            Connections::Unspecified => prop_assert!(false, "{:?}", foreseen),
        }
        prop_assert_eq!(foreseen.steps.is_empty(), steps.is_empty());
        let again = preview(&plan(&desired, &after), &desired, &after, Vec::new());
        prop_assert_eq!((again.effect(), again.connections(), again.steps.len()), (Effect::None, Connections::Kept, 0));
        prop_assert_eq!(again.configuration, foreseen.configuration);
    }
}
