//! The same against the real kernel: the model is not stricter than it, nor it than the model.

use std::collections::{BTreeMap, BTreeSet};

use nix::errno::Errno;
use proptest::{
    strategy::{Strategy as _, ValueTree as _},
    test_runner::TestRunner,
};

use super::{Event, arbitrary::services, events};
use crate::{
    layout::Layout,
    netlink::Netfilter,
    numbers::Numbers,
    plan::{Observed, Plan, plan, removal},
    ruleset, table,
    wire::Object,
};

fn observe(netfilter: &mut Netfilter, noted: Option<Layout>) -> Observed {
    Observed { counters: table::counters(netfilter).unwrap(), noted, ..Observed::default() }
}

/// What the kernel has is what the layout says.
fn check(netfilter: &mut Netfilter, layout: &Layout) {
    let whole = ruleset::whole(layout);
    let counters = whole.objects.iter().filter(|(_, object)| matches!(object, Object::Counter { .. }));
    let mut expected: BTreeSet<String> = counters.map(|(name, _)| name.clone()).collect();
    expected.insert(layout.marker().to_string());
    let found: BTreeSet<String> = table::counters(netfilter).unwrap().into_keys().collect();
    assert_eq!(found, expected);
    let members = table::members(netfilter).unwrap();
    assert_eq!(members.is_some(), layout.forwards());
    let mut members = members.unwrap_or_default();
    assert_eq!(table::rules(netfilter).unwrap(), whole.chains.values().map(|chain| chain.rules.len()).sum::<usize>());
    // What no sweep has taken away is in nobody's way.
    members.retain(|mark, _| layout.places().contains_key(mark));
    assert_eq!(members, layout.places());
}

#[test]
fn the_kernel_takes_every_plan() {
    ballast_lab::in_lab(|_| {
        let mut netfilter = Netfilter::open()?;
        let mut runner = TestRunner::deterministic();
        let (mut numbers, mut noted) = (Numbers::default(), None);
        for _ in 0..300 {
            let service = services().new_tree(&mut runner).unwrap().current();
            let observed = observe(&mut netfilter, noted.take());
            let layout = Layout::next(observed.running(), &service, &mut numbers)?;
            let mut planned = plan(&observed, &layout);
            if let Err(failure) = table::apply(&mut netfilter, &planned.commands) {
                assert!(matches!(failure.errno(), Some(Errno::EEXIST | Errno::EBUSY)), "{failure}");
                planned = plan(&Observed { noted: None, ..observed }, &layout);
                table::apply(&mut netfilter, &planned.commands)?;
            }
            // Sometimes it is not done.
            if layout.generation % 3 != 0 {
                table::apply(&mut netfilter, &planned.sweep)?;
            }
            check(&mut netfilter, &layout);
            assert_eq!(plan(&observe(&mut netfilter, Some(layout.clone())), &layout), Plan::default());
            noted = Some(layout);
            match events().new_tree(&mut runner).unwrap().current() {
                Event::Restart => table::apply(&mut netfilter, &removal())?,
                Event::Forgotten => noted = None,
                Event::Release => {
                    let gone: Vec<_> = numbers.retired().collect();
                    gone.into_iter().for_each(|mark| numbers.release(mark, &BTreeMap::new()));
                }
                Event::Nothing | Event::Foreign | Event::Traffic => {}
            }
        }
        Ok(())
    });
}
