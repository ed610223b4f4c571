//! What goes up to the scheduler, while a session is open.
//!
//! Without a session, messages are dropped: the next session's snapshot asks for each of them again. A scheduler that
//! does not read is not waited for: the session is ended and begun anew. Nothing here knows what the messages mean.

use std::{
    sync::{
        Arc, Mutex, MutexGuard, PoisonError,
        atomic::{AtomicBool, Ordering},
    },
    time::Duration,
};

use ballast_metrics::Counter;
use ballast_proto::agent::{AgentMessage, agent_message::Message};
use tokio::sync::{mpsc, watch};
use tokio_util::sync::CancellationToken;

/// An open session, as those who report see it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Opened {
    /// Grows with each session of this process.
    pub(crate) number: u64,
    pub(crate) statistics_interval: Duration,
}

/// The way up. Clones share it.
#[derive(Clone)]
pub(crate) struct Uplink {
    link: Arc<Mutex<Option<Link>>>,
    opened: Arc<watch::Sender<Option<Opened>>>,
    /// Whether a session was ever open.
    was_open: Arc<AtomicBool>,
    reconnects: Counter,
}

struct Link {
    sender: mpsc::Sender<AgentMessage>,
    overrun: CancellationToken,
}

impl Uplink {
    pub(crate) fn new() -> Self {
        let opened = Arc::new(watch::Sender::new(None));
        Self { link: Arc::default(), opened, was_open: Arc::default(), reconnects: Counter::default() }
    }

    /// Sends what comes from now on to `sender`; `overrun` is cancelled when it is full.
    pub(crate) fn open(&self, sender: mpsc::Sender<AgentMessage>, overrun: CancellationToken, opened: Opened) {
        *self.lock() = Some(Link { sender, overrun });
        self.opened.send_replace(Some(opened));
        if self.was_open.swap(true, Ordering::Relaxed) {
            self.reconnects.inc();
        }
    }

    pub(crate) fn is_open(&self) -> bool {
        self.opened.borrow().is_some()
    }

    /// Which session is open; none: 0.
    pub(crate) fn number(&self) -> u64 {
        self.opened.borrow().map_or(0, |opened| opened.number)
    }

    /// How many sessions there were after the first.
    pub(crate) const fn reconnects(&self) -> &Counter {
        &self.reconnects
    }

    pub(crate) fn close(&self) {
        *self.lock() = None;
        self.opened.send_replace(None);
    }

    /// The open session, and each change of it.
    pub(crate) fn sessions(&self) -> watch::Receiver<Option<Opened>> {
        self.opened.subscribe()
    }

    pub(crate) fn send(&self, message: Message) {
        let link = self.lock();
        let Some(open) = link.as_ref() else { return };
        if open.sender.try_send(AgentMessage { message: Some(message) }).is_err() {
            open.overrun.cancel();
        }
    }

    fn lock(&self) -> MutexGuard<'_, Option<Link>> {
        self.link.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use ballast_proto::agent::Heartbeat;

    use super::*;

    fn beat() -> Message {
        Message::Heartbeat(Heartbeat::default())
    }

    #[tokio::test]
    async fn a_reader_that_falls_behind_loses_its_session_and_blocks_nobody() {
        let uplink = Uplink::new();
        uplink.send(beat());
        let (sender, mut receiver) = mpsc::channel(1);
        let overrun = CancellationToken::new();
        uplink.open(sender, overrun.clone(), Opened { number: 1, statistics_interval: Duration::from_secs(1) });
        assert!(receiver.try_recv().is_err(), "what was sent without a session came through");
        uplink.send(beat());
        assert!(!overrun.is_cancelled());
        uplink.send(beat());
        assert!(overrun.is_cancelled());
        assert!(receiver.recv().await.is_some());
    }
}
