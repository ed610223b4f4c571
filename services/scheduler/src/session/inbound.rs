//! What a session receives. A malformed message is logged and dropped: it must not cost the agent its session.

use std::{net::IpAddr, sync::Arc};

use ballast_model::{
    agent::{AgentDriver, UNCLAIMED_IDS, Unclaimed},
    fault::{Code, Fault, Misfit},
    listener::Answering,
    outcome::{MemberHealth, Outcome, Statistics},
    side::Said,
    told::told,
};
use ballast_proto::{
    agent::{
        AddressConflict, AgentMessage, DriverState, Foreseen, HealthReport, Heard, Heartbeat, ListenerHealth,
        ListenerStatistics, Outcome as OutcomeMessage, Removed, Standing, StatisticsReport, agent_message::Message,
        scheduler_message::Message as ToAgent,
    },
    convert,
    driver::{self, Effect, PoolStatistics},
};

use ballast_store::{By, Cause, Ending, Handover, Parts, because};

use ballast_traces::{Origin, Span, SpanKind};

use super::{Session, bounds, passed};
use crate::app::{CONFLICT, Counted, Ended, Left, Observed, Owner, Said as Checked};

/// Drivers that a session remembers beside those that are there.
const MAX_KNOWN: usize = 256;

impl Session<'_> {
    /// Messages in their order. Outcomes that follow one another are one transaction: each waits for the disk.
    pub(super) async fn receive(
        &mut self,
        messages: Vec<AgentMessage>,
        drivers: &mut Vec<AgentDriver>,
    ) -> Result<(), Fault> {
        let mut outcomes = Vec::new();
        for message in messages {
            if let Some(Err(said)) = message.message.as_ref().map(bounds::check) {
                tracing::error!("dropped a message of this agent: {said}");
                continue;
            }
            if let Some(Message::Outcome(outcome)) = &message.message {
                outcomes.extend(self.outcome(outcome));
                continue;
            }
            self.settle(&mut outcomes).await?;
            self.receive_one(message, drivers).await?;
        }
        self.settle(&mut outcomes).await
    }

    async fn settle(&self, outcomes: &mut Vec<Ended>) -> Result<(), Fault> {
        match std::mem::take(outcomes) {
            outcomes if outcomes.is_empty() => Ok(()),
            outcomes => {
                let spans: Vec<Span> = outcomes.iter().filter_map(settling).collect();
                let within = spans.last().unwrap_or(&NOT_FOLLOWED);
                match within.around(self.app.deployed(&self.agent.host, &outcomes)).await {
                    Err(fault) if is_of_one(&fault) => self.settle_each(&outcomes).await,
                    done => done,
                }
            }
        }
    }

    /// One that cannot be stored costs no other.
    async fn settle_each(&self, outcomes: &[Ended]) -> Result<(), Fault> {
        for outcome in outcomes {
            match self.app.deployed(&self.agent.host, std::slice::from_ref(outcome)).await {
                Err(fault) if is_of_one(&fault) => {
                    let id = outcome.owner.load_balancer_id;
                    tracing::error!(load_balancer.id = %id, detail = fault.detail(), "dropped an outcome: {fault}");
                }
                done => done?,
            }
        }
        Ok(())
    }

    async fn receive_one(&mut self, message: AgentMessage, drivers: &mut Vec<AgentDriver>) -> Result<(), Fault> {
        match message.message {
            Some(Message::Heartbeat(heartbeat)) => self.heartbeat(&heartbeat, drivers).await,
            Some(Message::AddressConflict(conflict)) => self.conflict(&conflict).await,
            Some(Message::Removed(removed)) => match self.owner(&removed.load_balancer_id, removed.epoch) {
                Some(owner) => {
                    let span = settled(&owner, &removed.traceparent);
                    let (cause, left) = (self.cause("remove"), left(removed));
                    span.around(because(cause, self.app.removed(owner, &left))).await?;
                    self.sent.removed(owner.load_balancer_id, owner.epoch);
                    Ok(())
                }
                None => Ok(()),
            },
            Some(Message::Waiting(waiting)) => match self.owner(&waiting.load_balancer_id, waiting.epoch) {
                Some(owner) => {
                    let why = reason(waiting.fault.as_ref());
                    because(self.cause("wait"), self.app.waits(owner, waiting.generation.into(), &why)).await
                }
                None => Ok(()),
            },
            Some(Message::SecretsWanted(wanted)) => self.tell_secrets(wanted).await,
            Some(Message::Health(report)) => self.health(&report).await,
            Some(Message::Statistics(report)) => self.statistics(&report).await,
            Some(Message::Foreseen(Foreseen { number, preview, fault })) => {
                let answer = preview.map(good).ok_or_else(|| reason(fault.as_ref()));
                self.app.questions.answered(self.agent.id, number, answer);
                Ok(())
            }
            Some(Message::Standing(standing)) => self.standing(&standing).await,
            Some(Message::Hello(_) | Message::Outcome(_)) | None => {
                tracing::warn!("dropped a message that has no place here");
                Ok(())
            }
        }
    }

    /// Of what it reports.
    pub(super) fn cause(&self, what: &str) -> Arc<Cause> {
        let (who, what) = (self.agent.host.clone(), what.to_owned());
        Arc::new(Cause { by: By::Agent, who, what, ..Cause::default() })
    }

    pub(super) fn owner(&self, load_balancer_id: &str, epoch: u64) -> Option<Owner> {
        let parsed = load_balancer_id.parse();
        if parsed.is_err() {
            tracing::warn!(load_balancer.id = told(load_balancer_id), "dropped a report: not an id");
        }
        parsed.ok().map(|load_balancer_id| Owner { agent_id: self.agent.id, load_balancer_id, epoch: epoch.into() })
    }

    async fn heartbeat(&mut self, heartbeat: &Heartbeat, drivers: &mut Vec<AgentDriver>) -> Result<(), Fault> {
        let now = self.drivers_of(heartbeat)?;
        if now != *drivers {
            because(self.cause("drivers"), self.app.drivers_changed(self.agent.id, &now)).await?;
            *drivers = now;
            self.app.place_soon();
        }
        self.unclaimed(heartbeat).await?;
        match heartbeat.number {
            0 => Ok(()),
            number => {
                // What it was sent it is to know of, should the database be restored in the next moment.
                if std::mem::take(&mut self.knows_less) {
                    self.position = self.app.position().await?;
                }
                self.send(ToAgent::Heard(Heard { number, position: self.position })).await
            }
        }
    }

    /// What it goes on running though it is not named here.
    async fn unclaimed(&mut self, heartbeat: &Heartbeat) -> Result<(), Fault> {
        let ids = heartbeat.unclaimed_ids.iter().take(UNCLAIMED_IDS).map(|id| told(id)).collect();
        let now = Unclaimed { count: heartbeat.unclaimed, ids };
        if now != self.unclaimed {
            because(self.cause("unclaimed"), self.app.unclaimed_changed(self.agent.id, &now)).await?;
            self.unclaimed = now;
        }
        Ok(())
    }

    /// Which of two sides answers.
    async fn standing(&self, standing: &Standing) -> Result<(), Fault> {
        let Standing { load_balancer_id, epoch, term, active, peer_heard } = standing;
        let Some(owner) = self.owner(load_balancer_id, *epoch) else { return Ok(()) };
        let said = Said { term: (*term).into(), active: *active, peer_heard: *peer_heard };
        because(self.cause("standing"), self.app.stands(owner, said)).await
    }

    /// Somebody else says that an address is theirs.
    async fn conflict(&self, said: &AddressConflict) -> Result<(), Fault> {
        let AddressConflict { load_balancer_id, epoch, address, mac, withdrawn } = said;
        let Some(owner) = self.owner(load_balancer_id, *epoch) else { return Ok(()) };
        let Ok(address) = address.parse::<IpAddr>() else { return Ok(()) };
        let (mac, what) = (told(mac), if *withdrawn { "let go of" } else { "kept" });
        tracing::warn!(load_balancer.id = %owner.load_balancer_id, "{mac} says that {address} is theirs: it is {what}");
        let cause = self.cause(&format!("{CONFLICT}{mac} says that {address} is theirs, it is {what}"));
        because(cause, self.app.conflicts(owner, *withdrawn)).await
    }

    /// An agent of an earlier version tells of a driver that was away and came back no more than that it is there.
    fn drivers_of(&mut self, heartbeat: &Heartbeat) -> Result<Vec<AgentDriver>, Fault> {
        let mut now = Vec::with_capacity(heartbeat.drivers.len());
        for report in &heartbeat.drivers {
            let name = told(&report.name);
            let known = self.known.get(&name);
            if known.is_none() && report.capabilities.is_none() && report.state() == DriverState::Ready {
                return Err(Misfit::DriverUntold { driver: name }.into());
            }
            now.push(passed(convert::from_driver_report(report, known), &self.passes));
        }
        if self.known.len() > MAX_KNOWN {
            self.known.clear();
        }
        self.known.extend(now.iter().map(|driver| (driver.name.clone(), driver.clone())));
        Ok(now)
    }

    fn outcome(&self, message: &OutcomeMessage) -> Option<Ended> {
        let owner = self.owner(&message.load_balancer_id, message.epoch)?;
        let faults = message.faults.iter().filter_map(|fault| {
            let id = fault.object_id.parse().ok()?;
            Some((id, reason(fault.fault.as_ref())))
        });
        let outcome = Outcome {
            generation: message.generation.into(),
            fault: message.fault.as_ref().map(|fault| reason(Some(fault))),
            cause: message.fault.as_ref().and_then(|fault| fault.object_id.parse().ok()),
            faults: faults.collect(),
        };
        let effect = match message.effect() {
            Effect::Unspecified => "",
            known => known.as_str_name(),
        };
        Some(Ended { owner, outcome, effect, origin: Origin::read(&message.traceparent), silent: message.silent })
    }

    async fn health(&mut self, report: &HealthReport) -> Result<(), Fault> {
        for one in report.load_balancers.iter().chain(&report.answers) {
            if let Some(owner) = self.owner(&one.load_balancer_id, one.epoch) {
                self.app.checks.note(&owner, &one.members.iter().filter_map(said).collect::<Vec<_>>(), self.app.now());
            }
        }
        if report.load_balancers.is_empty() {
            return Ok(());
        }
        let observed = report.load_balancers.iter().filter_map(|health| {
            let owner = self.owner(&health.load_balancer_id, health.epoch)?;
            let members = health.members.iter().filter_map(|member| {
                let member_id = member.member_id.parse().ok()?;
                Some(MemberHealth { member_id, status: convert::operating_status(member.health) })
            });
            let answering = |listener: &ListenerHealth| if listener.full { Answering::Full } else { Answering::Yes };
            let listeners =
                health.listeners.iter().filter_map(|one| Some((one.listener_id.parse().ok()?, answering(one))));
            Some(Observed { owner, members: members.collect(), listeners: listeners.collect() })
        });
        let aside = because(self.cause("observe"), self.app.observed(&observed.collect::<Vec<_>>())).await?;
        aside.into_iter().for_each(|one| self.aside.keep(one));
        Ok(())
    }

    async fn statistics(&self, report: &StatisticsReport) -> Result<(), Fault> {
        let counted = report.load_balancers.iter().filter_map(|one| {
            let owner = self.owner(&one.load_balancer_id, one.epoch)?;
            let whole = statistics(&one.statistics?);
            let of_listener =
                |one: &ListenerStatistics| Some((one.listener_id.parse().ok()?, statistics(&one.statistics?)));
            let listeners = one.listeners.iter().filter_map(of_listener).collect();
            Some(Counted { owner, whole, listeners, parts: parts(&one.pools) })
        });
        self.app.counted(&counted.collect::<Vec<_>>()).await
    }
}

