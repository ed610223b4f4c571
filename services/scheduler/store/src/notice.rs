//! What a transaction says to the other schedulers of the database: where they are to look.
//!
//! It says so as a part of its commit, and only when there are others. A notice is no truth: who hears it reads the
//! database; who does not, finds it later.

use std::{
    collections::BTreeSet,
    fmt::Write as _,
    sync::{
        OnceLock,
        atomic::{AtomicBool, Ordering},
    },
};

use ballast_model::{
    fault::Fault,
    ids::{AgentId, LoadBalancerId, SchedulerId},
};
use sea_orm::{ConnectionTrait as _, DbBackend, Statement};

use crate::{
    Tx,
    backend::{CHANNEL, fault_of},
};

/// How many ids one notice has: it may be 8,000 bytes long.
const MOST: usize = 200;

/// Where to look.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Notice {
    /// Who says it.
    pub scheduler_id: SchedulerId,
    /// There is another scheduler than before.
    pub schedulers: bool,
    /// There are events of it.
    pub events: bool,
    /// These agents changed.
    pub agents: BTreeSet<AgentId>,
    /// What these load balancers' agents are to run changed.
    pub load_balancers: BTreeSet<LoadBalancerId>,
}

impl Notice {
    fn text(&self) -> String {
        let mut text = self.scheduler_id.uuid().simple().to_string();
        for (is_said, mark) in [(self.schedulers, " schedulers"), (self.events, " events")] {
            if is_said {
                text.push_str(mark);
            }
        }
        for id in &self.agents {
            let _ = write!(text, " a{}", id.uuid().simple());
        }
        for id in &self.load_balancers {
            let _ = write!(text, " l{}", id.uuid().simple());
        }
        text
    }

    /// None: it is of another version, and may mean anything.
    pub(crate) fn parse(text: &str) -> Option<Self> {
        let mut words = text.split(' ');
        let mut notice = Self { scheduler_id: words.next()?.parse().ok()?, ..Self::default() };
        for word in words {
            match word {
                "schedulers" => notice.schedulers = true,
                "events" => notice.events = true,
                _ => match word.split_at_checked(1)? {
                    ("a", id) => drop(notice.agents.insert(id.parse().ok()?)),
                    ("l", id) => drop(notice.load_balancers.insert(id.parse().ok()?)),
                    _ => return None,
                },
            }
        }
        Some(notice)
    }

    fn is_empty(&self) -> bool {
        !self.schedulers && !self.events && self.agents.is_empty() && self.load_balancers.is_empty()
    }

    /// The same, in such as are short enough.
    fn pieces(mut self) -> Vec<Self> {
        let scheduler_id = self.scheduler_id;
        let agents: Vec<AgentId> = std::mem::take(&mut self.agents).into_iter().collect();
        let load_balancers: Vec<LoadBalancerId> = std::mem::take(&mut self.load_balancers).into_iter().collect();
        let of_agents = agents.chunks(MOST).map(|ids| Self {
            scheduler_id,
            agents: ids.iter().copied().collect(),
            ..Self::default()
        });
        let of_load_balancers = load_balancers.chunks(MOST).map(|ids| Self {
            scheduler_id,
            load_balancers: ids.iter().copied().collect(),
            ..Self::default()
        });
        let mut pieces: Vec<Self> = of_agents.chain(of_load_balancers).collect();
        match pieces.first_mut() {
            Some(first) => (first.schedulers, first.events) = (self.schedulers, self.events),
            None => pieces.push(self),
        }
        pieces
    }
}

/// As whom this process speaks, and whether anybody is there to hear it.
#[derive(Debug, Default)]
pub(crate) struct Voice {
    scheduler_id: OnceLock<SchedulerId>,
    is_alone: AtomicBool,
}

impl Voice {
    /// None: it says nothing.
    pub(crate) fn speaker(&self) -> Option<SchedulerId> {
        let is_alone = self.is_alone.load(Ordering::Relaxed);
        self.scheduler_id.get().copied().filter(|_| !is_alone)
    }

    pub(crate) fn speak_as(&self, scheduler_id: SchedulerId) {
        // Who speaks twice is the same process.
        let _ = self.scheduler_id.set(scheduler_id);
    }

    pub(crate) fn set_alone(&self, is_alone: bool) {
        self.is_alone.store(is_alone, Ordering::Relaxed);
    }
}

impl Tx {
    /// Says it, once the transaction is committed.
    pub(crate) async fn say(&self, notice: Notice) -> Result<(), Fault> {
        if notice.is_empty() || self.db().get_database_backend() != DbBackend::Postgres {
            return Ok(());
        }
        for piece in notice.pieces() {
            let values = [CHANNEL.into(), piece.text().into()];
            let say = Statement::from_sql_and_values(DbBackend::Postgres, "SELECT pg_notify($1, $2)", values);
            self.db().query_one_raw(say).await.map_err(fault_of)?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_notice_is_read_as_it_was_said_and_none_is_too_long() {
        let of = |count: u128| Notice {
            scheduler_id: SchedulerId::from_u128(u128::MAX),
            schedulers: true,
            events: count.is_multiple_of(2),
            agents: (0..count / 2).map(|n| AgentId::from_u128(u128::MAX - n)).collect(),
            load_balancers: (0..count).map(|n| LoadBalancerId::from_u128(u128::MAX - n)).collect(),
        };
        for count in [0, 1, 200, 201, 1_000] {
            let mut together = Notice { scheduler_id: of(count).scheduler_id, ..Notice::default() };
            for piece in of(count).pieces() {
                assert!(piece.text().len() < 8_000);
                assert_eq!(Notice::parse(&piece.text()).as_ref(), Some(&piece));
                together.schedulers |= piece.schedulers;
                together.events |= piece.events;
                together.agents.extend(piece.agents);
                together.load_balancers.extend(piece.load_balancers);
            }
            assert_eq!(together, of(count));
        }
        assert_eq!(Notice::parse("of a later version"), None);
        assert_eq!(Notice::parse(&format!("{} something", of(0).text())), None);
    }
}
