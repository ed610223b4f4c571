//! The tenant's partition: found, or made at first use, and listed.
//!
//! Partitions are never removed: what an administrator has put into one to give it a network is not ours.

use crate::{Config, Failure, Session, Vendor, Wire, appliance::Appliance, names};

/// How often the making of a partition is tried again that the device refused.
const ATTEMPTS: u32 = 2;

/// A partition of the device.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Partition {
    pub name: String,
    /// It can be gone to.
    pub active: bool,
}

/// The partition of a project.
pub(crate) fn of<O>(config: &Config<O>, project: &str) -> String {
    if config.partition.is_empty() { names::partition(project) } else { config.partition.clone() }
}

/// All partitions in which load balancers can be.
pub(crate) fn all<V: Vendor>(
    config: &Config<V::Options>,
    session: &Session<'_, V::Wire>,
) -> Result<Vec<String>, Failure> {
    if !config.partition.is_empty() {
        return Ok(vec![config.partition.clone()]);
    }
    let ours = |partition: &Partition| partition.active && names::is_partition(&partition.name);
    Ok(V::partitions(session)?.into_iter().filter(ours).map(|partition| partition.name).collect())
}

/// Goes to a partition; false: it is not there any more.
pub(crate) fn visit<W: Wire>(session: &mut Session<'_, W>, partition: &str) -> Result<bool, Failure> {
    match session.select(partition) {
        Ok(()) => Ok(true),
        Err(failure) if failure.is_not_found() => Ok(false),
        Err(failure) => Err(failure),
    }
}

impl<V: Vendor> Appliance<V> {
    /// Goes to the partition of a new session; makes it when it may and must.
    pub(crate) fn enter(&self, session: &mut Session<'_, V::Wire>, partition: &str) -> Result<(), Failure> {
        let ours = self.config.partition.is_empty() && self.config.create_partitions;
        if ours && self.unsaved.has(V::Wire::HOME) {
            self.save_home(session)?;
        }
        match session.select(partition) {
            Err(failure) if failure.is_not_found() && ours => {
                // One after the other: they may get numbers.
                self.alone(V::Wire::HOME, session.deadline(), || self.make(session, partition))?;
            }
            Err(failure) if failure.is_not_found() => return Err(unusable(partition, "it does not exist")),
            done => return done,
        }
        session.select(partition)
    }

    fn make(&self, session: &Session<'_, V::Wire>, partition: &str) -> Result<(), Failure> {
        let mut attempts = 0;
        loop {
            match V::partitions(session)?.into_iter().find(|one| one.name == partition) {
                Some(Partition { active: true, .. }) => return Ok(()),
                Some(Partition { active: false, .. }) => {
                    return Err(unusable(partition, "an administrator has unloaded it"));
                }
                None => self.unsaved.note(V::Wire::HOME)?,
            }
            match V::make_partition(session, partition, &self.config.options) {
                Ok(()) => break,
                // Another host may have made it, or taken its number.
                Err(Failure::Refused { .. }) if attempts < ATTEMPTS => attempts += 1,
                Err(failure) => return Err(failure),
            }
        }
        tracing::info!(partition, "partition made");
        self.save_home(session)
    }

    /// The list of partitions is part of the configuration of the one where sessions begin.
    fn save_home(&self, session: &Session<'_, V::Wire>) -> Result<(), Failure> {
        session.save()?;
        self.unsaved.settle(V::Wire::HOME)
    }
}

fn unusable(name: &str, why: &str) -> Failure {
    Failure::Partition { name: name.to_owned(), why: why.to_owned() }
}
