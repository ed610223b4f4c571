//! Sends a plan's steps. What the device refuses is gathered, so that one bad object does not keep the others away;
//! anything else ends the pass.

use serde_json::{Value, json};

use crate::{
    axapi::session::Session,
    failure::Failure,
    object::{Fields, Key},
    plan::Step,
    unsaved::Unsaved,
};

/// A step that the device refused.
pub(crate) struct Refusal {
    pub(crate) key: Key,
    pub(crate) failure: Failure,
}

/// `complete`: also when something was refused, the deploy is to count as done.
pub(crate) fn execute(
    session: &Session<'_>,
    steps: &[Step],
    unsaved: &Unsaved,
    complete: bool,
) -> Result<Vec<Refusal>, Failure> {
    let mut refusals = Vec::new();
    for step in steps {
        if step.is_completion() && !refusals.is_empty() && !complete {
            continue;
        }
        unsaved.note(session.partition())?;
        match send(session, step) {
            Ok(()) => {}
            Err(failure @ Failure::Refused { .. }) => refusals.push(Refusal { key: step.key().clone(), failure }),
            Err(failure) => return Err(failure),
        }
    }
    Ok(refusals)
}

fn send(session: &Session<'_>, step: &Step) -> Result<(), Failure> {
    let done = match step {
        Step::Make(key, fields) => session.write("POST", &key.collection(), Some(&body(key, fields))),
        Step::Change(key, changes) => {
            session.write("POST", &key.path(), Some(&body(key, &identified(key, changes.clone()))))
        }
        Step::Remove(key) => match session.write("DELETE", &key.path(), None) {
            Err(failure) if failure.is_not_found() => Ok(Value::Null),
            other => other,
        },
    };
    done.map(drop)
}

fn body(key: &Key, fields: &Fields) -> Value {
    json!({ key.kind.wrapper(): fields })
}

/// A change names what it changes, as the vendor's clients do.
fn identified(key: &Key, mut changes: Fields) -> Fields {
    let text = key.child.as_deref().unwrap_or(&key.name);
    let parts: Vec<&str> = match key.kind.keys() {
        [_] => vec![text],
        _ => text.rsplitn(2, '+').collect::<Vec<_>>().into_iter().rev().collect(),
    };
    for (name, part) in key.kind.keys().iter().zip(parts) {
        let number = if *name == "name" { None } else { part.parse::<u64>().ok() };
        changes.insert((*name).to_owned(), number.map_or_else(|| Value::from(part), Value::from));
    }
    changes
}
