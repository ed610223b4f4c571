//! Any sequence of requests, answers, losses and restarts ends in what was asked for last.

use std::collections::{BTreeMap, BTreeSet};

use proptest::prelude::*;

use super::*;

const DRIVERS: [&str; 2] = ["one", "two"];

#[derive(Debug, Clone, Copy)]
enum Event {
    Desired {
        epoch: u64,
        generation: u64,
    },
    Remove {
        epoch: u64,
    },
    /// The next step begins, `meanwhile` happens, and the step ends.
    Work {
        succeeds: bool,
        retryable: bool,
        meanwhile: Option<(u64, u64)>,
    },
    /// The device forgets everything, or only which generations it has.
    Lose {
        wholly: bool,
    },
    Observe,
    /// What serves says which generation it is.
    Report,
    Restart,
    Time {
        seconds: u64,
    },
}

fn event() -> impl Strategy<Value = Event> {
    prop_oneof![
        3 => (1..5_u64, 1..6_u64).prop_map(|(epoch, generation)| Event::Desired { epoch, generation }),
        1 => (1..5_u64).prop_map(|epoch| Event::Remove { epoch }),
        5 => (any::<bool>(), any::<bool>(), proptest::option::of((1..5_u64, 1..6_u64)))
            .prop_map(|(succeeds, retryable, meanwhile)| Event::Work { succeeds, retryable, meanwhile }),
        1 => any::<bool>().prop_map(|wholly| Event::Lose { wholly }),
        2 => Just(Event::Observe),
        1 => Just(Event::Report),
        1 => Just(Event::Restart),
        1 => (0..400_u64).prop_map(|seconds| Event::Time { seconds }),
    ]
}

/// A load balancer's worker and the devices that it works on.
struct World {
    state: State,
    devices: BTreeMap<String, u64>,
    now: Instant,
    /// Every request so far: the truth to compare with.
    desired: BTreeSet<(u64, u64)>,
    removals: BTreeSet<u64>,
    confirmed: BTreeSet<u64>,
    told: Option<(u64, u64, bool)>,
}

/// A placement's driver never changes, so it follows from the epoch.
fn asked(epoch: u64, generation: u64) -> Order {
    Order { driver: DRIVERS[usize::from(epoch.is_multiple_of(2))].to_owned(), ..order(epoch, generation) }
}

impl World {
    fn new() -> Self {
        Self {
            state: state(asked(1, 1)),
            devices: BTreeMap::new(),
            now: Instant::now(),
            desired: BTreeSet::from([(1, 1)]),
            removals: BTreeSet::new(),
            confirmed: BTreeSet::new(),
            told: None,
        }
    }

    fn desire(&mut self, epoch: u64, generation: u64) {
        self.desired.insert((epoch, generation));
        self.state.desire(asked(epoch, generation));
    }

    /// What must come of it: the last placement, unless it was removed.
    fn wanted(&self) -> Option<(u64, u64)> {
        let newest = *self.desired.last()?;
        (self.removals.last().is_none_or(|removed| newest.0 > *removed)).then_some(newest)
    }

    fn happen(&mut self, event: Event) {
        self.now += Duration::from_millis(1);
        match event {
            Event::Desired { epoch, generation } => self.desire(epoch, generation),
            Event::Remove { epoch } => {
                self.removals.insert(epoch);
                self.state.remove("c", Some(epoch));
            }
            Event::Work { succeeds, retryable, meanwhile } => {
                let fault = Fault { retryable, ..busy() };
                self.work(if succeeds { Ok(()) } else { Err(fault) }, meanwhile);
            }
            Event::Lose { wholly: true } => self.devices.clear(),
            Event::Lose { wholly: false } => self.devices.values_mut().for_each(|generation| *generation = 0),
            Event::Observe => self.observe(),
            Event::Report => {
                for (driver, generation) in self.devices.iter().filter(|(_, generation)| **generation > 0) {
                    self.state.reported(driver, *generation, self.now, at(self.now));
                }
            }
            Event::Restart => self.state = State::from_entry(self.state.to_entry()).unwrap(),
            Event::Time { seconds } => self.now += Duration::from_secs(seconds),
        }
    }

    fn observe(&mut self) {
        for driver in DRIVERS {
            self.state.observed(driver, self.devices.get(driver).copied(), self.now, at(self.now));
        }
    }

    /// One step; `false` when there is none.
    fn work(&mut self, result: Result<(), Fault>, meanwhile: Option<(u64, u64)>) -> bool {
        let step = next(&self.state, self.now);
        assert_eq!(step, next(&self.state, self.now), "deciding changes nothing");
        match step {
            Step::Confirm(epoch) => {
                self.state.removed(epoch);
                self.confirmed.insert(epoch);
            }
            Step::Answer(outcome) => {
                self.told = Some((outcome.epoch, outcome.generation, outcome.fault.is_none()));
                self.state.answered();
            }
            Step::Deploy(order) => {
                assert_eq!(Some((order.epoch, order.generation)), self.wanted(), "only what is wanted is deployed");
                self.state.begin(self.now);
                if let Some((epoch, generation)) = meanwhile {
                    self.desire(epoch, generation);
                }
                // a call that fails may have taken effect
                self.devices.insert(order.driver.clone(), order.generation);
                self.now += Duration::from_millis(1);
                let told = self.state.deployed(&order, result.map(|()| DeployReply::default()), at(self.now));
                self.told = told.map(|told| (told.epoch, told.generation, told.fault.is_none())).or(self.told);
            }
            Step::Undeploy(driver) => {
                self.state.begin(self.now);
                self.devices.remove(&driver);
                self.now += Duration::from_millis(1);
                self.state.undeployed(&driver, result.map(|()| UndeployReply::default()), at(self.now));
            }
            Step::Wait(_) | Step::Finished => return false,
        }
        true
    }

    /// Nothing more happens and nothing fails any more: works until there is nothing left to do.
    fn settle(&mut self) {
        for _ in 0..2 {
            self.now += Duration::from_secs(1000);
            self.observe();
            let mut steps = 0;
            while self.work(Ok(()), None) {
                self.now += Duration::from_secs(1000);
                steps += 1;
                assert!(steps < 30, "it never ends: {:?}", self.state);
            }
        }
    }
}

proptest! {
    #[test]
    fn whatever_happens_the_last_request_is_what_runs_in_the_end(events in prop::collection::vec(event(), 0..60)) {
        let mut world = World::new();
        events.into_iter().for_each(|event| world.happen(event));
        world.settle();
        match world.wanted() {
            Some((epoch, generation)) => {
                let expected = BTreeMap::from([(asked(epoch, generation).driver, generation)]);
                prop_assert_eq!(&world.devices, &expected);
                prop_assert_eq!(world.state.settled().map(|settled| settled.generation), Some(generation));
                // whoever reconnects is told so at once
                world.told = None;
                world.desire(epoch, generation);
                prop_assert!(world.work(Ok(()), None));
                prop_assert_eq!(world.told, Some((epoch, generation, true)));
            }
            None => {
                prop_assert!(world.devices.is_empty());
                prop_assert_eq!(next(&world.state, world.now), Step::Finished);
            }
        }
    }
}
