//! All load balancers, for who watches the deployment and belongs to no project.

use std::collections::{HashMap, HashSet};

use ballast_model::{agent::Liveness, fault::Fault, ids::AgentId, status::ProvisioningStatus, time::Timestamp};

use super::{App, Operatings};

/// How many there are, and how their members fare.
#[derive(Debug, Default)]
pub struct Figures {
    /// By provider and status.
    pub load_balancers: HashMap<(String, ProvisioningStatus), u64>,
    pub members: Operatings,
    /// When the oldest change was made that is waited for, of load balancers of each status.
    pub pending: Vec<(ProvisioningStatus, Timestamp)>,
}

impl App {
    /// From what overviews are made of: what changed since the last look is read, and nothing else.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn figures(&self) -> Result<Figures, Fault> {
        let kept = self.current_census().await?;
        let agents = self.fleet.summaries(self.clock.monotonic());
        let dead = agents.iter().filter(|agent| agent.liveness == Liveness::Dead).map(|agent| agent.id);
        let dead: HashSet<AgentId> = dead.collect();
        let mut figures = Figures::default();
        for line in kept.iter().flat_map(|kept| kept.lines.values()) {
            *figures.load_balancers.entry((line.provider.clone(), line.status)).or_default() += 1;
            let is_run = line.agent_id.is_some_and(|agent| !dead.contains(&agent));
            let fares = line.fares(is_run);
            for (counted, more) in figures.members.iter_mut().zip(fares.members) {
                *counted += more;
            }
            let Some(since) = line.pending_since else { continue };
            match figures.pending.iter_mut().find(|(status, _)| *status == line.status) {
                Some((_, oldest)) => *oldest = since.min(*oldest),
                None => figures.pending.push((line.status, since)),
            }
        }
        Ok(figures)
    }
}
