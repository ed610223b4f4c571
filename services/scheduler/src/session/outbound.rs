//! What a session sends.

use ballast_model::{
    fault::{Absence, Fault},
    ids::LoadBalancerId,
};
use ballast_proto::{
    agent::{
        Desired as DesiredMessage, Drain, Election, Foresee, Handover, Remove, SchedulerMessage, Schedulers,
        scheduler_message::Message,
    },
    convert,
    driver::Side,
};

use ballast_store::{BoundLoadBalancer, because};
use ballast_traces::{Span, SpanKind};

use tokio::time::Instant;

use super::Session;
use crate::app::{Awaited, Beside, Desired, Dirty, Instruction, Question};

impl Session<'_> {
    /// Sends what is not sent yet of these load balancers, and of those that had to rest.
    pub(super) async fn send_changed(&mut self, mut dirty: Dirty) -> Result<(), Fault> {
        let mut unknown = Vec::new();
        for id in self.pace.due(dirty.keys().copied().collect(), Instant::now()) {
            match dirty.remove(&id).flatten() {
                Some(instruction) => self.send_instruction(instruction).await?,
                None => unknown.push(id),
            }
        }
        if unknown.is_empty() { Ok(()) } else { self.send_wanted(Some(&unknown)).await }
    }

    /// Sends those that had to rest, or have waited for long enough.
    pub(super) async fn send_rested(&mut self) -> Result<(), Fault> {
        let waited = self.patience.due(Instant::now());
        self.send_changed(waited.into_iter().map(|id| (id, None)).collect()).await
    }

    /// Sends what is not sent yet of all, and where schedulers are.
    pub(super) async fn send_all(&mut self) -> Result<(), Fault> {
        let addresses = self.app.advertised();
        if addresses != self.schedulers {
            self.schedulers.clone_from(&addresses);
            self.send(Message::Schedulers(Schedulers { addresses })).await?;
        }
        self.send_wanted(None).await
    }

    async fn send_wanted(&mut self, among: Option<&[LoadBalancerId]>) -> Result<(), Fault> {
        let sent = &self.sent;
        let is_new = |bound: &BoundLoadBalancer| sent.lacks(bound);
        let instructions = self.app.desired(self.agent.id, among, is_new).await?;
        for instruction in instructions {
            let active = self.aside.active(&instruction);
            self.send_instruction(instruction).await?;
            if let Some(observed) = active {
                // It answers from now on: what it has observed so far counts.
                because(self.cause("observe"), self.app.observed(&[observed])).await?;
            }
        }
        Ok(())
    }

    async fn send_instruction(&mut self, mut instruction: Instruction) -> Result<(), Fault> {
        if self.is_awaited(&mut instruction) || !self.sent.record(&instruction) {
            return Ok(());
        }
        let message = match instruction {
            Instruction::Desired(desired) => {
                if !desired.is_silent {
                    self.patience.sent(desired.load_balancer.id);
                }
                self.pace.sent(desired.load_balancer.id, desired.load_balancer.size(), Instant::now());
                let (span, message) = self.followed(&desired);
                return span.around(self.send(Message::Desired(message))).await;
            }
            Instruction::Remove { load_balancer_id, epoch, finish } => {
                let newest = self.app.store.newest_followed(load_balancer_id);
                let span = Span::because_of("remove", SpanKind::Producer, newest.as_slice());
                let (load_balancer_id, epoch) = (load_balancer_id.to_string(), epoch.number());
                let traceparent = noted(&span, &load_balancer_id, epoch).unwrap_or_default();
                let finish_milliseconds = u32::try_from(finish.as_millis()).unwrap_or(u32::MAX);
                Message::Remove(Remove { load_balancer_id, epoch, traceparent, finish_milliseconds })
            }
        };
        self.send(message).await
    }

    /// What the agent is told, as a part of the changes that are followed.
    fn followed(&self, desired: &Desired) -> (Span, DesiredMessage) {
        let origins = self.app.store.take_followed(desired.load_balancer.id, desired.generation);
        let span = Span::because_of("deliver", SpanKind::Producer, &origins);
        let message = desired_message(desired);
        let id = desired.load_balancer.id.to_string();
        let Some(traceparent) = noted(&span, &id, message.epoch) else { return (span, message) };
        span.note("ballast.generation", message.generation.cast_signed());
        span.note("ballast.provider", desired.load_balancer.provider.clone());
        span.note("ballast.driver", message.driver.clone());
        (span, DesiredMessage { traceparent, ..message })
    }

    /// Whether nothing is to be sent of it yet, as a former agent is about to let go. Where it can be made ready meanwhile, that
    /// is what is sent.
    fn is_awaited(&mut self, instruction: &mut Instruction) -> bool {
        let Instruction::Desired(desired) = instruction else { return false };
        let Some(Awaited { longest, silently }) = desired.awaited else { return false };
        // What the full set does not name the agent would remove.
        if !silently && !self.is_told_all {
            return false;
        }
        let waits = self.patience.waits(desired.load_balancer.id, desired.epoch, (Instant::now(), longest));
        desired.is_silent = waits && silently;
        waits && !silently
    }

    /// Asks the agent. Whoever wants to know waits for the answer, and this session does not.
    pub(super) async fn ask(&mut self, Question { number, desired }: Question) -> Result<(), Fault> {
        let DesiredMessage { load_balancer, driver, generation, .. } = desired_message(&desired);
        self.send(Message::Foresee(Foresee { number, load_balancer, driver, generation })).await
    }

    /// Tells the agent to connect again, and ends.
    pub(super) async fn drain(&mut self, reason: &str) -> Result<String, Fault> {
        self.send(Message::Drain(Drain { reason: reason.to_owned() })).await?;
        Ok(reason.to_owned())
    }

    pub(super) async fn send(&mut self, message: Message) -> Result<(), Fault> {
        let message = SchedulerMessage { message: Some(message) };
        self.outbox.send(Ok(message)).await.map_err(|_| Absence::Agent.into())
    }
}

