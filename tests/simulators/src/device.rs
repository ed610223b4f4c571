//! What a simulator asks of a device: state and rules, without transport, clock or chance.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;

use crate::{Health, Reply, Request};

/// A device. One request at a time.
pub trait Device: Send + 'static {
    /// Answers, and changes its state as the request asks.
    fn answer(&mut self, request: &Request, world: &World<'_>) -> Reply;

    /// Carries out only the first half of a request for several objects: the rest of them fails.
    fn answer_half(&mut self, request: &Request, world: &World<'_>) -> Reply;

    /// On whose behalf a request comes, before it is answered.
    fn caller(&self, request: &Request) -> Caller;

    /// Whether it asks for a change of the configuration, as against reading, logging in and out, or choosing where.
    fn is_write(&self, request: &Request) -> bool;

    /// The vendor's reply to a request that is not carried out.
    fn refuse(&self, refusal: Refusal, request: &Request) -> Reply;

    /// Chooses the HTTP status of an error that no real device was seen to answer with; false: it is known.
    fn set_status(&mut self, code: u32, status: u16) -> bool;

    /// Sets the counters of what is at a path of a partition: a virtual port or a virtual server.
    fn carry(&mut self, partition: &str, path: &str, traffic: Traffic);

    /// Ends every session, as a reboot or an impatient administrator does.
    fn end_sessions(&mut self);

    /// Puts every session back into the partition in which it began, as a failover may.
    fn lead_astray(&mut self);

    /// How many sessions are open.
    fn sessions(&self) -> usize;

    /// Off and on again: what was not saved is lost, counters and sessions too.
    fn reboot(&mut self);

    /// A lever that this device alone has, by the method and the path behind `/_simulator/`. None: there is no such.
    fn pull(&mut self, _method: &str, _lever: &str, _body: &[u8]) -> Option<Result<Value, String>> {
        None
    }
}

/// What passed through, in no vendor's words.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Traffic {
    /// Connections that are open.
    pub active: u64,
    pub connections: u64,
    pub bytes_in: u64,
    pub bytes_out: u64,
}

/// What is outside of the device.
pub struct World<'a> {
    pub now: Duration,
    pub health: &'a Health,
}

/// Who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Caller {
    /// The start of the session's token; none without a valid session.
    pub session: Option<String>,
    /// The partition that the session has chosen.
    pub partition: Option<String>,
}

/// Why a request is refused without being looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Refusal {
    /// At work on something else; soon free.
    Busy,
    /// It just does not work.
    Failed,
    /// This is the secondary of a pair, which takes no changes.
    Secondary,
}
