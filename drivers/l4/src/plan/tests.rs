//! From anything that may be there to anything that may be asked for.

mod arbitrary;
mod kernel;
mod model;

use proptest::prelude::*;

use super::*;
use crate::{
    desired::{Filter, Service},
    numbers::Numbers,
    samples,
    wire::{Expression, Hook},
};
use arbitrary::services;
use model::Kernel;

/// A driver: it notes what it has applied.
struct Driver {
    kernel: Kernel,
    numbers: Numbers,
    noted: Option<Layout>,
    kept: BTreeMap<String, Count>,
    sweeps: bool,
}

impl Default for Driver {
    fn default() -> Self {
        let (kernel, numbers) = (Kernel::default(), Numbers::default());
        Self { kernel, numbers, noted: None, kept: BTreeMap::new(), sweeps: true }
    }
}

impl Driver {
    fn observe(&self) -> Observed {
        let (noted, kept) = (self.noted.clone(), self.kept.clone());
        Observed { counters: self.kernel.counters(), noted, kept, ..Observed::default() }
    }

    /// One pass. What runs afterwards is what was asked for, and another pass does nothing.
    fn pass(&mut self, service: &Service) -> Plan {
        let running = self.observe().running().cloned();
        let layout = Layout::next(running.as_ref(), service, &mut self.numbers).unwrap();
        let mut planned = plan(&self.observe(), &layout);
        if !self.sweeps && self.kernel.refuses(&planned.commands) {
            planned = plan(&Observed { noted: None, ..self.observe() }, &layout);
        }
        self.kernel.apply(&planned.commands);
        if self.sweeps {
            self.kernel.apply(&planned.sweep);
        }
        self.noted = Some(layout.clone());
        let expected = with_marker(ruleset::whole(&layout).spelled(), &layout);
        assert_eq!(self.kernel.without_leftovers(&expected), expected);
        let again = Layout::next(Some(&layout), service, &mut self.numbers).unwrap();
        assert_eq!(plan(&self.observe(), &again), Plan::default());
        self.kept.extend(self.kernel.counters());
        planned
    }
}

fn with_marker(mut part: Part, layout: &Layout) -> Part {
    part.objects.insert(layout.marker().to_string(), Object::Counter { packets: 0, bytes: 0 });
    part
}

/// What happens between two passes.
#[derive(Clone, Debug)]
enum Event {
    Nothing,
    /// The machine is restarted: tables are gone, what is on disk is not.
    Restart,
    /// The notes are lost, or those of an older release.
    Forgotten,
    /// Somebody else has made a table of that name.
    Foreign,
    /// All members that are gone are released.
    Release,
    Traffic,
}

fn events() -> impl Strategy<Value = Event> {
    prop_oneof![
        4 => Just(Event::Nothing),
        1 => Just(Event::Restart),
        1 => Just(Event::Forgotten),
        1 => Just(Event::Foreign),
        2 => Just(Event::Release),
        2 => Just(Event::Traffic),
    ]
}

fn happen(driver: &mut Driver, event: &Event) {
    match event {
        Event::Nothing => {}
        Event::Restart => driver.kernel = Kernel::default(),
        Event::Forgotten => driver.noted = None,
        Event::Foreign => {
            let chain = Command::AddChain { name: "l1".to_owned(), hook: None };
            driver.kernel = Kernel::default();
            driver.kernel.apply(&[Command::AddTable, chain]);
        }
        Event::Release => {
            let gone: Vec<Mark> = driver.numbers.retired().collect();
            gone.into_iter().for_each(|mark| driver.numbers.release(mark, &BTreeMap::new()));
        }
        Event::Traffic => driver.kernel.count(),
    }
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 256, ..ProptestConfig::default() })]
    #[test]
    fn whatever_is_there_becomes_what_is_asked_for_and_then_nothing_is_left_to_do(
        steps in prop::collection::vec((services(), events()), 1..6), sweeps in any::<bool>(),
    ) {
        let mut driver = Driver { sweeps, ..Driver::default() };
        for (service, event) in steps {
            driver.pass(&service);
            let expected = ruleset::whole(driver.noted.as_ref().unwrap());
            prop_assert!(!sweeps || driver.kernel.leftovers(&expected) == 0);
            happen(&mut driver, &event);
        }
    }

    #[test]
    fn counters_never_go_back_while_their_member_is_there(
        first in services(), second in services(), event in events(),
    ) {
        let mut driver = Driver::default();
        driver.pass(&first);
        driver.kernel.count();
        driver.kept.extend(driver.kernel.counters());
        let before = driver.kernel.counters();
        let released = matches!(event, Event::Release);
        happen(&mut driver, &event);
        driver.pass(&second);
        let after = driver.kernel.counters();
        for (mark, _) in driver.numbers.owners() {
            let name = format!("{mark}n");
            if let Some(count) = before.get(&name).filter(|_| !released) {
                prop_assert!(after[&name].packets >= count.packets, "{name}");
            }
        }
    }
}

fn member_out(service: &Service) -> Service {
    let mut service = service.clone();
    service.listeners[0].members.remove(0);
    service
}

