//! A model of a table in the kernel: it does what commands say, and is as strict as the kernel about what is missing, is
//! there twice or is in use.

use std::collections::BTreeMap;

use crate::{
    ruleset::{Chain, Part},
    table::Count,
    wire::{Command, Element, Expression, Object, ObjectKind, Value, set::Content},
};

#[derive(Default)]
pub(super) struct Kernel {
    table: Option<Part>,
    counts: BTreeMap<String, Count>,
}

impl Kernel {
    pub(super) fn counters(&self) -> BTreeMap<String, Count> {
        self.counts.clone()
    }

    /// Packets come by.
    pub(super) fn count(&mut self) {
        for (name, count) in self.counts.iter_mut().filter(|(name, _)| !name.starts_with("gen_")) {
            count.packets += name.len() as u64;
            count.bytes += 100;
        }
    }

    /// Sets into which no rule looks, and that are not those of everything that forwards.
    fn unused(&self) -> Vec<String> {
        let table = self.table.as_ref().unwrap();
        let own = |name: &&String| name.contains('_') || *name == "fp";
        table.sets.keys().filter(own).filter(|name| !uses(table, name)).cloned().collect()
    }

    /// Whether elements are to be added to a set that is left over and has others.
    pub(super) fn refuses(&self, commands: &[Command]) -> bool {
        let Some(table) = self.table.as_ref().filter(|_| !commands.contains(&Command::DeleteTable)) else {
            return false;
        };
        let unused = self.unused();
        commands.iter().any(|command| match command {
            Command::DeleteObject { name, .. } => is_named(table, name),
            Command::AddElements { set, elements } if unused.contains(set) => {
                let before = table.elements.get(set);
                let other = |element: &Element| {
                    before.and_then(|before| before.get(&element.key)).is_some_and(|value| *value != element.value)
                };
                elements.iter().any(other)
            }
            _ => false,
        })
    }

    /// How much a sweep has left.
    pub(super) fn leftovers(&self, expected: &Part) -> usize {
        let mut part = self.part();
        part.elements.retain(|set, _| is_of_members(set));
        let of_members = part.elements.iter().flat_map(|(set, elements)| elements.keys().map(move |key| (set, key)));
        let has = |(set, key): &(&String, &Vec<u8>)| {
            expected.elements.get(*set).is_some_and(|expected| expected.contains_key(*key))
        };
        self.unused().len() + of_members.filter(|element| !has(element)).count()
    }

    /// What is in the table but for what a sweep takes away; counters as if they had counted nothing.
    pub(super) fn without_leftovers(&self, expected: &Part) -> Part {
        let mut part = self.part();
        for (set, elements) in part.elements.iter_mut().filter(|(set, _)| is_of_members(set)) {
            elements.retain(|key, _| expected.elements.get(set).is_some_and(|expected| expected.contains_key(key)));
        }
        part.elements.retain(|_, elements| !elements.is_empty());
        for name in self.unused() {
            part.sets.remove(&name);
            part.elements.remove(&name);
        }
        part
    }

    fn part(&self) -> Part {
        let mut part = self.table.clone().unwrap();
        for object in part.objects.values_mut() {
            if let Object::Counter { packets, bytes } = object {
                (*packets, *bytes) = (0, 0);
            }
        }
        part.elements.retain(|_, elements| !elements.is_empty());
        part
    }

    pub(super) fn apply(&mut self, commands: &[Command]) {
        for command in commands {
            match command {
                Command::AddTable => drop(self.table.get_or_insert_default()),
                Command::DeleteTable => {
                    self.table.take().unwrap();
                    self.counts.clear();
                }
                _ => self.change(command),
            }
        }
    }

