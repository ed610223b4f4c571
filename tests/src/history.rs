//! What clients were answered, and what may be there after it.
//!
//! Who was answered knows. Who was not, or by 503, does not: what was asked for may have come to be, or not, or may do so yet,
//! after what was asked for later. So an acknowledged call says how an object is, and a call of which nobody knows says how it
//! may be as well.

use std::{
    collections::{BTreeMap, BTreeSet},
    sync::{Mutex, MutexGuard, PoisonError},
    time::{Duration, Instant},
};

/// What is asked for of an object.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum Call {
    /// With this value.
    Make(String),
    /// To this value.
    Change(String),
    Delete,
}

/// What was answered. Of a call that is not answered nobody knows.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    /// The object's id.
    Done(String),
    /// It is surely not done.
    Refused,
}

/// An object as it is found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct There {
    pub name: String,
    pub id: String,
    pub value: String,
}

/// Something that an agent runs.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Runs {
    pub host: String,
    pub id: String,
}

/// What is known of an object.
#[derive(Debug, Default)]
struct Object {
    /// As was acknowledged last: its id and its value; none: it is not there.
    acknowledged: Option<(String, String)>,
    /// Was anything?
    is_known: bool,
    /// Of what nobody knows whether it was done, each with its number.
    unknown: BTreeSet<(u64, Call)>,
}

/// What all clients know, by the names of objects: each gives its own names, and has one call at a time for each.
#[derive(Debug, Default)]
pub struct History {
    objects: Mutex<BTreeMap<String, Object>>,
    acknowledged: Mutex<Vec<Instant>>,
    calls: Mutex<u64>,
}

/// A call that is under way.
#[must_use]
pub struct Asked<'h> {
    history: &'h History,
    name: String,
    number: u64,
    call: Call,
}

impl Asked<'_> {
    /// It was answered. Dropped without, nobody knows what became of it.
    pub fn answered(self, answer: Answer) {
        let mut objects = locked(&self.history.objects);
        let object = objects.entry(self.name).or_default();
        object.unknown.remove(&(self.number, self.call.clone()));
        if let Answer::Done(id) = answer {
            locked(&self.history.acknowledged).push(Instant::now());
            object.is_known = true;
            object.acknowledged = match self.call {
                Call::Make(value) | Call::Change(value) => Some((id, value)),
                Call::Delete => None,
            };
        }
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl History {
    /// A client is about to ask for it.
    pub fn ask(&self, name: &str, call: Call) -> Asked<'_> {
        let mut calls = locked(&self.calls);
        *calls += 1;
        let number = *calls;
        locked(&self.objects).entry(name.to_owned()).or_default().unknown.insert((number, call.clone()));
        Asked { history: self, name: name.to_owned(), number, call }
    }

    /// How many calls were acknowledged.
    #[must_use]
    pub fn acknowledged(&self) -> usize {
        locked(&self.acknowledged).len()
    }

    /// The longest time without an acknowledgement since then.
    #[must_use]
    pub fn longest_gap(&self, since: Instant) -> Duration {
        let mut times: Vec<Instant> = locked(&self.acknowledged).iter().copied().filter(|at| *at >= since).collect();
        times.sort_unstable();
        times.windows(2).map(|two| two[1] - two[0]).max().unwrap_or_default()
    }

    /// What is there that the history does not allow, or is not there though it has to be.
    #[must_use]
    pub fn contradicted_by(&self, there: &[There]) -> Vec<String> {
        let mut wrong = Vec::new();
        let mut found: BTreeMap<&str, &There> = BTreeMap::new();
        for one in there {
            if let Some(other) = found.insert(&one.name, one) {
                wrong.push(format!("{} is there twice: {} and {}", one.name, other.id, one.id));
            }
        }
        let objects = locked(&self.objects);
        let strangers = found.keys().filter(|name| !objects.contains_key(**name));
        wrong.extend(strangers.map(|name| format!("nobody asked for {name}, and it is there")));
        for (name, object) in objects.iter() {
            wrong.extend(object.contradicted_by(found.get(name.as_str()).copied()).map(|why| format!("{name} {why}")));
        }
        wrong
    }
}

impl Object {
    fn contradicted_by(&self, found: Option<&There>) -> Option<String> {
        let mut unknown = self.unknown.iter().map(|(_, call)| call);
        match (&self.acknowledged, found) {
            (Some((id, _)), None) => {
                let is_gone = unknown.any(|call| *call == Call::Delete);
                (!is_gone).then(|| format!("was acknowledged as {id}, and is lost"))
            }
            (Some((id, _)), Some(found)) if *id != found.id => {
                Some(format!("is {}, and was acknowledged as {id}", found.id))
            }
            (Some((_, value)), Some(found)) => {
                let may_be = found.value == *value || unknown.any(|call| *call == Call::Change(found.value.clone()));
                (!may_be).then(|| format!("has the value {}, and was acknowledged with {value}", found.value))
            }
            (None, Some(found)) => {
                let is_made = |call: &Call| matches!(call, Call::Make(value) if *value == found.value);
                let why = if self.is_known { "was deleted" } else { "was refused" };
                (!unknown.any(is_made)).then(|| format!("{why}, and is there as {} with {}", found.id, found.value))
            }
            (None, None) => None,
        }
    }
}

