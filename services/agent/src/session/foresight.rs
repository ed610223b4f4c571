//! Questions of the scheduler about what a deploy would do. Each is a call of a driver in a task of its own: nothing waits
//! for it, neither a heartbeat nor a deploy.

use std::sync::Arc;

use ballast_abi::{DriverError, Effect};
use ballast_proto::{
    agent::{Foresee, Foreseen, agent_message::Message},
    driver::{Fault, Preview},
};
use tokio::sync::Semaphore;

use crate::{drivers::DriverSet, uplink::Uplink};

/// How many are asked at once; more are told at once that it is not known.
const AT_ONCE: usize = 4;
/// What is told of one: more steps are of no use to a reader.
const STEPS: usize = 1_000;
/// Bytes.
const CONFIGURATION: usize = 1 << 20;

/// Whom to ask and whom to tell.
pub(crate) struct Foresight {
    drivers: Arc<DriverSet>,
    uplink: Uplink,
    permits: Arc<Semaphore>,
}

impl Foresight {
    pub(crate) fn new(drivers: Arc<DriverSet>, uplink: Uplink) -> Self {
        Self { drivers, uplink, permits: Arc::new(Semaphore::new(AT_ONCE)) }
    }

    pub(super) fn answer(&self, question: Foresee) {
        let Foresee { number, load_balancer, driver, generation } = question;
        let (uplink, client) = (self.uplink.clone(), self.drivers.driver(&driver));
        let permit = Arc::clone(&self.permits).try_acquire_owned();
        tokio::spawn(async move {
            let asked = async {
                let _permit = permit.map_err(|_| not_known("the agent is asked too much at once"))?;
                let client = client.ok_or_else(|| not_known("the agent's driver is not available"))?;
                client.preview(load_balancer.unwrap_or_default(), generation).await
            };
            let (preview, fault) = match asked.await {
                Ok(preview) if preview.effect() == Effect::Unspecified => {
                    (None, Some(not_known("the driver cannot say")))
                }
                Ok(preview) => (Some(bounded(preview)), None),
                Err(fault) => (None, Some(fault)),
            };
            uplink.send(Message::Foreseen(Foreseen { number, preview, fault }));
        });
    }
}

fn not_known(why: &str) -> Fault {
    DriverError::unavailable(why).into()
}

fn bounded(mut preview: Preview) -> Preview {
    let more = preview.steps.len().saturating_sub(STEPS - 1);
    if preview.steps.len() > STEPS {
        preview.steps.truncate(STEPS - 1);
        preview.steps.push(format!("and {more} more"));
    }
    if preview.configuration.len() > CONFIGURATION {
        preview.configuration.clear();
    }
    preview
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_told_is_bounded_and_says_how_much_is_left_out() {
        let of = |steps, length| {
            let configuration = "x".repeat(length);
            bounded(Preview { steps: vec!["one".to_owned(); steps], configuration, ..Preview::default() })
        };
        assert_eq!(
            (of(STEPS, CONFIGURATION).steps.len(), of(1, CONFIGURATION).configuration.len()),
            (STEPS, CONFIGURATION)
        );
        let more = of(STEPS + 1, CONFIGURATION + 1);
        assert_eq!((more.steps.len(), more.configuration.len()), (STEPS, 0));
        assert_eq!(more.steps.last().map(String::as_str), Some("and 2 more"));
    }
}
