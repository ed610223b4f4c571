//! From what runs and what is desired to one batch. Pure: it knows nothing of sockets. Once the batch is applied, planning
//! again gives none (a property test).
//!
//! What runs is what the table says of itself: the name of a counter has the generation and the digest of a layout. Where
//! that is the layout that was noted, the batch is the difference of two layouts; otherwise the table is made anew, in one
//! batch as well, and its counters go on from where they were.

mod difference;

use std::{
    collections::{BTreeMap, BTreeSet},
    net::SocketAddr,
};

use crate::{
    layout::{Layout, Marker},
    mark::{Mark, Whose},
    ruleset::{self, Part},
    table::Count,
    wire::{Command, Object, ObjectKind},
};

use difference::{difference, leftovers};

/// What is there.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Observed {
    /// Of the table, by their names; none where there is no table.
    pub counters: BTreeMap<String, Count>,
    /// Where flows of each mark are sent, if that was looked at.
    pub members: Option<BTreeMap<Mark, SocketAddr>>,
    /// The layout that was applied last, as it was noted.
    pub noted: Option<Layout>,
    /// What counters had when they were last read: after a restart of the machine they go on from there.
    pub kept: BTreeMap<String, Count>,
    /// It has not as many rules as it was left with: somebody has taken some away.
    pub torn: bool,
}

impl Observed {
    /// What the table says of itself.
    #[must_use]
    pub fn marker(&self) -> Option<Marker> {
        self.counters.keys().find_map(|name| Marker::parse(name))
    }

    /// The layout that runs, if that is known: the table says that it is the one that was noted, and nobody has changed where
    /// flows are sent, or taken rules away.
    #[must_use]
    pub fn running(&self) -> Option<&Layout> {
        let marker = self.marker()?;
        let untouched = |noted: &&Layout| self.members.as_ref().is_none_or(|members| *members == noted.places());
        self.noted.as_ref().filter(|noted| noted.marker() == marker && !self.torn).filter(untouched)
    }

    /// The counter with this name goes on from here.
    fn count(&self, name: &str) -> Count {
        self.counters.get(name).or_else(|| self.kept.get(name)).copied().unwrap_or_default()
    }
}

/// What is to be done.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Plan {
    /// All at once; empty: what is desired runs.
    pub commands: Vec<Command>,
    /// What is done after it, in a batch of its own: packets that were on their way have arrived then. Where it is not done,
    /// the kernel may refuse a later change because of what is left over; then the table is made anew.
    pub sweep: Vec<Command>,
    /// Whose flows are to be ended afterwards: it takes longer than a change may.
    pub end: Vec<Whose>,
}

#[must_use]
pub fn plan(observed: &Observed, desired: &Layout) -> Plan {
    let running = observed.running();
    if running == Some(desired) {
        return Plan::default();
    }
    let empty = Layout::default();
    // What forwards has much that a table without it has not, and nothing of that can be left over.
    let (commands, sweep) = match running.filter(|running| running.forwards() == desired.forwards()) {
        Some(running) => change(running, desired, observed),
        None => (anew(desired, observed), Vec::new()),
    };
    Plan { commands, sweep, end: to_end(running.unwrap_or(&empty), desired) }
}

/// What takes the table away. Flows go on as they are, and nobody gets a new one.
#[must_use]
pub fn removal() -> Vec<Command> {
    vec![Command::AddTable, Command::DeleteTable]
}

fn change(running: &Layout, desired: &Layout, observed: &Observed) -> (Vec<Command>, Vec<Command>) {
    let (mut before, mut after) = (ruleset::base(running), ruleset::base(desired));
    for listener in &running.listeners {
        let other = desired.listener(listener.number);
        if other != Some(listener) {
            before.merge(ruleset::part(listener, other));
        }
    }
    for listener in &desired.listeners {
        let other = running.listener(listener.number);
        if other != Some(listener) {
            after.merge(ruleset::part(listener, other));
        }
    }
    for filter in &running.filters {
        if desired.filter(filter.port) != Some(filter) {
            before.merge(ruleset::filter(filter));
        }
    }
    for filter in &desired.filters {
        if running.filter(filter.port) != Some(filter) {
            after.merge(ruleset::filter(filter));
        }
    }
    let mut commands = difference(&before, &after, |name| observed.count(name));
    let name = running.marker().to_string();
    commands.push(Command::DeleteObject { name, kind: ObjectKind::Counter });
    commands.push(marker(desired));
    (commands, leftovers(&before, &after))
}

fn anew(desired: &Layout, observed: &Observed) -> Vec<Command> {
    // One that is there is taken away, and one that is not is not missed.
    let mut commands = vec![Command::AddTable, Command::DeleteTable, Command::AddTable];
    commands.extend(difference(&Part::default(), &ruleset::whole(desired), |name| observed.count(name)));
    commands.push(marker(desired));
    commands
}

fn marker(layout: &Layout) -> Command {
    Command::AddObject { name: layout.marker().to_string(), object: Object::Counter { packets: 0, bytes: 0 } }
}

/// Members that are gone or have gone down since, and listeners with all of theirs.
fn to_end(running: &Layout, desired: &Layout) -> Vec<Whose> {
    let was_down = down(running);
    let down = down(desired).into_iter().filter(|mark| !was_down.contains(mark));
    let gone = desired.retired.difference(&running.retired).copied();
    let whose = |mark: Mark| match desired.listener(mark.listener()) {
        Some(_) => Whose::Member(mark),
        None => Whose::Listener(mark.listener()),
    };
    let end: BTreeSet<Whose> = down.chain(gone).map(whose).collect();
    end.into_iter().collect()
}

fn down(layout: &Layout) -> BTreeSet<Mark> {
    let marks = layout.listeners.iter().flat_map(|listener| listener.marks());
    marks.filter(|(_, member)| member.down).map(|(mark, _)| mark).collect()
}

#[cfg(test)]
mod tests;