#[test]
fn a_member_that_is_gone_has_its_flows_ended_and_its_counters_kept_until_they_are_released() {
    let mut driver = Driver::default();
    let service = samples::service(3);
    driver.pass(&service);
    let planned = driver.pass(&member_out(&service));
    assert_eq!(planned.end, [Whose::Member(Mark::new(1, 1))]);
    assert!(driver.kernel.counters().contains_key("l1m1n"));
    driver.numbers.release(Mark::new(1, 1), &BTreeMap::new());
    let planned = driver.pass(&member_out(&service));
    assert_eq!(planned.end, []);
    assert!(!driver.kernel.counters().contains_key("l1m1n"));
}

#[test]
fn a_listener_that_is_gone_has_all_its_flows_ended_at_once() {
    let mut driver = Driver::default();
    driver.pass(&samples::service(3));
    assert_eq!(driver.pass(&Service::default()).end, [Whose::Listener(1)]);
}

#[test]
fn a_member_that_goes_down_has_its_flows_ended_once_and_one_that_drains_keeps_them() {
    let mut driver = Driver::default();
    let mut service = samples::service(3);
    driver.pass(&service);
    service.listeners[0].members[0].state = crate::desired::State::Down;
    service.listeners[0].members[1].state = crate::desired::State::Draining;
    assert_eq!(driver.pass(&service).end, [Whose::Member(Mark::new(1, 1))]);
    service.listeners[0].members[2].weight = 7;
    assert_eq!(driver.pass(&service).end, []);
}

#[test]
fn a_change_of_one_listener_leaves_the_others_alone() {
    let mut driver = Driver::default();
    let mut service = samples::service(3);
    let second = crate::desired::Listener { id: "k".to_owned(), port: 81, ..service.listeners[0].clone() };
    service.listeners.push(second);
    driver.pass(&service);
    let planned = driver.pass(&member_out(&service));
    let text = format!("{:?}", planned.commands);
    assert!(text.contains("s4_1_2") && !text.contains("s4_2_"), "{text}");
    assert!(planned.commands.len() < 25, "{} commands", planned.commands.len());
}

fn filtered(service: &Service, networks: &[(u16, &str)]) -> Service {
    let filter = |(port, network): &(u16, &str)| Filter { port: *port, allowed: vec![network.parse().unwrap()] };
    Service { filters: networks.iter().map(filter).collect(), ..service.clone() }
}

/// Connections are followed for what is forwarded, and for nothing else.
#[test]
fn who_may_connect_is_no_reason_to_follow_connections() {
    let mut driver = Driver::default();
    driver.pass(&filtered(&Service::default(), &[(80, "10.0.0.0/8"), (81, "fd00::/64")]));
    let whole = ruleset::whole(driver.noted.as_ref().unwrap());
    let rules = whole.chains.values().flat_map(|chain| &chain.rules).flatten();
    let follows = |one: &&Expression| matches!(one, Expression::Flow { .. } | Expression::SetMark { .. });
    assert_eq!(rules.clone().find(follows), None);
    let hooks: Vec<Hook> = whole.chains.values().filter_map(|chain| chain.hook).collect();
    assert_eq!((hooks, rules.count() > 10), (vec![Hook::Input], true));
}

#[test]
fn a_change_of_who_may_connect_touches_nothing_else() {
    let mut driver = Driver::default();
    let service = samples::service(3);
    driver.pass(&filtered(&service, &[(80, "10.0.0.0/8"), (81, "10.0.0.0/8")]));
    for networks in [vec![(80, "10.0.0.0/9"), (81, "10.0.0.0/8")], vec![(81, "10.0.0.0/8")], vec![(81, "10.0.0.0/9")]] {
        let planned = driver.pass(&filtered(&service, &networks));
        assert_eq!(planned.end, []);
        let names = |command: &Command| format!("{command:?}");
        let of_listeners =
            |text: &String| ["l1", "s4_", "m4", "\"pre\"", "DeleteTable"].iter().any(|one| text.contains(one));
        let touched: Vec<String> = planned.commands.iter().map(names).filter(of_listeners).collect();
        assert_eq!(touched, [""; 0], "{networks:?}");
    }
    // The last one goes with all that filters have.
    let planned = driver.pass(&service);
    assert!(!planned.commands.contains(&Command::DeleteTable) && planned.end.is_empty());
}

#[test]
fn a_table_of_which_rules_were_taken_away_is_made_anew() {
    let mut driver = Driver::default();
    let service = filtered(&Service::default(), &[(80, "10.0.0.0/8")]);
    driver.pass(&service);
    let torn = Observed { torn: true, ..driver.observe() };
    assert_eq!(torn.running(), None);
    let layout = driver.noted.clone().unwrap();
    assert!(plan(&torn, &layout).commands.contains(&Command::DeleteTable));
}

#[test]
fn a_change_of_members_does_not_touch_the_count_of_a_limit_nor_a_hash_its_rules() {
    let mut driver = Driver::default();
    let mut service = samples::service(3);
    service.listeners[0].limit = Some(crate::desired::Limit { most: 10, full: false });
    service.listeners[0].method = crate::desired::Method::SourceIp;
    driver.pass(&service);
    let planned = driver.pass(&member_out(&service));
    let flushed = |command: &Command| matches!(command, Command::FlushChain(_) | Command::AddRule { .. });
    assert!(!planned.commands.iter().any(flushed), "{:?}", planned.commands);
}
