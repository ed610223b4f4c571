//! Sessions of agents as they begin and end, and what agents say of themselves in them.

use ballast_model::{
    agent::{Agent, AgentDriver, Session, Unclaimed},
    fault::{Exists, Fault, Kind},
    ids::AgentId,
    time::Timestamp,
};

use super::App;

/// What an agent says of itself at first.
#[derive(Debug, Clone, Copy)]
pub struct Greeting<'a> {
    pub host: &'a str,
    /// Which process of the host it is.
    pub instance: &'a str,
    pub version: &'a str,
    pub zone: &'a str,
    pub drivers: &'a [AgentDriver],
}

fn new_agent(id: AgentId, host: &str, now: Timestamp) -> Agent {
    Agent {
        id,
        host: host.to_owned(),
        zone: String::new(),
        admin_state_up: true,
        description: None,
        version: String::new(),
        created_at: now,
        started_at: now,
        heartbeat_at: now,
        connected: true,
        session: None,
        drivers: Vec::new(),
        load_balancers: 0,
        unclaimed: Unclaimed::default(),
    }
}

impl App {
    /// An agent said hello: it is known by its host, and alive. Its session with whichever scheduler is over.
    ///
    /// # Errors
    /// `Code::AgentExists` when another instance is heard of in its own; or when the store fails.
    pub async fn agent_connected(&self, hello: &Greeting<'_>) -> Result<Agent, Fault> {
        let (now, id, living) = (self.now(), self.new_id(), self.next_heartbeat());
        let connect = self.store.write(|tx, _| {
            let living = &living;
            Box::pin(async move {
                let known = tx.agent_by_host(hello.host).await?;
                if known.as_ref().is_some_and(|known| self.is_of_another(known, hello.instance)) {
                    return Err(Exists::Agent { host: hello.host.to_owned() }.into());
                }
                let is_new = known.is_none();
                let mut agent = known.unwrap_or_else(|| new_agent(id, hello.host, now));
                hello.version.clone_into(&mut agent.version);
                hello.zone.clone_into(&mut agent.zone);
                agent.started_at = now;
                agent.heartbeat_at = now;
                agent.connected = true;
                agent.session = Some(Session { scheduler_id: self.id, instance: hello.instance.to_owned() });
                agent.drivers = hello.drivers.to_vec();
                // Others are to find whom the session is with.
                tx.heartbeat(living).await?;
                if is_new {
                    tx.insert_agent(&agent).await?
                } else {
                    tx.save_agent(&agent).await?
                }
                Ok(agent)
            })
        });
        let agent = connect.await?;
        self.refresh_agents(&[agent.id]).await?;
        Ok(agent)
    }

    fn is_of_another(&self, agent: &Agent, instance: &str) -> bool {
        agent.session.as_ref().is_some_and(|session| session.instance != instance)
            && self.fleet.is_held(agent, self.clock.monotonic())
    }

    /// What agents are told of how much the database knows.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn position(&self) -> Result<u64, Fault> {
        self.store.glance(|tx, _| Box::pin(tx.how_much_is_known())).await
    }

    /// The agent's drivers are not what they were.
    ///
    /// # Errors
    /// `Code::AgentNotFound` when the agent was deleted meanwhile.
    pub async fn drivers_changed(&self, id: AgentId, drivers: &[AgentDriver]) -> Result<(), Fault> {
        self.agent_says(id, |agent| drivers.clone_into(&mut agent.drivers)).await
    }

    /// What an agent says of itself in its session.
    async fn agent_says(&self, id: AgentId, change: impl Fn(&mut Agent) + Sync) -> Result<(), Fault> {
        let save = self.store.write(|tx, _| {
            let change = &change;
            Box::pin(async move {
                let gone = || Fault::not_found(Kind::Agent, id);
                let mut agent = tx.agent(id).await?.ok_or_else(gone)?;
                if !self.has_session(&agent) {
                    // Another scheduler hears of it by now.
                    return Ok(());
                }
                change(&mut agent);
                agent.connected = true;
                tx.save_agent(&agent).await
            })
        });
        save.await?;
        self.refresh_agents(&[id]).await
    }

    /// What the agent goes on running though nobody here knows it is something else than before.
    ///
    /// # Errors
    /// As [`Self::drivers_changed`].
    pub async fn unclaimed_changed(&self, id: AgentId, unclaimed: &Unclaimed) -> Result<(), Fault> {
        self.agent_says(id, |agent| unclaimed.clone_into(&mut agent.unclaimed)).await
    }

    /// The stream is lost: the agent is Suspect at once, unless it has a session with another scheduler by now.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn agent_disconnected(&self, id: AgentId) -> Result<(), Fault> {
        let silent_for = self.fleet.silent_for(id, self.clock.monotonic());
        let silent_for = i64::try_from(silent_for.as_micros()).unwrap_or(i64::MAX);
        let heartbeat_at = Timestamp(self.now().0.saturating_sub(silent_for));
        let disconnect = self.store.write(|tx, _| {
            Box::pin(async move {
                match tx.agent(id).await?.filter(|agent| self.has_session(agent)) {
                    Some(agent) => {
                        tx.save_agent(&Agent { connected: false, session: None, heartbeat_at, ..agent }).await
                    }
                    None => Ok(()),
                }
            })
        });
        disconnect.await?;
        self.refresh_agents(&[id]).await
    }

    fn has_session(&self, agent: &Agent) -> bool {
        agent.session.as_ref().is_some_and(|session| session.scheduler_id == self.id)
    }
}
