//! The agent's session with a scheduler: dialled by the agent, begun again whenever it ends.
//!
//! It carries messages between the stream and the workers, and decides nothing about load balancers. No driver is waited
//! for here: a heartbeat goes out on time however slow a driver is.

mod foresight;
mod heart;
mod reported;
mod schedulers;
mod stream;

use std::sync::Arc;

use ballast_service::{
    address::Address,
    chance::Chance,
    grpc::{self, Pings},
    tls::ClientConfig,
};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;
use tonic::Code;

use crate::{drivers::DriverSet, lease::Lease, pace::Pace, uplink::Uplink, workers::Workers};
pub(crate) use foresight::Foresight;
pub(crate) use schedulers::Schedulers;
use stream::End;

/// Who this agent is.
#[derive(Debug, Clone)]
pub(crate) struct Identity {
    pub(crate) host: String,
    /// Made anew at each start of the process.
    pub(crate) instance_id: String,
    pub(crate) zone: String,
}

/// What a session stands on.
pub(crate) struct Session {
    pub(crate) identity: Identity,
    pub(crate) drivers: Arc<DriverSet>,
    pub(crate) workers: Workers,
    pub(crate) uplink: Uplink,
    pub(crate) foresight: Foresight,
    pub(crate) schedulers: Schedulers,
    pub(crate) lease: Lease,
    /// How schedulers on TCP are dialled.
    pub(crate) tls: Option<Arc<ClientConfig>>,
    pub(crate) chance: Chance,
    pub(crate) stop: CancellationToken,
}

impl Session {
    /// Keeps a session with one of the schedulers open until the agent stops.
    pub(crate) async fn keep(self) {
        let mut dials = Dials::default();
        let (mut number, mut last) = (0, None);
        while let Some(address) = self.schedulers.next(last.as_ref()) {
            if self.stop.is_cancelled() {
                return;
            }
            number += 1;
            let end = match grpc::channel_with(&address, self.tls.clone(), Pings::AGENT) {
                Ok(channel) => self.once(number, &address, channel).await,
                Err(reason) => End::Lost { welcomed: false, reason },
            };
            let wait = dials.ended(&address, &end);
            last = Some(address);
            tokio::select! {
                () = tokio::time::sleep_until(Instant::now() + wait.0.wait(wait.1, self.chance.fraction())) => {}
                () = self.stop.cancelled() => return,
            }
        }
        tracing::warn!(
            "agent.schedulers is empty, and no scheduler is known: this agent runs what is in its ledger and nothing else"
        );
        self.stop.cancelled().await;
    }
}

/// How the attempts to reach a scheduler have gone.
#[derive(Default)]
struct Dials {
    failures: u32,
    /// What was said last: the same is not said again until a session has been open.
    said: Option<(Address, String)>,
}

impl Dials {
    /// A session has ended. Returns how long to wait: a pace, and the failures in a row.
    fn ended(&mut self, address: &Address, end: &End) -> (Pace, u32) {
        match end {
            End::Stopped => {}
            End::Drained { reason } => {
                tracing::info!(scheduler = %address, "the scheduler ends the session: {reason}");
                self.failures = 0;
            }
            End::Lost { welcomed, reason } => {
                if *welcomed {
                    (self.failures, self.said) = (0, None);
                }
                self.say(address, reason, || {
                    tracing::warn!(
                        scheduler = %address,
                        "no session with the scheduler: {reason}; what runs here runs on, and the agent keeps dialling"
                    );
                });
            }
            End::Refused { status } if status.code() == Code::AlreadyExists => {
                self.say(address, status.message(), || {
                    tracing::error!(
                        scheduler = %address,
                        "another living agent has this one's name: {}; give each agent a name of its own in agent.host, \
                         or end the other one",
                        status.message()
                    );
                });
                return (Pace::REFUSED, 1);
            }
            End::Refused { status } => self.say(address, status.message(), || {
                tracing::error!(
                    scheduler = %address, code = ?status.code(), "the scheduler refuses the session: {}", status.message()
                );
            }),
        }
        self.failures = self.failures.saturating_add(1);
        (Pace::DIAL, self.failures)
    }

    fn say(&mut self, address: &Address, reason: &str, say: impl FnOnce()) {
        let now = (address.clone(), reason.to_owned());
        if self.said.as_ref() != Some(&now) {
            say();
            self.said = Some(now);
        }
    }
}

#[cfg(test)]
mod tests {
    use tonic::Status;

    use super::*;

    #[test]
    fn dialling_slows_down_until_a_session_has_been_open() {
        let address: Address = "127.0.0.1:1".parse().unwrap();
        let lost = |welcomed| End::Lost { welcomed, reason: "gone".to_owned() };
        let mut dials = Dials::default();
        assert_eq!(dials.ended(&address, &lost(false)), (Pace::DIAL, 1));
        assert_eq!(dials.ended(&address, &lost(false)), (Pace::DIAL, 2));
        assert_eq!(dials.ended(&address, &lost(true)), (Pace::DIAL, 1));
    }

    #[test]
    fn an_agent_whose_name_is_taken_retries_slowly() {
        let address: Address = "127.0.0.1:1".parse().unwrap();
        let taken = End::Refused { status: Status::already_exists("host a is alive") };
        assert_eq!(Dials::default().ended(&address, &taken), (Pace::REFUSED, 1));
        let other = End::Refused { status: Status::permission_denied("no") };
        assert_eq!(Dials::default().ended(&address, &other), (Pace::DIAL, 1));
    }
}
