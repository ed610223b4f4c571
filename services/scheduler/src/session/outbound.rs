//! What a session sends.

use std::collections::HashSet;

use ballast_model::{
    Uuid,
    fault::{Code, Fault},
};
use ballast_proto::{
    agent::{Desired as DesiredMessage, Drain, Remove, SchedulerMessage, scheduler_message::Message},
    convert,
};

use super::Session;
use crate::app::{Desired, Report};

impl Session<'_> {
    /// Sends what is not sent yet of these load balancers.
    pub(super) async fn send_changed(&mut self, dirty: HashSet<Uuid>) -> Result<(), Fault> {
        for id in dirty {
            for report in self.app.desired(self.agent.id, id).await? {
                self.send_report(report).await?;
            }
        }
        Ok(())
    }

    /// Sends what is not sent yet of all.
    pub(super) async fn send_all(&mut self) -> Result<(), Fault> {
        for report in self.app.all_desired(self.agent.id).await? {
            self.send_report(report).await?;
        }
        Ok(())
    }

    async fn send_report(&mut self, report: Report) -> Result<(), Fault> {
        let (id, mark) = match &report {
            Report::Desired(desired) => (desired.load_balancer.id, (desired.epoch, desired.generation)),
            Report::Remove { load_balancer_id, epoch } => (*load_balancer_id, (*epoch, u64::MAX)),
        };
        if self.sent.get(&id).is_some_and(|sent| *sent >= mark) {
            return Ok(());
        }
        self.sent.insert(id, mark);
        self.send(match report {
            Report::Desired(desired) => Message::Desired(desired_message(&desired)),
            Report::Remove { load_balancer_id, epoch } => {
                Message::Remove(Remove { load_balancer_id: load_balancer_id.to_string(), epoch })
            }
        })
        .await
    }

    /// Tells the agent to connect again, and ends.
    pub(super) async fn drain(&mut self, reason: &str) -> Result<String, Fault> {
        self.send(Message::Drain(Drain { reason: reason.to_owned() })).await?;
        Ok(reason.to_owned())
    }

    pub(super) async fn send(&mut self, message: Message) -> Result<(), Fault> {
        let message = SchedulerMessage { message: Some(message) };
        self.outbox.send(Ok(message)).await.map_err(|_| Fault::new(Code::Unavailable, "the agent is gone"))
    }
}

fn desired_message(desired: &Desired) -> DesiredMessage {
    let place = desired.place.as_ref().map(|(network, subnet)| (network, subnet));
    DesiredMessage {
        load_balancer: Some(convert::to_driver(&desired.load_balancer, place)),
        driver: desired.driver.clone(),
        epoch: desired.epoch,
        generation: desired.generation,
    }
}
