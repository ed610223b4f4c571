//! Sends a plan's steps. What the device refuses is gathered, so that one bad object does not keep the others away;
//! anything else ends the pass.

use crate::{Failure, Key, Session, Step, Vendor, unsaved::Unsaved};

/// A step that the device refused.
pub(crate) struct Refusal<K> {
    pub(crate) key: Key<K>,
    pub(crate) failure: Failure,
}

/// `complete`: also when something was refused, the deploy is to count as done.
pub(crate) fn execute<V: Vendor>(
    session: &Session<'_, V::Wire>,
    steps: &[Step<V::Kind>],
    unsaved: &Unsaved,
    complete: bool,
) -> Result<Vec<Refusal<V::Kind>>, Failure> {
    let mut refusals = Vec::new();
    for step in steps {
        if step.is_completion() && !refusals.is_empty() && !complete {
            continue;
        }
        unsaved.note(session.partition())?;
        match send::<V>(session, step) {
            Ok(()) => {}
            Err(failure @ Failure::Refused { .. }) => refusals.push(Refusal { key: step.key().clone(), failure }),
            Err(failure) => return Err(failure),
        }
    }
    Ok(refusals)
}

fn send<V: Vendor>(session: &Session<'_, V::Wire>, step: &Step<V::Kind>) -> Result<(), Failure> {
    for request in V::requests(step) {
        match session.write(&request) {
            Err(failure) if failure.is_not_found() && matches!(step, Step::Remove(..)) => {}
            done => drop(done?),
        }
    }
    Ok(())
}
