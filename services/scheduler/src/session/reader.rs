//! Reads a stream, and says at once that its agent was heard of: before what it said is looked at, and however long
//! that waits for the disk.

use std::{sync::Arc, time::Duration};

use ballast_model::ids::AgentId;
use ballast_proto::agent::AgentMessage;
use tokio::{sync::mpsc, time::Instant};
use tokio_stream::StreamExt as _;
use tonic::Status;

use super::Saying;
use crate::app::App;

/// How many messages may wait for the session. Beyond it the reader waits, and with it the agent.
const MAILBOX: usize = 1024;
/// How many looks in a row find nothing before silence is believed: a machine that stood still finds the clock ahead
/// and the messages not yet read.
const LOOKS: u32 = 3;

/// What comes from an agent.
pub(super) type Inbound = mpsc::Receiver<Result<AgentMessage, Status>>;

/// A stream that is open. Dropped, it is not.
pub(super) struct Open {
    app: Arc<App>,
    agent_id: AgentId,
    number: u64,
}

impl Open {
    pub(super) fn new(app: &Arc<App>, agent_id: AgentId) -> Self {
        let now = app.clock.monotonic();
        let number = app.fleet.open(agent_id, now);
        app.histories.enter(agent_id, now);
        Self { app: Arc::clone(app), agent_id, number }
    }

    /// Reads until the stream ends, or nobody takes what is read.
    pub(super) fn read(self, stream: impl Saying) -> Inbound {
        let (sender, receiver) = mpsc::channel(MAILBOX);
        tokio::spawn(self.go_on(stream, sender));
        receiver
    }

    async fn go_on(self, mut stream: impl Saying, sender: mpsc::Sender<Result<AgentMessage, Status>>) {
        let dead_after = self.app.limits.dead_after;
        let look = (dead_after / 40).clamp(Duration::from_millis(10), Duration::from_millis(500));
        let (mut last, mut looks) = (Instant::now(), 0);
        loop {
            let next = tokio::select! {
                next = tokio::time::timeout(look, stream.next()) => next,
                () = sender.closed() => return,
            };
            match next {
                Ok(Some(Ok(message))) => {
                    (last, looks) = (Instant::now(), 0);
                    self.heartbeat();
                    if sender.send(Ok(message)).await.is_err() {
                        return;
                    }
                }
                Ok(None) => return,
                Ok(Some(Err(status))) => {
                    // Whoever takes nothing any more need not know why.
                    let _ = sender.send(Err(status)).await;
                    return;
                }
                Err(_) => {
                    let silent_for = self.app.fleet.silent_for(self.agent_id, self.app.clock.monotonic());
                    looks = if silent_for >= dead_after { looks + 1 } else { 0 };
                    if looks >= LOOKS {
                        self.app.fleet.silent(self.agent_id, self.number);
                    }
                    if looks >= LOOKS && last.elapsed() >= dead_after {
                        let _ = sender.send(Err(Status::deadline_exceeded(SILENCE))).await;
                        return;
                    }
                }
            }
        }
    }

    fn heartbeat(&self) {
        let now = self.app.clock.monotonic();
        let was_away = self.app.fleet.heartbeat(self.agent_id, now);
        self.app.histories.hear(self.agent_id, now);
        if was_away {
            self.app.place_soon();
        }
    }
}

/// Why a session ends whose agent says nothing.
pub(super) const SILENCE: &str = "no heartbeat";

impl Drop for Open {
    fn drop(&mut self) {
        self.app.fleet.close(self.agent_id, self.number);
        self.app.histories.leave(self.agent_id);
    }
}