static NOT_FOLLOWED: Span = Span::none();

/// The end of a removal.
fn settled(owner: &Owner, traceparent: &str) -> Span {
    let span = Span::because_of("settle", SpanKind::Consumer, Origin::read(traceparent).as_slice());
    span.note("ballast.load_balancer.id", owner.load_balancer_id.to_string());
    span
}

/// The end of a deploy that is followed.
fn settling(ended: &Ended) -> Option<Span> {
    let span = Span::because_of("settle", SpanKind::Consumer, ended.origin.as_slice());
    span.note("ballast.load_balancer.id", ended.owner.load_balancer_id.to_string());
    span.note("ballast.generation", ended.outcome.generation.number().cast_signed());
    span.is_followed().then_some(span)
}

fn left(removed: Removed) -> Left {
    let of_listener = |one: &ListenerStatistics| Some((one.listener_id.parse().ok()?, statistics(&one.statistics?)));
    let ending = match (removed.kept, &removed.statistics) {
        (true, _) => Ending::GoesOn,
        (false, Some(whole)) => {
            let listeners = removed.listeners.iter().filter_map(of_listener).collect();
            Ending::At { whole: statistics(whole), listeners, parts: parts(&removed.pools) }
        }
        (false, None) => Ending::Unknown,
    };
    let handover = removed.handover.map(|handover| Handover {
        driver: told(&handover.driver),
        content: bounds::content("Handover", "content", handover.content),
    });
    Left { ending, handover: handover.filter(|handover| !handover.content.is_empty()) }
}

