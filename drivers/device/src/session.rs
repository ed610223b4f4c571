//! A session: logged in, in a partition that the device itself has named, and logged out whatever happens.
//!
//! A new session begins in a partition that is no tenant's, silently. So every write asks first where the session is, and
//! is not sent unless that is where it belongs.

use std::{
    marker::PhantomData,
    time::{Duration, Instant},
};

use serde_json::Value;

use crate::{Credentials, Failure, Request, Wire, client::Client, sessions::Sessions};

/// How often a logout is sent until the device has confirmed it.
const LOGOUTS: u32 = 3;
/// How long that may take, also when time is over: a session that may be left open is worth more than the deadline.
const LOGOUT_TIME: Duration = Duration::from_secs(3);

/// How long the end of a session may take that was left, and when it is tried again.
const LEFT_TIME: Duration = Duration::from_secs(1);
const LEFT_PAUSE: Duration = Duration::from_secs(30);

pub struct Session<'a, W: Wire> {
    client: &'a Client,
    sessions: &'a Sessions,
    token: String,
    partition: String,
    /// Of the whole session.
    limit: Instant,
    /// Of what it does now.
    deadline: Instant,
    open: bool,
    wire: PhantomData<W>,
}

impl<'a, W: Wire> Session<'a, W> {
    /// Logs in.
    pub(crate) fn open(
        client: &'a Client,
        sessions: &'a Sessions,
        credentials: &Credentials,
        deadline: Instant,
    ) -> Result<Self, Failure> {
        end_left::<W>(client, sessions, deadline)?;
        let request = W::login(credentials);
        let reply = client.call::<W>(&request, None, deadline).map_err(Failure::of_a_login)?;
        let token = W::token(&reply).ok_or_else(|| lost(&request, "it opens no session"))?;
        let partition = W::HOME.to_owned();
        let limit = deadline;
        let session = Self { client, sessions, token, partition, limit, deadline, open: true, wire: PhantomData };
        sessions.opened(&session.token)?;
        Ok(session)
    }

    #[must_use]
    pub fn partition(&self) -> &str {
        &self.partition
    }

    /// When what it does has to be over.
    pub(crate) fn deadline(&self) -> Instant {
        self.deadline
    }

    /// What follows has to be over by then, and by the end of the whole.
    pub(crate) fn until(&mut self, deadline: Instant) {
        self.deadline = deadline.min(self.limit);
    }

    /// Goes to a partition, and makes sure that it is there.
    pub(crate) fn select(&mut self, partition: &str) -> Result<(), Failure> {
        self.call(&W::choose(partition))?;
        partition.clone_into(&mut self.partition);
        self.verify()
    }

    /// Asks the device which partition this session is in.
    pub(crate) fn verify(&self) -> Result<(), Failure> {
        let request = W::ask(&self.partition);
        let reply = match self.call(&request) {
            // Where one cannot be there is nothing to do, and nothing that is not there is gone.
            Err(failure) if failure.is_not_found() => {
                return Err(Failure::Elsewhere { wanted: self.partition.clone(), found: "nowhere".to_owned() });
            }
            reply => reply?,
        };
        let found = W::answered(&self.partition, &reply).ok_or_else(|| lost(&request, "it names no partition"))?;
        if found == self.partition {
            return Ok(());
        }
        Err(Failure::Elsewhere { wanted: self.partition.clone(), found })
    }

    /// # Errors
    /// The device does not say.
    pub fn read(&self, path: &str) -> Result<Value, Failure> {
        self.call(&Request::get(path))
    }

    /// Sends a change, once the device has said that the session is where it belongs.
    ///
    /// # Errors
    /// It was not sent, or not done, or nobody knows.
    pub fn write(&self, request: &Request) -> Result<Value, Failure> {
        self.verify()?;
        self.call(request).map_err(Failure::of_a_change)
    }

    /// Saves what runs in this session's partition.
    pub(crate) fn save(&self) -> Result<(), Failure> {
        self.write(&W::save(&self.partition)).map(drop)
    }

    /// Logs out; until the device has confirmed it, or a few times.
    pub(crate) fn close(&mut self) {
        if !std::mem::take(&mut self.open) {
            return;
        }
        let deadline = self.limit.max(Instant::now() + LOGOUT_TIME);
        for _ in 0..LOGOUTS {
            match self.client.call::<W>(&W::logout(), Some(&self.token), deadline) {
                Ok(_) | Err(Failure::Expired { .. }) => return noted(self.sessions.closed(&self.token)),
                Err(failure) => tracing::debug!("a logout came to nothing: {}", failure.chain()),
            }
        }
        tracing::warn!(
            "a session may be left at the device until the next one, or until it has been idle for long enough"
        );
        noted(self.sessions.left_open(&self.token));
    }

    fn call(&self, request: &Request) -> Result<Value, Failure> {
        self.client.call::<W>(request, Some(&self.token), self.deadline)
    }
}

fn noted(noted: Result<(), Failure>) {
    if let Err(failure) = noted {
        tracing::warn!("{}", failure.chain());
    }
}

/// Ends the sessions that were left. One whose end hangs must not hold up everybody who opens another: it has its time, and
/// a pause afterwards.
fn end_left<W: Wire>(client: &Client, sessions: &Sessions, deadline: Instant) -> Result<(), Failure> {
    let now = Instant::now();
    for token in sessions.left(now)? {
        let deadline = deadline.min(Instant::now() + LEFT_TIME);
        match client.call::<W>(&W::logout(), Some(&token), deadline) {
            Ok(_) | Err(Failure::Expired { .. }) => sessions.closed(&token)?,
            Err(failure) => {
                tracing::debug!("a session that was left cannot be ended: {}", failure.chain());
                sessions.leave_until(now + LEFT_PAUSE);
                break;
            }
        }
    }
    Ok(())
}

fn lost(request: &Request, why: &str) -> Failure {
    Failure::Lost { what: request.to_string(), why: why.to_owned() }
}

impl<W: Wire> Drop for Session<'_, W> {
    fn drop(&mut self) {
        self.close();
    }
}
