//! One call is one session: opened, put where it belongs, used and closed; and tried again with a new one when it ended
//! or a reply was lost. What was done meanwhile is seen by looking, never remembered.

use std::{
    collections::BTreeSet,
    path::Path,
    thread,
    time::{Duration, Instant},
};

use ballast_abi::{DriverError, Effect, steps::step};

use crate::{
    Config, Credentials, Failure, Files, Kind, Objects, Session, Step, Vendor, Wanted,
    client::Client,
    execute::{Refusal, execute},
    foresee,
    locks::{Locks, Purpose, Slots},
    partitions::visit,
    plan::plan_after,
    sessions::Sessions,
    unsaved::Unsaved,
};

/// Sessions that one call may use up.
const ATTEMPTS: u32 = 3;
/// Looks at the device before it is said that it does not keep what it is given.
const PASSES: u32 = 4;

pub(crate) struct Appliance<V: Vendor> {
    pub(crate) config: Config<V::Options>,
    pub(crate) unsaved: Unsaved,
    client: Client,
    sessions: Sessions,
    locks: Locks,
    slots: Slots,
}

/// What a device was brought to.
pub(crate) struct Settled<W, K> {
    pub(crate) wanted: W,
    /// It was so at the first look.
    pub(crate) already: bool,
    /// What was done to what serves: in several passes, the most of them.
    pub(crate) effect: Effect,
    /// What the device would not have.
    pub(crate) refusals: Vec<Refusal<K>>,
    /// Why it could not be saved.
    pub(crate) unsaved: Option<Failure>,
}

impl<V: Vendor> Appliance<V> {
    pub(crate) fn new(config: Config<V::Options>, state: &Path) -> Result<Self, DriverError> {
        let client = Client::new(&config)?;
        let (unsaved, sessions) = (Unsaved::in_directory(state)?, Sessions::in_directory(state)?);
        let slots = Slots::new(config.max_sessions);
        Ok(Self { config, unsaved, client, sessions, locks: Locks::default(), slots })
    }

    /// When a call that begins now has to be over.
    pub(crate) fn deadline(&self) -> Instant {
        Instant::now() + Duration::from_millis(self.config.deadline_ms.into())
    }

    /// Runs this while nobody else of this process changes the partition.
    pub(crate) fn alone<T, E: From<Failure>>(
        &self,
        partition: &str,
        deadline: Instant,
        work: impl FnOnce() -> Result<T, E>,
    ) -> Result<T, E> {
        let late = || Failure::Queued { what: format!("another change of partition {partition} was under way") };
        let _held = self.locks.take(partition, deadline).ok_or_else(late)?;
        work()
    }

    /// Runs this in a session; again in a new one when that ends or a reply is lost.
    pub(crate) fn session<T>(
        &self,
        purpose: Purpose,
        deadline: Instant,
        mut work: impl FnMut(&mut Session<'_, V::Wire>) -> Result<T, Failure>,
    ) -> Result<T, Failure> {
        let late = || Failure::Queued { what: "all max_sessions sessions were in use".to_owned() };
        let _slot = self.slots.take(purpose, deadline).ok_or_else(late)?;
        let mut attempts = 0;
        loop {
            attempts += 1;
            let credentials =
                Credentials::read(&self.config.credentials_file).map_err(|why| Failure::Credentials { why })?;
            let done = Session::open(&self.client, &self.sessions, &credentials, deadline).and_then(|mut session| {
                let done = work(&mut session);
                session.close();
                done
            });
            match done {
                Err(failure) if failure.is_passing() && attempts < ATTEMPTS => {
                    tracing::debug!("again in a new session: {}", failure.chain());
                    thread::sleep(Duration::from_millis(self.config.busy_delay_ms.into()));
                }
                done => return done,
            }
        }
    }

    /// Brings the session's partition to what is wanted, and saves. `wanted` says what that is, from what is there.
    pub(crate) fn settle<W: AsRef<Wanted<V::Kind>> + AsRef<Files>>(
        &self,
        session: &Session<'_, V::Wire>,
        wanted: impl Fn(&Objects<V::Kind>) -> Result<W, Failure>,
    ) -> Result<Settled<W, V::Kind>, Failure> {
        let mut refusals: Vec<Refusal<V::Kind>> = Vec::new();
        let mut effect = Effect::None;
        for pass in 1..=PASSES {
            let found = step(|| "look", || survey::<V>(session))?;
            let now = wanted(&found)?;
            let goal: &Wanted<V::Kind> = now.as_ref();
            let refused: BTreeSet<_> = refusals.iter().map(|refusal| refusal.key.clone()).collect();
            let steps = plan_after(goal, &found, &refused);
            effect = effect.max(foresee::effect(&steps, &goal.owner, &found));
            if steps.is_empty() {
                let unsaved = step(|| "save", || self.save(session))?;
                return Ok(Settled { wanted: now, already: pass == 1, effect, refusals: Vec::new(), unsaved });
            }
            // Taking away what others may use is believed at the second look only.
            if steps.iter().any(Step::takes_a_shared_one_away) {
                let again = step(|| "look", || survey::<V>(session))?;
                let asked = wanted(&again)?;
                if plan_after(asked.as_ref(), &again, &refused) != steps {
                    continue;
                }
            }
            refusals =
                step(|| "write", || execute::<V>(session, (&steps, now.as_ref()), &self.unsaved, pass + 1 == PASSES))?;
            if pass + 1 >= PASSES && !refusals.is_empty() {
                let unsaved = step(|| "save", || self.save(session))?;
                return Ok(Settled { wanted: now, already: false, effect, refusals, unsaved });
            }
        }
        let what = refusals.first().map_or_else(|| "it was changed again".to_owned(), |one| one.failure.to_string());
        Err(Failure::Unsettled { what })
    }

    /// Saves what is not saved yet, in every partition.
    pub(crate) fn save_all(&self, time: Duration) -> Result<(), Failure> {
        let partitions = self.unsaved.all();
        if partitions.is_empty() {
            return Ok(());
        }
        self.session(Purpose::Change, Instant::now() + time, |session| {
            for partition in &partitions {
                if visit(session, partition)?
                    && let Some(failure) = self.save(session)?
                {
                    return Err(failure);
                }
            }
            Ok(())
        })
    }

    /// Saves when there is something to save. What is said back is why the device would not.
    fn save(&self, session: &Session<'_, V::Wire>) -> Result<Option<Failure>, Failure> {
        if !self.unsaved.has(session.partition()) {
            return Ok(None);
        }
        match session.save() {
            Ok(()) => self.unsaved.settle(session.partition()).map(|()| None),
            Err(failure @ (Failure::Refused { .. } | Failure::Busy { .. })) => Ok(Some(failure)),
            Err(failure) => Err(failure),
        }
    }
}

/// Reads the session's whole partition.
pub(crate) fn survey<V: Vendor>(session: &Session<'_, V::Wire>) -> Result<Objects<V::Kind>, Failure> {
    let mut objects = Objects::new();
    for kind in V::Kind::READ {
        objects.extend(V::read(session, *kind)?);
    }
    Ok(objects)
}

impl<K> AsRef<Self> for Wanted<K> {
    fn as_ref(&self) -> &Self {
        self
    }
}

impl<K> AsRef<Files> for Wanted<K> {
    fn as_ref(&self) -> &Files {
        Files::none()
    }
}
