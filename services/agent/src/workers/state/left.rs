//! What is left of a load balancer when it is taken away: told once, with the confirmation that it is gone. Kept in
//! memory only: an agent that ends in between tells nothing of it, and the scheduler goes on from what it knew.

use ballast_abi::LONGEST_HANDOVER;
use ballast_proto::{
    agent::{Handover, ListenerStatistics, Removed},
    driver::{ListenerObservation, UndeployReply},
};

#[derive(Clone, PartialEq)]
pub(super) struct Left {
    driver: String,
    reply: UndeployReply,
}

/// What was handed over is the tenant's clients', and no matter of logs.
impl std::fmt::Debug for Left {
    fn fmt(&self, to: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        to.debug_struct("Left").field("driver", &self.driver).finish_non_exhaustive()
    }
}

impl Left {
    /// `None`: the driver had nothing, or does not say.
    pub(super) fn of(driver: &str, mut reply: UndeployReply) -> Option<Self> {
        if reply.handover.len() > LONGEST_HANDOVER {
            let bytes = reply.handover.len();
            tracing::warn!(driver, bytes, "what it hands over is dropped: it may be {LONGEST_HANDOVER} bytes long");
            reply.handover.clear();
        }
        let something = reply.statistics.is_some() || !reply.handover.is_empty();
        something.then(|| Self { driver: driver.to_owned(), reply })
    }

    /// With the confirmation of a removal.
    pub(super) fn told(left: Option<Self>, load_balancer_id: String, epoch: u64) -> Removed {
        let removed = Removed { load_balancer_id, epoch, ..Removed::default() };
        let Some(Self { driver, reply }) = left else { return removed };
        let UndeployReply { statistics, listeners, handover, pools } = reply;
        let of = |ListenerObservation { listener_id, statistics, .. }| ListenerStatistics { listener_id, statistics };
        Removed {
            statistics,
            listeners: listeners.into_iter().map(of).collect(),
            pools,
            handover: (!handover.is_empty()).then_some(Handover { driver, content: handover }),
            ..removed
        }
    }
}
