//! Sends a plan's steps, many in one request where the device takes lists. What the device refuses is gathered, so that
//! one bad object does not keep the others away; anything else ends the pass.

use crate::{
    Failure, Files, Here, Key, Session, Step, Vendor,
    batch::{MOST, batches},
    unsaved::Unsaved,
};

/// A step that the device refused.
pub(crate) struct Refusal<K> {
    pub(crate) key: Key<K>,
    pub(crate) failure: Failure,
}

/// `complete`: also when something was refused, the deploy is to count as done.
pub(crate) fn execute<V: Vendor>(
    session: &Session<'_, V::Wire>,
    (steps, files): (&[Step<V::Kind>], &Files),
    unsaved: &Unsaved,
    complete: bool,
) -> Result<Vec<Refusal<V::Kind>>, Failure> {
    let here = Here { partition: session.partition(), files };
    let mut execution = Execution::<V> { session, here, unsaved, complete, most: MOST, refusals: Vec::new() };
    for batch in batches::<V>(steps, MOST) {
        execution.carry_out(&batch, execution.most)?;
    }
    Ok(execution.refusals)
}

struct Execution<'a, V: Vendor> {
    session: &'a Session<'a, V::Wire>,
    here: Here<'a>,
    unsaved: &'a Unsaved,
    complete: bool,
    /// Of one list.
    most: usize,
    refusals: Vec<Refusal<V::Kind>>,
}

impl<V: Vendor> Execution<'_, V> {
    /// A list that is refused goes in smaller ones, down to what it is that the device does not have. Of some devices a
    /// part of it is there by then, and refused as such: the next look at the device tells.
    fn carry_out(&mut self, batch: &[Step<V::Kind>], most: usize) -> Result<(), Failure> {
        match batch {
            [step] => self.one(step),
            _ if most > 0 => match self.send(batch) {
                Err(Failure::Refused { .. }) => {
                    let refused = self.refusals.len();
                    let less = most.min(batch.len()) / 2;
                    self.smaller(batch, less)?;
                    if self.refusals.len() == refused {
                        // Nothing in it was at fault.
                        self.most = less;
                    }
                    Ok(())
                }
                done => done,
            },
            _ => self.smaller(batch, 0),
        }
    }

    fn smaller(&mut self, batch: &[Step<V::Kind>], most: usize) -> Result<(), Failure> {
        for smaller in batches::<V>(batch, most) {
            self.carry_out(&smaller, most)?;
        }
        Ok(())
    }

    fn one(&mut self, step: &Step<V::Kind>) -> Result<(), Failure> {
        if step.is_completion() && !self.refusals.is_empty() && !self.complete {
            return Ok(());
        }
        match self.send(std::slice::from_ref(step)) {
            Err(failure) if failure.is_not_found() && matches!(step, Step::Remove(..)) => Ok(()),
            Err(failure @ Failure::Refused { .. }) => {
                self.refusals.push(Refusal { key: step.key().clone(), failure });
                Ok(())
            }
            done => done,
        }
    }

    fn send(&self, batch: &[Step<V::Kind>]) -> Result<(), Failure> {
        self.unsaved.note(self.session.partition())?;
        V::requests(batch, &self.here)?.iter().try_for_each(|request| self.session.write(request).map(drop))
    }
}