/// What the agent is told of a span; none: it is not followed.
fn noted(span: &Span, load_balancer_id: &str, epoch: u64) -> Option<String> {
    let origin = span.origin()?;
    span.note("ballast.load_balancer.id", load_balancer_id.to_owned());
    span.note("ballast.epoch", epoch.cast_signed());
    Some(origin.text())
}

fn side(beside: &Beside) -> Side {
    Side {
        number: beside.number.number().into(),
        port_id: beside.port.id.to_string(),
        mac: beside.port.mac.to_string(),
        addresses: beside.port.fixed_ips.iter().map(|one| one.address.to_string()).collect(),
        peer_addresses: beside.peer_addresses.iter().map(ToString::to_string).collect(),
    }
}

fn desired_message(desired: &Desired) -> DesiredMessage {
    let mut load_balancer =
        convert::to_driver(&desired.load_balancer, desired.subnetwork.as_ref(), &desired.additional);
    load_balancer.silent = desired.is_silent;
    for secret in load_balancer.secrets_mut() {
        secret.digest = desired.digests.get(&secret.reference).cloned().unwrap_or_default();
    }
    load_balancer.side = desired.beside.as_ref().map(side);
    DesiredMessage {
        election: desired.beside.as_ref().map(|beside| Election {
            term: beside.term.number(),
            active: beside.is_active,
            key: beside.key.0.clone(),
        }),
        load_balancer: Some(load_balancer),
        driver: desired.driver.clone(),
        epoch: desired.epoch.number(),
        generation: desired.generation.number(),
        handover: desired
            .handover
            .as_ref()
            .map(|handover| Handover { driver: handover.driver.clone(), content: handover.content.clone() }),
        contested: desired.is_contested,
        ..DesiredMessage::default()
    }
}