fn parts(told: &[PoolStatistics]) -> Parts {
    let pools = told.iter().filter_map(|one| Some((one.pool_id.parse().ok()?, statistics(&one.statistics?))));
    let members = told.iter().flat_map(|pool| &pool.members);
    let members = members.filter_map(|one| Some((one.member_id.parse().ok()?, statistics(&one.statistics?))));
    Parts { pools: pools.collect(), members: members.collect() }
}

fn said(member: &driver::MemberHealth) -> Option<Checked> {
    let driver::MemberHealth { for_milliseconds, answer, .. } = member.clone();
    let (member_id, status) = (member.member_id.parse().ok()?, convert::operating_status(member.health));
    Some(Checked { member_id, status, for_milliseconds, answer })
}

/// Whether it is what is to be stored that is at fault, and trying again would end the same way.
fn is_of_one(fault: &Fault) -> bool {
    !matches!(fault.code(), Code::Unavailable | Code::Conflict)
}

/// What a tenant is told; drivers must give a reason, but a vendor's may not.
fn reason(fault: Option<&driver::Fault>) -> String {
    let message = fault.map(|fault| fault.message.as_str()).unwrap_or_default();
    if message.is_empty() { "The driver gave no reason".to_owned() } else { told(message) }
}

/// A configuration keeps its lines, and everything else is one.
fn good(mut preview: driver::Preview) -> driver::Preview {
    preview.steps.iter_mut().for_each(|step| *step = told(step));
    preview.configuration = preview.configuration.lines().map(whole_line).collect();
    for fault in &mut preview.faults {
        fault.object_id = told(&fault.object_id);
        let why = reason(fault.fault.as_ref());
        fault.fault = Some(driver::Fault { message: why, ..driver::Fault::default() });
    }
    preview
}

fn whole_line(line: &str) -> String {
    let bad = |character: char| character.is_control() || matches!(character, '\u{2028}' | '\u{2029}');
    line.chars().map(|character| if bad(character) { ' ' } else { character }).chain(['\n']).collect()
}

const fn statistics(counted: &driver::Statistics) -> Statistics {
    Statistics {
        bytes_in: counted.bytes_in,
        bytes_out: counted.bytes_out,
        active_connections: counted.active_connections,
        total_connections: counted.total_connections,
        request_errors: counted.request_errors,
    }
}
