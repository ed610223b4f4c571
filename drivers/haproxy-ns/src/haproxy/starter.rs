//! The thread that starts a haproxy. It goes as near to its fence as it can before there is a namespace to start it in.

use std::{
    fs::File,
    io,
    sync::{Arc, mpsc},
    thread,
};

use ballast_netns::namespace;

use super::process::{Launch, Starting};
use crate::{
    failure::{Failure, Step},
    fence::{Fence, Signals},
};

/// A thread that waits for what it is to start. Dropped, it ends.
pub(crate) struct Starter {
    order: mpsc::SyncSender<(File, Launch)>,
    started: mpsc::Receiver<Result<Starting, Failure>>,
}

impl Starter {
    pub(crate) fn ready(fence: &Arc<Fence>, signals: Signals) -> Result<Self, Failure> {
        let (order, ordered) = mpsc::sync_channel::<(File, Launch)>(1);
        let (tell, started) = mpsc::sync_channel(1);
        let (fence, span) = (Arc::clone(fence), tracing::Span::current());
        let work = move || {
            let gate = fence.approach(signals);
            // Nobody orders when a step before has failed.
            let Ok((namespace, launch)) = ordered.recv() else { return };
            let start = || {
                namespace::enter(&namespace)?;
                launch.start(gate?)
            };
            // Whoever ordered waits for it.
            let _ = tell.send(start());
        };
        let builder = thread::Builder::new().name("start-haproxy".to_owned());
        builder.spawn(move || span.in_scope(work)).step(|| "start a thread".to_owned())?;
        Ok(Self { order, started })
    }

    pub(crate) fn start(self, namespace: &File, launch: Launch) -> Result<Starting, Failure> {
        let ended = || Failure::io("start haproxy", io::Error::other("the thread that does it has ended"));
        let namespace = namespace.try_clone().step(|| "duplicate a file".to_owned())?;
        self.order.send((namespace, launch)).map_err(|_| ended())?;
        self.started.recv().map_err(|_| ended())?
    }
}