    fn change(&mut self, command: &Command) {
        let table = self.table.as_mut().expect("there is no table");
        match command {
            Command::AddTable | Command::DeleteTable => {}
            Command::AddChain { name, hook } => {
                let chain = Chain { hook: *hook, rules: Vec::new() };
                assert!(table.chains.insert(name.clone(), chain).is_none(), "{command}");
            }
            Command::DeleteChain(name) => {
                assert!(!leads_to(table, name), "{command}: in use");
                assert!(table.chains.remove(name).unwrap().rules.is_empty(), "{command}: not empty");
            }
            Command::FlushChain(name) => table.chains.get_mut(name).expect(name).rules.clear(),
            Command::AddRule { chain, rule } => {
                rule.iter().for_each(|expression| check_expression(table, expression));
                table.chains.get_mut(chain).expect(chain).rules.push(rule.clone());
            }
            Command::AddSet(set) => {
                // One that is left over is the same.
                let before = table.sets.insert(set.name.clone(), set.clone());
                assert!(before.is_none_or(|before| before == *set), "{command}");
            }
            Command::DeleteSet(name) => {
                assert!(!uses(table, name), "{command}: in use");
                table.sets.remove(name).expect(name);
                table.elements.remove(name);
            }
            Command::AddElements { set, elements } => {
                for element in elements {
                    check_element(table, set, &element.value);
                    let before = table.elements.entry(set.clone()).or_default();
                    let before = before.insert(element.key.clone(), element.value.clone());
                    let may_be_left = set.contains('_') || is_of_members(set);
                    let same = before.is_none_or(|before| before == element.value && may_be_left);
                    assert!(same, "{command}: twice");
                }
                check_size(table, set);
            }
            Command::DeleteElements { set, keys } => {
                let elements = table.elements.get_mut(set).expect(set);
                keys.iter().for_each(|key| drop(elements.remove(key).expect("a key")));
            }
            Command::AddObject { name, object } => {
                assert!(table.objects.insert(name.clone(), object.clone()).is_none(), "{command}");
                if let Object::Counter { packets, bytes } = object {
                    self.counts.insert(name.clone(), Count { packets: *packets, bytes: *bytes });
                }
            }
            Command::DeleteObject { name, kind } => {
                assert!(!uses(table, name) && !is_named(table, name), "{command}: in use");
                assert_eq!(table.objects.remove(name).expect(name).kind(), *kind);
                self.counts.remove(name);
            }
        }
    }
}

/// What is in these may be left over.
fn is_of_members(set: &str) -> bool {
    ["m4", "m6", "cn", "ci", "co"].contains(&set)
}

fn check_expression(table: &Part, expression: &Expression) {
    match expression {
        Expression::Lookup { set, .. } | Expression::Dynamic { set, .. } => assert!(table.sets.contains_key(set)),
        Expression::VerdictOf { map, .. } | Expression::ObjectOf { map, .. } => assert!(table.sets.contains_key(map)),
        Expression::Object { name, .. } => assert!(table.objects.contains_key(name), "{name}"),
        Expression::Jump(chain) => assert!(table.chains.contains_key(chain), "{chain}"),
        _ => {}
    }
}

fn check_element(table: &Part, set: &str, value: &Value) {
    let set = table.sets.get(set).expect(set);
    assert!(!set.dynamic, "rules fill {}", set.name);
    match (&set.content, value) {
        (Content::Nothing, Value::Nothing) => {}
        (Content::Nothing, Value::End) => assert!(set.interval),
        (Content::Data(_), Value::Data(_) | Value::Remembered { .. }) => {}
        (Content::Verdicts, Value::GoTo(chain)) => assert!(table.chains.contains_key(chain), "{chain}"),
        (Content::Counters, Value::Counter(name)) => {
            assert_eq!(table.objects.get(name).map(Object::kind), Some(ObjectKind::Counter), "{name}");
        }
        (content, value) => panic!("{value:?} in a set of {content:?}"),
    }
}

fn check_size(table: &Part, set: &str) {
    if let Some(size) = table.sets[set].size {
        assert!(table.elements[set].len() <= size as usize, "{set} is full");
    }
}

fn expressions(table: &Part) -> impl Iterator<Item = &Expression> {
    table.chains.values().flat_map(|chain| &chain.rules).flatten()
}

/// Whether a rule uses a set or an object of this name.
fn uses(table: &Part, wanted: &str) -> bool {
    expressions(table).any(|expression| match expression {
        Expression::Lookup { set, .. } | Expression::Dynamic { set, .. } => set == wanted,
        Expression::VerdictOf { map, .. } | Expression::ObjectOf { map, .. } => map == wanted,
        Expression::Object { name, .. } => name == wanted,
        _ => false,
    })
}

/// Whether an element names this object.
fn is_named(table: &Part, wanted: &str) -> bool {
    let values = table.elements.values().flat_map(|elements| elements.values());
    values.into_iter().any(|value| matches!(value, Value::Counter(name) if name == wanted))
}

fn leads_to(table: &Part, wanted: &str) -> bool {
    let mut values = table.elements.values().flat_map(|elements| elements.values());
    values.any(|value| matches!(value, Value::GoTo(chain) if chain == wanted))
        || expressions(table).any(|expression| matches!(expression, Expression::Jump(chain) if chain == wanted))
}