/// What agents run that is not as what is there: each is to run once, and nothing else.
#[must_use]
pub fn run_otherwise(there: &[There], run: &[Runs]) -> Vec<String> {
    let mut hosts: BTreeMap<&str, Vec<&str>> = there.iter().map(|one| (one.id.as_str(), Vec::new())).collect();
    let mut wrong = Vec::new();
    for one in run {
        match hosts.get_mut(one.id.as_str()) {
            Some(hosts) => hosts.push(&one.host),
            None => wrong.push(format!("{} runs {}, which is not there", one.host, one.id)),
        }
    }
    for (id, hosts) in hosts {
        match hosts.as_slice() {
            [_] => {}
            [] => wrong.push(format!("{id} runs nowhere")),
            several => wrong.push(format!("{id} runs on {}", several.join(" and "))),
        }
    }
    wrong
}

#[cfg(test)]
mod tests {
    use super::*;

    fn there(name: &str, value: &str) -> There {
        There { name: name.to_owned(), id: format!("id of {name}"), value: value.to_owned() }
    }

    fn done(history: &History, name: &str, call: Call) {
        history.ask(name, call).answered(Answer::Done(format!("id of {name}")));
    }

    fn make(value: &str) -> Call {
        Call::Make(value.to_owned())
    }

    fn change(value: &str) -> Call {
        Call::Change(value.to_owned())
    }

    #[test]
    fn what_was_acknowledged_is_there_as_it_was_acknowledged() {
        let history = History::default();
        done(&history, "a", make("1"));
        assert_eq!(history.contradicted_by(&[]), ["a was acknowledged as id of a, and is lost"]);
        assert!(history.contradicted_by(&[there("a", "1")]).is_empty());
        done(&history, "a", change("2"));
        let old = history.contradicted_by(&[there("a", "1")]);
        assert_eq!(old, ["a has the value 1, and was acknowledged with 2"]);
        let another = There { id: "x".to_owned(), ..there("a", "2") };
        assert_eq!(history.contradicted_by(&[another]), ["a is x, and was acknowledged as id of a"]);
        done(&history, "a", Call::Delete);
        assert!(history.contradicted_by(&[]).is_empty());
        let back = history.contradicted_by(&[there("a", "2")]);
        assert_eq!(back, ["a was deleted, and is there as id of a with 2"]);
        assert_eq!(history.acknowledged(), 3);
    }

    #[test]
    fn what_nobody_knows_may_be_or_not_and_only_as_it_was_asked_for() {
        let history = History::default();
        drop(history.ask("a", make("1")));
        for allowed in [vec![], vec![there("a", "1")]] {
            assert!(history.contradicted_by(&allowed).is_empty());
        }
        assert_eq!(history.contradicted_by(&[there("a", "2")]).len(), 1);
        let twice = [there("a", "1"), There { id: "x".to_owned(), ..there("a", "1") }];
        assert_eq!(history.contradicted_by(&twice), ["a is there twice: id of a and x"]);
    }

    #[test]
    fn what_nobody_knows_may_be_done_after_what_was_acknowledged_later() {
        let history = History::default();
        done(&history, "a", make("1"));
        drop(history.ask("a", change("2")));
        done(&history, "a", change("3"));
        assert!(history.contradicted_by(&[there("a", "3")]).is_empty());
        assert!(history.contradicted_by(&[there("a", "2")]).is_empty());
        assert_eq!(history.contradicted_by(&[there("a", "1")]).len(), 1);
        drop(history.ask("a", Call::Delete));
        assert!(history.contradicted_by(&[]).is_empty());
    }

    #[test]
    fn what_was_refused_is_not_there_and_what_nobody_asked_for_is_not_either() {
        let history = History::default();
        history.ask("a", make("1")).answered(Answer::Refused);
        assert!(history.contradicted_by(&[]).is_empty());
        let refused = history.contradicted_by(&[there("a", "1")]);
        assert_eq!(refused, ["a was refused, and is there as id of a with 1"]);
        let stranger = history.contradicted_by(&[there("b", "1")]);
        assert_eq!(stranger, ["nobody asked for b, and it is there"]);
        assert_eq!(history.acknowledged(), 0);
    }

    #[test]
    fn what_is_there_runs_once_and_nothing_else_does() {
        let runs = |host: &str, id: &str| Runs { host: host.to_owned(), id: id.to_owned() };
        let all = [there("a", "1"), there("b", "1")];
        assert!(run_otherwise(&all, &[runs("h", "id of a"), runs("i", "id of b")]).is_empty());
        let wrong = run_otherwise(&all, &[runs("h", "id of a"), runs("i", "id of a"), runs("i", "x")]);
        assert_eq!(wrong, ["i runs x, which is not there", "id of a runs on h and i", "id of b runs nowhere"]);
    }
}
